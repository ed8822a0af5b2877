"""Lines of a batch that differ in nothing but their preference and handle, as those that a script makes.

What such a line asks for is found out once, from its words; for the next ones, two numbers are put into the request.
That nothing else of the request depends on them is not believed, but tried: with other numbers in the place of theirs.
"""

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pytc.operations.ready_filters import ReadyFilter, ReadyProgram

Ready = ReadyFilter | ReadyProgram
#: How a line becomes a request; None where that takes more than its words.
Maker = Callable[[list[str]], Ready | None]

_MOST = 64
_NUMBER = struct.Struct("=I")
#: Where ``struct tcmsg`` behind the message's header has them; the preference is the high half of ``tcm_info``.
_HANDLE, _INFO = 24, 32
#: Numbers that nobody reads in two ways: as hexadecimal ones, they are others.
_TRIALS = ((4099, 1023), (77, 65))
_WORDS = ("pref", "handle")
_LIMITS = (0xFFFF, 0xFFFFFFFF)


class _Line(NamedTuple):
    """The words without their numbers, which are None where there are none, and where they stand."""

    rest: tuple[str, ...]
    numbers: tuple[int | None, int | None]
    places: tuple[int, int]


class Patterns:
    """Requests of lines of which another one like them has been seen. ``make`` has to give the same for the same."""

    def __init__(self, make: Maker) -> None:
        self._make = make
        self._known: dict[tuple[str, ...], Ready | None] = {}

    def ready(self, words: list[str]) -> Ready | None:
        """The request of a line; None for one that is like no other, or takes more."""
        line = _taken_apart(words)
        if line is None:
            return None
        if line.rest in self._known:
            known = self._known[line.rest]
            if known is None:
                known = self._known[line.rest] = self._tried(words, line)
            return None if known is None else _with_numbers(known, words, line.numbers)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[line.rest] = None
        return None

    def forget(self) -> None:
        """What was found out is true no more."""
        self._known.clear()

    def _tried(self, words: list[str], line: _Line) -> Ready | None:
        """What the line asks for, if its numbers go where they are thought to go, and nowhere else."""
        found = self._make(words)
        if found is None or _with_numbers(found, words, line.numbers) != found:
            return None
        for trial in _TRIALS:
            numbers = tuple(None if own is None else other for own, other in zip(line.numbers, trial, strict=True))
            other_words = [*words]
            for place, number in zip(line.places, numbers, strict=True):
                if number is not None:
                    other_words[place] = str(number)
            if self._make(other_words) != _with_numbers(found, other_words, (numbers[0], numbers[1])):
                return None
        return found


def _taken_apart(words: list[str]) -> _Line | None:
    places: list[int] = [0, 0]
    numbers: list[int | None] = [None, None]
    for which, word in enumerate(_WORDS):
        if word not in words:
            continue
        place = words.index(word) + 1
        text = words[place] if place < len(words) else ""
        if not text.isdecimal() or not text.isascii() or text[0] == "0" or int(text) > _LIMITS[which]:
            return None
        places[which], numbers[which] = place, int(text)
    if places == [0, 0]:
        return None
    rest = [*words]
    for place in places:
        if place:
            rest[place] = ""
    return _Line(tuple(rest), (numbers[0], numbers[1]), (places[0], places[1]))


def _with_numbers(ready: Ready, words: Sequence[str], numbers: tuple[int | None, int | None]) -> Ready:
    """The request of a line that is like another one."""
    pref, handle = numbers
    data = bytearray(ready.data)
    if pref is not None:
        info = _NUMBER.unpack_from(data, _INFO)[0]
        _NUMBER.pack_into(data, _INFO, pref << 16 | info & 0xFFFF)
    if handle is not None:
        _NUMBER.pack_into(data, _HANDLE, handle)
    return ready._replace(words=[*words], data=bytes(data))
