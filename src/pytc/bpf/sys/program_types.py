"""Look up program types by tc's short names and by the kernel's."""

from __future__ import annotations

from pytc.bpf.sys.constants import ProgramType

_SHORT = {"cls": ProgramType.SCHED_CLS, "act": ProgramType.SCHED_ACT}


def program_type(word: str) -> ProgramType:
    """Return the type with a name: ``cls``, ``act``, or any of the kernel's like ``xdp``; raises ValueError."""
    if word in _SHORT:
        return _SHORT[word]
    try:
        type = ProgramType[word.upper()]
    except KeyError:
        raise ValueError(word) from None
    if type is ProgramType.UNSPEC:
        raise ValueError(word)
    return type
