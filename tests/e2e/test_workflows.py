"""Workflows as a user runs them: `pinnace run` and kubectl against real processes in the sandbox."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.e2e.platform import Platform, eventually

EXAMPLES = ROOT / "examples"


def workflow(name: str, templates: str, **spec: Any) -> str:
    """A Workflow of this name whose entrypoint is `main`; `templates` is YAML."""
    document = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name},
        "spec": {"entrypoint": "main", "templates": yaml.safe_load(templates), **spec},
    }
    return yaml.safe_dump(document)


def nodes(platform: Platform, name: str) -> dict[str, dict[str, Any]]:
    """By display name."""
    found = platform.get("workflow", name)["status"]["nodes"]
    return {n["displayName"]: n for n in found.values()}


def log(platform: Platform, name: str) -> str:
    """What the pods of a workflow wrote."""
    selector = f"workflows.argoproj.io/workflow={name}"
    return platform.kubectl("logs", "-l", selector, "-c", "main", "--tail=-1")


def outputs(node: dict[str, Any]) -> dict[str, str]:
    return {p["name"]: p["value"] for p in node["outputs"]["parameters"]}


ECHO = """
- name: main
  container: {image: busybox, command: [echo], args: ["hello world"]}
"""


def test_hello_world_from_its_file_succeeds(platform: Platform) -> None:
    done = platform.command("run", str(EXAMPLES / "hello-world.yaml"))
    name = re.search(r"hello-world-\w+", done.stdout)
    assert name, done.stdout
    assert "✔" in done.stdout
    assert log(platform, name.group()) == "hello world\n"


def test_the_talks_script_greets_three_times(platform: Platform) -> None:
    done = platform.command("run", str(EXAMPLES / "hello-hello-hello.yaml"))
    assert [word in done.stdout for word in ("hello1", "hello2a", "hello2b")] == [True] * 3
    name = re.search(r"my-mlworkflow-\w+", done.stdout)
    assert name
    assert "< hello2b >" in log(platform, name.group())


def test_a_failing_step_gives_exit_code_one_and_the_reason(platform: Platform) -> None:
    manifest = workflow("fails", "[{name: main, container: {image: busybox, command: [sh, -c, exit 7]}}]")
    done = platform.run(manifest, check=False)
    assert done.returncode == 1
    assert "exit code 7" in done.stdout
    assert platform.get("workflow", "fails")["status"]["phase"] == "Failed"


def test_a_parameter_is_given_with_p(platform: Platform) -> None:
    templates = """
    - name: main
      inputs: {parameters: [{name: word}]}
      container: {image: busybox, command: [echo], args: ["{{inputs.parameters.word}} {{workflow.name}}"]}
    """
    arguments = {"parameters": [{"name": "word", "value": "default"}]}
    platform.run(workflow("given", templates, arguments=arguments), "-p", "word=a = b")
    assert log(platform, "given") == "a = b given\n"


def test_what_is_wrong_is_refused_with_its_place_and_the_nearest_name(platform: Platform) -> None:
    templates = """
    - name: main
      dag: {tasks: [{name: a, template: trian}]}
    - name: train
      container: {image: busybox}
    """
    refused = platform.run(workflow("typo", templates), check=False)
    assert refused.returncode == 1
    assert "templates.main.tasks.a template name 'trian' undefined" in refused.stdout
    assert 'did you mean "train"?' in refused.stdout
    unknown = platform.run(workflow("typo", ECHO, entrypont="main"), check=False)
    assert unknown.returncode == 1
    assert "entrypont" in unknown.stderr


def test_namespaces_are_apart(platform: Platform) -> None:
    platform.kubectl("create", "namespace", "lab")
    platform.run(workflow("apart", ECHO), "-n", "lab")
    assert platform.kubectl("get", "workflows", "-n", "lab", "-o", "name").strip().endswith("/apart")
    assert "apart" not in platform.kubectl("get", "workflows", "-o", "name")
    assert "Succeeded" in platform.command("workflow", "list", "-n", "lab").stdout
    platform.kubectl("delete", "namespace", "lab", "--timeout=30s")
    assert "not found" in platform.kubectl("get", "namespace", "lab", check=False)


def test_a_file_with_a_workflow_template_is_run_by_reference(platform: Platform) -> None:
    manifest = yaml.safe_load(workflow("greeter", ECHO))
    manifest["kind"] = "WorkflowTemplate"
    done = platform.run(yaml.safe_dump(manifest))
    assert "greeter-" in done.stdout
    assert platform.kubectl("get", "workflowtemplate", "greeter", "-o", "name")


def test_a_diamond_runs_in_its_order(platform: Platform) -> None:
    templates = """
    - name: main
      dag:
        tasks:
        - {name: a, template: say, arguments: {parameters: [{name: word, value: A}]}}
        - {name: b, template: say, depends: a, arguments: {parameters: [{name: word, value: "{{tasks.a.outputs.result}}B"}]}}
        - {name: c, template: say, depends: a.Succeeded, arguments: {parameters: [{name: word, value: "{{tasks.a.outputs.result}}C"}]}}
        - name: d
          template: say
          depends: b && c
          arguments: {parameters: [{name: word, value: "{{tasks.b.outputs.result}}{{tasks.c.outputs.result}}"}]}
    - name: say
      inputs: {parameters: [{name: word}]}
      script: {image: busybox, command: [sh], source: 'echo "{{inputs.parameters.word}}"'}
    """  # noqa: E501
    platform.run(workflow("diamond", templates))
    found = nodes(platform, "diamond")
    assert found["d"]["outputs"]["result"] == "ABAC"
    assert found["diamond"]["phase"] == "Succeeded"


def test_loops_over_items_parameters_and_numbers(platform: Platform) -> None:
    templates = """
    - name: main
      steps:
      - - {name: list, template: list}
      - - {name: items, template: say, withItems: [x, y], arguments: {parameters: [{name: word, value: "{{item}}"}]}}
        - {name: param, template: say, withParam: "{{steps.list.outputs.result}}", arguments: {parameters: [{name: word, value: "{{item.k}}"}]}}
        - {name: count, template: say, withSequence: {start: "3", end: "5"}, arguments: {parameters: [{name: word, value: "{{item}}"}]}}
      - - {name: all, template: say, arguments: {parameters: [{name: word, value: "{{steps.count.outputs.result}}"}]}}
    - name: list
      script: {image: "python:3", command: [python3], source: 'import json; print(json.dumps([{"k": "p"}, {"k": "q"}]))'}
    - name: say
      inputs: {parameters: [{name: word}]}
      script: {image: busybox, command: [sh], source: "echo '{{inputs.parameters.word}}'"}
    """  # noqa: E501
    platform.run(workflow("loops", templates))
    results = {n: v["outputs"]["result"] for n, v in nodes(platform, "loops").items() if v["type"] == "Pod"}
    assert results["items(0:x)"] == "x" and results["items(1:y)"] == "y"
    assert sorted(v for n, v in results.items() if n.startswith("param")) == ["p", "q"]
    assert sorted(v for n, v in results.items() if n.startswith("count")) == ["3", "4", "5"]
    assert json.loads(results["all"]) == [3, 4, 5]


def test_artifacts_go_from_step_to_step(platform: Platform) -> None:
    templates = """
    - name: main
      steps:
      - - {name: make, template: make}
      - - name: use
          template: use
          arguments:
            artifacts:
            - {name: tree, from: "{{steps.make.outputs.artifacts.tree}}"}
            - {name: note, raw: {data: a raw note}}
    - name: make
      container:
        image: busybox
        command: [sh, -c, "mkdir -p /tmp/tree/sub && echo deep > /tmp/tree/sub/file && echo 42 > /tmp/answer"]
      outputs:
        artifacts: [{name: tree, path: /tmp/tree}]
        parameters: [{name: answer, valueFrom: {path: /tmp/answer}}]
    - name: use
      inputs: {artifacts: [{name: tree, path: /data/tree}, {name: note, path: /data/note}]}
      container: {image: busybox, command: [sh, -c, "cat /data/tree/sub/file /data/note"]}
    """
    platform.run(workflow("artifacts", templates))
    found = nodes(platform, "artifacts")
    assert outputs(found["make"]) == {"answer": "42"}
    assert found["make"]["outputs"]["artifacts"][0]["s3"]["key"]
    assert log(platform, "artifacts") == "deep\na raw note"


def test_a_step_is_retried_until_it_succeeds(platform: Platform) -> None:
    templates = """
    - name: main
      retryStrategy: {limit: "3", retryPolicy: Always}
      container: {image: busybox, command: [sh, -c, "echo try {{retries}}; test {{retries}} = 2"]}
    """
    platform.run(workflow("retried", templates))
    phases = [n["phase"] for n in nodes(platform, "retried").values() if n["type"] == "Pod"]
    assert sorted(phases) == ["Failed", "Failed", "Succeeded"]


def test_the_exit_handler_knows_the_outcome(platform: Platform) -> None:
    templates = """
    - {name: main, container: {image: busybox, command: ["false"]}}
    - {name: bye, container: {image: busybox, command: [echo], args: ["it {{workflow.status}}"]}}
    """
    done = platform.run(workflow("handled", templates, onExit="bye"), check=False)
    assert done.returncode == 1
    assert "it Failed\n" in log(platform, "handled")


def test_when_decides(platform: Platform) -> None:
    templates = """
    - name: main
      steps:
      - - {name: coin, template: coin}
      - - {name: heads, template: say, when: "{{steps.coin.outputs.result}} == heads"}
        - {name: tails, template: say, when: "{{steps.coin.outputs.result}} == tails"}
    - {name: coin, script: {image: busybox, command: [sh], source: echo heads}}
    - {name: say, container: {image: busybox, command: ["true"]}}
    """
    platform.run(workflow("coin", templates))
    found = nodes(platform, "coin")
    assert (found["heads"]["phase"], found["tails"]["phase"]) == ("Succeeded", "Skipped")


SUSPENDED = """
- name: main
  steps:
  - - {name: ask, template: ask}
  - - {name: after, template: say, arguments: {parameters: [{name: word, value: "{{steps.ask.outputs.parameters.answer}}"}]}}
- name: ask
  suspend: {}
  inputs: {parameters: [{name: answer, default: "no", enum: ["yes", "no"]}]}
  outputs: {parameters: [{name: answer, valueFrom: {supplied: {}}}]}
- name: say
  inputs: {parameters: [{name: word}]}
  container: {image: busybox, command: [echo], args: ["{{inputs.parameters.word}}"]}
"""  # noqa: E501


def waits(platform: Platform, name: str) -> bool:
    found = platform.get("workflow", name).get("status", {}).get("nodes", {})
    return any(n["type"] == "Suspend" and n["phase"] == "Running" for n in found.values())


def test_a_suspended_workflow_goes_on_with_the_supplied_parameter(platform: Platform) -> None:
    platform.kubectl("create", "-f", "-", text=workflow("asks", SUSPENDED))
    eventually(lambda: waits(platform, "asks"), "the suspended step")
    platform.command("workflow", "resume", "asks", "-p", "answer=yes")
    assert platform.command("workflow", "follow", "asks").returncode == 0
    assert log(platform, "asks") == "yes\n"
    again = platform.command("workflow", "resume", "asks", check=False)
    assert again.returncode == 1
    assert "Succeeded" in again.stderr


LONG = """
- {name: main, container: {image: busybox, command: [sleep], args: ["300"]}}
- {name: bye, container: {image: busybox, command: [echo], args: [bye]}}
"""


def running(platform: Platform, name: str) -> bool:
    pods = platform.get("pods", "-l", f"workflows.argoproj.io/workflow={name}")["items"]
    return any(pod.get("status", {}).get("phase") == "Running" for pod in pods)


@pytest.mark.parametrize(("verb", "farewell"), [("stop", True), ("terminate", False)])
def test_stop_runs_the_exit_handler_and_terminate_does_not(
    platform: Platform, verb: str, farewell: bool
) -> None:
    name = f"to-{verb}"
    platform.kubectl("create", "-f", "-", text=workflow(name, LONG, onExit="bye"))
    eventually(lambda: running(platform, name), "the step to run")
    platform.command("workflow", verb, name)
    assert platform.command("workflow", "follow", name, check=False).returncode == 1
    assert any("onExit" in node for node in nodes(platform, name)) is farewell


def test_a_workflow_that_is_suspended_starts_no_further_step(platform: Platform) -> None:
    templates = """
    - name: main
      steps:
      - - {name: first, template: say}
      - - {name: second, template: say}
    - {name: say, container: {image: busybox, command: ["true"]}}
    """
    platform.kubectl("create", "-f", "-", text=workflow("held", templates, suspend=True))
    eventually(lambda: platform.get("workflow", "held").get("status"), "its status")
    assert platform.get("pods", "-l", "workflows.argoproj.io/workflow=held")["items"] == []
    platform.command("workflow", "resume", "held")
    assert platform.command("workflow", "follow", "held").returncode == 0


def test_a_resource_step_creates_and_waits(platform: Platform) -> None:
    templates = """
    - name: main
      resource:
        action: create
        setOwnerReference: true
        manifest: |
          apiVersion: v1
          kind: ConfigMap
          metadata: {name: made-by-workflow}
          data: {colour: "{{workflow.name}}"}
      outputs:
        parameters: [{name: colour, valueFrom: {jsonPath: "{.data.colour}"}}]
    """
    platform.run(workflow("resource", templates))
    made = platform.get("configmap", "made-by-workflow")
    assert made["data"] == {"colour": "resource"}
    assert made["metadata"]["ownerReferences"][0]["name"] == "resource"
    platform.kubectl("delete", "workflow", "resource")
    eventually(
        lambda: "not found" in platform.kubectl("get", "configmap", "made-by-workflow", check=False),
        "the garbage collector",
    )


def test_a_log_is_followed_while_it_grows(platform: Platform, tmp_path: Path) -> None:
    manifest = """
    apiVersion: v1
    kind: Pod
    metadata: {name: talker}
    spec:
      restartPolicy: Never
      containers:
      - {name: main, image: busybox, command: [sh, -c, 'for i in 1 2 3; do echo line $i; sleep 0.3; done']}
    """
    platform.kubectl("create", "-f", "-", text=manifest)
    eventually(lambda: platform.get("pod", "talker")["status"].get("phase") != "Pending", "the talker")
    assert platform.kubectl("logs", "-f", "talker") == "line 1\nline 2\nline 3\n"
    assert platform.kubectl("logs", "talker", "--tail=1") == "line 3\n"
    stamped = platform.kubectl("logs", "talker", "--timestamps").splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z line \d$", line) for line in stamped), stamped


def reasons(described: str) -> list[str]:
    return re.findall(r"^\s+(?:Normal|Warning)\s+(\w+)", described.partition("Events:")[2], re.M)


def test_describe_tells_the_story(platform: Platform) -> None:
    """A step's pod tells it when it failed or lived a while; a pod of one's own always does."""
    failing = "[{name: main, container: {image: busybox, command: ['false']}}]"
    platform.run(workflow("story", failing), check=False)
    told = eventually(
        lambda: {"Scheduled", "Created", "Started"} <= set(
            reasons(platform.kubectl("describe", "pods", "-l", "workflows.argoproj.io/workflow=story"))
        ), "the pod's story", 10,
    )
    assert told
    story = reasons(platform.kubectl("describe", "workflow", "story"))
    assert {"WorkflowRunning", "WorkflowFailed"} <= set(story)


def test_kubectl_wait_sees_the_conditions(platform: Platform) -> None:
    platform.kubectl("create", "-f", "-", text=workflow("awaited", ECHO))
    platform.kubectl("wait", "--for=condition=Completed", "workflow/awaited", "--timeout=30s")
    platform.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "workflow/awaited", "--timeout=5s")


def test_a_job_completes(platform: Platform) -> None:
    manifest = """
    apiVersion: batch/v1
    kind: Job
    metadata: {name: counted}
    spec:
      completions: 3
      parallelism: 2
      completionMode: Indexed
      template:
        spec:
          restartPolicy: Never
          containers: [{name: main, image: busybox, command: [sh, -c, 'echo index $JOB_COMPLETION_INDEX']}]
    """
    platform.kubectl("create", "-f", "-", text=manifest)
    platform.kubectl("wait", "--for=condition=complete", "job/counted", "--timeout=60s")
    said = platform.kubectl("logs", "-l", "job-name=counted", "--tail=-1").splitlines()
    assert sorted(said) == ["index 0", "index 1", "index 2"]


def test_init_containers_come_first_and_sidecars_end_with_the_pod(platform: Platform) -> None:
    manifest = """
    apiVersion: v1
    kind: Pod
    metadata: {name: crew}
    spec:
      restartPolicy: Never
      volumes: [{name: deck, emptyDir: {}}]
      initContainers:
      - {name: first, image: busybox, command: [sh, -c, 'echo ready > /deck/flag'], volumeMounts: [{name: deck, mountPath: /deck}]}
      - {name: mate, image: busybox, restartPolicy: Always, command: [sh, -c, 'echo up > /deck/mate; sleep 300'], volumeMounts: [{name: deck, mountPath: /deck}]}
      containers:
      - {name: main, image: busybox, command: [sh, -c, 'until [ -e /deck/mate ]; do sleep 0.05; done; cat /deck/flag /deck/mate'], volumeMounts: [{name: deck, mountPath: /deck}]}
    """  # noqa: E501
    platform.kubectl("create", "-f", "-", text=manifest)
    platform.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/crew", "--timeout=60s")
    assert platform.kubectl("logs", "crew", "-c", "main") == "ready\nup\n"


def test_volumes_and_the_downward_api(platform: Platform) -> None:
    manifest = """
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: settings}
    data: {colour: blue}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: hidden}
    stringData: {word: sesame}
    ---
    apiVersion: v1
    kind: PersistentVolumeClaim
    metadata: {name: kept}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: reader, labels: {crew: x}}
    spec:
      restartPolicy: Never
      volumes:
      - {name: c, configMap: {name: settings}}
      - {name: s, secret: {secretName: hidden}}
      - {name: p, persistentVolumeClaim: {claimName: kept}}
      containers:
      - name: main
        image: busybox
        command: [sh, -c]
        args: ['cat /c/colour /s/word; echo; echo $(WHO) $(GREETING) $LITERAL $COLOUR; echo $WHO >> /p/log; cat /p/log']
        env:
        - {name: WHO, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: GREETING, value: "ahoy $(WHO)"}
        - {name: LITERAL, value: "$$(WHO)"}
        - {name: COLOUR, valueFrom: {configMapKeyRef: {name: settings, key: colour}}}
        volumeMounts: [{name: c, mountPath: /c}, {name: s, mountPath: /s}, {name: p, mountPath: /p}]
    """  # noqa: E501
    manifest = re.sub(r"^    ", "", manifest, flags=re.M)
    platform.kubectl("apply", "-f", "-", text=manifest)
    platform.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/reader", "--timeout=60s")
    lines = platform.kubectl("logs", "reader").splitlines()
    assert lines[0] == "bluesesame"
    assert lines[1] == "reader ahoy reader $(WHO) blue"
    assert lines[2:] == ["reader"]
    platform.kubectl("delete", "pod", "reader")
    platform.kubectl("apply", "-f", "-", text=manifest)
    platform.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/reader", "--timeout=60s")
    assert platform.kubectl("logs", "reader").splitlines()[2:] == ["reader", "reader"]


def test_an_image_without_a_rule_waits_and_says_which_rule_to_write(platform: Platform) -> None:
    manifest = workflow("unknown", "[{name: main, container: {image: 'acme/tool:1', command: [tool]}}]")
    platform.kubectl("create", "-f", "-", text=manifest)
    advice = eventually(
        lambda: "acme/tool" in (
            told := platform.kubectl("describe", "pods", "-l", "workflows.argoproj.io/workflow=unknown")
        ).partition("Events:")[2] and told, "the event",
    )
    assert "environments.yaml" in advice
    platform.command("workflow", "terminate", "unknown")
    assert platform.command("workflow", "follow", "unknown", check=False).returncode == 1


def test_run_ends_with_control_c_and_the_workflow_goes_on(platform: Platform) -> None:
    from tests.e2e.platform import PINNACE

    environment = {**os.environ, "PINNACE_HOME": str(platform.home.root)}
    manifest = workflow("goes-on", LONG)
    process = subprocess.Popen(
        [*PINNACE, "run", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment,
    )
    assert process.stdin
    process.stdin.write(manifest)
    process.stdin.close()
    process.stdin = None
    eventually(lambda: running(platform, "goes-on"), "the step to run")
    process.send_signal(2)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert running(platform, "goes-on")
    platform.command("workflow", "terminate", "goes-on")
