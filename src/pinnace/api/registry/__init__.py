"""Kubeflow's Model Registry over HTTP."""
