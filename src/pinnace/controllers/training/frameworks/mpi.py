"""MPIJob v1. Source: kubeflow/training-operator pkg/controller.v1/mpi/{mpijob,mpijob_controller}.go.

The launcher reaches its workers as upstream's does, by `kubectl exec` with an account of its own that may do
nothing else; `mpirun` is told so by Open MPI's own variables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pinnace.controllers.built_in import CONFIG_MAP, SERVICE_ACCOUNT
from pinnace.controllers.training.framework import (
    PLACED,
    SHORT,
    Environment,
    Framework,
    Words,
    plain,
)
from pinnace.controllers.training.view import REPLICA_INDEX, REPLICA_TYPE, Job, Replica
from pinnace.kinds.mpijob import is_operators
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.training import MPI_JOB

CONFIG = "/etc/mpi"
EXEC = f"{CONFIG}/kubexec.sh"
RBAC = "rbac.authorization.k8s.io"
ROLE = Resource(group=RBAC, version="v1", kind="Role", plural="roles", singular="role")
BINDING = Resource(
    group=RBAC, version="v1", kind="RoleBinding", plural="rolebindings", singular="rolebinding"
)


def environment(job: Job, replica: Replica, index: int) -> Environment:
    if replica.type != "Launcher":
        return []
    env = plain(
        OMPI_MCA_plm_rsh_agent=EXEC, OMPI_MCA_orte_default_hostfile=f"{CONFIG}/hostfile",
        I_MPI_HYDRA_BOOTSTRAP="rsh", I_MPI_HYDRA_BOOTSTRAP_EXEC=EXEC,
    )
    return env if _accelerated(replica) else env + plain(
        NVIDIA_VISIBLE_DEVICES="", NVIDIA_DRIVER_CAPABILITIES=""
    )


def _accelerated(replica: Replica) -> bool:
    containers = (replica.template.get("spec") or {}).get("containers") or ()
    limits = [(each.get("resources") or {}).get("limits") or {} for each in containers]
    return any(name.endswith("/gpu") for limit in limits for name in limit)


def dress(job: Job, replica: Replica, index: int, spec: Obj) -> None:
    """The launcher gets the configuration and its account; an idle worker waits to be told, and has the
    script, for which Open MPI looks in every process."""
    modes = {"kubexec.sh": 0o555}
    main = spec["containers"][0]
    if replica.type == "Launcher":
        modes |= {"hostfile": 0o444, "discover_hosts.sh": 0o555}
        spec["serviceAccountName"] = f"{job.name}-launcher"
    elif not main.get("command") and not main.get("args"):
        main = {**main, "command": ["sleep"], "args": ["365d"]}
    items = [{"key": key, "path": key, "mode": mode} for key, mode in modes.items()]
    volume = {"name": "mpi-job-config", "configMap": {"name": f"{job.name}-config", "items": items}}
    spec["volumes"] = [*(spec.get("volumes") or ()), volume]
    mount = {"name": "mpi-job-config", "mountPath": CONFIG}
    spec["containers"][0] = {**main, "volumeMounts": [*(main.get("volumeMounts") or ()), mount]}


def companions(job: Job, pods: Sequence[Obj]) -> list[tuple[Resource, Obj]]:
    name = f"{job.name}-launcher"
    workers = [job.pod_name("Worker", index) for index in range(job.count("Worker"))]
    rules: list[dict[str, Any]] = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/exec"], "resourceNames": workers, "verbs": ["create"]},
    ]
    subject = {"kind": "ServiceAccount", "name": name, "namespace": job.namespace}
    role = {"apiGroup": RBAC, "kind": "Role", "name": name}
    return [
        (CONFIG_MAP, {"metadata": {"name": f"{job.name}-config"}, "data": _files(job, workers, pods)}),
        (SERVICE_ACCOUNT, {"metadata": {"name": name}}),
        (ROLE, {"metadata": {"name": name}, "rules": rules}),
        (BINDING, {"metadata": {"name": name}, "subjects": [subject], "roleRef": role}),
    ]


def _files(job: Job, workers: list[str], pods: Sequence[Obj]) -> dict[str, str]:
    slots = int(job.spec.get("slotsPerWorker") or 1)
    main = job.spec.get("mainContainer")
    container = f" --container {main}" if main else ""
    return {
        "hostfile": "".join(f"{worker} slots={slots}\n" for worker in workers),
        "kubexec.sh": (
            "#!/bin/sh\nPOD_NAME=$1\nshift\ntries=0\n"
            'phase() { kubectl get pod "$POD_NAME" -o jsonpath="{.status.phase}"; }\n'
            'until [ "$(phase)" = Running ] || [ $tries -ge 300 ]; do tries=$((tries + 1)); sleep 0.2; done\n'
            f'exec kubectl exec ${{POD_NAME}}{container} -- /bin/sh -c "$*"\n'
        ),
        "discover_hosts.sh": "#!/bin/sh\n" + "".join(
            f"echo {worker}:{slots}\n" for worker in sorted(running_workers(pods))
        ),
    }


def running_workers(pods: Sequence[Obj]) -> list[str]:
    return [
        pod["metadata"]["name"] for pod in pods
        if (pod.get("status") or {}).get("phase") == "Running"
        and (pod["metadata"].get("labels") or {}).get(REPLICA_TYPE) == "worker"
        and REPLICA_INDEX in pod["metadata"]["labels"]
    ]


def leads(job: Job, kind: str, index: int) -> bool:
    return kind == "Launcher"


WORDS = Words(PLACED.running, PLACED.succeeded, PLACED.failed, SHORT.restarting)
FRAMEWORK = Framework(
    family=MPI_JOB, environment=environment, leads=leads, decides=lambda job: "Launcher", dress=dress,
    words=lambda job: WORDS, services=False, companions=companions, single=("Launcher",),
    serves=lambda obj: not is_operators(obj),
)
