"""The ``u32`` filter, which matches 32 bits anywhere in packets, in hash tables (tc-u32(8); net/sched/cls_u32.c).

A handle has a table (12 bits), a bucket in it (8 bits) and a node in that (12 bits): ``800:1:801`` in words.
"""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError
from pytc.handles import Handle
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import U32, Declared, Form, Option
from pytc.tc.kinds.filter import (
    ACTION,
    CLASSID,
    FLOWID,
    INDEV,
    POLICE,
    SKIP_HW,
    SKIP_SW,
    check_skip_flags,
    filter,
    show_actions,
    show_flags,
    show_police_line,
)
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.shared.fields import hexadecimal
from pytc.tc.kinds.shared.filter_parts import class_field
from pytc.tc.kinds.shared.u32_selector import TERMINAL, Selector
from pytc.tc.kinds.shared.u32_text import handle_text, key_parts, offset_parts
from pytc.tc.kinds.shared.u32_words import (
    TableBucket,
    all_keys,
    parse_divisor,
    read_hashkey,
    read_match,
    read_offset,
    read_sample,
)
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Part
    from pytc.tc.kinds.filter import DeclaredFilterOptions
    from pytc.tc.kinds.interface import FilterView
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

_TABLE, _BUCKET, _NODE = 0xFFF00000, 0x000FF000, 0x00000FFF
_MARK = Layout("III", "value mask hits")
_COUNT = struct.Struct("=Q")
_NOTES = """
MATCH  := { u32 | u16 | u8 } VALUE MASK [ at [ nexthdr+ ]PLACE ]
        | ip { src | dst } PREFIX | ip { tos | dsfield | precedence | ihl | protocol | sport | dport | icmp_type |
          icmp_code } VALUE MASK | ip { nofrag | firstfrag | df | mf }
        | ip6 { src | dst } PREFIX | ip6 { priority | protocol | flowlabel | sport | dport | icmp_type |
          icmp_code } VALUE MASK
        | { tcp | udp } { src | dst } VALUE MASK | icmp { type | code } VALUE MASK
        | ether { src | dst } ADDRESS | mark VALUE MASK
OFFSET := [ plus BYTES ] [ at PLACE ] [ mask MASK ] [ shift BITS ] [ eat ]
TABLE  := NUMBER:, a filter's handle NUMBER:BUCKET:NODE; all in hex, as MASK and CLASSID

"u32 divisor NUMBER" alone makes a table. What offset says is the place to which nexthdr+, tcp, udp and icmp refer; with
eat it is the beginning of everything there.
"""


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
        return int(unsigned(U32, 16)(word))
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


def _check(values: Values) -> None:
    """Join what several words say of one attribute."""
    check_skip_flags(values)
    matches = values.pop("matches", ())
    if marks := [match.mark for match in matches if match.mark]:
        values["MARK"] = marks[-1]
    if number := _hash(values.get("buckets", ())):
        values["HASH"] = number
    if matches:  # as in tc, no selector is sent without, whatever else there is
        values["SEL"] = _selector(values)._replace(keys=all_keys(matches))


def _selector(values: Values) -> Selector:
    selector = Selector()
    for offset in values.pop("offsets", ()):
        changed = {name: value for name, value in offset._asdict().items() if value}
        selector = selector._replace(**{**changed, "flags": selector.flags | offset.flags})
    for mask, key_offset in values.pop("hashkeys", ()):
        selector = selector._replace(
            hash_mask=selector.hash_mask if mask is None else mask,
            hash_at=selector.hash_at if key_offset is None else key_offset,
        )
    ends = TERMINAL if values.keys() & {"CLASSID", "actions", "police"} else 0
    return selector._replace(flags=selector.flags | ends)


def _hash(buckets: tuple[TableBucket, ...]) -> int:
    """Return TCA_U32_HASH: the table and the bucket."""
    hash, sampled = 0, False
    for table, bucket in buckets:
        if bucket is not None:
            hash, sampled = bucket << 12 | hash & _TABLE, True
        elif table is not None:
            hash = hash & _BUCKET | table & _TABLE if sampled else table & (_TABLE | _BUCKET)
    return hash


def _settle(options: DeclaredFilterOptions, word: str) -> tuple[DeclaredFilterOptions, str]:
    """Return the options and the handle's word, checked against one another; ``order`` is the handle's node."""
    number = parse_handle(word) if word else 0
    if word and any((bucket.table or 0) & _NODE for bucket in options.values.get("buckets", ())):
        raise InvalidOptionsError('"ht" must be a hash table.')
    if order := options.values.get("order", 0):
        if number & _NODE not in (0, order):
            raise InvalidOptionsError('"order" contradicts "handle"')
        word = f"{number | order:#x}"
    return options, word


def _complete(values: Values, env: object) -> None:
    if "SEL" in values:
        values["SEL"] = values["SEL"].pack()


def _show_place(values: Values, view: FilterView) -> list[Part]:
    """Return the handle, the table and the class; a star marks a class that does not end the search."""
    node, raw = view.handle & _NODE, view.display.raw
    parts: list[Part] = []
    if view.handle:
        text = handle_text(view.handle, raw=raw)
        parts.append(Field("fh", text, f"fh {text} "))
    if node:
        parts.append(Field("order", node, f"order {node} "))
    if (divisor := values.get("DIVISOR")) is not None:
        parts.append(Field("ht_divisor", divisor, f"ht divisor {divisor} "))
    elif (number := values.get("HASH")) is not None:
        table, bucket = number >> 20, (number & _BUCKET) >> 12
        parts += [Field("key_ht", f"{table:x}", f"key ht {table:x} "), Field("bkt", f"{bucket:x}", f"bkt {bucket:x} ")]
    selector, classid = Selector.unpack(values.get("SEL", b"")), values.get("CLASSID")
    ends = selector is not None and selector.flags & TERMINAL
    if classid is not None:
        parts += class_field(Handle.from_number(classid), view.display, before="" if ends else "*")
    elif ends:
        parts.append(Field("", text="terminal flowid "))
    if (link := values.get("LINK")) is not None:
        text = handle_text(link, raw=raw)
        parts.append(Field("link", text, f"link {text} "))
    return parts


def _show_selector(values: Values, view: FilterView) -> list[Part]:
    selector, mark = Selector.unpack(values.get("SEL", b"")), _show_mark(values.get("MARK", b""))
    if selector is None:
        return mark
    parts: list[Part] = []
    hits: tuple[int, ...] | None = None
    raw = values.get("PCNT", b"")
    counts = [count for (count,) in _COUNT.iter_unpack(raw[: len(raw) // _COUNT.size * _COUNT.size])]
    if view.display.statistics and len(counts) > 1:
        lookups, matched, *rest = counts
        parts += [
            Field("rule_hit", lookups, f"(rule hit {lookups} "),
            Field("success", matched, f"success {matched})"),
            Field("rule_success", matched),
        ]
        hits = (*rest, *[0] * (len(selector.keys) - len(rest)))
    parts += mark
    parts += key_parts(selector.keys, hits, protocol=view.protocol, pretty=view.display.pretty)
    return [*parts, *offset_parts(selector)]


def _show_mark(raw: bytes) -> list[Part]:
    if len(raw) < _MARK.size:
        return []
    mark = _MARK.unpack(raw)
    value, mask, hits = mark["value"], mark["mask"], mark["hits"]
    return [
        Field("fwmark_value", hexadecimal(value), f"\n  mark {value:#06x} "),
        Field("fwmark_mask", hexadecimal(mask), f"{mask:#06x} "),
        Field("fwmark_success", hits, f"(success {hits})"),
    ]


def _show_device(values: Values, view: FilterView) -> list[Part]:
    name = values.get("INDEV")
    return [Field("input_dev", name, f"\n  input dev {name}\n")] if name else []


_NUMBER = unsigned(U32)
_OPTIONS = (
    Option("match", "matches", Form("MATCH", read=read_match), "what packets have to match", many=True),
    Option("offset", "offsets", Form("OFFSET", read=read_offset), "link: where the next header begins", many=True),
    Option("hashkey", "hashkeys", Form("KEY", read=read_hashkey), "link: what chooses the bucket there", many=True),
    CLASSID,
    FLOWID,
    Option("divisor", "DIVISOR", Form("NUMBER", parse_divisor), "makes a table with so many buckets, a power of two up "
           "to 256", omit=0),
    Option("order", "order", Form("NUMBER", _NUMBER), "the filter's node: the last part of its handle"),
    Option("link", "LINK", Form("TABLE", _table), "goes on in that table", exact=True),
    Option("ht", "buckets", Form("TABLE", read=_take_bucket), "puts the filter into that table {800:}", exact=True,
           many=True),
    Option("sample", "buckets", Form("MATCH", read=read_sample), "and into the bucket for packets with that content",
           exact=True, many=True),
    INDEV,
    ACTION,
    POLICE,
    SKIP_HW,
    SKIP_SW,
)  # fmt: skip

KIND = filter(
    "u32",
    Declared(
        _OPTIONS,
        "CLASSID DIVISOR INDEV MARK HASH FLAGS LINK SEL",
        (_show_place, show_flags("", " "), _show_selector, show_police_line, _show_device, show_actions),
        check=_check,
        complete=_complete,
        exact=False,
        notes=_NOTES,
    ),
    prefix="TCA_U32",
    attributes=(
        ("CLASSID", "uint32"),
        ("HASH", "uint32"),
        ("LINK", "uint32"),
        ("DIVISOR", "uint32"),
        ("SEL", "cdata"),
        ("POLICE", "cdata"),
        ("ACT", "cdata"),
        ("INDEV", "asciiz"),
        ("PCNT", "cdata"),
        ("MARK", "cdata"),
        ("FLAGS", "uint32"),
        ("PAD", "cdata"),
    ),
    actions="ACT",
    police="POLICE",
    handle=parse_handle,
    settle=_settle,
    brief=("FLAGS",),
    restoration=Restoration(
        unset={"TCA_U32_LINK": 0, "TCA_U32_FLAGS": None},
        described=("TCA_U32_HASH", "TCA_U32_DIVISOR", "TCA_U32_SEL", "TCA_U32_PCNT", "TCA_U32_MARK"),
        place="first",
        deleted=False,
    ),
)
