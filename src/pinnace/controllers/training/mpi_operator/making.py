"""What a v2beta1 MPIJob consists of: the launcher's Job, worker pods, names, hosts and keys.

Pure. Source: kubeflow/mpi-operator pkg/controller/mpi_job_controller.go (newWorker, newLauncherJob,
newConfigMap). Keys are readable by their owner alone: here they belong to the user that the pod runs as, and
ssh takes no others; upstream's belong to root, and ssh does not look.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from pinnace.controllers.built_in import CONFIG_MAP, SECRET, SERVICE
from pinnace.controllers.sshkeys import ssh_keys
from pinnace.controllers.training.framework import Environment, plain
from pinnace.controllers.training.pods import reference
from pinnace.controllers.training.view import JOB_NAME, OPERATOR, REPLICA_INDEX, ROLE, Job
from pinnace.kinds import reserved
from pinnace.kinds.annotations import GANG, GANG_SIZE
from pinnace.kinds.resource import Obj, Resource

NAME = "mpi-operator"
CONFIG = "/etc/mpi"
HOSTFILE = f"{CONFIG}/hostfile"
ROOTS_KEYS = "/root/.ssh"
PATIENT = "-o ConnectionAttempts=10"
WAITS = "WaitForWorkersReady"
DAEMON = ["/usr/sbin/sshd", "-De"]


def labels(job: Job, role: str) -> dict[str, str]:
    return {OPERATOR: NAME, JOB_NAME: job.name, ROLE: role}


def launcher_name(job: Job) -> str:
    return f"{job.name}-launcher"


def joins_in(job: Job) -> bool:
    """Whether the launcher is one of those that compute."""
    return bool(job.spec.get("runLauncherAsWorker"))


def slots(job: Job) -> int:
    given = job.spec.get("slotsPerWorker")
    return 1 if given is None else int(given)


def implementation(job: Job) -> str:
    return str(job.spec.get("mpiImplementation") or "OpenMPI")


# Pods ---------------------------------------------------------------------------------------------------


def worker(job: Job, index: int) -> Obj:
    name = job.pod_name("Worker", index)
    template = job.replicas["Worker"].template
    own, spec = template.get("metadata") or {}, _reaching(job, template, "worker")
    spec |= {
        "hostname": name, "subdomain": job.name,
        "restartPolicy": _restart(job, "Worker"), "dnsConfig": _searching(job, spec),
    }
    main = spec["containers"][0]
    if not main.get("command") and not main.get("args"):
        spec["containers"][0] = {**main, "command": DAEMON}
    place = str(index + 1 if joins_in(job) else index)
    return {
        "apiVersion": "v1", "kind": "Pod", "spec": spec,
        "metadata": {
            "name": name, "namespace": job.namespace, "ownerReferences": [reference(job.obj)],
            "labels": {**(own.get("labels") or {}), **labels(job, "worker"), REPLICA_INDEX: place},
            "annotations": _annotated(job, own),
        },
    }


def launcher(job: Job) -> Obj:
    """The Job; what it may cost (deadline, retries, time to live) is the Job's own affair."""
    template = job.replicas["Launcher"].template
    own, spec = template.get("metadata") or {}, _reaching(job, template, "launcher")
    config = {"name": f"{job.name}-config", "items": [
        {"key": "hostfile", "path": "hostfile", "mode": 0o444},
        {"key": "discover_hosts.sh", "path": "discover_hosts.sh", "mode": 0o555},
    ]}
    spec["volumes"] = [*spec["volumes"], {"name": "mpi-job-config", "configMap": config}]
    main = spec["containers"][0]
    mount = {"name": "mpi-job-config", "mountPath": CONFIG}
    spec["containers"][0] = {
        **main, "env": [*main["env"], *_environment(job)], "volumeMounts": [*main["volumeMounts"], mount],
    }
    spec |= {
        "hostname": launcher_name(job), "subdomain": job.name, "restartPolicy": _restart(job, "Launcher"),
    }
    marks = {**(own.get("labels") or {}), **labels(job, "launcher")}
    if joins_in(job):
        marks[REPLICA_INDEX] = "0"
    limits = ("ttlSecondsAfterFinished", "activeDeadlineSeconds", "backoffLimit")
    described: Obj = {field: job.policy[field] for field in limits if job.policy.get(field) is not None}
    described["template"] = {"metadata": {"labels": marks, "annotations": _annotated(job, own)}, "spec": spec}
    if job.policy.get("suspend"):
        described["suspend"] = True
    return {
        "apiVersion": "batch/v1", "kind": "Job", "spec": described,
        "metadata": {
            "name": launcher_name(job), "namespace": job.namespace, "labels": {"app": job.name},
            "ownerReferences": [reference(job.obj)],
        },
    }


def _reaching(job: Job, template: Obj, role: str) -> Obj:
    """The pod's spec, its own copy, with the job's keys and its role in the first container."""
    spec = {**(template.get("spec") or {})}
    items: list[Obj] = [
        {"key": "ssh-privatekey", "path": "id_rsa"}, {"key": "ssh-publickey", "path": "id_rsa.pub"},
        {"key": "ssh-publickey", "path": "authorized_keys"},
    ]
    secret = {"secretName": f"{job.name}-ssh", "defaultMode": 0o600, "items": items}
    spec["volumes"] = [*(spec.get("volumes") or ()), {"name": "ssh-auth", "secret": secret}]
    main, *others = spec["containers"]
    mount = {"name": "ssh-auth", "mountPath": job.spec.get("sshAuthMountPath") or ROOTS_KEYS}
    main = {
        **main, "env": [*(main.get("env") or ()), *plain(K_MPI_JOB_ROLE=role)],
        "volumeMounts": [*(main.get("volumeMounts") or ()), mount],
    }
    spec["containers"] = [main, *others]
    policy = job.policy.get("schedulingPolicy") or {}
    if policy.get("priorityClass") and not spec.get("priorityClassName"):
        spec["priorityClassName"] = policy["priorityClass"]
    return spec


def _searching(job: Job, spec: Obj) -> Obj:
    """Intel's MPI and MPICH call the launcher by its bare host name."""
    own = spec.get("dnsConfig") or {}
    searches = [*(own.get("searches") or ()), f"{job.name}.{job.namespace}.svc.cluster.local"]
    return {**own, "searches": searches}


def _restart(job: Job, kind: str) -> str:
    given = job.replicas[kind].restart
    return "Never" if given == "ExitCode" else given


def _annotated(job: Job, own: Obj) -> dict[str, str]:
    """All start together or not at all; a launcher that waits for its workers starts later."""
    found = reserved.without(own.get("annotations"))
    size = min(job.minimum, job.total)
    if job.spec.get("launcherCreationPolicy") == WAITS:
        size = min(size, job.count("Worker"))
    if size > 1:
        found[GANG], found[GANG_SIZE] = job.obj["metadata"]["uid"], str(size)
    return found


def _environment(job: Job) -> Environment:
    count = str(slots(job))
    given = {
        "OpenMPI": plain(
            OMPI_MCA_orte_keep_fqdn_hostnames="true", OMPI_MCA_orte_default_hostfile=HOSTFILE,
            OMPI_MCA_plm_rsh_args=PATIENT, OMPI_MCA_orte_set_default_slots=count,
        ),
        "Intel": plain(
            I_MPI_HYDRA_HOST_FILE=HOSTFILE, I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS=PATIENT,
            I_MPI_PERHOST=count,
        ),
        "MPICH": plain(HYDRA_HOST_FILE=HOSTFILE, HYDRA_LAUNCH_EXTRA_ARGS=PATIENT),
    }
    quiet = plain(NVIDIA_VISIBLE_DEVICES="", NVIDIA_DRIVER_CAPABILITIES="")
    return given[implementation(job)] + ([] if joins_in(job) else quiet)


# What they share ----------------------------------------------------------------------------------------


def companions(job: Job, workers: Sequence[Obj]) -> list[tuple[Resource, Obj]]:
    selector = {OPERATOR: NAME, JOB_NAME: job.name}
    service: Obj = {"clusterIP": "None", "selector": selector, "publishNotReadyAddresses": True}
    files = {"hostfile": hosts(job), "discover_hosts.sh": discovered(job, workers)}
    return [
        (SERVICE, _owned(job, job.name, spec=service)),
        (CONFIG_MAP, _owned(job, f"{job.name}-config", data=files)),
        (SECRET, _owned(
            job, f"{job.name}-ssh", type="kubernetes.io/ssh-auth", data=_keys(job.obj["metadata"]["uid"])
        )),
    ]


def _owned(job: Job, name: str, **fields: object) -> Obj:
    return {**fields, "metadata": {
        "name": name, "namespace": job.namespace, "labels": {"app": job.name},
        "ownerReferences": [reference(job.obj)],
    }}


@lru_cache(64)
def _keys(uid: str) -> dict[str, str]:
    """Made once; a Secret that stands is never written again."""
    return ssh_keys()


def _host(job: Job, name: str) -> str:
    return f"{name}.{job.name}.{job.namespace}.svc"


def hosts(job: Job) -> str:
    names = [job.pod_name("Worker", index) for index in range(job.count("Worker"))]
    if joins_in(job):
        names.insert(0, launcher_name(job))
    sign = " slots=" if implementation(job) == "OpenMPI" else ":"
    return "".join(f"{_host(job, name)}{sign}{slots(job)}\n" for name in names)


def discovered(job: Job, workers: Sequence[Obj]) -> str:
    """A script that names the workers that run now, for jobs that grow and shrink."""
    running = sorted(
        pod["metadata"]["name"] for pod in workers if (pod.get("status") or {}).get("phase") == "Running"
    )
    if joins_in(job):
        running.insert(0, launcher_name(job))
    return "#!/bin/sh\n" + "".join(f"echo {_host(job, name)}\n" for name in running)
