"""InferenceGraphs: requests walk a graph of services. `router.py` serves, `walk.py` decides, `conditions.py`
reads the conditions of steps, `outward.py` asks the services."""
