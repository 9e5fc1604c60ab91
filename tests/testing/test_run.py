"""Workflows with their steps replaced: given a document and replacements, when it is run, then this is the
status."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from pinnace.testing import NotReplaced, Refused, Step, UnknownStep, fails, outputs, run

TEMPLATES = """
  - name: work
    inputs: {parameters: [{name: p, default: none}]}
    container:
      image: "work:1"
      command: [work]
      args: ["{{inputs.parameters.p}}"]
      env: [{name: P, value: "-{{inputs.parameters.p}}-"}]
  - name: tell
    script: {image: python, command: [python], source: "print('{{workflow.name}}')"}
"""


def flow(main: str, more: str = "", spec: str = "") -> str:
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{generateName: flow-}}
spec:
  entrypoint: main
{spec}
  templates:
  - name: main
{main}
{TEMPLATES}
{more}
"""


CHAIN = flow("""
    steps:
    - - {name: a, template: tell}
    - - name: b
        template: work
        arguments: {parameters: [{name: p, value: "{{steps.a.outputs.result}}"}]}
""")


def test_the_next_step_gets_the_last_ones_result_in_everything_that_is_resolved() -> None:
    outcome = run(CHAIN, {"a": "seven", "work": None})
    assert outcome.phase == "Succeeded"
    assert outcome.nodes["a"].outputs.result == "seven"
    first, second = outcome.steps
    assert (first.template, first.source) == ("tell", "print('flow-test')")
    assert (second.image, second.command, second.args) == ("work:1", ["work"], ["seven"])
    assert (second.env, second.parameters) == ({"P": "-seven-"}, {"p": "seven"})


def test_functions_take_inputs_by_name_the_step_or_nothing() -> None:
    seen: list[Any] = []

    def of_step(step: Step) -> None:
        seen.append(step.args)

    run(CHAIN, {"a": lambda: 1, "b": lambda p: seen.append(p)})
    run(CHAIN, {"a": lambda step: step.template, "b": of_step})
    assert seen == ["1", ["tell"]]
    with pytest.raises(UnknownStep, match="wants 'q', which is no input of it"):
        run(CHAIN, {"a": "x", "b": lambda q, r: None})


def test_what_a_function_raises_is_the_tests() -> None:
    def broken(step: Step) -> None:
        raise ValueError("my own mistake")

    with pytest.raises(ValueError, match="my own mistake"):
        run(CHAIN, {"a": broken}, otherwise=None)


def test_steps_that_nothing_stands_in_for_are_named_all_at_once() -> None:
    three = "{name: a, template: tell}, {name: b, template: work}, {name: c, template: tell}"
    wide = flow(f"    steps: [[{three}]]")
    with pytest.raises(NotReplaced, match=r"'a' \(template 'tell'\), 'b' \(template 'work'\)"):
        run(wide, {"c": None})
    assert run(wide, otherwise=None).phase == "Succeeded"


def test_a_name_that_is_not_there_is_an_error_with_the_nearest_one() -> None:
    with pytest.raises(UnknownStep, match='called \'wrok\' \\(did you mean "work"'):
        run(CHAIN, {"wrok": None}, otherwise=None)
    with pytest.raises(KeyError, match="did you mean"):
        _ = run(CHAIN, otherwise=None).nodes["bb"]


def test_outputs_are_those_that_the_template_declares() -> None:
    more = """
  - name: out
    container: {image: x}
    outputs:
      parameters: [{name: n, valueFrom: {path: /n}}, {name: d, valueFrom: {path: /d, default: five}}]
      artifacts: [{name: file, path: /file}]
  - name: in
    inputs: {artifacts: [{name: data, path: /data}]}
    container: {image: x}
"""
    main = """
    dag:
      tasks:
      - {name: out, template: out}
      - name: in
        template: in
        depends: out
        arguments: {artifacts: [{name: data, from: "{{tasks.out.outputs.artifacts.file}}"}]}
"""
    good = outputs(parameters={"n": 3}, artifacts={"file": {"a/b.txt": "deep", "c": "flat"}})
    outcome = run(flow(main, more), {"out": good, "in": None})
    assert outcome.nodes["out"].outputs.parameters == {"n": "3", "d": "five"}
    assert outcome.step("in").artifacts == {"data": {"a/b.txt": "deep", "c": "flat"}}
    assert outcome.nodes["out"].outputs.artifacts["file"]["c"] == "flat"
    with pytest.raises(UnknownStep, match="gives no output parameter 'n'"):
        run(flow(main, more), {"out": outputs()}, otherwise=None)
    with pytest.raises(UnknownStep, match=r"no output parameter 'm'.*n"):
        run(flow(main, more), {"out": outputs(parameters={"m": 1, "n": 1})}, otherwise=None)


def test_stored_artifacts_and_templates_may_be_given() -> None:
    library = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: library}
spec:
  templates:
  - name: read
    inputs: {artifacts: [{name: data, path: /data, s3: {key: data/train.csv}}]}
    container: {image: x}
"""
    main = "    steps: [[{name: a, templateRef: {name: library, template: read}}]]"
    outcome = run(flow(main), {"library/read": None}, templates=library, artifacts={"data/train.csv": "1,2"})
    assert outcome.phase == "Succeeded"
    assert outcome.step("library/read").artifacts == {"data": "1,2"}
    missing = run(flow(main), otherwise=None)
    assert (missing.phase in ("Failed", "Error"), missing.steps) == (True, [])
    assert "library" in missing.message


def test_a_list_gives_each_call_its_own_and_time_jumps() -> None:
    more = """
  - name: flaky
    retryStrategy: {limit: 5, backoff: {duration: "1h", factor: 2}}
    container: {image: x}
"""
    began = time.monotonic()
    outcome = run(
        flow("    steps: [[{name: a, template: flaky}]]", more),
        {"flaky": [fails(exit_code=2), fails("Evicted"), outputs(seconds=60)]},
    )
    assert time.monotonic() - began < 60
    assert outcome.phase == "Succeeded"
    assert outcome.seconds == pytest.approx(3600 + 7200 + 60, abs=5)
    assert [step.attempt for step in outcome.calls("flaky")] == [0, 1, 2]
    assert [node.message for node in outcome.nodes.all("a(0)")] == ["main: Error (exit code 2)"]
    assert outcome.nodes["a(1)"].message == "Evicted"


def test_a_deadline_ends_a_step_that_lasts_longer() -> None:
    more = "  - {name: slow, activeDeadlineSeconds: 30, container: {image: x}}"
    outcome = run(flow("    steps: [[{name: a, template: slow}]]", more), {"slow": outputs(seconds=100)})
    assert outcome.phase == "Failed"
    assert "longer than the specified deadline" in outcome.nodes["a"].message
    assert outcome.seconds == pytest.approx(30, abs=2)


GATE = flow(
    "    steps: [[{name: ok, template: gate}], "
    "[{name: then, template: work, arguments: "
    '{parameters: [{name: p, value: "{{steps.ok.outputs.parameters.by}}"}]}}]]',
    "  - {name: gate, suspend: {}, outputs: {parameters: [{name: by, valueFrom: {supplied: {}}}]}}",
)


def test_a_suspended_step_waits_or_is_answered() -> None:
    waiting = run(GATE, otherwise=None)
    assert (waiting.phase, waiting.waiting, waiting.steps) == ("Running", ["ok"], [])
    answered = run(GATE, {"ok": outputs(parameters={"by": "me"}, seconds=30)}, otherwise=None)
    assert (answered.phase, answered.step("work").args) == ("Succeeded", ["me"])
    refused = run(GATE, {"gate": fails("not today")}, otherwise=None)
    assert (refused.phase, refused.nodes["ok"].message) == ("Failed", "not today")


RESOURCE = flow(
    "    steps: [[{name: make, template: make}]]",
    """
  - name: make
    resource:
      action: create
      manifest: |
        {apiVersion: v1, kind: ConfigMap, metadata: {name: made}, data: {by: "{{workflow.name}}"}}
    outputs: {parameters: [{name: uid, valueFrom: {jsonPath: "{.metadata.uid}"}}]}
""",
)


def test_resource_templates_act_in_memory_or_are_replaced() -> None:
    real = run(RESOURCE)
    assert real.phase == "Succeeded"
    assert [obj["data"] for obj in real.objects if obj["kind"] == "ConfigMap"] == [{"by": "flow-test"}]
    assert real.nodes["make"].outputs.parameters["uid"]
    replaced = run(RESOURCE, {"make": outputs(parameters={"uid": "u"})})
    assert not [obj for obj in replaced.objects if obj["kind"] == "ConfigMap"]
    assert replaced.step("make").pod["data"] == {"by": "flow-test"}
    assert replaced.nodes["make"].outputs.parameters == {"uid": "u"}
    assert run(RESOURCE, {"make": fails("quota")}).nodes["make"].message == "quota"


def test_daemons_run_until_their_surroundings_end() -> None:
    more = "  - {name: server, daemon: true, container: {image: x}}"
    main = (
        "    steps: [[{name: serve, template: server}], [{name: ask, template: work, "
        'arguments: {parameters: [{name: p, value: "{{steps.serve.ip}}"}]}}]]'
    )
    outcome = run(flow(main, more), otherwise=None)
    assert (outcome.phase, outcome.step("work").args) == ("Succeeded", ["127.0.0.1"])
    assert outcome.nodes["serve"].phase == "Succeeded"


def test_exit_handlers_loops_conditions_and_globals_are_the_engines() -> None:
    main = """
    steps:
    - - name: each
        template: work
        withItems: [x, y]
        arguments: {parameters: [{name: p, value: "{{item}}"}]}
    - - {name: never, template: tell, when: "1 == 2"}
"""
    outcome = run(flow(main, spec="  onExit: work"), {"work": lambda p: fails() if p == "y" else None})
    assert outcome.phase == "Failed"
    assert [step.name for step in outcome.calls("each")] == ["[0].each(0:x)", "[0].each(1:y)"]
    assert [node.phase for node in outcome.nodes.all("each")] == ["Succeeded", "Failed"]
    assert outcome.steps[-1].name == "onExit"


def test_what_a_cluster_refuses_is_refused() -> None:
    with pytest.raises(Refused, match="entrypiont"):
        run({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "x"},
             "spec": {"entrypiont": "main"}})
    invalid = run(flow("    steps: [[{name: a, template: wrok}]]"))
    assert invalid.phase in ("Failed", "Error")
    assert 'did you mean "work"' in invalid.message


def test_documents_come_as_paths_dicts_schedules_templates_and_objects_of_hera(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(CHAIN)

    class LikeHera:
        def to_dict(self) -> dict[str, Any]:
            return {
                "apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "metadata": {"name": "nightly"},
                "spec": {"schedules": ["0 0 * * *"], "workflowSpec": {
                    "entrypoint": "m", "templates": [{"name": "m", "container": {"image": "x"}}]}},
            }

    for given in (tmp_path / "flow.yaml", str(tmp_path / "flow.yaml"), LikeHera()):
        assert run(given, otherwise=None).phase == "Succeeded"
    lone = CHAIN.replace("kind: Workflow", "kind: WorkflowTemplate")
    lone = lone.replace("generateName: flow-", "name: lone")
    assert run(lone, otherwise=None).workflow["metadata"]["name"] == "lone"
    with pytest.raises(ValueError, match="2 Workflows were given"):
        run([CHAIN, CHAIN])


async def _inside() -> str:
    return run(CHAIN, otherwise=None).phase


def test_it_may_be_called_where_a_loop_runs() -> None:
    assert asyncio.run(_inside()) == "Succeeded"


def test_runs_know_nothing_of_each_other() -> None:
    memo = flow(
        "    steps: [[{name: a, template: kept}]]",
        "  - {name: kept, container: {image: x},"
        " memoize: {key: k, maxAge: 1h, cache: {configMap: {name: c}}}}",
    )
    assert [len(run(memo, otherwise=None).steps) for _ in range(2)] == [1, 1]


def test_requests_are_steps_like_any_other() -> None:
    main = """
    steps:
    - - {name: ask, template: ask}
    - - name: b
        template: work
        arguments: {parameters: [{name: p, value: "{{steps.ask.outputs.result}}"}]}
"""
    more = "  - {name: ask, http: {url: 'https://models.example/{{workflow.name}}'}}"
    outcome = run(flow(main, more), {"ask": "ready", "b": None})
    assert (outcome.phase, outcome.step("b").args) == ("Succeeded", ["ready"])
    assert outcome.step("ask").pod["url"] == "https://models.example/flow-test"
    with pytest.raises(NotReplaced, match="'ask'"):
        run(flow(main, more), {"b": None})
    assert run(flow(main, more), {"ask": fails("502")}).nodes["ask"].message == "502"


def test_keys_of_the_tests_own_repository_are_listed() -> None:
    more = """
  - name: list
    data:
      source: {artifactPaths: {name: all, s3: {key: parts/}}}
      transformation: [{expression: "filter(data, {# endsWith '.csv'})"}]
"""
    main = """
    steps:
    - - {name: list, template: list}
    - - name: each
        template: work
        withParam: "{{steps.list.outputs.result}}"
        arguments: {parameters: [{name: p, value: "{{item}}"}]}
"""
    stored = {"parts/a.csv": "1", "parts/b.txt": "2", "parts/c.csv": "3"}
    outcome = run(flow(main, more), {"work": None}, artifacts=stored)
    assert outcome.phase == "Succeeded", (outcome.message, outcome.status)
    assert [step.args for step in outcome.calls("each")] == [["parts/a.csv"], ["parts/c.csv"]]


def test_sets_of_containers_and_locks_are_the_engines() -> None:
    more = """
  - name: set
    synchronization: {mutexes: [{name: one}]}
    containerSet:
      containers:
      - {name: first, image: a, command: [a]}
      - {name: main, image: b, command: [b], dependencies: [first]}
"""
    main = "    steps: [[{name: x, template: set}, {name: y, template: set}]]"
    outcome = run(flow(main, more), {"set": outputs(seconds=10)})
    assert outcome.phase == "Succeeded", (outcome.message, outcome.status)
    assert outcome.seconds == pytest.approx(20, abs=3)
    assert {node.display_name for node in outcome.nodes.values()} >= {"first", "main"}
    failed = run(flow(main, more), {"set": fails(exit_code=2)})
    assert failed.phase == "Failed"
