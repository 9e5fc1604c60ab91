"""The warm start of Python programs: an interpreter of their environment waits, and forks for each of them.

Three processes an environment: `keeper.py` (ours, trusted, runs nothing of the environment), `zygote.py` (the
environment's own Python in a sandbox of its own, without rights) and, for each pod, a room that the keeper
makes and a child of the zygote that enters it. `launcher.py` is what the node sees of all this.
"""
