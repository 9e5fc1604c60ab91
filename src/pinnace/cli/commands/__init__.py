"""What each command takes, a module a group. A command's work is in the module of `cli` that it imports when
it is called: `pinnace up` must be ready within a second, so a command pays only for what it uses.
"""
