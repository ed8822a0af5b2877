"""What is wrong with an object, or may be, before any kernel sees it.

>>> from pytc.bpf.lint import lint_file
>>> [finding.text for finding in lint_file("bpf.o", version="5.4")]
"""

from pytc.bpf import lint_maps, lint_programs
from pytc.bpf.constants import ProgramType
from pytc.bpf.findings import ERROR, SEVERITIES, Case, Finding
from pytc.bpf.inspect import inspect_object
from pytc.bpf.reader import read_object
from pytc.bpf.spec import ObjectSpec
from pytc.errors import MapDefinitionError


def lint_file(
    path: str, *, version: str = "", type: ProgramType = ProgramType.UNSPEC, layout20: str = ""
) -> list[Finding]:
    """Reads and checks an object. A map that cannot be understood is a finding; raises ObjectError for a file that
    cannot be read at all."""
    try:
        spec = read_object(path, layout20=layout20)
    except MapDefinitionError as error:
        return [Finding(ERROR, "map-definition", str(error.__cause__ or error))]
    return lint_object(spec, version=version, type=type)


def lint_object(spec: ObjectSpec, *, version: str = "", type: ProgramType = ProgramType.UNSPEC) -> list[Finding]:
    """All findings, the worst first.

    ``version`` is that of the kernel to load it, like ``5.4``; empty for any. ``type`` is that of programs whose
    section says none.
    """
    case = Case(inspect_object(spec), version, type)
    found = [finding for check in (*lint_programs.CHECKS, *lint_maps.CHECKS) for finding in check(case)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
