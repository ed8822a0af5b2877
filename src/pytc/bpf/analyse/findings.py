"""Findings of the checks of an object, and the case that every check examines."""

from __future__ import annotations

from pytc.bpf.analyse.inspect import source_line
from pytc.bpf.kernel.versions import precedes
from pytc.bpf.sys.constants import ProgramType
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Literal

    from pytc.bpf.analyse.inspect import Inspection, ProgramFacts
    from pytc.bpf.kernel.types import KernelTypes
    from pytc.bpf.object.spec import ObjectSpec

    Severity = Literal["error", "warning", "note"]
ERROR: Final = "error"
WARNING: Final = "warning"
NOTE: Final = "note"
#: The severities, the worst first: it does not load; it may not do what is meant; good to know.
SEVERITIES: tuple[Severity, ...] = (ERROR, WARNING, NOTE)


class Finding(NamedTuple):
    """A finding of a check. ``check`` is the stable name of the check; fields of the location are empty, or 0, where
    unknown."""

    severity: Severity
    check: str
    text: str
    section: str = ""
    program: str = ""
    map: str = ""
    file: str = ""
    line: int = 0


class Case(NamedTuple):
    """An object under examination. ``version`` is that of the kernel to load it, empty for any; ``type`` that of
    programs whose section says none; ``types`` are those of the kernel, None where they are not known."""

    inspection: Inspection
    version: str = ""
    type: ProgramType = ProgramType.UNSPEC
    types: KernelTypes | None = None

    @property
    def spec(self) -> ObjectSpec:
        """The object under examination."""
        return self.inspection.spec

    def lacks(self, since: str) -> bool:
        """Return whether the kernel is older than the one that introduced something."""
        return bool(self.version and since and precedes(self.version, since))

    def in_program(self, severity: Severity, check: str, text: str, program: ProgramFacts, slot: int = -1) -> Finding:
        """Return a finding about a program, at the line of C of one of its instructions."""
        line = source_line(self.spec, program.linked, slot)
        return Finding(
            severity,
            check,
            text,
            program.spec.section,
            program.spec.name,
            file=line.file if line is not None else "",
            line=line.line if line is not None else 0,
        )
