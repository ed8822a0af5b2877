"""Maps with Python values in place of bytes."""

from __future__ import annotations

from pytc.bpf.codec.compound import assign, follow
from pytc.bpf.maps.batch import Batch, batch_entries, read_items, write_batch
from pytc.bpf.maps.types import map_types
from pytc.bpf.sys.constants import ANY
from pytc.bpf.sys.cpus import possible_cpus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from pytc.bpf.maps.raw import RawMap
    from pytc.bpf.maps.types import MapTypes


class TypedMap:
    """A view of an open map: ``typed[0]``, ``typed["10.0.0.1"]``, ``typed[{"src": "10.0.0.1", "port": 53}]``.

    A value is a bool, int, float, text, list, or a dict by member; in a per-CPU map, a list with one for each possible
    CPU. Types are the map's own (BTF), or the formats ``key`` and ``value`` (see :mod:`pytc.bpf.codec.format`); without
    either, numbers for sizes of 1, 2, 4 and 8 bytes, hex for others. Iterating yields the keys.

    Raises KeyError where there is no element, CodecError for a value that does not fit its type, BpfSyscallError.
    """

    def __init__(self, map: RawMap, *, key: str = "", value: str = "", types: MapTypes | None = None) -> None:
        self.map = map
        self.types = types or map_types(map.description, key=key, value=value, cpus=possible_cpus())

    def __getitem__(self, key: Any) -> Any:
        try:
            return self.types.whole.decode(self.map.lookup(self.types.key.encode(key)))
        except KeyError:
            raise KeyError(key) from None

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value under ``key``, or ``default``."""
        try:
            return self[key]
        except KeyError:
            return default

    def __setitem__(self, key: Any, value: Any) -> None:
        self.update(key, value)

    def update(self, key: Any, value: Any, flags: int = ANY) -> None:
        """Set an element; ``flags`` are those of :meth:`Map.update`."""
        self.map.update(self.types.key.encode(key), self.types.whole.encode(value), flags)

    def __delitem__(self, key: Any) -> None:
        try:
            del self.map[self.types.key.encode(key)]
        except KeyError:
            raise KeyError(key) from None

    def change(self, key: Any, path: str, value: Any) -> None:
        """Set a part of a value, like ``.packets`` or ``.ports[2]``; reads and writes the value, which is not
        atomic."""
        encoded = self.types.key.encode(key)
        data = bytearray(self.map.lookup(encoded))
        offset, codec = follow(self.types.whole, path)
        assign(codec, data, offset, value)
        self.map.update(encoded, bytes(data))

    def __iter__(self) -> Iterator[Any]:
        return (self.types.key.decode(key) for key in self.map.keys())  # noqa: SIM118 (Map is no dict)

    def items(self) -> Iterator[tuple[Any, Any]]:
        """Yield (key, value) of each element, read in batches."""
        return ((self.types.key.decode(key), self.types.whole.decode(value)) for key, value in read_items(self.map))

    def update_many(self, entries: Iterable[tuple[Any, Any]], flags: int = ANY) -> int:
        """Set many elements in batches; returns how many. Those before an error are set."""
        limit, written = batch_entries(self.map), 0
        keys: list[bytes] = []
        values: list[bytes] = []
        for key, value in entries:
            keys.append(self.types.key.encode(key))
            values.append(self.types.whole.encode(value))
            if len(keys) == limit:
                written += self._write(keys, values, flags)
        return written + self._write(keys, values, flags)

    def _write(self, keys: list[bytes], values: list[bytes], flags: int) -> int:
        count = len(keys)
        if count:
            write_batch(self.map, Batch(b"".join(keys), b"".join(values), count), flags)
        keys.clear()
        values.clear()
        return count
