"""What stands for the images of upstream's training examples: rules as a user would write them.

The programs of those images are in the images alone. For each the platform of a conformance run has a rule of
its own with a stand-in (tests/conformance/training) that asks the same framework for the same kind of thing:
jobs, pods, addresses, environment, launchers, collectives and parameter servers are the real ones; the model
and its data are not. A hub with one small dataset stands for Hugging Face's.
"""

from __future__ import annotations

from typing import Any

from pinnace.authoring.environments import shipped
from scripts.conformance.__main__ import ROOT

STAND_INS = ROOT / "tests" / "conformance" / "training"
PLACE = "ghcr.io/kubeflow/training-v1"
SSH = {
    "/etc/ssh/ssh_config": "shipped:mpi_ssh_config", "/etc/ssh/sshd_config": "shipped:mpi_sshd_config",
    "/home/mpiuser/.sshd_config": "shipped:mpi_sshd_config",
    "mpi-entrypoint": "shipped:mpi_entrypoint.sh",
}
TORCH, XGBOOST = ["torch>=2.4", "numpy", "scikit-learn"], ["xgboost-cpu>=2.1", "scikit-learn"]
TENSORFLOW = ["tensorflow-cpu>=2.16", "tensorboard", "mlxtend"]
MPI, PI, ENTER = ["mpi4py>=4.1", "numpy"], "/home/mpiuser/pi", ["mpi-entrypoint"]
HUB = "http://hub.stand-in.svc.cluster.local"
INITIALIZER = "ghcr.io/kubeflow/trainer/dataset-initializer"
CLAIM = "xgboostlocal"
Rule = dict[str, Any]

RULES: dict[str, tuple[list[str], str, str, Rule]] = {
    "mpioperator/mpi-pi:openmpi": (MPI, PI, "pi.py", {"files": SSH}),
    "mpioperator/mpi-pi:mpich": (
        [*MPI, "mpich>=4.3"], PI, "pi.py",
        {"files": SSH, "entrypoint": ENTER, "env": {"MPIR_CVAR_CH4_NETMOD": "ofi", "FI_PROVIDER": "tcp"}},
    ),
    "mpioperator/mpi-pi:intel": (
        [*MPI, "impi-rt>=2021.14"], PI, "pi.py",
        {"files": SSH, "entrypoint": ENTER, "env": {"FI_PROVIDER": "tcp"}},
    ),
    "horovod/horovod:0.28.1": (
        MPI, "/horovod/examples/tensorflow2/tensorflow2_mnist.py", "allreduced.py", {},
    ),
    "horovod/horovod:0.20.0-*": (
        MPI, "/examples/elastic/tensorflow2_mnist_elastic.py", "allreduced.py",
        {"files": {"horovodrun": (STAND_INS / "horovodrun.sh").read_text()}},
    ),
    "pytorch-cpu:py3.8": (TORCH, "/workspace/demo.py", "torch_demo.py", {"workdir": "/workspace"}),
    f"{PLACE}/pytorch-elastic-example-imagenet": (
        TORCH, "/workspace/examples/imagenet.py", "torch_demo.py", {},
    ),
    f"{PLACE}/tf-dist-mnist-test": (
        TENSORFLOW, "/var/tf_dist_mnist/dist_mnist.py", "tf_cluster.py",
        {"entrypoint": ["python", "/var/tf_dist_mnist/dist_mnist.py"]},
    ),
    f"{PLACE}/tf-mnist-with-summaries": (
        TENSORFLOW, "/var/tf_mnist/mnist_with_summaries.py", "tf_summaries.py", {},
    ),
    f"{PLACE}/xgboost-dist-rabit-test": (
        XGBOOST, "/opt/mlkube/main.py", "boosted.py", {"entrypoint": ["python", "/opt/mlkube/main.py"]},
    ),
    f"{PLACE}/xgboost-dist-iris": (
        XGBOOST, "/opt/mlkube/main.py", "boosted.py", {"entrypoint": ["python", "/opt/mlkube/main.py"]},
    ),
    f"{PLACE}/lightgbm-dist-py-test": (
        ["lightgbm>=4", "numpy"], "/opt/mlkube/main.py", "lightgbm_ranks.py",
        {"entrypoint": ["python", "/opt/mlkube/main.py"]},
    ),
}
"""Image → what is installed, where its program lies, what stands for it, and what else its rule says."""


def rules() -> Rule:
    """The environments.yaml of the run."""
    found = [rule(image, *said) for image, said in RULES.items()]
    for one in found:  # environments of the same content are built once
        for other in found:
            if other["requirements"] == one["requirements"]:
                one["files"] = {**other["files"], **one["files"]}
    return {"environments": [*found, initializer()]}


def rule(image: str, requirements: list[str], place: str, program: str, more: Rule) -> Rule:
    text = (STAND_INS / program).read_text()
    if place == PI:  # it is executed by its name
        text = text.replace("/usr/bin/env -S python3", "{{venv}}/bin/python")
    files = {**more.get("files", {}), place: text}
    own = {"image": image, "python": "*", "requirements": requirements, "cmd": ["python3"]}
    return {**own, **more, "files": files}


def initializer() -> Rule:
    """Ours, told of the stand-in's hub as it would be told of a mirror."""
    known = shipped().match(INITIALIZER)
    assert known is not None
    assert known.environment is not None
    given = known.environment
    return {
        "image": INITIALIZER, "python": given.python, "requirements": list(given.requirements),
        "packages": list(given.packages), "entrypoint": list(given.entrypoint), "env": {"HF_ENDPOINT": HUB},
    }


def stood_for(why: str) -> bool:
    """Whether a reason to leave a document out is one that these rules take away."""
    names = [image.rstrip("*") for image in RULES]
    return any(f"image {name}" in why for name in names) or why.startswith("hf://")


CONFIGURATION = """
server {
  listen 80;
  location ~ ^/api/datasets/.*/revision/ { return 200 '{"siblings":[{"rfilename":"data.json"}]}'; }
  location ~ ^/datasets/.*/resolve/ { return 200 '[{"instruction":"add 1 and 1","output":"2"}]'; }
}
"""
SUPPORT: list[Rule] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "stand-in"}},
    {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hub", "namespace": "stand-in"},
        "data": {"default.conf": CONFIGURATION},
    },
    {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "hub", "namespace": "stand-in"},
        "spec": {"selector": {"app": "hub"}, "ports": [{"port": 80}]},
    },
    {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "hub", "namespace": "stand-in", "labels": {"app": "hub"}},
        "spec": {
            "volumes": [{"name": "conf", "configMap": {"name": "hub"}}],
            "containers": [{
                "name": "nginx", "image": "nginx",
                "volumeMounts": [{"name": "conf", "mountPath": "/etc/nginx/conf.d"}],
            }],
        },
    },
]
"""What the platform of a run holds before any document."""


def before(document: Rule) -> list[Rule]:
    """What a document takes for granted: the claim that it reads a model from, and who put it there."""
    if f"claimName: {CLAIM}" not in _flat(document):
        return []
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    train = {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "train-first"},
        "spec": {"template": {"spec": {
            "restartPolicy": "Never",
            "volumes": [{"name": "model", "persistentVolumeClaim": {"claimName": CLAIM}}],
            "containers": [{
                "name": "train", "image": f"{PLACE}/xgboost-dist-iris:latest",
                "args": ["--job_type=Train", "--model_path=/tmp/xgboost_model/2"],
                "volumeMounts": [{"name": "model", "mountPath": "/tmp/xgboost_model"}],
            }],
        }}},
    }
    return [claim, train]


def _flat(document: Rule) -> str:
    import yaml

    return str(yaml.safe_dump(document))
