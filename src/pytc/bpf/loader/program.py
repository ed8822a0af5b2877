"""A loaded program, and the choice of a program in an object."""

from __future__ import annotations

from pytc.bpf.sys.constants import ProgramType, program_type_name
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.info import describe_program, program_by_id
from pytc.bpf.sys.pins import open_pin, pin
from pytc.errors import SelectionError, shortlist
from pytc.typing import TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.bpf.object.spec import ObjectSpec, ProgramSpec
    from pytc.bpf.run.test_run import Run
    from pytc.bpf.sys.descriptions import ProgramDescription
    from pytc.errors import PytcError

_Self = TypeVar("_Self", bound="Program")


class Program(OwnedFd):
    """A program in the kernel, as the descriptor that it is open by; it lives on where it is pinned or attached."""

    def __init__(self, descriptor: OwnedFd, spec: ProgramSpec | None = None) -> None:
        super().__init__(descriptor.detach())
        self.spec = spec

    @classmethod
    def from_id(cls: type[_Self], number: int) -> _Self:
        """Open the program with that id; raises BpfSyscallError."""
        return cls(program_by_id(number))

    @classmethod
    def from_pin(cls: type[_Self], path: str) -> _Self:
        """Open a pinned program; raises BpfSyscallError."""
        return cls(open_pin(path))

    @property
    def description(self) -> ProgramDescription:
        """The kernel's description of the program; raises BpfSyscallError, also for a descriptor of something else."""
        return describe_program(self.fd)

    @property
    def name(self) -> str:
        """The declared name, or the kernel's (truncated) name if there is no declaration."""
        return self.spec.name if self.spec is not None else self.description.name

    def test_run(self, packet: bytes, *, repeat: int = 1) -> Run:
        """Run the program on a packet with its Ethernet header, attached to nothing (BPF_PROG_TEST_RUN).

        For many packets, use :class:`pytc.bpf.Runner`. Raises BpfSyscallError.
        """
        from pytc.bpf.run.test_run import Runner

        with Runner(self.fd) as runner:
            return runner.run(packet, repeat=repeat)

    def pin(self, path: str) -> None:
        """Pin the program at a path in a bpffs; raises BpfSyscallError."""
        pin(self.fd, path)

    def __repr__(self) -> str:
        if self.closed:
            return f"<{type(self).__name__} {self.spec.name if self.spec is not None else ''!r} closed>"
        about = self.description
        return f"<{type(self).__name__} {self.name!r} {program_type_name(about.type)} id {about.id}>"


def select_program(
    spec: ObjectSpec,
    *,
    section: str = "",
    program: str = "",
    default_section: str | Sequence[str] = "classifier",
    default_type: ProgramType = ProgramType.UNSPEC,
) -> ProgramSpec:
    """Return the program of an object that is meant.

    That is ``program`` (a function's name), the first program of ``section``, or the one that both name. Without either
    it is the first of ``default_section`` (of the first that exists, where there are several; from the second on, it
    has to be the only one there); where that is missing, the object's only program, or the only one of
    ``default_type``.
    Raises SelectionError with the list of programs.
    """
    if not spec.programs:
        raise SelectionError(f'object file "{spec.path}" holds no programs')
    if not section and not program:
        defaults = (default_section,) if isinstance(default_section, str) else default_section
        candidates = next(filter(None, map(spec.programs_in, defaults)), ())
        is_clear = len(candidates) == 1 or (bool(candidates) and candidates == spec.programs_in(defaults[0]))
        if is_clear or len(spec.programs) == 1:
            return (candidates or spec.programs)[0]
        of_type = [p for p in spec.programs if default_type and p.type == default_type]
        if not candidates and len(of_type) == 1:
            return of_type[0]
        missing = f'section "{defaults[0]}", which is the default' if defaults else "default for them"
        raise _not_found(spec, f"no {missing}, and more than one program")
    names = {s.name for s in spec.sections.values()}
    if section not in names and f"?{section}" in names:
        section = f"?{section}"  # for libbpf, a program that is not loaded unless it is named
    if section and section not in names:
        raise _not_found(spec, f'no section "{section}"', section)
    candidates = tuple(
        p for p in (spec.programs_in(section) if section else spec.programs) if not program or p.name == program
    )
    if not candidates:
        where = f' in section "{section}"' if section else ""
        what = f'no program "{program}"{where}' if program else f'no program in section "{section}"'
        raise _not_found(spec, what, program or section)
    return candidates[0]


def _not_found(spec: ObjectSpec, what: str, wanted: str = "") -> PytcError:
    candidates = shortlist([f'"{p.section}" (program {p.name})' for p in spec.programs], wanted)
    error = SelectionError(f'object file "{spec.path}": {what}; sections with programs: {candidates}')
    names = {name.removeprefix("?") for p in spec.programs for name in (p.section, p.name)}
    return error.with_alternatives(wanted, names)
