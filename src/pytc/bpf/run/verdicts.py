"""Names of the return values of programs, by the rules of the hook that a program is attached to.

A hook gives meaning to some values only; any other counts as one of these, like 77 as TC_ACT_UNSPEC in a filter. Names
say what the hook makes of a value.

Sources: include/uapi/linux/pkt_cls.h (TC_ACT_*), include/uapi/linux/bpf.h (enum xdp_action, enum tcx_action_base, enum
bpf_ret_code); cls_bpf_classify and cls_bpf_exec_opcode in net/sched/cls_bpf.c, tcf_bpf_act in net/sched/act_bpf.c,
tcx_run in net/core/dev.c, bpf_prog_run_generic_xdp in net/core/dev.c, run_lwt_bpf in net/core/lwt_bpf.c,
input_action_end_bpf in net/ipv6/seg6_local.c, __skb_flow_dissect in net/core/flow_dissector.c.
"""

from __future__ import annotations

from pytc.bpf.sys.constants import ProgramType, program_type_name
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

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
TCX = {_U32: "TCX_NEXT", 0: "TCX_PASS", 2: "TCX_DROP", 7: "TCX_REDIRECT"}
#: The name of act_bpf's answer to values that it does not know: unlike for -1, the action's own control is not asked.
CONTINUE = "continue"
#: Return values of a classifier without direct-action: no match, and the class that the filter itself names.
UNMATCHED, OF_FILTER = "unmatched", "flowid"


class _Rules(NamedTuple):
    """A hook: the values that it knows, by name, and what ``others`` count as (empty where any number is a result).

    ``effect`` says what that means for the packet.
    """

    hook: str
    names: Mapping[int, str]
    others: str = ""
    effect: str = ""


_FILTER = _Rules(
    "a filter",
    {value: TC[value] for value in (_U32, 0, 2, 4, 7, 8)},
    "TC_ACT_UNSPEC",
    "the next filter is asked",
)
_TCX = _Rules("tcx", TCX, "TCX_NEXT", "though the other tcx programs are skipped, and the filters of clsact are asked")
_ACTION = _Rules(
    "an action",
    {value: TC[value] for value in (_U32, 0, 1, 2, 3, 7)},
    CONTINUE,
    "the next filter is asked, whatever the action's own control says",
)
_CLASSES = _Rules("a filter", {0: UNMATCHED, _U32: OF_FILTER})
_DROPPED = "the packet is dropped"
_LIGHTWEIGHT = _Rules(
    "a route", {0: "BPF_OK", 2: "BPF_DROP", 7: "BPF_REDIRECT", 128: "BPF_LWT_REROUTE"}, "BPF_DROP", _DROPPED
)
_BY_TYPE: dict[int, _Rules] = {
    ProgramType.SCHED_CLS: _FILTER,
    ProgramType.SCHED_ACT: _ACTION,
    ProgramType.XDP: _Rules("XDP", XDP, "XDP_ABORTED", _DROPPED),
    ProgramType.LWT_IN: _LIGHTWEIGHT,
    ProgramType.LWT_OUT: _LIGHTWEIGHT,
    ProgramType.LWT_XMIT: _LIGHTWEIGHT,
    ProgramType.LWT_SEG6LOCAL: _LIGHTWEIGHT._replace(names={0: "BPF_OK", 2: "BPF_DROP", 7: "BPF_REDIRECT"}),
    ProgramType.FLOW_DISSECTOR: _Rules(
        "a flow dissector",
        {0: "BPF_OK", 2: "BPF_DROP", 129: "BPF_FLOW_DISSECTOR_CONTINUE"},
        "BPF_DROP",
        "the flow counts as not dissected",
    ),
    ProgramType.CGROUP_SKB: _Rules("a cgroup", {0: "DENY", 1: "ALLOW"}),
}
_ALIASES = {"PASS": 0, "DROP": 2, "CONTINUE": _U32}


class Verdicts:
    """The return values of a program type; ``classes`` for a classifier without direct-action, ``tcx`` for one that is
    attached by tcx."""

    def __init__(self, type: int, *, classes: bool = False, tcx: bool = False) -> None:
        self._type = type
        is_classifier = type == ProgramType.SCHED_CLS
        self._classes = classes and is_classifier
        self._rules = (
            _CLASSES
            if self._classes
            else _TCX
            if tcx and is_classifier
            else _BY_TYPE.get(type, _Rules(program_type_name(type), {}))
        )

    def name(self, value: int) -> str:
        """Return the name of what the hook makes of a u32; a class is ``1:10``, a number without a name is itself."""
        known = self._rules.names.get(value) or self._rules.others
        if known:
            return known
        return f"{value >> 16:x}:{value & 0xFFFF:x}" if self._classes else str(value)

    def text(self, value: int) -> str:
        """Return the name with the number, as a signed one, where that tells more: ``TC_ACT_UNSPEC (77)``."""
        name = self.name(value)
        return name if name == str(value) or ":" in name else f"{name} ({_signed(value)})"

    def remark(self, value: int) -> str:
        """Return what the hook makes of a value that it does not know; empty for others."""
        rules = self._rules
        if value in rules.names or not rules.others:
            return ""
        foreign = f" ({TC[value]})" if value in TC and rules in (_FILTER, _ACTION, _TCX) else ""
        return (
            f"{rules.hook} does not know the return value {_signed(value)}{foreign}: it counts as {rules.others}, "
            f"{rules.effect}"
        )

    def expected(self, word: str) -> int | str:
        """Return the number, or else the name, that a word stands for: :meth:`is_met` compares it with a value.

        Names go with or without their prefix, in any case; a class is like ``1:10``. Raises ValueError with the names
        that exist.
        """
        upper = word.upper()
        names = self._rules.names
        for name in (*names.values(), *filter(None, [self._rules.others])):
            if upper in (name.upper(), _short(name)):
                return name
        if self._rules in (_FILTER, _ACTION, _TCX):
            number = next((n for n, name in TC.items() if upper in (name, _short(name))), _ALIASES.get(upper))
            if number is not None and number in names:
                return names[number]
        number = self._class(word) if ":" in word else _number(word)
        if number is None:
            known = ", ".join(dict.fromkeys((*names.values(), *filter(None, [self._rules.others])))) or "any number"
            raise ValueError(
                f'"{word}" is not a verdict of a program of type {program_type_name(self._type)}: {known}'
                + (" or a class like 1:10" if self._classes else "")
            )
        return number

    def is_met(self, expected: int | str, value: int) -> bool:
        """Return whether a program that returned ``value`` did what is expected: a number is that number alone, a name
        whatever the hook takes for it."""
        return value == expected if isinstance(expected, int) else self.name(value) == expected

    def expectation_text(self, expected: int | str) -> str:
        """Return what is expected, as text."""
        if isinstance(expected, str):
            return expected
        return self.name(expected) if self._classes else str(_signed(expected) if self._rules.others else expected)

    def _class(self, word: str) -> int | None:
        major, _, minor = word.partition(":")
        try:
            numbers = int(major or "0", 16), int(minor or "0", 16)
        except ValueError:
            return None
        return numbers[0] << 16 | numbers[1] if all(0 <= n <= 0xFFFF for n in numbers) else None


def _short(name: str) -> str:
    for prefix in ("TC_ACT_", "TCX_", "XDP_", "BPF_"):
        name = name.removeprefix(prefix)
    return name.upper()


def _signed(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value


def _number(word: str) -> int | None:
    try:
        value = int(word, 0)
    except ValueError:
        return None
    return value & _U32 if -(1 << 31) <= value <= _U32 else None
