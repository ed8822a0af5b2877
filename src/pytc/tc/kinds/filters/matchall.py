"""The ``matchall`` filter, which every packet matches (tc-matchall(8); net/sched/cls_matchall.c)."""

import struct
from typing import Any, NamedTuple

from pytc.errors import InvalidOptionsError
from pytc.handles import Handle
from pytc.netlink.schema import Attributes, Schema
from pytc.render.documents import Document, Field, Part
from pytc.tc.actions.action import Action
from pytc.tc.kinds.interface import FilterKind, FilterOptions, FilterView, OpenedProgram, ProgramLookup
from pytc.tc.kinds.shared.filter_parts import (
    ACTION,
    CLASSID,
    FLOWID,
    SKIP_HARDWARE,
    SKIP_SOFTWARE,
    all_actions,
    class_field,
    flag_fields,
    skip_flags,
)
from pytc.words.engine import Cursor, read_options, unsigned

_WORDS = (CLASSID, FLOWID, ACTION, SKIP_HARDWARE, SKIP_SOFTWARE)
_SCHEMA = Schema(
    ("TCA_MATCHALL_UNSPEC", "none"),
    ("TCA_MATCHALL_CLASSID", "uint32"),
    ("TCA_MATCHALL_ACT", "cdata"),
    ("TCA_MATCHALL_FLAGS", "uint32"),
    ("TCA_MATCHALL_PCNT", "cdata"),
)
#: struct tc_matchall_pcnt: rhit u64.
_COUNTER = struct.Struct("=Q")
_USAGE = """\
Usage: ... matchall [ classid CLASSID | flowid CLASSID ] [ action ACTION ] ... [ skip_hw | skip_sw ]

Every packet matches: it goes to the class, and the actions are done with it ("pytc action help").
HANDLE is a number.
"""


class MatchallOptions(FilterOptions):
    """The words of a ``matchall`` filter. ``flags`` are TCA_CLS_FLAGS_*."""

    classid: Handle | None = None
    flags: int = 0
    actions: tuple[Action, ...] = ()


class MatchallRecord(NamedTuple):
    """A matchall filter as the kernel describes it; ``hits`` counts the packets that matched, None where the kernel
    does not count."""

    classid: Handle | None
    flags: int | None
    hits: int | None


def _parse(cursor: Cursor) -> MatchallOptions:
    fields = read_options(cursor, _WORDS, "filter matchall")
    return MatchallOptions(fields.get("classid"), skip_flags(fields), all_actions(fields))


def _encode(options: MatchallOptions, program: OpenedProgram | None) -> list[tuple[str, Any]]:
    attributes: list[tuple[str, Any]] = []
    if options.classid is not None:
        attributes.append(("TCA_MATCHALL_CLASSID", options.classid.number))
    if options.flags:
        attributes.append(("TCA_MATCHALL_FLAGS", options.flags))
    return attributes


def _decode(attributes: Attributes, lookup: ProgramLookup) -> MatchallRecord:
    classid, counter = attributes.get("TCA_MATCHALL_CLASSID"), attributes.get("TCA_MATCHALL_PCNT", b"")
    return MatchallRecord(
        Handle.from_number(classid) if classid is not None else None,
        attributes.get("TCA_MATCHALL_FLAGS"),
        _COUNTER.unpack_from(counter)[0] if len(counter) >= _COUNTER.size else None,
    )


def _document(record: MatchallRecord, view: FilterView) -> Document:
    fields: list[Part] = []
    if view.handle:
        fields.append(Field("handle", view.handle, f"handle {view.handle:#x} "))
    fields += class_field(record.classid, view.display)
    fields += flag_fields(record.flags, before="\n  ", after="")
    if view.display.statistics and record.hits is not None:
        fields.append(Field("rule_hit", record.hits, f" (rule hit {record.hits})"))
    return [*fields, *view.actions]


def _handle(word: str) -> int:
    try:
        return int(unsigned(0xFFFFFFFF)(word))
    except ValueError:
        raise InvalidOptionsError(f'Illegal handle "{word}", must be numeric.') from None


KIND = FilterKind(
    "matchall",
    _SCHEMA,
    _parse,
    _encode,
    _decode,
    _document,
    _handle,
    actions="TCA_MATCHALL_ACT",
    brief=("TCA_MATCHALL_FLAGS",),
    usage=_USAGE,
)
