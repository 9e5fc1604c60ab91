"""MLflow's tracking and registry API over HTTP."""
