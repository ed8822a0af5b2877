"""Elements of maps as parts of a desired state: compared by their bytes, set where they differ."""

from __future__ import annotations

import errno
import os

from pytc.bpf.maps.raw import RawMap
from pytc.bpf.sys.constants import MAP_IN_MAP, NOEXIST, MapType, a_map_type
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.info import describe_map, describe_program, map_by_id, program_by_id
from pytc.commands.map.elements import open_target
from pytc.commands.shared.context import Context
from pytc.commands.shared.map_errors import explain_refusals
from pytc.errors import AtomicError, BpfError, UsageError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytc.bpf.maps.typed import TypedMap
    from pytc.commands.map.words import Target
    from pytc.commands.shared.desired import Difference

_LRU = frozenset({MapType.LRU_HASH, MapType.LRU_PERCPU_HASH})
_REFERENCES = MAP_IN_MAP | {MapType.PROG_ARRAY}
#: Types whose values can be read as they are written, or by the id of what they name.
_COMPARABLE = _LRU | _REFERENCES | {
    MapType.HASH,
    MapType.ARRAY,
    MapType.PERCPU_HASH,
    MapType.PERCPU_ARRAY,
    MapType.LPM_TRIE,
}  # fmt: skip

if TYPE_CHECKING:
    #: Yields (key, value) of what a line sets, as bytes for bpf(2); raises PytcError.
    Elements = Callable[[Context, TypedMap], Iterable[tuple[bytes, bytes]]]


class _Element(NamedTuple):
    """An element that differs: ``former`` is what is there, None for nothing. Of maps and programs, ``former`` and
    ``wanted`` are ids, and ``value`` is a descriptor."""

    key: bytes
    former: bytes | None
    wanted: bytes
    value: bytes


class WantedElements:
    """Elements that a map should have; with ``flags`` NOEXIST, whatever value they have.

    ``words`` are those that say the values, None where they only change parts of values.
    """

    def __init__(
        self, context: Context, target: Target, label: str, elements: Elements, flags: int, words: object
    ) -> None:
        self._environment = context.environment
        self._target = target
        self._elements = elements
        self._flags = flags
        self._words = words
        self.target: object = None
        self.label = label
        self.lost = ""

    def difference(self) -> Difference:
        with Context(environment=self._environment) as context:
            try:
                typed = open_target(context, self._target)
            except BpfError as error:
                if self._target.kind != "pinned" or error.errno != errno.ENOENT:
                    raise
                self.target = self._target.text
                return "created"  # a line before it may make the map
            self.target = typed.map.description.id
            differing = next(self._differing(context, typed), None)
            if differing is None:
                return "unchanged"
            if typed.map.description.type in _LRU:
                self.lost = f'"{self.label}": elements that the kernel evicts from an LRU map'
            return "created" if differing.former is None else "changed"

    def parts(self) -> Iterator[tuple[object, object]]:
        if self._words is None or self._flags & NOEXIST:
            return  # these get along with what other lines say of the same element
        if not isinstance(self.target, int):
            yield self.label, self._words  # how keys are encoded is known when the map exists
            return
        with Context(environment=self._environment) as context:
            typed = open_target(context, self._target)
            type = MapType(typed.map.description.type)
            for key, value in self._elements(context, typed):
                yield key, _comparable(type, value)

    def carry_out(self, context: Context) -> None:
        typed = open_target(context, self._target)
        done: list[_Element] = []
        journal = context.connection.journal
        if journal is not None:
            held = RawMap(OwnedFd(os.dup(typed.map.fd)))
            journal.record(f"{self.label} stays", lambda: _take_back(held, done), held)
        for element in self._differing(context, typed):
            with explain_refusals(typed, element.key, element.value):
                typed.map.update(element.key, element.value, self._flags)
            done.append(element)

    def _differing(self, context: Context, typed: TypedMap) -> Iterator[_Element]:
        type = MapType(typed.map.description.type)
        if type not in _COMPARABLE:
            raise UsageError(f'map "{typed.map.name}" is {a_map_type(type)}, whose elements cannot be compared')
        if type == MapType.PROG_ARRAY and self._target.kind in ("id", "name"):
            raise UsageError(
                f'map "{typed.map.name}" is {a_map_type(type)}: name it by its pin, without which the kernel empties it'
            )
        for key, value in self._elements(context, typed):
            former = _lookup(typed.map, key)
            wanted = _comparable(type, value)
            if former is None or (former != wanted and not self._flags & NOEXIST):
                yield _Element(key, former, wanted, value)


def _comparable(type: MapType, value: bytes) -> bytes:
    """Return what reading an element gives, once the value is written."""
    return _named_id(type, value) if type in _REFERENCES else value


def _lookup(map: RawMap, key: bytes) -> bytes | None:
    """Return the value under a key, None where there is none; raises BpfSyscallError."""
    try:
        return map.lookup(key)
    except KeyError:
        return None


def _named_id(type: MapType, descriptor: bytes) -> bytes:
    """Return the id of a map or program, which is what reading the element gives."""
    number = int.from_bytes(descriptor, "little")
    described = describe_program(number) if type == MapType.PROG_ARRAY else describe_map(number)
    return described.id.to_bytes(4, "little")


def _take_back(map: RawMap, elements: list[_Element]) -> None:
    """Make elements what they were, the last first; raises AtomicError for one that is not what was written."""
    while elements:
        element = elements[-1]
        if _lookup(map, element.key) != element.wanted:
            raise AtomicError("somebody has changed it since")
        if element.former is None:
            del map[element.key]
        elif map.description.type in _REFERENCES:
            number = int.from_bytes(element.former, "little")
            is_program = map.description.type == MapType.PROG_ARRAY
            with program_by_id(number) if is_program else map_by_id(number) as former:
                map.update(element.key, former.fd.to_bytes(4, "little"))
        else:
            map.update(element.key, element.former)
        elements.pop()
