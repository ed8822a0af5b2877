"""Find errors and likely mistakes in an object before any kernel sees it.

>>> from pytc.bpf.analyse.lint import lint_file
>>> [finding.text for finding in lint_file("bpf.o", version="5.4")]
"""

from __future__ import annotations

from pytc.bpf.analyse import lint_flow, lint_maps, lint_programs, lint_verdicts
from pytc.bpf.analyse.findings import ERROR, SEVERITIES, Case, Finding
from pytc.bpf.analyse.inspect import inspect_object
from pytc.bpf.object.reader import read_object
from pytc.bpf.sys.constants import ProgramType
from pytc.errors import MapDefinitionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.kernel.types import KernelTypes
    from pytc.bpf.object.spec import ObjectSpec


def lint_file(
    path: str,
    *,
    version: str = "",
    type: ProgramType = ProgramType.UNSPEC,
    layout20: str = "",
    types: KernelTypes | None = None,
) -> list[Finding]:
    """Read an object file and return the findings about it, the worst first.

    A map that cannot be understood is a finding; raises ObjectError for a file that cannot be read at all. Options are
    those of :func:`lint_object` and :func:`pytc.bpf.read_object`.
    """
    try:
        spec = read_object(path, layout20=layout20)
    except MapDefinitionError as error:
        return [Finding(ERROR, "map-definition", str(error.__cause__ or error))]
    return lint_object(spec, version=version, type=type, types=types)


def lint_object(
    spec: ObjectSpec,
    *,
    version: str = "",
    type: ProgramType = ProgramType.UNSPEC,
    types: KernelTypes | None = None,
) -> list[Finding]:
    """Return all findings, the worst first.

    ``version`` is that of the kernel to load it, like ``5.4``; empty for any. ``type`` is that of programs whose
    section says none. ``types`` are those of the kernel, which its CO-RE relocations are looked up in; None for any.
    """
    case = Case(inspect_object(spec), version, type, types)
    findings = [
        finding
        for check in (*lint_programs.CHECKS, *lint_verdicts.CHECKS, *lint_flow.CHECKS, *lint_maps.CHECKS)
        for finding in check(case)
    ]
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
