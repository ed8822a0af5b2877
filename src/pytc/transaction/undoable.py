"""Changes that can be undone without loss.

Without loss: afterwards ``tc -s show`` says what it said before. Counters and queues go with what holds them, so that
qdiscs, classes and actions that were there before are changed in place at most, and of those only the kinds whose
description is also a request that makes them what they were (:mod:`pytc.transaction.restoring`).
"""

from __future__ import annotations

from pytc.errors import AtomicError
from pytc.netlink import constants as c
from pytc.tc.kinds import filters
from pytc.transaction.kernel_state import identities, not_created, object_text
from pytc.transaction.restoring import action_obstacle, obstacle, place_of
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.netlink.messages import TcMessage
    from pytc.transaction.kernel_state import Identity, KernelState

_COUNTERS = "its counters cannot be restored"
_MINOR = 0xFFFF


class Affected(NamedTuple):
    """Objects that a request affects: ``changed`` exist before and after it.

    ``deleted`` are filters that it deletes, in the order in which they can be added again.
    With ``is_own``, it changes what the batch itself has created.
    """

    changed: tuple[TcMessage, ...] = ()
    deleted: tuple[TcMessage, ...] = ()
    is_own: bool = False


def find_affected(message: TcMessage, state: KernelState, created: set[Identity]) -> Affected:
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
        return Affected()
    return _affected_actions(message, state, created)


def _irreversible(what: str) -> AtomicError:
    return AtomicError(f"This could not be taken back: {what}")


def _affected_by_new_filter(message: TcMessage, state: KernelState, created: set[Identity]) -> Affected:
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
    _check_filter(filter, message)
    if not place_of(filter):
        _check_lonely(filter, state.filters(message))
    return Affected(changed=(filter,))


def _affected_by_deletion(message: TcMessage, state: KernelState, created: set[Identity]) -> Affected:
    if message.attributes.get("TCA_KIND") == "u32":  # the kernel goes by the handle alone, whatever the preference
        by_handle = state.filter(message)
        if by_handle is not None and not_created([by_handle], created):
            _check_filter(by_handle, None)
    chosen: list[TcMessage] = []
    staying: dict[int, list[TcMessage]] = {}
    all_filters = not_created(state.filters(message), created)
    for filter in all_filters:
        if message.handle not in (0, filter.handle):
            staying.setdefault(filter.info, []).append(filter)
            continue
        _check_filter(filter, None)
        chosen.append(filter)
    for filter in chosen:
        if not (place := place_of(filter)):
            _check_lonely(filter, all_filters)
        position = all_filters.index(filter)
        for other in staying.get(filter.info, ()):
            if (place == "first") == (all_filters.index(other) < position):
                raise _irreversible(
                    f"{object_text(filter)} could not be put back in its place among others of its preference"
                )
    first = [filter for filter in chosen if place_of(filter) != "last"]
    return Affected(deleted=(*reversed(first), *(filter for filter in chosen if place_of(filter) == "last")))


def _check_filter(filter: TcMessage, message: TcMessage | None) -> None:
    """Raise AtomicError for a filter that could not be restored after a request; None deletes it."""
    if reason := obstacle(filter, message):
        raise _irreversible(f"{object_text(filter)} already exists, and {reason}")
    if _has_actions(filter):
        raise _irreversible(f"{object_text(filter)} already exists, with actions whose counters cannot be restored")


def _check_lonely(filter: TcMessage, filters: list[TcMessage]) -> None:
    if any(other.info == filter.info and other.handle != filter.handle for other in filters):
        raise _irreversible(
            f"{object_text(filter)} already exists, and its place among others of its preference cannot be restored"
        )


def _has_actions(message: TcMessage) -> bool:
    kind = filters.find(message.attributes.get("TCA_KIND", ""))
    if kind is None:
        return False
    options = kind.schema.decode(message.attributes.get("TCA_OPTIONS", b""))
    return kind.actions in options or kind.police in options


def _affected_qdiscs(message: TcMessage, state: KernelState, created: set[Identity]) -> Affected:
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
    if "TCA_STAB" in present.attributes:
        raise _irreversible(f"{object_text(present)} already exists, and its size table could not be restored")
    if reason := obstacle(present, message):
        raise _irreversible(f"{object_text(present)} already exists, and {reason}")
    if message.attributes.keys() & {"TCA_RATE", "TCA_STAB"}:
        raise _irreversible(f"{object_text(present)} would get an estimator or a size table, which cannot be removed")
    return Affected(changed=(present,))


def _stays_in_place(message: TcMessage, present: TcMessage) -> bool:
    return (
        message.handle in (0, present.handle)
        and message.parent in (0, present.parent)
        and message.attributes.get("TCA_KIND") in (None, present.attributes.get("TCA_KIND"))
    )


def _affected_classes(message: TcMessage, state: KernelState, created: set[Identity]) -> Affected:
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
    if reason := obstacle(class_, message):
        raise _irreversible(f"{object_text(class_)} already exists, and {reason}")
    if "TCA_RATE" in message.attributes:
        raise _irreversible(f"{object_text(class_)} would get an estimator, which cannot be removed")
    return Affected(changed=(class_,))


def _check_chain(message: TcMessage, state: KernelState, created: set[Identity]) -> None:
    chain = state.chain(message)
    if chain is not None and not_created([chain], created):
        raise _irreversible(
            f"{object_text(chain)} already exists, and it cannot be seen whether a command or its filters created it"
        )


def _affected_actions(message: TcMessage, state: KernelState, created: set[Identity]) -> Affected:
    if message.type == c.NEWACTION and message.flags & c.EXCL:
        return Affected()
    named = state.actions(message)
    for action in named:
        if action in created:
            continue
        what = f"action {action.kind} index {action.number}"
        if message.type != c.NEWACTION:
            raise _irreversible(f"{what} would be deleted, and {_COUNTERS}")
        if len(identities(message)) > 1:
            raise _irreversible(f"{what} already exists, and could be restored only after a command of its own")
        present = state.action(action)
        if present is None:
            raise _irreversible(f"{what} cannot be read")
        if reason := action_obstacle(present, message):
            raise _irreversible(f"{what} already exists, and {reason}")
        return Affected(changed=(present,))
    return Affected()


def deleted_identities(affected_objects: Affected) -> list[Identity]:
    """Return the objects that a request deletes."""
    return [identity for message in affected_objects.deleted for identity in identities(message)]
