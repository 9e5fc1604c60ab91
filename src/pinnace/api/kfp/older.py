"""The REST API as kfp 1.8's client speaks it (`/apis/v1beta1`): the same records under their old names.

Each call is put into today's words, answered by today's function, and the answer put into the old ones.
Pipelines may be Workflows that kfp 1.8 compiled, or IR.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import yaml

from pinnace.api.kfp import (
    artifacts,
    experiments,
    library,
    messages,
    older_messages,
    recurring,
    reports,
    runs,
    uploads,
)
from pinnace.api.kfp.errors import absent, invalid
from pinnace.api.kfp.face import Call, allowed
from pinnace.api.kfp.listing import page
from pinnace.authoring.kfp import metrics
from pinnace.authoring.kfp.ir import read
from pinnace.kinds import pipelines
from pinnace.kinds.resource import Obj

Answer = Callable[[Call], Awaitable[Any]]
TRIGGERS = ("cron_schedule", "periodic_schedule")


async def healthz(call: Call) -> Obj:
    from pinnace import __version__

    return {"multi_user": False, "tag_name": __version__, "commit_sha": __version__}


# ---- experiments -------------------------------------------------------------------------------------------


async def create_experiment(call: Call) -> Obj:
    given = await call.document()
    asked = call.saying(
        {
            "display_name": given.get("name"),
            "description": given.get("description"),
            "namespace": older_messages.referred(given, "NAMESPACE"),
        }
    )
    return older_messages.experiment(await experiments.create(asked))


async def get_experiment(call: Call) -> Obj:
    return older_messages.experiment(await experiments.get(call))


async def list_experiments(call: Call) -> Obj:
    call.query["namespace"] = _of_kind(call, "NAMESPACE", "resource_reference_key")
    found = await experiments.listed(call)
    return {**found, "experiments": [older_messages.experiment(one) for one in found["experiments"]]}


def _of_kind(call: Call, kind: str, prefix: str) -> str:
    """The id in a query such as `resource_reference_key.type=EXPERIMENT&resource_reference_key.id=…`."""
    same = call.query.get(f"{prefix}.type") == kind
    return call.query.get(f"{prefix}.id") or "" if same else ""


# ---- pipelines ---------------------------------------------------------------------------------------------


async def _shown(call: Call, record: Obj) -> Obj:
    default = await _default(call, record)
    return older_messages.pipeline(
        messages.pipeline(record), messages.version(default) if default is not None else None
    )


async def _default(call: Call, record: Obj) -> Obj | None:
    """The version that somebody made the default, while no newer one has come; else the newest."""
    versions = await library.versions_of(call, record["metadata"]["name"])
    chosen = record["spec"].get("defaultVersion") or {}
    if versions and chosen.get("newest") == versions[0]["metadata"]["name"]:
        for one in versions:
            if one["metadata"]["name"] == chosen["id"]:
                return one
    return versions[0] if versions else None


async def upload(call: Call) -> Obj:
    made = await library.upload(call)
    return await _shown(call, await _pipeline(call, made["pipeline_id"]))


async def _pipeline(call: Call, name: str) -> Obj:
    return await call.records.get(pipelines.PIPELINE, name, library.KIND)


async def upload_version(call: Call) -> Obj:
    return older_messages.version(await library.upload_version(call))


async def create_pipeline(call: Call) -> Obj:
    given = await call.document()
    place = (given.get("url") or {}).get("pipeline_url") or ""
    found = read(await uploads.fetched(place))
    name = given.get("name") or found.pipeline.pipeline_info.name
    words = {"name": name, "display_name": name, "description": given.get("description")}
    record = await library.add(call, words)
    await library.add_version(call, record["metadata"]["name"], found, words)
    return await _shown(call, record)


async def get_pipeline(call: Call) -> Obj:
    return await _shown(call, await _pipeline(call, call.names["id"]))


async def list_pipelines(call: Call) -> Obj:
    records = {one["metadata"]["name"]: one for one in await call.records.all(pipelines.PIPELINE)}
    found = page([messages.pipeline(one) for one in records.values()], call.query, "pipelines", "pipeline_id")
    chosen = [await _shown(call, records[one["pipeline_id"]]) for one in found["pipelines"]]
    return {**found, "pipelines": chosen}


async def delete_pipeline(call: Call) -> Obj:
    call.query["cascade"] = "true"
    return await library.delete(call)


async def pipeline_by_name(call: Call) -> Obj:
    found = await library.by_name(call)
    return await _shown(call, await _pipeline(call, found["pipeline_id"]))


async def template(call: Call) -> Obj:
    found = await _default(call, await _pipeline(call, call.names["id"]))
    if found is None:
        raise absent("a version of Pipeline", call.names["id"])
    return _template(found)


def _template(version: Obj) -> Obj:
    return {"template": yaml.safe_dump(version["spec"]["pipelineSpec"], sort_keys=False)}


async def _version(call: Call) -> Obj:
    return await call.records.get(pipelines.PIPELINE_VERSION, call.names["version"], library.VERSION)


async def version_template(call: Call) -> Obj:
    return _template(await _version(call))


async def get_version(call: Call) -> Obj:
    return older_messages.version(messages.version(await _version(call)))


async def list_versions(call: Call) -> Obj:
    call.names["id"] = _of_kind(call, "PIPELINE", "resource_key")
    found = await library.versions(call)
    found["versions"] = [older_messages.version(one) for one in found.pop("pipeline_versions")]
    return found


async def create_version(call: Call) -> Obj:
    given = await call.document()
    call.names["id"] = older_messages.referred(given, "PIPELINE")
    found = read(await uploads.fetched((given.get("package_url") or {}).get("pipeline_url") or ""))
    words = {"name": given.get("name"), "display_name": given.get("name"), "pipeline_spec": found.document}
    return older_messages.version(await library.create_version(call.saying(words)))


async def default_version(call: Call) -> Obj:
    """It stands until a newer version comes, as upstream moves on to each new one."""
    versions = await library.versions_of(call, call.names["id"])
    await _pipeline(call, call.names["id"])
    name = call.names["version"]
    if name not in [one["metadata"]["name"] for one in versions]:
        raise absent(f"a version of Pipeline {call.names['id']}", name)

    def choose(record: Obj) -> None:
        record["spec"]["defaultVersion"] = {"id": name, "newest": versions[0]["metadata"]["name"]}

    await call.records.edit(pipelines.PIPELINE, call.names["id"], library.KIND, choose)
    return {}


# ---- runs --------------------------------------------------------------------------------------------------


async def asked_for(call: Call, given: Obj) -> Obj:
    """A run's or a job's document in today's words."""
    wanted = given.get("pipeline_spec") or {}
    made: Obj = {
        "display_name": given.get("name"),
        "description": given.get("description"),
        "service_account": given.get("service_account"),
        "experiment_id": older_messages.referred(given, "EXPERIMENT"),
    }
    for field in ("workflow_manifest", "pipeline_manifest"):
        if wanted.get(field):
            made["pipeline_spec"] = _manifest(wanted[field])
    version = older_messages.referred(given, "PIPELINE_VERSION")
    pipeline = wanted.get("pipeline_id") or older_messages.referred(given, "PIPELINE")
    if "pipeline_spec" not in made and pipeline and not version:
        default = await _default(call, await _pipeline(call, pipeline))
        version = default["metadata"]["name"] if default is not None else ""
    if "pipeline_spec" not in made and (version or pipeline):
        made["pipeline_version_reference"] = {"pipeline_id": pipeline, "pipeline_version_id": version}
    parameters = {one["name"]: one.get("value") or "" for one in wanted.get("parameters") or []}
    config = dict(wanted.get("runtime_config") or {})
    if parameters:
        config["parameters"] = await _typed(call, made, parameters)
    made["runtime_config"] = config
    return {key: value for key, value in made.items() if value}


def _manifest(text: str) -> Obj:
    """Read by today's rules: a Workflow or IR, as JSON or YAML."""
    return read(text).document


async def _typed(call: Call, made: Obj, given: dict[str, str]) -> Obj:
    """Texts as what the pipeline's inputs are; Workflows have texts only."""
    declared = (await runs.chosen(call, made)).pipeline.root.input_definitions.parameters

    def value(name: str, text: str) -> Any:
        kind = declared[name].parameter_type if name in declared else "STRING"
        if kind == "STRING":
            return text
        try:
            return json.loads(text.lower() if kind == "BOOLEAN" else text)
        except ValueError:
            return text

    return {name: value(name, text) for name, text in given.items()}


async def create_run(call: Call) -> Obj:
    asked = call.saying(await asked_for(call, await call.document()))
    made = await runs.create(asked)
    return await _whole(call, made["run_id"])


async def _whole(call: Call, name: str) -> Obj:
    record = await call.records.get(pipelines.RUN, name, runs.KIND)
    found = await runs.workflow_of(call, record, nodes=True)
    answer: Obj = {"run": older_messages.run(messages.run(record, found), measured=_measured(record))}
    if found is not None:
        answer["pipeline_runtime"] = {"workflow_manifest": json.dumps(found)}
    return answer


async def get_run(call: Call) -> Obj:
    await runs.get(call)
    return await _whole(call, call.names["id"])


async def list_runs(call: Call) -> Obj:
    call.query["experiment_id"] = _of_kind(call, "EXPERIMENT", "resource_reference_key")
    call.query["namespace"] = _of_kind(call, "NAMESPACE", "resource_reference_key")
    found = await runs.listed(call)
    return {**found, "runs": [await _listed(call, one) for one in found["runs"]]}


async def _listed(call: Call, run: Obj) -> Obj:
    record = await call.records.get(pipelines.RUN, run["run_id"], runs.KIND)
    return older_messages.run(run, measured=_measured(record))


def _measured(record: Obj) -> list[Obj]:
    return list((record.get("status") or {}).get("metrics") or [])


# ---- jobs --------------------------------------------------------------------------------------------------


async def create_job(call: Call) -> Obj:
    given = await call.document()
    trigger = given.get("trigger") or {}
    made = {
        **await asked_for(call, given),
        "trigger": {name: trigger[name] for name in TRIGGERS if trigger.get(name)},
        "max_concurrency": given.get("max_concurrency"),
        "no_catchup": given.get("no_catchup"),
        "mode": "ENABLE" if given.get("enabled") else "DISABLE",
    }
    return older_messages.job(await recurring.create(call.saying(made)))


async def get_job(call: Call) -> Obj:
    return older_messages.job(await recurring.get(call))


async def list_jobs(call: Call) -> Obj:
    call.query["experiment_id"] = _of_kind(call, "EXPERIMENT", "resource_reference_key")
    found = await recurring.listed(call)
    found["jobs"] = [older_messages.job(one) for one in found.pop("recurringRuns")]
    return found


async def report_metrics(call: Call) -> Obj:
    """Each number is answered by itself: a bad one does not keep the others out."""
    given = (await call.document()).get("metrics") or []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise invalid("metrics: expected a list of objects with name, node_id and number_value")
    answers: list[Obj] = []

    def add(record: Obj) -> None:
        known, answers[:] = metrics.reported(given, _measured(record))
        record["status"] = {**(record.get("status") or {}), "metrics": known}

    await call.records.edit(pipelines.RUN, call.names["id"], runs.KIND, add)
    return {"results": answers}


ROUTES: list[tuple[str, str, Answer]] = [
    ("GET", "/healthz", healthz),
    ("GET", "/auth", allowed),
    ("GET", "/experiments", list_experiments),
    ("POST", "/experiments", create_experiment),
    ("GET", "/experiments/{id}", get_experiment),
    ("DELETE", "/experiments/{id}", experiments.delete),
    ("POST", "/experiments/{id}:archive", experiments.archive),
    ("POST", "/experiments/{id}:unarchive", experiments.unarchive),
    ("POST", "/pipelines/upload", upload),
    ("POST", "/pipelines/upload_version", upload_version),
    ("GET", "/pipelines", list_pipelines),
    ("POST", "/pipelines", create_pipeline),
    ("GET", "/pipelines/{id}", get_pipeline),
    ("DELETE", "/pipelines/{id}", delete_pipeline),
    ("GET", "/pipelines/{id}/templates", template),
    ("POST", "/pipelines/{id}/default_version/{version}", default_version),
    ("GET", "/namespaces/{namespace}/pipelines/{name}", pipeline_by_name),
    ("GET", "/pipeline_versions", list_versions),
    ("POST", "/pipeline_versions", create_version),
    ("GET", "/pipeline_versions/{version}", get_version),
    ("DELETE", "/pipeline_versions/{version}", library.delete_version),
    ("GET", "/pipeline_versions/{version}/templates", version_template),
    ("GET", "/runs", list_runs),
    ("POST", "/runs", create_run),
    ("GET", "/runs/{id}", get_run),
    artifacts.READ,
    ("DELETE", "/runs/{id}", runs.delete),
    ("POST", "/runs/{id}/terminate", runs.terminate),
    ("POST", "/runs/{id}/retry", runs.retry),
    ("POST", "/runs/{id}:archive", runs.archive),
    ("POST", "/runs/{id}:unarchive", runs.unarchive),
    ("POST", "/runs/{id}:reportMetrics", report_metrics),
    ("GET", "/jobs", list_jobs),
    ("POST", "/jobs", create_job),
    ("GET", "/jobs/{id}", get_job),
    ("DELETE", "/jobs/{id}", recurring.delete),
    ("POST", "/jobs/{id}/enable", recurring.enable),
    ("POST", "/jobs/{id}/disable", recurring.disable),
    *reports.ROUTES,
]
