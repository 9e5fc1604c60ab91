# ruff: noqa: E501 - an attack reads best on one line
"""A step's ways out, tried through the whole stack: what a manifest says, what an earlier step left, what a pod does."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from pinnace.data.blobs import Blobs
from tests.e2e.platform import eventually
from tests.security.site import CANARY, Obj, Site, outputs, python, said, shell, step

# ---- what a step sees -------------------------------------------------------------------------------------


def test_the_platform_the_home_and_the_system_are_not_there(site: Site, outside: Path) -> None:
    home = site.home
    places = [
        home.token,
        home.kubeconfig,
        home.database,
        home.state,
        home.certificates,
        home.root / "control.json",
    ]
    places += [
        home.run,
        home.data,
        home.pods,
        home.volumes,
        home.logs,
        Path.home() / ".bashrc",
        outside / "secret",
    ]
    script = "; ".join(f"test -e {path} && echo seen {path}" for path in places)
    said_ = site.shell(
        f"{script}; cat /etc/shadow; ls /root/.ssh /boot /sys/kernel; cat /proc/1/environ; true"
    )
    assert "seen" not in said_
    assert "root:" not in said_
    assert site.platform.api.token not in said_


def test_the_same_in_every_form_of_a_step(site: Site, outside: Path) -> None:
    look = f"cat {site.home.token} {outside}/secret; find / -name store.db -o -name docker.sock 2>/dev/null; echo end"
    container = {"image": "alpine:3", "command": ["sh", "-c", look]}
    script = {"image": "alpine:3", "command": ["sh"], "source": look}
    side = {"name": "side", **container}
    templates = [
        {
            "name": "main",
            "steps": [[{"name": n, "template": n} for n in ("container", "script", "sidecar", "init")]],
        },
        {"name": "container", "container": container},
        {"name": "script", "script": script},
        {"name": "sidecar", "container": container, "sidecars": [side]},
        {"name": "init", "container": container, "initContainers": [side]},
    ]
    done = site.workflow({"templates": templates})
    logs = site.logs_of(done)
    assert done["status"]["phase"] == "Succeeded", said(done)
    assert logs.count("end") >= 4
    for secret in (CANARY, site.platform.api.token, "store.db", "docker.sock"):
        assert secret not in logs.replace(f"{site.home.token}", "")


def test_another_pods_files_are_not_there(site: Site) -> None:
    mounts = [{"name": "e", "mountPath": "/e"}]
    volumes = [{"name": "e", "emptyDir": {}}]
    other = site.pod(
        "default",
        {
            "containers": [shell(f"echo {CANARY} | tee /tmp/x /e/x /x; sleep 300", volumeMounts=mounts)],
            "volumes": volumes,
        },
    )
    eventually(lambda: CANARY in site.log(other), "the other pod's start")
    found = site.shell(f"grep -rs {CANARY} /tmp /e /x /var /run /mnt /home /dev/shm /proc/*/root/tmp; true")
    meta = other["metadata"]
    site.http("DELETE", f"/api/v1/namespaces/default/pods/{meta['name']}?gracePeriodSeconds=0")
    assert CANARY not in found


def test_outside_processes_are_not_seen_killed_or_traced(site: Site, victim: subprocess.Popen[bytes]) -> None:
    targets = [victim.pid, *site.platform.pids().values()]
    code = (
        "import ctypes, os\n"
        f"for pid in {targets}:\n"
        "    for what in ('kill', 'trace', 'read'):\n"
        "        try:\n"
        "            if what == 'kill': os.kill(pid, 9)\n"
        "            elif what == 'trace' and ctypes.CDLL(None).ptrace(16, pid, 0, 0): raise OSError\n"
        "            elif what == 'read': open(f'/proc/{pid}/environ').read()\n"
        "            if pid > 9: print('done', what, pid)\n"
        "        except OSError: pass\n"
        "os.kill(-1, 9) if os.fork() == 0 else print('end')"
    )
    before = site.platform.pids()
    pod = site.ended(site.pod("default", {"containers": [python(code)]}))
    assert "done" not in site.log(pod)
    assert victim.poll() is None
    assert site.platform.pids() == before and site.alive()


def test_nothing_of_a_step_outlives_it(site: Site) -> None:
    mark = f"sleep 98{os.getpid()}"
    script = (
        f"(setsid sh -c '{mark}' >/dev/null 2>&1 &) ; nohup {mark} >/dev/null 2>&1 & trap '' TERM; echo end"
    )
    assert "end" in site.shell(script)
    lines = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if mark in line]


# ---- what a manifest asks for -----------------------------------------------------------------------------

MIGHTY: dict[str, Obj] = {
    "privileged": {"container": {"securityContext": {"privileged": True}}},
    "root": {
        "container": {"securityContext": {"runAsUser": 0}},
        "pod": {"securityContext": {"runAsUser": 0}},
    },
    "capabilities": {
        "container": {
            "securityContext": {
                "capabilities": {"add": ["SYS_ADMIN", "SYS_PTRACE", "ALL"]},
                "allowPrivilegeEscalation": True,
            }
        },
    },
    "host namespaces": {"pod": {"hostNetwork": True, "hostPID": True, "hostIPC": True}},
    "proc": {
        "container": {"securityContext": {"procMount": "Unmasked", "seccompProfile": {"type": "Unconfined"}}}
    },
}
POWERS = (
    "id -u; grep -E 'Cap(Eff|Prm|Bnd|Amb|Inh)|NoNewPrivs' /proc/self/status; ls /proc; "
    "mount -t tmpfs x /mnt && echo got-mount; unshare -U true && echo got-userns; chroot / true && echo got-chroot; "
    "mknod /tmp/d b 8 0 && echo got-device; (echo x > /proc/sys/kernel/hostname) && echo got-hostname; true"
)


@pytest.mark.parametrize("asked", MIGHTY)
def test_no_manifest_gets_powers(site: Site, asked: str) -> None:
    """A cluster without policy would grant them; here they are refused or granted in name only."""
    wish = MIGHTY[asked]
    status, pod = site.try_pod(
        "default", {"containers": [{**shell(POWERS), **wish.get("container", {})}], **wish.get("pod", {})}
    )
    if status >= 400:
        return
    log = site.log(site.ended(pod))
    assert log.startswith("1000\n")
    assert log.count("0000000000000000") == 5 and "NoNewPrivs:\t1" in log
    assert len([word for word in log.split() if word.isdigit()]) < 12
    assert "got-mount" not in log and "got-userns" not in log and "got-chroot" not in log
    assert "got-device" not in log


@pytest.mark.parametrize("path", ["/", "/etc", "/root", "/var/run", "/proc/1/root"])
def test_no_host_path_is_mounted(site: Site, path: str) -> None:
    volumes = [{"name": "h", "hostPath": {"path": path}}]
    pod = site.pod(
        "default",
        {"containers": [shell("ls /h", volumeMounts=[{"name": "h", "mountPath": "/h"}])], "volumes": volumes},
    )
    why = site.blocked(pod)
    assert "hostPath" in why and "persistentVolumeClaim" in why
    assert site.log(pod) == ""


def test_a_host_path_that_climbs_is_refused(site: Site) -> None:
    spec = {"containers": [shell("true")], "volumes": [{"name": "h", "hostPath": {"path": "/tmp/.."}}]}
    status, answer = site.try_pod("default", spec)
    assert status == 422 and "spec.volumes[0].hostPath.path" in answer["message"], answer


def test_a_host_path_by_a_pod_spec_patch_is_not_mounted_either(site: Site, outside: Path) -> None:
    patch = {
        "containers": [{"name": "main", "volumeMounts": [{"name": "h", "mountPath": "/h"}]}],
        "volumes": [{"name": "h", "hostPath": {"path": str(outside)}}],
    }
    status, made = site.try_workflow(
        {"podSpecPatch": json.dumps(patch), "templates": [step("cat /h/secret")], "activeDeadlineSeconds": 3}
    )
    assert status == 201
    done = site.finished(made)
    assert done["status"]["phase"] in ("Failed", "Error")
    assert CANARY not in site.logs_of(done)


def claim(site: Site, namespace: str, name: str) -> None:
    body = {
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    site.ask("POST", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims", body)


def on_claim(script: str, name: str, **fields: Any) -> Obj:
    return {
        "containers": [
            shell(script, volumeMounts=[{"name": "v", "mountPath": "/v"}, *fields.pop("mounts", [])])
        ],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": name}}, *fields.pop("volumes", [])],
        **fields,
    }


@pytest.mark.parametrize("name", ["..", "../..", "a/../../b", "/etc", ".", "a\0b"])
def test_a_claim_cannot_be_named_outside(site: Site, name: str) -> None:
    body = {
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    status, _ = site.http("POST", "/api/v1/namespaces/default/persistentvolumeclaims", body)
    assert status == 422
    status, pod = site.try_pod("default", on_claim("ls /v", name))
    assert status >= 400 or "not found" in site.blocked(pod)


@pytest.mark.parametrize("sub_path", ["..", "../..", "a/../../..", "/etc", "a/%2e%2e/../.."])
def test_a_sub_path_cannot_lead_outside(site: Site, sub_path: str) -> None:
    namespace = site.namespace()
    claim(site, namespace, "data")
    spec = on_claim(
        "ls -la /s; cat /s/token", "data", mounts=[{"name": "v", "mountPath": "/s", "subPath": sub_path}]
    )
    status, answer = site.try_pod(namespace, spec)
    assert status == 422, answer
    assert "subPath" in answer["message"]


@pytest.mark.parametrize("expression", ["$(WAY)", "x/$(WAY)/x", "$(ROOT)"])
def test_a_sub_path_expression_cannot_lead_outside(site: Site, expression: str) -> None:
    namespace = site.namespace()
    claim(site, namespace, "data")
    spec = on_claim("ls -la /s", "data", mounts=[{"name": "v", "mountPath": "/s", "subPathExpr": expression}])
    spec["containers"][0]["env"] = [{"name": "WAY", "value": "../../.."}, {"name": "ROOT", "value": "/etc"}]
    pod = site.pod(namespace, spec)
    assert ".." in site.blocked(pod)


def test_a_sub_path_expression_that_climbs_is_refused(site: Site) -> None:
    mounts = [{"name": "v", "mountPath": "/s", "subPathExpr": "$(WAY)/.."}]
    status, answer = site.try_pod("default", on_claim("ls -la /s", "data", mounts=mounts))
    assert status == 422 and "subPathExpr" in answer["message"], answer


def test_a_sub_path_follows_no_link_that_a_step_left(site: Site, outside: Path) -> None:
    namespace = site.namespace()
    claim(site, namespace, "data")
    site.ended(site.pod(namespace, on_claim(f"ln -s {outside} /v/link", "data")))
    spec = on_claim("cat /s/secret", "data", mounts=[{"name": "v", "mountPath": "/s", "subPath": "link"}])
    pod = site.pod(namespace, spec)
    assert "link" in site.blocked(pod)
    assert CANARY not in site.log(pod)


@pytest.mark.parametrize(
    "place",
    ["/etc", "/usr", "/usr/bin", "/proc", "/dev", "/", "/../../x", "relative/x", "/tmp/../../../x", "/sys"],
)
def test_a_mount_over_system_folders_changes_only_the_pod(site: Site, place: str) -> None:
    before = sorted(os.listdir("/")), sorted(os.listdir("/usr")), sorted(os.listdir("/proc/sys/kernel"))
    spec = {
        "containers": [
            shell(
                "id -u; echo x > /etc/passwd; echo x > /usr/bin/sh",
                volumeMounts=[{"name": "e", "mountPath": place}],
            )
        ],
        "volumes": [{"name": "e", "emptyDir": {}}],
    }
    status, pod = site.try_pod("default", spec)
    if status == 201:
        site.blocked(pod) if place in ("/", "/../../x") else site.ended(pod)
    assert (
        sorted(os.listdir("/")),
        sorted(os.listdir("/usr")),
        sorted(os.listdir("/proc/sys/kernel")),
    ) == before
    assert not Path("/x").exists()


@pytest.mark.parametrize("how", ["volume mount", "artifact", "working folder"])
@pytest.mark.parametrize("way", ["/oldroot", "absolute", "dots"])
def test_a_link_in_a_volume_does_not_lead_the_mounts_outside(
    site: Site, outside: Path, how: str, way: str
) -> None:
    """bubblewrap makes mount points while the host's root is still in reach, and the node writes artifacts itself."""
    namespace = site.namespace()
    claim(site, namespace, "data")
    target = {"/oldroot": f"/oldroot{outside}", "absolute": str(outside), "dots": f"{'../' * 20}{outside}"}[
        way
    ]
    dots = f"{'../' * 20}oldroot{outside}"
    site.ended(site.pod(namespace, on_claim(f"ln -s {target} /v/link; ln -s {dots} /v/dots", "data")))
    for link in ("link", "dots"):
        place = f"/v/{link}/planted/deep"
        spec = on_claim("true", "data")
        template: Obj = {
            "name": "main",
            "container": {k: v for k, v in spec["containers"][0].items() if k != "name"},
            "volumes": spec["volumes"],
            "activeDeadlineSeconds": 4,
        }
        if how == "volume mount":
            template["volumes"].append({"name": "e", "emptyDir": {}})
            template["container"]["volumeMounts"].append({"name": "e", "mountPath": place})
        elif how == "artifact":
            template["inputs"] = {"artifacts": [{"name": "a", "path": place, "raw": {"data": "planted"}}]}
        else:
            template["container"]["workingDir"] = place
        site.workflow({"templates": [template]}, namespace)
        assert os.listdir(outside) == ["secret"], (how, way, link)


def test_an_init_container_cannot_plant_the_way_of_an_artifact(site: Site, outside: Path) -> None:
    volume = {"name": "e", "emptyDir": {}}
    mounts = [{"name": "e", "mountPath": "/e"}]
    template = step(
        "cat /e/link/planted",
        volumes=[volume],
        initContainers=[
            {
                **shell(f"ln -s {outside} /e/link; ln -s {outside}/file /e/file"),
                "name": "first",
                "volumeMounts": mounts,
            }
        ],
        inputs={
            "artifacts": [
                {"name": "a", "path": "/e/link/planted", "raw": {"data": "x"}},
                {"name": "b", "path": "/e/file", "raw": {"data": "x"}},
            ]
        },
    )
    template["container"]["volumeMounts"] = mounts
    site.workflow({"templates": [template]})
    assert os.listdir(outside) == ["secret"]


# ---- artifacts --------------------------------------------------------------------------------------------

PLACES = [
    "/tmp/../../../../../../../../..{outside}/planted",
    "../../../../../../../../../../..{outside}/planted",
    "/..{outside}/planted",
    "{outside}/planted",
    "//..//..{outside}/planted",
    "/tmp/%2e%2e/%2e%2e/planted",
]


@pytest.mark.parametrize("place", PLACES)
def test_an_inputs_destination_stays_inside(site: Site, outside: Path, place: str) -> None:
    """Argo #3016: the destination may come from a parameter, too."""
    for path in (place, "{{inputs.parameters.where}}"):
        template = step(
            "ls -R /tmp",
            inputs={
                "parameters": [{"name": "where", "value": place.format(outside=outside)}],
                "artifacts": [
                    {"name": "a", "path": path.replace("{outside}", str(outside)), "raw": {"data": "planted"}}
                ],
            },
        )
        site.workflow({"templates": [template]})
        assert os.listdir(outside) == ["secret"]


@pytest.mark.parametrize("place", PLACES)
def test_an_outputs_source_stays_inside(site: Site, outside: Path, place: str) -> None:
    path = place.format(outside=outside).replace("planted", "secret")
    template = step(
        "true",
        outputs={
            "parameters": [{"name": "p", "valueFrom": {"path": path, "default": "nothing"}}],
            "artifacts": [{"name": "a", "path": path, "optional": True}],
        },
    )
    done = site.workflow({"templates": [template]})
    assert CANARY not in outputs(done)
    assert "artifacts" not in outputs(done)


LURES = {
    "a link": "ln -s {secret} /out",
    "a link to the token": "ln -s {token} /out",
    "a relative link": "ln -s ../../../../../../../../../..{secret} /out",
    "a link to the system": "ln -s /etc/shadow /out",
    "a link in proc": "ln -s /proc/self/root{secret} /out",
    "a FIFO": "mkfifo /out",
    "a link to a device": "ln -s /dev/zero /out",
    "a folder of links": "mkdir /out; ln -s {secret} /out/a; ln -s / /out/b",
    "a hard link to an input": "ln /in /out || ln -s /in /out",
}


@pytest.mark.parametrize("lure", LURES)
@pytest.mark.parametrize("where", ["root", "volume"])
def test_what_a_step_leaves_is_not_followed(site: Site, outside: Path, lure: str, where: str) -> None:
    namespace = site.namespace()
    claim(site, namespace, "data")
    folder = "" if where == "root" else "/v"
    script = (
        LURES[lure].format(secret=outside / "secret", token=site.home.token).replace("/out", f"{folder}/out")
    )
    spec = on_claim(script, "data")
    template: Obj = {
        "name": "main",
        "container": {k: v for k, v in spec["containers"][0].items() if k != "name"},
        "volumes": spec["volumes"],
        "inputs": {"artifacts": [{"name": "i", "path": "/in", "raw": {"data": "input"}}]},
        "outputs": {
            "parameters": [{"name": "p", "valueFrom": {"path": f"{folder}/out", "default": "-"}}],
            "artifacts": [{"name": "a", "path": f"{folder}/out", "s3": {"key": "got"}}],
        },
    }
    done = site.workflow({"templates": [template]}, namespace)
    shown = outputs(done)
    assert CANARY not in shown and site.platform.api.token not in shown and "root:" not in shown
    read = {
        "name": "main",
        "container": {"image": "alpine:3", "command": ["sh", "-c", "cat /got /got/* | head -c 9999"]},
        "inputs": {"artifacts": [{"name": "g", "path": "/got", "s3": {"key": "got"}, "optional": True}]},
    }
    logs = site.logs_of(site.workflow({"templates": [read]}, namespace))
    assert CANARY not in logs and site.platform.api.token not in logs and "root:" not in logs


KEYS = [
    "../x",
    "a/../../x",
    "/etc/x",
    "..%2f..%2fx",
    "a/./../..//x",
    "..",
    "%252e%252e/x",
    "file:///etc/x",
    "a\\..\\x",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_only_a_name(site: Site, outside: Path, key: str) -> None:
    namespace = site.namespace()
    write = step(
        "echo mine > /out", outputs={"artifacts": [{"name": "a", "path": "/out", "s3": {"key": key}}]}
    )
    done = site.workflow({"templates": [write]}, namespace)
    for asked in (key, "a", "..", "/", "../../../../../../../../etc/passwd", str(outside / "secret")):
        read = step(
            "find /got -type f -exec cat {} +; ls -R /got",
            inputs={"artifacts": [{"name": "a", "path": "/got/a", "s3": {"key": asked}}]},
        )
        logs = site.logs_of(site.workflow({"templates": [read]}, namespace))
        assert CANARY not in logs and "root:" not in logs
        if asked == key and done["status"]["phase"] == "Succeeded":
            assert "mine" in logs or "No such file" in logs or not logs.strip()
    assert site.alive()
    assert os.listdir(outside) == ["secret"]


@pytest.mark.parametrize("name", ["../../x", "a/b", "..", "/etc/x", "", "a\0b", "x" * 3000])
def test_an_artifacts_name_is_only_a_name(site: Site, outside: Path, name: str) -> None:
    template = step(
        "echo y > /out",
        outputs={"artifacts": [{"name": name, "path": "/out"}]},
        inputs={"artifacts": [{"name": name, "path": "/in/f", "raw": {"data": "z"}}]},
    )
    status, made = site.try_workflow({"templates": [template]})
    assert status in (201, 400, 422), made
    if status == 201:
        site.finished(made)
    assert os.listdir(outside) == ["secret"]


def test_an_input_blob_cannot_be_changed(site: Site) -> None:
    namespace = site.namespace()
    write = step(
        "echo original > /out", outputs={"artifacts": [{"name": "a", "path": "/out", "s3": {"key": "k"}}]}
    )
    site.workflow({"templates": [write]}, namespace)
    spoil = step(
        "chmod 666 /in; echo bad > /in; rm -f /in; mv /out /in; ln -f /in /tmp/l; echo bad >> /tmp/l; true",
        inputs={"artifacts": [{"name": "a", "path": "/in", "s3": {"key": "k"}}]},
    )
    site.workflow({"templates": [spoil]}, namespace)
    read = step("cat /in", inputs={"artifacts": [{"name": "a", "path": "/in", "s3": {"key": "k"}}]})
    assert site.logs_of(site.workflow({"templates": [read]}, namespace)).strip() == "original"


def test_a_process_in_the_end_cannot_change_what_was_taken(site: Site) -> None:
    """An open descriptor, a hard link and a mapping of an output, kept until the end."""
    code = (
        "import os, time\n"
        "f = open('/out', 'w'); f.write('first'); f.flush(); os.link('/out', '/tmp/again')\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    for _ in range(2000):\n"
        "        f.write('x'); f.flush(); time.sleep(0.001)\n"
        "else:\n"
        "    os._exit(0)\n"
    )
    template: Obj = {
        "name": "main",
        "container": {k: v for k, v in python(code).items() if k != "name"},
        "outputs": {"artifacts": [{"name": "a", "path": "/out", "s3": {"key": "late"}}]},
    }
    namespace = site.namespace()
    site.workflow({"templates": [template]}, namespace)
    database = Blobs(site.home.data)
    from blake3 import blake3

    for blob in [p for p in (site.home.data).rglob("*") if p.is_file() and len(p.name) == 64]:
        if blob.read_bytes().startswith(b"first"):
            assert blake3(blob.read_bytes()).hexdigest() == blob.name
            assert database.exists(blob.name)
            return
    time.sleep(0)
    raise AssertionError("the output was not kept")


@pytest.mark.parametrize("place", ["/etc", "/home", "/var", "/work"])
def test_a_restarted_container_cannot_lead_its_own_mounts_outside(
    site: Site, outside: Path, place: str
) -> None:
    """The first life moves a folder that mounts lie in away and leaves a link; the second one is mounted anew."""
    script = (
        f"test -e /tmp/again && exit 0; touch /tmp/again; mv {place} /tmp/old 2>/dev/null; "
        f"ln -s /oldroot{outside} {place}; exit 1"
    )
    mounts = [{"name": "e", "mountPath": f"{place}/deep/er"}]
    pod = site.pod(
        "default",
        {
            "restartPolicy": "OnFailure",
            "containers": [shell(script, volumeMounts=mounts, workingDir=f"{place}/w")],
            "volumes": [{"name": "e", "emptyDir": {}}],
            "activeDeadlineSeconds": 5,
            "terminationGracePeriodSeconds": 0,
        },
    )
    site.ended(pod)
    assert os.listdir(outside) == ["secret"]


PLAIN = {"pinnace.dev/isolation": "process"}
LOOK = f"test -e /proc/{os.getpid()}/root && echo seen"


def test_no_manifest_leaves_the_sandbox(site: Site) -> None:
    """Whoever runs a stranger's manifest in the sandbox has not agreed to an annotation that takes it away."""
    status, answer = site.try_pod("default", {"containers": [shell(LOOK)]}, annotations=PLAIN)
    assert status == 422, answer
    assert "metadata.annotations[pinnace.dev/isolation]" in answer["message"]
    assert "`pinnace up --isolation process`" in answer["message"]
    pod = site.pod("default", {"containers": [shell("sleep 60")], "terminationGracePeriodSeconds": 0})
    path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}"
    change = {"metadata": {"annotations": PLAIN}}
    status, _ = site.http("PATCH", path, change, headers={"Content-Type": "application/merge-patch+json"})
    assert status == 422
    site.ask("DELETE", path)


@pytest.mark.parametrize("where", ["metadata", "podMetadata", "template"])
def test_no_workflow_leaves_the_sandbox(site: Site, where: str) -> None:
    step: Obj = {"name": "main", "container": {k: v for k, v in shell(LOOK).items() if k != "name"}}
    spec: Obj = {"templates": [step]}
    metadata: Obj = {}
    match where:
        case "metadata":
            metadata = {"annotations": PLAIN}
        case "podMetadata":
            spec["podMetadata"] = {"annotations": PLAIN}
        case "template":
            step["metadata"] = {"annotations": PLAIN}
    status, answer = site.try_workflow(spec, **metadata)
    assert status == 422 and "pinnace.dev/isolation" in answer["message"], answer


def test_no_tag_leaves_the_sandbox(site: Site) -> None:
    """What only the engine works out, only the node can refuse."""
    step: Obj = {
        "name": "main", "metadata": {"annotations": {"pinnace.dev/isolation": "{{workflow.parameters.way}}"}},
        "container": {k: v for k, v in shell(LOOK).items() if k != "name"},
    }  # fmt: skip
    spec = {"templates": [step], "arguments": {"parameters": [{"name": "way", "value": "process"}]}}
    done = site.workflow(spec)
    assert done["status"]["phase"] in ("Failed", "Error")
    assert "pinnace up --isolation process" in str(done["status"]["nodes"])
