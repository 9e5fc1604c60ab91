"""Run Kubeflow, Argo and KServe manifests on this machine: no cluster, no Docker."""

__version__ = "0.1.0"
