"""Lines of a batch that differ in nothing but preference, handle and bytecode, as those that a script makes.

What such a line asks for is found out once, from its words; for the next ones, two numbers and the instructions are
put into the request. That nothing else of the request depends on them is not believed, but tried: with others in the
place of theirs.
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from pytc.bpf.insn.classic import ClassicInstruction, format_bytecode, pack
from pytc.bpf.insn.classic_text import parse_bytecode
from pytc.commands.filter.batch_requests import ReadyFilter, ReadyProgram
from pytc.commands.shared.expressions import remarks
from pytc.errors import BytecodeError
from pytc.handles import Handle

Ready = ReadyFilter | ReadyProgram
#: How a line becomes a request; None where that takes more than its words.
Maker = Callable[[list[str]], Ready | None]

_MOST = 64
_ATTRIBUTE = struct.Struct("=HH")
_OPS = 5  # TCA_BPF_OPS
_NUMBER = struct.Struct("=I")
#: Where ``struct tcmsg`` behind the message's header has them; the preference is the high half of ``tcm_info``.
_HANDLE, _INFO = 24, 32
#: Numbers that nobody reads in two ways: as hexadecimal ones, they are others.
_TRIALS = ((4099, 1023), (77, 65))
_LIMITS = {"pref": 0xFFFF, "handle": 0xFFFFFFFF}
_BYTECODE = "bytecode"


class _Line(NamedTuple):
    """A line without what differs: ``rest`` has nothing in the place of numbers, and of bytecode its length. The others
    are None, and their places 0, where there are none."""

    rest: tuple[str, ...]
    pref: int | None
    handle: int | None
    bytecode: str | None
    places: tuple[int, int, int]


class _Pattern(NamedTuple):
    """The request of a line, and the byte at which its instructions are."""

    ready: Ready
    code_at: int


class Patterns:
    """Requests of lines of which another one like them has been seen. ``make`` has to give the same for the same."""

    def __init__(self, make: Maker) -> None:
        self._make = make
        self._known: dict[tuple[str, ...], _Pattern | int] = {}

    def ready(self, words: list[str]) -> Ready | None:
        """The request of a line; None for one that is like no other, or takes more."""
        line = _taken_apart(words)
        if line is None:
            return None
        known = self._known.get(line.rest, 0)
        pattern = self._seen(words, line, known + 1) if isinstance(known, int) else known
        return None if pattern is None else _filled(pattern, words, line)

    def _seen(self, words: list[str], line: _Line, times: int) -> _Pattern | None:
        """What is known of a line that has been seen so often. It is tried the second time, and after as many lines
        again: a program, say, is known when the first of them has been run."""
        if times == 1 and len(self._known) >= _MOST:
            self._known.clear()
        pattern = self._tried(words, line) if times > 1 and not times & times - 1 else None
        self._known[line.rest] = times if pattern is None else pattern
        return pattern

    def forget(self) -> None:
        """What was found out is true no more."""
        self._known.clear()

    def _tried(self, words: list[str], line: _Line) -> _Pattern | None:
        """What the line asks for, if all that may differ goes where it is thought to go, and nowhere else."""
        found = self._make(words)
        if found is None:
            return None
        at = 0
        if line.bytecode is not None:
            program = _plain_program(line.bytecode)
            attribute = _instructions(program) if program is not None else b""
            if not attribute or found.data.count(attribute) != 1:
                return None
            at = found.data.index(attribute) + _ATTRIBUTE.size
        pattern = _Pattern(found, at)
        for trial in _trials(words, line):
            other = _taken_apart(trial)
            if other is None or self._make(trial) != _filled(pattern, trial, other):
                return None
        return pattern if _filled(pattern, words, line) == found else None


def _instructions(program: tuple[ClassicInstruction, ...]) -> bytes:
    """As the attribute that holds them."""
    packed = pack(program)
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _OPS) + packed


def _trials(words: list[str], line: _Line) -> list[list[str]]:
    """The same line with other numbers and instructions."""
    found = []
    for numbers in _TRIALS:
        trial = [*words]
        count = (line.bytecode or "").partition(",")[0]
        code = ",".join([count, *[f"6 0 0 {numbers[0]}"] * int(count or 0)])
        for place, text in zip(line.places, (str(numbers[0]), str(numbers[1]), code), strict=True):
            if place:
                trial[place] = text
        found.append(trial)
    return found


def _taken_apart(words: list[str]) -> _Line | None:
    rest = [*words]
    pref = _number(words, rest, "pref")
    handle = _number(words, rest, "handle")
    if pref is None or handle is None:
        return None
    code_at, code = 0, None
    if _BYTECODE in words:
        code_at = words.index(_BYTECODE) + 1
        code = words[code_at] if code_at < len(words) else ""
        count = code.partition(",")[0]
        if not count.isdecimal() or not count.isascii() or len(count) > 4:
            return None
        rest[code_at] = count
    if not pref[0] and not handle[0] and not code_at:
        return None
    return _Line(tuple(rest), pref[1], handle[1], code, (pref[0], handle[0], code_at))


def _number(words: list[str], rest: list[str], word: str) -> tuple[int, int | None] | None:
    """(place, number) behind a word, (0, None) where the word is not there; takes it out of ``rest``. None for what is
    no number that can be put into a request."""
    if word not in words:
        return 0, None
    place = words.index(word) + 1
    text = words[place] if place < len(words) else ""
    if not text.isdecimal() or not text.isascii() or text[0] == "0" or int(text) > _LIMITS[word]:
        return None
    rest[place] = ""
    return place, int(text)


def _filled(pattern: _Pattern, words: list[str], line: _Line) -> Ready | None:
    """The request of a line that is like another one; None for bytecode that has to be looked at more closely."""
    ready = pattern.ready
    data = bytearray(ready.data)
    if line.pref is not None:
        info = _NUMBER.unpack_from(data, _INFO)[0]
        _NUMBER.pack_into(data, _INFO, line.pref << 16 | info & 0xFFFF)
    if line.handle is not None:
        _NUMBER.pack_into(data, _HANDLE, line.handle)
    if isinstance(ready, ReadyProgram):
        return ready._replace(words=words, data=bytes(data)) if line.bytecode is None else None
    said = ready.remarks
    if line.bytecode is not None:
        code, said = _instructions_of(line.bytecode, ready.expected)
        if not code:
            return None
        data[pattern.code_at : pattern.code_at + len(code)] = code
    return ReadyFilter(words, ready.device, bytes(data), said, ready.expected)


def _plain_program(text: str) -> tuple[ClassicInstruction, ...] | None:
    """Return the program of bytecode that is spelled as tools spell it; None for any other."""
    try:
        program = parse_bytecode(text)
    except BytecodeError:
        return None
    return program if format_bytecode(program) == text.removesuffix(",") else None


@lru_cache(maxsize=16)  # often it is the same
def _instructions_of(text: str, expected: Handle | None) -> tuple[bytes, list[str]]:
    """Bytecode as the kernel gets it, and what there is to say of it; nothing for what has to be looked at more
    closely."""
    program = _plain_program(text)
    return (b"", []) if program is None else (pack(program), remarks(program, expected, direct_action=False))
