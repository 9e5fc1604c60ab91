"""Conditions of runs, lines of logs, event files: small languages of upstream's, read by small readers."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.tuning import gjson, median
from pinnace.controllers.tuning.collectors import Follower
from pinnace.controllers.tuning.events import scalars
from pinnace.controllers.tuning.reports import FORMAT, Report, Unreadable, broken, observation, reader
from pinnace.kinds.katib import Collector, FilePath, MetricsCollector, Objective, Rule, Source

COMPLETE = 'status.conditions.#(type=="Complete")#|#(status=="True")#'


def run(*conditions: tuple[str, str]) -> Any:
    return {"status": {"phase": "ok", "n": 3, "conditions": [
        {"type": kind, "status": status, "reason": f"R{kind}"} for kind, status in conditions
    ]}}


@pytest.mark.parametrize(("path", "obj", "reason"), [
    (COMPLETE, run(("Complete", "True")), "RComplete"),
    (COMPLETE, run(("Complete", "False")), None),
    (COMPLETE, run(("Failed", "True")), None),
    (COMPLETE, {}, None),
    ('status.conditions.#(type=="A")|status', run(("A", "True")), ""),
    ('status.[@this].#(phase=="ok")#', run(), ""),
    ('status.[@this].#(phase=="no")#', run(), None),
    ('[status.phase,status.n].#(=="ok")', run(), ""),
    ("status.conditions.1.type", run(("A", "True"), ("B", "True")), ""),
    ('status.conditions.#(type%"Comp*")#|#(status!="False")#', run(("Complete", "True")), "RComplete"),
])
def test_a_condition_hits_what_gjson_would_select(path: str, obj: Any, reason: str | None) -> None:
    found = gjson.hit(path, obj)
    assert (found is None) == (reason is None)
    assert (found or {}).get("reason", "") == (reason or "")


def test_lines_of_text_have_times_and_any_number() -> None:
    read = reader("TEXT", ["loss", "Validation-accuracy"], ())
    assert read("epoch 3: loss=2.5e-3, other=4") == [Report("loss", "2.5e-3")]
    found = read("2026-01-01T00:00:01.5Z INFO Validation-accuracy = +.75")
    assert found == [Report("Validation-accuracy", "+.75", 1767225601.5)]
    assert reader("TEXT", ["accuracy"], (FORMAT, r"\{metricName: (\w+), value: ([0-9.]+)\}"))(
        "{metricName: accuracy, value: 0.9}"
    ) == [Report("accuracy", "0.9")]


def test_lines_of_json_are_strings_or_numbers_and_nothing_else() -> None:
    read = reader("JSON", ["loss"], ())
    assert read('{"loss": "0.5", "timestamp": 7}') == [Report("loss", "0.5", 7.0)]
    with pytest.raises(Unreadable, match="not JSON"):
        read("Traceback (most recent call last)")


def test_an_observation_keeps_the_texts_and_takes_the_latest_by_time() -> None:
    goal = Objective(type="minimize", objective_metric_name="loss")
    reports = [Report("loss", "0.50", 3.0), Report("loss", "1e-1", 2.0), Report("loss", "nan", 1.0)]
    assert observation(reports, goal) == {
        "metrics": [{"name": "loss", "latest": "0.50", "max": "0.50", "min": "1e-1"}]
    }
    assert observation([Report("other", "1")], goal) is None


def test_a_log_is_followed_while_it_grows(tmp_path: Path) -> None:
    log = tmp_path / "main.log"
    follower = Follower(MetricsCollector(), ["loss"])
    assert follower.read([log], ended=False) == []
    with log.open("a") as file:
        file.write("loss=1\nlo")
        file.flush()
        assert [one.value for one in follower.read([log], ended=False)] == ["1"]
        file.write("ss=2")
    assert [one.value for one in follower.read([log], ended=False)] == ["1"]
    assert [one.value for one in follower.read([log], ended=True)] == ["1", "2"]


def test_the_median_of_those_that_ended_is_what_the_next_must_reach() -> None:
    goal = Objective(type="maximize", objective_metric_name="a")
    past = [[Report("a", str(value))] * 5 for value in (1, 2, 9)]
    assert median.rules({"min_trials_required": "4"}, goal, past) == ()
    (rule,) = median.rules({"start_step": "2"}, goal, past)
    assert (rule.value, rule.comparison, rule.start_step) == ("2.0", "less", 2)
    assert broken([rule], [Report("a", "1")], goal) is None
    assert broken([rule], [Report("a", "1"), Report("a", "1.5")], goal) == rule
    assert broken([rule], [Report("a", "3"), Report("a", "1")], goal) is None
    last = Rule(name="b", value="4", comparison="greater")
    assert broken([last], [Report("b", "5"), Report("b", "1")], goal) is None


def field(number: int, wire: int, content: bytes) -> bytes:
    size = bytes([len(content)]) if wire == 2 else b""
    return bytes([number << 3 | wire]) + size + content


def event(moment: float, tag: str, value: bytes) -> bytes:
    summary = field(1, 2, field(1, 2, tag.encode()) + value)
    data = field(1, 1, struct.pack("<d", moment)) + field(5, 2, summary)
    return struct.pack("<Q", len(data)) + b"crc!" + data + b"crc!"


def test_event_files_of_both_ages_are_read_up_to_the_last_whole_record(tmp_path: Path) -> None:
    old = field(2, 5, struct.pack("<f", 0.5))
    new = field(8, 2, field(1, 0, b"\x01") + field(4, 2, struct.pack("<f", 0.75)))
    folder = tmp_path / "test"
    folder.mkdir()
    path = folder / "events.out.tfevents.1"
    path.write_bytes(event(1, "accuracy", old) + event(2, "accuracy", new) + event(3, "accuracy", old)[:-2])
    assert list(scalars(path)) == [(1.0, "accuracy", 0.5), (2.0, "accuracy", 0.75)]

    source = Source(file_system_path=FilePath(path="/x", kind="Directory"))
    collector = MetricsCollector(collector=Collector(kind="TensorFlowEvent"), source=source)
    reports = Follower(collector, ["test/accuracy"]).read([tmp_path], ended=True)
    assert [one.value for one in reports] == ["0.5", "0.75"]
