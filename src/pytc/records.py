"""What the kernel answered, decoded: frozen, and free of formats."""

from typing import Any, NamedTuple

from pytc.handles import Handle


class QueueStatistics(NamedTuple):
    """TCA_STATS2, and the deprecated TCA_STATS in the same terms. ``rate`` is (bit/s, packets/s) or None."""

    bytes: int = 0
    packets: int = 0
    drops: int = 0
    overlimits: int = 0
    requeues: int = 0
    backlog: int = 0
    qlen: int = 0
    rate: tuple[int, int] | None = None


class FilterRecord(NamedTuple):
    """``options`` is what the kind's ``decode`` made, None for a kind that pytc does not know or for the line that
    stands for a whole preference."""

    ifindex: int
    parent: Handle
    protocol: int
    pref: int
    kind: str
    chain: int | None
    handle: int
    options: Any = None


class QdiscRecord(NamedTuple):
    """``attributes`` are the kind's, by name; ``raw`` its options as bytes for an unknown kind."""

    ifindex: int
    handle: Handle
    parent: Handle
    refcnt: int
    kind: str
    offloaded: bool
    attributes: Any = None
    statistics: QueueStatistics | None = None
    own_statistics: bytes = b""
    ingress_block: int = 0
    egress_block: int = 0


class ClassRecord(NamedTuple):
    """``leaf`` is the handle of the qdisc below, 0 for none."""

    ifindex: int
    handle: Handle
    parent: Handle
    leaf: int
    kind: str
    attributes: Any = None
    statistics: QueueStatistics | None = None
    own_statistics: bytes = b""
