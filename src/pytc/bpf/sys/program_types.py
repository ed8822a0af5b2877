"""Program types by tc's short names and by the kernel's."""

from pytc.bpf.sys.constants import ProgramType

_SHORT = {"cls": ProgramType.SCHED_CLS, "act": ProgramType.SCHED_ACT}


def program_type(word: str) -> ProgramType:
    """``cls``, ``act``, ``xdp``, ``lwt_in`` ..., ``sock_ops``, or any of the kernel's names; raises ValueError."""
    if word in _SHORT:
        return _SHORT[word]
    try:
        found = ProgramType[word.upper()]
    except KeyError:
        raise ValueError(word) from None
    if found is ProgramType.UNSPEC:
        raise ValueError(word)
    return found
