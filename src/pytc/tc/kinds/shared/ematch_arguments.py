"""The words in the brackets of an ematch."""

from __future__ import annotations

import os

from pytc.errors import InvalidOptionsError
from pytc.typing import NamedTuple
from pytc.words.engine import signed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_U32 = 0xFFFFFFFF
#: What TCF_LAYER_* are called; like tc, only the first letter counts.
_LAYERS = {"l": 0, "n": 1, "t": 2}


class Argument(NamedTuple):
    """A word in the brackets of an ematch; ``is_quoted`` where it stood in quotation marks."""

    data: bytes
    is_quoted: bool = False

    @property
    def text(self) -> str:
        """The argument as text."""
        return os.fsdecode(self.data)


class Arguments:
    """The words in the brackets of an ematch, read from left to right."""

    def __init__(self, kind: str, usage: str, arguments: Sequence[Argument]) -> None:
        self.items = arguments
        self._kind, self._usage = kind, usage
        self._at = 0

    @property
    def done(self) -> bool:
        """True where none is left."""
        return self._at >= len(self.items)

    def peek(self) -> str:
        """Return the next as text without taking it; empty at the end."""
        return "" if self.done else self.items[self._at].text

    def take(self, missing: str = "missing argument") -> Argument:
        """Return the next; raises InvalidOptionsError, which says what is ``missing``, at the end."""
        if self.done:
            raise self.error(missing)
        self._at += 1
        return self.items[self._at - 1]

    def take_number(self, wrong: str, missing: str = "missing argument") -> int:
        """Return the next as a number of 32 bits, which may be negative; raises InvalidOptionsError."""
        number = number_of(self.take(missing).text)
        if number is None:
            raise self.error(wrong)
        return number

    def take_layer(self) -> int:
        """Return the next as TCF_LAYER_*; raises InvalidOptionsError."""
        word = self.take().text
        layer = _LAYERS.get(word[:1], number_of(word))
        if layer is None:
            raise self.error("invalid layer")
        if layer > max(_LAYERS.values()):
            raise self.error(f"illegal layer, must be in 0..{max(_LAYERS.values())}")
        return layer

    def error(self, message: str, *, named: bool = True) -> InvalidOptionsError:
        """Return an error about the argument that was taken last, whose message begins with the kind's name."""
        shown = [
            f">>{quoted(item)}<<" if place == self._at - 1 else quoted(item) for place, item in enumerate(self.items)
        ]
        name = self._kind
        return InvalidOptionsError(
            f"{name}: {message}" if named else message, hints=(f"{name}({' '.join(shown)})", self._usage)
        )


def quoted(argument: Argument) -> str:
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in argument.data)
    return f'"{text}"' if argument.is_quoted else text


def number_of(text: str) -> int | None:
    """Return a number of 32 bits in any base of C, a negative one as the kernel stores it; None for another word."""
    try:
        return int(signed(_U32)(text)) & _U32
    except ValueError:
        return None
