"""The option ``match`` of filters that take ematches (tc-ematch(8))."""

from __future__ import annotations

from pytc.tc.kinds.declaration import Form, Option
from pytc.tc.kinds.shared.ematch_tree import encode_tree, show_ematches
from pytc.tc.kinds.shared.ematch_words import follows_from_words, read_expression

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.tc.kinds.layout import Values

__all__ = ["MATCH", "NOTES", "names_nothing", "show_ematches"]

NOTES = """
EMATCH := [ not ] { KIND(ARGUMENTS) | (EMATCH) } [ { and | or } EMATCH ]
cmp(ALIGN at OFFSET [ layer LAYER ] [ mask MASK ] [ trans ] OPERAND VALUE)
    compares a number in the packet; trans: of this machine's byte order
u32(ALIGN VALUE MASK at [nexthdr+]OFFSET)  the same bits in the packet
nbyte(NEEDLE at OFFSET [ layer LAYER ])    the same bytes; NEEDLE is a word, or "text" with C's escape sequences
meta(OBJECT OPERAND OBJECT)                what is known of the packet and its socket; OBJECT is a number, "text" or
    ID [ shift SHIFT ] [ mask MASK ]; meta(list) lists the IDs
canid({ sff | eff } ID[:MASK] ...)         identifiers of CAN frames, in hex
ipset(SET { src | dst }[,...])             addresses in a set of ipset(8)
ipt([ -6 ] -m MATCH OPTIONS)               a match of iptables(8), by its plugin: policy or addrtype
OPERAND := { eq | lt | gt }; ALIGN := { u8 | u16 | u32 }; LAYER := { link | network | transport }, {network}
"""
MATCH = Option(
    "match",
    "EMATCHES",
    Form("EMATCH", read=read_expression, pack=lambda terms, env: encode_tree(terms)),
    "what packets have to match, in quotes for the shell",
    exact=False,
)


def names_nothing(values: Values) -> bool:
    """Report whether the bytes of a filter's ematches follow from the words alone."""
    return follows_from_words(values.get("EMATCHES", ()))
