"""Classic BPF programs: ``struct sock_filter``, and their text form.

Text: N, the number of instructions, then each as four decimals ``c t f k``: opcode (u16), jump-true and jump-false
offsets (u8), constant (u32). tc and bpf_asm separate them with commas, on one line; ``tcpdump -ddd`` puts each on a
line of its own. Structure (include/uapi/linux/filter.h): ``code u16, jt u8, jf u8, k u32``, 8 bytes.
Text is parsed in :mod:`pytc.bpf.insn.classic_text`.
"""

from __future__ import annotations

import struct
from itertools import chain

from pytc.cpython import lru_cache, partial
from pytc.typing import NamedTuple, cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_INSTRUCTIONS = 4096
#: The fields of an instruction, and the largest number of each.
LIMITS = (("opcode", 0xFFFF), ("jt", 0xFF), ("jf", 0xFF), ("k", 0xFFFFFFFF))

_SOCK_FILTER = struct.Struct("=HBBI")


class ClassicInstruction(NamedTuple):
    """A ``struct sock_filter``: ``c t f k`` of the text form."""

    code: int
    jt: int
    jf: int
    k: int


# Makes an instruction from a tuple of its four numbers; ``_make`` takes three times as long.
_instruction_of: Callable[[tuple[int, ...]], ClassicInstruction] = partial(tuple.__new__, ClassicInstruction)


@lru_cache(maxsize=16)
def _layout(count: int) -> struct.Struct:
    return struct.Struct("=" + "HBBI" * count)


def pack(program: Sequence[ClassicInstruction]) -> bytes:
    """Return instructions as an array of ``struct sock_filter``."""
    return _layout(len(program)).pack(*chain.from_iterable(program))


def unpack(data: bytes) -> tuple[ClassicInstruction, ...]:
    """Return the instructions of an array of ``struct sock_filter``, without an incomplete last one."""
    return tuple(map(_instruction_of, numbers(data)))


def numbers(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Return the instructions of an array of ``struct sock_filter`` as plain tuples ``c, t, f, k``, for long lists."""
    return cast("Iterator[tuple[int, int, int, int]]", _SOCK_FILTER.iter_unpack(whole(data)))


def whole(data: bytes) -> bytes:
    """Return bytes without an incomplete last instruction."""
    left = len(data) % _SOCK_FILTER.size
    return data[:-left] if left else data


def format_bytecode(program: Sequence[ClassicInstruction], separator: str = ",") -> str:
    """Return instructions as text, as tc prints it: without a separator at the end."""
    return _template(len(program), separator) % (*chain.from_iterable(program),)


def format_packed(data: bytes) -> str:
    """Return an array of ``struct sock_filter`` as text; a listing of filters has thousands of them."""
    count = len(data) // _SOCK_FILTER.size
    return _template(count, ",") % _layout(count).unpack_from(data)


def format_packed_json(data: bytes) -> str:
    """Return an array of ``struct sock_filter`` as the JSON object that tc prints."""
    count = len(data) // _SOCK_FILTER.size
    return _json_template(count) % _layout(count).unpack_from(data)


@lru_cache(maxsize=16)
def _json_template(count: int) -> str:
    return f'{{"length":{count},"insns":[' + ",".join(['{"code":%d,"jt":%d,"jf":%d,"k":%d}'] * count) + "]}"


@lru_cache(maxsize=16)
def _template(count: int, separator: str) -> str:
    return separator.join([str(count)] + ["%d %d %d %d"] * count)
