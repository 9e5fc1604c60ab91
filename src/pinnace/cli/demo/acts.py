"""The acts of the demo, in order. Each reads back from the API what it tells, and measures what it counts."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import psutil

from pinnace.cli import platform
from pinnace.cli.demo import serving
from pinnace.cli.demo.stage import Stage
from pinnace.cli.tree import changes, follow, node_path, workflow_path
from pinnace.cli.up import sign_in_link
from pinnace.cli.workflow import approve, suspended

NAMESPACE = "default"
FAMILIES = 3


def play(stage: Stage, port: int) -> int:
    """All acts; 0 if every one kept its promise."""
    received = bytes_received()
    began = time.monotonic()
    with stage.act("The platform starts"):
        start(stage, port)
    up = time.monotonic()
    with stage.act("Hello, Argo"):
        hello(stage)
        stage.first_result = time.monotonic() - up
    with stage.act("Train three models; control is killed in the middle"):
        train(stage)
    with stage.act("A person says yes; the best model goes into service"):
        decide(stage)
    with stage.act("Real images through the gateway, a canary, and its promotion"):
        serving.serve(stage)
    with stage.act("One line of the trainer is edited: only what changed runs again"):
        edit_and_repeat(stage)
    present_bill(stage, time.monotonic() - began, bytes_received() - received)
    return 0


def start(stage: Stage, port: int) -> None:
    began = time.monotonic()
    platform.start(stage.home, port=port, gateway_port=0)
    stage.say(f"API, workflow engine, node and gateway are ready after {time.monotonic() - began:.2f} s")
    stage.say(f"console: {sign_in_link(stage.api)}")


def hello(stage: Stage) -> None:
    for file in ("hello-world.yaml", "hello-hello-hello.yaml"):
        created = stage.type("create", "-f", str(stage.examples / file), "-o", "name").strip()
        name = created.partition("/")[2]
        picture = follow(stage.api, stage.get(workflow_path(NAMESPACE, name)), stage.console)
        expect(picture.phase == "Succeeded", f"{name} ended {picture.phase}")
        show_logs(stage, name)


def show_logs(stage: Stage, workflow: str) -> None:
    """The last step's own words."""
    selector = f"workflows.argoproj.io/workflow={workflow}"
    pods = stage.type("get", "pods", "-l", selector, "-o", "name", quiet=True).split()
    stage.say("[dim]" + stage.type("logs", pods[-1], quiet=True).rstrip().replace("[", "\\["))


def train(stage: Stage) -> None:
    stage.type("apply", "-k", str(stage.examples / "digits"))
    stage.say("first, the Python environment of the steps (built once, then cached) …")
    before = stage.processes()
    kill_control_while_training(stage)
    workflow = stage.get(workflow_path(NAMESPACE, "digits"))
    picture = follow(stage.api, workflow, stage.console, until_waiting=True)
    expect(picture.phase == "Running" and bool(picture.waiting()), f"digits is {picture.phase}, not waiting")
    after = stage.processes()
    expect(after["control"] != before["control"], "control was not killed")
    expect(after["node"] == before["node"], "the node did not live on")
    report_starts(stage)


def kill_control_while_training(stage: Stage) -> None:
    """Wait until training steps run, then kill -9; the supervisor brings it back."""
    running: set[str] = set()
    for change in changes(stage.api, NAMESPACE, "digits"):
        if change is None:
            continue
        kind, event = change
        if kind == "workflow":
            phase = event["object"].get("status", {}).get("phase")
            expect(phase in (None, "", "Pending", "Running"), f"digits ended {phase} before training began")
            continue
        status = event["object"]["status"]
        if status.get("templateName") == "train" and status.get("phase") == "Running":
            running.add(status["id"])
        if running:
            break
    victim = stage.processes()["control"]
    began = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    stage.say(f"[bold red]kill -9 {victim}[/]   (control: API and controllers, in the middle of training)")
    stage.wait("another control", lambda: stage.processes().get("control") not in (None, victim))
    platform.wait_until_ready(stage.home)
    stage.say(f"control is back after {time.monotonic() - began:.2f} s; the steps went on without it")


def report_starts(stage: Stage) -> None:
    """Each node's pods, counted: exactly one a step means that nothing was lost and nothing ran twice."""
    selector = "labelSelector=workflows.argoproj.io%2Fworkflow%3Ddigits"
    pods = stage.get(f"/api/v1/namespaces/{NAMESPACE}/pods?{selector}")["items"]
    nodes = stage.get(node_path(NAMESPACE, "digits"))["items"]
    steps = [n for n in nodes if n["status"].get("type") == "Pod"]
    names = [p["metadata"]["annotations"]["workflows.argoproj.io/node-name"] for p in pods]
    expect(len(names) == len(set(names)) == len(steps), f"{len(steps)} steps, but pods {sorted(names)}")
    restarts = sum(c["restartCount"] for p in pods for c in p["status"]["containerStatuses"])
    expect(restarts == 0, f"{restarts} containers were started twice")
    stage.say(f"{len(steps)} steps, {len(pods)} pods, {restarts} repeated: no step was lost, none ran twice")


def decide(stage: Stage) -> None:
    workflow = stage.get(workflow_path(NAMESPACE, "digits"))
    waiting = suspended(workflow)
    metrics = next(p["value"] for p in waiting[0]["inputs"]["parameters"] if p["name"] == "metrics")
    stage.say(f"held-out accuracy: [bold]{metrics}[/]")
    if stage.yes:
        stage.say("serve the best one? [bold]yes[/] (--yes was given)")
    elif stage.console.input("serve the best one? type yes: ").strip().lower() not in ("yes", "y"):
        raise platform.Failure("you said no: the model stays in the library, nothing was put in service", 0)
    approve(stage.api, workflow, waiting, {})
    picture = follow(stage.api, workflow, stage.console)
    expect(picture.phase == "Succeeded", f"digits ended {picture.phase}: {picture.workflow.get('status')}")
    stage.type("get", "inferenceservice", "digits")


def edit_and_repeat(stage: Stage) -> None:
    template = stage.examples / "digits" / "training.yaml"
    text = template.read_text()
    expect("trees = 100\n" in text, "the trainer has no line `trees = 100`")
    template.write_text(text.replace("trees = 100\n", "trees = 300\n"))
    stage.say("[bold green]$[/] sed -i 's/trees = 100/trees = 300/' examples/digits/training.yaml")
    workflow = stage.examples / "digits" / "workflow.yaml"
    workflow.write_text(workflow.read_text().replace("name: digits\n", "name: digits-again\n"))
    stage.type("apply", "-k", str(stage.examples / "digits"))
    created = stage.get(workflow_path(NAMESPACE, "digits-again"))
    picture = follow(stage.api, created, stage.console, until_waiting=True)
    nodes = list(picture.nodes.values())
    reused = sorted(n["displayName"] for n in nodes if n.get("memoizationStatus", {}).get("hit"))
    ran = sorted(n["displayName"] for n in nodes if n.get("type") == "Pod" and n["displayName"] not in reused)
    expect("load" in reused, f"load was run again; reused: {reused}")
    expect("train" in ran, f"train was not run again; ran: {ran}")
    stage.say(f"taken from before: {', '.join(reused)}; run again: {', '.join(ran)}")
    stage.type("patch", "workflow", "digits-again", "--type=merge", "-p", '{"spec":{"shutdown":"Terminate"}}')


def present_bill(stage: Stage, total: float, received: int) -> None:
    stage.console.rule("[bold]The bill", align="left")
    for title, seconds in stage.bill:
        stage.say(f"  {seconds:6.1f} s  {title}")
    stage.say(f"  {total:6.1f} s  in all; first result {stage.first_result:.1f} s after the platform was up")
    pid = platform.state(stage.home)["pid"]
    held = platform.memory([pid]) / 1e6
    stage.say(f"  {held:6.0f} MB of memory: platform, Envoy and the model servers together")
    stage.say(f"  {received / 1e6:6.1f} MB downloaded")
    stage.say(f"  console: {sign_in_link(stage.api)}")


def bytes_received() -> int:
    """By all network devices but loopback."""
    counters = psutil.net_io_counters(pernic=True)
    return sum(c.bytes_recv for name, c in counters.items() if name != "lo")


def expect(condition: Any, otherwise: str) -> None:
    """The demo stops at the first promise that is not kept."""
    if not condition:
        raise platform.Failure(f"the demo's promise was not kept: {otherwise}")
