"""Whole documents: Workflows, templates of workflows, CronWorkflows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pinnace.authoring.argo.merging import joined
from pinnace.authoring.argo.validation import naming, parts
from pinnace.authoring.argo.validation.judge import Judge, base, hooks
from pinnace.authoring.argo.validation.scope import ANY_ARTIFACT, GLOBALS, Lookup
from pinnace.kinds import cron
from pinnace.kinds.resource import Obj

LONGEST, LONGEST_CRON = 63, 52
POLICIES = ("Allow", "Forbid", "Replace", "")
COLLECTED = ("OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess", "")


def document(doc: Obj, lookup: Lookup | None = None, *, lint: bool = True) -> list[str]:
    """By its kind; a kind without rules of the language has nothing wrong."""
    try:
        match doc.get("kind"):
            case "Workflow":
                return workflow(doc, lookup, lint=lint)
            case "WorkflowTemplate":
                return workflow_template(doc, lookup)
            case "ClusterWorkflowTemplate":
                return cluster_workflow_template(doc, lookup)
            case "CronWorkflow":
                return cron_workflow(doc, lookup)
    except (AttributeError, KeyError, TypeError, ValueError):
        return [f"the document does not have the form of a {doc['kind']}: its schema says where"]
    return []


def workflow(
    doc: Obj, lookup: Lookup | None = None, *, lint: bool = False, defaults: Obj | None = None
) -> list[str]:
    """`lint`: arguments may get their values later. `defaults`: the controller's `workflowDefaults`."""
    return problems(doc, None, lookup, empty=lint, defaults=defaults)


def workflow_template(
    doc: Obj, lookup: Lookup | None = None, *, defaults: Obj | None = None, what: str = "workflow template"
) -> list[str]:
    found = list(_length(doc, what, LONGEST))
    bare = {"metadata": {key: value for key, value in (doc.get("metadata") or {}).items() if key != "name"},
            "spec": doc.get("spec") or {}}
    return found + problems(bare, None, lookup, empty=True, isolated=True, defaults=defaults)


def cluster_workflow_template(
    doc: Obj, lookup: Lookup | None = None, *, defaults: Obj | None = None
) -> list[str]:
    return workflow_template(doc, lookup, defaults=defaults, what="cluster workflow template")


def cron_workflow(doc: Obj, lookup: Lookup | None = None, *, defaults: Obj | None = None) -> list[str]:
    spec = doc.get("spec") or {}
    found = list(_length(doc, "cron workflow", LONGEST_CRON))
    if not spec.get("schedules"):
        found.append("cron workflow must have at least one schedule")
    for text in spec.get("schedules") or ():
        try:
            cron.zoned(text)
        except cron.Malformed as error:
            found.append(f"cron schedule {text} is malformed: {error}")
    try:
        cron.zone(spec.get("timezone") or "")
    except LookupError as error:
        found.append(f'invalid timezone "{spec["timezone"]}": {error}')
    policy = spec.get("concurrencyPolicy") or ""
    if policy not in POLICIES:
        found.append(f"'{policy}' is not a valid concurrencyPolicy")
    if int(spec.get("startingDeadlineSeconds") or 0) < 0:
        found.append("startingDeadlineSeconds must be positive")
    meta, own = doc.get("metadata") or {}, spec.get("workflowMetadata") or {}
    made = {
        "metadata": {
            "namespace": meta.get("namespace"),
            "labels": {**(own.get("labels") or {}), "workflows.argoproj.io/cron-workflow": ""},
            "annotations": {**(own.get("annotations") or {}), "workflows.argoproj.io/scheduled-time": ""},
        },
        "spec": spec.get("workflowSpec") or {},
    }
    wrong = workflow(made, lookup, defaults=defaults)
    return found + [f"cannot validate Workflow: {one}" for one in wrong]


def _length(doc: Obj, what: str, most: int) -> Iterator[str]:
    name = str((doc.get("metadata") or {}).get("name") or "")
    if len(name) > most:
        yield f'{what} name "{name}" must not be more than {most} characters long (currently {len(name)})'


def problems(
    doc: Obj, spec: Obj | None, lookup: Lookup | None = None, *, empty: bool = False, isolated: bool = False,
    defaults: Obj | None = None,
) -> list[str]:
    """Everything that is wrong with a workflow, what upstream says first. `spec`: the one with its
    WorkflowTemplate merged in, where that is known already; `isolated`: it is a template's."""
    own = doc.get("spec") or {}
    if own.get("workflowTemplateRef") and own.get("templates"):
        return ["Templates is invalid field in spec if workflow referred WorkflowTemplate reference"]
    holder: Obj = {}
    if spec is None:
        reference = own.get("workflowTemplateRef")
        if reference:
            if lookup is None:
                return []
            cluster, name = bool(reference.get("clusterScope")), str(reference.get("name") or "")
            namespace = (doc.get("metadata") or {}).get("namespace")
            found = lookup(name, cluster=cluster, namespace=namespace)
            if found is None:
                kind = "clusterworkflowtemplates" if cluster else "workflowtemplates"
                return [f'{kind}.argoproj.io "{name}" not found']
            holder = found.get("spec") or {}
        spec = joined(own, holder) if holder else own
    found_wrong = list(_length(doc, "workflow", LONGEST))
    try:
        return found_wrong + list(
            dict.fromkeys(_problems(doc, spec, lookup, empty=empty, isolated=isolated, defaults=defaults))
        )
    except RecursionError:  # templates nested deeper than they may ever run
        return found_wrong


def _problems(
    doc: Obj, spec: Obj, lookup: Lookup | None, *, empty: bool, isolated: bool, defaults: Obj | None
) -> Iterator[str]:
    templates = [raw for raw in spec.get("templates") or () if isinstance(raw, dict)]
    yield from (f"spec.templates{wrong}" for wrong in naming.fields(templates))
    arguments = spec.get("arguments") or {}
    yield from parts.arguments("spec.arguments.", arguments, empty=empty)
    entry = str(spec.get("entrypoint") or "")
    if not entry and not isolated:
        yield "spec.entrypoint is required"
    common = set(_globals(doc, spec, defaults))
    where = base(f"local/{(doc.get('metadata') or {}).get('name') or ''}", spec)
    namespace = (doc.get("metadata") or {}).get("namespace")
    judge = Judge(where, common, lookup, namespace, isolated=isolated)
    if entry:
        yield from judge.call({"template": entry}, where, None if isolated else arguments)[1]
    if spec.get("onExit"):
        common.add("workflow.failures")
        if _dynamic_artifacts(templates):
            common.add(ANY_ARTIFACT)
        yield from judge.call({"template": spec["onExit"]}, where, arguments)[1]
    elif spec.get("hooks"):
        common.add("workflow.failures")
    yield from hooks(spec.get("hooks"), "hooks")
    strategy = (spec.get("podGC") or {}).get("strategy") or ""
    if strategy not in COLLECTED:
        yield f"podGC.strategy unknown strategy '{strategy}'"
    for raw in templates:
        name = str(raw.get("name") or "")
        if name in where.templates:
            _, found = judge.call({"template": name}, where, None)
            yield from (f"templates.{name} {wrong}" for wrong in found)


def _dynamic_artifacts(templates: Iterable[Obj]) -> bool:
    found = (one for raw in templates for one in (raw.get("outputs") or {}).get("artifacts") or ())
    return any(naming.dynamic(str(one.get("globalName") or "")) for one in found)


def _globals(doc: Obj, spec: Obj, defaults: Obj | None) -> Iterator[str]:
    yield from GLOBALS
    parameters = (spec.get("arguments") or {}).get("parameters") or ()
    if parameters:
        yield from ("workflow.parameters", "workflow.parameters.json")
    yield from (f"workflow.parameters.{one.get('name')}" for one in parameters)
    own = (doc.get("metadata") or {}), spec.get("workflowMetadata") or {}
    usual = ((defaults or {}).get("spec") or {}).get("workflowMetadata") or {}
    for source in (*own, usual, (doc.get("spec") or {}).get("workflowMetadata") or {}):
        for kind, names in (("annotations", ("annotations",)), ("labels", ("labels", "labelsFrom"))):
            for name in names:
                yield from (f"workflow.{kind}.{key}" for key in source.get(name) or ())
    if spec.get("priority") is not None:
        yield "workflow.priority"
