"""Parts that several kinds of ematches share."""

from __future__ import annotations

from pytc.render.documents import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: TCF_EM_OPND_* (include/uapi/linux/pkt_cls.h).
OPERANDS = {"eq": 0, "gt": 1, "lt": 2}
_OPERAND_NAMES = {number: name for name, number in OPERANDS.items()}
#: TCF_LAYER_NETWORK.
LAYER_NETWORK = 1
#: How many bytes the words for sizes mean.
SIZES = {"u8": 1, "u16": 2, "u32": 4}


def operand_field(number: int, before: str = "", after: str = " ") -> Sequence[Field]:
    """Return how two numbers are compared; nothing for a number that tc has no word for."""
    name = _OPERAND_NAMES.get(number)
    return () if name is None else (Field("operand", name, f"{before}{name}{after}"),)


def signed_text(number: int) -> str:
    """Return 32 bits as tc prints them here: with a sign."""
    return str(number - (1 << 32) if number >> 31 else number)


def printable(data: bytes) -> str:
    """Return bytes as text, with a dot for each that cannot be printed."""
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
