"""`pinnace lineage` and `pinnace models`: the trees and screens that control answers with, drawn."""

from __future__ import annotations

import json as jsons
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from pinnace.cli.connection import Connection
from pinnace.home import Home

BASE = "/pinnace/v1/lineage"
MARKS = {
    "endpoint": "◉", "version": "◆", "model": "◆", "artifact": "▣", "dataset": "▤", "execution": "▶",
    "run": "▷", "tracked": "▷", "source": "≡", "claim": "▤",
}
SHORT = 16
SCREEN = (
    ("Version", "version"), ("Workspace", "workspace"), ("Run", "run"), ("Description", "description"),
    ("Creation time", "created"), ("Type", "type"), ("Hyper-parameters", "hyperparameters"),
    ("Training data", "training_data"), ("Framework", "framework"), ("Metrics", "metrics"),
    ("Stage", "stage"), ("Aliases", "aliases"), ("Address", "uri"), ("Digest", "digest"),
)


def lineage(home: Home, word: str, namespace: str, *, down: bool, json: bool, full: bool) -> int:
    query = urlencode({"of": word, "namespace": namespace, "down": "1" if down else ""})
    answer = Connection.to(home).json(f"{BASE}/walk?{query}")
    if json:
        print(jsons.dumps(answer, indent=2))
        return 0
    console = Console()
    console.print(drawn(answer["tree"], full))
    if answer["others"]:
        console.print(f"also: {', '.join(answer['others'])}", style="dim")
    return 0


def drawn(node: dict[str, Any], full: bool) -> Tree:
    made = Tree(_line(node, full), guide_style="dim")
    for child in node["children"]:
        made.add(drawn(child, full))
    return made


def _line(node: dict[str, Any], full: bool) -> Text:
    line = Text(f"{MARKS.get(node['kind'], '·')} ")
    line.append(str(node["title"]), style="bold")
    facts = dict(node["facts"])
    digest = facts.pop("digest", "")
    if digest:
        line.append(f"  {digest if full else str(digest)[:SHORT]}", style="cyan")
    if facts.pop("seen", False):
        line.append("  (see above)", style="dim")
        return line
    for name, value in facts.items():
        if text := told(name, value, full):
            line.append(f"\n{name}: ", style="dim")
            line.append(text)
    return line


def told(name: str, value: Any, full: bool) -> str:
    """One fact in words; '': only for who asks for all of it."""
    if name in ("pod", "finished", "uid", "script", "phase") and not full:
        return ""
    if name == "results" and not full:
        value = {key: one for key, one in value.items() if key not in ("result", "executor-output")}
    if name == "parameters" and not full:  # those that only name artifacts stand below as such
        value = {key: one for key, one in value.items() if '"uri":' not in str(one)}
    if name == "created" and isinstance(value, int):
        return datetime.fromtimestamp(value / 1000).strftime("%Y-%m-%d %H:%M:%S")
    if name in ("code", "environment") and not full:
        return ", ".join(part[:SHORT] for part in str(value).split("@"))
    if value is True:
        return "yes"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_number(one)}" if key else _number(one) for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = _number(value)
    if name == "command" and not full:
        text = " ".join(text.split())
    return text if full or len(text) < 200 else f"{text[:197]}…"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def models(home: Home, name: str, *, json: bool) -> int:
    answer = Connection.to(home).json(f"{BASE}/models?{urlencode({'name': name})}")["models"]
    if json:
        print(jsons.dumps(answer, indent=2))
        return 0
    console = Console()
    if not answer:
        console.print(
            f"no model is called {name!r}: `pinnace models` lists them" if name else
            "no model is registered yet: a step does it with `mlflow` or `model_registry` (docs/lineage.md)"
        )
        return 1 if name else 0
    if not name:
        console.print(_table(answer))
        return 0
    for one in answer:
        console.print(_screen(one))
    return 0


def _table(found: list[dict[str, Any]]) -> Table:
    columns = ("MODEL", "VERSION", "WORKSPACE", "RUN", "FRAMEWORK", "CREATED")
    made = Table(*columns, box=None, pad_edge=False)
    for one in found:
        created = told("created", one.get("created", 0), True)
        more = (one.get("workspace", ""), one.get("run", ""), one.get("framework", ""))
        made.add_row(one["model"], one["version"], *more, created)
    return made


def _screen(one: dict[str, Any]) -> Table:
    look: dict[str, Any] = {"title_justify": "left", "title_style": "bold", "show_header": False}
    made = Table(title=str(one["model"]), box=None, **look)
    for label, name in SCREEN:
        if one.get(name):
            made.add_row(Text(label, style="dim"), told(name, one[name], True))
    return made
