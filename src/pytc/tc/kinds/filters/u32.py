"""The ``u32`` filter, which matches 32 bits anywhere in packets, in hash tables (tc-u32(8); net/sched/cls_u32.c).

A handle has a table (12 bits), a bucket in it (8 bits) and a node in that (12 bits): ``800:1:801`` in words.
"""

import struct
from typing import Any, NamedTuple

from pytc.errors import InvalidOptionsError
from pytc.handles import Handle
from pytc.netlink.schema import Attributes, Schema
from pytc.render.documents import Display, Document, Field, Part
from pytc.tc.actions.action import Action, ActionOptions
from pytc.tc.kinds.interface import FilterKind, FilterOptions, FilterView, OpenedProgram, ProgramLookup
from pytc.tc.kinds.shared.filter_parts import (
    ACTION,
    CLASSID,
    FLOWID,
    INDEV,
    POLICE,
    SKIP_HARDWARE,
    SKIP_SOFTWARE,
    all_actions,
    class_field,
    flag_fields,
    skip_flags,
)
from pytc.tc.kinds.shared.u32_selector import TERMINAL, Selector
from pytc.tc.kinds.shared.u32_text import handle_text, key_parts, offset_parts
from pytc.tc.kinds.shared.u32_words import (
    Match,
    TableBucket,
    all_keys,
    parse_divisor,
    read_hashkey,
    read_match,
    read_offset,
    read_sample,
)
from pytc.words.engine import Cursor, Word, read_options, unsigned

_TABLE, _BUCKET, _NODE = 0xFFF00000, 0x000FF000, 0x00000FFF
_U32 = 0xFFFFFFFF
_MARK = struct.Struct("=III")
_COUNT = struct.Struct("=Q")
_SCHEMA = Schema(
    ("TCA_U32_UNSPEC", "none"),
    ("TCA_U32_CLASSID", "uint32"),
    ("TCA_U32_HASH", "uint32"),
    ("TCA_U32_LINK", "uint32"),
    ("TCA_U32_DIVISOR", "uint32"),
    ("TCA_U32_SEL", "cdata"),
    ("TCA_U32_POLICE", "cdata"),
    ("TCA_U32_ACT", "cdata"),
    ("TCA_U32_INDEV", "asciiz"),
    ("TCA_U32_PCNT", "cdata"),
    ("TCA_U32_MARK", "cdata"),
    ("TCA_U32_FLAGS", "uint32"),
)
_USAGE = """\
Usage: ... u32 [ match MATCH ] ... [ classid CLASSID | flowid CLASSID ] [ action ACTION ] ... [ police POLICE ]
               [ ht TABLE ] [ sample MATCH [ divisor NUMBER ] ] [ order NUMBER ] [ indev NAME ] [ skip_hw | skip_sw ]
               [ link TABLE [ offset OFFSET ] [ hashkey [ mask MASK ] [ at PLACE ] ] ]
       ... u32 divisor NUMBER

MATCH  := { u32 | u16 | u8 } VALUE MASK [ at [ nexthdr+ ]PLACE ]
        | ip { src | dst } PREFIX | ip { tos | dsfield | precedence | ihl | protocol | sport | dport | icmp_type |
          icmp_code } VALUE MASK | ip { nofrag | firstfrag | df | mf }
        | ip6 { src | dst } PREFIX | ip6 { priority | protocol | flowlabel | sport | dport | icmp_type |
          icmp_code } VALUE MASK
        | { tcp | udp } { src | dst } VALUE MASK | icmp { type | code } VALUE MASK
        | ether { src | dst } ADDRESS | mark VALUE MASK
OFFSET := [ plus BYTES ] [ at PLACE ] [ mask MASK ] [ shift BITS ] [ eat ]
TABLE  := NUMBER:, a filter's handle NUMBER:BUCKET:NODE; all in hex, as MASK and CLASSID

divisor  makes a table with so many buckets, a power of two up to 256
ht       puts the filter into that table {800:}; sample chooses the bucket for packets with that content
link     goes on in that table, in the bucket that hashkey chooses; offset says where the next header begins, which
         nexthdr+, tcp, udp and icmp refer to; with eat it is the beginning of everything there
"""


class U32Options(FilterOptions):
    """The words of a ``u32`` filter. ``buckets`` are those of ``ht`` and ``sample``, in their order; ``mark`` are the
    bytes of TCA_U32_MARK; ``flags`` TCA_CLS_FLAGS_*; ``order`` 0 for none."""

    selector: Selector | None = None
    classid: Handle | None = None
    divisor: int = 0
    link: int | None = None
    buckets: tuple[TableBucket, ...] = ()
    order: int = 0
    incoming: str = ""
    mark: bytes = b""
    flags: int = 0
    actions: tuple[Action, ...] = ()
    police: ActionOptions | None = None


class U32Record(NamedTuple):
    """A u32 filter as the kernel describes it.

    ``counts`` are how often the filter was asked, how often it matched, and each key; None where the kernel does not
    count. ``mark`` is (value, mask, matches).
    """

    selector: Selector | None
    classid: Handle | None
    divisor: int | None
    table_number: int | None
    link: int | None
    incoming: str
    flags: int | None
    mark: tuple[int, int, int] | None
    counts: tuple[int, ...] | None


def parse_handle(word: str) -> int:
    """Return the number of ``800:1:801``, ``800::801``, ``800:``, or ``0x80000801``; raises InvalidOptionsError."""
    try:
        return _number(word)
    except ValueError:
        raise InvalidOptionsError("Illegal filter ID", hints=(f'the value is "{word}"',)) from None


def _number(word: str) -> int:
    if ":" not in word:
        if not word.startswith("0x"):
            raise ValueError(word)
        return int(unsigned(_U32, 16)(word))
    parts = word.split(":")
    if len(parts) > 3:
        raise ValueError(word)
    limits = ((0xFFF, 20), (0xFF, 12), (0xFFF, 0))
    return sum(
        int(unsigned(limit, 16)(part)) << shift for part, (limit, shift) in zip(parts, limits, strict=False) if part
    )


def _table(word: str) -> int:
    number = _number(word)
    if number & _NODE:
        raise InvalidOptionsError('"link" must be a hash table.', hints=(f'"{word}" is a filter in one',))
    return number


def _take_bucket(cursor: Cursor) -> TableBucket:
    word = cursor.take()
    try:
        return TableBucket(_number(word), None)
    except ValueError:
        raise InvalidOptionsError('Illegal "ht"', hints=(f'the value is "{word}"',)) from None


_WORDS = (
    Word("match", "matches", read=read_match, many=True),
    Word("offset", "offsets", read=read_offset, many=True),
    Word("hashkey", "hashkeys", read=read_hashkey, many=True),
    CLASSID,
    FLOWID,
    Word("divisor", "divisor", parse_divisor, repeat=True),
    Word("order", "order", unsigned(_U32), repeat=True),
    Word("link", "link", _table, exact=True, repeat=True),
    Word("ht", "buckets", read=_take_bucket, exact=True, many=True),
    Word("sample", "buckets", read=read_sample, exact=True, many=True),
    INDEV,
    ACTION,
    POLICE,
    SKIP_HARDWARE,
    SKIP_SOFTWARE,
)


def _parse(cursor: Cursor) -> U32Options:
    fields = read_options(cursor, _WORDS, "filter u32")
    selector, mark = _selector(fields), _mark(fields)
    for name in ("matches", "offsets", "hashkeys"):
        fields.pop(name, None)
    return U32Options(
        selector=selector,
        mark=mark,
        flags=skip_flags(fields),
        actions=all_actions(fields),
        **{name: value for name, value in fields.items() if name != "actions"},
    )


def _mark(fields: dict[str, Any]) -> bytes:
    marks: list[bytes] = [match.mark for match in fields.get("matches", ()) if match.mark]
    return marks[-1] if marks else b""


def _selector(fields: dict[str, Any]) -> Selector | None:
    """Return the selector, None without a ``match``: then tc sends none, whatever else there is."""
    matches: tuple[Match, ...] = fields.get("matches", ())
    if not matches:
        return None
    selector = Selector()
    for offset in fields.get("offsets", ()):
        changed = {name: value for name, value in offset._asdict().items() if value}
        selector = selector._replace(**{**changed, "flags": selector.flags | offset.flags})
    for mask, key_offset in fields.get("hashkeys", ()):
        selector = selector._replace(
            hash_mask=selector.hash_mask if mask is None else mask,
            hash_at=selector.hash_at if key_offset is None else key_offset,
        )
    ends = TERMINAL if fields.keys() & {"classid", "actions", "police"} else 0
    return selector._replace(flags=selector.flags | ends, keys=all_keys(matches))


def _settle(options: U32Options, word: str) -> tuple[U32Options, str]:
    """Return the options and the handle's word, checked against one another; ``order`` is the handle's node."""
    number = parse_handle(word) if word else 0
    if word and any((bucket.table or 0) & _NODE for bucket in options.buckets):
        raise InvalidOptionsError('"ht" must be a hash table.')
    if options.order:
        if number & _NODE not in (0, options.order):
            raise InvalidOptionsError('"order" contradicts "handle"')
        word = f"{number | options.order:#x}"
    return options, word


def _hash(buckets: tuple[TableBucket, ...]) -> int:
    """Return TCA_U32_HASH: the table and the bucket."""
    hash, sampled = 0, False
    for table, bucket in buckets:
        if bucket is not None:
            hash, sampled = bucket << 12 | hash & _TABLE, True
        elif table is not None:
            hash = hash & _BUCKET | table & _TABLE if sampled else table & (_TABLE | _BUCKET)
    return hash


def _encode(options: U32Options, program: OpenedProgram | None) -> list[tuple[str, Any]]:
    attributes: list[tuple[str, Any]] = []
    if options.classid is not None:
        attributes.append(("TCA_U32_CLASSID", options.classid.number))
    attributes += [
        (name, value)
        for name, value in (
            ("TCA_U32_DIVISOR", options.divisor),
            ("TCA_U32_INDEV", options.incoming),
            ("TCA_U32_MARK", options.mark),
            ("TCA_U32_HASH", _hash(options.buckets)),
            ("TCA_U32_FLAGS", options.flags),
        )
        if value
    ]
    if options.link is not None:
        attributes.append(("TCA_U32_LINK", options.link))
    if options.selector is not None:
        attributes.append(("TCA_U32_SEL", options.selector.pack()))
    return attributes


def _decode(attributes: Attributes, lookup: ProgramLookup) -> U32Record:
    classid, mark = attributes.get("TCA_U32_CLASSID"), attributes.get("TCA_U32_MARK", b"")
    counts = attributes.get("TCA_U32_PCNT", b"")
    return U32Record(
        selector=Selector.unpack(attributes.get("TCA_U32_SEL", b"")),
        classid=Handle.from_number(classid) if classid is not None else None,
        divisor=attributes.get("TCA_U32_DIVISOR"),
        table_number=attributes.get("TCA_U32_HASH"),
        link=attributes.get("TCA_U32_LINK"),
        incoming=attributes.get("TCA_U32_INDEV", ""),
        flags=attributes.get("TCA_U32_FLAGS"),
        mark=_MARK.unpack_from(mark) if len(mark) >= _MARK.size else None,
        counts=tuple(count for (count,) in _COUNT.iter_unpack(counts[: len(counts) // 8 * 8])) or None,
    )


def _document(record: U32Record, view: FilterView) -> Document:
    node, display = view.handle & _NODE, view.display
    parts: list[Part] = []
    if view.handle:
        text = handle_text(view.handle, raw=display.raw)
        parts.append(Field("fh", text, f"fh {text} "))
    if node:
        parts.append(Field("order", node, f"order {node} "))
    parts += _place_parts(record, display)
    parts += flag_fields(record.flags)
    if record.selector is not None:
        parts += _selector_parts(record, record.selector, view)
    elif record.mark is not None:
        parts += _mark_parts(*record.mark)
    if view.police:
        parts += [Field("", text="\n"), *view.police]
    if record.incoming:
        parts.append(Field("input_dev", record.incoming, f"\n  input dev {record.incoming}\n"))
    return [*parts, *view.actions]


def _place_parts(record: U32Record, display: Display) -> list[Part]:
    """Return the table and the class; tc 6.1 marks with a star only those classes that end the search."""
    parts: list[Part] = []
    if record.divisor is not None:
        parts.append(Field("ht_divisor", record.divisor, f"ht divisor {record.divisor} "))
    elif record.table_number is not None:
        table, bucket = record.table_number >> 20, (record.table_number & _BUCKET) >> 12
        parts += [Field("key_ht", f"{table:x}", f"key ht {table:x} "), Field("bkt", f"{bucket:x}", f"bkt {bucket:x} ")]
    ends = record.selector is not None and record.selector.flags & TERMINAL
    parts += class_field(record.classid, display, before="*" if ends else "")
    if ends and record.classid is None:
        parts.append(Field("", text="terminal flowid "))
    if record.link is not None:
        text = handle_text(record.link, raw=display.raw)
        parts.append(Field("link", text, f"link {text} "))
    return parts


def _selector_parts(record: U32Record, selector: Selector, view: FilterView) -> list[Part]:
    parts: list[Part] = []
    hits: tuple[int, ...] | None = None
    if view.display.statistics and record.counts is not None and len(record.counts) > 1:
        lookups, matched, *rest = record.counts
        parts += [
            Field("rule_hit", lookups, f"(rule hit {lookups} "),
            Field("success", matched, f"success {matched})"),
            Field("rule_success", matched),
        ]
        hits = (*rest, *[0] * (len(selector.keys) - len(rest)))
    if record.mark is not None:
        parts += _mark_parts(*record.mark)
    parts += key_parts(selector.keys, hits, protocol=view.protocol, pretty=view.display.pretty)
    return [*parts, *offset_parts(selector)]


def _mark_parts(value: int, mask: int, hits: int) -> list[Part]:
    return [
        Field("fwmark_value", f"{value:#x}" if value else "0", f"\n  mark {value:#06x} "),
        Field("fwmark_mask", f"{mask:#x}" if mask else "0", f"{mask:#06x} "),
        Field("fwmark_success", hits, f"(success {hits})"),
    ]


KIND = FilterKind(
    "u32",
    _SCHEMA,
    _parse,
    _encode,
    _decode,
    _document,
    parse_handle,
    actions="TCA_U32_ACT",
    police="TCA_U32_POLICE",
    settle=_settle,
    brief=("TCA_U32_FLAGS",),
    usage=_USAGE,
)
