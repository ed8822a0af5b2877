"""Values to bytes, by their BTF type: for variables that are set when a program is loaded."""

from collections.abc import Mapping, Sequence
from typing import Any

from pytc.bpf import btf as b
from pytc.bpf.btf import Btf
from pytc.errors import ObjectError

_TRUE = {"true": 1, "yes": 1, "on": 1, "false": 0, "no": 0, "off": 0}
_BOOL, _CHAR = 4, 2  # BTF_INT_BOOL, BTF_INT_CHAR


def encode(btf: Btf, type_id: int, value: Any) -> bytes:
    """The bytes of a value. ``value`` is an int, bool, str, bytes, a sequence (array) or a mapping (struct).

    Text is read by the type: numbers (decimal, ``0x``, ``0o``, ``0b``), ``true`` and ``false``, names of
    enumerators, IPv4 and IPv6 addresses (network byte order), MAC addresses, strings for arrays of char, and elements
    with commas between them for other arrays. Raises ObjectError with the type in its message.
    """
    type_id = btf.resolve(type_id)
    size = btf.size(type_id)
    if isinstance(value, bytes):
        if len(value) != size:
            raise ObjectError(f"{len(value)} bytes for a value of {size}")
        return value
    encoder = {b.INT: _integer, b.ENUM: _enum, b.ENUM64: _enum, b.ARRAY: _array, b.STRUCT: _structure,
               b.UNION: _structure}.get(btf.kind(type_id))
    if encoder is None:
        raise ObjectError("a value of this type (a pointer, or a floating point number) cannot be set")
    return encoder(btf, type_id, value)


def _integer(btf: Btf, type_id: int, value: Any) -> bytes:
    size, signed = btf.size(type_id), btf.is_signed(type_id)
    encoding, _, _ = btf.integer(type_id)
    if isinstance(value, str):
        address = _address(value, size)
        if address is not None:
            return address
        value = _number(value, is_char=size == 1 and bool(encoding & _CHAR or signed))
    if isinstance(value, bool):
        value = int(value)
    if not isinstance(value, int):
        raise ObjectError(f"{value!r} is no number")
    if encoding & _BOOL and value not in (0, 1):
        raise ObjectError(f"{value} is no boolean")
    return _pack(value, size, signed=signed)


def _pack(number: int, size: int, *, signed: bool) -> bytes:
    try:
        return number.to_bytes(size, "little", signed=signed)
    except OverflowError:
        bits = size * 8
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        raise ObjectError(f"{number} does not fit: {low} to {high}") from None


def _number(text: str, *, is_char: bool = False) -> int:
    if text.lower() in _TRUE:
        return _TRUE[text.lower()]
    try:
        return int(text, 10 if text.lstrip("+-").isdigit() else 0)
    except ValueError:
        if is_char and len(text.encode()) == 1:
            return text.encode()[0]
        raise ObjectError(f'"{text[:80]}" is no number') from None


def _address(text: str, size: int) -> bytes | None:
    """An IP address that fills the value, None for anything else."""
    import _socket

    family = {4: (_socket.AF_INET, "."), 16: (_socket.AF_INET6, ":")}.get(size)
    if family is None or family[1] not in text:
        return None
    try:
        return _socket.inet_pton(family[0], text)
    except (OSError, ValueError):
        raise ObjectError(f'"{text[:80]}" is no IP address') from None


def _mac(text: str) -> bytes | None:
    words = text.replace("-", ":").split(":")
    if len(words) != 6 or not all(len(word) == 2 for word in words):
        return None
    try:
        return bytes(int(word, 16) for word in words)
    except ValueError:
        return None


def _enum(btf: Btf, type_id: int, value: Any) -> bytes:
    size = btf.size(type_id)
    if isinstance(value, str):
        known = dict(btf.enumerators(type_id))
        if value in known:
            return (known[value] & (1 << size * 8) - 1).to_bytes(size, "little")
        if not value.lstrip("+-")[:1].isdigit():
            raise ObjectError(f'"{value[:80]}" is none of {", ".join(known)}')
        value = _number(value)
    return _pack(int(value), size, signed=btf.is_signed(type_id) or value < 0)


def _array(btf: Btf, type_id: int, value: Any) -> bytes:
    element, count = btf.array(type_id)
    size = btf.size(element)
    if isinstance(value, str):
        found = _text_of_bytes(value, size * count) if size == 1 else None
        if found is not None:
            return found
        value = [word.strip() for word in value.split(",")]
    if not isinstance(value, Sequence) or len(value) > count:
        length = len(value) if isinstance(value, Sequence) else "no"
        raise ObjectError(f"{length} elements for an array of {count}")
    return b"".join(encode(btf, element, one) for one in value).ljust(size * count, b"\0")


def _text_of_bytes(text: str, length: int) -> bytes | None:
    """An address or a string for an array of bytes; None for elements with commas between them."""
    found = _mac(text) if length == 6 else None
    if found is None and length in (4, 16) and ("." in text or ":" in text):
        found = _address(text, length)
    if found is None and ("," not in text or not all(word.strip().isdigit() for word in text.split(","))):
        found = text.encode()
        if len(found) > length:
            raise ObjectError(f"{len(found)} bytes of text for an array of {length}")
        found = found.ljust(length, b"\0")
    return found


def _structure(btf: Btf, type_id: int, value: Any) -> bytes:
    size = btf.size(type_id)
    if isinstance(value, str) and size in (4, 16):
        address = _address(value, size)
        if address is not None:
            return address
    if not isinstance(value, Mapping):
        raise ObjectError("a structure is set by its members: NAME.MEMBER=VALUE")
    data = bytearray(size)
    for name, one in value.items():
        offset, member = member_at(btf, type_id, str(name))
        part = encode(btf, member, one)
        data[offset:offset + len(part)] = part
    return bytes(data)


def member_at(btf: Btf, type_id: int, name: str) -> tuple[int, int]:
    """(byte offset, type) of a member, also one of an unnamed member; raises ObjectError with the names there are."""
    type_id = btf.resolve(type_id)
    if btf.kind(type_id) not in (b.STRUCT, b.UNION):
        raise ObjectError(f'no structure, so that it has no member "{name}"')
    known = []
    for member in btf.members(type_id):
        if not member.name:
            try:
                offset, found = member_at(btf, member.type_id, name)
            except ObjectError:
                continue
            return offset + member.bit_offset // 8, found
        if member.name == name:
            if member.bits:
                raise ObjectError(f'member "{name}" is a bit field, which cannot be set')
            return member.bit_offset // 8, member.type_id
        known.append(member.name)
    raise ObjectError(f'there is no member "{name}"; there are {", ".join(known)}')
