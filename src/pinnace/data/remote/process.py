"""`python -m pinnace.data.remote`: the jobs on standard input are done, their answers printed.

An artifact comes as upstream's executor leaves it: a gzipped tarball is unpacked unless it says otherwise,
one file or folder that came alone takes the artifact's place. It goes as the archive that it asks for.
"""

from __future__ import annotations

import shutil
import sys
import tarfile
from pathlib import Path
from uuid import uuid4

import msgspec

from pinnace.data.archive import Format, pack, unpack
from pinnace.data.beneath import Unsafe
from pinnace.data.blobs import Blobs, Missing, Stored
from pinnace.data.remote import buckets, checkout, web
from pinnace.data.remote.jobs import BUCKETS, Answer, Job, Jobs, NothingThere, RemoteError, refusal
from pinnace.data.remote.reach import Reach

TAR = b"\x1f\x8b"


def done(jobs: Jobs) -> list[Answer]:
    blobs = Blobs(Path(jobs.blobs))
    return [answered(job, blobs, jobs.run) for job in jobs.jobs]


def answered(job: Job, blobs: Blobs, run: str) -> Answer:
    scratch = Path(blobs.root) / "tmp" / uuid4().hex
    scratch.mkdir(mode=0o700)
    try:
        if why := refusal(job.kind):
            raise RemoteError(why)
        return _do(job, blobs, scratch, Reach(run, job.dial))
    except NothingThere as error:
        return Answer(error=str(error), absent=True)
    except (RemoteError, Unsafe, Missing, OSError) as error:
        return Answer(error=str(error))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _do(job: Job, blobs: Blobs, scratch: Path, reach: Reach) -> Answer:
    if job.do == "list":
        bucket, key = buckets.opened(job.kind, job.where, reach)
        return Answer(keys=bucket.list(key))
    if job.do == "delete":
        bucket, key = buckets.opened(job.kind, job.where, reach)
        bucket.delete(key)
        return Answer()
    if job.do == "put":
        put(job, blobs, scratch, reach)
        return Answer()
    stored = kept(blobs, opened(get(job, scratch, reach), job.archive or "auto", scratch))
    return Answer(stored.digest, stored.size, stored.directory)


def get(job: Job, folder: Path, reach: Reach) -> Path:
    if job.kind in BUCKETS:
        bucket, key = buckets.opened(job.kind, job.where, reach)
        return bucket.get(key, folder)
    if job.kind == "git":
        return checkout.get(job.where, folder, reach)
    return web.get(job.where, folder, reach)


def opened(path: Path, archive: str, scratch: Path) -> Path:
    """What an archive holds; anything else as it is."""
    if archive == "none" or path.is_dir() or (archive == "auto" and not is_tarball(path)):
        return path
    target = scratch / f"unpacked-{uuid4().hex}"
    with path.open("rb") as file:
        unpack(file, target)
    inside = list(target.iterdir())
    return inside[0] if len(inside) == 1 else target


def is_tarball(path: Path) -> bool:
    """A gzipped one, as upstream looks for no other."""
    with path.open("rb") as file:
        if file.read(2) != TAR:
            return False
    try:
        with tarfile.open(path, "r:gz") as tape:
            return tape.next() is not None
    except (tarfile.TarError, OSError, EOFError):
        return False


def kept(blobs: Blobs, path: Path) -> Stored:
    if path.is_symlink():
        raise RemoteError(f"{path.name} is a link; an artifact is a file or a folder")
    return blobs.put_tree(path, move=True) if path.is_dir() else blobs.put_file(path, move=True)


def put(job: Job, blobs: Blobs, scratch: Path, reach: Reach) -> None:
    source = packed(job, Path(job.file) if job.file else blobs.path(job.digest), scratch)
    if job.kind in BUCKETS:
        bucket, key = buckets.opened(job.kind, job.where, reach)
        if not key:
            raise RemoteError(f"{job.kind}: the artifact {job.name} has no key")
        if job.where.get("createBucketIfNotPresent") is not None:
            bucket.make()
        bucket.put(key, source)
    elif job.kind == "git":
        raise RemoteError("git artifacts are for reading; an output cannot be one")
    else:
        web.put(job.where, source, reach)


def packed(job: Job, source: Path, scratch: Path) -> Path:
    if job.archive == "none":
        return source
    target = scratch / "packed"
    with target.open("wb") as file:
        kind: Format = "zip" if job.archive == "zip" else "tar.gz"
        pack(source, file, kind, name=job.base or job.name, level=job.level)
    return target


def main() -> None:
    jobs = msgspec.json.decode(sys.stdin.buffer.read(), type=Jobs)
    sys.stdout.buffer.write(msgspec.json.encode(done(jobs)))


if __name__ == "__main__":
    main()
