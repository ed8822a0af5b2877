"""Changes that can be undone without loss, and how.

Without loss: afterwards ``tc -s show`` says what it said before. Counters and queues go with what holds them, so that
qdiscs and classes that were there before are changed in place at most, and of those only the kinds whose description is
also a request that makes them what they were: no value rounded, none that can be set and not unset.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pytc.errors import AtomicError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.tc.kinds import filters
from pytc.tc.kinds.shared.filter_parts import SKIP_HW, SKIP_SW
from pytc.transaction.kernel_state import Identity, KernelState, identities, name_of, without

#: Kinds of qdiscs that are made what they were by what the kernel shows of them; the last two have nothing to change.
QDISCS = ("pfifo", "bfifo", "clsact", "ingress")
#: The same of classes, with what the kernel shows and does not take.
CLASSES: Mapping[str, tuple[str, ...]] = {"htb": ("TCA_HTB_OFFLOAD",), "drr": ()}
_COUNTERS = "its counters cannot be restored"
_MINOR = 0xFFFF


class Affected(NamedTuple):
    """``changed`` are there before and after a request, ``deleted`` are filters that it deletes. ``is_own`` says that
    it changes what these commands have made themselves."""

    changed: tuple[TcMessage, ...] = ()
    deleted: tuple[TcMessage, ...] = ()
    is_own: bool = False


def affected(message: TcMessage, state: KernelState, own: "set[Identity]") -> Affected:
    """Return what a request would change of what these commands have not made themselves (``own``).

    Raises AtomicError where that could not be undone.
    """
    if message.type == c.NEWTFILTER:
        return _of_new_filter(message, state, own)
    if message.type == c.DELTFILTER:
        return _of_deleted_filters(message, state, own)
    if message.type in (c.NEWQDISC, c.DELQDISC):
        return _of_qdiscs(message, state, own)
    if message.type in (c.NEWTCLASS, c.DELTCLASS):
        return _of_classes(message, state, own)
    if message.type in (c.NEWCHAIN, c.DELCHAIN):
        _check_chain(message, state, own)
    else:
        _check_actions(message, state, own)
    return Affected()


def _lasting(what: str) -> AtomicError:
    return AtomicError(f"This could not be taken back: {what}")


def _of_new_filter(message: TcMessage, state: KernelState, own: "set[Identity]") -> Affected:
    if message.attributes.get("TCA_KIND") == "fw" and not message.handle:
        raise _lasting("a fw filter without a handle cannot be identified again")
    if not message.flags & c.CREATE and _has_actions(message):
        raise _lasting('"filter change" overwrites existing actions')
    if message.flags & c.EXCL:
        return Affected()
    found = state.filter(message)
    if found is None:
        return Affected()
    if not without([found], own):
        return Affected(is_own=True)
    _check_filter(found)
    return Affected(changed=(found,))


def _of_deleted_filters(message: TcMessage, state: KernelState, own: "set[Identity]") -> Affected:
    if message.attributes.get("TCA_KIND") == "u32":  # the kernel goes by the handle alone, whatever the preference
        found = state.filter(message)
        if found is not None and without([found], own):
            _check_filter(found)
    chosen, staying = [], set()
    for one in without(state.filters(message), own):
        if message.handle not in (0, one.handle):
            staying.add(one.info)
            continue
        _check_filter(one)
        if one.info in staying:  # what is added to a preference is the first of it from then on
            raise _lasting(f"{name_of(one)} could not be put back in its place after others of its preference")
        chosen.append(one)
    return Affected(deleted=tuple(chosen))


def _check_filter(found: TcMessage) -> None:
    if found.attributes.get("TCA_KIND") != "bpf":
        raise _lasting(f"{name_of(found)} already exists, and only bpf filters can be restored")
    if _has_actions(found):
        raise _lasting(f"{name_of(found)} already exists, with actions whose counters cannot be restored")


def _has_actions(message: TcMessage) -> bool:
    kind = filters.find(message.attributes.get("TCA_KIND", ""))
    if kind is None:
        return False
    options = kind.schema.decode(message.attributes.get("TCA_OPTIONS", b""))
    return kind.actions in options or kind.police in options


def _of_qdiscs(message: TcMessage, state: KernelState, own: "set[Identity]") -> Affected:
    if message.type == c.NEWQDISC and message.flags & c.EXCL:
        return Affected()
    found = state.qdiscs(message)
    foreign = without(found, own)
    if not foreign:
        return Affected(is_own=message.type == c.NEWQDISC and any(_stays_in_place(message, one) for one in found))
    there = foreign[0]
    if message.type == c.DELQDISC:
        raise _lasting(f"{name_of(there)} would be deleted, and {_COUNTERS}")
    if len({one.handle for one in found}) > 1 or not _stays_in_place(message, there):
        raise _lasting(f"{name_of(there)} would lose its place, and {_COUNTERS}")
    if there.attributes.get("TCA_KIND") not in QDISCS or "TCA_STAB" in there.attributes:
        raise _lasting(f"{name_of(there)} already exists, and its present options could not be restored")
    if message.attributes.keys() & {"TCA_RATE", "TCA_STAB"}:
        raise _lasting(f"{name_of(there)} would get an estimator or a size table, which cannot be removed")
    return Affected(changed=(there,))


def _stays_in_place(message: TcMessage, there: TcMessage) -> bool:
    return (
        message.handle in (0, there.handle)
        and message.parent in (0, there.parent)
        and message.attributes.get("TCA_KIND") in (None, there.attributes.get("TCA_KIND"))
    )


def _of_classes(message: TcMessage, state: KernelState, own: "set[Identity]") -> Affected:
    found = state.class_(message)
    if message.type == c.NEWTCLASS and (found is None or message.flags & c.EXCL):
        below = state.qdisc_below(message, message.parent) if message.parent & _MINOR else None
        if below is not None and without([below], own):
            raise _lasting(f"{name_of(below)} is deleted when its class gets a child class, and {_COUNTERS}")
        return Affected()
    if found is None or not without([found], own):
        return Affected(is_own=found is not None)
    if message.type == c.DELTCLASS:
        raise _lasting(f"{name_of(found)} would be deleted, and {_COUNTERS}")
    if found.attributes.get("TCA_KIND") not in CLASSES:
        raise _lasting(f"{name_of(found)} already exists, and its present options could not be restored")
    if "TCA_RATE" in message.attributes:
        raise _lasting(f"{name_of(found)} would get an estimator, which cannot be removed")
    return Affected(changed=(found,))


def _check_chain(message: TcMessage, state: KernelState, own: "set[Identity]") -> None:
    found = state.chain(message)
    if found is not None and without([found], own):
        raise _lasting(
            f"{name_of(found)} already exists, and it cannot be seen whether a command or its filters created it"
        )


def _check_actions(message: TcMessage, state: KernelState, own: "set[Identity]") -> None:
    if message.type == c.NEWACTION and message.flags & c.EXCL:
        return
    for one in state.actions(message):
        if one not in own:
            raise _lasting(f"action {one.kind} index {one.number} already exists, and could not be restored")


def restoration_request(found: TcMessage, program: int) -> TcMessage:
    """Return the request that makes an object again what it was.

    ``program`` is the descriptor of a bpf filter's program, 0 for none.
    """
    kind, raw = found.attributes.get("TCA_KIND", ""), found.attributes.get("TCA_OPTIONS", b"")
    attributes: dict[str, object] = {"TCA_KIND": kind}
    if found.type == c.NEWTFILTER:
        attributes["TCA_CHAIN"] = found.attributes.get("TCA_CHAIN", 0)
        attributes["TCA_OPTIONS"] = _bpf_options(raw, program)
        return found._replace(flags=c.CREATE, attributes=attributes)
    if found.type == c.NEWTCLASS:
        raw = _class_options(kind, raw)
    if raw:
        attributes["TCA_OPTIONS"] = raw
    return found._replace(flags=0, info=0, attributes=attributes)


def _class_options(kind: str, raw: bytes) -> bytes:
    from pytc.tc.kinds import qdiscs

    of_kind = qdiscs.find(kind)
    assert of_kind is not None
    options = of_kind.schema.decode(raw)
    return of_kind.schema.encode([(name, value) for name, value in options.items() if name not in CLASSES[kind]])


def _bpf_options(raw: bytes, program: int) -> bytes:
    kind = filters.find("bpf")
    assert kind is not None
    found = dict(kind.schema.decode(raw))
    found.pop("TCA_BPF_TAG", None)
    if found.pop("TCA_BPF_ID", 0):
        found["TCA_BPF_FD"] = program
    found["TCA_BPF_FLAGS_GEN"] = found.get("TCA_BPF_FLAGS_GEN", 0) & (SKIP_HW | SKIP_SW)
    return kind.schema.encode(list(found.items()))


def is_same(one: TcMessage, other: TcMessage) -> bool:
    """Whether two messages describe the same object with the same options, counters aside."""
    names = ("TCA_KIND", "TCA_CHAIN", "TCA_OPTIONS")
    return (
        one.ifindex == other.ifindex
        and one.handle == other.handle
        and one.parent == other.parent
        and all(one.attributes.get(name) == other.attributes.get(name) for name in names)
    )


def gone(there: Affected) -> "list[Identity]":
    """Return the objects that a request deletes."""
    return [one for message in there.deleted for one in identities(message)]
