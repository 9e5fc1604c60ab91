"""What a pod asks for that this machine cannot give, and what is free of it: for the person who asked. Pure.

`binder` puts it behind the scheduler's own words.
"""

from __future__ import annotations

from pinnace.controllers.pods import request
from pinnace.controllers.pods.schedule import Load, Machine
from pinnace.kinds import quantity
from pinnace.kinds.resource import Obj

_LACKING = "Insufficient "
_GIB = 1024**3


def told(pod: Obj, machine: Machine, load: Load, message: str) -> str:
    """The scheduler's message, and how much is missing of what; alone where nothing of the machine is."""
    if _LACKING not in message:
        return message
    wants = ", ".join(f"{amount} {name}" for name, amount in asked(pod, message))
    return f"{message} It asks for {wants}. {free(machine, load)}"


def asked(pod: Obj, message: str) -> list[tuple[str, str]]:
    """Of what is insufficient: name and amount, summed over the containers."""
    names = [part.partition(_LACKING)[2].rstrip(".") for part in message.split(",") if _LACKING in part]
    return [(name, _total(pod, name)) for name in dict.fromkeys(names)]


def _total(pod: Obj, name: str) -> str:
    """As the documents write it, where one container asks."""
    spec = pod["spec"]
    containers = (*spec["containers"], *(spec.get("initContainers") or ()))
    every = [request.asked(one).get(name) for one in containers]
    found = [str(one) for one in every if one]
    if len(found) == 1:
        return found[0]
    return quantity.canonical(str(sum(quantity.parse(one) for one in found)))


def free(machine: Machine, load: Load) -> str:
    cpu, memory = machine.milli_cpu - load.milli_cpu, machine.memory - load.memory
    return (
        f"Free on this machine: cpu {max(0, cpu) / 1000:g} of {machine.milli_cpu / 1000:g}, "
        f"memory {max(0, memory) / _GIB:.1f}Gi of {machine.memory / _GIB:.1f}Gi; it has no other resources."
    )
