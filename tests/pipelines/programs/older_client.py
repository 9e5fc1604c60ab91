"""The first SDK's client, each of its methods once. Arguments: the folder to write into."""

# ruff: noqa
import os, sys, json, time, warnings

warnings.filterwarnings("ignore")
import kfp
from kfp import dsl
from kfp.components import create_component_from_func

host = os.environ.get("PINNACE_HOST")
FILE = sys.argv[1] + "/adding.yaml"


def add(a: int, b: int) -> int:
    return a + b


add_op = create_component_from_func(add, base_image="python:3.11")


@dsl.pipeline(name="adding", description="adds numbers")
def adding(a: int = 1):
    x = add_op(a, 2)
    add_op(x.output, 3)


client = kfp.Client(host=host, existing_token=os.environ["PINNACE_TOKEN"]) if host else kfp.Client()
print(client.get_kfp_healthz())
e = client.create_experiment("old", description="d")
assert client.get_experiment(experiment_name="old").id == e.id and client.get_experiment(e.id).name == "old"
assert "old" in [x.name for x in client.list_experiments().experiments]
r = client.create_run_from_pipeline_func(adding, {"a": 5}, run_name="r1", experiment_name="old")
d = r.wait_for_run_completion(100)
assert d.run.status == "Succeeded", d.run
wf = json.loads(d.pipeline_runtime.workflow_manifest)
print(d.run.name, d.run.status, [(n["displayName"], n["phase"]) for n in wf["status"]["nodes"].values()])
assert d.run.pipeline_spec.parameters[0].value == "5", d.run.pipeline_spec.parameters
kfp.compiler.Compiler().compile(adding, FILE)
p = client.upload_pipeline(FILE, pipeline_name="adding", description="x")
assert client.get_pipeline_id("adding") == p.id
print(p.parameters, p.default_version.id)
v = client.upload_pipeline_version(FILE, "v2", pipeline_id=p.id)
assert len(client.list_pipeline_versions(p.id).versions) == 2
assert "adding" in [x.name for x in client.list_pipelines().pipelines]
assert client.get_pipeline(p.id).default_version.id == v.id
print(client.pipelines.get_template(p.id).template[:60])
r2 = client.run_pipeline(e.id, "r2", pipeline_id=p.id, params={"a": 7})
assert client.wait_for_run_completion(r2.id, 100).run.status == "Succeeded"
r3 = client.run_pipeline(e.id, "r3", version_id=v.id, params={"a": 8})
assert client.wait_for_run_completion(r3.id, 100).run.status == "Succeeded"
r4 = client.run_pipeline(e.id, "r4", pipeline_package_path=FILE)
assert client.get_run(r4.id).run.name == "r4"
assert {x.name for x in client.list_runs(experiment_id=e.id).runs} >= {"r1", "r2", "r3", "r4"}
print([x.name for x in client.list_runs(page_size=2, sort_by="created_at desc").runs])
f = json.dumps({"predicates": [{"key": "name", "op": 1, "stringValue": "r2"}]})
assert [x.name for x in client.list_runs(filter=f).runs] == ["r2"]
j = client.create_recurring_run(
    e.id, "often", interval_second=3600, pipeline_package_path=FILE, params={"a": 1}
)
assert client.get_recurring_run(j.id).trigger.periodic_schedule.interval_second == "3600", (
    client.get_recurring_run(j.id)
)
j2 = client.create_recurring_run(e.id, "cron", cron_expression="0 0 0 * * ?", pipeline_id=p.id, enabled=False)
assert len(client.list_recurring_runs(experiment_id=e.id).jobs) == 2
client.disable_job(j.id)
assert not client.get_recurring_run(j.id).enabled
client.jobs.enable_job(j2.id)
assert client.get_recurring_run(j2.id).enabled
client.delete_job(j.id)
client.delete_job(j2.id)
client.runs.archive_run(r2.id)
assert client.get_run(r2.id).run.storage_state == "STORAGESTATE_ARCHIVED"
client.runs.unarchive_run(r2.id)
client.runs.delete_run(r2.id)
client.delete_pipeline_version(v.id)
client.delete_pipeline(p.id)
try:
    client.get_pipeline(p.id)
    raise SystemExit("there")
except Exception as error:
    assert getattr(error, "status", 0) == 404, error
client.archive_experiment(e.id)
assert client.get_experiment(e.id).storage_state == "STORAGESTATE_ARCHIVED"
client.delete_experiment(e.id)
print("all")
