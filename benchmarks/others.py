"""300 no-op tasks: the platform beside what people use instead on one machine.

Every tool comes from its own package, in an environment of its own, and does the tasks two at a time in the
way that its documentation shows for one machine. `isolated`: whether each task is a process of its own, as
each step of a workflow is. Where a tool cannot be had, that is said.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.fanout import seconds
from benchmarks.figure import Figure
from benchmarks.home import CACHE, running
from pinnace.cli.connection import Connection

TASKS = 300
WITHIN = 300.0
SETTINGS = {
    "PREFECT_LOGGING_LEVEL": "ERROR", "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "DO_NOT_TRACK": "1",
}


class Tool(NamedTuple):
    name: str
    packages: tuple[str, ...]
    isolated: bool
    program: str
    """Python; `N` is the number of tasks. It prints the seconds from submission to the last end."""
    tasks: int = TASKS
    """Fewer for tools whose task takes seconds."""


HEAD = """
import os, sys, time
N = int(os.environ["TASKS"])
"""
TOOLS = (
    Tool("Luigi", ("luigi",), True, """
import luigi

class Noop(luigi.Task):
    number = luigi.IntParameter()
    def output(self):
        return luigi.LocalTarget(f"out/{self.number}")
    def run(self):
        with self.output().open("w"):
            pass

os.mkdir("out")
began = time.monotonic()
assert luigi.build([Noop(n) for n in range(N)], local_scheduler=True, workers=2, log_level="ERROR")
print("seconds", time.monotonic() - began)
"""),
    Tool("Snakemake", ("snakemake",), True, """
import subprocess

with open("Snakefile", "w") as file:
    file.write(f"rule all:\\n    input: expand('out/{{n}}', n=range({N}))\\n")
    file.write("rule noop:\\n    output: touch('out/{n}')\\n    shell: 'true'\\n")
began = time.monotonic()
subprocess.run([os.path.dirname(sys.executable) + "/snakemake", "--cores", "2", "--quiet", "all"], check=True)
print("seconds", time.monotonic() - began)
"""),
    Tool("Prefect", ("prefect", "fastapi<0.117"), False, """
from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner

@task
def noop(n):
    return n

@flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
def fan(count):
    for future in [noop.submit(n) for n in range(count)]:
        future.result()

fan(1)
began = time.monotonic()
fan(N)
print("seconds", time.monotonic() - began)
"""),
    Tool("Dagster", ("dagster",), True, """
from dagster import DagsterInstance, execute_job, job, multiprocess_executor, op, reconstructable

def fan():
    @op
    def noop():
        pass

    @job(executor_def=multiprocess_executor.configured({"max_concurrent": 2}))
    def made():
        for number in range(N):
            noop.alias(f"noop_{number}")()
    return made

if __name__ == "__main__":
    os.environ["DAGSTER_HOME"] = os.getcwd()
    began = time.monotonic()
    assert execute_job(reconstructable(fan), instance=DagsterInstance.get()).success
    print("seconds", time.monotonic() - began)
""", 30),
    Tool("Metaflow", ("metaflow",), True, """
import subprocess
from metaflow import FlowSpec, step

class Fan(FlowSpec):
    @step
    def start(self):
        self.items = list(range(N))
        self.next(self.noop, foreach="items")
    @step
    def noop(self):
        self.next(self.join)
    @step
    def join(self, inputs):
        self.next(self.end)
    @step
    def end(self):
        pass

if __name__ == "__main__":
    if len(sys.argv) == 1:
        words = ["--quiet", "run", "--max-workers", "2", "--max-num-splits", str(N)]
        began = time.monotonic()
        subprocess.run([sys.executable, sys.argv[0], *words], check=True)
        print("seconds", time.monotonic() - began)
    else:
        Fan()
""", 60),
    Tool("Dask", ("dask[distributed]",), False, """
from dask.distributed import Client, LocalCluster

def noop(n):
    return n

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            client.gather(client.map(noop, range(2)))
            began = time.monotonic()
            client.gather(client.map(noop, range(2, N + 2)))
            print("seconds", time.monotonic() - began)
"""),
)


class Skipped(Exception):
    """The tool cannot be had, or did not end."""


def environment(tool: Tool) -> Path:
    """The Python of the tool's own environment, built once and kept."""
    folder = CACHE / "others" / tool.name.lower()
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        try:
            uv(folder, "venv", "--clear", "--python", sys.executable)
            uv(folder, "pip", "install", "--python", str(python), *tool.packages)
        except subprocess.CalledProcessError as error:
            raise Skipped(error.stderr.strip().splitlines()[-1][:120]) from error
        (folder / "ready").touch()
    return python


def uv(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "uv", *words, "-q"]
    if words[0] == "venv":
        command.append(str(folder))
    subprocess.run(command, check=True, capture_output=True, text=True)


def alone(tool: Tool, tasks: int) -> float:
    """Seconds of the tool's own, measured inside its process."""
    python = environment(tool)
    with tempfile.TemporaryDirectory(prefix="other-", dir=CACHE) as folder:
        (Path(folder) / "fan.py").write_text(HEAD + tool.program)
        own = {"TASKS": str(tasks), "HOME": folder, "USER": "bench", **SETTINGS}
        try:
            done = subprocess.run(
                [str(python), "-W", "ignore", "fan.py"], cwd=folder, env={**os.environ, **own},
                capture_output=True, text=True, timeout=WITHIN, check=True,
            )
        except subprocess.TimeoutExpired as error:
            raise Skipped(f"did not end within {WITHIN:.0f} s") from error
        except subprocess.CalledProcessError as error:
            raise Skipped((error.stderr or error.stdout).strip().splitlines()[-1][:120]) from error
    return float(next(line for line in done.stdout.splitlines() if line.startswith("seconds ")).split()[1])


def measure(*, quick: bool = False) -> list[Figure]:
    share = 10 if quick else 1
    ours = {}
    for isolation in ("sandbox", "process"):
        with running(isolation) as home:
            connection = Connection.to(home)
            seconds(connection, 50, isolation)
            ours[isolation] = seconds(connection, TASKS // share, isolation)
    figures = [
        Figure(
            f"{TASKS // share} no-op steps of a Workflow here, isolation `{isolation}`, a process each",
            "", spoken(took, TASKS // share), True,
        )
        for isolation, took in ours.items()
    ]
    own = TASKS // share / ours["sandbox"]
    return figures + [beside(tool, tool.tasks // share, own) for tool in TOOLS]


def beside(tool: Tool, tasks: int, own: float) -> Figure:
    """`own`: tasks a second of ours, in the sandbox."""
    what = f"{tasks} by {tool.name}, {'a process each' if tool.isolated else 'in processes that stay'}"
    try:
        took = alone(tool, tasks)
    except Skipped as why:
        return Figure(what, "", f"skipped: {why}", False)
    ratio = own / (tasks / took)
    return Figure(what, "", f"{spoken(took, tasks)}: ours in the sandbox {ratio:.2g}× as fast", ratio >= 1)


def spoken(took: float, tasks: int) -> str:
    return f"{took:.2f} s, {tasks / took:.3g}/s"
