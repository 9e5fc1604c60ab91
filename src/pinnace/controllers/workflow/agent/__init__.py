"""The process that does what templates without a pod ask of the world: http requests, listings of artifacts.

On a cluster it is the agent's pod. Control starts it at the first errand and it leaves by itself when there
are none: a slow server, a large answer or a costly expression never holds control's loop.
"""
