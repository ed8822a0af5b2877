"""Whether a loaded program is what an object file would load: by its tag, its maps, and its constants."""

from __future__ import annotations

import hashlib
import os

from pytc.bpf.insn import instructions as ins
from pytc.bpf.link.linker import map_names, patch
from pytc.bpf.maps.map import Map
from pytc.bpf.maps.pin_compat import declared_shape, differing_fields, existing_shape
from pytc.bpf.maps.pinning import PinRoot
from pytc.bpf.object.names import kernel_map_name
from pytc.bpf.object.spec import DATA, KCONFIG
from pytc.bpf.sys.constants import ProgramType
from pytc.bpf.sys.info import btf_by_id, describe_map, describe_program, map_by_id, program_by_id, program_map_ids
from pytc.bpf.sys.pins import open_pin
from pytc.contexts import ExitStack
from pytc.errors import BpfError
from pytc.tc.kinds.shared.programs import MapWords
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.link.prepare import Prepared
    from pytc.bpf.loader.object_cache import ObjectCache
    from pytc.bpf.object.spec import MapSpec, ObjectSpec, ProgramSpec
    from pytc.bpf.sys.descriptions import MapDescription
    from pytc.tc.kinds.interface import OpenedProgram

_TAG_BYTES = 8


class LoadedProgram(NamedTuple):
    """A program in the kernel: its tag, and its maps."""

    tag: str
    maps: tuple[MapDescription, ...]


def read_program(number: int) -> LoadedProgram:
    """Return a program by its id; raises BpfSyscallError."""
    with program_by_id(number) as program:
        maps = []
        for map_id in program_map_ids(program.fd):
            with map_by_id(map_id) as map:
                maps.append(describe_map(map.fd))
        return LoadedProgram(describe_program(program.fd).tag, tuple(maps))


class ProgramContents:
    """Compares programs of objects with loaded ones. ``cache`` is that by which the objects have been read."""

    def __init__(self, cache: ObjectCache, mount: str) -> None:
        self._cache = cache
        self._pins = PinRoot.unmounted(mount)

    def is_loaded(self, program: OpenedProgram, number: int) -> bool:
        """Report whether the program with that id is what loading the other would give; False where that is not
        known."""
        if program.declaration is None:
            return False
        spec, chosen = program.declaration
        try:
            return self._is_loaded(spec, chosen, ProgramType(program.type), read_program(number))
        except BpfError:
            return False

    def _is_loaded(self, spec: ObjectSpec, chosen: ProgramSpec, type: ProgramType, loaded: LoadedProgram) -> bool:
        prepared, modules = self._prepare(spec, chosen, type)
        linked = next(linked for linked in prepared.programs if linked.program.function == chosen.function)
        numbers = {extern.name: extern.number for extern in spec.externs.values()}
        code = patch(linked, dict.fromkeys(spec.maps, 0), prepared.externs, numbers)
        if modules or loaded.tag not in program_tags(code):
            return False
        by_name = {map.name: map for map in loaded.maps}
        return all(
            self._is_map(spec, spec.maps[name], by_name.get(kernel_map_name(spec.maps[name], spec.name)))
            for name in map_names(linked)
        )

    def _prepare(self, spec: ObjectSpec, chosen: ProgramSpec, type: ProgramType) -> tuple[Prepared, bool]:
        """Return the linked program, and whether it depends on modules, whose descriptors would be in its code."""
        with ExitStack() as opened:
            prepared = self._cache.prepared(
                spec, [(chosen, type)], "", lambda number: opened.enter_context(btf_by_id(number)).fd
            )
            return prepared, bool(prepared.module_fds)

    def _is_map(self, owner: ObjectSpec, spec: MapSpec, loaded: MapDescription | None) -> bool:
        if loaded is None or differing_fields(declared_shape(spec), existing_shape(loaded)):
            return False
        path = spec.reuse or self._pins.path_for(spec, owner)
        if path and _pinned_id(path) != loaded.id:
            return False
        if spec.origin != DATA or spec.name == KCONFIG:
            return True
        return self._has_contents(owner, spec, loaded.id)

    def _has_contents(self, owner: ObjectSpec, spec: MapSpec, number: int) -> bool:
        """Compare constants, and of variables those that are set: programs may write to others."""
        wanted = spec.contents.ljust(spec.value_size, b"\0")
        declared = wanted
        if not spec.frozen:
            original = self._cache.read(owner.path).maps.get(spec.name)
            declared = original.contents.ljust(spec.value_size, b"\0") if original is not None else wanted
            if declared == wanted:
                return True
        with Map.from_id(number) as map:
            present = map[bytes(4)]
        if spec.frozen:
            return present == wanted
        return all(
            here == there for here, there, before in zip(present, wanted, declared, strict=False) if there != before
        )

    def shared_maps(self, program: OpenedProgram, number: int) -> Iterator[MapWords]:
        """Yield the words by which a new program goes on with the maps of the one that it replaces.

        These are the declared maps of the same name and shape that are not pinned: pinned ones it gets anyway. Raises
        BpfSyscallError.
        """
        if program.declaration is None:
            return
        spec, _ = program.declaration
        by_name = {map.name: map for map in read_program(number).maps}
        for declared in spec.maps.values():
            present = by_name.get(kernel_map_name(declared, spec.name))
            is_own = declared.origin != DATA and not (declared.reuse or declared.pinning or declared.problem)
            if is_own and present and not differing_fields(declared_shape(declared), existing_shape(present)):
                yield MapWords(declared.name, pinned=f"id:{present.id}")


def program_tags(code: bytes) -> tuple[str, ...]:
    """Return the tags that kernels may give a program: its hash without the descriptors of maps (bpf_prog_calc_tag).

    It is made with SHA-1, since v6.18 with SHA-256.
    """
    neutral = bytearray(code)
    for at in range(0, len(neutral), ins.SIZE):
        if neutral[at] == ins.OP_LD_IMM64 and neutral[at + 1] >> 4 in (ins.PSEUDO_MAP_FD, ins.PSEUDO_MAP_VALUE):
            for load in (at, at + ins.SIZE):
                neutral[load + 4 : load + 8] = bytes(4)
    return tuple(hashlib.new(name, neutral).digest()[:_TAG_BYTES].hex() for name in ("sha1", "sha256"))


def _pinned_id(path: str) -> int:
    """Return the id of a pinned map, 0 for none."""
    if path.startswith("id:"):
        return int(path[3:])
    if not os.path.lexists(path):
        return 0
    with open_pin(path) as pin:
        return describe_map(pin.fd).id
