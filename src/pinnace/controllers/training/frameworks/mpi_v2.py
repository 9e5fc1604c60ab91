"""MPIJob v2beta1, of the MPI Operator. Source: kubeflow/mpi-operator pkg/controller/mpi_job_controller.go.

The launcher calls its workers by ssh, with keys made for the job; workers have names below a Service of the
job's own name. Unlike upstream's the launcher is a pod of the MPIJob itself, not of a Job between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from pinnace.controllers.built_in import CONFIG_MAP, SECRET, SERVICE
from pinnace.controllers.sshkeys import ssh_keys
from pinnace.controllers.training.framework import Environment, Framework, plain
from pinnace.controllers.training.frameworks import mpi
from pinnace.controllers.training.view import JOB_NAME, Job, Replica
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.training import MPI_JOB

HOSTFILE = f"{mpi.CONFIG}/hostfile"
PATIENT = "-o ConnectionAttempts=10"


def environment(job: Job, replica: Replica, index: int) -> Environment:
    env = plain(K_MPI_JOB_ROLE=replica.word)
    if replica.type != "Launcher":
        return env
    slots = str(_slots(job))
    given = {
        "OpenMPI": plain(
            OMPI_MCA_orte_keep_fqdn_hostnames="true", OMPI_MCA_orte_default_hostfile=HOSTFILE,
            OMPI_MCA_plm_rsh_args=PATIENT, OMPI_MCA_orte_set_default_slots=slots,
        ),
        "Intel": plain(
            I_MPI_HYDRA_HOST_FILE=HOSTFILE, I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS=PATIENT,
            I_MPI_PERHOST=slots,
        ),
        "MPICH": plain(HYDRA_HOST_FILE=HOSTFILE, HYDRA_LAUNCH_EXTRA_ARGS=PATIENT),
    }
    quiet = plain(NVIDIA_VISIBLE_DEVICES="", NVIDIA_DRIVER_CAPABILITIES="")
    return env + given[_implementation(job)] + ([] if job.spec.get("runLauncherAsWorker") else quiet)


def _implementation(job: Job) -> str:
    return str(job.spec.get("mpiImplementation") or "OpenMPI")


def _slots(job: Job) -> int:
    return int(job.spec.get("slotsPerWorker") or 1)


def dress(job: Job, replica: Replica, index: int, spec: Obj) -> None:
    """Names, keys, and for the launcher the list of hosts."""
    main = spec["containers"][0]
    keys: list[Obj] = [
        {"key": "ssh-privatekey", "path": "id_rsa"}, {"key": "ssh-publickey", "path": "id_rsa.pub"},
        {"key": "ssh-publickey", "path": "authorized_keys"},
    ]
    secret: Obj = {"secretName": f"{job.name}-ssh", "items": keys}
    volumes = [*(spec.get("volumes") or ()), {"name": "ssh-auth", "secret": secret}]
    mounts = [{"name": "ssh-auth", "mountPath": job.spec.get("sshAuthMountPath") or "/root/.ssh"}]
    if replica.type == "Launcher":
        modes = {"hostfile": 0o444, "discover_hosts.sh": 0o555}
        items = [{"key": key, "path": key, "mode": mode} for key, mode in modes.items()]
        config: Obj = {"name": f"{job.name}-config", "items": items}
        volumes.append({"name": "mpi-job-config", "configMap": config})
        mounts.append({"name": "mpi-job-config", "mountPath": mpi.CONFIG})
        spec["hostname"] = f"{job.name}-launcher"
    else:
        spec["hostname"] = job.pod_name("Worker", index)
        if not main.get("command") and not main.get("args"):
            main = {**main, "command": ["/usr/sbin/sshd"], "args": ["-De"]}
    spec["subdomain"] = job.name
    spec["volumes"] = volumes
    spec["containers"][0] = {**main, "volumeMounts": [*(main.get("volumeMounts") or ()), *mounts]}


def companions(job: Job, pods: Sequence[Obj]) -> list[tuple[Resource, Obj]]:
    own = {JOB_NAME: job.name}
    files = {"hostfile": _hosts(job), "discover_hosts.sh": _discovered(job, pods)}
    return [
        (SERVICE, {"metadata": {"name": job.name}, "spec": {"clusterIP": "None", "selector": own}}),
        (CONFIG_MAP, {"metadata": {"name": f"{job.name}-config"}, "data": files}),
        (SECRET, {
            "metadata": {"name": f"{job.name}-ssh"}, "type": "kubernetes.io/ssh-auth",
            "data": _keys(job.obj["metadata"]["uid"]),
        }),
    ]


@lru_cache(64)
def _keys(uid: str) -> dict[str, str]:
    """Made once; a Secret that stands is never written again."""
    return ssh_keys()


def _host(job: Job, name: str) -> str:
    return f"{name}.{job.name}.{job.namespace}.svc"


def _hosts(job: Job) -> str:
    names = [job.pod_name("Worker", index) for index in range(job.count("Worker"))]
    if job.spec.get("runLauncherAsWorker"):
        names.insert(0, f"{job.name}-launcher")
    sign = " slots=" if _implementation(job) == "OpenMPI" else ":"
    return "".join(f"{_host(job, name)}{sign}{_slots(job)}\n" for name in names)


def _discovered(job: Job, pods: Sequence[Obj]) -> str:
    running = sorted(mpi.running_workers(pods))
    return "#!/bin/sh\n" + "".join(f"echo {_host(job, name)}\n" for name in running)


def serves(obj: Obj) -> bool:
    return str(obj.get("apiVersion")).endswith("v2beta1")


FRAMEWORK = Framework(
    family=MPI_JOB, environment=environment, dress=dress, words=lambda job: mpi.WORDS, services=False,
    companions=companions, single=("Launcher",), serves=serves, leads=mpi.leads,
    decides=lambda job: "Launcher",
)
