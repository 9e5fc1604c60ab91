"""The console over a context of a kubeconfig: the same pages, another server."""
