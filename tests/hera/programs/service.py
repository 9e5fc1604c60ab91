"""Every method of Hera's WorkflowsService, and what its classes do through it."""

# ruff: noqa: SIM117 - as Hera's documentation writes it

import asyncio
import os

from hera.exceptions import HeraException, NotFound
from hera.shared import global_config
from hera.workflows import (
    Artifact,
    ClusterWorkflowTemplate,
    CronWorkflow,
    NoneArchiveStrategy,
    Parameter,
    Step,
    Steps,
    Suspend,
    Workflow,
    WorkflowsService,
    WorkflowTemplate,
    script,
)
from hera.workflows import models as m
from hera.workflows.async_service import AsyncWorkflowsService

global_config.host = os.environ["PINNACE_HOST"]
global_config.token = os.environ["PINNACE_TOKEN"]
global_config.namespace = "default"
global_config.image = "python:3.11"
service = WorkflowsService()


@script(outputs=[Artifact(name="note", path="/tmp/note.txt", archive=NoneArchiveStrategy())])
def say(message: str):
    print(message)
    with open("/tmp/note.txt", "w") as file:
        file.write(message)


@script()
def check(wanted: str):
    assert wanted == "yes", wanted


def called(name, **options):
    with Workflow(name=name, entrypoint="main", **options) as w:
        with Steps(name="main"):
            say(name="say", arguments={"message": "hello from {{workflow.name}}"})
            check(name="check", arguments={"wanted": "{{workflow.parameters.wanted}}"})
    return w


# create, wait, lint, get, list, logs, artifacts
good = called("good", arguments={"wanted": "yes"}, labels={"kept": "good"})
assert good.lint().spec.entrypoint == "main"
made = good.create(wait=True, poll_interval=0.5)
assert made.status.phase == "Succeeded", made.status
names = [one.metadata.name for one in service.list_workflows(label_selector="kept=good", limit="5").items]
assert names == ["good"]
node = next(one for one in made.status.nodes.values() if one.display_name == "say")
assert node.outputs.artifacts[0].name == "note"
assert "hello from good" in service.get_output_artifact("good", node.id, "note")
assert "hello from good" in service.get_artifact_file("workflow", "good", node.id, "note", "outputs")
entry = service.workflow_logs("good", pod_name="", container="main", grep="hello")
assert isinstance(entry, m.V1alpha1LogEntry)
# what is wrong is said
try:
    Workflow(name="bad", entrypoint="nowhere").lint()
    raise AssertionError("a workflow without its entrypoint was accepted")
except HeraException as error:
    assert "nowhere" in str(error), error
try:
    service.get_workflow("absent")
    raise AssertionError("a workflow that is not there was shown")
except NotFound as error:
    assert "absent" in str(error), error

# retry, resubmit
bad = called("bad", arguments={"wanted": "no"}).create(wait=True, poll_interval=0.5)
assert bad.status.phase == "Failed", bad.status
service.retry_workflow("bad", m.WorkflowRetryRequest(parameters=["wanted=yes"]))
waiting = Workflow(name="bad")
assert waiting.wait(poll_interval=0.5).status.phase == "Succeeded"
again = service.resubmit_workflow("bad", m.WorkflowResubmitRequest(parameters=["wanted=no"]))
assert Workflow(name=again.metadata.name).wait(poll_interval=0.5).status.phase == "Failed"
third = service.resubmit_workflow(
    again.metadata.name, m.WorkflowResubmitRequest(memoized=True, parameters=["wanted=yes"]))
ended = Workflow(name=third.metadata.name).wait(poll_interval=0.5)
assert ended.status.phase == "Succeeded", ended.status
kept = next(one for one in ended.status.nodes.values() if one.display_name == "say")
assert (kept.type, kept.message.startswith("original pod: ")) == ("Skipped", True)


# suspend, resume, set, stop, terminate
def asking(name):
    with Workflow(name=name, entrypoint="main") as w:
        approve = Suspend(name="approve", intermediate_parameters=[
            Parameter(name="answer", enum=["yes", "no"], default="no")])
        with Steps(name="main"):
            asked = Step(name="approve", template=approve)
            check(name="check", arguments={"wanted": asked.get_parameter("answer").value})
    w.create()
    while not [one for one in (service.get_workflow(name).status.nodes or {}).values()
               if one.type == "Suspend" and one.phase == "Running"]:
        pass
    return w


asked = asking("asking")
service.set_workflow("asking", m.WorkflowSetRequest(
    node_field_selector="displayName=approve", output_parameters='{"answer": "yes"}'))
service.resume_workflow("asking", m.WorkflowResumeRequest(node_field_selector="displayName=approve"))
assert asked.wait(poll_interval=0.5).status.phase == "Succeeded"
refused = asking("refused")
service.stop_workflow("refused", m.WorkflowStopRequest(
    node_field_selector="displayName=approve", message="not today"))
assert refused.wait(poll_interval=0.5).status.phase == "Failed"
for name, end in (("stopped", "stop"), ("terminated", "terminate")):
    w = asking(name)
    service.suspend_workflow(name, m.WorkflowSuspendRequest())
    assert service.get_workflow(name).spec.suspend
    kind = {"stop": m.WorkflowStopRequest, "terminate": m.WorkflowTerminateRequest}[end]
    getattr(service, f"{end}_workflow")(name, kind())
    service.resume_workflow(name, m.WorkflowResumeRequest())
    assert w.wait(poll_interval=0.5).status.phase == "Failed", name

# templates, cluster templates, schedules
with WorkflowTemplate(name="greet", entrypoint="main", arguments={"message": "hi"}) as template:
    with Steps(name="main"):
        say(arguments={"message": "{{workflow.parameters.message}}"})
assert template.lint().metadata.name == "greet"
assert template.create().metadata.name == "greet"
template.labels = {"changed": "yes"}
assert template.update().metadata.labels["changed"] == "yes"
assert [one.metadata.name for one in service.list_workflow_templates().items] == ["greet"]
submitted = service.submit_workflow(m.WorkflowSubmitRequest(
    resource_kind="WorkflowTemplate", resource_name="greet",
    submit_options=m.SubmitOpts(parameters=["message=submitted"], labels="by=submit")))
assert Workflow(name=submitted.metadata.name).wait(poll_interval=0.5).status.phase == "Succeeded"
global_config.namespace = None  # Hera takes it for a namespace of the template's own
with ClusterWorkflowTemplate(name="everywhere", entrypoint="main") as cluster:
    with Steps(name="main"):
        say(arguments={"message": "x"})
assert cluster.create().metadata.name == "everywhere"
assert service.get_cluster_workflow_template("everywhere").kind == "ClusterWorkflowTemplate"
assert "everywhere" in [one.metadata.name for one in service.list_cluster_workflow_templates().items]
service.delete_cluster_workflow_template("everywhere")
global_config.namespace = "default"
with CronWorkflow(name="nightly", schedules=["0 3 * * *"], entrypoint="main") as cron:
    with Steps(name="main"):
        say(arguments={"message": "x"})
assert cron.lint().metadata.name == "nightly"
assert cron.create().metadata.name == "nightly"
assert service.suspend_cron_workflow("nightly", m.CronWorkflowSuspendRequest()).spec.suspend
assert not service.resume_cron_workflow("nightly", m.CronWorkflowResumeRequest()).spec.suspend
cron.schedules = ["0 4 * * *"]
assert cron.update().spec.schedules == ["0 4 * * *"]
service.delete_cron_workflow("nightly")
service.delete_workflow_template("greet")

# the archive
uid = made.metadata.uid
service.delete_workflow("good")
assert service.get_archived_workflow(uid).metadata.name == "good"
assert "good" in [one.metadata.name for one in service.list_archived_workflows(namespace="default").items]
assert "kept" in service.list_archived_workflow_label_keys(namespace="default").items
values = service.list_archived_workflow_label_values(label_selector="kept", namespace="default")
assert values.items == ["good"]
assert "hello from good" in service.get_output_artifact_by_uid(uid, node.id, "note")
revived = service.resubmit_archived_workflow(uid, m.ResubmitArchivedWorkflowRequest(
    name="good", namespace="default", uid=uid))
assert Workflow(name=revived.metadata.name).wait(poll_interval=0.5).status.phase == "Succeeded"
gone = service.get_workflow("refused").metadata.uid
service.delete_workflow("refused")
service.retry_archived_workflow(gone, m.RetryArchivedWorkflowRequest(
    name="refused", namespace="default", uid=gone))
service.terminate_workflow("refused", m.WorkflowTerminateRequest())
service.delete_archived_workflow(uid, namespace="default")

# limits, and what the server tells of itself
limit = m.CreateSyncLimitRequest(cm_name="limits", key="gpu", limit=2, type="CONFIGMAP")
service.create_sync_limit(limit)  # Hera keeps nothing of the answers
service.get_sync_limit("gpu", cm_name="limits")
service.update_sync_limit("gpu", m.UpdateSyncLimitRequest(cm_name="limits", key="gpu", limit=3))
service.delete_sync_limit("gpu", cm_name="limits")
assert service.get_version().version.startswith("v4")
assert service.get_info() is not None
assert service.get_user_info().subject == "pinnace-admin"


async def later():
    async with AsyncWorkflowsService() as remote:
        w = called("async", arguments={"wanted": "yes"}, workflows_service=remote)
        return await w.async_create(wait=True, poll_interval=0.5)


assert asyncio.run(later()).status.phase == "Succeeded"
print("every method answered")
