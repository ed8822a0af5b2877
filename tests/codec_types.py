"""Random formats and random BTF types, for property tests of codecs."""

from __future__ import annotations

import struct
from typing import NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf
from tests.btf_writer import BtfWriter

SIMPLE = (
    "u8",
    "u16",
    "u32",
    "u64",
    "s8",
    "s16",
    "s32",
    "s64",
    "be16",
    "be32",
    "be64",
    "bool",
    "char",
    "f32",
    "f64",
    "ip4",
    "ip6",
    "mac",
    "ip4/",
    "hex[3]",
    "str[5]",
)
NAMES = ("a", "b", "packets", "src", "x1", "_y", "percent")

simple_formats = st.sampled_from(SIMPLE)


def _structures(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(st.tuples(inner, st.sampled_from(NAMES)), min_size=1, max_size=4, unique_by=lambda one: one[1])
    return st.builds(
        lambda packed, parts: f"{packed}{{{', '.join(f'{of} {name}' for of, name in parts)}}}",
        st.sampled_from(["", "packed "]),
        members,
    )


def _arrays(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda of, count: f"{of}[{count}]", inner, st.integers(1, 4))


formats = st.recursive(simple_formats, lambda inner: _structures(inner) | _arrays(inner), max_leaves=8)


class Typed(NamedTuple):
    """A type in its BTF."""

    btf: Btf
    type_id: int
    size: int


class _Maker:
    """Makes types of what a test draws."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw, self.writer = draw, BtfWriter()

    def any(self, depth: int = 0) -> tuple[int, int]:
        """(type id, size)."""
        makers = [self.integer, self.enum, self.text, self.float]
        if depth < 3:
            makers += [
                lambda: self.array(depth),
                lambda: self.structure(depth),
                lambda: self.union(depth),
                self.bit_fields,
                lambda: self.named(depth),
            ]
        return self.draw(st.sampled_from(makers))()

    def integer(self) -> tuple[int, int]:
        size, encoding = self.draw(st.sampled_from([1, 2, 4, 8, 16])), self.draw(st.sampled_from([0, 1, 4]))
        size = 1 if encoding == 4 else size
        extra = struct.pack("<I", encoding << 24 | size * 8)
        return self.writer.add(b.INT, f"int{size}", size, extra), size

    def enum(self) -> tuple[int, int]:
        values = [("ONE", 1), ("TWO", 2), ("GONE", 0xFFFFFFFF), ("TOP", 0x80000000)]
        kind = self.draw(st.sampled_from([b.ENUM, b.ENUM64]))
        return self.writer.enum(
            "state", values[: self.draw(st.integers(1, 4))], kind=kind
        ), 8 if kind == b.ENUM64 else 4

    def text(self) -> tuple[int, int]:
        size = self.draw(st.integers(1, 9))
        char = self.writer.add(b.INT, "char", 1, struct.pack("<I", 1 << 24 | 8))
        return self.writer.array(char, size), size

    def float(self) -> tuple[int, int]:
        size = self.draw(st.sampled_from([4, 8]))
        return self.writer.add(b.FLOAT, "double", size), size

    def array(self, depth: int) -> tuple[int, int]:
        of, size = self.any(depth + 1)
        count = self.draw(st.sampled_from([1, 2, 3, 70]))
        return self.writer.array(of, count), size * count

    def named(self, depth: int) -> tuple[int, int]:
        of, size = self.any(depth + 1)
        return self.writer.add(b.TYPEDEF, "other_t", of), size

    def structure(self, depth: int) -> tuple[int, int]:
        members, at = [], 0
        for index in range(self.draw(st.integers(1, 4))):
            at += self.draw(st.integers(0, 2))
            of, size = self.any(depth + 1)
            members.append((f"m{index}", of, at * 8))
            at += size
        return self.writer.structure("some", at, members), at

    def union(self, depth: int) -> tuple[int, int]:
        parts = [self.any(depth + 1) for _ in range(self.draw(st.integers(1, 3)))]
        size = max(size for _, size in parts)
        members = [(f"u{index}", of, 0) for index, (of, _) in enumerate(parts)]
        return self.writer.structure("", size, members, kind=b.UNION), size

    def bit_fields(self) -> tuple[int, int]:
        base = self.draw(st.sampled_from([self.integer, self.enum]))()
        members, at = [], 0
        for index in range(self.draw(st.integers(1, 3))):
            bits = self.draw(st.integers(1, min(base[1] * 8, 20)))
            if at + bits > 64:
                break
            members.append((f"f{index}", base[0], bits << 24 | at))
            at += bits + self.draw(st.integers(0, 2))
        return self.writer.structure("fields", 16, members, flag=True), 16


_MOST_BYTES = 1 << 16


@st.composite
def btf_types(draw: st.DrawFn) -> Typed:
    """A type with all that C has."""
    maker = _Maker(draw)
    type_id, size = maker.any()
    assume(size <= _MOST_BYTES)  # arrays of arrays of arrays become larger than what is shown
    return Typed(maker.writer.parsed(), type_id, size)
