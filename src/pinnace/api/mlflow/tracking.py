"""Experiments and runs, as MLflow's clients make, log to and search them."""

from __future__ import annotations

from pinnace.api.mlflow import messages
from pinnace.api.mlflow.call import Call
from pinnace.api.mlflow.errors import absent, invalid
from pinnace.api.mlflow.searching import chosen, viewed
from pinnace.objects.registry import records, runs
from pinnace.objects.registry.records import EXPERIMENT, LOGGED, RUN, Record, Writing

STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
MOST_PARAMS, MOST_METRICS, MOST_TAGS = 100, 1000, 100
LONGEST_KEY, LONGEST_PARAM, LONGEST_TAG = 250, 6000, 8000


# -- experiments ----------------------------------------------------------------------------------------


async def create_experiment(call: Call) -> Record:
    name = call.text("name")
    async with call.registry.writing() as turn:
        if name == records.DEFAULT:
            runs.default(turn)
        tags = records.tagged({}, {**call.pairs("tags")})
        fields = {"name": name, "state": "LIVE", "customProperties": tags}
        if call.given.get("artifact_location"):
            fields["place"] = call.text("artifact_location").rstrip("/")
        made = turn.add(EXPERIMENT, fields | call.said)
    return {"experiment_id": messages.experiment_id(made["id"])}


async def get_experiment(call: Call) -> Record:
    if call.text("experiment_id") == "0":
        async with call.registry.writing() as turn:
            runs.default(turn)
    return {"experiment": messages.experiment(call.experiment())}


async def experiment_by_name(call: Call) -> Record:
    name = call.text("experiment_name")
    if name == records.DEFAULT:
        async with call.registry.writing() as turn:
            runs.default(turn)
    found = call.registry.said(EXPERIMENT, name)
    if found is None:
        raise absent(f"Could not find experiment with name '{name}'")
    return {"experiment": messages.experiment(found)}


async def search_experiments(call: Call) -> Record:
    async with call.registry.writing() as turn:
        runs.default(turn)
    known = viewed([*call.registry.table(EXPERIMENT).values()], call.text("view_type", "ACTIVE_ONLY"))
    found, token = chosen(call, known, messages.experiment, ["creation_time DESC", "experiment_id ASC"])
    return {"experiments": [messages.experiment(one) for one in found], "next_page_token": token}


async def update_experiment(call: Call) -> Record:
    async with call.registry.writing() as turn:
        turn.put(EXPERIMENT, call.experiment(), name=call.text("new_name"))
    return {}


async def delete_experiment(call: Call) -> Record:
    return await _experiment_state(call, "ARCHIVED")


async def restore_experiment(call: Call) -> Record:
    return await _experiment_state(call, "LIVE")


async def _experiment_state(call: Call, state: str) -> Record:
    """With its runs."""
    record = call.experiment()
    async with call.registry.writing() as turn:
        turn.put(EXPERIMENT, record, state=state)
        for run in call.registry.where(RUN, experimentId=record["id"]):
            turn.put(RUN, run, state=state)
    return {}


async def tag_experiment(call: Call) -> Record:
    record = call.experiment()
    tagged = records.tagged(record, {call.text("key"): call.text("value", "")})
    async with call.registry.writing() as turn:
        turn.put(EXPERIMENT, record, customProperties=tagged)
    return {}


async def untag_experiment(call: Call) -> Record:
    record, key = call.experiment(), call.text("key")
    if key not in records.tags(record):
        raise absent(f"No tag with name: {key} in experiment with id {call.text('experiment_id')}")
    async with call.registry.writing() as turn:
        turn.put(EXPERIMENT, record, customProperties=records.tagged(record, {key: None}))
    return {}


# -- runs -----------------------------------------------------------------------------------------------


async def create_run(call: Call) -> Record:
    tags = call.pairs("tags")
    async with call.registry.writing() as turn:
        wanted = call.text("experiment_id", "0")
        experiment = runs.default(turn) if wanted == "0" else call.experiment(wanted)
        name = call.text("run_name", "") or tags.pop(messages.RUN_NAME, "")
        tags.pop(messages.RUN_NAME, None)
        fields = {
            "name": name, "owner": call.text("user_id", ""),
            "startTimeSinceEpoch": call.number("start_time", turn.registry.now),
            "customProperties": records.tagged({}, {**tags}),
        }
        made = runs.begin(turn, experiment, fields | call.said)
        turn.rows += call.contents.logging(made.get("pod", ""))
        if not name:
            made["name"] = f"run-{made['uuid'][:8]}"
    return {"run": messages.run(call.registry, made)}


async def get_run(call: Call) -> Record:
    return {"run": messages.run(call.registry, call.run())}


async def update_run(call: Call) -> Record:
    run = call.run()
    changes: Record = {}
    if status := call.text("status", ""):
        changes["status"] = STATUSES[int(status) - 1] if status in "12345" else status
        if changes["status"] not in STATUSES:
            raise invalid(f"Invalid value {status!r} for parameter 'status': one of {', '.join(STATUSES)}")
    if end := call.number("end_time", 0):
        changes["endTimeSinceEpoch"] = end
    if name := call.text("run_name", ""):
        changes["name"] = name
    async with call.registry.writing() as turn:
        made = turn.put(RUN, run, **changes)
    return {"run_info": messages.run_info(call.registry, made)}


async def delete_run(call: Call) -> Record:
    async with call.registry.writing() as turn:
        turn.put(RUN, call.run(), state="ARCHIVED")
    return {}


async def restore_run(call: Call) -> Record:
    async with call.registry.writing() as turn:
        turn.put(RUN, call.run(), state="LIVE")
    return {}


async def search_runs(call: Call) -> Record:
    numbers = [str(number) for number in call.several("experiment_ids") if _known(call, number)]
    wanted = {call.experiment(number)["id"] for number in numbers}
    every = [one for one in call.registry.table(RUN).values() if one["experimentId"] in wanted]
    known = viewed(every, call.text("run_view_type", "ACTIVE_ONLY"))

    def fields(record: Record) -> Record:
        return messages.run_info(call.registry, record)

    found, token = chosen(call, known, fields, ["start_time DESC", "run_id ASC"])
    return {"runs": [messages.run(call.registry, one) for one in found], "next_page_token": token}


def _known(call: Call, number: object) -> bool:
    wanted = runs.FIRST if str(number) == "0" else int(str(number)) if str(number).isdecimal() else 0
    return wanted in call.registry.table(EXPERIMENT)


async def set_tag(call: Call) -> Record:
    await _log(call, tags={_key(call.text("key"), "tag"): call.text("value", "")})
    return {}


async def delete_tag(call: Call) -> Record:
    run, key = call.run(), call.text("key")
    if key not in records.tags(run):
        raise absent(f"No tag with name: {key} in run with id {run['uuid']}")
    async with call.registry.writing() as turn:
        turn.put(RUN, run, customProperties=records.tagged(run, {key: None}))
    return {}


async def log_param(call: Call) -> Record:
    await _log(call, params={call.text("key"): call.text("value", "")})
    return {}


async def log_metric(call: Call) -> Record:
    await _log(call, metrics=[_metric(call.given, call.registry.now)])
    return {}


async def log_batch(call: Call) -> Record:
    metrics, params, tags = call.several("metrics"), call.pairs("params"), call.pairs("tags")
    for name, found, most in (
        ("metrics", metrics, MOST_METRICS), ("params", params, MOST_PARAMS), ("tags", tags, MOST_TAGS),
    ):
        if len(found) > most:
            raise invalid(
                f"A batch logging request can contain at most {most} {name}. Got {len(found)} {name}."
            )
    await _log(call, [_metric(one, call.registry.now) for one in metrics], params, tags)
    return {}


async def _log(
    call: Call, metrics: list[Record] | None = None, params: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    run = call.run()
    if run.get("state") == "ARCHIVED":
        raise invalid(f"The run {run['uuid']} must be in the 'active' state. Current state is deleted.")
    for key, text in (params or {}).items():
        if len(text) > LONGEST_PARAM:
            raise invalid(f"Param value of '{_key(key, 'param')}' has more than {LONGEST_PARAM} characters")
    async with call.registry.writing() as turn:
        if metrics or params:
            runs.log(turn, run, metrics or [], params or {})
            _of_models(turn, run, metrics or [])
        if tags:
            current = turn.current(RUN, run)
            name = tags.pop(messages.RUN_NAME, None)
            changed = records.tagged(current, {key: text[:LONGEST_TAG] for key, text in tags.items()})
            turn.put(RUN, current, customProperties=changed, name=name or current.get("name"))


def _of_models(turn: Writing, run: Record, metrics: list[Record]) -> None:
    """Metrics that name a model are shown with it, too."""
    for one in metrics:
        model = turn.registry.said(LOGGED, str(one.get("model_id") or ""))
        if model is not None:
            known = turn.current(LOGGED, model).get("metrics") or []
            turn.put(LOGGED, model, metrics=[*known, {**one, "run_id": run["uuid"]}])


def _metric(given: object, now: int) -> Record:
    """Raises Refusal, Unfit."""
    if not isinstance(given, dict) or not given.get("key"):
        raise invalid("Missing value for required parameter 'key'.")
    found = given.get("value")
    runs.number(found)
    more = {name: given[name] for name in ("model_id", "dataset_name", "dataset_digest") if given.get(name)}
    try:
        when, step = int(given.get("timestamp") or now), int(given.get("step") or 0)
    except (TypeError, ValueError):
        raise invalid("Invalid value for parameter 'timestamp' or 'step': expected a whole number") from None
    return {"key": _key(str(given["key"]), "metric"), "value": found, "timestamp": when, "step": step, **more}


def _key(key: str, what: str) -> str:
    if len(key) > LONGEST_KEY:
        raise invalid(f"{what} key {key[:40]!r}… has more than {LONGEST_KEY} characters")
    return key


async def history(call: Call) -> Record:
    found = runs.history(call.registry, call.run(), call.text("metric_key"))
    found.sort(key=lambda one: (one.get("timestamp") or 0, one.get("step") or 0))
    page, token = chosen(call, found, lambda one: one, []) if call.given.get("max_results") else (found, "")
    return {"metrics": [messages.metric(one["key"], one) for one in page], "next_page_token": token}


async def log_inputs(call: Call) -> Record:
    run = call.run()
    datasets = [*(run.get("datasets") or [])]
    for one in call.several("datasets"):
        if not isinstance(one, dict) or not (one.get("dataset") or {}).get("name"):
            raise invalid("datasets: expected a list of dataset inputs with a name and a digest")
        same = [known for known in datasets if _dataset_id(known) == _dataset_id(one)]
        if not same:
            datasets.append(one)
    named = [*(run.get("modelInputs") or []), *(str(one["model_id"]) for one in call.several("models"))]
    models = [*dict.fromkeys(named)]
    async with call.registry.writing() as turn:
        turn.put(RUN, run, datasets=datasets, modelInputs=models)
    return {}


def _dataset_id(one: Record) -> tuple[str, str]:
    dataset = one.get("dataset") or {}
    return str(dataset.get("name")), str(dataset.get("digest"))


async def log_outputs(call: Call) -> Record:
    run = call.run()
    async with call.registry.writing() as turn:
        turn.put(RUN, run, modelOutputs=[*(run.get("modelOutputs") or []), *call.several("models")])
    return {}


async def log_model(call: Call) -> Record:
    """What MLflow before 3 says of a model beside its files: it stays a tag, as in its own stores."""
    run, key = call.run(), "mlflow.log-model.history"
    before = records.tags(run).get(key, "[]")
    joined = f"{before[:-1]}{',' if len(before) > 2 else ''}{call.text('model_json')}]"
    async with call.registry.writing() as turn:
        turn.put(RUN, run, customProperties=records.tagged(run, {key: joined}))
    return {}


ROUTES = [
    ("POST", "experiments/create", create_experiment),
    ("GET", "experiments/get", get_experiment),
    ("GET", "experiments/get-by-name", experiment_by_name),
    ("POST", "experiments/search", search_experiments),
    ("GET", "experiments/search", search_experiments),
    ("POST", "experiments/update", update_experiment),
    ("POST", "experiments/delete", delete_experiment),
    ("POST", "experiments/restore", restore_experiment),
    ("POST", "experiments/set-experiment-tag", tag_experiment),
    ("POST", "experiments/delete-experiment-tag", untag_experiment),
    ("POST", "runs/create", create_run),
    ("GET", "runs/get", get_run),
    ("POST", "runs/update", update_run),
    ("POST", "runs/delete", delete_run),
    ("POST", "runs/restore", restore_run),
    ("POST", "runs/search", search_runs),
    ("POST", "runs/set-tag", set_tag),
    ("POST", "runs/delete-tag", delete_tag),
    ("POST", "runs/log-parameter", log_param),
    ("POST", "runs/log-metric", log_metric),
    ("POST", "runs/log-batch", log_batch),
    ("POST", "runs/log-inputs", log_inputs),
    ("POST", "runs/outputs", log_outputs),
    ("POST", "runs/log-model", log_model),
    ("GET", "metrics/get-history", history),
]
