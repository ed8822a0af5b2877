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
from pytc.transaction.kernel_state import Identity, KernelState, identities, not_created, object_text

#: Kinds of qdiscs that are made what they were by what the kernel shows of them; the last two have nothing to change.
QDISCS = ("pfifo", "bfifo", "clsact", "ingress")
#: The same of classes, with what the kernel shows and does not take.
CLASSES: Mapping[str, tuple[str, ...]] = {"htb": ("TCA_HTB_OFFLOAD",), "drr": ()}
_COUNTERS = "its counters cannot be restored"
_MINOR = 0xFFFF


class Affected(NamedTuple):
    """Objects that a request affects: ``changed`` exist before and after it, ``deleted`` are filters that it deletes.

    With ``is_own``, it changes what the batch itself has created.
    """

    changed: tuple[TcMessage, ...] = ()
    deleted: tuple[TcMessage, ...] = ()
    is_own: bool = False


def find_affected(message: TcMessage, state: KernelState, created: "set[Identity]") -> Affected:
    """Return what a request would change of what these commands have not made themselves (``created``).

    Raises AtomicError where that could not be undone.
    """
    if message.type == c.NEWTFILTER:
        return _affected_by_new_filter(message, state, created)
    if message.type == c.DELTFILTER:
        return _affected_by_deletion(message, state, created)
    if message.type in (c.NEWQDISC, c.DELQDISC):
        return _affected_qdiscs(message, state, created)
    if message.type in (c.NEWTCLASS, c.DELTCLASS):
        return _affected_classes(message, state, created)
    if message.type in (c.NEWCHAIN, c.DELCHAIN):
        _check_chain(message, state, created)
    else:
        _check_actions(message, state, created)
    return Affected()


def _irreversible(what: str) -> AtomicError:
    return AtomicError(f"This could not be taken back: {what}")


def _affected_by_new_filter(message: TcMessage, state: KernelState, created: "set[Identity]") -> Affected:
    if message.attributes.get("TCA_KIND") == "fw" and not message.handle:
        raise _irreversible("a fw filter without a handle cannot be identified again")
    if not message.flags & c.CREATE and _has_actions(message):
        raise _irreversible('"filter change" overwrites existing actions')
    if message.flags & c.EXCL:
        return Affected()
    filter = state.filter(message)
    if filter is None:
        return Affected()
    if not not_created([filter], created):
        return Affected(is_own=True)
    _check_filter(filter)
    return Affected(changed=(filter,))


def _affected_by_deletion(message: TcMessage, state: KernelState, created: "set[Identity]") -> Affected:
    if message.attributes.get("TCA_KIND") == "u32":  # the kernel goes by the handle alone, whatever the preference
        by_handle = state.filter(message)
        if by_handle is not None and not_created([by_handle], created):
            _check_filter(by_handle)
    chosen, staying = [], set()
    for filter in not_created(state.filters(message), created):
        if message.handle not in (0, filter.handle):
            staying.add(filter.info)
            continue
        _check_filter(filter)
        if filter.info in staying:  # a filter that is added to a preference runs first in it
            raise _irreversible(
                f"{object_text(filter)} could not be put back in its place after others of its preference"
            )
        chosen.append(filter)
    return Affected(deleted=tuple(chosen))


def _check_filter(filter: TcMessage) -> None:
    if filter.attributes.get("TCA_KIND") != "bpf":
        raise _irreversible(f"{object_text(filter)} already exists, and only bpf filters can be restored")
    if _has_actions(filter):
        raise _irreversible(f"{object_text(filter)} already exists, with actions whose counters cannot be restored")


def _has_actions(message: TcMessage) -> bool:
    kind = filters.find(message.attributes.get("TCA_KIND", ""))
    if kind is None:
        return False
    options = kind.schema.decode(message.attributes.get("TCA_OPTIONS", b""))
    return kind.actions in options or kind.police in options


def _affected_qdiscs(message: TcMessage, state: KernelState, created: "set[Identity]") -> Affected:
    if message.type == c.NEWQDISC and message.flags & c.EXCL:
        return Affected()
    qdiscs = state.qdiscs(message)
    foreign = not_created(qdiscs, created)
    if not foreign:
        return Affected(is_own=message.type == c.NEWQDISC and any(_stays_in_place(message, qdisc) for qdisc in qdiscs))
    present = foreign[0]
    if message.type == c.DELQDISC:
        raise _irreversible(f"{object_text(present)} would be deleted, and {_COUNTERS}")
    if len({qdisc.handle for qdisc in qdiscs}) > 1 or not _stays_in_place(message, present):
        raise _irreversible(f"{object_text(present)} would lose its place, and {_COUNTERS}")
    if present.attributes.get("TCA_KIND") not in QDISCS or "TCA_STAB" in present.attributes:
        raise _irreversible(f"{object_text(present)} already exists, and its present options could not be restored")
    if message.attributes.keys() & {"TCA_RATE", "TCA_STAB"}:
        raise _irreversible(f"{object_text(present)} would get an estimator or a size table, which cannot be removed")
    return Affected(changed=(present,))


def _stays_in_place(message: TcMessage, present: TcMessage) -> bool:
    return (
        message.handle in (0, present.handle)
        and message.parent in (0, present.parent)
        and message.attributes.get("TCA_KIND") in (None, present.attributes.get("TCA_KIND"))
    )


def _affected_classes(message: TcMessage, state: KernelState, created: "set[Identity]") -> Affected:
    class_ = state.class_(message)
    if message.type == c.NEWTCLASS and (class_ is None or message.flags & c.EXCL):
        below = state.qdisc_below(message, message.parent) if message.parent & _MINOR else None
        if below is not None and not_created([below], created):
            raise _irreversible(f"{object_text(below)} is deleted when its class gets a child class, and {_COUNTERS}")
        return Affected()
    if class_ is None or not not_created([class_], created):
        return Affected(is_own=class_ is not None)
    if message.type == c.DELTCLASS:
        raise _irreversible(f"{object_text(class_)} would be deleted, and {_COUNTERS}")
    if class_.attributes.get("TCA_KIND") not in CLASSES:
        raise _irreversible(f"{object_text(class_)} already exists, and its present options could not be restored")
    if "TCA_RATE" in message.attributes:
        raise _irreversible(f"{object_text(class_)} would get an estimator, which cannot be removed")
    return Affected(changed=(class_,))


def _check_chain(message: TcMessage, state: KernelState, created: "set[Identity]") -> None:
    chain = state.chain(message)
    if chain is not None and not_created([chain], created):
        raise _irreversible(
            f"{object_text(chain)} already exists, and it cannot be seen whether a command or its filters created it"
        )


def _check_actions(message: TcMessage, state: KernelState, created: "set[Identity]") -> None:
    if message.type == c.NEWACTION and message.flags & c.EXCL:
        return
    for action in state.actions(message):
        if action not in created:
            raise _irreversible(f"action {action.kind} index {action.number} already exists, and could not be restored")


def restoration_request(former: TcMessage, program: int) -> TcMessage:
    """Return the request that makes an object again what it was.

    ``program`` is the descriptor of a bpf filter's program, 0 for none.
    """
    kind, raw = former.attributes.get("TCA_KIND", ""), former.attributes.get("TCA_OPTIONS", b"")
    attributes: dict[str, object] = {"TCA_KIND": kind}
    if former.type == c.NEWTFILTER:
        attributes["TCA_CHAIN"] = former.attributes.get("TCA_CHAIN", 0)
        attributes["TCA_OPTIONS"] = _bpf_options(raw, program)
        return former._replace(flags=c.CREATE, attributes=attributes)
    if former.type == c.NEWTCLASS:
        raw = _class_options(kind, raw)
    if raw:
        attributes["TCA_OPTIONS"] = raw
    return former._replace(flags=0, info=0, attributes=attributes)


def _class_options(kind: str, raw: bytes) -> bytes:
    from pytc.tc.kinds import qdiscs

    of_kind = qdiscs.find(kind)
    assert of_kind is not None
    options = of_kind.schema.decode(raw)
    return of_kind.schema.encode([(name, value) for name, value in options.items() if name not in CLASSES[kind]])


def _bpf_options(raw: bytes, program: int) -> bytes:
    kind = filters.find("bpf")
    assert kind is not None
    attributes = dict(kind.schema.decode(raw))
    attributes.pop("TCA_BPF_TAG", None)
    if attributes.pop("TCA_BPF_ID", 0):
        attributes["TCA_BPF_FD"] = program
    attributes["TCA_BPF_FLAGS_GEN"] = attributes.get("TCA_BPF_FLAGS_GEN", 0) & (SKIP_HW | SKIP_SW)
    return kind.schema.encode(list(attributes.items()))


def is_same(first: TcMessage, second: TcMessage) -> bool:
    """Report whether two messages describe the same object with the same options, counters aside."""
    names = ("TCA_KIND", "TCA_CHAIN", "TCA_OPTIONS")
    return (
        first.ifindex == second.ifindex
        and first.handle == second.handle
        and first.parent == second.parent
        and all(first.attributes.get(name) == second.attributes.get(name) for name in names)
    )


def deleted_identities(affected_objects: Affected) -> "list[Identity]":
    """Return the objects that a request deletes."""
    return [identity for message in affected_objects.deleted for identity in identities(message)]
