"""A pod's volumes as the node's mounts: contents are read here, the node only lays them out.

Effects: a claim's folder is made at its first use, and a namesake's data set aside. Everything else is a
pure translation. hostPath is refused unless the administrator of this home allowed the path; `Mount.files`
carries configMaps, secrets, projected and downwardAPI volumes as they are at the start (what they are
later is told by `refreshing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from pinnace.controllers.pods import environment, request
from pinnace.controllers.pods.accounts import Laid, Wanted, own_folder, projected
from pinnace.controllers.pods.found import Blocked, Found
from pinnace.controllers.pods.schedule import Machine
from pinnace.data import claims
from pinnace.home import Home
from pinnace.kinds.resource import Obj
from pinnace.node.protocol import Mount

READ_WRITE = 0o644
Files = dict[str, bytes]
Modes = dict[str, int]


class Volume(msgspec.Struct):
    """What every mount of this volume shares."""

    name: str
    source: str = ""
    files: Files | None = None
    modes: Modes | None = None
    read_only: bool = False
    size_limit: int = 0
    medium: str = ""


class Volumes:
    """All volumes of one pod, resolved once; `mounts` gives those of one container."""

    def __init__(
        self, pod: Obj, found: Found, home: Home, machine: Machine, host_paths: Iterable[str],
        laid: list[Laid] | None = None,
    ) -> None:
        """`laid` gets the volumes that hold tokens."""
        self._laid = laid if laid is not None else []
        self._pod = pod
        self._found = found
        self._home = home
        self._machine = machine
        self._host_paths = tuple(PurePosixPath(path) for path in host_paths)
        self._volumes = {each["name"]: self._volume(each) for each in pod["spec"].get("volumes") or ()}

    def mounts(self, container: Obj, env: Mapping[str, str]) -> list[Mount]:
        return [self._mount(mount, env) for mount in container.get("volumeMounts") or ()]

    def content(self, name: str) -> Volume | None:
        """A volume that is files as they were read, and nothing else."""
        volume = self._volumes[name]
        return volume if volume.files is not None else None

    def _mount(self, mount: Obj, env: Mapping[str, str]) -> Mount:
        volume = self._volumes.get(mount["name"])
        if volume is None:
            raise Blocked(f'volumeMount "{mount["name"]}" names no volume of the pod', mount["name"])
        sub_path = mount.get("subPath") or environment.expand(mount.get("subPathExpr") or "", env)
        _refuse_escape(sub_path, "subPath", mount["name"])
        return Mount(
            path=mount["mountPath"],
            source=volume.source,
            volume=volume.name,
            sub_path=sub_path,
            read_only=bool(mount.get("readOnly")) or volume.read_only,
            files=volume.files,
            modes=volume.modes,
            size_limit=volume.size_limit,
            medium=volume.medium,
        )

    def _volume(self, volume: Obj) -> Volume:
        for kind, make in _KINDS.items():
            if (source := volume.get(kind)) is not None:
                try:
                    return make(self, volume["name"], source)
                except Blocked as blocked:
                    raise Blocked(_cannot(volume["name"], blocked.message), volume["name"]) from None
        kinds = [key for key in volume if key != "name"]
        if not kinds:
            return Volume(volume["name"])
        raise Blocked(
            _cannot(volume["name"], f"{kinds[0]} volumes need a cluster; use a persistentVolumeClaim"),
            volume["name"],
        )

    def _empty(self, name: str, source: Obj) -> Volume:
        limit = source.get("sizeLimit")
        return Volume(
            name, size_limit=request.whole(limit) if limit else 0, medium=source.get("medium") or ""
        )

    def _secret(self, name: str, source: Obj) -> Volume:
        data = self._found.secret_data(source.get("secretName", ""), bool(source.get("optional")))
        where = f"secret {source.get('secretName', '')}"
        return _content(name, *_items(data, source, where, source.get("defaultMode")))

    def _config_map(self, name: str, source: Obj) -> Volume:
        data = self._found.config_data(source.get("name", ""), bool(source.get("optional")))
        where = f"configmap {source.get('name', '')}"
        return _content(name, *_items(data, source, where, source.get("defaultMode")))

    def _claim(self, name: str, source: Obj) -> Volume:
        claim = self._found.claim(source.get("claimName", ""))
        try:
            folder = claims.folder(self._home.volumes, claim)
        except claims.Unbound:
            raise Blocked("pod has unbound immediate PersistentVolumeClaims") from None
        except claims.NoData as problem:
            raise Blocked(str(problem)) from None
        return Volume(name, source=str(folder), read_only=bool(source.get("readOnly")))

    def _downward(self, name: str, source: Obj) -> Volume:
        return _content(name, *self._fields(source, source.get("defaultMode")))

    def _projected(self, name: str, source: Obj) -> Volume:
        files: Files = {}
        modes: Modes = {}
        tokens: list[Wanted] = []
        for each in source.get("sources") or ():
            if (token := each.get("serviceAccountToken")) is not None:
                tokens.append(projected(token))
                modes[tokens[-1].path] = _mode({}, source.get("defaultMode"))
                continue
            more_files, more_modes = self._projection(each, source.get("defaultMode"))
            files |= more_files
            modes |= more_modes
        content = _content(name, files, modes)
        if not tokens:
            return content
        folder = own_folder(self._home, self._pod, name)
        self._laid.append(Laid(folder, files, modes, tuple(tokens)))
        return Volume(name, source=folder, read_only=True)

    def _projection(self, source: Obj, mode: int | None) -> tuple[Files, Modes]:
        if (secret := source.get("secret")) is not None:
            data = self._found.secret_data(secret.get("name", ""), bool(secret.get("optional")))
            return _items(data, secret, f"secret {secret.get('name', '')}", mode)
        if (config := source.get("configMap")) is not None:
            data = self._found.config_data(config.get("name", ""), bool(config.get("optional")))
            return _items(data, config, f"configmap {config.get('name', '')}", mode)
        if (downward := source.get("downwardAPI")) is not None:
            return self._fields(downward, mode)
        kind = next(iter(source), "an empty source")
        raise Blocked(f"{kind} cannot be projected on this platform; remove it from the volume's sources")

    def _fields(self, source: Obj, mode: int | None) -> tuple[Files, Modes]:
        files: Files = {}
        modes: Modes = {}
        for item in source.get("items") or ():
            if ref := item.get("fieldRef"):
                value = environment.field(self._pod, ref.get("fieldPath", ""))
            else:
                ref = item.get("resourceFieldRef") or {}
                value = environment.resource_field(self._pod, {}, ref, self._machine)
            files[item["path"]] = value.encode()
            modes[item["path"]] = _mode(item, mode)
        return files, modes

    def _host_path(self, name: str, source: Obj) -> Volume:
        path = PurePosixPath(source.get("path", ""))
        if ".." in path.parts or not any(path.is_relative_to(allowed) for allowed in self._host_paths):
            raise Blocked(
                f"hostPath {path} is not allowed here: copy the data into a persistentVolumeClaim "
                f"(its folder is {self._home.volumes}/<namespace>/<claim>)"
            )
        if source.get("type") == "DirectoryOrCreate":
            Path(path).mkdir(parents=True, exist_ok=True)
        if not Path(path).exists():
            raise Blocked(f"hostPath type check failed: {path} does not exist")
        return Volume(name, source=str(path))


_KINDS: dict[str, Callable[[Volumes, str, Any], Volume]] = {
    "emptyDir": Volumes._empty,
    "configMap": Volumes._config_map,
    "secret": Volumes._secret,
    "persistentVolumeClaim": Volumes._claim,
    "projected": Volumes._projected,
    "downwardAPI": Volumes._downward,
    "hostPath": Volumes._host_path,
}


def _content(name: str, files: Files, modes: Modes) -> Volume:
    for path in files:
        _refuse_escape(path, "path", name)
    return Volume(name, files=files, modes=modes, read_only=True)


def _items(data: Files | None, source: Obj, where: str, mode: int | None) -> tuple[Files, Modes]:
    """The whole content, or the listed keys at their paths."""
    data = data or {}
    items = source.get("items")
    if not items:
        return data, dict.fromkeys(data, READ_WRITE if mode is None else mode)
    files: Files = {}
    modes: Modes = {}
    for item in items:
        if item["key"] not in data:
            if source.get("optional"):
                continue
            raise Blocked(f"references non-existent {where.split()[0]} key: {item['key']}")
        files[item["path"]] = data[item["key"]]
        modes[item["path"]] = _mode(item, mode)
    return files, modes


def _mode(item: Obj, default: int | None) -> int:
    own = item.get("mode")
    return own if own is not None else READ_WRITE if default is None else default


def _cannot(name: str, why: str) -> str:
    return f'MountVolume.SetUp failed for volume "{name}" : {why}'


def _refuse_escape(path: str, what: str, name: str) -> None:
    if path.startswith("/") or ".." in PurePosixPath(path).parts:
        raise Blocked(f'{what} {path!r} of volume "{name}" must be relative and must not contain ".."', name)
