"""Formats as codecs: ``u32``, ``be16[4]``, ``ip4``, ``{u64 packets, u64 bytes}``.

=======================  ==============================================================================
``u8`` ... ``u64``        unsigned, in the machine's byte order; ``s8`` ... ``s64`` signed
``be16 be32 be64``        unsigned, in network byte order
``bool char f32 f64``     as in C
``ip4 ip6 mac``           addresses; ``ip4/`` and ``ip6/`` are the keys of LPM tries
``hex str``               all that is left as hex digits or text; ``hex[N]`` and ``str[N]`` N bytes of it
``pad[N]``                N bytes that are not looked at
``TYPE[N]``               an array
``{TYPE NAME, ...}``      a structure with C's alignment; ``packed {...}`` without gaps
=======================  ==============================================================================
"""

from __future__ import annotations

import re

from pytc.bpf.codec.compound import Array, String, Structure, StructureMember, Text
from pytc.bpf.codec.lpm import lpm_codec
from pytc.bpf.codec.scalars import Float, Integer, hex_codec, ip_codec, mac_codec
from pytc.bpf.codec.text import quoted
from pytc.errors import CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytc.bpf.codec.scalars import Codec

    Lookup = Callable[[str], Codec]

_TOKEN = re.compile(r"\s*([A-Za-z_][\w]*/?|\d+|[{}\[\],;])", re.ASCII)
_MAX_DEPTH = 16
_MAX_SIZE = 1 << 26
_MAX_LEAVES = 1 << 20
_WIDEST_ALIGNMENT = 8
_INTEGERS = {f"{sign}{bits}": (bits // 8, sign == "s") for sign in "us" for bits in (8, 16, 32, 64)}
_BIG_ENDIAN = {"be16": 2, "be32": 4, "be64": 8}
_SIMPLE: dict[str, Callable[[], Codec]] = {
    "bool": lambda: Integer(1, is_bool=True),
    "char": lambda: Integer(1, signed=True, is_char=True),
    "f32": lambda: Float(4),
    "f64": lambda: Float(8),
    "ip4": lambda: ip_codec(4),
    "ip6": lambda: ip_codec(16),
    "mac": mac_codec,
    "ip4/": lambda: lpm_codec(4),
    "ip6/": lambda: lpm_codec(16),
}
_OPEN_ENDED = {"hex": hex_codec, "str": String, "pad": hex_codec}
#: Alignment of what is not aligned to its size.
_ALIGNMENT = {"ip4": 4, "ip6": 4, "mac": 1, "ip4/": 4, "ip6/": 4, "hex": 1, "str": 1, "pad": 1}


def format_codec(text: str, size: int, lookup: Lookup | None = None) -> Codec:
    """Return the codec of a format for values of ``size`` bytes, 0 for any size.

    ``lookup`` finds types of other names. Raises CodecError where the format makes no sense, or has another size.
    """
    codec = _Parser(text, size, lookup).parse()
    if size and codec.size != size:
        raise CodecError(f"format {quoted(text)} has {codec.size} bytes; {size} expected")
    return codec


class _Parser:
    def __init__(self, text: str, size: int, lookup: Lookup | None) -> None:
        self._text, self._lookup, self._size = text, lookup, size
        self._takes_rest = False
        self._tokens: list[str] = []
        position, text = 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise CodecError(f"format {quoted(text)}: cannot parse {quoted(text[position:].strip())}")
            self._tokens.append(match.group(1))
            position = match.end()
        self._at = 0

    def parse(self) -> Codec:
        """Return the codec; raises CodecError."""
        codec, _ = self._type(0, self._size)
        if self._at < len(self._tokens):
            raise self._unexpected("the end")
        return codec

    def _unexpected(self, expected: str) -> CodecError:
        token = quoted(self._peek()) if self._peek() else "the end"
        return CodecError(f"format {quoted(self._text)}: {expected} expected, not {token}")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _accept(self, *tokens: str) -> str:
        token = self._peek()
        if token not in tokens:
            return ""
        self._at += 1
        return token

    def _type(self, depth: int, left: int) -> tuple[Codec, int]:
        """Return (codec, alignment) of the next type; ``left`` is the number of bytes that remain for it, 0 for any
        number."""
        if depth > _MAX_DEPTH:
            raise CodecError(f"format {quoted(self._text)} is nested too deeply")
        packed = self._peek() == "packed" and self._tokens[self._at + 1 : self._at + 2] == ["{"]
        self._at += packed
        if self._accept("{"):
            codec, alignment = self._structure(depth, left, packed=packed)
        else:
            name = self._peek()
            if not name or not (name[0].isalpha() or name[0] == "_"):
                raise self._unexpected("a type")
            self._at += 1
            if name in _OPEN_ENDED:
                codec, alignment = self._open_ended(name, left), 1
            else:
                codec = self._named(name)
                alignment = _ALIGNMENT.get(name) or min(codec.size & -codec.size or 1, _WIDEST_ALIGNMENT)
        return self._dimensions(codec), alignment

    def _named(self, name: str) -> Codec:
        if name in _INTEGERS:
            size, signed = _INTEGERS[name]
            return Integer(size, signed=signed)
        if name in _BIG_ENDIAN:
            return Integer(_BIG_ENDIAN[name], big_endian=True)
        if name in _SIMPLE:
            return _SIMPLE[name]()
        if name in ("struct", "union", "enum") and self._peek().isidentifier():
            self._at += 1
            name = f"{name} {self._tokens[self._at - 1]}"
        if self._lookup is None:
            known = " ".join([*_INTEGERS, *_BIG_ENDIAN, *_SIMPLE, *_OPEN_ENDED])
            raise CodecError(f"format {quoted(self._text)}: no type {quoted(name)}; the types are {known}")
        return self._lookup(name)

    def _open_ended(self, name: str, left: int) -> Codec:
        size = self._dimension()
        if size is None:
            if not left:
                raise CodecError(f"format {quoted(self._text)}: how many bytes of {name}? Give {name}[N]")
            size, self._takes_rest = left, True
        return self._bounded(_OPEN_ENDED[name](size))

    def _dimension(self) -> int | None:
        if not self._accept("["):
            return None
        text = self._peek()
        if not text.isdigit() or len(text) > 8:
            raise self._unexpected("a number")
        self._at += 1
        if not self._accept("]"):
            raise self._unexpected('"]"')
        return int(text)

    def _dimensions(self, codec: Codec) -> Codec:
        counts = []
        while (count := self._dimension()) is not None:
            counts.append(count)
            if len(counts) > _MAX_DEPTH:
                raise CodecError(f"format {quoted(self._text)} is nested too deeply")
        for count in reversed(counts):
            is_text = isinstance(codec, Integer) and codec.is_char
            codec = self._bounded(Text(count, codec) if is_text and isinstance(codec, Integer) else Array(codec, count))
        return codec

    def _bounded(self, codec: Codec) -> Codec:
        if codec.size > _MAX_SIZE or codec.leaves > _MAX_LEAVES:
            raise CodecError(f"format {quoted(self._text)} is too large")
        return codec

    def _structure(self, depth: int, left: int, *, packed: bool) -> tuple[Codec, int]:
        members: list[StructureMember] = []
        offset, widest, names = 0, 1, set[str]()
        while not self._accept("}"):
            is_gap = self._peek() == "pad"
            codec, alignment = self._type(depth + 1, max(left - offset, 0))
            alignment = 1 if packed else alignment
            offset, widest = -(-offset // alignment) * alignment, max(widest, alignment)
            if not is_gap:
                name = self._name(names)
                codec = self._dimensions(codec)
                members.append(StructureMember(name, offset, codec))
            offset += codec.size
            if not self._accept(",", ";") and self._peek() != "}":
                raise self._unexpected('"," or "}"')
        size = offset if self._takes_rest else -(-offset // widest) * widest
        return self._bounded(Structure(size, members)), widest

    def _name(self, names: set[str]) -> str:
        name = self._peek()
        if not name.isidentifier():
            raise self._unexpected("a name")
        if name in names:
            raise CodecError(f"format {quoted(self._text)}: duplicate member {quoted(name)}")
        names.add(name)
        self._at += 1
        return name
