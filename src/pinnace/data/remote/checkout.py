"""A git repository at a revision, by the machine's own git. Source: argoproj/argo-workflows
workflow/artifacts/git.

Nothing of the user's or the machine's git configuration is read, no hook and no filter of the repository
runs, only http, https, ssh and git are spoken (no files of this machine), and nobody is asked for a password.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pinnace.data.remote.jobs import NothingThere, RemoteError
from pinnace.data.remote.reach import Reach

PROTOCOLS = "http:https:ssh:git"
ASK = """#!/bin/sh
case "$1" in Username*) printf %s "$PINNACE_GIT_USER" ;; *) printf %s "$PINNACE_GIT_WORD" ;; esac
"""
WITHIN = 3600
TOLD = 400


def get(where: dict[str, Any], folder: Path, reach: Reach) -> Path:
    """The working tree, with its `.git`, in `folder`."""
    if shutil.which("git") is None:
        raise RemoteError("git artifacts need the program git on this machine")
    repo = str(where.get("repo") or "")
    _check(repo)
    target = folder / "repository"
    git = _Git(where, folder, target)
    branch = str(where.get("branch") or "")
    words = ["clone", "--quiet", "--no-recurse-submodules"]
    if where.get("depth"):
        words += ["--depth", str(int(where["depth"]))]
        if not where.get("singleBranch"):
            words.append("--no-single-branch")
    if where.get("singleBranch"):
        if not branch:
            raise RemoteError("git.singleBranch needs git.branch")
        words += ["--single-branch"]
    if branch:
        words += ["--branch", branch]
    git.run(*words, "--", _url(repo, reach), str(target))
    git.here = True
    for spec in where.get("fetch") or ():
        git.run("fetch", "--quiet", *_depth(where), "origin", "--", str(spec))
    if where.get("revision"):
        git.at(str(where["revision"]), _depth(where))
    if not where.get("disableSubmodules") and (target / ".gitmodules").exists():
        git.run("submodule", "update", "--init", "--recursive", "--force", "--quiet", *_depth(where))
    return target


def _depth(where: dict[str, Any]) -> list[str]:
    return ["--depth", str(int(where["depth"]))] if where.get("depth") else []


def _check(repo: str) -> None:
    scheme = urlsplit(repo).scheme
    remote = "@" in repo.partition("/")[0] and ":" in repo  # git@host:path
    if scheme not in PROTOCOLS.split(":") and not remote:
        raise RemoteError(f"git.repo {repo!r}: expected an http, https, ssh or git URL")


def _url(repo: str, reach: Reach) -> str:
    return reach.url(repo) if repo.startswith("http") else repo


class _Git:
    def __init__(self, where: dict[str, Any], folder: Path, target: Path) -> None:
        self.target = target
        self.here = False
        self.env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": PROTOCOLS,
            "GIT_LFS_SKIP_SMUDGE": "1",
        }
        for name in ("http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        if where.get("insecureSkipTLS"):
            self.env["GIT_SSL_NO_VERIFY"] = "1"
        self._who(where, folder)

    def _who(self, where: dict[str, Any], folder: Path) -> None:
        if where.get("usernameSecret") or where.get("passwordSecret"):
            ask = folder / "ask"
            ask.write_text(ASK)
            ask.chmod(0o700)
            self.env |= {
                "GIT_ASKPASS": str(ask),
                "PINNACE_GIT_USER": str(where.get("usernameSecret") or ""),
                "PINNACE_GIT_WORD": str(where.get("passwordSecret") or ""),
            }
        ssh = ["ssh", "-F", os.devnull, "-o", "BatchMode=yes"]
        if where.get("sshPrivateKeySecret"):
            key = folder / "key"
            descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(str(where["sshPrivateKeySecret"]).rstrip() + "\n")
            ssh += ["-i", str(key), "-o", "IdentitiesOnly=yes"]
        if where.get("insecureIgnoreHostKey"):
            ssh += ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={os.devnull}"]
        self.env["GIT_SSH_COMMAND"] = " ".join(ssh)

    def at(self, revision: str, depth: list[str]) -> None:
        """Check out a branch, a tag or a commit; of a shallow clone it may have to be fetched first."""
        if revision.startswith("-"):
            raise RemoteError(f"git.revision {revision!r} is no revision")
        for name in (f"refs/remotes/origin/{revision}", revision):
            if self.knows(name):
                return self.run("checkout", "--quiet", "--force", "--detach", name)
        self.run("fetch", "--quiet", *depth, "origin", "--", revision)
        return self.run("checkout", "--quiet", "--force", "--detach", "FETCH_HEAD")

    def knows(self, name: str) -> bool:
        words = ["git", "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"]
        return subprocess.run(words, cwd=self.target, env=self.env, capture_output=True).returncode == 0

    def run(self, *words: str) -> None:
        done = subprocess.run(
            ["git", "-c", "core.hooksPath=/dev/null", *words],
            cwd=self.target if self.here else None,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN,
        )
        if done.returncode != 0:
            said = done.stderr.strip()[-TOLD:]
            missing = "not found" in said or "couldn't find remote ref" in said
            raise (NothingThere if missing else RemoteError)(f"git {words[0]} failed: {said}")
