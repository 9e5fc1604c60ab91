"""The roles that every platform starts with, as upstream's API server, Argo and Kubeflow bring them.

A role is written as lines `verbs : groups : resources` or `verbs : /paths`; `documents` makes objects of them
for `controllers/core/roles`. Sources: kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go,
argo-workflows manifests/cluster-install (aggregate roles) and manifests/quick-start, kubeflow
manifests common/kubeflow-roles and pipelines' pipeline-runner.
"""

from __future__ import annotations

from collections.abc import Iterator

from pinnace.kinds.resource import Obj
from pinnace.objects.rights.register import GROUP

READ = "get,list,watch"
WRITE = "create,delete,deletecollection,patch,update"
BOTH = f"{READ},{WRITE}"
HEALTH = "/healthz,/livez,/readyz"
_APPS = (
    "daemonsets,deployments,deployments/scale,replicasets,replicasets/scale,statefulsets,statefulsets/scale"
)
_APPS_STATUS = "daemonsets/status,deployments/status,replicasets/status,statefulsets/status"
_ARGO = "workflows,workflowtemplates,cronworkflows,clusterworkflowtemplates,workfloweventbindings"
_ARGO_ALL = ",".join(
    f"{kind},{kind}/finalizers"
    for kind in (*_ARGO.split(","), "workflowtasksets", "workflowtaskresults", "workflowartifactgctasks")
)
_RUNS = "pipelineruns,pipelineexperiments"
"""Our records of what is upstream's database."""
_TRAINING = "tfjobs,pytorchjobs,mpijobs,xgboostjobs,paddlejobs,jaxjobs"
_KATIB = "experiments,trials,suggestions"
_SERVING = "inferenceservices,servingruntimes,inferencegraphs,trainedmodels"

ROLES: dict[str, tuple[str, ...]] = {
    "cluster-admin": ("* : * : *", "* : *"),
    "system:discovery": (f"get : {HEALTH},/api,/api/*,/apis,/apis/*,/openapi,/openapi/*,/version,/version/",),
    "system:basic-user": (
        "create : authorization.k8s.io : selfsubjectaccessreviews,selfsubjectrulesreviews",
        "create : authentication.k8s.io : selfsubjectreviews",
    ),
    "system:public-info-viewer": (f"get : {HEALTH},/version,/version/",),
    "system:monitoring": (
        "get : /healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*",
    ),
    "system:auth-delegator": (
        "create : authentication.k8s.io : tokenreviews",
        "create : authorization.k8s.io : subjectaccessreviews",
    ),
    "system:service-account-issuer-discovery": (
        "get : /.well-known/openid-configuration,/.well-known/openid-configuration/,/openid/v1/jwks,"
        "/openid/v1/jwks/",
    ),
    "system:persistent-volume-provisioner": (
        "get,list,watch,create,delete : : persistentvolumes",
        "get,list,watch,update : : persistentvolumeclaims",
        f"{READ} : storage.k8s.io : storageclasses",
        f"{READ},create,patch,update : : events",
    ),
    "system:aggregate-to-view": (
        f"{READ} : : configmaps,endpoints,persistentvolumeclaims,persistentvolumeclaims/status,pods,"
        "replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,services/status",
        f"{READ} : : bindings,events,limitranges,namespaces/status,pods/log,pods/status,"
        "replicationcontrollers/status,resourcequotas,resourcequotas/status",
        f"{READ} : : namespaces",
        f"{READ} : discovery.k8s.io : endpointslices",
        f"{READ} : apps : controllerrevisions,{_APPS},{_APPS_STATUS}",
        f"{READ} : autoscaling : horizontalpodautoscalers,horizontalpodautoscalers/status",
        f"{READ} : batch : cronjobs,cronjobs/status,jobs,jobs/status",
        f"{READ} : policy : poddisruptionbudgets,poddisruptionbudgets/status",
        f"{READ} : networking.k8s.io : ingresses,ingresses/status,networkpolicies",
    ),
    "system:aggregate-to-edit": (
        f"{READ} : : pods/attach,pods/exec,pods/portforward,pods/proxy,secrets,services/proxy",
        "impersonate : : serviceaccounts",
        f"{WRITE} : : pods,pods/attach,pods/exec,pods/portforward,pods/proxy",
        "create : : pods/eviction",
        f"{WRITE} : : configmaps,events,persistentvolumeclaims,replicationcontrollers,"
        "replicationcontrollers/scale,secrets,serviceaccounts,services,services/proxy",
        "create : : serviceaccounts/token",
        f"{WRITE} : apps : {_APPS},deployments/rollback",
        f"{WRITE} : autoscaling : horizontalpodautoscalers",
        f"{WRITE} : batch : cronjobs,jobs",
        f"{WRITE} : policy : poddisruptionbudgets",
        f"{WRITE} : networking.k8s.io : ingresses,networkpolicies",
        f"{BOTH} : coordination.k8s.io : leases",
    ),
    "system:aggregate-to-admin": (
        "create : authorization.k8s.io : localsubjectaccessreviews",
        f"{BOTH} : {GROUP} : rolebindings,roles",
    ),
    "argo-aggregate-to-view": (f"{READ} : argoproj.io : {_ARGO_ALL}",),
    "argo-aggregate-to-edit": (f"{BOTH} : argoproj.io : {_ARGO_ALL}",),
    "argo-aggregate-to-admin": (f"{BOTH} : argoproj.io : {_ARGO_ALL}",),
    "kubeflow-kubernetes-view": (
        f"{READ} : : configmaps,endpoints,events,persistentvolumeclaims,pods,pods/log,serviceaccounts,"
        "services",
        f"{READ} : apps : {_APPS}",
        f"{READ} : batch : cronjobs,jobs",
    ),
    "kubeflow-kubernetes-edit": (
        f"{BOTH} : : configmaps,persistentvolumeclaims,pods,pods/exec,pods/attach,pods/portforward,secrets,"
        "serviceaccounts,services",
        f"{BOTH} : apps : {_APPS}",
        f"{BOTH} : batch : cronjobs,jobs",
    ),
    "kubeflow-kubernetes-admin": (
        "create : authorization.k8s.io : localsubjectaccessreviews",
        f"{BOTH} : {GROUP} : rolebindings,roles",
    ),
    "kubeflow-pipelines-view": (
        f"{READ} : argoproj.io : {_ARGO}", "get,list : pipelines.kubeflow.org : *",
        f"{READ} : pinnace.dev : {_RUNS}", f"{READ} : kubeflow.org : scheduledworkflows",
    ),
    "kubeflow-pipelines-edit": (
        f"{BOTH} : argoproj.io : {_ARGO}", "* : pipelines.kubeflow.org : *",
        f"{BOTH} : pinnace.dev : {_RUNS}", f"{BOTH} : kubeflow.org : scheduledworkflows",
    ),
    "kubeflow-training-view": (
        f"{READ} : kubeflow.org : {_TRAINING}",
        f"{READ} : trainer.kubeflow.org : trainjobs,trainingruntimes,clustertrainingruntimes",
    ),
    "kubeflow-training-edit": (
        f"{BOTH} : kubeflow.org : {_TRAINING}",
        f"{BOTH} : trainer.kubeflow.org : trainjobs,trainingruntimes",
        f"{READ} : trainer.kubeflow.org : clustertrainingruntimes",
    ),
    "kubeflow-katib-view": (f"{READ} : kubeflow.org : {_KATIB}",),
    "kubeflow-katib-edit": (f"{BOTH} : kubeflow.org : {_KATIB}",),
    "kubeflow-kserve-view": (f"{READ} : serving.kserve.io : *",),
    "kubeflow-kserve-edit": (f"{BOTH} : serving.kserve.io : *",),
    "pinnace-registry": (
        "* : /api/model_registry/*,/api/2.0/mlflow/*,/api/2.0/mlflow-artifacts/*",
        "* : /apis/v2beta1/*,/apis/v1beta1/*",
    ),
    "pinnace-quickstart": (
        f"{BOTH} : : pods,pods/exec,pods/log,services,configmaps,persistentvolumeclaims,events",
        f"{BOTH} : apps : {_APPS}",
        f"{BOTH} : batch : cronjobs,jobs",
        f"{BOTH} : argoproj.io : {_ARGO_ALL}",
        f"{BOTH} : kubeflow.org : *",
        f"{BOTH} : pipelines.kubeflow.org : *",
        f"{BOTH} : pinnace.dev : {_RUNS}",
        f"{BOTH} : trainer.kubeflow.org : trainjobs,trainingruntimes",
        f"{BOTH} : serving.kserve.io : *",
    ),
}
AGGREGATED: dict[str, str] = {
    **{name: f"{GROUP}/aggregate-to-{name}" for name in ("admin", "edit", "view")},
    **{
        f"kubeflow-{name}": f"rbac.authorization.kubeflow.org/aggregate-to-kubeflow-{name}"
        for name in ("admin", "edit", "view")
    },
}
"""ClusterRole → the label of those that it is put together from."""
HIGHER = {"view": "edit", "edit": "admin"}
BINDINGS: dict[str, tuple[str, ...]] = {
    "cluster-admin": ("system:masters",),
    "system:discovery": ("system:authenticated",),
    "system:basic-user": ("system:authenticated",),
    "system:public-info-viewer": ("system:authenticated", "system:unauthenticated"),
    "system:monitoring": ("system:monitoring",),
    "system:service-account-issuer-discovery": ("system:serviceaccounts",),
}
"""ClusterRole → groups."""
QUICKSTART = "pinnace-quickstart"
MARK = {"kubernetes.io/bootstrapping": "rbac-defaults"}
UPDATED = {f"{GROUP}/autoupdate": "true"}


def roles() -> Iterator[Obj]:
    """The ClusterRoles, complete documents without identity; aggregated ones with their rules in place."""
    plain = {name: [rule(line) for line in lines] for name, lines in ROLES.items()}
    labels = {name: {**_mark(name), **_labels(name)} for name in (*ROLES, *AGGREGATED)}
    done: dict[str, list[Obj]] = dict(plain)
    for name in sorted(AGGREGATED, key=lambda one: one.rpartition("-")[2], reverse=True):
        label = AGGREGATED[name]
        done[name] = joined(done[part] for part in sorted(done) if label in labels[part])
    for name, rules in done.items():
        made: Obj = {"metadata": {"name": name, "labels": labels[name], "annotations": dict(UPDATED)}}
        if name in AGGREGATED:
            chosen = [{"matchLabels": {AGGREGATED[name]: "true"}}]
            made["aggregationRule"] = {"clusterRoleSelectors": chosen}
        yield {**made, "rules": rules}


def bindings(*, strict: bool = False) -> Iterator[Obj]:
    """The ClusterRoleBindings. `strict`: accounts get nothing that upstream does not give them."""
    own = {} if strict else {"pinnace-registry": ("system:serviceaccounts",)}
    for name, groups in {**BINDINGS, **own}.items():
        subjects = [{"apiGroup": GROUP, "kind": "Group", "name": group} for group in groups]
        yield {
            "metadata": {"name": name, "labels": dict(MARK), "annotations": dict(UPDATED)},
            "subjects": subjects,
            "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": name},
        }


def quickstart() -> Obj:
    """The RoleBinding by which a namespace's `default` account may do what quick-starts let it do, and the
    account under which Workflows of kfp 1.8 run."""
    return {
        "metadata": {"name": QUICKSTART},
        "subjects": [{"kind": "ServiceAccount", "name": name} for name in ("default", "pipeline-runner")],
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": QUICKSTART},
    }


def rule(line: str) -> Obj:
    """
    >>> rule("get,list : : pods")
    {'verbs': ['get', 'list'], 'apiGroups': [''], 'resources': ['pods']}
    """
    parts = [part.strip() for part in line.split(" :")]
    verbs = parts[0].split(",")
    if len(parts) == 2:
        return {"verbs": verbs, "nonResourceURLs": parts[1].split(",")}
    return {"verbs": verbs, "apiGroups": parts[1].split(","), "resources": parts[2].split(",")}


def joined(lists: Iterator[list[Obj]]) -> list[Obj]:
    """All rules, each once."""
    found: list[Obj] = []
    for rules in lists:
        found += [one for one in rules if one not in found]
    return found


def _mark(name: str) -> dict[str, str]:
    own = name.startswith(("argo-", "kubeflow-", "pinnace-"))
    return {} if own else dict(MARK)


def _labels(name: str) -> dict[str, str]:
    """What a role is a part of."""
    prefix, _, level = name.rpartition("-")
    if name in AGGREGATED:
        above = HIGHER.get(level)
        return {AGGREGATED[f"{prefix}-{above}" if prefix else above]: "true"} if above else {}
    if prefix.endswith("aggregate-to"):
        return {AGGREGATED[level]: "true"}
    if prefix.startswith("kubeflow-"):
        return {AGGREGATED[f"kubeflow-{level}"]: "true"}
    return {}
