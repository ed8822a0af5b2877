"""Global variables of a loaded object, read and written while its programs run."""

import mmap
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pytc.bpf.codec.btf import btf_codec
from pytc.bpf.codec.compound import assign
from pytc.bpf.codec.scalars import Codec
from pytc.bpf.maps.map import Map
from pytc.bpf.object.parameters import Variable, variables
from pytc.bpf.object.spec import KCONFIG, ObjectSpec
from pytc.bpf.sys.constants import F_MMAPABLE
from pytc.errors import CodecError, MapElementError, NameNotFoundError, shortlist

_MAX_LEAVES = 1 << 20
_NUMBERS: dict[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}
_PAGE_MASK = mmap.PAGESIZE - 1


class Variables:
    """The global variables of an object by name: attributes, and items.

    What the program changes is read at once, and what is written, the program sees at once: the memory is shared, where
    the kernel has that (Linux 5.5). A number is written in one piece, a structure or an array is not. Constants
    (``const volatile``) can be read; set them with ``pytc.load(..., set={...})``, before the verifier sees them.

    Raises NameNotFoundError for other names, CodecError for a value that does not fit, MapElementError for a constant.

    >>> with pytc.load("examples/bpf/traffic.o") as traffic:
    ...     traffic.variables.counting = 0
    ...     traffic.variables.counting, traffic.variables["header_bytes"]
    (0, 14)
    """

    _spec: ObjectSpec
    _maps: Mapping[str, Map]
    _places: dict[str, Variable]
    _memory: dict[str, mmap.mmap | None]

    def __init__(self, spec: ObjectSpec, maps: Mapping[str, Map]) -> None:
        places = {variable.name: variable for variable in variables(spec) if variable.map in maps}
        self.__dict__.update(_spec=spec, _maps=maps, _places=places, _memory={})

    def __getitem__(self, name: str) -> Any:
        place, codec = self._find(name)
        memory = self._mapped(place.map)
        data = memory if memory is not None else self._maps[place.map].lookup(bytes(4))
        return codec.decode(bytes(data[place.offset : place.offset + codec.size]))

    def __setitem__(self, name: str, value: Any) -> None:
        place, codec = self._find(name)
        declared = self._spec.maps[place.map]
        if declared.frozen or declared.name == KCONFIG:
            raise MapElementError(
                f'variable "{name}" is a constant of the loaded program',
                hints=(f'pytc.load(..., set={{"{name}": VALUE}}) sets it before the program is loaded',),
            )
        memory, section = self._mapped(place.map), self._maps[place.map]
        data = bytearray(memory[:] if memory is not None else section.lookup(bytes(4)))
        try:
            assign(codec, data, place.offset, value)
        except CodecError as error:
            raise CodecError(f'variable "{name}": {error}', hints=error.hints) from error
        if memory is not None:
            _write(memory, place.offset, bytes(data[place.offset : place.offset + codec.size]))
        else:
            section.update(bytes(4), bytes(data))

    def _find(self, name: str) -> tuple[Variable, Codec]:
        place = self._places.get(name)
        if place is None or self._spec.btf is None:
            known = shortlist(list(self._places), name) or "none; they need BTF, which clang makes with -g"
            raise NameNotFoundError(f'object "{self._spec.name}" has no variable "{name}"; its variables: {known}')
        return place, btf_codec(self._spec.btf, place.type_id, max_leaves=_MAX_LEAVES, in_map=True)

    def _mapped(self, section: str) -> mmap.mmap | None:
        """Return the memory of a section, None where it has to be read and written as a whole."""
        if section not in self._memory:
            map = self._maps[section]
            size = map.description.value_size + _PAGE_MASK & ~_PAGE_MASK
            shared = map.description.flags & F_MMAPABLE and not self._spec.maps[section].frozen
            self._memory[section] = mmap.mmap(map.fd, size) if shared else None
        return self._memory[section]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self._places})

    def __repr__(self) -> str:
        return f"<Variables {', '.join(self._places) or 'none'}>"

    def _close(self) -> None:
        for memory in self._memory.values():
            if memory is not None:
                memory.close()
        self._memory.clear()


def _write(memory: mmap.mmap, offset: int, data: bytes) -> None:
    """Write a value into memory that programs read: a number in one store."""
    size = len(data)
    if size in _NUMBERS and not offset % size:
        with memoryview(memory) as view, view[offset : offset + size].cast(_NUMBERS[size]) as number:
            number[0] = int.from_bytes(data, "little")
    else:
        memory[offset : offset + size] = data
