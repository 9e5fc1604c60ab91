"""Argo's documents of version 3 are read, and their writers told the new form."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from pinnace.kinds.argo_older import modernise

CASES = {
    "schedule": (
        "{kind: CronWorkflow, spec: {schedule: '0 0 * * *', workflowSpec: {}}}",
        "{schedules: ['0 0 * * *'], workflowSpec: {}}",
        'spec.schedule is of Argo 3 and was read: write spec.schedules: ["0 0 * * *"]',
    ),
    "mutex": (
        "{kind: Workflow, spec: {synchronization: {mutex: {name: a}}}}",
        "{synchronization: {mutexes: [{name: a}]}}",
        'spec.synchronization.mutex is of Argo 3 and was read: '
        'write spec.synchronization.mutexes: [{"name":"a"}]',
    ),
    "beside": (
        "{kind: Workflow, spec: {synchronization: {mutex: {name: a}, mutexes: [{name: b}]}}}",
        "{synchronization: {mutexes: [{name: b}, {name: a}]}}",
        "spec.synchronization.mutex is of Argo 3",
    ),
    "semaphore of a template": (
        "{kind: WorkflowTemplate,"
        " spec: {templates: [{synchronization: {semaphore: {configMapKeyRef: {key: k}}}}]}}",
        "{templates: [{synchronization: {semaphores: [{configMapKeyRef: {key: k}}]}}]}",
        "spec.templates[0].synchronization.semaphore is of Argo 3",
    ),
    "inside a cron": (
        "{kind: CronWorkflow, spec: {schedules: [a], workflowSpec: {podPriority: 1}}}",
        "{schedules: [a], workflowSpec: {}}",
        "spec.workflowSpec.podPriority is of Argo 3 and has no effect: write podPriorityClassName",
    ),
    "time to live": (
        "{kind: Workflow, spec: {ttlSecondsAfterFinished: 5}}",
        "{ttlStrategy: {secondsAfterCompletion: 5}}",
        "spec.ttlSecondsAfterFinished is of Argo 3",
    ),
    "exit": (
        "{kind: Workflow, spec: {templates: [{steps: [[{name: a, onExit: bye}]]}]}}",
        "{templates: [{steps: [[{name: a, onExit: bye}]]}]}",
        'spec.templates[0].steps[0][0].onExit is deprecated: '
        'write spec.templates[0].steps[0][0].hooks: {"exit":',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_old_form_becomes_the_new_one(case: str) -> None:
    before, after, warning = CASES[case]
    document = yaml.safe_load(before)
    (told,) = modernise(document)
    assert document["spec"] == yaml.safe_load(after)
    assert told.startswith(warning)
    again = modernise(document)
    assert again == ([] if "deprecated" not in told else [told])


@pytest.mark.parametrize(
    "spec",
    [
        None,
        [],
        {"templates": 3},
        {"templates": [None, 1]},
        {"synchronization": []},
        {"schedule": {}},
        {"schedule": "a", "schedules": ["b", "c"], "workflowSpec": 1},
    ],
)
def test_anything_may_stand_in_it(spec: Any) -> None:
    document = {"kind": "CronWorkflow", "spec": spec}
    assert modernise(document) == []
    assert document["spec"] == spec
