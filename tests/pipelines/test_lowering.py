"""From the IR to a Workflow, and from a step to what runs: pure, on small documents of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pinnace.authoring.argo.expression.evaluate import evaluate
from pinnace.authoring.argo.validation import problems
from pinnace.authoring.kfp import expressions, launch, layers, outcome
from pinnace.authoring.kfp.ir import IrError, package, read
from pinnace.authoring.kfp.kubernetes import PREFERRED, REQUIRED, Outfit
from pinnace.authoring.kfp.lowering import lowered, root_arguments
from pinnace.authoring.kfp.schedule import ScheduleError, Trigger
from pinnace.authoring.kfp.step import Job, Step, of
from pinnace.authoring.kfp.values import ValueMismatch

IF_GIVEN = {"IfPresent": {"InputName": "times", "Then": ["--times", "{{$.inputs.parameters['times']}}"]}}
JOB = Job(id="run-1", name="A run", resource="echo-abcde", pipeline="echo")
PYPI = "pypi" ".org"


def pipeline(**changes: Any) -> dict[str, Any]:
    task = {
        "componentRef": {"name": "comp"},
        "taskInfo": {"name": "echo"},
        "cachingOptions": {"enableCache": True},
        "inputs": {"parameters": {"text": {"componentInputParameter": "word"}}},
    }
    return {
        "pipelineInfo": {"name": "echo"},
        "components": {
            "comp": {
                "executorLabel": "exec",
                "inputDefinitions": {
                    "parameters": {
                        "text": {"parameterType": "STRING"},
                        "times": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3.0, "isOptional": True},
                    }
                },
                "outputDefinitions": {
                    "parameters": {"said": {"parameterType": "STRING"}},
                    "artifacts": {"log": {"artifactType": {"schemaTitle": "system.Artifact"}}},
                },
            }
        },
        "deploymentSpec": {
            "executors": {
                "exec": {
                    "container": {
                        "image": "alpine",
                        "command": ["sh", "-c", "echo {{x}}"],
                        "args": [
                            "{{$.inputs.parameters['text']}}",
                            "{{$.outputs.parameters['said'].output_file}}",
                            json.dumps(IF_GIVEN),
                            "{{$.outputs.artifacts['log'].path}}",
                            "{{$.pipeline_job_name}}",
                        ],
                    }
                }
            }
        },
        "root": {
            "inputDefinitions": {"parameters": {"word": {"parameterType": "STRING"}}},
            "dag": {"tasks": {"echo": task}},
        },
        **changes,
    }


def step(spec: dict[str, Any], name: str = "echo") -> Step:
    template = next(one for one in spec["templates"] if one["name"] == name)
    found = of(template["annotations"])
    assert found is not None
    return found


def test_a_lowered_pipeline_is_a_valid_workflow_in_which_users_braces_are_no_tags() -> None:
    spec = lowered(package(pipeline()), JOB, {"word": "{{hi}}"})

    assert problems({"metadata": {"name": "wf"}, "spec": spec}, spec, None) == []
    assert "{{x}}" not in json.dumps(spec) and "{{hi}}" not in json.dumps(spec)
    assert json.loads(spec["arguments"]["parameters"][0]["value"]) == "{{hi}}"
    assert step(spec).container.command[2] == "echo {{x}}"


def test_a_step_gets_defaults_whole_numbers_and_its_own_folder() -> None:
    found = step(lowered(package(pipeline()), JOB, {"word": "x"}))

    made = launch.prepared(found, {"text": '"hello {{$}}"'}, "node-1", local_paths=False)

    root = made.root.removeprefix("minio://")
    assert made.template["container"]["args"] == [
        "hello {{$}}",
        "/tmp/kfp/outputs/said",
        "--times",
        "3",
        f"/minio/{root}/log",
        "A run",
    ]
    assert made.root.startswith("minio://mlpipeline/v2/artifacts/echo/run-1/echo/")


def test_inputs_that_only_an_image_or_the_tasks_id_needs_arrive() -> None:
    made = pipeline()
    inputs = made["root"]["dag"]["tasks"]["echo"]["inputs"]["parameters"]
    inputs["pipelinechannel--image"] = {"runtimeValue": {"constant": "alpine:3"}}
    inputs["text"] = {"runtimeValue": {"constant": "id {{$.pipeline_task_uuid}}"}}
    container = made["deploymentSpec"]["executors"]["exec"]["container"]
    container["image"] = "{{$.inputs.parameters['pipelinechannel--image']}}"
    found = step(lowered(package(made), JOB, {"word": "x"}))
    values = {"text": '"id {{$.pipeline_task_uuid}}"', "pipelinechannel--image": '"alpine:3"'}

    launched = launch.prepared(found, values, "node-1", local_paths=False)

    assert launched.template["container"]["image"] == "alpine:3"
    assert launched.template["container"]["args"][0].removeprefix("id ") in launched.root


def test_what_a_component_passes_on_reaches_its_own_pod_only_where_it_says_so() -> None:
    made = pipeline()
    component, executor = made["components"]["comp"], made["deploymentSpec"]["executors"]["exec"]
    component["inputDefinitions"]["parameters"]["text"] = {"parameterType": "TASK_CONFIG", "isOptional": True}
    component["taskConfigPassthroughs"] = [
        {"field": "KUBERNETES_TOLERATIONS"}, {"field": "ENV", "applyToTask": True}, {"field": "RESOURCES"},
    ]
    executor["container"]["env"] = [{"name": "E", "value": "v"}]
    executor["container"]["resources"] = {"resourceCpuLimit": "1"}
    settings = {"exec": {"tolerations": [{"key": "k", "operator": "Exists"}]}}
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": settings}}}}
    spec = lowered(package({"pipeline_spec": made, "platform_spec": platform}), JOB, {"word": "x"})

    launched = launch.prepared(step(spec), {}, "node-1", local_paths=False)

    assert json.loads(launched.template["container"]["args"][0]) == {
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "env": [{"name": "E", "value": "v"}],
        "resources": {"limits": {"cpu": "1"}},
    }
    assert "tolerations" not in launched.template and "resources" not in launched.template["container"]
    assert launched.template["container"]["env"] == [{"name": "E", "value": "v"}]


def test_placement_and_containers_before_stand_in_the_pods_own_words() -> None:
    config = {
        "nodeAffinity": [
            {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
            {"matchFields": [{"key": "b", "operator": "Exists"}], "weight": 5},
        ],
        "podAffinity": [{"matchPodLabels": {"x": "y"}, "topologyKey": "zone", "anti": True}],
        "initContainers": [
            {"name": "first", "image": "alpine", "volumeMounts": [{"volumeName": "v", "mountPath": "/v"}]}
        ],
    }
    made = Outfit(config, lambda source: source).collect().template

    assert made["affinity"]["nodeAffinity"] == {
        REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]},
        PREFERRED: [{"weight": 5, "preference": {"matchFields": [{"key": "b", "operator": "Exists"}]}}],
    }
    assert made["affinity"]["podAntiAffinity"] == {
        REQUIRED: [{"topologyKey": "zone", "labelSelector": {"matchLabels": {"x": "y"}}}]
    }
    assert made["initContainers"] == [
        {"name": "first", "image": "alpine", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    ]


def test_only_a_steps_own_artifacts_may_lie_elsewhere() -> None:
    left = {"uri": "minio://mlpipeline/r/log", "custom_path": "/own/x"}
    said = json.dumps({"artifacts": {"log": {"artifacts": [left]}}})
    assert outcome.places(said) == {f"{outcome.OWN}minio://mlpipeline/r/log": "/own/x"}
    assert outcome.places("[1]") == {} and outcome.places("{") == {}


def test_a_missing_input_is_named() -> None:
    found = step(lowered(package(pipeline()), JOB, {"word": "x"}))
    with pytest.raises(ValueMismatch, match="'text' of echo has no value"):
        launch.prepared(found, {}, "node-1", local_paths=False)


def test_what_a_step_left_becomes_its_outputs() -> None:
    found = step(lowered(package(pipeline()), JOB, {"word": "x"}))
    written = {"parameterValues": {}, "artifacts": {"log": {"artifacts": [{"metadata": {"lines": 2.0}}]}}}
    files = {"said": "hi", launch.EXECUTOR_OUTPUT: json.dumps(written)}

    made = outcome.results(found, "minio://mlpipeline/r", files, failed=False)

    assert json.loads(made["said"]) == "hi"
    (log,) = json.loads(made["log"])
    assert log["uri"] == "minio://mlpipeline/r/log" and log["metadata"] == {"lines": 2}
    with pytest.raises(outcome.Missing, match="'said'"):
        outcome.results(found, "minio://mlpipeline/r", {"said": launch.NO_FILE}, failed=False)


def test_the_cache_key_follows_contents_and_nothing_of_the_run() -> None:
    one = step(lowered(package(pipeline()), JOB, {"word": "x"}))
    other = step(lowered(package(pipeline()), Job("run-2", "B", "echo-fghij", "echo"), {"word": "x"}))
    values = {"text": '"a"'}

    assert launch.fingerprint(one, values, str) == launch.fingerprint(other, values, str)
    assert launch.fingerprint(one, values, str) != launch.fingerprint(one, {"text": '"b"'}, str)


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ("inputs.parameter_values['x'] == 'a'", '"a"', True),
        ("int(inputs.parameter_values['x']) > 2 && !(int(inputs.parameter_values['x']) == 5)", "3", True),
        ("inputs.parameter_values['x'] == true", "false", False),
        ("inputs.parameter_values['x'] == 'inputs.parameter_values'", '"inputs.parameter_values"', True),
    ],
)
def test_conditions(condition: str, value: str, holds: bool) -> None:
    made = expressions.condition(condition, lambda name: f"inputs.parameters['{name}']")
    assert evaluate(made, {"inputs": {"parameters": {"x": value}}}) is holds


def test_arguments_are_judged_all_at_once() -> None:
    with pytest.raises(ValueMismatch, match=r"unknown input parameter 'wrod'.*'word' has no value"):
        root_arguments(package(pipeline()), {"wrod": "x"})


@pytest.mark.parametrize(
    ("text", "told"), [("", "empty"), ("a: [", "neither YAML"), ("a: 1", "pipelineInfo")]
)
def test_what_is_no_pipeline_is_refused(text: str, told: str) -> None:
    with pytest.raises(IrError, match=told):
        read(text)


def test_a_pip_layer_is_read_only_when_it_is_exactly_one() -> None:
    quiet = "PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-warn-script-location"
    script = f"\n{quiet} 'numpy<3' && {quiet} 'kfp==2.17.0' '--no-deps' && \"$0\" \"$@\"\n"
    command = ["sh", "-c", script, "sh", "-ec", "run", "SOURCE"]

    assert layers.split(command) == (
        [["numpy<3"], ["kfp==2.17.0", "--no-deps"]],
        ["sh", "-ec", "run", "SOURCE"],
    )
    odd = ["sh", "-c", script.replace("numpy<3", "--target=x"), *command[3:]]
    assert layers.split(odd) == ([], odd)


def test_pip_layers_of_other_indexes_of_own_folders_and_of_the_first_sdk_are_read() -> None:
    quiet = "PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-warn-script-location"
    ends = ["sh", "-ec", "run", "SOURCE"]
    own = "--index-url https://own.example/simple --trusted-host own.example"
    elsewhere = f'{quiet} {own} \'a\' && "$0" "$@"'
    usual = f'{quiet} --index-url https://{PYPI}/simple --trusted-host {PYPI} \'a\' && "$0" "$@"'
    folder = (
        f"{quiet} 'a' && \nexport PIP_DISABLE_PIP_VERSION_CHECK=1\ntmp=$(mktemp -d)\n"
        'python3 -m venv "$tmp/venv" --system-site-packages\n. "$tmp/venv/bin/activate"\n'
        f"python3 -m pip install --quiet 'b' && \"$0\" \"$@\"\n"
    )
    first = f"({quiet} 'a' 'b' || {quiet} 'a' 'b' --user) && \"$0\" \"$@\""

    assert layers.split(["sh", "-c", elsewhere, *ends])[0] == [
        ["--index-url=https://own.example/simple", "--trusted-host=own.example", "a"]
    ]
    assert layers.split(["sh", "-c", usual, *ends])[0] == [["a"]]
    assert layers.split(["sh", "-c", folder, *ends]) == ([["a"], ["b"]], ends)
    assert layers.split(["sh", "-c", first, *ends])[0] == [["a", "b"]]


def test_triggers() -> None:
    assert Trigger.of({"cron_schedule": {"cron": "30 0 9 ? * 1"}}).next(0) == 4 * 86400 + 9 * 3600 + 30
    assert Trigger.of({"periodic_schedule": {"interval_second": "60"}}).next(61) == 120
    for wrong in ({}, {"cron_schedule": {"cron": "x"}}, {"periodic_schedule": {"interval_second": 0}}):
        with pytest.raises(ScheduleError):
            Trigger.of(wrong)


def test_upstreams_compiled_pipelines_are_lowered_to_valid_workflows(shared: Path) -> None:
    expected = json.loads((shared / "corpus" / "kfp" / "expected.json").read_text())
    for name, case in expected.items():
        found = read((shared / "corpus" / "kfp" / name).read_text())
        spec = lowered(found, JOB, case.get("args") or {})
        assert problems({"metadata": {"name": "wf"}, "spec": spec}, spec, None) == [], name


def test_the_head_of_a_script_that_hands_over_a_function_is_read() -> None:
    """As `KatibClient.tune` and `TrainingClient.create_job` write it."""
    ensure = 'if ! [ -x "$(command -v pip)" ]; then\n    python3 -m ensurepip || exit 1\nfi\n'
    pip = "PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --prefer-binary --quiet         {} a==1 b"
    rest = 'program=$(mktemp -d)\nread -r -d "" SCRIPT << EOM\npip install c\nEOM\n'
    usual = pip.format(f"--index-url https://{PYPI}/simple")
    assert layers.split(["bash", "-c", f"\n{ensure}\n{usual}\n{rest}"]) == (
        [["a==1", "b"]], ["bash", "-c", rest]
    )
    odd = ["bash", "-c", f"{ensure}\n{pip.format('--target /x')}\n{rest}"]
    assert layers.split(odd) == ([], odd)
    assert layers.split(["bash", "-c", rest]) == ([], ["bash", "-c", rest])


def test_an_install_that_starts_the_program_itself_is_not_taken_for_a_script_of_its_own() -> None:
    ensure = 'if ! [ -x "$(command -v pip)" ]; then\n    python3 -m ensurepip\nfi\n\n'
    quiet = "PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install"
    script = f"\n{ensure}{quiet} 'a==1' '--no-deps' && \"$0\" \"$@\"\n"
    groups, rest = layers.split(["sh", "-c", script, "sh", "-ec", "python3 -m a"])
    assert groups == [["a==1", "--no-deps"]]
    assert rest == ["sh", "-ec", "python3 -m a"]
