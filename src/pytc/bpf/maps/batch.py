"""Move many elements in one call: BPF_MAP_LOOKUP_BATCH, _UPDATE_BATCH, _DELETE_BATCH (Linux 5.6; more types later).

Where the kernel has no batches for a type of map, elements are moved one by one.
"""

from __future__ import annotations

import ctypes
import errno

from pytc.bpf.sys.abi import MapBatchAttr, pointer
from pytc.bpf.sys.constants import ANY, F_LOCK, Command
from pytc.bpf.sys.syscall import bpf
from pytc.errors import BpfSyscallError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.maps.raw import RawMap

_ENTRIES = 16384
_BYTES = 4 << 20
_MOST_ENTRIES = 1 << 24


class Batch(NamedTuple):
    """The keys of ``entries`` elements, one after another, and their values."""

    keys: bytes
    values: bytes
    entries: int


def batch_entries(map: RawMap) -> int:
    """Return how many elements of a map to move in one call: up to 16384, and up to 4 MiB."""
    return max(1, min(_ENTRIES, _BYTES // max(map.description.key_size + map.value_bytes, 1)))


def read_batches(map: RawMap, flags: int = ANY, entries: int = 0) -> Iterator[Batch]:
    """Yield all elements; may miss some that come and go meanwhile, or yield them twice. ``flags`` is ANY or F_LOCK,
    ``entries`` how many to ask for in a call, 0 for :func:`batch_entries`.

    Raises BpfSyscallError.
    """
    size = map.description.key_size
    last = b""
    try:
        for batch in _lookup_batches(map, flags, entries):
            yield batch
            last = batch.keys[-size:] if batch.entries else last
    except BpfSyscallError as error:
        # Kernels before 5.6, and types without batches, answer EINVAL, ENOTSUPP and others: only these are final.
        if error.errno in (errno.EPERM, errno.EFAULT, errno.EBADF):
            raise
        yield from _one_by_one(map, last, flags)


def read_items(map: RawMap, entries: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, value) of each element, read in batches; ``entries`` is that of :func:`read_batches`."""
    key_size, value_size = map.description.key_size, map.value_bytes
    for keys, values, count in read_batches(map, entries=entries):
        for index in range(count):
            yield (
                keys[index * key_size : (index + 1) * key_size],
                values[index * value_size : (index + 1) * value_size],
            )


def _lookup_batches(map: RawMap, flags: int, entries: int) -> Iterator[Batch]:
    key_size, value_size = map.description.key_size, map.value_bytes
    entries = min(entries or batch_entries(map), max(map.description.max_entries, 1))
    cursors = [ctypes.create_string_buffer(max(key_size, 8)) for _ in range(2)]
    is_first, is_more = True, True
    keys, values = _buffers(entries, key_size, value_size)
    while is_more:
        attr = MapBatchAttr(
            in_batch=0 if is_first else pointer(cursors[0]),
            out_batch=pointer(cursors[1]),
            keys=pointer(keys),
            values=pointer(values),
            count=entries,
            map_fd=map.fd,
            elem_flags=flags,
        )
        try:
            bpf(Command.MAP_LOOKUP_BATCH, attr, what=f'map "{map.name}"')
        except BpfSyscallError as error:
            if (
                error.errno == errno.ENOSPC and entries < _MOST_ENTRIES
            ):  # a bucket holds more: __htab_map_lookup_and_delete_batch
                entries *= 2
                keys, values = _buffers(entries, key_size, value_size)
                continue
            if error.errno != errno.ENOENT:
                raise  # ENOENT comes with the last elements
            is_more = False
        count = attr.count
        if count:
            yield Batch(
                bytes(memoryview(keys)[: count * key_size]), bytes(memoryview(values)[: count * value_size]), count
            )
        cursors.reverse()
        is_first = False


def _buffers(
    entries: int, key_size: int, value_size: int
) -> tuple[ctypes.Array[ctypes.c_char], ctypes.Array[ctypes.c_char]]:
    return ctypes.create_string_buffer(entries * key_size), ctypes.create_string_buffer(entries * value_size)


def _one_by_one(map: RawMap, after: bytes, flags: int) -> Iterator[Batch]:
    keys, values, limit = [], [], batch_entries(map)
    for key in map.keys(after or None):
        try:
            value = map.lookup(key, flags)
        except KeyError:
            continue
        keys.append(key)
        values.append(value)
        if len(keys) == limit:
            yield Batch(b"".join(keys), b"".join(values), len(keys))
            keys, values = [], []
    if keys:
        yield Batch(b"".join(keys), b"".join(values), len(keys))


def write_batch(map: RawMap, batch: Batch, flags: int = ANY) -> None:
    """Set the elements of a batch; ``flags`` are those of :meth:`Map.update`.

    Raises BpfSyscallError, whose ``entry`` is the index of the element that was refused; those before it are set.
    """
    if not flags & ~F_LOCK:
        keys, values = bytearray(batch.keys), bytearray(batch.values)
        attr = MapBatchAttr(
            keys=_address(keys), values=_address(values), count=batch.entries, map_fd=map.fd, elem_flags=flags
        )
        if _move_all(map, Command.MAP_UPDATE_BATCH, attr):
            return
    key_size, value_size = map.description.key_size, map.value_bytes
    for index in range(batch.entries):
        try:
            map.update(
                batch.keys[index * key_size : (index + 1) * key_size],
                batch.values[index * value_size : (index + 1) * value_size],
                flags,
            )
        except BpfSyscallError as error:
            error.entry = index
            raise


def delete_batch(map: RawMap, keys: bytes, count: int) -> None:
    """Remove elements by their keys, ``count`` of them in a row; missing ones do not matter. Raises BpfSyscallError."""
    buffer = bytearray(keys)
    if _move_all(map, Command.MAP_DELETE_BATCH, MapBatchAttr(keys=_address(buffer), count=count, map_fd=map.fd)):
        return
    size = map.description.key_size
    for start in range(0, count * size, size):
        try:
            del map[keys[start : start + size]]
        except KeyError:
            continue


def _address(buffer: bytearray) -> int:
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer)) if buffer else 0


def _move_all(map: RawMap, command: Command, attr: MapBatchAttr) -> bool:
    """Return whether a batch call moved everything; the count of a failed call is unreliable if it never started."""
    try:
        bpf(command, attr, what=f'map "{map.name}"')
    except BpfSyscallError:
        return False
    return True
