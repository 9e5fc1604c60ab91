"""What runs inside a pod or listens there, brought to a client: `exec`, `attach`, `portforward`.

Registered by `face.py`. Over WebSockets only: clients older than kubectl 1.30 speak SPDY alone.
"""
