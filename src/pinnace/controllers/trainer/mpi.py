"""What a TrainJob of an MPI runtime gets: a hostfile, keys for ssh, and Open MPI's own variables.

Pure. Source: kubeflow/trainer pkg/runtime/framework/plugins/mpi/mpi.go. Keys are for their owner alone: they
belong to the pod's own user here, and ssh takes no others.
"""

from __future__ import annotations

from pinnace.controllers.trainer.policies import Nodes, plain
from pinnace.kinds.resource import Obj

CONFIG, HOSTFILE = "/etc/mpi", "hostfile"
KEYS, HOSTS = "mpi-ssh-auth", "mpi-hostfile"


def hosts(nodes: Nodes, settings: Obj) -> str:
    slots = nodes.processes if nodes.processes.isdigit() else "1"
    own = settings.get("runLauncherAsNode", False)
    count = nodes.count - 1 if own else nodes.count
    names = [f"{nodes.job}-launcher-0-0.{nodes.job}"] if own else []
    names += [f"{nodes.job}-node-0-{index}.{nodes.job}" for index in range(count)]
    return "".join(f"{name} slots={slots}\n" for name in names)


def ssh(
    nodes: Nodes, settings: Obj, launcher: bool, containers: list[Obj], volumes: list[Obj]
) -> Obj:
    """Fields of the pod's spec."""
    items: list[Obj] = [
        {"key": "ssh-privatekey", "path": "id_rsa"}, {"key": "ssh-publickey", "path": "id_rsa.pub"},
        {"key": "ssh-publickey", "path": "authorized_keys"},
    ]
    secret = {"secretName": f"{nodes.job}-{KEYS}", "defaultMode": 0o600, "items": items}
    keys = {"name": KEYS, "secret": secret}
    mounts = [{"name": KEYS, "mountPath": settings.get("sshAuthMountPath") or "/root/.ssh"}]
    found = [*volumes, keys]
    env: list[Obj] = []
    if launcher:
        items = [{"key": HOSTFILE, "path": HOSTFILE, "mode": 0o444}]
        found.append({"name": HOSTS, "configMap": {"name": f"{nodes.job}-{HOSTS}", "items": items}})
        mounts.append({"name": HOSTS, "mountPath": CONFIG})
        slots = nodes.processes if nodes.processes.isdigit() else "1"
        env = plain(
            OMPI_MCA_orte_default_hostfile=f"{CONFIG}/{HOSTFILE}",
            OMPI_MCA_plm_rsh_args="-o ConnectionAttempts=10",
            OMPI_MCA_orte_keep_fqdn_hostnames="true", OMPI_MCA_orte_set_default_slots=slots,
        )
    return {"containers": [_with(each, mounts, env) for each in containers], "volumes": found}


def _with(container: Obj, mounts: list[Obj], env: list[Obj]) -> Obj:
    found = {**container, "volumeMounts": [*(container.get("volumeMounts") or ()), *mounts]}
    if env:
        found["env"] = [*(container.get("env") or ()), *env]
    return found
