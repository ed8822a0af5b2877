"""Specifications: what an object file declares, before any kernel is asked.

Equal bytes give equal specifications on every machine. All of them are immutable.
"""

from __future__ import annotations

from pytc.bpf.sys.constants import ProgramType
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final, Literal

    from pytc.bpf.btf.ext import BtfExt
    from pytc.bpf.btf.types import Btf

# Where a map wants to be pinned. Numbers above PIN_GLOBAL_NS are looked up in bpf_pinning.
PIN_NONE = 0
PIN_OBJECT_NS = 1
PIN_GLOBAL_NS = 2

if TYPE_CHECKING:
    #: Where a map is declared: section ``maps``, section ``.maps``, or a data section.
    MapOrigin = Literal["maps", ".maps", "data"]
LEGACY: Final = "maps"
MODERN: Final = ".maps"
DATA: Final = "data"


# Externs: the DATASECs that declare them, and their kinds.
KSYMS, KCONFIG = ".ksyms", ".kconfig"
if TYPE_CHECKING:
    ExternKind = Literal["variable", "function", "setting"]
VARIABLE: Final = "variable"
FUNCTION: Final = "function"
SETTING: Final = "setting"
#: Helper numbers of calls to weak functions that the kernel lacks; the verifier refuses them where they are reached.
POISON_FUNCTION = 2002000000
#: The helper number that replaces an instruction which needs a type or field that the kernel lacks (libbpf: 0xbad2310).
POISON_RELOCATION = 195896080


class MapSpec(NamedTuple):
    """A declared map.

    ``origin`` says where from: ``maps`` (tc's ``struct bpf_elf_map`` or ``struct bpf_map_def``), ``.maps`` (BTF), or
    ``data`` (a data section, whose bytes are ``contents``). ``pinning`` is a legacy pinning number, with libbpf's
    by-name pinning turned into PIN_GLOBAL_NS. ``id`` is the legacy id, None without one. ``inner`` is the template of a
    map-in-map; ``slots`` its initial contents as (index, name of a map), or those of a program array as (index, name of
    a program). ``reuse`` is the path of a pinned map to use instead of creating one. ``definition_size`` is the size of
    a legacy definition in bytes. ``problem`` says why a declaration makes no sense; all but the name is empty then, and
    a program that uses the map cannot be linked.
    """

    name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int = 0
    pinning: int = PIN_NONE
    origin: MapOrigin = MODERN
    id: int | None = None
    inner_id: int = 0
    inner_idx: int = -1
    key_type_id: int = 0
    value_type_id: int = 0
    numa_node: int | None = None
    map_extra: int = 0
    inner: MapSpec | None = None
    slots: tuple[tuple[int, str], ...] = ()
    contents: bytes = b""
    section: str = ""
    frozen: bool = False
    reuse: str = ""
    definition_size: int = 0
    problem: str = ""


if TYPE_CHECKING:
    TargetKind = Literal["map", "data", "function", "extern", "jumps", "problem"]


class Target(NamedTuple):
    """The target of a relocation.

    It is a ``map`` (``name``), ``data`` (``name`` of the data map, ``offset`` into it), a ``function`` (``section``
    index and ``offset`` in bytes), an ``extern`` (``name``) or ``jumps`` (a jump table). A ``problem`` is a relocation
    that makes no sense: ``name`` says why, ``hints`` what to do; it matters to a program with that instruction alone.
    """

    kind: TargetKind
    name: str = ""
    section: int = 0
    offset: int = 0
    hints: tuple[str, ...] = ()


class FunctionSpec(NamedTuple):
    """A function of a code section; ``offset`` and ``size`` in bytes."""

    name: str
    section: int
    offset: int
    size: int
    is_global: bool


class CodeSection(NamedTuple):
    """A section with instructions. ``relocations`` are by byte offset, ``functions`` in order of offset."""

    number: int
    name: str
    code: bytes
    relocations: Mapping[int, Target]
    functions: tuple[FunctionSpec, ...]


class ProgramSpec(NamedTuple):
    """A program of an object: its entry point.

    ``type`` is what the section's name says or else, by BTF, the program's argument; UNSPEC when neither tells it.
    """

    name: str
    section: str
    function: FunctionSpec
    type: ProgramType = ProgramType.UNSPEC
    expected_attach_type: int = 0


class ExternSpec(NamedTuple):
    """A symbol that the kernel has to define.

    ``type_id`` is 0 for a variable that is declared without a type (``const void``). ``size`` and ``offset`` of a
    setting are bytes in the ``.kconfig`` map. ``number`` is the position among the externs, in libbpf's order.
    """

    name: str
    kind: ExternKind
    type_id: int
    is_weak: bool
    variable_id: int
    size: int = 0
    offset: int = 0
    number: int = 0


class ExternValue(NamedTuple):
    """The kernel's value of an extern: ``btf_id`` of a variable or function, else ``address``; both 0 for a missing
    weak one.

    A symbol of a module has a descriptor of the module's types in ``module_fd``. A function also has that descriptor's
    position among those that are passed with the program in ``module_index``, from 1 on.
    """

    btf_id: int = 0
    address: int = 0
    module_fd: int = 0
    module_index: int = 0


class ObjectSpec(NamedTuple):
    """The declarations of an object file: its programs, maps, externs, code and types.

    ``name`` is the file's base name, ``image`` its bytes; ``license`` is empty without a license section.
    ``section_sizes`` (bytes, by section name) and ``variable_offsets`` (bytes, by section and symbol name) complete the
    BTF for the kernel; ``hidden`` functions are global for the linker only, and static for the kernel.
    """

    name: str
    path: str
    image: bytes
    license: str
    kernel_version: int
    sections: Mapping[int, CodeSection]
    programs: tuple[ProgramSpec, ...]
    maps: Mapping[str, MapSpec]
    btf: Btf | None
    btf_ext: BtfExt | None
    externs: Mapping[str, ExternSpec]
    section_sizes: Mapping[str, int]
    variable_offsets: Mapping[tuple[str, str], int]
    hidden: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """The SHA-1 of the file in hex, which names the object's pin namespace."""
        from hashlib import sha1  # loads OpenSSL: only where a map wants it

        return sha1(self.image).hexdigest()

    def unpinned(self) -> ObjectSpec:
        """Return a copy whose maps are not pinned."""
        return self._replace(maps={name: declared._replace(pinning=PIN_NONE) for name, declared in self.maps.items()})

    def __repr__(self) -> str:
        """Name what is in it: the fields hold the whole file."""
        programs = ", ".join(program.name for program in self.programs) or "none"
        return f"<ObjectSpec {self.name!r} programs {programs}; maps {', '.join(self.maps) or 'none'}>"

    def programs_in(self, section: str) -> tuple[ProgramSpec, ...]:
        """Return the programs of the sections with a name, in order."""
        return tuple(p for p in self.programs if p.section == section)

    def map_by_id(self, number: int) -> MapSpec | None:
        """Return the legacy map with an id; None where there is none."""
        return next((m for m in self.maps.values() if m.id == number), None)
