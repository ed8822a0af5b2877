"""``stab``: what packets count for on their way (tc-stab(8); include/uapi/linux/pkt_sched.h: struct tc_sizespec)."""

from __future__ import annotations

import struct

from pytc.errors import HelpRequested, UsageError
from pytc.netlink.schema import Schema
from pytc.render.documents import Field, Group
from pytc.tc.kinds.shared.fields import number
from pytc.tc.kinds.shared.ratespec import link_layer_name, parse_link_layer
from pytc.typing import NamedTuple
from pytc.words.engine import Word, fill, matches, signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.netlink.schema import Attributes
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

_U32, _S32, _U16 = 0xFFFFFFFF, 0x7FFFFFFF, 0xFFFF
#: struct tc_sizespec: cell_log, size_log u8, cell_align s16, overhead s32, linklayer, mpu, mtu, tsize u32.
_SPEC = struct.Struct("=BBhiIIII")
_ETHERNET, _ATM = 1, 2
_ATM_CELL, _ATM_PAYLOAD = 53, 48
_DEFAULT_MTU, _DEFAULT_SLOTS = 2047, 512
#: The attribute's length is 16 bits.
_MOST_SLOTS = (_U16 - 4 - 4 - _SPEC.size - 4) // 2

SCHEMA = Schema(("TCA_STAB_UNSPEC", "none"), ("TCA_STAB_BASE", "cdata"), ("TCA_STAB_DATA", "cdata"))


class SizeTable(NamedTuple):
    """A size table, with sizes in bytes; ``tsize`` is the number of slots, ``linklayer`` TC_LINKLAYER_*, 0 where it is
    not given."""

    mtu: int = 0
    mpu: int = 0
    overhead: int = 0
    tsize: int = 0
    linklayer: int = 0


_WORDS = (
    Word("mtu", "mtu", unsigned(_U32, 10), wrong="invalid mtu"),
    Word("mpu", "mpu", unsigned(_U32, 10), wrong="invalid mpu"),
    Word("overhead", "overhead", signed(_S32, 10), wrong="invalid overhead"),
    Word("tsize", "tsize", unsigned(_U32, 10), wrong="invalid table size"),
    Word("linklayer", "linklayer", parse_link_layer, wrong="invalid linklayer"),
)


def read(cursor: Cursor) -> SizeTable:
    """Parse the words after ``stab``; raises UsageError, HelpRequested."""
    if cursor.done:
        cursor.take()
    if matches(cursor.peek(), "help"):
        raise HelpRequested("qdisc stab")
    fields: dict[str, Any] = {}
    fill(cursor, _WORDS, fields, topic="qdisc stab")
    table = SizeTable(**fields)
    if not (table.linklayer or table.mpu or table.overhead):
        raise UsageError("Error: stab needs one of linklayer, mpu and overhead")
    if table.tsize > _MOST_SLOTS:
        raise UsageError(f"Error: stab with more than {_MOST_SLOTS} slots", hints=(f"tsize is {table.tsize}",))
    return table


def encode(table: SizeTable) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them.

    The table has the size that packets of each size count for, where that is not just the overhead.
    """
    mtu, slots, cell_log, size_log, data = 0, 0, 0, 0, b""
    if table.linklayer > _ETHERNET or table.mpu:
        mtu, slots = table.mtu or _DEFAULT_MTU, table.tsize or _DEFAULT_SLOTS
        while mtu >> cell_log > slots - 1:
            cell_log += 1
        sizes = [_counts_for(min(slot << cell_log, _U32), table) for slot in range(1, slots + 1)]
        while max(sizes) >> size_log > _U16:
            size_log += 1
        data = struct.pack(f"={slots}H", *(size >> size_log for size in sizes))
    spec = _SPEC.pack(cell_log, size_log, -1 if slots else 0, table.overhead, table.linklayer, table.mpu, mtu, slots)
    return [("TCA_STAB_BASE", spec), *([("TCA_STAB_DATA", data)] if slots else [])]


def _counts_for(size: int, table: SizeTable) -> int:
    size = max(size, table.mpu)
    return -(-size // _ATM_PAYLOAD) * _ATM_CELL if table.linklayer == _ATM else size


def document(attributes: Attributes) -> Document:
    """Return the document that tc prints: what is not 0."""
    raw = attributes.get("TCA_STAB_BASE", b"")
    if len(raw) < _SPEC.size:
        return ()
    _, _, _, overhead, linklayer, mpu, mtu, slots = _SPEC.unpack_from(raw)
    fields = [Field("", text=" ")]
    if linklayer:
        name = link_layer_name(linklayer)
        fields.append(Field("linklayer", name, f"linklayer {name} "))
    values = (("overhead", overhead), ("mpu", mpu), ("mtu", mtu), ("tsize", slots))
    return (Group("stab", [*fields, *(number(name, value) for name, value in values if value)]),)
