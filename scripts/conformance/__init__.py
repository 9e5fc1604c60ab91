"""Upstream's own manifests against a running platform, as any client of the Kubernetes API sees it.

`make conformance` runs it and writes `docs/conformance/argo.md`; `tests/conformance` runs it as a test.
Nothing here imports the platform: a kubeconfig is all it needs, so the same documents can be put to a real
cluster.
"""
