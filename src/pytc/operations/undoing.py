"""What can be taken back exactly, and how.

Exactly: afterwards ``tc -s show`` says what it said before. Counters, queues and the actions of filters are lost with
what holds them, so that a qdisc, a class or a filter with them is only ever changed in place, or made and removed.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pytc.errors import AtomicError
from pytc.kinds import filters, qdiscs
from pytc.kinds.filter_parts import SKIP_HW, SKIP_SW
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage, decode_options, encode_options
from pytc.operations.standing import Identity, Standing, without

#: Kinds of qdiscs whose options the kernel takes back as it has shown them, and what it does not take of that.
QDISCS: Mapping[str, tuple[str, ...]] = {"pfifo": (), "bfifo": (), "tbf": (), "sfq": (),
                                         "fq_codel": ("TCA_FQ_CODEL_FLOWS",)}
#: The same of classes.
CLASSES: Mapping[str, tuple[str, ...]] = {"htb": ("TCA_HTB_OFFLOAD",), "drr": ()}
_WITH_ACTIONS = ("TCA_BPF_ACT", "TCA_BPF_POLICE")
_COUNTERS = "whose counters cannot be put back"


class Affected(NamedTuple):
    """``changed`` are there before and after a request, ``deleted`` are filters that it deletes."""

    changed: tuple[TcMessage, ...] = ()
    deleted: tuple[TcMessage, ...] = ()


def affected(message: TcMessage, standing: Standing, own: "set[Identity]") -> Affected:
    """What a request would change of what was not made by these commands themselves (``own``). Raises AtomicError where
    that could not be taken back."""
    if message.type in (c.NEWTFILTER, c.DELTFILTER):
        return _of_filters(message, standing, own)
    if message.type in (c.NEWQDISC, c.DELQDISC):
        return _of_qdiscs(message, standing, own)
    if message.type in (c.NEWTCLASS, c.DELTCLASS):
        return _of_classes(message, standing, own)
    if message.type == c.DELCHAIN:
        found = standing.chain(message)
        if found is not None and without([found], own):
            raise AtomicError("a chain that is there would be deleted, and whether it was made or only used by filters "
                              "cannot be seen")
    if message.type in (c.NEWACTION, c.DELACTION):
        _check_actions(message, standing, own)
    return Affected()


def _of_filters(message: TcMessage, standing: Standing, own: "set[Identity]") -> Affected:
    if message.type == c.NEWTFILTER:
        return _of_new_filter(message, standing, own)
    chosen, staying = [], set()
    for one in without(standing.filters(message), own):
        if message.handle not in (0, one.handle):
            staying.add(one.info)
            continue
        _check_filter(one)
        if one.info in staying:  # what is added to a preference is the first of it from then on
            raise AtomicError(f"filter {one.handle:#x} would be deleted, and cannot be put back into its place behind "
                              f"others of pref {one.info >> 16}")
        chosen.append(one)
    return Affected(deleted=tuple(chosen))


def _of_new_filter(message: TcMessage, standing: Standing, own: "set[Identity]") -> Affected:
    if message.flags & c.EXCL:
        return Affected()
    found = standing.filter(message)
    if found is None or not without([found], own):
        return Affected()
    _check_filter(found)
    if not message.flags & c.CREATE and any(name in _options(message) for name in _WITH_ACTIONS):
        raise AtomicError("actions would be changed with the filter, and cannot be put back")
    return Affected(changed=(found,))


def _options(message: TcMessage) -> Mapping[str, object]:
    kind = filters.find(message.attributes.get("TCA_KIND", ""))
    return decode_options(kind.schema, message.attributes.get("TCA_OPTIONS", b"")) if kind is not None else {}


def _check_filter(found: TcMessage) -> None:
    kind, what = found.attributes.get("TCA_KIND", ""), f"filter {found.handle:#x} of pref {found.info >> 16}"
    if kind != "bpf":
        raise AtomicError(f"{what} would be changed or deleted: only bpf filters can be put back, and it is {kind}")
    if any(name in _options(found) for name in _WITH_ACTIONS):
        raise AtomicError(f"{what} would be changed or deleted, with actions {_COUNTERS}")


def _of_qdiscs(message: TcMessage, standing: Standing, own: "set[Identity]") -> Affected:
    if message.flags & c.EXCL and message.type == c.NEWQDISC:
        return Affected()
    found = without(standing.qdiscs(message), own)
    if not found:
        return Affected()
    there = found[0]
    kind, handle = there.attributes.get("TCA_KIND", ""), f"{there.handle >> 16:x}:"
    if message.type == c.DELQDISC:
        raise AtomicError(f"qdisc {kind} {handle} would be deleted, {_COUNTERS}")
    same = message.handle in (0, there.handle) and message.attributes.get("TCA_KIND", kind) == kind
    if not same or len({one.handle for one in found}) > 1:
        raise AtomicError(f"qdisc {kind} {handle} would lose its place, {_COUNTERS}")
    if kind not in QDISCS or "TCA_STAB" in there.attributes:
        raise AtomicError(f"qdisc {kind} {handle} would be changed, and what it has now cannot be sent back")
    if message.attributes.keys() & {"TCA_RATE", "TCA_STAB"}:
        raise AtomicError(f"qdisc {kind} {handle} would get an estimator or a size table, which cannot be taken from "
                          "it")
    return Affected(changed=(there,))


def _of_classes(message: TcMessage, standing: Standing, own: "set[Identity]") -> Affected:
    found = standing.class_(message)
    if found is not None and not without([found], own):
        return Affected()
    if found is None or message.flags & c.EXCL:
        below = standing.qdisc_below(message, message.parent) if message.parent & 0xFFFF else None
        if below is not None and without([below], own):
            raise AtomicError(f"a class would be added below one with qdisc {below.handle >> 16:x}:, which goes then, "
                              f"and {_COUNTERS}")
        return Affected()
    kind, classid = found.attributes.get("TCA_KIND", ""), f"{found.handle >> 16:x}:{found.handle & 0xFFFF:x}"
    if message.type == c.DELTCLASS:
        raise AtomicError(f"class {kind} {classid} would be deleted, {_COUNTERS}")
    if kind not in CLASSES:
        raise AtomicError(f"class {kind} {classid} would be changed, and what it has now cannot be sent back")
    if "TCA_RATE" in message.attributes:
        raise AtomicError(f"class {kind} {classid} would get an estimator, which cannot be taken from it")
    return Affected(changed=(found,))


def _check_actions(message: TcMessage, standing: Standing, own: "set[Identity]") -> None:
    if message.type == c.NEWACTION and message.flags & c.EXCL:
        return
    for one in standing.actions(message):
        if one not in own:
            raise AtomicError(f"action {one.kind} index {one.number} would be changed or deleted, {_COUNTERS}")


def restoring(found: TcMessage, program: int) -> TcMessage:
    """The request that makes an object again what it was; ``program`` is the descriptor of a bpf filter's program, 0
    for none."""
    kind, raw = found.attributes.get("TCA_KIND", ""), found.attributes.get("TCA_OPTIONS", b"")
    attributes: dict[str, object] = {"TCA_KIND": kind}
    if found.type == c.NEWTFILTER:
        attributes["TCA_CHAIN"] = found.attributes.get("TCA_CHAIN", 0)
        attributes["TCA_OPTIONS"] = _bpf_options(raw, program)
        return found._replace(flags=c.CREATE, attributes=attributes)
    refused = (QDISCS if found.type == c.NEWQDISC else CLASSES)[kind]
    of_kind = qdiscs.find(kind)
    if of_kind is not None and refused:
        options = decode_options(of_kind.schema, raw, of_kind.header if found.type == c.NEWQDISC else 0)
        raw = encode_options(of_kind.schema, [(name, value) for name, value in options.items() if name not in refused])
    if raw:
        attributes["TCA_OPTIONS"] = raw
    return found._replace(flags=0, info=0, attributes=attributes)


def _bpf_options(raw: bytes, program: int) -> bytes:
    kind = filters.find("bpf")
    assert kind is not None
    found = dict(decode_options(kind.schema, raw))
    found.pop("TCA_BPF_TAG", None)
    if found.pop("TCA_BPF_ID", 0):
        found["TCA_BPF_FD"] = program
    found["TCA_BPF_FLAGS_GEN"] = found.get("TCA_BPF_FLAGS_GEN", 0) & (SKIP_HW | SKIP_SW)
    return encode_options(kind.schema, list(found.items()))


def is_same(one: TcMessage, other: TcMessage) -> bool:
    """Whether an object is what it was, counters aside."""
    names = ("TCA_KIND", "TCA_CHAIN", "TCA_OPTIONS")
    return one[2:5] == other[2:5] and all(one.attributes.get(name) == other.attributes.get(name) for name in names)
