"""The ``nat`` action: stateless translation of IPv4 addresses (tc-nat(8); include/uapi/linux/tc_act/tc_nat.h)."""

from __future__ import annotations

from sys import byteorder

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.action import action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.action_parts import PASS
from pytc.tc.kinds.shared.addresses import parse_ipv4_prefix
from pytc.words.engine import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from pytc.render.documents import Part
    from pytc.tc.kinds.action import DeclaredActionOptions
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

#: TCA_NAT_FLAG_EGRESS.
_EGRESS = 1
_BITS = 32
_ALL = (1 << _BITS) - 1


def _read(direction: str, flags: int) -> Callable[[Cursor], tuple[int, int, int, int]]:
    def read(cursor: Cursor) -> tuple[int, int, int, int]:
        (old, length), (new, _) = _take_prefix(cursor, direction), _take_prefix(cursor, direction)
        mask = _ALL << _BITS - length & _ALL
        return _swap(old), _swap(new), _swap(mask), flags

    return read


def _take_prefix(cursor: Cursor, direction: str) -> tuple[int, int]:
    word = cursor.take()
    try:
        return parse_ipv4_prefix(word)
    except ValueError:
        raise InvalidOptionsError(
            f"Illegal nat construct ({direction})",
            hints=(f'"{word}" is not an IPv4 address or prefix, default, any or all',),
        ) from None


def _check(options: DeclaredActionOptions, first: str) -> None:
    if not options.values and not matches(first, "index"):
        raise InvalidOptionsError(f"Illegal nat construct ({first}): ingress, egress or an index expected")


def _show_addresses(values: Values, view: Any) -> Iterable[Part]:
    mask, old, new = (_swap(values[name]) for name in ("mask", "old_addr", "new_addr"))
    direction = "egress" if values["flags"] & _EGRESS else "ingress"
    length = _BITS + 1 - (mask & -mask).bit_length() if mask else 0
    return (
        Field("direction", direction, direction),
        Field("old_addr", f"{_dotted(old)}/{length}", f" {_dotted(old)}/{length}"),
        Field("new_addr", _dotted(new), f" {_dotted(new)}"),
    )


def _swap(number: int) -> int:
    """Return a number of this machine's byte order in network order, or the reverse."""
    return int.from_bytes(number.to_bytes(4, "big"), byteorder)


def _dotted(address: int) -> str:
    return ".".join(map(str, address.to_bytes(4, "big")))


_INTO = "old_addr new_addr mask flags"
_TWICE = 'Bad action type {}: a nat action has one direction, "action" begins another one'

KIND = action(
    "nat",
    Declared(
        (
            Option(
                "egress",
                _INTO,
                Form("OLD NEW", read=_read("egress", _EGRESS)),
                "translates source addresses",
                twice=_TWICE,
            ),
            Option(
                "ingress",
                _INTO,
                Form("OLD NEW", read=_read("ingress", 0)),
                "translates destination addresses",
                twice=_TWICE,
            ),
        ),
        "PARMS",
        (_show_addresses, show_control(), show_closing()),
        exact=False,
        notes="""\
OLD := { ADDRESS[/{ LENGTH | MASK }] | default | any | all }
NEW := ADDRESS

Of an address that is in OLD, the bits of the prefix become those of NEW. CONTROL is {pass}.
""",
        forms=("action nat { ingress | egress } OLD NEW", "action nat index INDEX"),
    ),
    prefix="TCA_NAT",
    attributes=(("PARMS", parameters("4I", _INTO)), ("TM", "cdata"), ("PAD", "cdata")),
    control=PASS,
    check=_check,
    heading=(Field("type", "nat", " nat "),),
    index_of="Nat",
    restoration=Restoration(replaces=True),
)
