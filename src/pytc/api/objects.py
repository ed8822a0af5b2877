"""Load objects: ``pytc.load`` and what it returns."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Generic, TypeVar

from pytc.api.calls import log, public
from pytc.api.maps import Map
from pytc.api.programs import Program
from pytc.api.variables import Variables
from pytc.bpf.link.tail_calls import tail_calls
from pytc.bpf.loader.load import Loaded, load_programs
from pytc.bpf.maps.pinning import PinRoot
from pytc.bpf.object.parameters import Parameters, parameterise
from pytc.bpf.object.reader import read_bytes, read_object
from pytc.bpf.object.spec import DATA, ObjectSpec, ProgramSpec
from pytc.bpf.sys.constants import ProgramType
from pytc.closing import Closing
from pytc.errors import ArgumentError, NameNotFoundError, ObjectError, shortlist

_Member = TypeVar("_Member", Program, Map)


class Members(Generic[_Member]):
    """The programs or maps of an object by name: attributes (``obj.maps.flows``), items (``obj.maps["flows"]``), and
    iteration over the names.

    Raises NameNotFoundError, an AttributeError and a KeyError, with the names that there are.
    """

    def __init__(self, what: str, object_name: str, members: dict[str, _Member], hidden: Iterable[str] = ()) -> None:
        self._what, self._object, self._hidden = what, object_name, frozenset(hidden)
        self._members: dict[str, _Member] = members

    def __getitem__(self, name: str) -> _Member:
        member = self._members.get(name)
        if member is None:
            known = shortlist(list(self), name) or "none"
            raise NameNotFoundError(
                f'object "{self._object}" has no loaded {self._what} "{name}"; its {self._what}s: {known}'
            )
        return member

    def __getattr__(self, name: str) -> _Member:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def get(self, name: str) -> _Member | None:
        """Return a member by name, None where there is none."""
        return self._members.get(name)

    def items(self) -> Iterator[tuple[str, _Member]]:
        """Yield names and members, in the order of the object."""
        return ((name, self._members[name]) for name in self)

    def values(self) -> Iterator[_Member]:
        """Yield the members, in the order of the object."""
        return (member for _, member in self.items())

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._members if name not in self._hidden)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self})

    def __repr__(self) -> str:
        return f"<{self._what}s {', '.join(self) or 'none'}>"


class Object(Closing):
    """A loaded object: its programs, maps and variables; owns their descriptors.

    ``programs`` and ``maps`` are by name, as attributes and items; the maps of global variables, like ``.bss``, are
    items alone. ``variables`` are read and written while the programs run. ``spec`` is what the file declares,
    ``notes`` are remarks of the loader, ``logs`` the verifier's words by program, with ``verbose``.

    Closing it, at the end of a ``with`` block, closes the descriptors: what is attached or pinned lives on. An object
    may be used by several threads.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self.spec = loaded.spec
        programs = [loaded.own(Program(program, program.spec)) for program in loaded.programs]
        names = [program.spec.name if program.spec is not None else "" for program in programs]
        self.logs: dict[str, str] = dict(zip(names, loaded.logs, strict=True))
        self.programs: Members[Program] = Members(
            "program",
            self.name,
            dict(zip(names, programs, strict=True)),
        )
        data = [name for name, spec in self.spec.maps.items() if spec.origin == DATA]
        self.maps: Members[Map] = Members(
            "map", self.name, {name: Map(raw, btf=self.spec.btf) for name, raw in loaded.maps.items()}, data
        )
        self.variables = Variables(self.spec, loaded.maps)

    @property
    def name(self) -> str:
        """The file's base name."""
        return self.spec.name

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks of the loader: what the kernel lacks, what is lost when the object is closed."""
        return tuple(self._loaded.notes)

    @property
    def pins(self) -> tuple[str, ...]:
        """The pins that this load has made, with their directories."""
        return self._loaded.pins

    @property
    def program(self) -> Program:
        """The only loaded program; raises NameNotFoundError where there are others."""
        programs = list(self.programs.values())
        if len(programs) != 1:
            raise NameNotFoundError(f'object "{self.name}" has {len(programs)} programs: {", ".join(self.programs)}')
        return programs[0]

    @public
    def export(self, path: str) -> int:
        """Send the descriptors of the maps to the process that listens at a Unix socket, which :func:`receive_maps` or
        ``pytc exec bpf import`` does; returns how many. Raises TransferError."""
        from pytc.exec_proxy.map_transfer import identify, send_maps

        return send_maps(path, identify(self.spec.path), (map.raw for map in self.maps.values()))

    def close(self) -> None:
        """Close every descriptor; pinned and attached programs and maps live on."""
        self.variables._close()
        self._loaded.close()

    def __repr__(self) -> str:
        programs, maps = ", ".join(self.programs) or "none", ", ".join(self.maps) or "none"
        return f"<Object {self.name!r} programs {programs}; maps {maps}>"


@public
def load(
    source: str | os.PathLike[str] | bytes | IO[bytes],
    *,
    programs: str | Iterable[str] | None = None,
    set: Mapping[str, Any] | None = None,
    max_entries: Mapping[str, int] | None = None,
    reuse: Mapping[str, str] | None = None,
    type: str | ProgramType = "",
    pin: bool | str = True,
    verbose: bool = False,
    kernel_btf: str = "",
) -> Object:
    """Load a compiled BPF object: a path, the file's bytes, or an open binary file.

    All of its programs are loaded, or those that ``programs`` names (by function or section); a program of section
    ``?NAME`` only where it is named. ``set`` gives global variables their values before the verifier sees them:
    ``{"port": 80, "config.mac": "02:00:00:00:00:01", "table[3]": 7}``. ``max_entries`` changes the sizes of maps,
    ``reuse`` takes pinned maps in their place, by map and path. ``type`` is that of programs whose section tells none
    (``sched_cls`` by default).

    Maps that want to be pinned are pinned, and found again by the next load: ``pin`` is a bpffs for that, False for
    none. ``verbose`` fetches the verifier's log also where a program is accepted; ``kernel_btf`` names a file with
    the kernel's types where /sys/kernel/btf/vmlinux is missing.

    Raises ObjectError for a file that makes no sense, NameNotFoundError or SelectionError for a wrong name,
    VerifierError with log and source, MapMismatchError for a pinned map of another shape, PinError, BpfSyscallError.
    Then nothing is left behind.

    >>> with pytc.load("examples/bpf/traffic.o", set={"counting": 0}) as traffic:
    ...     list(traffic.programs), list(traffic.maps)
    (['count_protocols', 'drop_icmp'], ['protocols', 'drops'])
    """
    began = time.perf_counter()
    spec = _read(source)
    log.debug(
        "read %s: programs %s; maps %s", spec.name, ", ".join(p.name for p in spec.programs), ", ".join(spec.maps)
    )
    spec = parameterise(spec, Parameters(set or {}, max_entries or {}, reuse or {}))
    if not pin:
        spec = spec.unpinned()
    chosen = _choose(spec, programs)
    default = _type(type)
    typed = [
        (program, default if default or program.type is not ProgramType.UNSPEC else ProgramType.SCHED_CLS)
        for program in chosen
    ]
    loaded = load_programs(
        spec,
        typed,
        pins=PinRoot(pin) if isinstance(pin, str) else None,
        verbose=verbose,
        kernel_btf=kernel_btf,
    )
    _report(loaded, began)
    return Object(loaded)


def _report(loaded: Loaded, began: float) -> None:
    if not log.isEnabledFor(10):
        return
    for name, map in loaded.maps.items():
        log.debug("map %s: %r", name, map)
    for program in loaded.programs:
        log.debug("loaded %r, tag %s", program, program.description.tag)
    for pinned in loaded.pins:
        log.debug("created %s", pinned)
    for note in loaded.notes:
        log.debug("%s", note)
    log.debug("loaded %s in %.1f ms", loaded.spec.name, (time.perf_counter() - began) * 1000)


def _read(source: str | os.PathLike[str] | bytes | IO[bytes]) -> ObjectSpec:
    if isinstance(source, (str, os.PathLike)):
        return read_object(os.fspath(source))
    data = source if isinstance(source, bytes) else source.read()
    if not isinstance(data, bytes):
        raise ArgumentError("an object is bytes: open its file with mode rb")
    name = getattr(source, "name", "")
    return read_bytes(data, name if isinstance(name, str) else "")


def _type(word: str | ProgramType) -> ProgramType:
    if isinstance(word, ProgramType):
        return word
    try:
        return ProgramType[word.upper()] if word else ProgramType.UNSPEC
    except KeyError:
        raise ArgumentError(
            f'"{word}" is no type of programs: sched_cls, sched_act, xdp, cgroup_skb ... (pytc.ProgramType)'
        ) from None


def _choose(spec: ObjectSpec, names: str | Iterable[str] | None) -> list[ProgramSpec]:
    """Return the programs to load; what is only there for slots of program arrays is loaded where it is reached."""
    if names is None:
        in_slots = {call.program for call in tail_calls(spec)}
        entries = [program for program in spec.programs if program not in in_slots]
        chosen = [program for program in entries if not program.section.startswith("?")]
        if not chosen:
            raise ObjectError(f'object "{spec.name}" has no programs to load')
        return chosen
    return [_named(spec, name) for name in ([names] if isinstance(names, str) else names)]


def _named(spec: ObjectSpec, name: str) -> ProgramSpec:
    for program in spec.programs:
        if program.name == name:
            return program
    in_section = spec.programs_in(name) or spec.programs_in(f"?{name}")
    if in_section:
        return in_section[0]
    known = shortlist([program.name for program in spec.programs], name) or "none"
    raise NameNotFoundError(f'object "{spec.name}" has no program "{name}"; its programs: {known}')
