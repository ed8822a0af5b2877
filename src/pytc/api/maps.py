"""Maps as users of the library see them: mappings of Python values."""

import errno
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from functools import cached_property
from typing import Any

from pytc.api.calls import library_hints, log
from pytc.api.events import EventStream
from pytc.api.references import with_objects
from pytc.api.watch import MapWatch
from pytc.bpf.btf.types import Btf
from pytc.bpf.codec.compound import Structure
from pytc.bpf.maps import map as kernel
from pytc.bpf.maps.batch import batch_entries, delete_batch, read_batches, read_items
from pytc.bpf.maps.typed import TypedMap
from pytc.bpf.maps.types import KEYLESS, MapTypes
from pytc.bpf.sys.constants import EXIST, NOEXIST, MapType, map_type_name
from pytc.bpf.sys.descriptions import MapDescription
from pytc.closing import Closing
from pytc.contexts import contextmanager
from pytc.errors import (
    ENOTSUPP,
    BpfError,
    BpfSyscallError,
    CodecError,
    ElementNotFoundError,
    MapElementError,
    NameNotFoundError,
)

_UNSET: Any = object()
_NO_POP = (errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, ENOTSUPP)


class Map(MutableMapping[Any, Any], Closing):
    """A map of the kernel as a mapping, with values by its types (BTF).

    A value is a bool, int, float, text, list, or a dict by member; enumerators are their names, addresses text. A
    per-CPU map's value is a list with one for each possible CPU, :attr:`summed` adds them up. Maps of maps hold maps,
    program arrays programs, maps of sockets take what has a ``fileno()``. Members that a value does not name are zero;
    a key has to name all of its members.

    Iteration reads in batches, and survives changes that happen meanwhile: elements that come and go may be missed,
    none comes twice. Raises ElementNotFoundError (a KeyError) where there is no element, CodecError for a value that
    does not fit its type, MapElementError where the kernel refuses.

    >>> with pytc.load("examples/bpf/firewall.o", pin=False) as firewall:
    ...     verdicts = firewall.maps.verdicts
    ...     verdicts["192.0.2.7"] = {"action": "DROP"}
    ...     verdicts["192.0.2.7"]["action"], len(verdicts), "192.0.2.8" in verdicts
    ('DROP', 1, False)
    """

    def __init__(self, raw: kernel.Map, *, btf: Btf | None = None, types: MapTypes | None = None) -> None:
        self._raw, self._btf, self._given = raw, btf, types

    @classmethod
    def from_id(cls, number: int) -> "Map":
        """Open the map with an id (needs CAP_SYS_ADMIN); raises BpfSyscallError."""
        return cls(kernel.Map.from_id(number))

    @classmethod
    def from_pin(cls, path: str) -> "Map":
        """Open a pinned map; raises BpfSyscallError, also for the pin of something else."""
        return cls(kernel.Map.from_pin(path))

    @classmethod
    def from_fd(cls, number: int) -> "Map":
        """Return the map of a descriptor, like those that other libraries have; the descriptor stays theirs, and open.

        Raises BpfError.
        """
        return cls(kernel.Map.from_fd(number))

    @property
    def raw(self) -> kernel.Map:
        """The map with bytes as keys and values: :class:`pytc.bpf.Map`."""
        return self._raw

    @property
    def name(self) -> str:
        """The declared name; the kernel's, of at most 15 bytes, for a map that was found."""
        return self._raw.name

    @property
    def info(self) -> MapDescription:
        """The kernel's description: id, sizes in bytes, max_entries, flags."""
        return self._raw.description

    @property
    def id(self) -> int:
        """The kernel's number of the map."""
        return self.info.id

    @property
    def type(self) -> str:
        """The kernel's name of its type, like ``lru_hash``."""
        return map_type_name(self.info.type)

    @property
    def max_entries(self) -> int:
        """The largest number of elements; of a ring buffer, its size in bytes."""
        return self.info.max_entries

    @property
    def fd(self) -> int:
        """The descriptor's number; raises ClosedError."""
        return self._raw.fd

    def fileno(self) -> int:
        """Return the descriptor, like Python's files."""
        return self._raw.fd

    @cached_property
    def _typed(self) -> TypedMap:
        typed = TypedMap(self._raw, types=self._given)
        if self._given is None:
            from pytc.api.programs import Program

            typed.types = with_objects(self.info.type, typed.types, Map.from_id, Program.from_id)
        return typed

    def with_types(self, *, key: str = "", value: str = "") -> "Map":
        """Return the same map with other types: formats like ``"{be32 source, u32 length}"``, or types by name, as in
        ``"struct flow"``. Raises CodecError."""
        return Map(self._raw, btf=self._btf, types=TypedMap(self._raw, key=key, value=value).types)

    @property
    def summed(self) -> "Map":
        """A view of the map in which the values of all CPUs are added up; cannot be written.

        Raises CodecError where there is one value only.
        """
        return Map(self._raw, btf=self._btf, types=self._typed.types.summed())

    # Single elements

    def __getitem__(self, key: Any) -> Any:
        with self._explained(key):
            return self._typed.types.whole.decode(self._raw.lookup(self._key(key)))

    def __setitem__(self, key: Any, value: Any) -> None:
        with self._explained(key):
            self._typed.update(self._checked(key), value)

    def __delitem__(self, key: Any) -> None:
        with self._explained(key):
            del self._raw[self._key(key)]

    def __contains__(self, key: object) -> bool:
        if self.info.type == MapType.BLOOM_FILTER:
            return self._raw.may_hold(self._typed.types.whole.encode(key))
        try:
            self._raw.lookup(self._key(key))
        except KeyError:
            return False
        return True

    def insert(self, key: Any, value: Any) -> bool:
        """Set an element unless there is one; returns whether it did."""
        try:
            with self._explained(key):
                self._typed.update(self._checked(key), value, NOEXIST)
        except MapElementError as error:
            if error.errno == errno.EEXIST:
                return False
            raise
        return True

    def replace(self, key: Any, value: Any) -> None:
        """Set an element that is there; raises ElementNotFoundError where there is none."""
        with self._explained(key):
            self._typed.update(self._checked(key), value, EXIST)

    def change(self, key: Any, path: str, value: Any) -> None:
        """Set a part of a value, like ``.packets`` or ``.ports[2]``: it reads and writes the value, which is not
        atomic."""
        with self._explained(key):
            self._typed.change(self._checked(key), path, value)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return the value under a key, after setting it where there is none, in one step."""
        self.insert(key, {} if default is None else default)
        return self[key]

    def pop(self, key: Any = _UNSET, default: Any = _UNSET) -> Any:
        """Remove an element and return its value: that of a key, or without one the next of a queue or stack.

        Where the kernel has no such call for the type of map, it is read and then deleted. Raises ElementNotFoundError
        without a ``default``.
        """
        try:
            with self._explained(key):
                data = self._popped(b"" if key is _UNSET else self._key(key))
        except ElementNotFoundError:
            if default is _UNSET:
                raise
            return default
        return self._typed.types.whole.decode(data)

    def _popped(self, key: bytes) -> bytes:
        try:
            return self._raw.pop(key)
        except BpfSyscallError as error:
            if not key or error.errno not in _NO_POP:
                raise
        data = self._raw.lookup(key)
        del self._raw[key]
        return data

    def push(self, value: Any, *, displace: bool = False) -> None:
        """Add a value to a queue, stack or bloom filter; ``displace`` drops the oldest of a full one."""
        with self._explained(_UNSET):
            self._raw.update(b"", self._typed.types.whole.encode(value), EXIST if displace else 0)

    def peek(self) -> Any:
        """Return the next value of a queue or stack, which stays; raises ElementNotFoundError."""
        with self._explained(_UNSET):
            return self._typed.types.whole.decode(self._raw.lookup(b""))

    # All elements

    def __iter__(self) -> Iterator[Any]:
        size, decode = self.info.key_size, self._typed.types.key.decode
        with self._explained(_UNSET):
            for key in self._unique(self._all_keys(size)):
                yield decode(key)

    def _all_keys(self, size: int) -> Iterator[bytes]:
        if self.info.type in KEYLESS or not size:
            raise BpfError(f'map "{self.name}": a {self.type} has no keys')
        for batch in read_batches(self._raw):
            for start in range(0, batch.entries * size, size):
                yield batch.keys[start : start + size]

    def _unique(self, keys: Iterable[bytes]) -> Iterator[bytes]:
        """Yield keys but once. Where elements are read one by one, and the one just read is deleted, the kernel starts
        again from the first: end after as many repetitions as there can be elements."""
        seen: set[bytes] = set()
        repeated = 0
        for key in keys:
            if key not in seen:
                seen.add(key)
                yield key
                continue
            repeated += 1
            if repeated > self.info.max_entries:
                return

    def __len__(self) -> int:
        """Return the number of elements, by counting them."""
        if self.info.type in KEYLESS:
            raise TypeError(f'map "{self.name}": the kernel does not tell how many elements a {self.type} has')
        return sum(batch.entries for batch in read_batches(self._raw))

    def __bool__(self) -> bool:
        return True

    def items(self, batch: int = 0) -> Iterator[tuple[Any, Any]]:  # type: ignore[override]  # in batches, not a view
        """Yield (key, value) of each element; ``batch`` is how many to ask the kernel for at once, 0 for a number that
        suits the size."""
        decode_key, decode = self._typed.types.key.decode, self._typed.types.whole.decode
        values: dict[bytes, bytes] = {}

        def keys() -> Iterator[bytes]:
            for key, value in read_items(self._raw, batch):
                values[key] = value
                yield key

        with self._explained(_UNSET):
            for key in self._unique(keys()):
                yield decode_key(key), decode(values.pop(key))

    def values(self) -> Iterator[Any]:  # type: ignore[override]  # in batches, not a view
        """Yield the value of each element."""
        return (value for _, value in self.items())

    def keys(self) -> Iterator[Any]:  # type: ignore[override]  # in batches, not a view
        """Yield the key of each element."""
        return iter(self)

    def update_many(self, entries: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> int:
        """Set many elements, in batches; returns how many. Those before an error are set."""
        pairs = entries.items() if isinstance(entries, Mapping) else entries
        with self._explained(_UNSET):
            return self._typed.update_many((self._checked(key), value) for key, value in pairs)

    def delete_many(self, keys: Iterable[Any]) -> None:
        """Delete many elements, in batches; those that are not there do not matter."""
        limit, waiting = batch_entries(self._raw), []
        with self._explained(_UNSET):
            for key in keys:
                waiting.append(self._key(key))
                if len(waiting) == limit:
                    delete_batch(self._raw, b"".join(waiting), len(waiting))
                    waiting.clear()
            if waiting:
                delete_batch(self._raw, b"".join(waiting), len(waiting))

    def clear(self) -> None:
        """Delete all elements; those of an array become zero."""
        if self.info.type in (MapType.ARRAY, MapType.PERCPU_ARRAY):
            zeros = bytes(self._raw.value_bytes)
            self.update_many((key, zeros) for key in range(self.info.max_entries))
            return
        with self._explained(_UNSET):
            for batch in list(read_batches(self._raw)):
                delete_batch(self._raw, batch.keys, batch.entries)

    # Events and changes

    def events(self, timeout: float | None = None, *, type: str | None = None, pages: int | None = None) -> EventStream:
        """Read what programs send through a ring buffer or a perf event array.

        The result is an iterator, also for ``async for``, that ends when no event came for ``timeout`` seconds. It has
        ``fileno()`` and ``lost``. ``type`` names the structure of events, like ``"struct notice"``, or is a format like
        ``"{be32 source, u32 length}"``, empty for bytes. By default it is the structure with the map's name or its
        singular, or the one that a variable ``struct event *unused`` keeps in the object. ``pages`` of memory for each
        CPU are for perf events, 64 by default.
        """
        from pytc.api.events import EventStream

        return EventStream(self._raw, self._btf, timeout, type=type, pages=pages)

    def watch(self, interval: float = 1.0, *, count: int | None = None) -> MapWatch:
        """Follow the elements: an iterator, also for ``async for``, over what is new, changed or deleted.

        The map is read every ``interval`` seconds, ``count`` times after the first (None: for ever).
        """
        from pytc.api.watch import MapWatch

        return MapWatch(self.name, self.items, interval, count)

    # The map itself

    def freeze(self) -> None:
        """Make the map read-only for user space, for ever; raises BpfSyscallError."""
        self._raw.freeze()

    def pin(self, path: str) -> None:
        """Pin the map at a path in a bpffs; raises BpfSyscallError."""
        self._raw.pin(path)
        log.debug("pinned map %s at %s", self.name, path)

    def close(self) -> None:
        """Close the descriptor; the map lives on where it is pinned or in use."""
        self._raw.close()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __repr__(self) -> str:
        return repr(self._raw)

    # Keys, and errors

    def _checked(self, key: Any) -> Any:
        """Return a key that names all of its members; raises CodecError."""
        codec = self._typed.types.key
        if isinstance(key, Mapping) and isinstance(codec, Structure):
            missing = [name for name in _required(codec) if name not in key]
            if missing:
                raise CodecError(f'map "{self.name}": the key lacks {", ".join(missing)}')
        return key

    def _key(self, key: Any) -> bytes:
        return self._typed.types.key.encode(self._checked(key))

    @contextmanager
    def _explained(self, key: Any) -> Iterator[None]:
        what = f'map "{self.name}"' + ("" if key is _UNSET else f", key {key!r}")
        try:
            yield
        except (ElementNotFoundError, NameNotFoundError):
            raise
        except KeyError:
            sentence = "is empty" if key is _UNSET else "there is no such element"
            raise ElementNotFoundError(f"{what}: {sentence}") from None
        except BpfSyscallError as error:
            if error.errno == errno.ENOENT and key is not _UNSET:
                raise ElementNotFoundError(f"{what}: there is no such element") from error
            import os

            sentence = os.strerror(error.errno or 0)
            raise MapElementError(f"{what}: {sentence}", errno=error.errno, hints=library_hints(error.hints)) from error
        except CodecError as error:
            if str(error).startswith("map "):
                raise
            raise CodecError(f"{what}: {error}", hints=library_hints(error.hints)) from error


def _required(codec: Structure) -> list[str]:
    """Return the members that have a place of their own, and so a name that a key has to give."""
    members = sorted((m for m in codec.members if m.name), key=lambda member: member.offset)
    ends = 0
    for member in members:
        if member.offset < ends:
            return []  # a union, or bit fields
        ends = member.offset + member.codec.size
    return [member.name for member in members]
