"""Parts of most actions: a control, an index, references, times (include/uapi/linux/pkt_cls.h).

``struct tc_gen``, with which the parameters of most kinds begin: ``index u32, capab u32, action s32, refcnt s32,
bindcnt s32``, 20 bytes. ``struct tcf_t``: ``install, lastuse, expires, firstuse``, u64 each, in clock ticks of user
space. A control is a number: one of :data:`_CONTROLS`, or jump or goto with its operand in the low 28 bits.
"""

from __future__ import annotations

import os
import struct

from pytc.errors import InvalidOptionsError, UsageError
from pytc.render.documents import Field, Group
from pytc.typing import NamedTuple
from pytc.words.engine import choose, illegal_value, matches, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from pytc.errors import PytcError
    from pytc.render.documents import Display, Part
    from pytc.tc.clock import Clock
    from pytc.words.engine import Converter, Cursor

CONTINUE, PASS, RECLASSIFY, DROP, PIPE, STOLEN, TRAP = -1, 0, 1, 2, 3, 4, 8
_JUMP, _GOTO, _OPERAND = 1 << 28, 2 << 28, (1 << 28) - 1

#: Words in the order in which abbreviations are tried; tc has all but the last.
_CONTROLS = {
    "continue": CONTINUE,
    "drop": DROP,
    "shot": DROP,
    "pass": PASS,
    "ok": PASS,
    "reclassify": RECLASSIFY,
    "pipe": PIPE,
    "goto": _GOTO,
    "jump": _JUMP,
    "trap": TRAP,
    "stolen": STOLEN,
}
_NAMES = {
    CONTINUE: "continue",
    DROP: "drop",
    PASS: "pass",
    RECLASSIFY: "reclassify",
    PIPE: "pipe",
    TRAP: "trap",
    STOLEN: "stolen",
}
_GENERIC = struct.Struct("=IIiii")
_TIMES = struct.Struct("=4Q")
_U32 = 0xFFFFFFFF


class Generic(NamedTuple):
    """Parameters that most kinds begin with: ``struct tc_gen`` without ``capab``, which is always 0.

    ``number`` is the index.
    """

    number: int
    control: int
    refcnt: int = 0
    bindcnt: int = 0

    @classmethod
    def unpack(cls, data: bytes) -> Generic | None:
        """Return the beginning of a kind's parameters, None where they are too short."""
        if len(data) < _GENERIC.size:
            return None
        number, _, control, refcnt, bindcnt = _GENERIC.unpack_from(data)
        return cls(number, control, refcnt, bindcnt)

    def pack(self) -> bytes:
        """Return the 20 bytes of ``struct tc_gen``."""
        return _GENERIC.pack(self.number, 0, self.control, 0, 0)


def kernel_clock() -> Clock:
    """Return the kernel's clock, whose module is imported for the kinds that ask for it: police alone."""
    from pytc.tc.clock import read_clock

    return read_clock()


def is_control(word: str) -> bool:
    """Report whether a word is a control (``drop``), which can stand for a gact action."""
    return bool(choose(word, tuple(_CONTROLS)))


def unknown_action(word: str) -> UsageError:
    """Return the error about a word that is neither a kind of action nor a control."""
    from pytc.tc.kinds import actions
    from pytc.words.suggestions import suggestion

    hint = suggestion(
        word, (*actions.names(), *_CONTROLS), '"pytc actions help" lists the kinds, and controls like drop'
    )
    return UsageError(f'Bad action type "{word}"', hints=(hint,))


def take_control(cursor: Cursor, error: type[PytcError] = UsageError) -> int:
    """Take a control with its operand.

    Raises ``error`` for one that makes no sense, UsageError at the end of the words.
    """
    word = cursor.take()
    name = choose(word, tuple(_CONTROLS))
    if not name:
        raise error(f'Bad action type "{word}": {", ".join(_CONTROLS)} expected')
    control = _CONTROLS[name]
    if control == _GOTO:
        return take_chain(cursor, error)
    return control | _operand(cursor.take(), "jump count", error) if control == _JUMP else control


def take_chain(cursor: Cursor, error: type[PytcError] = UsageError) -> int:
    """Take the control ``goto``, from the word ``chain`` on."""
    if not matches(word := cursor.take(), "chain"):
        raise error(f'"goto chain INDEX" expected, not "goto {word}"')
    return _GOTO | _operand(cursor.take(), "chain index", error)


def simple_control(word: str) -> int:
    """Return the number of a control that has no operand; raises ValueError."""
    control = _CONTROLS.get(choose(word, tuple(_CONTROLS)), _GOTO)
    if control in (_GOTO, _JUMP):
        raise ValueError(word)
    return control


def _operand(word: str, name: str, error: type[PytcError]) -> int:
    try:
        number: int = unsigned(_OPERAND, 10)(word)
    except ValueError:
        raise error(f'Illegal "{name}": "{word}"') from None
    return number


def optional_control(cursor: Cursor, default: int) -> int:
    """Take the control that comes next, or return the default where something else does."""
    return take_control(cursor) if not cursor.done and is_control(cursor.peek()) else default


def or_usage_error(convert: Converter, message: str) -> Converter:
    """Return a converter that raises UsageError, where tc exits with 255; ``{}`` in its message is the word."""

    def checked(word: str) -> Any:
        try:
            return convert(word)
        except ValueError:
            raise UsageError(message.format(word)) from None

    return checked


def optional_index(cursor: Cursor, base: int = 10, kind: str = "") -> int:
    """Take the number after ``index``; 0, with which the kernel chooses, where another word comes next.

    ``kind`` begins the message where the number is wrong.
    """
    if cursor.done or not matches(cursor.peek(), "index"):
        return 0
    cursor.take()
    return take_index(cursor, base, kind)


def take_index(cursor: Cursor, base: int = 10, kind: str = "") -> int:
    """Take an action's index; raises InvalidOptionsError, whose message ``kind`` begins."""
    word = cursor.take()
    try:
        number: int = unsigned(_U32, base)(word)
    except ValueError:
        error = illegal_value("index", word)
        raise InvalidOptionsError(f"{kind}: {error}", hints=error.hints) if kind else error from None
    return number


def control_group(control: int, *, before: str = "", after: str = "", key: str = "control_action") -> Group:
    """Return a control in tc's form, with text before and after it."""
    kind, operand = control & ~_OPERAND, control & _OPERAND
    if control > 0 and kind in (_JUMP, _GOTO):
        name, member = ("jump", "jump") if kind == _JUMP else ("goto", "chain")
        spelled = f" {operand}" if kind == _JUMP else f" chain {operand}"
        return Group(key, (Field("type", name, before + name), Field(member, operand, spelled + after)))
    name = _NAMES.get(control, str(control))
    return Group(key, (Field("type", name, before + name + after),))


def reference_fields(generic: Generic, before: str = "\t ") -> list[Part]:
    """Return the fields of index and references."""
    return [
        Field("index", generic.number, f"{before}index {generic.number}"),
        Field("ref", generic.refcnt, f" ref {generic.refcnt}"),
        Field("bind", generic.bindcnt, f" bind {generic.bindcnt}"),
    ]


def closing_fields(generic: Generic, times: bytes, display: Display, before: str = "\t ") -> list[Part]:
    """Return the lines with which most kinds end: index, references, and with statistics struct tcf_t."""
    return [
        Field("", text="\n"),
        *reference_fields(generic, before),
        *(time_fields(times) if display.statistics else ()),
        Field("", text="\n"),
    ]


def time_fields(raw: bytes) -> Sequence[Part]:
    """Return ``struct tcf_t`` in seconds, without what never happened."""
    if len(raw) < _TIMES.size:
        return ()
    hertz = os.sysconf("SC_CLK_TCK")
    installed, used, expires, first = _TIMES.unpack_from(raw)
    named = (
        ("installed", "installed", installed),
        ("last_used", "used", used),
        ("first_used", "firstused", first),
        ("expires", "expires", expires),
    )
    return [Field(key, ticks // hertz, f" {word} {ticks // hertz} sec") for key, word, ticks in named if ticks]
