"""Pipelines as kfp 1.8 had them written, in the features of upstream's samples of that time. A program: run by a
Python with that kfp, it compiles them into a folder and writes `expected.json` beside them.
"""

# ruff: noqa
import json
import sys
import warnings

warnings.filterwarnings("ignore")
from typing import NamedTuple, List
import kfp
from kfp import dsl, components
from kfp.components import (
    create_component_from_func,
    func_to_container_op,
    InputPath,
    OutputPath,
    load_component_from_text,
)
from kubernetes import client as k8s

CASES = {}


def case(phase="Succeeded", **rest):
    def keep(f):
        CASES[f._component_human_name.replace(" ", "-")] = (f, dict(phase=phase, **rest))
        return f

    return keep


def random_num(low: int, high: int) -> int:
    return high


random_op = create_component_from_func(random_num)


def flip() -> str:
    return "heads"


flip_op = create_component_from_func(flip)


def say(msg: str):
    print("said", msg)


say_op = create_component_from_func(say)


def fail():
    raise SystemExit(1)


fail_op = create_component_from_func(fail)


@case()
@dsl.pipeline(name="conditional-execution-pipeline", description="as of that time")
def cond():
    f = flip_op()
    with dsl.Condition(f.output == "heads"):
        r = random_op(0, 9)
        with dsl.Condition(r.output > 5):
            say_op("heads and %s > 5!" % r.output)
        with dsl.Condition(r.output <= 5):
            say_op("heads and %s <= 5!" % r.output)
    with dsl.Condition(f.output == "tails"):
        say_op("tails")


@case()
@dsl.pipeline(name="my-pipeline-loops")
def loops(my_pipe_param: int = 10, items: list = [4, 5]):
    with dsl.ParallelFor([{"a": 1, "b": 10}, {"a": 2, "b": 20}], parallelism=1) as item:
        dsl.ContainerOp(
            name="in",
            image="library/bash:4.4.23",
            command=["sh", "-c"],
            arguments=["echo op1 %s %s" % (item.a, my_pipe_param)],
        )
        with dsl.ParallelFor([1, 2]) as inner:
            dsl.ContainerOp(
                name="in2",
                image="library/bash:4.4.23",
                command=["sh", "-c"],
                arguments=["echo %s %s" % (item.b, inner)],
            )
    with dsl.ParallelFor(items) as i:
        say_op(i)


def produce_list() -> List[dict]:
    return [{"a": "x", "b": 1}, {"a": "y", "b": 2}]


@case()
@dsl.pipeline(name="loop-over-output")
def loop_out():
    l = create_component_from_func(produce_list)()
    with dsl.ParallelFor(l.output) as item:
        s = say_op(item.a)
        dsl.ContainerOp(
            name="echo", image="alpine:3.6", command=["sh", "-c"], arguments=["echo %s" % item.b]
        ).after(s)


@case()
@dsl.pipeline(name="exit-handler")
def exits(url: str = "x"):
    e = dsl.ContainerOp(
        name="echo",
        image="library/bash:4.4.23",
        command=["sh", "-c"],
        arguments=['echo "$0"', "exit! {{workflow.status}}"],
    )
    with dsl.ExitHandler(e):
        d = dsl.ContainerOp(
            name="write",
            image="alpine",
            command=["sh", "-c"],
            arguments=['printf "$0" > /tmp/results.txt', url],
            file_outputs={"data": "/tmp/results.txt"},
        )
        dsl.ContainerOp(
            name="echo2", image="alpine", command=["sh", "-c"], arguments=['test "$0" = x', d.output]
        )


@case("Failed")
@dsl.pipeline(name="exit-handler-failing")
def exits_failing():
    e = say_op("over")
    with dsl.ExitHandler(e):
        fail_op()


def write_data(n: int, out_path: OutputPath("CSV"), rows_path: OutputPath(int)):
    open(out_path, "w").write("a,b\n" * n)
    open(rows_path, "w").write(str(n))


def read_data(data_path: InputPath("CSV"), expected: int) -> NamedTuple(
    "Outputs", [("rows", int), ("mlpipeline_metrics", "Metrics"), ("mlpipeline_ui_metadata", "UI_metadata")]
):
    import json

    n = len(open(data_path).readlines())
    assert n == expected, (n, expected)
    metrics = {"metrics": [{"name": "rows", "numberValue": n, "format": "RAW"}]}
    ui = {"outputs": [{"type": "markdown", "storage": "inline", "source": "# hi"}]}
    return (n, json.dumps(metrics), json.dumps(ui))


@case()
@dsl.pipeline(name="artifacts")
def artifacts(n: int = 3):
    w = create_component_from_func(write_data)(n)
    create_component_from_func(read_data)(w.outputs["out"], w.outputs["rows"])


produce_dir = load_component_from_text("""
name: Produce directory
inputs:
- {name: num_files, type: Integer}
outputs:
- {name: subdir, type: Directory}
implementation:
  container:
    image: alpine
    command:
    - sh
    - -ecx
    - |
      num_files="$0"
      output_path="$1"
      mkdir -p "$output_path"
      for i in $(seq "$num_files"); do
        echo "$i" > "$output_path/${i}.txt"
      done
    - {inputValue: num_files}
    - {outputPath: subdir}
""")
list_dir = load_component_from_text("""
name: List dir files
inputs:
- {name: subdir, type: Directory}
- {name: note, optional: true}
implementation:
  container:
    image: alpine
    command:
    - sh
    - -ecx
    - 'test $(ls "$0" | wc -l) = 5 && test "${2:-}" = ""'
    - {inputPath: subdir}
    - if:
        cond: {isPresent: note}
        then: [--note, {inputValue: note}]
""")


@case()
@dsl.pipeline(name="output-a-directory")
def directory():
    p = produce_dir(5)
    list_dir(p.output)


@case()
@dsl.pipeline(name="recursive-loop-pipeline")
def recursion():
    f = flip_n_op(0)
    flip_component(f.output)
    dsl.ContainerOp(name="print", image="alpine:3.6", command=["echo", "done"]).after(f)


def flip_n(n: int) -> int:
    return int(n) + 1


flip_n_op = create_component_from_func(flip_n)


@dsl.graph_component
def flip_component(flip_result):
    with dsl.Condition(flip_result < 3):
        b = flip_n_op(flip_result)
        flip_component(b.output)


@case()
@dsl.pipeline(name="volumeop-and-resourceop")
def volumes(size: str = "1Gi"):
    v = dsl.VolumeOp(name="create-pvc", resource_name="my-pvc", modes=dsl.VOLUME_MODE_RWO, size=size)
    a = dsl.ContainerOp(
        name="step1",
        image="library/bash:4.4.23",
        command=["sh", "-c"],
        arguments=["echo foo > /mnt/file1"],
        pvolumes={"/mnt": v.volume},
    )
    dsl.ContainerOp(
        name="step2",
        image="library/bash:4.4.23",
        command=["sh", "-c"],
        arguments=["grep foo /mnt2/file1"],
        pvolumes={"/mnt2": a.pvolume},
    )
    r = dsl.ResourceOp(
        name="make-map",
        k8s_resource={
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"generateName": "from-pipeline-"},
            "data": {"k": "v"},
        },
        action="create",
        attribute_outputs={"value": "{.data.k}"},
    )
    say_op(r.outputs["value"])


@case(secrets={"mysecret": {"username": "u"}})
@dsl.pipeline(name="settings")
def settings():
    o = dsl.ContainerOp(
        name="op",
        image="alpine",
        command=["sh", "-c"],
        arguments=[
            "test $A = b && test $U = u && test $RUN = '%s' && test $EX != ''" % dsl.RUN_ID_PLACEHOLDER
        ],
    )
    o.add_env_variable(k8s.V1EnvVar(name="A", value="b"))
    o.add_env_variable(
        k8s.V1EnvVar(
            name="U",
            value_from=k8s.V1EnvVarSource(
                secret_key_ref=k8s.V1SecretKeySelector(name="mysecret", key="username")
            ),
        )
    )
    o.add_env_variable(k8s.V1EnvVar(name="RUN", value=dsl.RUN_ID_PLACEHOLDER))
    o.add_env_variable(k8s.V1EnvVar(name="EX", value=dsl.EXECUTION_ID_PLACEHOLDER))
    o.set_memory_limit("256Mi").set_cpu_request("100m").set_retry(2).set_timeout(60).add_pod_label(
        "a", "b"
    ).add_pod_annotation("c", "d")
    o.add_toleration(k8s.V1Toleration(effect="NoSchedule", key="x", operator="Equal", value="true"))
    o.set_display_name("My op").add_node_selector_constraint("kubernetes.io/os", "linux").set_caching_options(
        False
    )
    o.execution_options.caching_strategy.max_cache_staleness = "P0D"
    conf = dsl.get_pipeline_conf()
    conf.set_ttl_seconds_after_finished(3600).set_parallelism(5).set_timeout(600).set_image_pull_secrets(
        [k8s.V1LocalObjectReference(name="regcred")]
    )
    conf.set_default_pod_node_selector("kubernetes.io/os", "linux")


@case()
@dsl.pipeline(name="sidecars-and-init")
def sidecars():
    echo = dsl.Sidecar(name="echo", image="alpine", command=["sh", "-c", "while true; do sleep 1; done"])
    init = dsl.UserContainer(
        "init", image="alpine", command=["sh", "-c", "echo init > /shared/x"], mirror_volume_mounts=True
    )
    o = dsl.ContainerOp(
        name="main",
        image="alpine",
        command=["sh", "-c"],
        arguments=["cat /shared/x"],
        sidecars=[echo],
        init_containers=[init],
    )
    o.add_volume(k8s.V1Volume(name="shared", empty_dir=k8s.V1EmptyDirVolumeSource()))
    o.add_volume_mount(k8s.V1VolumeMount(name="shared", mount_path="/shared"))


@case("Succeeded")
@dsl.pipeline(name="retry-random-failures")
def retry():
    o = dsl.ContainerOp(name="r", image="alpine", command=["sh", "-c"], arguments=["test {{retries}} -ge 1"])
    o.set_retry(3, backoff_duration="1s", backoff_factor=2.0)


@case()
@dsl.pipeline(name="with-packages")
def packages():
    def use() -> str:
        import iniconfig, importlib.metadata as m

        return m.version("iniconfig")

    u = create_component_from_func(use, base_image="python:3.11", packages_to_install=["iniconfig==2.0.0"])()
    dsl.ContainerOp(
        name="check", image="alpine", command=["sh", "-c"], arguments=['test "$0" = 2.0.0', u.output]
    )


@case()
@dsl.pipeline(name="two-inputs-download", description="parallel join")
def join(url1: str = "one", url2: str = "two"):
    def get(u):
        return dsl.ContainerOp(
            name="get",
            image="alpine",
            command=["sh", "-c"],
            arguments=['printf %s "$0" > /tmp/out', u],
            file_outputs={"data": "/tmp/out"},
        )

    a, b = get(url1), get(url2)
    dsl.ContainerOp(
        name="join",
        image="alpine",
        command=["sh", "-c"],
        arguments=['test "$0$1" = onetwo', a.outputs["data"], b.outputs["data"]],
    )


@case()
@dsl.pipeline(name="input-artifact-raw-value")
def raw():
    c = load_component_from_text("""
name: consume
inputs: [{name: data}]
implementation: {container: {image: alpine, command: [sh, -c, 'test "$(cat $0)" = "const text"', {inputPath: data}]}}
""")
    c("const text")
    dsl.ContainerOp(
        name="raw",
        image="alpine",
        command=["cat"],
        arguments=["/tmp/in"],
        artifact_argument_paths=[dsl.InputArgumentPath("hello", path="/tmp/in")],
    )


if __name__ == "__main__":
    folder, expected = sys.argv[1], {}
    for name, (func, made) in CASES.items():
        kfp.compiler.Compiler().compile(func, "%s/%s.yaml" % (folder, name))
        expected[name] = made
    with open(folder + "/expected.json", "w") as file:
        json.dump(expected, file)
