"""Real runs, walked and run again after their objects were deleted, control killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pinnace.cli.connection import Refused, Unreachable
from tests.e2e.platform import Platform, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
RULES = 'environments:\n- image: plain-python\n  python: "*"\n'
STEPS = 6


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    root: Path = tmp_path_factory.mktemp("home")
    (root / "environments.yaml").write_text(RULES)
    instance = Platform(root)
    try:
        yield instance.up()
    finally:
        instance.down()


def script(source: str, **more: Any) -> dict[str, Any]:
    return {"script": {"image": "plain-python", "command": ["python"], "source": source}, **more}


def artifact(name: str, path: str, **more: Any) -> dict[str, Any]:
    return {"artifacts": [{"name": name, "path": path, "archive": {"none": {}}, **more}]}


def workflow(name: str, train: str) -> dict[str, Any]:
    given = {"parameters": [{"name": "seed"}], "artifacts": [{"name": "rows", "path": "/tmp/in"}]}
    data = "open('/tmp/rows.csv', 'w').write('a,b\\n' + ''.join(f'{i},{i}\\n' for i in range(50)))"
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name},
        "spec": {"entrypoint": "main", "templates": [
            {"name": "main", "steps": [
                [{"name": "data", "template": "data"}],
                [{"name": "train", "template": "train", "withSequence": {"count": str(STEPS)}, "arguments": {
                    "parameters": [{"name": "seed", "value": "{{item}}"}],
                    "artifacts": [{"name": "rows", "from": "{{steps.data.outputs.artifacts.rows}}"}],
                }}],
            ]},
            {"name": "data", **script(data, outputs=artifact("rows", "/tmp/rows.csv"))},
            {"name": "train", **script(
                train, inputs=given,
                outputs=artifact("model", "/tmp/model", s3={"key": f"{name}/{{{{inputs.parameters.seed}}}}"}),
            )},
        ]},
    }


def test_a_killed_control_loses_and_doubles_no_execution(platform: Platform) -> None:
    train = "import time; time.sleep(0.4); open('/tmp/model', 'w').write('{{inputs.parameters.seed}}')"
    platform.kubectl("create", "-f", "-", text=json.dumps(workflow("killed", train)))
    for _ in range(2):
        eventually(lambda: progress(platform, "killed") > 0, "the first steps")
        os.kill(platform.pids()["control"], signal.SIGKILL)
        eventually(lambda: platform.command("status", check=False).returncode == 0, "control again")
    eventually(lambda: phase(platform, "killed") == "Succeeded", "the end", 120)
    before = executions(platform, "killed")
    platform.kubectl("delete", "workflow", "killed")
    eventually(lambda: gone(platform), "no pods")
    after = executions(platform, "killed")
    assert sorted(before) == sorted(after) and len(after) == STEPS + 1
    assert len({one["outputs"]["model"] for one in after.values() if "model" in one["outputs"]}) == STEPS


def status(platform: Platform, name: str) -> dict[str, Any]:
    """Asked of the API itself: a kubectl each time would be most of the machine's work."""
    try:
        found = platform.api.json(f"/apis/argoproj.io/v1alpha1/namespaces/default/workflows/{name}")
    except (Unreachable, Refused):
        return {}
    return dict(found.get("status") or {})


def progress(platform: Platform, name: str) -> int:
    found = str(status(platform, name).get("progress") or "")
    return int(found.partition("/")[0]) if found[:1].isdigit() else 0


def phase(platform: Platform, name: str) -> str:
    return str(status(platform, name).get("phase") or "")


def gone(platform: Platform) -> bool:
    """No pod is left."""
    return not platform.api.json("/api/v1/namespaces/default/pods")["items"]


def executions(platform: Platform, name: str) -> dict[str, Any]:
    answer = platform.api.json(f"/pinnace/v1/lineage/run?name={name}")
    return {one["pod"]: {"outputs": {}, **one} for one in answer["executions"]}


def test_data_is_walked_down_to_all_that_came_of_it(platform: Platform) -> None:
    train = "open('/tmp/model', 'w').write(open('/tmp/in').read() + '{{inputs.parameters.seed}}')"
    platform.run(json.dumps(workflow("walked", train)))
    platform.kubectl("delete", "workflow", "walked")
    run = json.loads(platform.command("lineage", "workflow/walked", "--json").stdout)["tree"]
    trained = [one for one in run["children"] if one["title"].startswith("train(")]
    assert len(trained) == STEPS and run["facts"]["deleted"] is True
    (rows,) = (child for one in trained for child in one["children"] if "seen" not in child["facts"])
    assert rows["facts"]["rows"] == 50
    down = json.loads(platform.command("lineage", rows["facts"]["digest"][:16], "--down", "--json").stdout)
    names = {one["facts"]["run"] for one in down["tree"]["children"]}
    assert names == {"Workflow/walked", "Workflow/killed"}


def test_a_run_does_the_same_again(platform: Platform) -> None:
    done = platform.command("rerun", "workflow/walked")
    assert "runs again from its record" in done.stdout and "every output is equal" in done.stdout


def test_what_does_not_do_the_same_twice_is_named(platform: Platform) -> None:
    train = "import random; open('/tmp/model', 'w').write(str(random.random()))"
    platform.run(json.dumps(workflow("dice", train)))
    done = platform.command("rerun", "dice", check=False)
    assert done.returncode == 1
    assert "it does not do the same twice" in done.stdout and "artifact rows" in done.stdout


def test_a_jobs_program_comes_back_from_its_record(platform: Platform) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "program"},
              "data": {"main.py": "print('first')"}}
    container = {"name": "c", "image": "plain-python", "command": ["python", "/program/main.py"],
                 "volumeMounts": [{"name": "p", "mountPath": "/program"}]}
    pod = {"restartPolicy": "Never", "containers": [container],
           "volumes": [{"name": "p", "configMap": {"name": "program"}}]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"},
           "spec": {"template": {"spec": pod}}}
    items = {"apiVersion": "v1", "kind": "List", "items": [config, job]}
    platform.kubectl("apply", "-f", "-", text=json.dumps(items))
    platform.kubectl("wait", "job/work", "--for=condition=Complete", "--timeout=60s")
    platform.kubectl("delete", "-f", "-", text=json.dumps(items))
    done = platform.command("rerun", "job/work")
    assert "brought back as program-was-" in done.stdout
    (again,) = platform.get("jobs")["items"]
    assert platform.kubectl("logs", f"job/{again['metadata']['name']}").strip() == "first"


CLAIMED = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: claimed}
spec:
  entrypoint: both
  volumeClaimTemplates:
  - metadata: {name: own}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
  volumes: [{name: shared, persistentVolumeClaim: {claimName: kept}}]
  templates:
  - name: both
    steps: [[{name: count, template: count}], [{name: write, template: write}]]
  - name: count
    container:
      image: busybox
      command: [sh, -c, "echo x >> /kept/lines; wc -l < /kept/lines > /tmp/n"]
      volumeMounts: [{name: shared, mountPath: /kept}]
    outputs: {parameters: [{name: n, valueFrom: {path: /tmp/n}}]}
  - name: write
    container:
      image: busybox
      command: [sh, -c, "echo x > /own/x"]
      volumeMounts: [{name: own, mountPath: /own}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: kept}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
"""


def test_what_lies_on_a_claim_is_named_as_not_compared(platform: Platform) -> None:
    manifest, claim = CLAIMED.split("---")
    platform.kubectl("apply", "-f", "-", text=claim)
    platform.run(manifest)
    report = platform.command("rerun", "workflow/claimed", check=False)
    assert report.returncode == 1
    assert "what lay on the claim kept may be another: its content has no digest" in report.stdout
    assert "not compared: what lies on the claim kept, own has no digest" in report.stdout


def test_a_name_that_nothing_has_gets_the_nearest(platform: Platform) -> None:
    done = platform.command("lineage", "walkd", check=False)
    assert done.returncode == 1 and "did you mean 'walked'?" in done.stderr
