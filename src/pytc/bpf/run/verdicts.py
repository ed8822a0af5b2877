"""Names of the return values of programs.

Sources: include/uapi/linux/pkt_cls.h (TC_ACT_*), include/uapi/linux/bpf.h (enum xdp_action, enum bpf_ret_code),
cls_bpf_classify in net/sched/cls_bpf.c for classifiers that name a class.
"""

from collections.abc import Mapping

from pytc.bpf.sys.constants import ProgramType, program_type_name

_U32 = 0xFFFFFFFF
TC = {
    _U32: "TC_ACT_UNSPEC",
    0: "TC_ACT_OK",
    1: "TC_ACT_RECLASSIFY",
    2: "TC_ACT_SHOT",
    3: "TC_ACT_PIPE",
    4: "TC_ACT_STOLEN",
    5: "TC_ACT_QUEUED",
    6: "TC_ACT_REPEAT",
    7: "TC_ACT_REDIRECT",
    8: "TC_ACT_TRAP",
}
XDP = {0: "XDP_ABORTED", 1: "XDP_DROP", 2: "XDP_PASS", 3: "XDP_TX", 4: "XDP_REDIRECT"}
_LIGHTWEIGHT = {0: "BPF_OK", 2: "BPF_DROP", 7: "BPF_REDIRECT", 128: "BPF_LWT_REROUTE"}
#: Return values of a classifier without direct-action: no match, and the class that the filter itself names.
UNMATCHED, OF_FILTER = "unmatched", "flowid"
_CLASSES = {0: UNMATCHED, _U32: OF_FILTER}
_BY_TYPE: dict[int, Mapping[int, str]] = {
    ProgramType.SCHED_CLS: TC,
    ProgramType.SCHED_ACT: TC,
    ProgramType.XDP: XDP,
    ProgramType.LWT_IN: _LIGHTWEIGHT,
    ProgramType.LWT_OUT: _LIGHTWEIGHT,
    ProgramType.LWT_XMIT: _LIGHTWEIGHT,
    ProgramType.LWT_SEG6LOCAL: _LIGHTWEIGHT,
    ProgramType.FLOW_DISSECTOR: _LIGHTWEIGHT,
    ProgramType.CGROUP_SKB: {0: "DENY", 1: "ALLOW"},
}
_ALIASES = {"PASS": "OK", "DROP": "SHOT", "CONTINUE": "UNSPEC"}


class Verdicts:
    """The return values of a program type; ``classes`` for a classifier without direct-action."""

    def __init__(self, type: int, *, classes: bool = False) -> None:
        self._type = type
        self._classes = classes and type == ProgramType.SCHED_CLS
        self.names: Mapping[int, str] = _CLASSES if self._classes else _BY_TYPE.get(type, {})

    def name(self, value: int) -> str:
        """Return the name of a u32; a class is ``1:10``, a number without a name is itself."""
        if value in self.names:
            return self.names[value]
        return f"{value >> 16:x}:{value & 0xFFFF:x}" if self._classes else str(value)

    def value(self, word: str) -> int:
        """Return the value of a name with or without its prefix, in any case, a number, or a class like ``1:10``.

        Raises ValueError with the names that exist.
        """
        upper = word.upper()
        for value, name in self.names.items():
            short = name.upper().removeprefix("TC_ACT_").removeprefix("XDP_").removeprefix("BPF_")
            aliased = _ALIASES.get(upper, "") if self.names is TC else ""
            if upper in (name.upper(), short) or aliased == short:
                return value
        number = self._class(word) if ":" in word else _number(word)
        if number is None:
            known = ", ".join(self.names.values()) or "any number"
            raise ValueError(
                f'"{word}" is not a verdict of a program of type {program_type_name(self._type)}: {known}'
                + (" or a class like 1:10" if self._classes else "")
            )
        return number

    def _class(self, word: str) -> int | None:
        major, _, minor = word.partition(":")
        try:
            numbers = int(major or "0", 16), int(minor or "0", 16)
        except ValueError:
            return None
        return numbers[0] << 16 | numbers[1] if all(0 <= n <= 0xFFFF for n in numbers) else None


def _number(word: str) -> int | None:
    try:
        value = int(word, 0)
    except ValueError:
        return None
    return value & _U32 if -(1 << 31) <= value <= _U32 else None
