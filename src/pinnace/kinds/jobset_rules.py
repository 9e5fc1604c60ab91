"""What JobSet's validating webhook finds wrong in one, in its words.

Pure. Caller: `objects/admission`. Source: kubernetes-sigs/jobset pkg/webhooks/jobset_webhook.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pinnace.kinds import cause, names
from pinnace.kinds.cause import Cause
from pinnace.kinds.formats import pattern
from pinnace.kinds.jobset import job_name
from pinnace.kinds.resource import Obj

REASONS = (
    "BackoffLimitExceeded", "DeadlineExceeded", "FailedIndexes", "MaxFailedIndexesExceeded",
    "PodFailurePolicy",
)
TOO_LONG = "JobSet name is too long, {} names generated for this JobSet will exceed 63 characters"
LONGEST, MOST_PODS = 63, 2**31 - 1
RULE_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
RULE_LIMIT = 128


def check(jobset: Obj) -> list[Cause]:
    return list(_check(jobset))


def _check(jobset: Obj) -> Iterator[Cause]:
    spec, name = jobset.get("spec") or {}, jobset["metadata"].get("name") or ""
    replicated: list[Obj] = spec.get("replicatedJobs") or []
    if replicated and replicated[0].get("dependsOn"):
        path = "spec.replicatedJobs[0].dependsOn"
        yield cause.invalid(path, "array", "DependsOn can't be set for the first ReplicatedJob")
    subdomain = (spec.get("network") or {}).get("subdomain")
    for words in names.label_1035(subdomain) if subdomain else ():
        yield cause.invalid("spec.network.subdomain", subdomain, words)
    given: dict[str, Obj] = {}
    for place, one in enumerate(replicated):
        yield from _replicated(name, one, f"spec.replicatedJobs[{place}]", given)
        given[one.get("name", "")] = one
    for target in (spec.get("successPolicy") or {}).get("targetReplicatedJobs") or ():
        if target not in given:
            words = f"invalid replicatedJob name '{target}' does not appear in .spec.ReplicatedJobs"
            yield cause.invalid("spec.successPolicy.targetReplicatedJobs", target, words)
    yield from _failure((spec.get("failurePolicy") or {}).get("rules") or [], given)
    if spec.get("coordinator") is not None:
        yield from _coordinator(spec["coordinator"], given)


def _replicated(name: str, one: Obj, path: str, before: dict[str, Obj]) -> Iterator[Cause]:
    job = (one.get("template") or {}).get("spec") or {}
    replicas = int(one.get("replicas", 1))
    if int(job.get("parallelism") or 1) * replicas > MOST_PODS:
        words = f"the product of replicas and parallelism must not exceed {MOST_PODS} for replicatedJob"
        yield cause.invalid(path, one.get("name"), f"{words} '{one.get('name')}'")
    longest = job_name(name, one.get("name", ""), max(replicas - 1, 0))
    yield from _named(longest, path, one, "job")
    if job.get("completionMode") == "Indexed" and job.get("completions") and len(longest) <= LONGEST:
        yield from _named(f"{longest}-{int(job['completions']) - 1}-abcde", path, one, "pod")
    for other in one.get("dependsOn") or ():
        if other.get("name") not in before:
            words = f"replicatedJob: {one.get('name')} cannot depend on replicatedJob: {other.get('name')}"
            yield cause.invalid(f"{path}.dependsOn", other.get("name"), words)


def _named(name: str, path: str, one: Obj, what: str) -> Iterator[Cause]:
    if len(name) > LONGEST:
        yield cause.invalid(path, one.get("name"), TOO_LONG.format(what))
    else:
        for words in names.label_1035(name):
            yield cause.invalid(path, one.get("name"), words)


def _failure(rules: list[Obj], given: dict[str, Obj]) -> Iterator[Cause]:
    where: dict[str, list[int]] = {}
    for number, rule in enumerate(rules):
        yield from _rule(rule, f"spec.failurePolicy.rules[{number}]", given)
        where.setdefault(str(rule.get("name") or ""), []).append(number)
    for name, numbers in where.items():
        if len(numbers) > 1:
            words = (
                f"rule names are not unique, rules with indices [{' '.join(map(str, numbers))}] all have the "
                f"same name '{name}'"
            )
            yield cause.invalid("spec.failurePolicy.rules", name, words)


def _rule(rule: Obj, path: str, given: dict[str, Obj]) -> Iterator[Cause]:
    name = str(rule.get("name") or "")
    if not 1 <= len(name) <= RULE_LIMIT:
        words = (
            f"invalid failure policy rule name of length {len(name)}, the rule name must be at least 1 "
            f"characters long and at most {RULE_LIMIT} characters long"
        )
        yield cause.invalid(f"{path}.name", name, words)
    if not RULE_NAME.fullmatch(name):
        words = (
            f"invalid failure policy rule name '{name}', a failure policy rule name must start with an "
            "alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and "
            "must end with an alphanumeric character or '_'"
        )
        yield cause.invalid(f"{path}.name", name, words)
    for target in rule.get("targetReplicatedJobs") or ():
        if target not in given:
            words = f"invalid replicatedJob name '{target}' in failure policy does not appear in"
            yield cause.invalid(f"{path}.targetReplicatedJobs", target, f"{words} .spec.ReplicatedJobs")
    for reason in rule.get("onJobFailureReasons") or ():
        if reason not in REASONS:
            words = f"invalid job failure reason '{reason}' in failure policy is not a recognized job failure"
            yield cause.invalid(f"{path}.onJobFailureReasons", reason, f"{words} reason")
    for text in rule.get("onJobFailureMessagePatterns") or ():
        try:
            pattern(text)
        except ValueError as error:
            yield cause.invalid(f"{path}.onJobFailureMessagePatterns", text, str(error))


def _coordinator(coordinator: Obj, given: dict[str, Any]) -> Iterator[Cause]:
    name, path = coordinator.get("replicatedJob"), "spec.coordinator"
    one = given.get(name or "")
    if one is None:
        yield cause.invalid(path, name, f"coordinator replicatedJob {name} does not exist")
        return
    job = (one.get("template") or {}).get("spec") or {}
    number, pod = int(coordinator.get("jobIndex") or 0), int(coordinator.get("podIndex") or 0)
    if not 0 <= number < int(one.get("replicas", 1)):
        words = f"coordinator job index {number} is invalid for replicatedJob {name}"
        yield cause.invalid(f"{path}.jobIndex", number, words)
    elif job.get("completionMode") != "Indexed":
        yield cause.invalid(path, name, "job for coordinator pod must be indexed completion mode")
    elif not 0 <= pod < int(job.get("completions") or 1):
        words = f"coordinator pod index {pod} is invalid for replicatedJob {name} job index {number}"
        yield cause.invalid(f"{path}.podIndex", pod, words)
