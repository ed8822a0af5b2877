"""Decode variables by their BTF type, and print values as C."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytc.bpf.btf import types as b
from pytc.bpf.codec.btf import btf_codec
from pytc.bpf.codec.scalars import Enumerator, Raw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.btf.types import Btf
    from pytc.bpf.codec.scalars import Value

_WITHOUT_VALUES = (b.VOID, b.FWD, b.FUNC, b.FUNC_PROTO, b.VAR, b.DATASEC, b.DECL_TAG)


def decode(btf: Btf, type_id: int, data: bytes) -> Value:
    """Return the value of a variable: bool, int, float, text of a char array, :class:`Enumerator`, list, or a dict by
    member.

    Returns hex (:class:`Raw`) where ``data`` is not a value of the type; raises ObjectError for BTF that makes no
    sense.
    """
    if btf.kind(btf.resolve(type_id)) in _WITHOUT_VALUES or btf.size(type_id) > len(data):
        return Raw(data.hex())
    codec = btf_codec(btf, type_id)
    return codec.decode(data[: codec.size])


def value_text(value: Value) -> str:
    """Return a value as C would write it: ``"text"``, ``{ 53, 67 }``, ``{ .port = 53 }``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Enumerator, Raw)):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(_CHARACTERS.get(c, c if c.isprintable() else _escaped(c)) for c in value) + '"'
    if isinstance(value, Mapping):
        return _braced([f".{name} = {value_text(member)}" for name, member in value.items()])
    if isinstance(value, Sequence):
        return _braced([value_text(element) for element in value])
    return str(value)


_CHARACTERS = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode())


def _braced(parts: list[str]) -> str:
    return f"{{ {', '.join(parts)} }}" if parts else "{ }"


__all__ = ["Enumerator", "Raw", "decode", "value_text"]
