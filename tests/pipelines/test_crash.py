"""Control is killed while a pipeline runs: all goes on, and no task runs twice.

The pipeline is IR of our own whose tasks are shells; each writes its name into a ledger on a claim.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pinnace.cli.connection import Refused, Unreachable
from tests.e2e.platform import Platform, eventually

ITEMS = 6
KILLS = 3
pytestmark = [pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(600)]
WRITE = """
echo "$0" >> /ledger/log
sleep 0.3
printf %s "$0" > "$1"
mkdir -p "$2"
printf %s "$0" > "$2/own"
[ -z "$3" ] || cp -r "$3" "$2/before"
"""


def component(script: str = WRITE) -> dict[str, Any]:
    args = [
        "{{$.inputs.parameters['name']}}",
        "{{$.outputs.parameters['said'].output_file}}",
        "{{$.outputs.artifacts['made'].path}}",
        "{{$.inputs.artifacts['from'].path}}",
    ]
    artifact = {"artifactType": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}}
    return {
        "component": {
            "executorLabel": "exec-write",
            "inputDefinitions": {
                "parameters": {"name": {"parameterType": "STRING"}},
                "artifacts": {"from": {**artifact, "isOptional": True}},
            },
            "outputDefinitions": {
                "parameters": {"said": {"parameterType": "STRING"}},
                "artifacts": {"made": artifact},
            },
        },
        "executor": {"container": {"image": "alpine", "command": ["sh", "-c", script], "args": args}},
    }


def task(name: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    inputs = {"parameters": {"name": value}, **more.pop("inputs", {})}
    made = {"componentRef": {"name": "comp-write"}, "taskInfo": {"name": name}, "inputs": inputs}
    return {**made, "cachingOptions": {}, **more}


def pipeline() -> dict[str, Any]:
    """`first`, then a loop of three tasks in a chain of artifacts, then `last`; an exit task beside."""
    made = component()

    def said(text: str) -> dict[str, Any]:
        return {"runtimeValue": {"constant": text}}

    def of(producer: str) -> dict[str, Any]:
        source = {"producerTask": producer, "outputArtifactKey": "made"}
        return {"inputs": {"artifacts": {"from": {"taskOutputArtifact": source}}}}

    item = "{{$.inputs.parameters['item']}}"
    turns = {}
    for number, before in ((1, ""), (2, "turn-1"), (3, "turn-2")):
        found = task(f"turn-{number}", said(f"turn-{number}-{item}"), **(of(before) if before else {}))
        found["inputs"]["parameters"]["item"] = {"componentInputParameter": "item"}
        turns[f"turn-{number}"] = found
    whole = {"parameters": {"item": {"parameterType": "STRING"}}}
    lists = {"parameters": {"all": {"parameterType": "LIST"}}}
    chosen = {"valueFromParameter": {"producerSubtask": "turn-3", "outputParameterKey": "said"}}
    loop = {
        "componentRef": {"name": "comp-loop"},
        "taskInfo": {"name": "loop"},
        "dependentTasks": ["first"],
        "parameterIterator": {"itemInput": "item", "items": {"raw": json.dumps([*"abcdef"][:ITEMS])}},
    }
    body = {"first": task("first", said("first")), "loop": loop}
    body["last"] = task("last", said("last"), dependentTasks=["loop"])
    output = {"valueFromParameter": {"producerSubtask": "loop", "outputParameterKey": "all"}}
    handler = {"componentRef": {"name": "comp-body"}, "taskInfo": {"name": "body"}}
    after = {"dependentTasks": ["body"], "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}}
    top = {"valueFromParameter": {"producerSubtask": "body", "outputParameterKey": "all"}}
    return {
        "pipelineInfo": {"name": "crash"},
        "components": {
            "comp-write": made["component"],
            "comp-loop": {
                "inputDefinitions": whole,
                "outputDefinitions": lists,
                "dag": {"tasks": turns, "outputs": {"parameters": {"all": chosen}}},
            },
            "comp-body": {
                "outputDefinitions": lists,
                "dag": {"tasks": body, "outputs": {"parameters": {"all": output}}},
            },
        },
        "deploymentSpec": {"executors": {"exec-write": made["executor"]}},
        "root": {
            "outputDefinitions": lists,
            "dag": {
                "tasks": {"body": handler, "bye": task("bye", said("bye"), **after)},
                "outputs": {"parameters": {"all": top}},
            },
        },
    }


def settings() -> dict[str, Any]:
    mount = {"pvcMount": [{"constant": "ledger", "mountPath": "/ledger"}]}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-write": mount}}}}}


def wanted() -> Counter[str]:
    turns = [f"turn-{number}-{item}" for number in (1, 2, 3) for item in [*"abcdef"][:ITEMS]]
    return Counter(["first", *turns, "last", "bye"])


def test_control_is_killed_and_nothing_is_repeated(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "home")
    try:
        platform.up()
        platform.kubectl("create", "namespace", "kubeflow", check=False)
        claim = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
        made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "ledger"}}
        platform.kubectl("create", "-n", "kubeflow", "-f", "-", text=json.dumps({**made, "spec": claim}))
        ledger = platform.home.volumes / "kubeflow" / "ledger" / "log"
        body = {
            "display_name": "crash",
            "pipeline_spec": {"pipeline_spec": pipeline(), "platform_spec": settings()},
        }
        run = json.loads(platform.api.request("POST", "/apis/v2beta1/runs", body))["run_id"]

        def lines() -> list[str]:
            return ledger.read_text().split() if ledger.exists() else []

        for kill in range(1, KILLS + 1):
            goal = kill * sum(wanted().values()) // (KILLS + 1)
            eventually(lambda goal=goal: len(lines()) >= goal, f"{goal} tasks to have started", within=150)
            os.kill(platform.pids()["control"], signal.SIGKILL)

        def ended() -> Any:
            try:
                found = json.loads(platform.api.request("GET", f"/apis/v2beta1/runs/{run}"))
            except (Refused, Unreachable, OSError, ValueError):
                return None
            return found if found["state"] in ("SUCCEEDED", "FAILED") else None

        found = eventually(ended, "the end of the run", within=120)
        assert found["state"] == "SUCCEEDED", found
        assert Counter(lines()) == wanted()
        states = [one["state"] for one in found["state_history"]]
        assert states[0] == "PENDING" and states[-1] == "SUCCEEDED" and states.count("SUCCEEDED") == 1
        (workflow,) = platform.get("workflows", "-n", "kubeflow")["items"]
        root = workflow["status"]["nodes"][workflow["metadata"]["name"]]
        (output,) = root["outputs"]["parameters"]
        assert json.loads(output["value"]) == [f"turn-3-{item}" for item in [*"abcdef"][:ITEMS]]
    finally:
        platform.down()


def test_schedules_start_each_run_once_though_control_dies(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "home")
    try:
        platform.up()
        made = component("true")
        echo = task("echo", {"runtimeValue": {"constant": "x"}})
        spec = {
            "pipelineInfo": {"name": "tick"},
            "components": {
                "comp-write": {
                    "executorLabel": "exec-write",
                    "inputDefinitions": {"parameters": {"name": {"parameterType": "STRING"}}},
                }
            },
            "deploymentSpec": {
                "executors": {"exec-write": {"container": {**made["executor"]["container"], "args": []}}}
            },
            "root": {"dag": {"tasks": {"echo": echo}}},
        }
        body = {
            "display_name": "ticks",
            "pipeline_spec": spec,
            "mode": "ENABLE",
            "max_concurrency": "10",
            "trigger": {"periodic_schedule": {"interval_second": "2"}},
        }
        platform.api.request("POST", "/apis/v2beta1/recurringruns", body)
        start = time.time()

        def runs() -> list[Any]:
            try:
                said = platform.api.request("GET", "/apis/v2beta1/runs?page_size=200")
            except (Refused, Unreachable, OSError):
                return []
            return list(json.loads(said).get("runs") or [])

        for count in (1, 2, 3):
            eventually(lambda count=count: len(runs()) >= count, f"{count} runs", within=60)
            os.kill(platform.pids()["control"], signal.SIGKILL)
        found = eventually(lambda: len(one := runs()) >= 5 and one, "five runs", within=60)
        times = [one["scheduled_at"] for one in found]
        assert len(set(times)) == len(times) <= (time.time() - start) / 2 + 2, times
    finally:
        platform.down()
