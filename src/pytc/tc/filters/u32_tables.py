"""Which filters of kind u32 belong to a preference: the kernel lists those of others with it.

The u32 filters of a qdisc, or of a shared block, have their hash tables in common, and the dump of a preference lists
all tables of its number (tc_u_common_ptr and u32_walk of net/sched/cls_u32.c): those of the other hook of clsact, of
other classes and of other chains, too. Only the root table tells them apart: each preference has its own.
"""

from __future__ import annotations

from pytc.handles import CLSACT, EGRESS, INGRESS
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytc.netlink.session import Session

#: The kernel numbers hash tables from here on by itself (gen_new_htid).
CHOSEN_TABLE = 0x800
_IN_TABLE = 0xFFFFF
_TABLE_SHIFT = 20
#: TC_U32_ROOT: the root table of the preference that is asked, whatever its number (include/uapi/linux/pkt_cls.h).
_ROOT_TABLE = 0xFFF00000
_MAJOR = 0xFFFF0000


class _Preference(NamedTuple):
    ifindex: int
    parent: int
    chain: int
    number: int

    @classmethod
    def of(cls, filter: TcMessage) -> _Preference:
        return cls(filter.ifindex, filter.parent, filter.attributes.get("TCA_CHAIN", 0), filter.info >> 16)

    @property
    def sharing(self) -> tuple[int, int, int]:
        """The device, qdisc and number, equal for preferences that list each other's filters."""
        return self.ifindex, shared_parent(self.ifindex, self.parent), self.number


def shared_parent(ifindex: int, parent: int) -> int:
    """Return the number of the qdisc, or of the block, that holds the tables of a parent's u32 filters."""
    return parent if ifindex == c.BLOCK else parent & _MAJOR


def table_number(filter: TcMessage) -> int:
    """Return the number of the hash table that a u32 filter is in, or that the message describes."""
    return filter.handle >> _TABLE_SHIFT


def number_in_table(filter: TcMessage) -> int:
    """Return the bucket and the number of a u32 filter in its hash table."""
    return filter.handle & _IN_TABLE


def is_table(filter: TcMessage) -> bool:
    """Report whether a message describes a hash table of u32, and no filter in one."""
    return _is_u32(filter) and filter.handle != 0 and not filter.handle & _IN_TABLE


def is_made(filter: TcMessage) -> bool:
    """Report whether a filter of a dump is one that a command makes: not the entry of a preference, nor a u32 table
    that the kernel has numbered."""
    return filter.handle != 0 and not (is_table(filter) and table_number(filter) >= CHOSEN_TABLE)


def own_filters(session: Session, filters: Sequence[TcMessage]) -> list[TcMessage]:
    """Return the filters of dumps, without those that belong to the root table of another preference.

    The kernel is asked only where a preference lists several tables that may be roots. Raises NetlinkError.
    """
    listed: dict[_Preference, set[int]] = {}
    for one in filters:
        if _is_u32(one) and table_number(one) >= CHOSEN_TABLE:
            listed.setdefault(_Preference.of(one), set()).add(table_number(one))
    roots: dict[tuple[int, int, int], dict[_Preference, int]] = {}
    foreign: dict[_Preference, set[int]] = {}
    for preference, tables in listed.items():
        if len(tables) > 1:
            if preference.sharing not in roots:
                roots[preference.sharing] = dict(_root_tables(session, preference))
            foreign[preference] = {root for other, root in roots[preference.sharing].items() if other != preference}
    if not foreign:
        return [*filters]
    return [one for one in filters if not _is_u32(one) or table_number(one) not in foreign.get(_Preference.of(one), ())]


def _is_u32(filter: TcMessage) -> bool:
    return filter.attributes.get("TCA_KIND") == "u32"


def _root_tables(session: Session, like: _Preference) -> Iterator[tuple[_Preference, int]]:
    """Yield the preferences that list each other's filters, with the numbers of their root tables."""
    for parent in _parents(session, like):
        entries = {
            _Preference.of(one): one
            for one in session.dump_existing(TcMessage(c.GETTFILTER, ifindex=like.ifindex, parent=parent))
            if _is_u32(one)
        }
        for preference, entry in entries.items():
            if preference.number == like.number and (table := _root_table(session, entry)):
                yield preference, table


def _parents(session: Session, like: _Preference) -> Iterable[int]:
    """Return the places of the filters of a qdisc."""
    if like.ifindex == c.BLOCK:
        return [like.parent]
    qdisc = like.parent & _MAJOR
    if qdisc >> 16 == CLSACT.major:
        return [INGRESS.number, EGRESS.number]
    classes = session.dump_existing(TcMessage(c.GETTCLASS, ifindex=like.ifindex))
    return [qdisc, *(one.handle for one in classes if one.handle & _MAJOR == qdisc)]


def _root_table(session: Session, entry: TcMessage) -> int:
    """Return the number of the root table of a u32 preference, 0 where it has gone."""
    answer = session.find(entry.about(c.GETTFILTER)._replace(handle=_ROOT_TABLE))
    return table_number(answer) if answer is not None else 0
