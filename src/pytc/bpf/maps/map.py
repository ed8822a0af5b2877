"""Maps in the kernel: their creation, and access to their elements as bytes, in batches and as Python values."""

from __future__ import annotations

import errno
import mmap

from pytc.bpf.kernel.features import Features
from pytc.bpf.maps.batch import read_batches, read_items
from pytc.bpf.maps.raw import RawMap
from pytc.bpf.object.spec import DATA
from pytc.bpf.sys.abi import MapCreateAttr
from pytc.bpf.sys.constants import (
    ANY,
    F_MMAPABLE,
    WITHOUT_BTF_TYPES,
    Command,
    MapType,
    map_type_name,
)
from pytc.bpf.sys.cpus import possible_cpus
from pytc.bpf.sys.syscall import bpf
from pytc.errors import ENOTSUPP, BpfSyscallError
from pytc.typing import overload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any

    from pytc.bpf.btf.types import Btf
    from pytc.bpf.maps.batch import Batch
    from pytc.bpf.maps.typed import TypedMap
    from pytc.bpf.object.spec import MapSpec

# What map_check_btf in kernel/bpf/syscall.c returns, and the function of that name of a map's type.
_TYPE_REFUSALS = (errno.EACCES, errno.EINVAL, errno.EOPNOTSUPP)


#: Features of attributes that are left out where the kernel lacks them.
_LEFT_OUT = ("map_names", "mmapable")


class Map(RawMap):
    """A map with an open descriptor: ``map[key]`` with bytes, ``map.typed[key]`` with Python values.

    ``map[key]`` raises KeyError where there is no element, BpfSyscallError for any other failure; so do assignment and
    ``del``. A key or value that is not bytes goes to :attr:`typed`, which may raise CodecError. Iterating yields the
    keys.

    Open a map with :meth:`from_pin`, :meth:`from_id` or :meth:`from_fd`; :func:`pytc.bpf.load` returns those of an
    object. Close it, or use it in a ``with`` block.
    """

    def get(self, key: bytes, default: bytes | None = None) -> bytes | None:
        """Return the value under ``key``, or ``default``; raises BpfSyscallError."""
        try:
            return self[key]
        except KeyError:
            return default

    @overload
    def __getitem__(self, key: bytes) -> bytes: ...

    @overload
    def __getitem__(self, key: Any) -> Any: ...

    def __getitem__(self, key: Any) -> Any:
        return self.lookup(key) if isinstance(key, bytes) else self.typed[key]

    @overload
    def __setitem__(self, key: bytes, value: bytes) -> None: ...

    @overload
    def __setitem__(self, key: Any, value: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, bytes) and isinstance(value, bytes):
            self.update(key, value)
        else:
            self.typed[key] = value

    def __iter__(self) -> Iterator[bytes]:
        return self.keys()

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) of each element, read in batches; raises BpfSyscallError."""
        return read_items(self)

    def batches(self, flags: int = ANY) -> Iterator[Batch]:
        """Yield all elements in batches: keys, one after another, and their values. ``flags`` is ANY or F_LOCK."""
        return read_batches(self, flags)

    @property
    def typed(self) -> TypedMap:
        """A view of the map with Python values as keys and values, by its types (BTF). The map must stay open."""
        from pytc.bpf.maps.typed import TypedMap  # with its codecs, which access by bytes does not need

        return TypedMap(self)


def create_map(
    spec: MapSpec, kernel_name: str, *, btf_fd: int = 0, inner_fd: int = 0, features: Features | None = None
) -> Map:
    """Create a map; ``btf_fd`` 0 creates it without key and value types.

    The first attempt has all that the map declares. After a refusal, attributes that an older kernel may lack are
    probed for and left out: versions do not tell, since distributions backport. ``features`` remembers the answers.
    Raises BpfSyscallError with hints about likely causes.
    """
    features = features if features is not None else Features()
    attr = map_attribute(spec, kernel_name, features, btf_fd=btf_fd, inner_fd=inner_fd)
    return Map.created(_create(spec, attr, features), spec)


def map_attribute(
    spec: MapSpec, kernel_name: str, features: Features, *, btf_fd: int = 0, inner_fd: int = 0
) -> MapCreateAttr:
    """Return the attribute of BPF_MAP_CREATE, without what ``features`` knows the kernel to lack."""
    attr = MapCreateAttr(
        map_type=spec.type,
        key_size=spec.key_size,
        value_size=spec.value_size,
        max_entries=actual_entries(spec),
        map_flags=spec.flags,
        inner_map_fd=inner_fd,
        map_name=kernel_name.encode(),
        map_extra=spec.map_extra,
    )
    if spec.numa_node is not None:
        attr.numa_node = spec.numa_node
        attr.map_flags |= 1 << 2  # BPF_F_NUMA_NODE
    if btf_fd and wants_btf(spec):
        attr.btf_fd, attr.btf_key_type_id, attr.btf_value_type_id = btf_fd, spec.key_type_id, spec.value_type_id
    _leave_out(spec, attr, features.missing)
    return attr


def wants_btf(spec: MapSpec) -> bool:
    """Return whether to create a map with key and value types."""
    return bool(spec.value_type_id) and spec.type not in WITHOUT_BTF_TYPES


def _create(spec: MapSpec, attr: MapCreateAttr, features: Features) -> int:
    try:
        return bpf(Command.MAP_CREATE, attr)
    except BpfSyscallError as error:
        refusal = error
    if refusal.errno in (errno.EINVAL, errno.E2BIG, ENOTSUPP):
        changed = _leave_out(spec, attr, {name for name in _LEFT_OUT if not features.has(name)})
        if attr.btf_fd:
            # Types of maps learned one by one to take BTF (map_check_btf); every map is usable without.
            attr.btf_fd = attr.btf_key_type_id = attr.btf_value_type_id = 0
            changed = True
        if changed:
            try:
                return bpf(Command.MAP_CREATE, attr)
            except BpfSyscallError as error:
                refusal = error
    number, hints = refusal.errno or 0, refusal.hints
    try:
        from pytc.bpf.maps.causes import map_causes

        hints = map_causes(spec, actual_entries(spec), number)
    except (OSError, ImportError):
        pass  # the reason may be that no descriptor is left, also for an import
    what = f'map "{spec.name}" ({map_type_name(spec.type)}): cannot create it'
    raise BpfSyscallError(refusal.command, number, what, hints=hints) from refusal


def explain_types(error: BpfSyscallError, spec: MapSpec, btf: Btf | None) -> None:
    """Replace the hints of a refusal by those about the types of the map's keys and values, if these are the reason."""
    if error.errno in _TYPE_REFUSALS and btf is not None:
        try:
            from pytc.bpf.maps.causes import type_causes

            error.hints = type_causes(spec, btf) or error.hints
        except (OSError, ImportError):
            pass  # as above


def _leave_out(spec: MapSpec, attr: MapCreateAttr, missing: Collection[str]) -> bool:
    """Clear what the kernel lacks; returns whether there was anything."""
    changed = False
    if attr.map_name and "map_names" in missing:  # v4.15
        attr.map_name, changed = b"", True
    if spec.origin == DATA and attr.map_flags & F_MMAPABLE and "mmapable" in missing:  # v5.5
        attr.map_flags &= ~F_MMAPABLE
        changed = True
    return changed


def actual_entries(spec: MapSpec) -> int:
    """Return max_entries for the kernel: a perf event array without a size has one entry for each possible CPU, a ring
    buffer is a power of two of whole pages."""
    if spec.type == MapType.PERF_EVENT_ARRAY and not spec.max_entries:
        return possible_cpus()
    if spec.type in (MapType.RINGBUF, MapType.USER_RINGBUF) and spec.max_entries:
        return max(mmap.PAGESIZE, 1 << (spec.max_entries - 1).bit_length())
    return spec.max_entries
