"""Pipelines as users write them, and what must come of each. A program: run by a Python that has kfp, it
compiles them into a folder and writes `expected.json` beside them.
"""

# ruff: noqa
import json
import os
import sys
from typing import Dict, List, NamedTuple, Optional
from urllib.parse import urlsplit
from kfp import dsl, kubernetes
from kfp.dsl import (
    Artifact,
    ClassificationMetrics,
    Dataset,
    HTML,
    Input,
    InputPath,
    Markdown,
    Metrics,
    Model,
    Output,
    OutputPath,
    PipelineTaskFinalStatus,
)

CASES = {}
IMAGE = "python:3.11"
INDEX = os.environ.get("PIP_INDEX_URL", "")


def pipe(**words):
    def keep(func):
        func.words = words
        return func

    return keep


def ret(**values):
    import collections

    return collections.namedtuple("Outputs", values)(**values)


def case(phase="SUCCEEDED", args=None, outputs=None, tasks=None, caching=None, **rest):
    def keep(func):
        CASES[func.words["name"]] = dict(
            func=func,
            phase=phase,
            args=args or {},
            outputs=outputs or {},
            tasks=tasks or {},
            caching=caching,
            **rest,
        )
        return func

    return keep


def comp(func):
    return dsl.component(func, base_image=IMAGE)


@comp
def ident(x: str) -> str:
    return x


@comp
def pair(a: str, b: str) -> str:
    return a + b


@comp
def add(a: int, b: int) -> int:
    return a + b


@comp
def total(values: List[int]) -> int:
    return sum(values)


@comp
def shown(value: list) -> str:
    import json

    return json.dumps(value)


@comp
def shown_dict(value: dict) -> str:
    import json

    return json.dumps(value, sort_keys=True)


@comp
def numbers(n: int) -> List[int]:
    return list(range(n))


@comp
def dicts(n: int) -> List[Dict[str, int]]:
    return [{"a": i, "b": i * 10} for i in range(n)]


@comp
def boom(text: str = "on purpose") -> str:
    raise RuntimeError(text)


@comp
def even(n: int) -> bool:
    return n % 2 == 0


@comp
def make(text: str, out: Output[Dataset]):
    out.metadata["words"] = len(text.split())
    out.metadata["nested"] = {"a": [1, 2.5, "x"]}
    with open(out.path, "w") as f:
        f.write(text)


@comp
def read(data: Input[Dataset]) -> str:
    return open(data.path).read()


@comp
def read_all(data: Input[List[Dataset]]) -> str:
    return "|".join(open(d.path).read() for d in data)


@comp
def status_of(status: PipelineTaskFinalStatus) -> str:
    assert status.pipeline_job_resource_name, status
    return f"{status.state} {status.pipeline_task_name} {status.error_code} {bool(status.error_message)}"


@dsl.pipeline(name="inner")
def inner(x: int, y: int = 1) -> int:
    a = add(a=x, b=y)
    b = add(a=a.output, b=0)
    return b.output


@dsl.pipeline(name="several")
def several() -> List[Dataset]:
    with dsl.ParallelFor(items=["a", "b"]) as i:
        m = make(text=i)
    return dsl.Collected(m.outputs["out"])


@dsl.pipeline(name="inner-boom")
def inner_boom():
    boom()


@dsl.pipeline(name="grandchild")
def grand(n: int, data: Input[Dataset]) -> NamedTuple("G", n=int, text=str):
    r = read(data=data)
    return ret(n=add(a=n, b=4).output, text=r.output)


@dsl.pipeline(name="child")
def child(x: str, n: int = 3, missing: Optional[str] = None) -> NamedTuple("C", n=int, text=str, d=Dataset):
    m = make(text=f"child: {x}")
    g = grand(n=n, data=m.outputs["out"])
    return ret(n=g.outputs["n"], text=g.outputs["text"], d=m.outputs["out"])


# ---- loops ---------------------------------------------------------------------------------------
@case(outputs={"t": 12})
@pipe(name="collected-nested-in-if")
def collected_nested_in_if(n: int = 3, go: bool = True) -> NamedTuple("O", t=int):
    with dsl.If(go == True):
        with dsl.ParallelFor(items=[0, 1, 2]) as i:
            a = add(a=i, b=3)
        t = total(values=dsl.Collected(a.output))
    with dsl.Else():
        e = ident(x="no")
        t2 = add(a=1, b=1)
    return ret(t=dsl.OneOf(t.output, t2.output))


@case(outputs={"Output": "[[11, 12], [21, 22]]"})
@pipe(name="loops-nested-collected")
def loops_nested_collected() -> str:
    with dsl.ParallelFor(items=[10, 20]) as outer:
        with dsl.ParallelFor(items=[1, 2]) as inner:
            a = add(a=outer, b=inner)
    return shown(value=dsl.Collected(a.output)).output


@case(outputs={"Output": 60 + 6})
@pipe(name="loops-nested-subvar-of-outer")
def loops_nested_subvar_of_outer(
    items: List[Dict[str, int]] = [{"a": 1, "b": 10}, {"a": 2, "b": 20}, {"a": 3, "b": 30}],
) -> int:
    with dsl.ParallelFor(items) as item:
        s = add(a=item.a, b=item.b)
    return total(values=dsl.Collected(s.output)).output


@case(outputs={"Output": 33})
@pipe(name="loop-over-task-output-dicts")
def loop_over_task_output_dicts() -> int:
    d = dicts(n=3)
    with dsl.ParallelFor(d.output) as item:
        s = add(a=item.a, b=item.b)
    return total(values=dsl.Collected(s.output)).output


@case(outputs={"Output": "[]"})
@pipe(name="loop-over-nothing")
def loop_over_nothing() -> str:
    n = numbers(n=0)
    with dsl.ParallelFor(n.output) as item:
        s = add(a=item, b=1)
    return shown(value=dsl.Collected(s.output)).output


@case(outputs={"Output": "[[0, 1], [0, 1], [0, 1]]"})
@pipe(name="loop-in-loop-dynamic")
def loop_in_loop_dynamic() -> str:
    n = numbers(n=3)
    with dsl.ParallelFor(n.output, parallelism=2) as i:
        m = numbers(n=2)
        with dsl.ParallelFor(m.output) as j:
            s = add(a=j, b=0)
            t = add(a=i, b=s.output)
    return shown(value=dsl.Collected(s.output)).output


@case(phase="FAILED", tasks={"for-loop-2": "FAILED", "shown": "OMITTED"})
@pipe(name="loop-with-failing-turn")
def loop_with_failing_turn() -> str:
    with dsl.ParallelFor(items=["a", "b"]) as i:
        with dsl.If(i == "b"):
            boom()
        x = ident(x=i)
    return shown(value=dsl.Collected(x.output)).output


@case(outputs={"Output": "a|b|c"})
@pipe(name="collected-artifacts")
def collected_artifacts() -> str:
    with dsl.ParallelFor(items=["a", "b", "c"]) as i:
        m = make(text=i)
    return read_all(data=dsl.Collected(m.outputs["out"])).output


@case(outputs={"Output": "ax|ay|bx|by"})
@pipe(name="collected-artifacts-nested")
def collected_artifacts_nested() -> str:
    with dsl.ParallelFor(items=["a", "b"]) as i:
        with dsl.ParallelFor(items=["x", "y"]) as j:
            m = make(text=pair(a=i, b=j).output)
    return read_all(data=dsl.Collected(m.outputs["out"])).output


@case(outputs={"Output": '["A", "B"]'})
@pipe(name="loop-over-artifacts")
def loop_over_artifacts() -> str:
    @dsl.component(base_image=IMAGE)
    def upper(d: Input[Dataset]) -> str:
        return open(d.path).read().upper()

    with dsl.ParallelFor(items=several().output) as one:
        u = upper(d=one)
    return shown(value=dsl.Collected(u.output)).output


@case(outputs={"Output": '[true, [1, 2], 1.5, {"a": 1}]'})
@pipe(name="loop-items-of-each-type")
def loop_items_of_each_type() -> str:
    return shown(value=[True, [1, 2], 1.5, {"a": 1}]).output


@case(outputs={"Output": '["1-x", "2-x"]'}, args={"items": [1, 2]})
@pipe(name="loop-param-text")
def loop_param_text(items: List[int], tail: str = "x") -> str:
    with dsl.ParallelFor(items) as i:
        t = ident(x=f"{i}-{tail}")
    return shown(value=dsl.Collected(t.output)).output


@case(outputs={"Output": 10})
@pipe(name="loop-of-pipelines")
def loop_of_pipelines() -> int:
    with dsl.ParallelFor(items=[1, 2, 3]) as i:
        r = inner(x=i)
    with dsl.ParallelFor(items=[1]) as k:
        add(a=k, b=k)
    t = total(values=dsl.Collected(r.output))
    return add(a=t.output, b=1).output


# ---- conditions ----------------------------------------------------------------------------------
@case(outputs={"Output": "mid"}, args={"n": 5})
@pipe(name="elif-oneof")
def elif_oneof(n: int) -> str:
    a = add(a=n, b=0)
    with dsl.If(a.output > 10):
        x = ident(x="big")
    with dsl.Elif(a.output > 3):
        y = ident(x="mid")
    with dsl.Else():
        z = ident(x="small")
    return ident(x=dsl.OneOf(x.output, y.output, z.output)).output


@case(outputs={"Output": "tails"})
@pipe(name="oneof-artifact")
def oneof_artifact(side: str = "t") -> str:
    with dsl.If(side == "h"):
        x = make(text="heads")
    with dsl.Else():
        y = make(text="tails")
    return read(data=dsl.OneOf(x.outputs["out"], y.outputs["out"])).output


@case(outputs={"Output": "deep"})
@pipe(name="oneof-nested")
def oneof_nested(a: bool = True, b: float = 0.5) -> str:
    with dsl.If(a == True):
        with dsl.If(b >= 0.5):
            x = ident(x="deep")
        with dsl.Else():
            y = ident(x="shallow")
        m = ident(x=dsl.OneOf(x.output, y.output))
    with dsl.Else():
        z = ident(x="else")
    return dsl.OneOf(m.output, z.output)


@case(tasks={"condition-1": "SKIPPED"})
@pipe(name="condition-skips-dependents")
def condition_skips_dependents(flag: str = "no"):
    with dsl.If(flag == "yes"):
        a = ident(x="in")
        b = ident(x=a.output)


@case(outputs={"Output": "yes"})
@pipe(name="condition-on-text-with-quotes")
def condition_on_text_with_quotes(flag: str = 'its "so" {{x}}') -> str:
    a = ident(x=flag)
    with dsl.If(a.output == 'its "so" {{x}}'):
        y = ident(x="yes")
    with dsl.Else():
        n = ident(x="no")
    return dsl.OneOf(y.output, n.output)


@case(outputs={"Output": "[true, false, true]"})
@pipe(name="conditions-in-loops")
def conditions_in_loops() -> str:
    n = numbers(n=3)
    with dsl.ParallelFor(n.output) as i:
        e = even(n=i)
        with dsl.If(e.output == True):
            ident(x="even")
    return shown(value=dsl.Collected(e.output)).output


@case(outputs={"Output": "not"})
@pipe(name="condition-not-equal-null-default")
def condition_not_equal_null_default(x: Optional[str] = None, y: float = 1.0) -> str:
    with dsl.If(y != 2):
        a = ident(x="not")
    with dsl.Else():
        b = ident(x="is")
    return dsl.OneOf(a.output, b.output)


# ---- exit handlers, failure ----------------------------------------------------------------------
@case(phase="FAILED", tasks={"status-of": "SUCCEEDED", "exit-handler-1": "FAILED"})
@pipe(name="exit-after-failure")
def exit_after_failure():
    s = status_of()
    with dsl.ExitHandler(s):
        b = boom()
        ident(x=b.output)


@case(tasks={"check": "SUCCEEDED"})
@pipe(name="exit-after-success")
def exit_after_success():
    @dsl.component(base_image=IMAGE)
    def check(status: PipelineTaskFinalStatus, who: str):
        assert status.state in ("COMPLETE", "SUCCEEDED"), status
        assert status.pipeline_task_name == "my-block" or status.pipeline_task_name.startswith(
            "exit-handler"
        ), status
        assert who == "ada"
        assert not status.error_message, status

    with dsl.ExitHandler(check(who="ada"), name="my-block"):
        with dsl.ParallelFor([1, 2]) as i:
            add(a=i, b=1)


@case(phase="FAILED", tasks={"check": "SUCCEEDED"})
@pipe(name="final-status-of-one-task")
def final_status_of_one_task() -> str:
    b = boom()

    @dsl.component(base_image=IMAGE)
    def check(x: str = "d") -> str:
        assert x == "d", x
        return x

    return check(x=b.output).ignore_upstream_failure().output


@case(phase="FAILED", tasks={"fall": "SUCCEEDED"})
@pipe(name="ignore-upstream-default")
def ignore_upstream_default() -> str:
    @dsl.component(base_image=IMAGE)
    def fall(x: str = "fallback") -> str:
        return x

    b = boom()
    return fall(x=b.output).ignore_upstream_failure().output


@case(phase="FAILED", tasks={"ident": "SUCCEEDED", "boom": "FAILED", "ident-2": "OMITTED"})
@pipe(name="siblings-go-on")
def siblings_go_on():
    b = boom()
    a = ident(x="a")
    ident(x="c").after(b)


@case(tasks={"flaky": "SUCCEEDED"}, args={}, outputs={"Output": 2}, pvc="attempts")
@pipe(name="retry-with-backoff")
def retry_with_backoff() -> int:
    @dsl.component(base_image=IMAGE)
    def flaky() -> int:
        import os

        path = "/data/count"
        n = int(open(path).read()) if os.path.exists(path) else 0
        open(path, "w").write(str(n + 1))
        if n < 2:
            raise SystemExit(3)
        return n

    f = flaky().set_retry(3, backoff_duration="1s", backoff_factor=1.5, backoff_max_duration="300s")
    f.set_caching_options(False)
    kubernetes.mount_pvc(f, pvc_name="attempts", mount_path="/data")
    return f.output


@case(phase="FAILED", tasks={"boom": "FAILED"})
@pipe(name="retry-in-vain")
def retry_in_vain():
    boom().set_retry(1)


# ---- components ----------------------------------------------------------------------------------
@case(outputs={"s": "x", "i": 3, "f": 2.5, "b": True, "l": [1, {"a": 2}], "d": {"k": [1.5, 0, 7]}})
@pipe(name="types-through")
def types_through(
    s: str = "x",
    i: int = 3,
    f: float = 2.5,
    b: bool = True,
    l: list = [1, {"a": 2}],
    d: dict = {"k": [1.5, 0, 7]},
) -> NamedTuple("O", s=str, i=int, f=float, b=bool, l=list, d=dict):
    @dsl.component(base_image=IMAGE)
    def through(s: str, i: int, f: float, b: bool, l: list, d: dict) -> NamedTuple(
        "O", [("s", str), ("i", int), ("f", float), ("b", bool), ("l", list), ("d", dict)]
    ):
        from collections import namedtuple

        assert type(i) is int and type(f) is float and type(b) is bool, (i, f, b)
        assert type(l[0]) is int and type(l[1]["a"]) is int and type(d["k"][2]) is int, (l, d)
        return namedtuple("O", "s i f b l d")(s, i, f, b, l, d)

    t = through(s=s, i=i, f=f, b=b, l=l, d=d)
    return ret(**{k: t.outputs[k] for k in "sifbld"})


@case(outputs={"Output": "none 5 list"})
@pipe(name="optionals")
def optionals(x: Optional[str] = None) -> str:
    @dsl.component(base_image=IMAGE)
    def opt(
        x: Optional[str] = None, y: int = 5, z: Optional[List[int]] = None, w: Optional[dict] = None
    ) -> str:
        return f"{'none' if x is None else x} {y} {'list' if z is None else z}"

    return opt(x=x).output


@case(outputs={"Output": "none ds"})
@pipe(name="optional-artifacts")
def optional_artifacts() -> str:
    @dsl.component(base_image=IMAGE)
    def opt(a: Optional[Input[Dataset]] = None, b: Optional[Input[Dataset]] = None) -> str:
        return f"{'none' if a is None else 'some'} {open(b.path).read()}"

    return opt(b=make(text="ds").outputs["out"]).output


@case(outputs={"Output": "file 7"})
@pipe(name="paths-in-and-out")
def paths_in_and_out() -> str:
    @dsl.component(base_image=IMAGE)
    def write(n: OutputPath(int), t: OutputPath(str), o: OutputPath("Dataset")):
        open(n, "w").write("7")
        open(t, "w").write("file")
        open(o, "w").write("data")

    @dsl.component(base_image=IMAGE)
    def join(n: int, t: str, d: InputPath("Dataset")) -> str:
        assert open(d).read() == "data"
        return f"{t} {n}"

    w = write()
    return join(n=w.outputs["n"], t=w.outputs["t"], d=w.outputs["o"]).output


@case(outputs={"Output": "2 files"})
@pipe(name="directory-artifacts")
def directory_artifacts() -> str:
    @dsl.component(base_image=IMAGE)
    def folder(out: Output[Model]):
        import os

        os.makedirs(out.path + "/sub")
        open(out.path + "/a", "w").write("a")
        open(out.path + "/sub/b", "w").write("b")
        out.framework = "toy"

    @dsl.component(base_image=IMAGE)
    def count(m: Input[Model]) -> str:
        import os

        assert m.framework == "toy", m.metadata
        return f"{sum(len(f) for _, _, f in os.walk(m.path))} files"

    return count(m=folder().outputs["out"]).output


@case()
@pipe(name="metrics-of-all-kinds")
def metrics_of_all_kinds():
    @dsl.component(base_image=IMAGE)
    def measure(m: Output[Metrics], c: Output[ClassificationMetrics], h: Output[HTML], md: Output[Markdown]):
        m.log_metric("accuracy", 0.5)
        m.log_metric("n", 3)
        c.log_roc_curve([0.0, 0.5, 1.0], [0.0, 0.7, 1.0], [1.0, 0.5, 0.0])
        c.log_confusion_matrix(["a", "b"], [[1, 2], [3, 4]])
        open(h.path, "w").write("<b>x</b>")
        open(md.path, "w").write("# x")

    @dsl.component(base_image=IMAGE)
    def look(m: Input[Metrics], c: Input[ClassificationMetrics]):
        assert m.metadata == {"accuracy": 0.5, "n": 3}, m.metadata
        assert c.metadata["confusionMatrix"]["rows"][1]["row"] == [3, 4], c.metadata

    t = measure()
    look(m=t.outputs["m"], c=t.outputs["c"])


@case(outputs={"Output": "both x,y"})
@pipe(name="pythonic-artifacts")
def pythonic_artifacts() -> str:
    @dsl.component(base_image=IMAGE, packages_to_install=[])
    def gen(text: str) -> Dataset:
        d = Dataset(uri=dsl.get_uri("mine"), metadata={"k": text})
        open(d.path, "w").write(text)
        return d

    @dsl.component(base_image=IMAGE)
    def two() -> NamedTuple("O", a=Dataset, n=int):
        d = Dataset(uri=dsl.get_uri("a"), metadata={"k": "y"})
        open(d.path, "w").write("y")
        O = NamedTuple("O", a=Dataset, n=int)
        return O(a=d, n=3)

    @dsl.component(base_image=IMAGE)
    def join(a: Dataset, b: Dataset, n: int) -> str:
        assert a.metadata["k"] == "x" and n == 3
        return f"both {open(a.path).read()},{open(b.path).read()}"

    t = two()
    return join(a=gen(text="x").output, b=t.outputs["a"], n=t.outputs["n"]).output


@case(outputs={"Output": "12"})
@pipe(name="custom-path")
def custom_path() -> str:
    @dsl.component(base_image=IMAGE)
    def elsewhere(out: Output[Dataset]):
        import os

        os.makedirs("/tmp/own/place", exist_ok=True)
        out.custom_path = "/tmp/own/place/file"
        assert out.path == "/tmp/own/place/file"
        open(out.path, "w").write("12")

    return read(data=elsewhere().outputs["out"]).output


@case(outputs={"Output": "(base) ADDED embedded"})
@pipe(name="additional-funcs")
def additional_funcs() -> str:
    def extra(x: str) -> str:
        return x.upper()

    @dsl.component(base_image=IMAGE, additional_funcs=[extra])
    def use(x: str) -> str:
        return f"(base) {extra(x)} embedded"

    return use(x="added").output


@case(outputs={"Output": "2.0"})
@pipe(name="packages-in-venv")
def packages_in_venv() -> str:
    @dsl.component(base_image=IMAGE, packages_to_install=["iniconfig==2.0.0"], use_venv=True)
    def version() -> str:
        import iniconfig, importlib.metadata as m

        return m.version("iniconfig")[:3]

    return version().output


@case(outputs={"Output": "2.0"})
@pipe(name="packages-with-index")
def packages_with_index() -> str:
    @dsl.component(
        base_image=IMAGE,
        packages_to_install=["iniconfig==2.0.0"],
        pip_index_urls=[INDEX] if INDEX else None,
        pip_trusted_hosts=[urlsplit(INDEX).hostname or ""] if INDEX else None,
    )
    def version() -> str:
        import iniconfig, importlib.metadata as m

        return m.version("iniconfig")[:3]

    return version().output


@case(outputs={"Output": "dep yes"})
@pipe(name="env-and-display-name")
def env_and_display_name() -> str:
    @dsl.component(base_image=IMAGE)
    def env() -> str:
        import os

        return os.environ["A"] + " " + os.environ["B"]

    t = env().set_env_variable("A", "dep").set_env_variable("B", "yes").set_display_name("Shown: with blanks")
    t.set_cpu_limit("1").set_memory_limit("512Mi").set_cpu_request("100m").set_memory_request("64Mi")
    return t.output


# ---- container components ------------------------------------------------------------------------
@dsl.container_component
def echo(
    text: str, n: int, out: OutputPath(str), flag: Optional[bool] = None, tags: Optional[List[str]] = None
):
    return dsl.ContainerSpec(
        image="alpine",
        command=[
            "sh",
            "-c",
            'out="$1"; shift; mkdir -p "$(dirname "$out")"; printf "%s;" "$@" > "$out"',
            "sh",
            out,
        ],
        args=[
            "--text",
            text,
            dsl.ConcatPlaceholder(["n=", n, "!", dsl.ConcatPlaceholder(["(", text, ")"])]),
            dsl.IfPresentPlaceholder(input_name="flag", then=["--flag", flag], else_=["--no-flag"]),
            dsl.IfPresentPlaceholder(input_name="tags", then=dsl.ConcatPlaceholder(["tags=", tags])),
        ],
    )


@case(
    outputs={
        "a": '--text;he said "hi" $HOME;n=3!(he said "hi" $HOME);--no-flag;',
        "b": '--text;x;n=4!(x);--flag;true;tags=["p","q"];',
    }
)
@pipe(name="container-structures")
def container_structures() -> NamedTuple("O", a=str, b=str):
    a = echo(text='he said "hi" $HOME', n=3)
    b = echo(text="x", n=4, flag=True, tags=["p", "q"])
    return ret(a=a.outputs["out"], b=b.outputs["out"])


@case(outputs={"Output": "made by sh"})
@pipe(name="container-artifacts")
def container_artifacts() -> str:
    @dsl.container_component
    def maker(out: Output[Dataset]):
        return dsl.ContainerSpec(
            image="alpine", command=["sh", "-c"], args=[f"printf 'made by sh' > {out.path}"]
        )

    @dsl.container_component
    def copy(data: Input[Dataset], out: Output[Dataset]):
        return dsl.ContainerSpec(image="alpine", command=["cp"], args=[data.path, out.path])

    return read(data=copy(data=maker().outputs["out"]).outputs["out"]).output


@case(outputs={"Output": "override"})
@pipe(name="set-container-image")
def set_container_image(image: str = "alpine:3.20") -> str:
    @dsl.container_component
    def say(out: OutputPath(str)):
        return dsl.ContainerSpec(
            image="nowhere.example/none:1", command=["sh", "-c", 'printf override > "$0"', out]
        )

    return say().set_container_image(image).outputs["out"]


# ---- placeholders --------------------------------------------------------------------------------
@case()
@pipe(name="placeholders")
def placeholders():
    @dsl.component(base_image=IMAGE)
    def check(
        id: str,
        name: str,
        resource: str,
        task: str,
        task_id: str,
        created: str,
        scheduled: str,
        root: str,
        mixed: str,
    ):
        import re

        assert re.fullmatch(r"[0-9a-f-]{36}", id), id
        assert name and "{{" not in name, name
        assert resource.startswith("placeholders-"), resource
        assert task == "check", task
        assert "{{" not in task_id and task_id, task_id
        assert re.match(r"\d{4}-\d\d-\d\dT", created), created
        assert "{{" not in scheduled, scheduled
        assert "{{" not in root, root
        assert mixed == f"a-{name}-{id}", mixed

    check(
        id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        name=dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
        resource=dsl.PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER,
        task=dsl.PIPELINE_TASK_NAME_PLACEHOLDER,
        task_id=dsl.PIPELINE_TASK_ID_PLACEHOLDER,
        created=dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER,
        scheduled=dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER,
        root=dsl.PIPELINE_ROOT_PLACEHOLDER,
        mixed=f"a-{dsl.PIPELINE_JOB_NAME_PLACEHOLDER}-{dsl.PIPELINE_JOB_ID_PLACEHOLDER}",
    )


@case()
@pipe(name="container-placeholders")
def container_placeholders(text: str = "v"):
    @dsl.container_component
    def look(text: str, out: Output[Artifact]):
        return dsl.ContainerSpec(
            image="alpine",
            command=[
                "sh",
                "-c",
                """
set -e
case "$1" in minio://*) ;; *) echo "uri $1"; exit 1;; esac
test -n "$3"
mkdir -p "$(dirname "$4")"
printf '{"parameterValues":{},"artifacts":{"out":{"artifacts":[{"name":"out","uri":"%s","metadata":{"k":"v"}}]}}}' "$1" > "$4"
""",
                "sh",
                out.uri,
                out.uri,
                dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
                dsl.PIPELINE_TASK_EXECUTOR_OUTPUT_PATH_PLACEHOLDER,
            ],
        )

    @dsl.component(base_image=IMAGE)
    def meta(a: Input[Artifact]):
        assert a.metadata == {"k": "v"}, a.metadata

    meta(a=look(text=text).outputs["out"])


# ---- importer ------------------------------------------------------------------------------------
@case(outputs={"Output": "gs://bucket/x.csv v1 3"})
@pipe(name="importers")
def importers(uri: str = "gs://bucket/x.csv", version: str = "v1") -> str:
    @dsl.component(base_image=IMAGE)
    def look(d: Input[Dataset]) -> str:
        return f"{d.uri} {d.metadata['version']} {d.metadata['n']}"

    i = dsl.importer(
        artifact_uri=uri, artifact_class=Dataset, reimport=True, metadata={"version": version, "n": 3}
    )
    j = dsl.importer(artifact_uri="s3://bucket/y", artifact_class=Model, reimport=False)
    return look(d=i.output).output


@case(outputs={"Output": "made here"})
@pipe(name="importer-of-an-output")
def importer_of_an_output() -> str:
    @dsl.component(base_image=IMAGE)
    def uri_of(d: Input[Dataset]) -> str:
        return d.uri

    m = make(text="made here")
    i = dsl.importer(artifact_uri=uri_of(d=m.outputs["out"]).output, artifact_class=Dataset, reimport=False)
    return read(data=i.output).output


# ---- nested pipelines ----------------------------------------------------------------------------
@case(outputs={"text": "child: top 7", "n": 7})
@pipe(name="pipelines-in-pipelines")
def pipelines_in_pipelines(x: str = "top") -> NamedTuple("O", text=str, n=int):
    c = child(x=x)
    t = read(data=c.outputs["d"])
    return ret(text=ident(x=f"{t.output} {c.outputs['n']}").output, n=c.outputs["n"])


@case(phase="FAILED")
@pipe(name="nested-failure")
def nested_failure():
    i = inner_boom()
    ident(x="never").after(i)


@case(outputs={"Output": "3 one two"}, args={"b": "two"})
@pipe(name="defaults")
def defaults(n: int = 3, a: str = "one", b: str = "overridden") -> str:
    return ident(x=f"{n} {a} {b}").output


# ---- kubernetes ----------------------------------------------------------------------------------
@case(
    outputs={"Output": "s3cret s3cret conf conf"},
    secrets={"sec": {"pass": "s3cret"}},
    configmaps={"cm": {"key": "conf"}},
)
@pipe(name="secrets-and-maps")
def secrets_and_maps(name: str = "sec") -> str:
    @dsl.component(base_image=IMAGE)
    def look() -> str:
        import os

        assert "MISSING" not in os.environ
        return f"{os.environ['P']} {open('/sec/pass').read()} {os.environ['C']} {open('/cm/key').read()}"

    t = look().set_caching_options(False)
    kubernetes.use_secret_as_env(t, secret_name=name, secret_key_to_env={"pass": "P"})
    kubernetes.use_secret_as_volume(t, secret_name=name, mount_path="/sec")
    kubernetes.use_config_map_as_env(t, config_map_name="cm", config_map_key_to_env={"key": "C"})
    kubernetes.use_config_map_as_volume(t, config_map_name="cm", mount_path="/cm")
    kubernetes.use_secret_as_env(t, secret_name="gone", secret_key_to_env={"pass": "MISSING"}, optional=True)
    kubernetes.use_secret_as_volume(t, secret_name="gone", mount_path="/gone", optional=True)
    return t.output


@case(outputs={"Output": "kept"})
@pipe(name="claims")
def claims(size: str = "1Gi") -> str:
    @dsl.component(base_image=IMAGE)
    def write():
        open("/data/x", "w").write("kept")

    @dsl.component(base_image=IMAGE)
    def look() -> str:
        return open("/other/x").read()

    c = kubernetes.CreatePVC(
        pvc_name_suffix="-mine", access_modes=["ReadWriteMany"], size=size, storage_class_name="standard"
    )
    w = write().set_caching_options(False)
    kubernetes.mount_pvc(w, pvc_name=c.outputs["name"], mount_path="/data")
    r = look().after(w).set_caching_options(False)
    kubernetes.mount_pvc(r, pvc_name=c.outputs["name"], mount_path="/other")
    kubernetes.DeletePVC(pvc_name=c.outputs["name"]).after(r)
    return r.output


@case(outputs={"Output": "lab ann kubeflow"})
@pipe(name="pod-settings")
def pod_settings() -> str:
    @dsl.component(base_image=IMAGE)
    def look() -> str:
        import os

        open("/fresh/x", "w").write("x")
        open("/eph/x", "w").write("x")
        return f"{os.environ['L']} {os.environ['A']} {os.environ['N']}"

    t = look().set_caching_options(False)
    kubernetes.add_pod_label(t, "own.example/l", "lab")
    kubernetes.add_pod_annotation(t, "own.example/a", "ann")
    kubernetes.use_field_path_as_env(t, "L", "metadata.labels['own.example/l']")
    kubernetes.use_field_path_as_env(t, "A", "metadata.annotations['own.example/a']")
    kubernetes.use_field_path_as_env(t, "N", "metadata.namespace")
    kubernetes.empty_dir_mount(
        t, volume_name="fresh", mount_path="/fresh", medium="Memory", size_limit="10Mi"
    )
    kubernetes.add_ephemeral_volume(
        t, volume_name="eph", mount_path="/eph", access_modes=["ReadWriteOnce"], size="1Gi"
    )
    kubernetes.add_toleration(t, key="k", operator="Equal", value="v", effect="NoSchedule")
    kubernetes.add_toleration_json(t, [{"key": "j", "operator": "Exists"}])
    kubernetes.set_image_pull_secrets(t, ["none"])
    kubernetes.set_image_pull_policy(t, "IfNotPresent")
    kubernetes.set_timeout(t, 120)
    kubernetes.add_node_selector(t, "kubernetes.io/os", "linux")
    kubernetes.add_node_affinity(
        t, match_expressions=[{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]
    )
    return t.output


@case(phase="FAILED", tasks={"slow": "FAILED"})
@pipe(name="timeouts")
def timeouts():
    @dsl.component(base_image=IMAGE)
    def slow():
        import time

        time.sleep(300)

    kubernetes.set_timeout(slow(), 2)


@case(outputs={"Output": "in the workspace"})
@pipe(
    name="workspaces",
    pipeline_config=dsl.PipelineConfig(
        workspace=dsl.WorkspaceConfig(
            size="1Gi",
            kubernetes=dsl.KubernetesWorkspaceConfig(pvcSpecPatch={"accessModes": ["ReadWriteOnce"]}),
        )
    ),
)
def workspaces() -> str:
    @dsl.component(base_image=IMAGE)
    def write(folder: str):
        import os

        os.makedirs(folder + "/a")
        open(folder + "/a/x", "w").write("in the workspace")

    @dsl.component(base_image=IMAGE)
    def look(folder: str) -> str:
        return open(folder + "/x").read()

    w = write(folder=dsl.WORKSPACE_PATH_PLACEHOLDER).set_caching_options(False)
    return look(folder=f"{dsl.WORKSPACE_PATH_PLACEHOLDER}/a").after(w).set_caching_options(False).output


@case(phase="FAILED")
@pipe(name="deadline", pipeline_config=dsl.PipelineConfig(active_deadline_seconds=2))
def deadline():
    @dsl.component(base_image=IMAGE)
    def slow():
        import time

        time.sleep(300)

    slow()


@case(outputs={"Output": "500m 64Mi"})
@pipe(name="task-config")
def task_config() -> str:
    @dsl.component(
        base_image=IMAGE,
        task_config_passthroughs=[
            dsl.TaskConfigField.RESOURCES,
            dsl.TaskConfigField.KUBERNETES_TOLERATIONS,
            dsl.TaskConfigPassthrough(field=dsl.TaskConfigField.ENV, apply_to_task=True),
        ],
    )
    def look(config: dsl.TaskConfig) -> str:
        import os

        assert os.environ["E"] == "v"
        assert {"name": "E", "value": "v"} in config.env, config
        assert config.tolerations and config.tolerations[0]["key"] == "k", config
        return f"{config.resources['limits']['cpu']} {config.resources['limits']['memory']}"

    t = look().set_cpu_limit("500m").set_memory_limit("64Mi").set_env_variable("E", "v")
    kubernetes.add_toleration(t, key="k", operator="Exists")
    return t.output


if __name__ == "__main__":
    from kfp import compiler

    folder, expected = sys.argv[1], {}
    for name, made in CASES.items():
        func = made.pop("func")
        compiler.Compiler().compile(dsl.pipeline(func, **func.words), f"{folder}/{name}.yaml")
        expected[name] = made
    with open(f"{folder}/expected.json", "w") as file:
        json.dump(expected, file)
