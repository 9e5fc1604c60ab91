"""What a kubeconfig says, as client-go reads it: several files, whom to trust, who we are."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pinnace.objects import kubeconfig, kubefiles

Document = dict[str, Any]


def document(server: str = "https://far", cluster: Document | None = None, **user: Any) -> Document:
    return {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "u", "user": user}],
    }


def written(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate of its own in `ca.crt` and `ca.key`."""
    folder = tmp_path_factory.mktemp("pki")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made = ["-subj", "/CN=ca", "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.crt")]
    subprocess.run([*words, *made], check=True, capture_output=True)
    return folder


def test_several_files_are_one_and_the_first_entry_of_a_name_counts(tmp_path: Path) -> None:
    """A context in one file, its cluster in another: tools that write kubeconfigs leave them so."""
    full = document()
    first = written(tmp_path / "a" / "config", {"contexts": full["contexts"], "users": full["users"]})
    other = [{"name": "u", "user": {"token": "wrong"}}]
    second = written(tmp_path / "b" / "config", {**full, "users": other})
    access = kubeconfig.read([first, tmp_path / "missing", second])
    assert (access.server, access.namespace, access.headers) == ("https://far", "team", {})
    with pytest.raises(ValueError, match=r"no context 'nowhere'.*\(there: here\)"):
        kubeconfig.context_in("nowhere", [first, second])
    with pytest.raises(ValueError, match="none of these files exists"):
        kubeconfig.read([tmp_path / "missing", tmp_path / "either"])


def test_relative_paths_are_relative_to_the_file_that_names_them(tmp_path: Path, pair: Path) -> None:
    full = document(tokenFile="token")
    full["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    users = written(tmp_path / "users" / "config", {"users": full["users"]})
    (tmp_path / "users" / "token").write_text("t0ken\n")
    rest = written(tmp_path / "rest" / "config", {**full, "users": []})
    (tmp_path / "rest" / "ca.crt").write_bytes((pair / "ca.crt").read_bytes())
    access = kubeconfig.read([users, rest])
    assert access.headers == {"Authorization": "Bearer t0ken"}
    assert isinstance(access.tls, ssl.SSLContext) and access.tls.cert_store_stats()["x509_ca"] == 1


def test_the_environment_names_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'a'}{os.pathsep}{os.pathsep}{tmp_path / 'b'}")
    assert kubefiles.paths() == [tmp_path / "a", tmp_path / "b"]


def test_a_tokens_file_goes_before_the_token_and_is_read_again(tmp_path: Path) -> None:
    file = written(tmp_path / "config", document(token="old", tokenFile="token"))
    assert kubeconfig.read(file).headers == {"Authorization": "Bearer old"}
    (tmp_path / "token").write_text("new")
    access = kubeconfig.read(file)
    assert access.headers == {"Authorization": "Bearer new"} and access.expires > 0


def test_who_acts_as_somebody_is_that_somebody(tmp_path: Path) -> None:
    """Passing it over would act with more rights than the kubeconfig gives."""
    file = written(tmp_path / "config", document(token="t", **{"as": "jane", "as-groups": ["readers"]}))
    headers = kubeconfig.read(file).headers
    assert (headers["Impersonate-User"], headers["Impersonate-Group"]) == ("jane", "readers")
    written(file, document(token="t", **{"as": "jane", "as-groups": ["a", "b"]}))
    with pytest.raises(ValueError, match="as-groups"):
        kubeconfig.read(file)


def test_what_is_dropped_upstream_is_refused_with_the_way_on(tmp_path: Path) -> None:
    file = written(tmp_path / "config", document(**{"auth-provider": {"name": "gcp"}}))
    with pytest.raises(ValueError, match=r"auth-provider 'gcp'.*exec"):
        kubeconfig.read(file)


def test_a_proxy_is_the_clusters_or_the_environments_never_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "near")
    given = {"proxy-url": "http://there:1080"}
    file = written(tmp_path / "config", document(cluster=given))
    assert kubeconfig.read(file).proxy == "http://there:1080"
    for server, proxy in {
        "https://far": "http://proxy:3128", "https://near:6443": None, "https://127.0.0.1:6443": None,
    }.items():
        written(file, document(server))
        assert kubeconfig.read(file).proxy == proxy


def test_a_server_without_a_scheme_is_https_where_anything_is_said_of_tls(tmp_path: Path) -> None:
    file = written(tmp_path / "config", document("far:6443", {"insecure-skip-tls-verify": True}))
    access = kubeconfig.read(file)
    assert access.server == "https://far:6443"
    assert isinstance(access.tls, ssl.SSLContext) and access.tls.verify_mode == ssl.CERT_NONE
    written(file, document("far:8080"))
    assert kubeconfig.read(file).server == "http://far:8080"


def test_certificates_that_cannot_be_used_are_named(tmp_path: Path, pair: Path) -> None:
    gone = {"client-certificate": "gone.crt", "client-key": "gone.key"}
    file = written(tmp_path / "config", document(**gone))
    with pytest.raises(ValueError, match=r"client-certificate .*gone\.crt: No such file"):
        kubeconfig.read(file)
    other = {"client-certificate": str(pair / "ca.crt"), "client-key": str(pair / "ca.crt")}
    written(file, document(**other))
    with pytest.raises(ValueError, match="no pair"):
        kubeconfig.read(file)
    (tmp_path / "ca.crt").write_text("nothing")
    written(file, document(cluster={"certificate-authority": "ca.crt"}))
    with pytest.raises(ValueError, match="holds no certificate"):
        kubeconfig.read(file)


def plugin(folder: Path, status: dict[str, Any]) -> dict[str, Any]:
    """An exec plugin beside the kubeconfig that writes down what it was told."""
    said = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    told = folder / "told.json"
    program = folder / "sign-in"
    program.write_text(
        f"#!{sys.executable}\nimport json, os, pathlib\n"
        f"pathlib.Path({str(told)!r}).write_text(os.environ['KUBERNETES_EXEC_INFO'])\n"
        f"print({json.dumps(json.dumps(said))})\n"
    )
    program.chmod(0o755)
    return {"apiVersion": said["apiVersion"], "command": "./sign-in", "provideClusterInfo": True}


def test_a_plugin_beside_the_file_is_told_of_the_cluster(tmp_path: Path, pair: Path) -> None:
    cluster = {
        "certificate-authority": str(pair / "ca.crt"), "tls-server-name": "inside",
        "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}],
    }
    status = {"token": "t", "expirationTimestamp": "2030-01-01T00:00:00Z"}
    access = kubeconfig.read(
        written(tmp_path / "config", document(cluster=cluster, exec=plugin(tmp_path, status)))
    )
    assert access.headers == {"Authorization": "Bearer t"} and access.expires == 1893456000.0
    told = json.loads((tmp_path / "told.json").read_text())["spec"]["cluster"]
    assert told["server"] == "https://far" and told["tls-server-name"] == "inside"
    assert told["config"] == {"audience": "a"} and "certificate-authority-data" in told


def test_a_plugin_that_must_ask_a_person_says_so_where_there_is_none(tmp_path: Path) -> None:
    asking = {**plugin(tmp_path, {"token": "t"}), "interactiveMode": "Always"}
    program = (
        "from pathlib import Path; from pinnace.objects import kubeconfig\n"
        f"kubeconfig.read(Path({str(written(tmp_path / 'config', document(exec=asking)))!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert "start this in a terminal" in done.stderr


def test_a_proxy_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "config", document(cluster={"proxy-url": "ftp://there"}))
    with pytest.raises(ValueError, match="proxy-url 'ftp://there'"):
        kubeconfig.read(file)
