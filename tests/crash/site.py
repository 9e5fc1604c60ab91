"""A home with a real node, a control that may be killed, and the ledger in which steps write their lives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from pinnace.failpoint import KILLED
from pinnace.home import Home

ROOT = Path(__file__).resolve().parents[2]


CLAIM = "ledger"


class Site:
    def __init__(self, root: Path, isolation: str = "process", image: str = "alpine") -> None:
        """In isolation container the ledger lies in a claim: nothing else of the host is inside."""
        self.home = Home.at(root / "home").prepare()
        self.isolation = isolation
        self.image = image
        self.ledger = root / "ledger"
        self.work = root / "work.json"
        self.summary = root / "summary.json"
        self.log = (root / "log").open("ab")
        self.objects: list[dict[str, Any]] = []
        if isolation == "container":
            self.ledger = self.home.volumes / "default" / CLAIM / "ledger"
            self.objects.append(claim())
        self.node: subprocess.Popen[bytes] | None = None
        self.control: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Site:
        self.start_node()
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.control, self.node):
            if process is not None and process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                process.kill()
        self.log.close()
        shutil.rmtree(self.home.run, ignore_errors=True)

    def step(self, seconds: float = 0.03) -> dict[str, Any]:
        """A container that writes `start <uid> <pid>` and `end <uid> <pid>`, each line by one O_APPEND write.

        The ledger's path comes without its first slash: isolation process gives each pod its own /tmp by
        rewriting paths, and the ledger must lie outside of everything that is the pod's."""
        script = f'echo "start $POD $$" >> "/$LEDGER"; sleep {seconds}; echo "end $POD $$" >> "/$LEDGER"'
        env: list[dict[str, Any]] = [
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
            {"name": "LEDGER", "value": str(self.ledger).lstrip("/")},
        ]
        command = ["/bin/sh", "-c", script]
        step: dict[str, Any] = {"name": "main", "image": self.image, "command": command, "env": env}
        if self.isolation == "container":
            env[1]["value"] = "claim/ledger"
            step["volumeMounts"] = [{"name": "claim", "mountPath": "/claim"}]
        return step

    @property
    def volumes(self) -> dict[str, Any]:
        source = {"claimName": CLAIM}
        found = [{"name": "claim", "persistentVolumeClaim": source}]
        return {"volumes": found} if self.isolation == "container" else {}

    def pods(self, count: int, seconds: float = 0.03) -> None:
        spec = {"restartPolicy": "Never", "containers": [self.step(seconds)], **self.volumes}
        names = [f"pod-{number}" for number in range(count)]
        self.objects += [{"kind": "Pod", "metadata": {"name": name}, "spec": spec} for name in names]

    def job(self, name: str, completions: int, backoff: int, seconds: float = 0.03) -> None:
        template = {"spec": {"restartPolicy": "Never", "containers": [self.step(seconds)], **self.volumes}}
        spec = {"completions": completions, "parallelism": 4, "backoffLimit": backoff, "template": template}
        self.objects.append({"kind": "Job", "metadata": {"name": name}, "spec": spec})

    def workflow(self, name: str, width: int, length: int, seconds: float = 0.03) -> None:
        """`length` groups of `width` parallel steps, one after the other."""
        step = {"name": "step", "container": self.step(seconds)}
        items = [str(number) for number in range(width)]
        groups = [
            [{"name": f"s{number}", "template": "step", "withItems": items}] for number in range(length)
        ]
        templates = [{"name": "main", "steps": groups}, step]
        self.objects.append(workflow(name, {"templates": templates, **self.volumes}))

    def mixed(self, name: str, rounds: int, seconds: float = 0.2) -> None:
        """Loops, a first attempt that fails, a pause, a mutex that all such workflows want, hooks, an exit
        handler. Who holds the mutex says so in the ledger: `hold <name> <pid>`, `free <name> <pid>`."""
        step = self.step(seconds)
        script = step["command"][2]
        flaky = {**step, "command": ["/bin/sh", "-c", f'{script}; test "{{{{retries}}}}" != 0']}
        held = {**step, "command": [
            "/bin/sh", "-c",
            f'echo "hold {name} $$" >> "/$LEDGER"; {script}; echo "free {name} $$" >> "/$LEDGER"',
        ]}  # fmt: skip
        groups: list[list[dict[str, Any]]] = []
        for number in range(rounds):
            groups += [
                [{"name": f"loop-{number}", "template": "step", "withItems": ["a", "b"]},
                 {"name": f"flaky-{number}", "template": "flaky"}],
                [{"name": f"alone-{number}", "template": "alone"},
                 {"name": f"pause-{number}", "template": "pause"}],
            ]  # fmt: skip
        groups[0][0]["hooks"] = {"running": {"template": "step", "expression": "true"}}
        templates = [
            {"name": "main", "steps": groups},
            {"name": "step", "container": step},
            {"name": "flaky", "container": flaky, "retryStrategy": {"limit": 2}},
            {"name": "alone", "container": held, "synchronization": {"mutexes": [{"name": "one"}]}},
            {"name": "pause", "suspend": {"duration": "1"}},
        ]
        self.objects.append(workflow(name, {"templates": templates, "onExit": "step"}))

    def artifacts(self, name: str, width: int) -> None:
        """One step hands two artifacts to `width` others, and each leaves two. Who is lost is repeated."""
        made = [{"name": word, "path": f"/tmp/{word}"} for word in ("one", "two")]
        step = self.step()
        script = step["command"][2]
        make = {**step, "command": ["/bin/sh", "-c", f"{script}; echo 1 > /tmp/one; echo 2 > /tmp/two"]}
        use = {**step, "command": ["/bin/sh", "-c", f"cat /tmp/in-one /tmp/in-two && {make['command'][2]}"]}
        given = [{"name": word, "path": f"/tmp/in-{word}"} for word in ("one", "two")]
        handed = [{"name": w, "from": f"{{{{steps.make.outputs.artifacts.{w}}}}}"} for w in ("one", "two")]
        again = {"retryStrategy": {"limit": 5, "retryPolicy": "OnError"}}
        items = [str(number) for number in range(width)]
        uses = {"name": "use", "template": "use", "withItems": items, "arguments": {"artifacts": handed}}
        templates = [
            {"name": "main", "steps": [[{"name": "make", "template": "make"}], [uses]]},
            {"name": "make", "container": make, "outputs": {"artifacts": made}, **again},
            {
                "name": "use",
                "container": use,
                "outputs": {"artifacts": made},
                "inputs": {"artifacts": given},
                **again,
            },
        ]
        self.objects.append(workflow(name, {"templates": templates}))

    def start_node(self, failpoint: str = "") -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "pinnace", "node", "--home", str(self.home.root)]
        self.node = subprocess.Popen(
            [*argv, "--isolation", self.isolation],
            stdout=self.log,
            stderr=self.log,
            cwd=ROOT,
            start_new_session=True,
            env={**os.environ, "PINNACE_FAILPOINT": failpoint},
        )
        return self.node

    def start_control(self, failpoint: str = "") -> subprocess.Popen[bytes]:
        self.work.write_text(json.dumps(self.objects))
        argv = [
            sys.executable,
            "-m",
            "tests.crash.control",
            "--home",
            str(self.home.root),
            "--work",
            str(self.work),
            "--summary",
            str(self.summary),
        ]
        environment = {**os.environ, "PINNACE_FAILPOINT": failpoint}
        self.control = subprocess.Popen(argv, stdout=self.log, stderr=self.log, cwd=ROOT, env=environment)
        return self.control

    def finish(self, within: float = 60) -> dict[str, Any]:
        """Let control live until nothing is under way."""
        control = self.start_control()
        code = control.wait(within)
        assert code == 0, f"control ended with {code}:\n{self.words()}"
        return dict(json.loads(self.summary.read_text()))

    def die_at(self, failpoint: str, within: float = 30) -> None:
        code = self.start_control(failpoint).wait(within)
        assert code == KILLED, f"never came by {failpoint} (ended with {code}):\n{self.words()}"

    def kill_control(self, after: float) -> bool:
        """Let control live so long, then kill -9; False if it had finished by itself."""
        control = self.start_control()
        try:
            return control.wait(after) != 0
        except subprocess.TimeoutExpired:
            control.send_signal(signal.SIGKILL)
            control.wait()
            return True

    def kill_node(self) -> None:
        assert self.node is not None
        self.node.send_signal(signal.SIGKILL)
        self.node.wait()

    def lines(self) -> Counter[tuple[str, str]]:
        """(start or end, uid) → how often."""
        found: Counter[tuple[str, str]] = Counter()
        for line in self.ledger.read_text().splitlines() if self.ledger.exists() else ():
            word, uid, _ = line.split()
            if word in ("start", "end"):
                found[word, uid] += 1
        return found

    def holders(self) -> list[tuple[str, str]]:
        """(hold or free, workflow), in the order in which it happened."""
        lines = [line.split() for line in self.ledger.read_text().splitlines()]
        return [(word, name) for word, name, _ in lines if word in ("hold", "free")]

    def wait_for_starts(self, count: int, within: float = 20) -> None:
        end = time.monotonic() + within
        while sum(n for (word, _), n in self.lines().items() if word == "start") < count:
            assert time.monotonic() < end, f"fewer than {count} steps started:\n{self.words()}"
            time.sleep(0.005)

    def words(self) -> str:
        self.log.flush()
        return Path(self.log.name).read_text()[-4000:]

    def check_once(self, result: dict[str, Any]) -> None:
        """Exactly one pair a uid, nothing but the known uids."""
        lines = self.lines()
        wanted = Counter({(word, uid): 1 for uid in result["pods"] for word in ("start", "end")})
        assert lines == wanted
        assert {pod["phase"] for pod in result["pods"].values()} == {"Succeeded"}

    def check_at_most_once(self, result: dict[str, Any]) -> None:
        """Who succeeded has one pair; who was lost may have begun, once; nobody began twice."""
        lines = self.lines()
        assert set(lines.values()) <= {1}, [key for key, count in lines.items() if count > 1]
        assert {uid for _, uid in lines} <= set(result["pods"])
        for uid, pod in result["pods"].items():
            if pod["phase"] == "Succeeded":
                assert lines["start", uid] == lines["end", uid] == 1, pod
            else:
                assert pod["reason"] == "NodeLost", pod


def workflow(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    meta = {"name": name, "namespace": "default"}
    spec = {"entrypoint": "main", **spec}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": meta, "spec": spec}


def claim() -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    return {"kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": spec}
