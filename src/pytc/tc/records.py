"""What the kernel answered, decoded: frozen, and free of formats."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pytc.handles import Handle


class QueueStatistics(NamedTuple):
    """TCA_STATS2. ``rate`` is (bytes/s, packets/s) of a rate estimator, None without one; ``hardware`` (bytes, packets)
    of those that hardware handled. ``counted`` and ``queued`` say whether the kernel sends the counters, and what is of
    a queue; ``old`` that they come from TCA_STATS."""

    bytes: int = 0
    packets: int = 0
    drops: int = 0
    overlimits: int = 0
    requeues: int = 0
    backlog: int = 0
    qlen: int = 0
    rate: tuple[int, int] | None = None
    hardware: tuple[int, int] = (0, 0)
    counted: bool = True
    queued: bool = True
    old: bool = False


class ActionRecord(NamedTuple):
    """``order`` is the action's place in its list. ``attributes`` are the kind's, by name, for one that pytc knows;
    ``options`` their bytes. ``number`` is its index, in brief dumps. ``flags`` are (value, selector)."""

    order: int
    kind: str
    attributes: Mapping[str, Any] | None = None
    options: bytes = b""
    number: int = 0
    statistics: QueueStatistics | None = None
    cookie: bytes = b""
    flags: tuple[int, int] = (0, 0)
    in_hardware: int | None = None
    hw_stats: int | None = None
    used_hw_stats: int | None = None


class FilterRecord(NamedTuple):
    """A filter, or a chain of filters. ``options`` is what the kind's ``decode`` made, None for a kind that pytc does
    not know, of whose options the bytes are kept, and for the line that stands for a whole preference. With a
    ``block``, there is neither device nor parent. ``event`` is what happened to it (added, replaced, deleted), empty in
    an answer to a question."""

    ifindex: int
    parent: Handle
    protocol: int
    pref: int
    kind: str
    chain: int | None
    handle: int
    options: Any = None
    actions: tuple[ActionRecord, ...] = ()
    police: Mapping[str, Any] | None = None
    statistics: QueueStatistics | None = None
    block: int = 0
    is_chain: bool = False
    event: str = ""
    raw: bytes = b""


class QdiscRecord(NamedTuple):
    """``attributes`` are the kind's, by name; None for a kind that pytc does not know, and where the kernel sends no
    options. ``own_statistics`` are the kind's, ``stab`` the attributes of a size table."""

    ifindex: int
    handle: Handle
    parent: Handle
    refcnt: int
    kind: str
    offloaded: bool = False
    ingress_block: int = 0
    egress_block: int = 0
    attributes: Mapping[str, Any] | None = None
    options: bytes = b""
    statistics: QueueStatistics | None = None
    own_statistics: bytes = b""
    stab: Mapping[str, Any] | None = None


class ClassRecord(NamedTuple):
    """``leaf`` is the handle of the qdisc below, UNSPEC for none; ``own_statistics`` are the kind's."""

    ifindex: int
    handle: Handle
    parent: Handle
    leaf: Handle
    kind: str
    attributes: Mapping[str, Any] | None = None
    options: bytes = b""
    statistics: QueueStatistics | None = None
    own_statistics: bytes = b""
