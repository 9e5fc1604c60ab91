"""The Trainer's first steps with its SDK: FashionMNIST by torchvision, in two ranks, from a volume.

The pictures lie where torchvision keeps them, so it asks nobody for them; they are drawn here, since the real
ones are on the Internet alone. torchvision comes from PyPI with the torch that it was built for: a build of
torch from elsewhere (PIP_FIND_LINKS) has another library inside, with which it cannot be imported.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinnace.node.environments import find_uv
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]
IMAGE = "pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime"
DRAWING = """
import os, random, struct
random.seed(1)
folder = "/data/FashionMNIST/raw"
os.makedirs(folder)

def picture(label):
    rows = [[0] * 28 for _ in range(28)]
    for row in range(label * 2 + 2, label * 2 + 6):
        rows[row] = [random.randrange(160, 256) for _ in range(28)]
    return bytes(value for row in rows for value in row)

for name, count in (("train", 2000), ("t10k", 500)):
    labels = bytes(random.randrange(10) for _ in range(count))
    with open(f"{folder}/{name}-images-idx3-ubyte", "wb") as file:
        file.write(struct.pack(">IIII", 2051, count, 28, 28))
        file.writelines(picture(label) for label in labels)
    with open(f"{folder}/{name}-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">II", 2049, count) + labels)
"""
DOCUMENTS = f"""
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data}}
spec: {{accessModes: [ReadWriteMany], resources: {{requests: {{storage: 1Gi}}}}}}
---
apiVersion: batch/v1
kind: Job
metadata: {{name: draw}}
spec:
  template:
    spec:
      restartPolicy: Never
      volumes: [{{name: data, persistentVolumeClaim: {{claimName: data}}}}]
      containers:
      - name: draw
        image: python:3.11
        command: [python3, -c, {json.dumps(DRAWING)}]
        volumeMounts: [{{name: data, mountPath: /data}}]
---
apiVersion: trainer.kubeflow.org/v1alpha1
kind: ClusterTrainingRuntime
metadata:
  name: torch-with-data
  labels: {{trainer.kubeflow.org/framework: torch}}
spec:
  mlPolicy: {{numNodes: 1, torch: {{}}}}
  template:
    spec:
      replicatedJobs:
      - name: node
        template:
          metadata: {{labels: {{trainer.kubeflow.org/trainjob-ancestor-step: trainer}}}}
          spec:
            template:
              spec:
                volumes: [{{name: data, persistentVolumeClaim: {{claimName: data}}}}]
                containers:
                - name: node
                  image: {IMAGE}
                  workingDir: /workspace
                  volumeMounts: [{{name: data, mountPath: /workspace/data}}]
"""
CLIENT = """
import sys
from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, TrainerClient

def train():
    import os
    import torch
    import torch.distributed as dist
    from torch import nn
    from torch.utils.data import DataLoader, DistributedSampler
    from torchvision import datasets, transforms

    dist.init_process_group(backend="gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    rows = datasets.FashionMNIST("./data", train=True, download=True, transform=transforms.ToTensor())
    sampler = DistributedSampler(rows, num_replicas=size, rank=rank)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    model = nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        for pictures, labels in DataLoader(rows, batch_size=50, sampler=sampler):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(pictures), labels).backward()
            optimizer.step()
    dist.barrier()
    if rank == 0:
        unseen = datasets.FashionMNIST("./data", train=False, download=True, transform=transforms.ToTensor())
        pictures, labels = next(iter(DataLoader(unseen, batch_size=len(unseen))))
        right = (model(pictures).argmax(1) == labels).float().mean().item()
        print(f"{size} ranks, {len(rows)} rows, right: {right:.2f}", flush=True)
    dist.destroy_process_group()

client = TrainerClient(backend_config=KubernetesBackendConfig(config_file=sys.argv[1], namespace="default"))
runtime = client.get_runtime("torch-with-data")
name = client.train(runtime=runtime, trainer=CustomTrainer(func=train, num_nodes=2))
job = client.wait_for_job_status(name, timeout=1200)
print(job.status)
print("\\n".join(client.get_job_logs(name)))
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PIP_FIND_LINKS", raising=False)
        patch.delenv("UV_FIND_LINKS", raising=False)
        made = Platform(tmp_path_factory.mktemp("steps"))
        try:
            yield made.up()
        finally:
            made.down()


def test_two_ranks_learn_from_what_torchvision_reads(platform: Platform, tmp_path: Path) -> None:
    platform.kubectl("apply", "-f", "-", text=DOCUMENTS)
    platform.kubectl("wait", "--for=condition=Complete", "job/draw", "--timeout=300s")
    python = tmp_path / "sdk" / "bin" / "python"
    uv = find_uv()
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(tmp_path / "sdk")], check=True)
    subprocess.run([uv, "pip", "install", "-q", "--python", str(python), "kubeflow==0.5.0"], check=True)
    script = tmp_path / "client.py"
    script.write_text(CLIENT)  # the SDK reads the function's source
    words = [str(python), str(script), str(platform.home.kubeconfig)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{platform.kubectl('get', 'events')[-3000:]}"
    assert done.stdout.startswith("Complete"), done.stdout
    found = done.stdout.rpartition("right: ")
    assert "2 ranks, 2000 rows" in found[0], done.stdout
    assert float(found[2].split()[0]) > 0.9
