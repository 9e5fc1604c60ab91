"""Hera's runner: typed inputs and outputs, artifacts with loaders, the module of the user's own."""

# ruff: noqa: SIM117 - as Hera's documentation writes it

from pathlib import Path
from typing import Annotated

from hera.shared import global_config
from hera.workflows import DAG, Artifact, ArtifactLoader, Parameter, Script, Workflow, script
from pydantic import BaseModel

global_config.image = "team/steps"
global_config.set_class_defaults(Script, constructor="runner")


class Settings(BaseModel):
    rate: float
    layers: list[int] = [8, 8]


class Score(BaseModel):
    value: float


@script()
def prepare(rows: int) -> Annotated[list[int], Artifact(name="rows")]:
    return list(range(rows))


@script()
def train(
    settings: Settings, rows: Annotated[list[int], Artifact(name="rows", loader=ArtifactLoader.json)]
) -> Annotated[Score, Parameter(name="score")]:
    return Score(value=settings.rate * sum(rows))


@script()
def report(
    score: Score, rows: Annotated[Path, Artifact(name="rows", loader=None)]
) -> None:
    assert score.value == 5.0, score
    print(f"score {score.value} of {rows.read_text()}")


with Workflow(generate_name="training-", entrypoint="main", arguments={"rows": 5}) as w:
    with DAG(name="main"):
        prepared = prepare(arguments={"rows": "{{workflow.parameters.rows}}"})
        trained = train(arguments=[prepared.get_artifact("rows"), Parameter(
            name="settings", value=Settings(rate=0.5))])
        reported = report(arguments=[trained.get_parameter("score"), prepared.get_artifact("rows")])
        prepared >> trained >> reported

if __name__ == "__main__":
    w.create(wait=True)
