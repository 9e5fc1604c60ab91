"""Which families of kinds there are, and which objects bring each to life: data alone.

A new family is one entry here, one module beside this file (`reconcilers(platform)`), a module in `kinds/`
and a package in `controllers/`. Invariant: nothing of a family is imported before the first object that it
answers for is there; `waking.py` sees to that. What somebody never uses costs neither start nor memory. The
command line reads this module too.
"""

from __future__ import annotations

from collections.abc import Mapping

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "jobs": ("jobs.batch",),
    "workloads": (
        "deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps", "cronjobs.batch",
        "horizontalpodautoscalers.autoscaling",
    ),
    "serving": (
        "inferenceservices.serving.kserve.io", "inferencegraphs.serving.kserve.io",
        "inferenceservices.serving.kubeflow.org",
    ),
    "jobset": ("jobsets.jobset.x-k8s.io",),
    "trainer": ("trainjobs.trainer.kubeflow.org",),
    "training": (
        "tfjobs.kubeflow.org", "pytorchjobs.kubeflow.org", "xgboostjobs.kubeflow.org",
        "paddlejobs.kubeflow.org", "jaxjobs.kubeflow.org", "mpijobs.kubeflow.org",
    ),
    "tuning": ("experiments.kubeflow.org", "suggestions.kubeflow.org", "trials.kubeflow.org"),
    "workflow": ("workflows.argoproj.io", "cronworkflows.argoproj.io"),
    "notebook": ("notebooks.kubeflow.org", "tensorboards.tensorboard.kubeflow.org"),
    "kfp": ("workflows.argoproj.io", "scheduledworkflows.kubeflow.org"),
}
"""Name → storage keys of the objects that wake it. `--without NAME` leaves these objects to a controller of
the user's own."""


NEEDS: Mapping[str, tuple[str, ...]] = {
    "workloads": ("jobs",), "jobset": ("jobs",), "training": ("jobs", "workloads"), "serving": ("workloads",),
    "trainer": ("jobset",), "tuning": ("jobs",), "kfp": ("workflow",), "notebook": ("workloads",),
}
"""Name → the families that act on what it makes: `--only NAME` starts them too."""


SHIPPED: Mapping[str, str] = {
    "trainer": "pinnace.controllers.trainer.bootstrap", "workflow": "pinnace.cli.catalog.shipped",
}
"""Name → the module whose `ship(client)` makes what people look for before they make anything."""


class UnknownFamily(Exception):
    """An option names a family that there is not; the text says which there are."""


def chosen(without: frozenset[str]) -> tuple[str, ...]:
    """The names that are left. Raises UnknownFamily."""
    _refuse_unknown(without, "--without")
    return tuple(name for name in FAMILIES if name not in without)


def others(only: frozenset[str]) -> frozenset[str]:
    """The families that are neither among these nor needed by one of them; none if none is named. Raises
    UnknownFamily."""
    _refuse_unknown(only, "--only")
    if not only:
        return frozenset()
    wanted, waiting = set(only), list(only)
    while waiting:
        new = set(NEEDS.get(waiting.pop(), ())) - wanted
        wanted |= new
        waiting += new
    return frozenset(FAMILIES.keys() - wanted)


def _refuse_unknown(names: frozenset[str], option: str) -> None:
    for name in sorted(names - FAMILIES.keys()):
        from difflib import get_close_matches  # only for people's mistakes

        near = get_close_matches(name, FAMILIES, 1)
        meant = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(FAMILIES)}"
        raise UnknownFamily(f"{option} {name}: no family of controllers is named so ({meant})")
