"""Knative's traffic of a service and KServe's rollout bookkeeping: pure state transitions.

Source: kserve pkg/controller/v1beta1/inferenceservice/reconcilers/knative/ksvc_reconciler.go (the rule) and
pkg/apis/serving/v1beta1/inference_service_status.go PropagateStatus (promotion and rollback).
"""

from __future__ import annotations

import msgspec

PREV, LATEST = "prev", "latest"


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """Revision names: newest that exists, newest that is ready, last and second last that had all traffic."""

    created: str = ""
    ready: str = ""
    rolled_out: str = ""
    previous: str = ""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of `status.traffic`; `latest`: it follows the newest ready revision."""

    revision: str
    percent: int
    latest: bool
    tag: str = ""


def targets(rollout: Rollout, canary: int | None, *, tag_latest: bool = False) -> list[Target]:
    """Who gets how much now. Empty while no revision has ever been ready."""
    if not rollout.ready:
        return []
    if canary is None or not rollout.rolled_out:
        return [Target(revision=rollout.ready, percent=100, latest=True)]
    tag = LATEST if tag_latest else ""
    found = [Target(revision=rollout.ready, percent=canary, latest=True, tag=tag)]
    if canary < 100:
        stable = Target(revision=rollout.rolled_out, percent=100 - canary, latest=False, tag=PREV)
        found.append(stable)
    return found


def settle(rollout: Rollout, traffic: list[Target]) -> Rollout:
    """What these targets mean for the bookkeeping: a promotion, a return to the one before, or nothing."""
    latest = next((target for target in traffic if target.latest), None)
    if latest is None:
        return rollout
    if rollout.rolled_out != rollout.ready:
        if latest.percent < 100:
            return rollout
        return msgspec.structs.replace(rollout, previous=rollout.rolled_out, rolled_out=rollout.ready)
    whole = sum(target.percent for target in traffic if target.revision == rollout.ready)
    undone = rollout.ready == rollout.created and latest.percent < 100 and whole == 100
    if undone and rollout.previous:
        return msgspec.structs.replace(rollout, rolled_out=rollout.previous)
    return rollout


def turn(
    rollout: Rollout, canary: int | None, *, tag_latest: bool = False
) -> tuple[Rollout, list[Target]]:
    """The rule and its consequences until they agree (at most one promotion or return a call)."""
    for _ in range(3):
        traffic = targets(rollout, canary, tag_latest=tag_latest)
        settled = settle(rollout, traffic)
        if settled == rollout:
            break
        rollout = settled
    return rollout, traffic


def shares(traffic: list[Target]) -> dict[str, int]:
    """Percent by revision, those with 0 included."""
    found: dict[str, int] = {}
    for target in traffic:
        found[target.revision] = found.get(target.revision, 0) + target.percent
    return found
