"""Maps that exist: creation, elements, pins."""

import ctypes
import errno
import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, overload

from pytc.bpf.kernel.features import Features
from pytc.bpf.object.spec import DATA, MapSpec
from pytc.bpf.sys.abi import MapCreateAttr, MapElementAttr, MapFdAttr, ObjectPathAttr, pointer
from pytc.bpf.sys.constants import (
    ANY,
    F_MMAPABLE,
    PER_CPU,
    WITHOUT_BTF_TYPES,
    Command,
    MapType,
    map_type_name,
)
from pytc.bpf.sys.descriptions import MapDescription
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.info import describe_map, map_by_id
from pytc.bpf.sys.memlock import retry_unlimited
from pytc.bpf.sys.syscall import bpf
from pytc.errors import ENOTSUPP, BpfError, BpfSyscallError

if TYPE_CHECKING:
    from pytc.bpf.codec.scalars import Value
    from pytc.bpf.maps.batch import Batch
    from pytc.bpf.maps.typed import TypedMap


class Map:
    """A map with an open descriptor, which it owns.

    Keys and values are bytes of ``description.key_size`` and ``description.value_size``; a per-CPU map's value
    has, for each possible CPU, the value's bytes rounded up to 8. ``map[key]`` raises KeyError where there is no
    element, BpfSyscallError for any other failure. With a key that is not bytes, ``map[key]`` is that of
    :attr:`typed`.
    """

    def __init__(self, descriptor: OwnedFd, spec: MapSpec | None = None, *, is_new: bool = False) -> None:
        """``is_new`` says that the kernel has just made it from ``spec``: then it is not asked what it is."""
        self.descriptor = descriptor
        self.spec = spec
        self._description: MapDescription | None = None
        if is_new and spec is not None:
            self._shape = (spec.type, spec.key_size, spec.value_size)
            return
        try:
            self._shape = (self.description.type, self.description.key_size, self.description.value_size)
        except BaseException:
            descriptor.close()
            raise

    @property
    def description(self) -> MapDescription:
        """What the kernel says of it, asked once; raises BpfSyscallError, also for a descriptor of something else."""
        if self._description is None:
            self._description = describe_map(self.fd)
        return self._description

    @classmethod
    def from_id(cls, number: int) -> "Map":
        """Opens the map with that id."""
        return cls(map_by_id(number))

    @classmethod
    def from_pin(cls, path: str) -> "Map":
        """Opens a pinned map; raises BpfSyscallError (ENOENT) or BpfError when it is no map."""
        return cls(open_pin(path))

    @classmethod
    def from_fd(cls, number: int) -> "Map":
        """The map of an inherited descriptor, like those in $BPF_MAP0; the descriptor itself stays open.

        Raises BpfError (EBADF) when it is not open, BpfSyscallError when it is no map.
        """
        import fcntl

        try:
            copy = OwnedFd(fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3))
        except (OSError, OverflowError) as error:
            raise BpfError(f"this process has no descriptor {number}", errno=errno.EBADF) from error
        return cls(copy)

    @property
    def fd(self) -> int:
        return self.descriptor.fd

    @property
    def name(self) -> str:
        """As declared; the kernel's (cut) name where there is no declaration."""
        return self.spec.name if self.spec is not None else self.description.name

    @property
    def value_bytes(self) -> int:
        """Bytes that an element's value takes here."""
        type, _, size = self._shape
        return -(-size // 8) * 8 * possible_cpus() if type in PER_CPU else size

    def get(self, key: bytes, default: bytes | None = None) -> bytes | None:
        """The value under ``key``, or ``default``."""
        try:
            return self[key]
        except KeyError:
            return default

    @overload
    def __getitem__(self, key: bytes) -> bytes: ...

    @overload
    def __getitem__(self, key: "Value") -> "Value": ...

    def __getitem__(self, key: "bytes | Value") -> "bytes | Value":
        return self.lookup(key) if isinstance(key, bytes) else self.typed[key]

    def lookup(self, key: bytes, flags: int = ANY) -> bytes:
        """The value under ``key``; with F_LOCK while its spin lock is held. Raises KeyError, BpfSyscallError."""
        return self._read(Command.MAP_LOOKUP_ELEM, key, flags)

    def pop(self, key: bytes = b"") -> bytes:
        """Takes an element out: that of a key, or the next one of a queue or stack. Raises KeyError."""
        return self._read(Command.MAP_LOOKUP_AND_DELETE_ELEM, key, ANY)

    def _read(self, command: Command, key: bytes, flags: int) -> bytes:
        value = ctypes.create_string_buffer(max(self.value_bytes, 1))
        try:
            self._element(command, self._key(key), value, flags)
        except BpfSyscallError as error:
            if error.errno == errno.ENOENT:
                raise KeyError(key) from error
            raise
        return value.raw[: self.value_bytes]

    def may_hold(self, value: bytes) -> bool:
        """Whether a bloom filter may hold a value; False is certain. Raises BpfSyscallError."""
        try:
            self._element(Command.MAP_LOOKUP_ELEM, None, ctypes.create_string_buffer(value, max(len(value), 1)))
        except BpfSyscallError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        return True

    @overload
    def __setitem__(self, key: bytes, value: bytes) -> None: ...

    @overload
    def __setitem__(self, key: "Value", value: "Value") -> None: ...

    def __setitem__(self, key: "bytes | Value", value: "bytes | Value") -> None:
        if isinstance(key, bytes) and isinstance(value, bytes):
            self.update(key, value)
        else:
            self.typed[key] = value

    def update(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        """Sets an element; ``flags`` is ANY, NOEXIST or EXIST, and F_LOCK to hold the value's spin lock."""
        if len(value) != self.value_bytes:
            raise BpfError(f'map "{self.name}": a value of {len(value)} bytes, {self.value_bytes} wanted')
        self._element(
            Command.MAP_UPDATE_ELEM, self._key(key), ctypes.create_string_buffer(value, max(len(value), 1)), flags
        )

    def __delitem__(self, key: bytes) -> None:
        try:
            self._element(Command.MAP_DELETE_ELEM, self._key(key), None)
        except BpfSyscallError as error:
            if error.errno == errno.ENOENT:
                raise KeyError(key) from error
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self.keys()

    def keys(self, after: bytes | None = None) -> Iterator[bytes]:
        """The keys, in the kernel's order, of those behind ``after`` only; elements that come and go meanwhile may be
        missed or come twice."""
        size = self.description.key_size
        current = None if after is None else self._key(after)
        following = ctypes.create_string_buffer(size)
        while True:
            try:
                self._element(Command.MAP_GET_NEXT_KEY, current, following)
            except BpfSyscallError as error:
                if error.errno == errno.ENOENT:
                    return
                raise
            yield following.raw[:size]
            current = ctypes.create_string_buffer(following.raw[:size], size)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """(key, value) of each element, read in batches."""
        key_size, value_size = self.description.key_size, self.value_bytes
        for keys, values, count in self.batches():
            for index in range(count):
                yield (
                    keys[index * key_size : (index + 1) * key_size],
                    values[index * value_size : (index + 1) * value_size],
                )

    def batches(self, flags: int = ANY) -> "Iterator[Batch]":
        """All elements, many at a time: their keys, one after another, and their values."""
        from pytc.bpf.maps.batch import read_batches

        return read_batches(self, flags)

    @property
    def typed(self) -> "TypedMap":
        """The same map with keys and values as Python values, by its types (BTF). The map must stay open."""
        from pytc.bpf.maps.typed import TypedMap

        return TypedMap(self)

    def freeze(self) -> None:
        """Makes the map read-only for user space (BPF_MAP_FREEZE)."""
        bpf(Command.MAP_FREEZE, MapFdAttr(map_fd=self.fd), what=f'map "{self.name}": freezing it')

    def pin(self, path: str) -> None:
        """Pins the map at a path in a bpffs."""
        pin(self.fd, path)

    def close(self) -> None:
        self.descriptor.close()

    def __enter__(self) -> "Map":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Map {self.name!r} {map_type_name(self.description.type)} id {self.description.id}>"

    def _key(self, key: bytes) -> "ctypes.Array[ctypes.c_char] | None":
        if len(key) != self._shape[1]:
            raise BpfError(f'map "{self.name}": a key of {len(key)} bytes, {self._shape[1]} wanted')
        return ctypes.create_string_buffer(key, len(key)) if key else None

    def _element(
        self,
        command: Command,
        key: "ctypes.Array[ctypes.c_char] | None",
        value: "ctypes.Array[ctypes.c_char] | None",
        flags: int = 0,
    ) -> None:
        attr = MapElementAttr(map_fd=self.fd, key=pointer(key), value=pointer(value), flags=flags)
        bpf(command, attr, what=f'map "{self.name}"')


def create_map(
    spec: MapSpec, kernel_name: str, *, btf_fd: int = 0, inner_fd: int = 0, features: Features | None = None
) -> Map:
    """Makes a map. ``btf_fd`` 0 means without key and value types.

    What an older kernel does not know, and a map can do without, is left out when ``features`` says so. Raises
    BpfSyscallError with hints about the likely cause.
    """
    features = features if features is not None else Features()
    attr = map_attribute(spec, kernel_name, features, btf_fd=btf_fd, inner_fd=inner_fd)
    return Map(OwnedFd(retry_unlimited(lambda: _create(spec, attr, features))), spec, is_new=True)


def map_attribute(
    spec: MapSpec, kernel_name: str, features: Features, *, btf_fd: int = 0, inner_fd: int = 0
) -> MapCreateAttr:
    """What BPF_MAP_CREATE is given."""
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
    _leave_out(spec, attr, features.lacks)
    return attr


def wants_btf(spec: MapSpec) -> bool:
    """Whether a map is created with key and value types."""
    return bool(spec.value_type_id) and spec.type not in WITHOUT_BTF_TYPES


def _create(spec: MapSpec, attr: MapCreateAttr, features: Features) -> int:
    what = f'map "{spec.name}" ({map_type_name(spec.type)}): cannot create it'
    try:
        return bpf(Command.MAP_CREATE, attr, what=what)
    except BpfSyscallError as error:
        refusal = error
    if refusal.errno in (errno.EINVAL, errno.E2BIG, ENOTSUPP):
        changed = _leave_out(spec, attr, lambda name: not features.has(name))
        if attr.btf_fd:
            # Some map types take no BTF types on some kernels; a map is usable without them.
            attr.btf_fd = attr.btf_key_type_id = attr.btf_value_type_id = 0
            changed = True
        if changed:
            try:
                return bpf(Command.MAP_CREATE, attr, what=what)
            except BpfSyscallError as error:
                refusal = error
    from pytc.bpf.loader.explain import map_causes

    refusal.hints = map_causes(spec, actual_entries(spec), refusal.errno or 0)
    raise refusal


def _leave_out(spec: MapSpec, attr: MapCreateAttr, lacks: Callable[[str], bool]) -> bool:
    """Takes away what the kernel lacks; returns whether there was anything."""
    changed = False
    if attr.map_name and lacks("map_names"):
        attr.map_name, changed = b"", True
    if spec.origin == DATA and attr.map_flags & F_MMAPABLE and lacks("mmapable"):
        attr.map_flags &= ~F_MMAPABLE
        changed = True
    return changed


def actual_entries(spec: MapSpec) -> int:
    """max_entries as the kernel gets it: a perf event array without a size has one entry for each possible CPU,
    a ring buffer is a power of two of whole pages."""
    if spec.type == MapType.PERF_EVENT_ARRAY and not spec.max_entries:
        return possible_cpus()
    if spec.type in (MapType.RINGBUF, MapType.USER_RINGBUF) and spec.max_entries:
        return max(mmap.PAGESIZE, 1 << (spec.max_entries - 1).bit_length())
    return spec.max_entries


def possible_cpus() -> int:
    """CPUs that per-CPU values have slots for: num_possible_cpus() of the kernel."""
    try:
        with open("/sys/devices/system/cpu/possible") as file:
            return count_cpus(file.read())
    except (OSError, ValueError):
        return os.cpu_count() or 1


def count_cpus(text: str) -> int:
    """The number of CPUs in a list like ``0-3,8``; raises ValueError."""
    ranges = [part.partition("-") for part in text.strip().split(",")]
    return sum(int(last or first) - int(first) + 1 for first, _, last in ranges)


def pin(fd: int, path: str) -> None:
    """BPF_OBJ_PIN; raises BpfSyscallError (EEXIST when the path exists)."""
    encoded = ctypes.create_string_buffer(os.fsencode(path))
    bpf(Command.OBJ_PIN, ObjectPathAttr(pathname=pointer(encoded), bpf_fd=fd), what=f'pinning at "{path}"')


def open_pin(path: str, *, flags: int = 0) -> OwnedFd:
    """BPF_OBJ_GET; ``flags`` is 0 or F_RDONLY. Raises BpfSyscallError."""
    encoded = ctypes.create_string_buffer(os.fsencode(path))
    return OwnedFd(
        bpf(
            Command.OBJ_GET, ObjectPathAttr(pathname=pointer(encoded), file_flags=flags), what=f'pinned object "{path}"'
        )
    )


def slot_values(members: Mapping[int, int]) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) bytes for an array of descriptors from {index: fd}."""
    for index, fd in members.items():
        yield index.to_bytes(4, "little"), fd.to_bytes(4, "little")
