"""TrainedModels: more models for an InferenceService whose own predictor has none.

Upstream's agent loads them into a running server; here each change of the set is a revision, so that a model
which cannot be fetched never takes the others down. Their status is upstream's
(pkg/controller/v1alpha1/trainedmodel).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from pinnace.controllers.moment import stamp
from pinnace.controllers.serving.parts import Part
from pinnace.controllers.serving.revisions import MANAGER, owner
from pinnace.controllers.serving.selection import formats
from pinnace.controllers.serving.status import Verdict, condition, worst
from pinnace.controllers.serving.storage import FOLDER
from pinnace.controllers.serving.template import several
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Client, Options

STATUS = Options(field_manager=MANAGER.field_manager, subresource="status")
TRUE: Verdict = ("True", "", "")


async def of(client: Client, isvc: Obj) -> list[Obj]:
    """Those of this service, by name; each becomes the service's own."""
    meta = isvc["metadata"]
    page = await client.list(serving.TRAINED_MODEL, meta["namespace"])
    found = []
    for each in page.items:
        if each["metadata"].get("deletionTimestamp") or each["spec"].get("inferenceService") != meta["name"]:
            continue
        if not any(one.get("uid") == meta["uid"] for one in each["metadata"].get("ownerReferences") or ()):
            owned = {**each["metadata"], "ownerReferences": [owner(isvc)]}
            namespace = meta["namespace"]
            each = await client.update(serving.TRAINED_MODEL, {**each, "metadata": owned}, namespace, MANAGER)
        found.append(each)
    return sorted(found, key=lambda each: str(each["metadata"]["name"]))


def places(models: list[Obj], component: Obj) -> list[tuple[str, str]]:
    """(URI, folder) of each; none where the component has a model of its own."""
    own = component.get("model")
    if own is None or not several(own, own):
        return []
    return [
        (str(each["spec"]["model"]["storageUri"]), f"{FOLDER}/{each['metadata']['name']}") for each in models
    ]


async def report(client: Client, isvc: Obj, status: Obj, part: Part, domain: str) -> None:
    for model in part.trained:
        known = {each["type"]: each for each in (model.get("status") or {}).get("conditions") or ()}
        verdicts = judged(isvc, status, part, model)
        found: Obj = {
            "observedGeneration": model["metadata"].get("generation", 1),
            "conditions": [condition(type_, said, "", known, stamp()) for type_, said in verdicts.items()],
        }
        if verdicts["Ready"] == TRUE:
            path = f"/v1/models/{model['metadata']['name']}:predict"
            found |= {"url": f"{status['url']}{path}", "address": {"url": inside(status, path)}}
        if found != model.get("status"):
            await client.update(
                serving.TRAINED_MODEL, {**model, "status": found}, isvc["metadata"]["namespace"], STATUS
            )


def inside(status: Obj, path: str) -> str:
    where = urlsplit((status.get("address") or {}).get("url") or "")
    return f"http://{where.netloc}{path}"


def judged(isvc: Obj, status: Obj, part: Part, model: Obj) -> dict[str, Verdict]:
    name, framework = isvc["metadata"]["name"], model["spec"]["model"]["framework"]
    own: Obj = part.spec.get("model") or {}
    many: Verdict = TRUE
    if not own or not several(own, own):
        text = f'Inference Service "{name}" predictor is not configured for multi-model serving'
        many = ("False", "IsNotMMSPredictor", text)
    known = {each["name"] for each in formats(part.runtime or {})}
    speaks: Verdict = TRUE
    if framework not in known:
        text = f'Inference Service "{name}" does not support the Trained Model "{framework}" framework'
        speaks = ("False", "FrameworkNotSupported", text)
    ready: Obj = next((each for each in status["conditions"] if each["type"] == "Ready"), {})
    served: Verdict = TRUE
    if ready.get("status") != "True" or part.changed or part.rollout.ready != part.rollout.created:
        mine = model["metadata"]["name"]
        text = f'Inference Service "{name}" is not ready. Trained Model "{mine}" cannot deploy'
        served = ("False", "InferenceServiceNotReady", text)
    found = {
        "FrameworkSupported": speaks, "InferenceServiceReady": served, "IsMMSPredictor": many,
        "MemoryResourceAvailable": TRUE,
    }
    return found | {"Ready": worst(*found.values())}
