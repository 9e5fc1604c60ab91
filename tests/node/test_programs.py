# ruff: noqa: E501 - commands read best on one line
"""Which commands are Python programs and nothing else: read as a shell would, or not at all."""

from __future__ import annotations

import pytest

from pinnace.node.warm.program import Program, read

COMPONENT = """place=$(mktemp -d)

printf "%s" "$0" > "$place/step.py"
_KFP_RUNTIME=true python3 -m some.executor             --file             "$place/step.py"      "$@"
"""


def found(*argv: str) -> Program:
    made = read(list(argv))
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("argv", "kind", "rest"),
    [
        (["python", "-c", "pass", "a"], "command", ["-c", "a"]),
        (["python3", "-m", "a.b", "-x"], "module", ["-m", "-x"]),
        (["/venv/bin/python3.12", "-uB", "/f.py", "-c"], "file", ["/f.py", "-c"]),
        (["sh", "-c", "exec python3 '/a b.py' \"$@\"", "sh", "x y"], "file", ["/a b.py", "x y"]),
        (["bash", "-ec", "A=1\nB=\"$A-2\" && python -m m $IGNORED"], "", []),
        (["bash", "-ec", 'A=1 && python -m m "${A}$A"'], "module", ["-m", "11"]),
    ],
)  # fmt: skip
def test_what_is_started(argv: list[str], kind: str, rest: list[str]) -> None:
    made = read(argv)
    assert (made.kind if made else "", made.argv if made else []) == (kind, rest)


def test_a_components_script_lays_out_its_function() -> None:
    made = found("sh", "-ec", COMPONENT, "def f(): ...", "--executor_input", "{}")
    ((folder, file, text),) = [(place, path, text) for place in made.folders for path, text in made.files]
    assert folder.startswith("/tmp/tmp.") and file == f"{folder}/step.py" and text == "def f(): ..."
    assert made.said == {"_KFP_RUNTIME": "true"} and made.shell_only == ["place"]
    assert made.argv == ["-m", "--file", file, "--executor_input", "{}"]
    assert found("sh", "-ec", COMPONENT, "x").folders != made.folders


@pytest.mark.parametrize(
    "script",
    [
        "echo a; python3 x.py", "python3 x.py | tee log", "python3 x.py > log", "python3 x.py &", "python3 *.py",
        "cd /x && python3 y.py", "python3 $0", "python3 `which x`", 'python3 "$(which x)"', "python3 ~/x.py",
        "if true; then python3 x.py; fi", "python3 x.py || true", "'A=1' python3 x.py", "python3 'x", "",
        "x='$(mktemp -d)'\npython3 $x", "python3 x.py # why", "python3 x.py\nsleep 1", "python3 {a,b}.py",
        'python3 "\\$x"', "python3 x.py 2> log", "printf '%s\\n' a > b\npython3 b", "A=1", "python3", "a=b c=d",
        "export A=1\npython3 x.py", "set -x\npython3 x.py", "python3 <<E\npass\nE", "time python3 x.py",
    ],
)  # fmt: skip
def test_any_other_script_is_left_to_a_shell(script: str) -> None:
    assert read(["sh", "-c", script, "zero", "one"]) is None


@pytest.mark.parametrize(
    "argv",
    [["python3"], ["python3", "-"], ["python3", "-i", "x.py"], ["python3", "-X", "dev", "x.py"], ["python3", "-m"],
     ["pypy3", "x.py"], ["python2", "x.py"], ["python3", "-O", "x.py"], ["sh", "x.sh"], ["sh"], [],
     ["sh", "-xc", "python3 x.py"], ["python3", "-mjson.tool"], ["python3", "--", "x.py"], ["python3", ""]],
)  # fmt: skip
def test_any_other_command_is_left_alone(argv: list[str]) -> None:
    assert read(argv) is None
