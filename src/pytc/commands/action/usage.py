"""Help texts of ``actions``; those of the kinds are in the kinds' modules."""

from pytc.tc.kinds import actions

_TEXT = """\
Usage: pytc action { add | change | replace } [ action ACTION ] ...
       pytc action { get | delete } [ action KIND index INDEX ] ...
       pytc action { list | show | lst } action KIND [ since MILLISECONDS ]
       pytc action flush action KIND

ACTION := { KIND OPTIONS | CONTROL } [ index INDEX ] [ cookie HEX ] [ hw_stats { immediate | delayed | disabled } ]
          [ no_percpu ] [ skip_sw ] [ skip_hw ]
KIND := { @KINDS@ }
CONTROL := pass | ok | drop | shot | pipe | continue | reclassify | stolen | trap | jump COUNT | goto chain INDEX

An action stands for itself, and can be used by its index in any number of filters: "... action bpf index 7".
add refuses an index that is there; change and replace do not. Without index, the kernel chooses one.
since shows what was used in that time. "pytc action add action bpf help" says the options of a kind.
"""


def usage(topic: str) -> str:
    """The text for ``actions``, or for a kind: ``action bpf``."""
    kind = actions.find(topic.partition(" ")[2])
    return kind.usage if kind is not None and kind.usage else _TEXT.replace("@KINDS@", " | ".join(actions.names()))


def topics() -> list[str]:
    """All topics."""
    return ["actions", *(f"action {name}" for name in actions.names())]
