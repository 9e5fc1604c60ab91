"""Whether an API server with upstream's definitions would take a document: decoding, schema, rules, names.

Called by `export` before anything is written and by `check` for what no cluster is asked about. It is the
admission of our own door (`objects/writing`), where fields that nobody knows are refused, without a store.
"""

from __future__ import annotations

from collections.abc import Iterable

from pinnace.authoring.export import operators
from pinnace.kinds import argo_older
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj
from pinnace.objects.client import SYSTEM, Options
from pinnace.objects.document import clone
from pinnace.objects.errors import StatusError
from pinnace.objects.writing import Admission

STRICT = Options(field_validation="Strict", field_manager="")
OURS = "pinnace.dev"


def problems(catalogue: Catalogue, documents: Iterable[Obj]) -> list[str]:
    """One line a document that would be refused."""
    admission = Admission(catalogue)
    return [line for obj in documents for line in [problem(admission, catalogue, obj)] if line]


def problem(admission: Admission, catalogue: Catalogue, obj: Obj) -> str:
    name = f"{obj['kind']} {obj['metadata'].get('name', '')}"
    resource = catalogue.kind(obj["apiVersion"], obj["kind"])
    if resource is None:
        return f"{name}: no kind {obj['kind']} of {obj['apiVersion']} is known"
    if resource.group == OURS or older(obj):
        return f"{name}: {obj['apiVersion']} is served by this platform alone"
    if words := of_version_3(obj):
        return f"{name}: {words}; `pinnace convert` writes it anew"
    try:
        namespace = obj["metadata"].get("namespace") or "default"
        admission.created(SYSTEM, resource, obj, namespace if resource.namespaced else "", STRICT)
    except StatusError as refusal:
        return f"{name}: {refusal.message}"
    return ""


def of_version_3(obj: Obj) -> str:
    """What a document says in the words of Argo 3, which is read here and refused by the CRDs of today."""
    if obj["kind"] not in argo_older.KINDS:
        return ""
    modern = clone(obj)
    warnings = argo_older.modernise(modern)
    return "; ".join(warnings) if modern != obj else ""


def older(obj: Obj) -> bool:
    """A version that upstream has left behind and that is read here."""
    group = obj["apiVersion"].partition("/")[0]
    ours = group in ("kubeflow.org", "serving.kubeflow.org")
    return ours and operators.served_by(obj["apiVersion"], obj["kind"]) is None
