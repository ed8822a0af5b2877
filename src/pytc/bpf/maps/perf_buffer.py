"""Read events that programs send with bpf_perf_event_output: a perf event and its ring of memory for each CPU.

Layout (include/uapi/linux/perf_event.h): ``struct perf_event_mmap_page`` with ``data_head`` at byte 1024 and
``data_tail`` at 1032, then records: ``type u32, misc u16, size u16``; a sample has ``size u32`` and the data, padded.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import select
import struct

from pytc.bpf.maps.ring_buffer import Event
from pytc.bpf.sys.abi import PerfEventAttr
from pytc.bpf.sys.constants import MapType, a_map_type
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.syscall import perf_event_open
from pytc.closing import Closing
from pytc.errors import BpfError, BpfSyscallError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.maps.map import Map

_SOFTWARE, _BPF_OUTPUT, _SAMPLE_RAW = 1, 10, 1 << 10
_RECORD_LOST, _RECORD_SAMPLE = 2, 9
_PAGES = 64
_HEAD, _TAIL = 1024, 1032
_RECORD = struct.Struct("=IHH")


class _Ring(NamedTuple):
    cpu: int
    descriptor: OwnedFd
    memory: mmap.mmap


class PerfBuffer(Closing):
    """A reader of the events of all CPUs from a perf event array, which must stay open.

    It displaces an earlier reader, and leaves the array empty. Raises BpfError for a map of another type,
    BpfSyscallError.
    """

    def __init__(self, map: Map, *, pages: int = _PAGES) -> None:
        if map.description.type != MapType.PERF_EVENT_ARRAY:
            raise BpfError(f'map "{map.name}" is {a_map_type(map.description.type)}, not a perf event array')
        self._map, self._pages = map, pages
        self._rings: dict[int, _Ring] = {}
        self._poll = select.epoll()
        try:
            for cpu in online_cpus():
                if cpu < map.description.max_entries:
                    self._open(cpu)
        except BaseException:
            self.close()
            raise

    def _open(self, cpu: int) -> None:
        attr = PerfEventAttr(
            type=_SOFTWARE,
            size=ctypes.sizeof(PerfEventAttr),
            config=_BPF_OUTPUT,
            sample_period=1,
            sample_type=_SAMPLE_RAW,
            wakeup_events=1,
        )
        try:
            descriptor = OwnedFd(perf_event_open(attr, cpu))
        except BpfSyscallError as error:
            if error.errno == errno.ENOSYS:
                error.hints = ("perf events need a kernel that is built with CONFIG_PERF_EVENTS",)
            raise
        try:
            memory = mmap.mmap(descriptor.fd, (1 + self._pages) * mmap.PAGESIZE)
        except OSError as error:
            descriptor.close()
            raise BpfSyscallError("mmap", error.errno or 0, f"events of CPU {cpu}") from error
        self._rings[descriptor.fd] = _Ring(cpu, descriptor, memory)
        self._poll.register(descriptor.fd, select.EPOLLIN)
        self._map.update(cpu.to_bytes(4, "little"), descriptor.fd.to_bytes(4, "little"))

    def fileno(self) -> int:
        """Return a descriptor for poll(2), which is readable when there are events."""
        return self._poll.fileno()

    def events(self, timeout: float | None = None) -> Iterator[Event]:
        """Yield events as they come, until ``timeout`` seconds pass without one (None: forever)."""
        while True:
            for ring in list(self._rings.values()):
                yield from self._available(ring)
            if not self._poll.poll(-1 if timeout is None else timeout):
                return

    def _available(self, ring: _Ring) -> Iterator[Event]:
        size = self._pages * mmap.PAGESIZE
        with memoryview(ring.memory) as view:
            head, tail = view[_HEAD : _HEAD + 8].cast("Q")[0], view[_TAIL : _TAIL + 8].cast("Q")[0]
            while tail < head:
                kind, _, length = _RECORD.unpack(self._copy(view, tail, _RECORD.size, size))
                if length < _RECORD.size:
                    raise BpfError(f"events of CPU {ring.cpu}: a record of {length} bytes")
                record = self._copy(view, tail + _RECORD.size, length - _RECORD.size, size)
                tail += length
                view[_TAIL : _TAIL + 8].cast("Q")[0] = tail
                if kind == _RECORD_SAMPLE and len(record) >= 4:
                    count = int.from_bytes(record[:4], "little")
                    yield Event(record[4 : 4 + count], ring.cpu)
                elif kind == _RECORD_LOST and len(record) >= 16:
                    yield Event(b"", ring.cpu, int.from_bytes(record[8:16], "little"))

    @staticmethod
    def _copy(view: memoryview, position: int, length: int, size: int) -> bytes:
        start, page = position % size, mmap.PAGESIZE
        first = bytes(view[page + start : page + min(start + length, size)])
        return first + bytes(view[page : page + length - len(first)])

    def close(self) -> None:
        """Stop reading; the map stays open."""
        self._poll.close()
        for ring in self._rings.values():
            try:
                del self._map[ring.cpu.to_bytes(4, "little")]
            except (KeyError, BpfError):
                pass  # somebody else's by now
            ring.memory.close()
            ring.descriptor.close()
        self._rings.clear()


def online_cpus() -> list[int]:
    """Return the numbers of the CPUs that are online."""
    try:
        with open("/sys/devices/system/cpu/online") as file:
            parts = [part.partition("-") for part in file.read().strip().split(",")]
        return [cpu for first, _, last in parts for cpu in range(int(first), int(last or first) + 1)]
    except (OSError, ValueError):
        return list(range(os.cpu_count() or 1))
