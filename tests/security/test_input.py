# ruff: noqa: E501 - an attack reads best on one line
"""Bad input through the real API: a 4xx that names the place, or a workflow that fails and says why; never a dead server."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.security.site import WORKFLOWS, Obj, Site, said, step

MOST_GROWTH = 150 * 1024 * 1024
PATH = WORKFLOWS.format("default")


@pytest.fixture(autouse=True)
def steady(site: Site) -> Iterator[None]:
    """After every attack control answers at once, is the same process and has not grown."""
    pids, before = site.platform.pids(), site.memory()
    yield
    began = time.monotonic()
    assert site.alive()
    assert time.monotonic() - began < 2
    assert site.platform.pids() == pids
    assert site.memory() - before < MOST_GROWTH


def post(site: Site, body: Any, kind: str = "application/json", path: str = PATH) -> tuple[int, str]:
    status, content = site.http("POST", path, body, {"Content-Type": kind})
    return status, content.decode(errors="replace")


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n".encode() for i in range(12)
)
BODIES: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{]", "application/json"),
    "no UTF-8": (b'{"a": "\xff\xfe"}', "application/json"),
    "NUL": (b'{"metadata": {"name": "a\\u0000b"}}', "application/json"),
    "a list": (b"[]", "application/json"),
    "a number": (b"1e999", "application/json"),
    "nothing": (b"", "application/json"),
    "deep lists": (b"[" * 200_000, "application/json"),
    "deep maps": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "application/json"),
    "deep YAML": (b"- " * 100_000 + b"a", "application/yaml"),
    "deep flow YAML": (b"[" * 100_000, "application/yaml"),
    "aliases": (BOMB, "application/yaml"),
    "a loop of aliases": (b"a: &a\n  b: *a\n", "application/yaml"),
    "merged aliases": (b"a: &a {x: 1}\nb: {<<: [*a, *a]}\n", "application/yaml"),
    "a tag": (b"!!python/object/apply:os.system ['touch /tmp/pwned-by-yaml']", "application/yaml"),
    "a big number": (b'{"spec": {"parallelism": ' + b"9" * 5000 + b"}}", "application/json"),
    "a surrogate": (b'{"metadata": {"name": "\\ud800"}}', "application/json"),
    "20 MB": (b'{"a": "' + b"x" * 20_000_000 + b'"}', "application/json"),
    "20 MB of YAML": (b"a: " + b"x" * 20_000_000, "application/yaml"),
    "protobuf": (b"k8s\x00" + os.urandom(200), "application/vnd.kubernetes.protobuf"),
    "another type": (b"x", "text/html"),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_malformed_body_is_refused(site: Site, what: str) -> None:
    body, kind = BODIES[what]
    try:
        status, said_ = post(site, body, kind)
    except (ConnectionError, TimeoutError):
        assert len(body) > 1_000_000  # refused while it was still being sent
        return
    assert 400 <= status < 500, said_[:500]
    document = json.loads(said_)
    assert document["kind"] == "Status" and document["reason"] and document["message"]
    assert not os.path.exists("/tmp/pwned-by-yaml")


@pytest.mark.parametrize(
    "name", ["..", ".", "a/b", "../../x", "a\0b", "A", "", "x" * 300, "a b", "%2e%2e", "a\nb", "-a", "é"]
)
def test_a_name_that_is_none_is_refused(site: Site, name: str) -> None:
    for path, kind in ((PATH, "Workflow"), ("/api/v1/namespaces/default/configmaps", "ConfigMap")):
        version = "v1" if kind == "ConfigMap" else "argoproj.io/v1alpha1"
        body: Obj = {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
        if kind == "Workflow":
            body["spec"] = {"entrypoint": "main", "templates": [step("true")]}
        status, text = post(site, body, path=path)
        assert status in (400, 422), text
    status, text = post(site, {"metadata": {"name": name}}, path="/api/v1/namespaces")
    assert status in (400, 422), text


@pytest.mark.parametrize("path", [
    "/api/v1/namespaces/../secrets", "/api/v1/namespaces/%2e%2e/pods", "/api/v1/namespaces/a%00b/pods", "/../../etc/passwd",
    "/static/../../../../etc/passwd", "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
    "/api/v1/namespaces/default/pods/..%2f..%2fx/log", "//etc/passwd", "/assets/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/assets/..\\..\\x", "/api/v1/namespaces/default/pods/x/log?container=../../token",
])  # fmt: skip
def test_a_path_leads_to_no_file(site: Site, path: str) -> None:
    """Sent as it is: no client tidies it."""
    port, token = site.platform.api.port, site.platform.api.token
    with socket.create_connection(("127.0.0.1", port), 20) as raw:
        head = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        raw.sendall(head.encode())
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    code = int(answer.split()[1])
    assert code < 500, answer[:300]
    assert b"root:" not in answer and token.encode() not in answer


STEP = step("true")
WRONG: dict[str, tuple[Obj, tuple[str, ...]]] = {
    "no entrypoint": ({"entrypoint": "mian", "templates": [STEP]}, ("mian", 'did you mean "main"')),
    "no template": (
        {"templates": [{"name": "main", "steps": [[{"name": "a", "template": "trian"}]]}, {**STEP, "name": "train"}]},
        ("trian", 'did you mean "train"'),
    ),
    "no task": (
        {"templates": [{"name": "main", "dag": {"tasks": [
            {"name": "prepare", "template": "t"}, {"name": "b", "template": "t", "dependencies": ["prepaer"]}]}},
            {**STEP, "name": "t"}]},
        ("prepaer", "prepare"),
    ),
    "a cycle": (
        {"templates": [{"name": "main", "dag": {"tasks": [
            {"name": "a", "template": "t", "dependencies": ["b"]}, {"name": "b", "template": "t", "depends": "a"}]}},
            {**STEP, "name": "t"}]},
        ("cycle",),
    ),
    "no parameter": (
        {"templates": [step("echo {{inputs.parameters.massage}}", inputs={"parameters": [{"name": "message", "value": "x"}]})]},
        ("massage",),
    ),
    "no input": ({"templates": [step("true", inputs={"parameters": [{"name": "message"}]})]}, ("message",)),
    "no artifact": (
        {"templates": [step("true", inputs={"artifacts": [{"name": "data", "path": "/x"}]})]}, ("data",),
    ),
    "no output": (
        {"templates": [
            {"name": "main", "steps": [[{"name": "a", "template": "t"}], [{"name": "b", "template": "u",
             "arguments": {"artifacts": [{"name": "x", "from": "{{steps.a.outputs.artifacts.nothing}}"}]}}]]},
            {**STEP, "name": "t"},
            step("true", name="u", inputs={"artifacts": [{"name": "x", "path": "/x"}]})]},
        ("steps.a.outputs.artifacts.nothing",),
    ),
    "no workflow template": ({"workflowTemplateRef": {"name": "absent"}}, ("absent",)),
    "a template of itself": (
        {"templates": [{"name": "main", "steps": [[{"name": "a", "template": "main"}]]}]}, ("recursion", "depth", "deep"),
    ),
    "two kinds": ({"templates": [{**STEP, "suspend": {}}]}, ("container", "suspend")),
    "no kind": ({"templates": [{"name": "main"}]}, ("template type",)),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_means_nothing_is_named(site: Site, what: str) -> None:
    spec, words = WRONG[what]
    status, answer = site.try_workflow(spec)
    if status == 201:
        done = site.finished(answer)
        assert done["status"]["phase"] in ("Failed", "Error")
        text = said(done)
    else:
        assert 400 <= status < 500
        text = answer["message"]
    found = [word for word in words if word in text]
    assert found if what == "a template of itself" else len(found) == len(words), text


MANY: dict[str, Obj] = {
    "withSequence": {"withSequence": {"count": "100000000"}},
    "a sequence to the end": {"withSequence": {"start": "0", "end": "99999999999999999999"}},
    "a wide format": {"withSequence": {"count": "3", "format": "%01000000000d"}},
    "a negative count": {"withSequence": {"count": "-100000000"}},
    "withParam": {"withParam": "{{=toJson(1..100000000)}}"},
    "an expression": {"withParam": "{{=toJson(map(1..30000000, {# * 2}))}}"},
    "a text of digits": {"withSequence": {"count": "9" * 5000}},
}


@pytest.mark.parametrize("what", MANY)
def test_a_hundred_million_items_are_refused(site: Site, what: str) -> None:
    calls = [[{"name": "a", "template": "t", **MANY[what]}]]
    status, answer = site.try_workflow(
        {"templates": [{"name": "main", "steps": calls}, {**STEP, "name": "t"}]}
    )
    if status == 201:
        done = site.finished(answer, 30)
        assert done["status"]["phase"] in ("Failed", "Error"), said(done)[:300]
        assert said(done).strip(" |")
        assert len(said(done)) < 100_000
    else:
        assert 400 <= status < 500


BOMBS = [
    "{{=repeat('x', 1000000000)}}", "{{=sprig.repeat(1000000000, 'x')}}", "{{=len(1..1000000000)}}",
    "{{=reduce(1..10000000, {# + #acc})}}", "{{=2 ** 2 ** 2 ** 2 ** 2 ** 2}}", "{{=9**9**9**9}}",
    "{{=sprig.untilStep(0, 1000000000, 1)}}", "{{=sprig.until(1000000000)}}", "{{=sprig.indent(1000000000, 'x')}}",
    "{{=sprig.nindent(1000000000, 'x')}}", "{{=sprig.abbrev(1000000000, 'x')}}", "{{=sprig.substr(0, 1000000000, 'x')}}",
    "{{=sprig.randAlphaNum(1000000000)}}", "{{=sprig.wrap(1, sprig.repeat(900000, 'x '))}}",
    "{{=sprig.seq('1', '1', '1000000000')}}", "{{=sprig.printf('%1000000000d', 1)}}",
    "{{=let a = 'xxxxxxxxxx'; let b = a+a+a+a+a+a+a+a+a+a; let c = b+b+b+b+b+b+b+b+b+b; let d = c+c+c+c+c+c+c+c+c+c; "
    "let e = d+d+d+d+d+d+d+d+d+d; let f = e+e+e+e+e+e+e+e+e+e; let g = f+f+f+f+f+f+f+f+f+f; let h = g+g+g+g+g+g+g+g+g+g; "
    "let i = h+h+h+h+h+h+h+h+h+h; len(i)}}",
    "{{=" + "(" * 20000 + "1" + ")" * 20000 + "}}", "{{=" + "-" * 50000 + "1}}", "{{=" + "[" * 20000 + "}}",
    "{{=" + "1+" * 50000 + "1}}", "{{=" + "not " * 20000 + "true}}", "{{=" + "{{=" * 3000 + "}}",
    "{{=sprig.regexReplaceAll('(a+)+$', '" + "a" * 40 + "!', 'x')}}", "{{='" + "a" * 40 + "!' matches '(a+)+$'}}",
    "{{=split('" + "a" * 100000 + "', '')}}", "{{=join(map(1..100000, {string(#)}), 'x')}}",
    "{{=sprig.genPrivateKey('rsa')}}", "{{=sprig.bcrypt('x')}}", "{{=sprig.env('PATH')}}", "{{=sprig.getHostByName('localhost')}}",
    "{{=toJson(sprig.list(1..900000, 1..900000))}}", "{{=filter(1..900000, {any(1..900000, {# < 0})})}}",
]  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS, ids=[f"{i}-{bomb[3:27]}" for i, bomb in enumerate(BOMBS)])
def test_an_expression_has_a_budget(site: Site, bomb: str) -> None:
    began = time.monotonic()
    for place in ("value", "when"):
        call: Obj = {"name": "a", "template": "t"}
        if place == "when":
            call["when"] = f"{bomb} == 1"
        else:
            call["arguments"] = {"parameters": [{"name": "p", "value": bomb}]}
        inner = step("true", name="t", inputs={"parameters": [{"name": "p", "value": ""}]})
        status, answer = site.try_workflow({"templates": [{"name": "main", "steps": [[call]]}, inner]})
        assert status < 500, answer
        if status == 201:
            site.finished(answer, 30)
    assert time.monotonic() - began < 25
    path = os.environ["PATH"]
    assert "sprig.env" not in bomb or path not in json.dumps(answer)


WHENS = [
    "'" + "a" * 40 + "!' =~ '(a+)+$'",
    "(" * 5000 + "1 == 1" + ")" * 5000,
    "1 == 1 && " * 5000 + "1 == 1",
    "!" * 20000 + "true",
]


@pytest.mark.parametrize("when", WHENS, ids=["regex", "parentheses", "ands", "nots"])
def test_a_condition_has_a_budget(site: Site, when: str) -> None:
    calls = [[{"name": "a", "template": "t", "when": when}]]
    status, answer = site.try_workflow(
        {"templates": [{"name": "main", "steps": calls}, {**STEP, "name": "t"}]}
    )
    assert status < 500
    if status == 201:
        site.finished(answer, 30)


PATCHES = {
    "aliases": BOMB.decode(),
    "a loop": "a: &a\n  containers: *a\n",
    "depth": "[" * 5000,
    "a tag": "!!python/object/apply:os.system ['touch /tmp/pwned-by-yaml']",
    "a wrong shape": '{"containers": {"name": "main"}}',
    "a path as a name": '{"containers": [{"name": "../../x", "image": "alpine:3"}]}',
    "numbers for texts": '{"containers": [{"name": "main", "image": 5, "command": "sh"}], "volumes": 7}',
}


@pytest.mark.parametrize("what", PATCHES)
def test_a_pod_spec_patch_is_judged(site: Site, what: str) -> None:
    """It is applied by a controller to a Pod that is written without judging."""
    status, answer = site.try_workflow(
        {"podSpecPatch": PATCHES[what], "templates": [STEP], "activeDeadlineSeconds": 8}
    )
    assert status < 500
    if status == 201:
        done = site.finished(answer, 40)
        assert said(done).strip(" |")
    assert not os.path.exists("/tmp/pwned-by-yaml")


def test_a_manifest_of_a_resource_template_is_judged(site: Site) -> None:
    for manifest in (
        BOMB.decode(),
        "[" * 5000,
        "a: &a\n  b: *a\n",
        "kind: Pod\nmetadata: 5",
        "- 1",
        "\0",
        "",
    ):
        template = {"name": "main", "resource": {"action": "create", "manifest": manifest}}
        status, answer = site.try_workflow({"templates": [template]})
        assert status < 500
        if status == 201:
            assert site.finished(answer, 20)["status"]["phase"] in ("Failed", "Error")


# ---- any document ---------------------------------------------------------------------------------------------------

TEXTS = st.one_of(
    st.sampled_from(
        ["main", "t", "", "{{", "{{item}}", "{{inputs.parameters.x}}", "{{=1/0}}", "..", "a/b", "\0", "5"]
    ),
    st.text(max_size=8),
)
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXTS,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)
NAMES = ("name", "template", "templates", "steps", "dag", "tasks", "container", "script", "image", "command", "args", "inputs",
         "outputs", "parameters", "artifacts", "value", "valueFrom", "path", "withItems", "withParam", "withSequence", "when",
         "depends", "dependencies", "arguments", "entrypoint", "onExit", "hooks", "retryStrategy", "limit", "parallelism",
         "suspend", "resource", "memoize", "synchronization", "volumes", "activeDeadlineSeconds", "from", "raw", "s3", "count",
         "continueOn", "templateRef", "inline", "metadata", "podSpecPatch", "timeout", "duration", "expression", "default")  # fmt: skip
WEIRD = st.recursive(
    JSON,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(spec=WEIRD)
def test_no_workflow_is_a_500(site: Site, spec: Any) -> None:
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "h-"},
        "spec": spec,
    }
    status, text = post(site, document)
    assert status < 500, text


LEAVES = st.sampled_from(
    ["container", "script", "suspend", "resource", "steps", "dag", "inputs", "outputs", "retryStrategy"]
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=LEAVES, body=WEIRD, extra=st.dictionaries(st.sampled_from(NAMES), WEIRD, max_size=2))
def test_no_template_stops_the_controller(site: Site, kind: str, body: Any, extra: Obj) -> None:
    """What is admitted reaches an end, or waits for somebody; others' workflows go on."""
    template = {**step("true"), **extra, kind: body, "name": "main"}
    status, answer = site.try_workflow({"templates": [template], "activeDeadlineSeconds": 2})
    assert status < 500, answer
    if status == 201:
        meta = answer["metadata"]
        site.finished(answer, 40)
        site.http("DELETE", f"{PATH}/{meta['name']}")
