"""`pinnace up`, `down`, `status` and `console` as a person sees them."""

from __future__ import annotations

import json
import signal
import sys
import time
from typing import Any

from pinnace.cli import platform
from pinnace.cli.connection import Connection
from pinnace.cli.platform import Failure
from pinnace.home import Home


def up(
    home: Home, *, detach: bool, port: int, gateway_port: int, isolation: str, only: tuple[str, ...],
    without: tuple[str, ...], rbac: str,
) -> int:
    began = time.monotonic()
    without = platform.left_out(only, without)
    already = platform.running(home)
    if already and not detach:
        raise Failure(f"{home.root} is already up (`pinnace status`); stop it with `pinnace down`")
    platform.start(
        home, port=port, gateway_port=gateway_port, isolation=isolation, without=without, rbac=rbac
    )
    greet(home, time.monotonic() - began)
    return 0 if detach else stay(home)


def greet(home: Home, seconds: float) -> None:
    connection = Connection.to(home)
    print(f"pinnace is up after {seconds:.2f} s   home {home.root}")
    print(f"  API      {connection.url}   kubeconfig {home.kubeconfig}")
    print(f"  console  {sign_in_link(connection)}   (signs in once)")
    print("  next     pinnace kubectl get pods · pinnace run FILE · pinnace doctor · pinnace down")
    sys.stdout.flush()


def sign_in_link(connection: Connection) -> str:
    answer = json.loads(connection.request("POST", "/pinnace/v1/signin"))
    link = str(answer["url"])
    return link if link.startswith("http") else connection.plain_url + link


def stay(home: Home) -> int:
    """Until Ctrl-C (or TERM), or until somebody else stops the platform."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: asked.append(number))
    while not asked:
        if not platform.running(home):
            print("the platform was stopped")
            return 0
        time.sleep(0.5)
    print("\nstopping …", flush=True)
    platform.stop(home)
    return 0


def down(home: Home) -> int:
    print("stopped" if platform.stop(home) else f"nothing was running in {home.root}")
    return 0


def console(home: Home) -> int:
    print(sign_in_link(Connection.to(home)))
    return 0


def status(home: Home, as_json: bool) -> int:
    summary = platform.describe(home)
    if as_json:
        print(json.dumps(summary, indent=2))
    else:
        show(summary)
    return 0 if summary["running"] and summary.get("ready") else 1


def show(summary: dict[str, Any]) -> None:
    if not summary["running"]:
        print(f"not running   home {summary['home']}   start it with `pinnace up`")
        return
    word = "ready" if summary.get("ready") else f"not ready: {summary.get('problem', 'starting')}"
    print(f"{word}   home {summary['home']}   API {summary.get('server', '-')}")
    pids = [int(summary["supervisor"]), *summary["processes"].values()]
    for name, pid in (("supervisor", summary["supervisor"]), *summary["processes"].items()):
        restarts = summary["restarts"].get(name, 0)
        print(f"  {name:<11} pid {pid:<8} {platform.pss(int(pid)) / 1e6:6.1f} MB"
              + (f"   restarted {restarts}×" if restarts else ""))
    print(f"  memory in all {platform.memory(pids[:1]) / 1e6:.0f} MB")
    for key, value in summary.get("platform", {}).items():
        print(f"  {key:<11} {value}")
