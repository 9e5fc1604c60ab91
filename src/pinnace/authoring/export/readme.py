"""The README of a bundle: what is in it, how it is applied, what remains to be done on the cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pinnace.authoring.export import operators
from pinnace.authoring.export.artifacts import VOLUME, Found
from pinnace.authoring.export.bundle import BASE, CLUSTER, ENDPOINTS, SECRETS, Bundle, Image, plain

OWN = "pinnace/"
UNITS = ("B", "KB", "MB", "GB", "TB")


def readme(bundle: Bundle) -> str:
    writers = (title, applying, remaining, needed, pictures, data)
    parts = (write(bundle) for write in writers)
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def title(bundle: Bundle) -> Iterator[str]:
    yield from (f"# {bundle.name}", "", f"Exported by Pinnace: {bundle.subject}.", "")
    yield from ("| folder | what is in it |", "| --- | --- |")
    yield f"| `base` | {listed(bundle, BASE)} |"
    yield "| `overlays/dev`, `test`, `prod` | the base in a namespace each; patches go there |"
    if bundle.parts.get(CLUSTER):
        yield f"| `cluster` | for an administrator, once: {listed(bundle, CLUSTER)} |"
    if bundle.parts.get(SECRETS):
        yield f"| `secrets` | to be filled in and applied first: {listed(bundle, SECRETS)} |"
    if bundle.parts.get(ENDPOINTS):
        yield f"| `endpoints` | what the run has put in service, without a run: {listed(bundle, ENDPOINTS)} |"
    if any(one.digest for one in bundle.images):
        yield "| `images` | the images as an OCI layout, and a lock file of each |"
    if bundle.pipeline:
        yield "| `kfp` | the pipeline and its run's arguments, for a Kubeflow Pipelines installation |"
    yield ""


def listed(bundle: Bundle, part: str) -> str:
    names = [f"{one['kind']} {one['metadata']['name']}" for one in bundle.parts.get(part, [])]
    return ", ".join(names) or "nothing"


def applying(bundle: Bundle) -> Iterator[str]:
    namespace = f"{bundle.name}-dev"
    yield from ("## Applying it", "", "```sh")
    yield "pinnace check . --context CONTEXT   # what this cluster does not serve"
    if bundle.parts.get(CLUSTER):
        yield "kubectl apply -k cluster"
    if bundle.parts.get(SECRETS):
        yield f"kubectl create namespace {namespace} && kubectl apply -n {namespace} -k secrets"
    yield "kubectl apply -k overlays/dev"
    if bundle.parts.get(ENDPOINTS):
        yield f"kubectl apply -n {namespace} -k endpoints   # only without a run"
    yield from ("```", "")
    if any(one["kind"] in ("Workflow", "Job") for one in bundle.documents(BASE)):
        yield "A run happens once. To run it again, delete it, or give it a `nameSuffix` in the overlay."
        yield ""
    if bundle.pipeline:
        yield "On Kubeflow Pipelines instead of all this, with the arguments of `kfp/arguments.json`:"
        yield from ("", "```python", "import json, kfp")
        yield "arguments = json.load(open('kfp/arguments.json'))"
        yield "kfp.Client().create_run_from_pipeline_package('kfp/pipeline.yaml', arguments=arguments)"
        yield from ("```", "")


def remaining(bundle: Bundle) -> Iterator[str]:
    notes = [*secrets(bundle), *unpushed(bundle), *bundle.notes]
    if not notes:
        return
    yield from ("## What remains to be done", "")
    yield from (f"- [ ] {note}" for note in notes)
    yield ""


def secrets(bundle: Bundle) -> Iterator[str]:
    for one in bundle.parts.get(SECRETS, []):
        keys = ", ".join(f"`{key}`" for key in one.get("stringData") or {})
        if keys and "data" not in one:
            yield f"Fill in `secrets/secret-{one['metadata']['name']}.yaml`: {keys}. No value was exported."


def unpushed(bundle: Bundle) -> Iterator[str]:
    built = [one for one in bundle.images if one.digest]
    if built and not bundle.pushed:
        yield (
            "Push the images: `pinnace export … --build --push REGISTRY/PATH` does it and writes the "
            f"addresses; or `skopeo copy oci:images:{built[0].slug} docker://REGISTRY/PATH/{built[0].slug}` "
            "for each, and then `newName` in `base/kustomization.yaml`."
        )


def needed(bundle: Bundle) -> Iterator[str]:
    found = operators.needs(bundle.documents())
    if not found:
        return
    yield from ("## Operators", "", "| operator | from version | because of |", "| --- | --- | --- |")
    yield from (f"| {one.operator} | {one.since} | {'; '.join(one.why)} |" for one in found)
    yield ""


def pictures(bundle: Bundle) -> Iterator[str]:
    if not bundle.images:
        return
    yield from ("## Images", "", "| in the documents | what it is | size |", "| --- | --- | --- |")
    for one in bundle.images:
        yield f"| `{plain(one.original)}` | {picture(one)} | {amount(one.size) if one.size else ''} |"
    yield ""
    for one in bundle.images:
        if one.missing:
            lacking = ", ".join(one.missing)
            yield f"`{plain(one.original)}` names libraries that its builder had not: {lacking}."
            yield ""


def picture(image: Image) -> str:
    if image.digest:
        return f"`{image.reference}`"
    own = image.original.startswith(OWN)
    return "only on this machine" if own else "as it is named: the cluster fetches it"


def data(bundle: Bundle) -> Iterator[str]:
    if not bundle.artifacts:
        return
    yield from ("## Artifacts and data", "")
    yield from ("| what | size | digest (BLAKE3) | where |", "| --- | --- | --- | --- |")
    for one in bundle.artifacts:
        yield f"| {called(one)} | {amount(one.size)} | `{one.digest}` | {place(one)} |"
    yield ""


def called(found: Found) -> str:
    return f"{'claim' if found.wanted.kind == VOLUME else 'artifact'} `{found.wanted.key}`"


def place(found: Found) -> str:
    return f"`{found.address}`" if found.address else "only here: `--store s3://BUCKET/PREFIX` uploads it"


def amount(size: int) -> str:
    value, unit = float(size), 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {UNITS[unit]}" if unit == 0 or value >= 100 else f"{value:.1f} {UNITS[unit]}"
