"""Trees of ematches as netlink attributes and in print (include/uapi/linux/pkt_cls.h, net/sched/ematch.c).

All ematches of a tree are one list. Those that stand in brackets come behind the others, and the brackets are an ematch
themselves, a container, which has the place of its first one.
"""

from __future__ import annotations

import struct

from pytc.errors import PytcError
from pytc.netlink.schema import join_attributes, split_attributes
from pytc.render.documents import ArrayField, Field
from pytc.tc.kinds import ematches as kinds
from pytc.tc.kinds.shared.ematch_words import AND, OR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytc.render.documents import Part
    from pytc.tc.kinds.interface import FilterView
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.shared.ematch_words import Term

#: struct tcf_ematch_tree_hdr: nmatches, progid; struct tcf_ematch_hdr: matchid, kind, flags, pad.
_TREE, _EMATCH = struct.Struct("=HH"), struct.Struct("=HHHH")
_PLACE = struct.Struct("=I")
#: TCA_EMATCH_TREE_*, and TCF_EM_PROG_TC.
_HEADER, _LIST, _PROGRAM = 1, 2, 0
_CONTAINER, _INVERT, _RELATION = 0, 4, 3
_NAMES = {AND: "and", OR: "or"}
_UNREADABLE = Field("unreadable", True, "[unreadable]")


def encode_tree(terms: Sequence[Term]) -> bytes:
    """Return the attributes of a tree; raises PytcError where a kind cannot look up what it needs."""
    listed: list[Term] = [*terms]
    places: list[int | None] = [None] * len(listed)
    _append_nested(listed, places, 0, len(listed))
    payloads = [_payload(term, place) for term, place in zip(listed, places, strict=True)]
    return join_attributes(
        (
            (_HEADER, _TREE.pack(len(listed), _PROGRAM)),
            (_LIST, join_attributes(enumerate(payloads, 1))),
        )
    )


def _append_nested(listed: list[Term], places: list[int | None], start: int, end: int) -> None:
    """Append the terms in brackets of a part of the list, as deep as they go, before those of the next brackets."""
    for number in range(start, end):
        terms = listed[number].terms
        if terms:
            first = places[number] = len(listed)
            listed += terms
            places += [None] * len(terms)
            _append_nested(listed, places, first, first + len(terms))


def _payload(term: Term, place: int | None) -> bytes:
    flags = term.relation | (_INVERT if term.is_inverted else 0)
    if place is not None:
        return _EMATCH.pack(0, _CONTAINER, flags, 0) + _PLACE.pack(place)
    kind = kinds.find(term.kind)
    assert kind is not None
    data = kind.encode(term.payload) if kind.encode is not None else term.payload
    return _EMATCH.pack(0, kind.number, flags, 0) + data + bytes(-len(data) % 4)


def show_ematches(values: Values, view: FilterView) -> Sequence[Part]:
    """Return the tree of the attribute ``EMATCHES``, nothing where there is none."""
    raw = values.get("EMATCHES")
    if not raw:
        return ()
    parts = dict(split_attributes(raw))
    ematches = [payload for _, payload in split_attributes(parts.get(_LIST, b""))]
    if not ematches:
        return ()
    return (Field("", text="\n  "), ArrayField("ematches", _Printer(ematches).documents(0, 1)))


class _Printer:
    """Prints each ematch of a list once: a list that is none of the kernel's could refer to one again and again."""

    def __init__(self, ematches: Sequence[bytes]) -> None:
        self._ematches = ematches
        self._left = len(ematches)

    def documents(self, first: int, depth: int) -> list[list[Part]]:
        """Return the ematches from one place on, up to the last that is related to the one before it."""
        documents: list[list[Part]] = []
        number, relation = first, AND
        while relation:
            if number >= len(self._ematches) or self._left <= 0 or len(self._ematches[number]) < _EMATCH.size:
                documents.append([Field("unreadable", True, "[unreadable]\n")])
                break
            self._left -= 1
            _, kind, flags, _ = _EMATCH.unpack_from(self._ematches[number])
            relation = flags & _RELATION
            documents.append([*self._ematch(kind, flags, self._ematches[number][_EMATCH.size :], number, depth)])
            if relation not in _NAMES:
                break
            number += 1
        return documents

    def _ematch(self, number: int, flags: int, data: bytes, place: int, depth: int) -> Iterator[Part]:
        relation = _NAMES.get(flags & _RELATION, "")
        if flags & _INVERT:
            yield Field("not", True, "NOT ")
        if number == _CONTAINER:
            yield Field("", text="(\n" + "  " * (depth + 1))
            following = _PLACE.unpack_from(data)[0] if len(data) >= _PLACE.size else 0
            # as in the kernel, brackets refer to what stands behind them
            inner = self.documents(following, depth + 1) if following > place else [[_UNREADABLE]]
            yield ArrayField("ematches", inner)
            yield Field("", text="  " * depth + ") ")
        else:
            yield from _in_brackets(number, data)
            if relation:
                yield Field("", text="  " * depth)
        if relation:
            yield Field("relation", relation, f"{relation.upper()} ")


def _in_brackets(number: int, data: bytes) -> Iterator[Part]:
    kind = kinds.find_number(number)
    if kind is None:
        yield Field("kind", number, f"[unknown ematch {number}]\n")
        yield Field("raw", data.hex())
        return
    yield Field("kind", kind.name, f"{kind.name}(")
    try:
        yield from kind.show(data)
    except (ValueError, struct.error, PytcError):
        yield _UNREADABLE
    yield Field("", text=")\n")
