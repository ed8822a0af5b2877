"""Maps in the kernel: their elements as bytes."""

from __future__ import annotations

import ctypes
import errno
import mmap

from pytc.bpf.sys.abi import MapElementAttr, MapFdAttr, pointer
from pytc.bpf.sys.constants import (
    ANY,
    F_SEGV_ON_FAULT,
    PER_CPU,
    Command,
    map_type_name,
)
from pytc.bpf.sys.cpus import possible_cpus
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.info import describe_map, map_by_id
from pytc.bpf.sys.pins import open_pin, pin
from pytc.bpf.sys.syscall import bpf, write_once
from pytc.errors import ENOTSUPP, BpfError, BpfSyscallError
from pytc.typing import TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.object.spec import MapSpec
    from pytc.bpf.sys.descriptions import MapDescription

_Self = TypeVar("_Self", bound="RawMap")


class RawMap(OwnedFd):
    """A map in the kernel, as the descriptor that it is open by, with elements of bytes; it lives on where it is pinned
    or in use when that is closed.

    Keys and values have ``description.key_size`` and ``description.value_size`` bytes; a per-CPU map's value has, for
    each possible CPU, the value's bytes rounded up to 8.
    """

    def __init__(self, descriptor: OwnedFd, spec: MapSpec | None = None) -> None:
        """Take over a descriptor, and ask the kernel what it is of; raises BpfSyscallError."""
        super().__init__(descriptor.detach())
        self.spec = spec
        self._description: MapDescription | None = None
        try:
            self._shape = (self.description.type, self.description.key_size, self.description.value_size)
        except BaseException:
            self.close()
            raise

    @classmethod
    def created(cls: type[_Self], number: int, spec: MapSpec) -> _Self:
        """Return the map of a descriptor that the kernel has just given out for ``spec``, without asking it again."""
        self = cls.__new__(cls)
        self.spec = spec
        self._description = None
        self._shape = (spec.type, spec.key_size, spec.value_size)
        OwnedFd.__init__(self, number)
        return self

    @property
    def description(self) -> MapDescription:
        """The kernel's description of the map, read once; raises BpfSyscallError, also for a descriptor of something
        else."""
        if self._description is None:
            self._description = describe_map(self.fd)
        return self._description

    @classmethod
    def from_id(cls: type[_Self], number: int) -> _Self:
        """Open the map with an id (needs CAP_SYS_ADMIN); raises BpfSyscallError (ENOENT when it is gone)."""
        return cls(map_by_id(number))

    @classmethod
    def from_pin(cls: type[_Self], path: str) -> _Self:
        """Open a pinned map; raises BpfSyscallError, also for the pin of something else."""
        return cls(open_pin(path))

    @classmethod
    def from_fd(cls: type[_Self], number: int) -> _Self:
        """Return the map of an inherited descriptor, like those in $BPF_MAP0; the descriptor itself stays open.

        Raises BpfError (EBADF) when it is not open, BpfSyscallError when it is not a map.
        """
        import fcntl

        try:
            copy = OwnedFd(fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3))
        except (OSError, OverflowError) as error:
            raise BpfError(f"this process has no descriptor {number}", errno=errno.EBADF) from error
        return cls(copy)

    @property
    def name(self) -> str:
        """The declared name, or the kernel's (truncated) name if there is no declaration."""
        return self.spec.name if self.spec is not None else self.description.name

    @property
    def value_bytes(self) -> int:
        """The size of an element's value in bytes: in a per-CPU map, that of all CPUs."""
        type, _, size = self._shape
        return -(-size // 8) * 8 * possible_cpus() if type in PER_CPU else size

    def lookup(self, key: bytes, flags: int = ANY) -> bytes:
        """Return the value under ``key``, with F_LOCK while holding its spin lock. Raises KeyError, BpfSyscallError."""
        return self._read(Command.MAP_LOOKUP_ELEM, key, flags)

    def pop(self, key: bytes = b"") -> bytes:
        """Remove an element and return its value: that of a key of a hash (Linux 5.14), or the next one of a queue or
        stack.

        Raises KeyError, BpfSyscallError.
        """
        try:
            return self._read(Command.MAP_LOOKUP_AND_DELETE_ELEM, key, ANY)
        except BpfSyscallError as error:
            if error.errno in (errno.EOPNOTSUPP, ENOTSUPP):
                from pytc.bpf.maps.causes import pop_causes

                error.hints = pop_causes(self.description.type)
            raise

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
        """Return whether a bloom filter may hold a value; False is certain. Raises BpfSyscallError."""
        try:
            self._element(Command.MAP_LOOKUP_ELEM, None, ctypes.create_string_buffer(value, max(len(value), 1)))
        except BpfSyscallError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        return True

    def update(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        """Set an element; ``flags`` is ANY, NOEXIST or EXIST, and F_LOCK to hold the value's spin lock.

        Raises BpfError for a key or value of another size, BpfSyscallError.
        """
        if len(value) != self.value_bytes:
            raise BpfError(f'map "{self.name}": a value of {len(value)} bytes; {self.value_bytes} expected')
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

    def keys(self, after: bytes | None = None) -> Iterator[bytes]:
        """Yield the keys in the kernel's order, only those after ``after`` if it is given.

        Elements that come and go meanwhile may be missed or come twice. Raises BpfSyscallError.
        """
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

    def fill_arena(self, contents: bytes = b"") -> None:
        """Map an arena into memory for once, with bytes for its start.

        The kernel refuses programs with an arena that has no address yet, and later mappings at another one than the
        first had: that is map_extra, if it is not 0, which is how other processes know it. Raises BpfSyscallError.
        """
        size = self.description.max_entries * mmap.PAGESIZE  # v6.9 brought arenas; max_entries counts pages
        if len(contents) > size:
            raise BpfError(f'map "{self.name}": an arena of {size} bytes for {len(contents)} bytes of variables')
        if contents and self.description.flags & F_SEGV_ON_FAULT:
            raise BpfError(f'map "{self.name}": with BPF_F_SEGV_ON_FAULT an arena has no room for variables')
        write_once(self.fd, size, self.description.map_extra, contents, f'map "{self.name}": mapping the arena')

    def freeze(self) -> None:
        """Make the map read-only for user space (BPF_MAP_FREEZE); raises BpfSyscallError."""
        what = f'map "{self.name}": freezing it'
        bpf(Command.MAP_FREEZE, MapFdAttr(map_fd=self.fd), what=what)

    def pin(self, path: str) -> None:
        """Pin the map at a path in a bpffs; raises BpfSyscallError."""
        pin(self.fd, path)

    def __repr__(self) -> str:
        if self.closed:
            name = self.spec.name if self.spec is not None else ""
            return f"<{type(self).__name__} {name!r} {map_type_name(self._shape[0])} closed>"
        return f"<{type(self).__name__} {self.name!r} {map_type_name(self.description.type)} id {self.description.id}>"

    def _key(self, key: bytes) -> ctypes.Array[ctypes.c_char] | None:
        if len(key) != self._shape[1]:
            raise BpfError(f'map "{self.name}": a key of {len(key)} bytes; {self._shape[1]} expected')
        return ctypes.create_string_buffer(key, len(key)) if key else None

    def _element(
        self,
        command: Command,
        key: ctypes.Array[ctypes.c_char] | None,
        value: ctypes.Array[ctypes.c_char] | None,
        flags: int = 0,
    ) -> None:
        what = f'map "{self.name}"'
        bpf(command, MapElementAttr(map_fd=self.fd, key=pointer(key), value=pointer(value), flags=flags), what=what)
