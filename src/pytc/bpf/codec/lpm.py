"""Keys of LPM tries: ``PREFIX/LENGTH``."""

from __future__ import annotations

from pytc.bpf.codec.scalars import Codec, Column, Columns, Raw, Style, hex_codec, ip_codec
from pytc.bpf.codec.text import quoted, shown
from pytc.errors import CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.bpf.codec.scalars import Value

_LENGTH_BYTES = 4


class Prefix(Codec):
    """A ``struct bpf_lpm_trie_key``: the length in bits as u32, then the data."""

    def __init__(self, data: Codec) -> None:
        self.size, self._data = _LENGTH_BYTES + data.size, data

    def decode(self, data: bytes) -> Value:
        return Raw(f"{self._data.decode(data[_LENGTH_BYTES:])}/{int.from_bytes(data[:_LENGTH_BYTES], 'little')}")

    def _encode(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise CodecError(f"{shown(value)} is not text")
        text, slash, length = value.partition("/")
        bits = self._data.size * 8
        if slash and not (length.isascii() and length.isdigit() and len(length) < 6 and int(length) <= bits):
            raise CodecError(f"{quoted(value)}: a length of 0 to {bits} is expected after the slash")
        return (int(length) if slash else bits).to_bytes(_LENGTH_BYTES, "little") + self._data.encode(text)

    def columns(self, style: Style, offset: int) -> Columns:
        inner = self._data.columns(Style.TEXT, offset + _LENGTH_BYTES)
        template = f"{inner.template}/%d"
        length = Column((offset,), _LENGTH_BYTES, "I", is_number=True)
        return Columns(f'"{template}"' if style is Style.JSON else template, (*inner.items, length))


def lpm_codec(size: int) -> Codec:
    """Return the codec of prefixes of ``size`` bytes: IP addresses for 4 and 16, else hex digits."""
    return Prefix(ip_codec(size) if size in (4, 16) else hex_codec(size))
