"""Types of a map's keys and values: from BTF if the map has it, from a format, or from the map's type."""

from __future__ import annotations

from pytc.bpf.btf.types import ENUM, ENUM64, STRUCT, TYPEDEF, UNION, Btf
from pytc.bpf.codec.btf import btf_codec, has_spin_lock
from pytc.bpf.codec.compound import PerCpu, Structure, StructureMember, summed
from pytc.bpf.codec.format import format_codec
from pytc.bpf.codec.lpm import lpm_codec
from pytc.bpf.codec.scalars import Codec, Column, Columns, Integer, format_value, hex_codec
from pytc.bpf.sys.constants import PER_CPU, MapType
from pytc.bpf.sys.info import btf_image
from pytc.errors import BpfSyscallError, CodecError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.bpf.codec.scalars import Style, Value
    from pytc.bpf.sys.descriptions import MapDescription

_MAX_LEAVES = 1 << 20
_INTEGER_SIZES = (1, 2, 4, 8)
_LPM_SIZES = (8, 20)
_LPM_PREFIX_BYTES = 4
_KINDS: dict[str, tuple[int, ...]] = {
    "struct": (STRUCT,),
    "union": (UNION,),
    "enum": (ENUM, ENUM64),
    "": (STRUCT, UNION, TYPEDEF, ENUM, ENUM64),
}
#: Elements without keys.
KEYLESS = frozenset({MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER})
_DEVICES = frozenset({MapType.DEVMAP, MapType.DEVMAP_HASH})


class MapTypes(NamedTuple):
    """The codecs of a map: ``value`` of a single value, ``whole`` of an element, which in a per-CPU map has all CPUs'
    values.

    ``btf`` is the type information that the map was created with, None where there is none, or it cannot be read.
    """

    key: Codec
    value: Codec
    whole: Codec
    is_per_cpu: bool = False
    has_lock: bool = False
    btf: Btf | None = None
    value_size: int = 0
    cpus: int = 1

    def summed(self) -> MapTypes:
        """Return types whose values are sums over CPUs; raises CodecError for a map without values for each CPU."""
        if not self.is_per_cpu:
            raise CodecError("sum works only on per-CPU maps")
        stride = -(-self.value.size // 8) * 8
        return self._replace(whole=summed(self.value, self.cpus, stride), is_per_cpu=False)


def map_types(description: MapDescription, *, key: str = "", value: str = "", cpus: int = 1) -> MapTypes:
    """Return the types of a map.

    The formats ``key`` and ``value`` (see :mod:`pytc.bpf.codec.format`) take precedence; names in them are looked up in
    the map's BTF. ``cpus`` is the number of possible CPUs. Raises CodecError, ObjectError.
    """
    btf = read_btf(description)
    value_size = description.value_size
    keys = named_codec(key, description.key_size, btf) if key else _key(description, btf)
    codec = named_codec(value, value_size, btf) if value else _value(description, btf)
    is_per_cpu = description.type in PER_CPU
    whole = PerCpu(codec, cpus, stride=-(-value_size // 8) * 8) if is_per_cpu else codec
    locked = (
        btf is not None and bool(description.btf_value_type_id) and has_spin_lock(btf, description.btf_value_type_id)
    )
    return MapTypes(keys, codec, whole, is_per_cpu, locked, btf, value_size, cpus)


def read_btf(description: MapDescription) -> Btf | None:
    """Return a map's type information; None where it has none, and where this process may not read it."""
    if not description.btf_id:
        return None
    try:
        return Btf(btf_image(description.btf_id))
    except BpfSyscallError:
        return None


def named_codec(text: str, size: int, btf: Btf | None) -> Codec:
    """Return the codec of a format that may name types of ``btf``; ``size`` 0 takes any size."""
    if btf is None:
        return format_codec(text, size)
    types = btf

    def lookup(name: str) -> Codec:
        keyword, _, last = name.rpartition(" ")
        type_id = types.find(last, *_KINDS[keyword])
        if not type_id:
            raise CodecError(
                f'unknown type "{name}": neither a format nor in the type information',
                hints=(
                    "clang leaves out types that only code inside of functions uses; a variable keeps one: "
                    f"{name} *unused __attribute__((unused));",
                )
                if keyword
                else (),
            )
        return btf_codec(types, type_id, in_map=True, max_leaves=_MAX_LEAVES)

    return format_codec(text, size, lookup)


def plain_codec(size: int) -> Codec:
    """Return the codec for a value without a type: an unsigned number of 1, 2, 4 or 8 bytes, else hex."""
    return Integer(size) if size in _INTEGER_SIZES else hex_codec(size)


def _key(description: MapDescription, btf: Btf | None) -> Codec:
    size, type_id = description.key_size, description.btf_key_type_id
    codec = btf_codec(btf, type_id, in_map=True, max_leaves=_MAX_LEAVES) if btf is not None and type_id else None
    if codec is not None and codec.size != size:
        codec = None
    if description.type == MapType.LPM_TRIE and size > _LPM_PREFIX_BYTES and (codec is None or _is_prefix(codec)):
        return lpm_codec(size - _LPM_PREFIX_BYTES)
    return codec or plain_codec(size)


def _is_prefix(codec: Codec) -> bool:
    """Return whether a structure is a length and an address, and nothing else."""
    if codec.size not in _LPM_SIZES or not isinstance(codec, Structure) or len(codec.members) != 2:
        return False
    length, data = codec.members
    return (length.offset, data.offset) == (0, _LPM_PREFIX_BYTES) and not isinstance(data.codec, Structure)


def _value(description: MapDescription, btf: Btf | None) -> Codec:
    if description.type in _DEVICES:
        if description.value_size == 4:
            return Device()
        return Structure(8, [StructureMember("device", 0, Device()), StructureMember("program", 4, Integer(4))])
    if btf is not None and description.btf_value_type_id:
        codec = btf_codec(btf, description.btf_value_type_id, in_map=True, max_leaves=_MAX_LEAVES)
        if codec.size == description.value_size:
            return codec
    return plain_codec(description.value_size)


class Device(Codec):
    """The index of a network device of this namespace as its name; a number where no device has it."""

    size = 4

    def decode(self, data: bytes) -> Value:
        import socket

        number = int.from_bytes(data, "little")
        try:
            return socket.if_indextoname(number)
        except OSError:
            return number

    def _encode(self, value: Any) -> bytes:
        import socket

        if isinstance(value, str) and not value.isdigit():
            try:
                value = socket.if_nametoindex(value)
            except (OSError, ValueError):
                raise CodecError(f'there is no device "{value}"') from None
        return Integer(4).encode(value)

    def columns(self, style: Style, offset: int) -> Columns:
        return Columns("%s", (Column((offset,), 4, "", lambda data: format_value(style, self.decode(data))),))
