"""Rules of kinds that kernels enforce without a word: what is wrong with a request that is refused with EINVAL.

Each rule is of net/sched of Linux 5.10 to 7.2. Newer kernels say some of them, and then nobody asks here.
"""

from __future__ import annotations

import errno
import struct
from itertools import pairwise

from pytc.netlink import constants as c
from pytc.netlink.schema import HEADER
from pytc.tc.clock import read_clock
from pytc.tc.kinds import actions, filters, qdiscs
from pytc.tc.kinds.interface import EncodeEnv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytc.errors import NetlinkError
    from pytc.netlink.messages import TcMessage
    from pytc.netlink.schema import Attributes
    from pytc.tc.actions.action import Action
    from pytc.tc.kinds.interface import FilterOptions

    #: Returns what is wrong with the attributes of a request, empty where nothing is.
    Rule = Callable[[Attributes], str]

_MAX_QUANTUM = 1 << 20
_SILENT = (errno.EINVAL, errno.ERANGE)
_MAX_CHOKE = (1 << 17) - 1
#: What kernels say of any number, without its name.
_NAMELESS = ("integer out of range", "Attribute failed policy validation")
_FOR_SEVERAL_QUEUES = ("mq", "mqprio", "multiq")


def broken_rule(error: NetlinkError, message: TcMessage) -> str:
    """Return the rule that a refused request about a qdisc or class breaks.

    Empty where the kernel says what is wrong, or no rule is known.
    """
    name, raw = message.attributes.get("TCA_KIND", ""), message.attributes.get("TCA_OPTIONS", b"")
    kind = qdiscs.find(name)
    if not _is_silent(error) or kind is None:
        return ""
    if error.errno == errno.EOPNOTSUPP and name in _FOR_SEVERAL_QUEUES:
        return f"{name} needs a device with several transmit queues, and a place at its root"
    if error.errno not in _SILENT:
        return ""
    if message.type == c.NEWTCLASS:
        return _first(_CLASSES.get(name, ()), kind.schema.decode(raw))
    attributes = kind.schema.decode(raw, kind.header)
    is_change = message.type == c.NEWQDISC and not message.flags & c.CREATE
    return _first(_QDISCS.get(name, ()), attributes) or (_fixed(name, attributes) if is_change else "")


def broken_filter_rule(error: NetlinkError, name: str, options: FilterOptions | None) -> str:
    """Return the rule that the options of a refused filter break, or those of one of its actions."""
    kind = filters.find(name)
    if not _is_silent(error) or error.errno not in _SILENT or kind is None or options is None:
        return ""
    if name in _FILTERS and (text := _first(_FILTERS[name], dict(kind.encode(options, None)))):
        return text
    return broken_actions_rule(error, options.actions)


def broken_actions_rule(error: NetlinkError, which: Sequence[Action]) -> str:
    """Return the rule that one of some refused actions breaks."""
    if not _is_silent(error) or error.errno not in _SILENT:
        return ""
    env = EncodeEnv(None, lambda device: 0, read_clock)
    for action in which:
        kind, rules = actions.find(action.kind), _ACTIONS.get(action.kind, ())
        if kind is not None and rules and (text := _first(rules, dict(kind.encode(action.options, env)))):
            return text
    return ""


def _is_silent(error: NetlinkError) -> bool:
    return not error.ext_ack or any(text in error.ext_ack for text in _NAMELESS)


def _first(rules: tuple[Rule, ...], attributes: Attributes) -> str:
    return next((text for rule in rules if (text := rule(attributes))), "")


def _fixed(name: str, attributes: Attributes) -> str:
    """Return what cannot be changed of a qdisc that exists."""
    if name in ("fq_codel", "fq_pie") and f"TCA_{name.upper()}_FLOWS" in attributes:
        return f'"flows" of {name} cannot be changed: delete the qdisc and add it again'
    return ""


def _within(name: str, word: str, least: int, most: int) -> Rule:
    """Return the rule that the number in an attribute is in a range."""
    return lambda attributes: (
        "" if least <= attributes.get(name, least) <= most else f'"{word}" has to be from {least} to {most}'
    )


def _member(attribute: str, layout: str, index: int) -> Callable[[Attributes], int]:
    """Return what reads a member of a structure, 0 where it is not there."""
    form = struct.Struct(layout)

    def read(attributes: Attributes) -> int:
        raw = attributes.get(attribute, b"")
        return int(form.unpack_from(raw)[index]) if len(raw) >= form.size else 0

    return read


def _prio(attributes: Attributes) -> str:
    bands = _member(HEADER, "=i", 0)(attributes)
    return "" if 2 <= bands <= 16 else '"bands" has to be from 2 to 16'


def _sfq(attributes: Attributes) -> str:
    form = "=IiIII5I"
    divisor, limit, least, most = (_member(HEADER, form, index)(attributes) for index in (3, 2, 8, 9))
    if divisor & (divisor - 1) or divisor > 1 << 16:
        return '"divisor" has to be a power of 2, up to 65536'
    if limit == 1:
        return '"limit" has to be at least 2'
    return _thresholds(least, most)


def _thresholds(least: int, most: int) -> str:
    return '"max" has to be at least "min"' if most < least else ""


def _red(prefix: str) -> Rule:
    """Return the rule for struct tc_red_qopt: limit, qth_min and qth_max u32, Wlog u8."""

    def rule(attributes: Attributes) -> str:
        name, form = f"TCA_{prefix}_PARMS", "=3IB"
        least, most, weight = (_member(name, form, index)(attributes) for index in (1, 2, 3))
        if weight >= 32 or least.bit_length() + weight > 32 or most.bit_length() + weight > 32:
            return '"burst" is too large for "min" and "max"'
        return _thresholds(least, most)

    return rule


def _choke(attributes: Attributes) -> str:
    limit = _member("TCA_CHOKE_PARMS", "=I", 0)(attributes)
    return f'"limit" may be {_MAX_CHOKE} packets at most' if limit > _MAX_CHOKE else ""


#: struct tc_tbf_qopt: two of struct tc_ratespec, whose rate u32 is behind 8 bytes, then limit, buffer and mtu u32.
_TBF = "=8xI8xI3I"


def _tbf(attributes: Attributes) -> str:
    rate, peak, buffer = (_member("TCA_TBF_PARMS", _TBF, index)(attributes) for index in (0, 1, 3))
    rate = attributes.get("TCA_TBF_RATE64", rate)
    peak = attributes.get("TCA_TBF_PRATE64", peak)
    if peak and peak <= rate:
        return '"peakrate" has to be higher than "rate"'
    return '"burst" has to be at least a byte' if not buffer else ""


def _fq(attributes: Attributes) -> str:
    quantum, initial = attributes.get("TCA_FQ_QUANTUM", 1), attributes.get("TCA_FQ_INITIAL_QUANTUM", 1)
    if not 0 < quantum <= _MAX_QUANTUM:
        return f'"quantum" has to be from 1 to {_MAX_QUANTUM} bytes'
    if initial >= 1 << 31:
        return f'"initial_quantum" may be {(1 << 31) - 1} bytes at most'
    return _within("TCA_FQ_BUCKETS_LOG", "buckets", 1, 18)(attributes) and '"buckets" has to be from 2 to 262144'


def _hhf(attributes: Attributes) -> str:
    product = attributes.get("TCA_HHF_QUANTUM", 1) * attributes.get("TCA_HHF_NON_HH_WEIGHT", 1)
    return "" if 0 < product < 1 << 31 else '"quantum" times "non_hh_weight" has to be from 1 to 2147483647'


def _power(name: str, word: str, most: int) -> Rule:
    def rule(attributes: Attributes) -> str:
        number = attributes.get(name, 1)
        return (
            ""
            if number and not number & (number - 1) and number <= most
            else (f'"{word}" has to be a power of 2, up to {most}')
        )

    return rule


def _mqprio(attributes: Attributes) -> str:
    """struct tc_mqprio_qopt: num_tc u8, 16 classes u8, hw u8, 16 counts u16, 16 offsets u16."""
    raw = attributes.get(HEADER, b"")
    if len(raw) < 82:
        return ""
    number = raw[0]
    if number > 16:
        return '"num_tc" may be 16 at most'
    if any(queue >= max(number, 1) for queue in raw[1:17]):
        return '"map" has to name classes below "num_tc"'
    counts, offsets = struct.unpack_from("=16H", raw, 18)[:number], struct.unpack_from("=16H", raw, 50)[:number]
    ranges = sorted(zip(offsets, counts, strict=True))
    if any(count == 0 for count in counts):
        return '"queues" has to give each class a queue'
    if any(first + count > second for (first, count), (second, _) in pairwise(ranges)):
        return '"queues" of two classes overlap'
    return '"queues" has to name transmit queues that the device has: "ls /sys/class/net/DEVICE/queues"'


def _htb(attributes: Attributes) -> str:
    rate, ceil = (_member("TCA_HTB_PARMS", "=8xI8xI", index)(attributes) for index in (0, 1))
    if not attributes.get("TCA_HTB_RATE64", rate) or not attributes.get("TCA_HTB_CEIL64", ceil):
        return '"rate" and "ceil" have to be above 0'
    return ""


def _route(attributes: Attributes) -> str:
    if "TCA_ROUTE4_FROM" in attributes and "TCA_ROUTE4_IIF" in attributes:
        return '"from" and "fromif" exclude each other'
    return ""


def _flow(attributes: Attributes) -> str:
    if attributes.get("TCA_FLOW_PERTURB") and attributes.get("TCA_FLOW_MODE") != 1:
        return '"perturb" is for "hash"'
    return _within("TCA_FLOW_RSHIFT", "rshift", 0, 31)(attributes)


def _vlan(attributes: Attributes) -> str:
    return '"id" may be 4094 at most' if attributes.get("TCA_VLAN_PUSH_VLAN_ID", 0) >= 0xFFF else ""


def _police(attributes: Attributes) -> str:
    return '"avrate" needs an estimator, which no action of its own has' if "TCA_POLICE_AVRATE" in attributes else ""


_QDISCS: Mapping[str, tuple[Rule, ...]] = {
    "prio": (_prio,),
    "sfq": (_sfq,),
    "red": (_red("RED"),),
    "choke": (_choke, _red("CHOKE")),
    "tbf": (_tbf,),
    "fq": (_fq,),
    "fq_codel": (
        _within("TCA_FQ_CODEL_FLOWS", "flows", 1, 1 << 16),
        _within("TCA_FQ_CODEL_QUANTUM", "quantum", 0, _MAX_QUANTUM),
    ),
    "fq_pie": (_within("TCA_FQ_PIE_FLOWS", "flows", 1, 1 << 16),),
    "hhf": (_hhf,),
    "dsmark": (_power("TCA_DSMARK_INDICES", "indices", 1 << 15),),
    "mqprio": (_mqprio,),
}
_CLASSES: Mapping[str, tuple[Rule, ...]] = {
    "htb": (_htb,),
    "qfq": (
        _within("TCA_QFQ_WEIGHT", "weight", 1, 1 << 10),
        _within("TCA_QFQ_LMAX", "maxpkt", 512, 1 << 16),
    ),
    "drr": (lambda attributes: '"quantum" has to be above 0' if attributes.get("TCA_DRR_QUANTUM", 1) == 0 else "",),
}
_FILTERS: Mapping[str, tuple[Rule, ...]] = {
    "route": (_route,),
    "flow": (_flow,),
    "tcindex": (_within("TCA_TCINDEX_SHIFT", "shift", 0, 16),),
    "u32": (_power("TCA_U32_DIVISOR", "divisor", 256),),
}
_ACTIONS: Mapping[str, tuple[Rule, ...]] = {
    "vlan": (_vlan,),
    "police": (_police,),
    "sample": (_within("TCA_SAMPLE_RATE", "rate", 1, 0xFFFFFFFF),),
}
