"""Look at object files without a kernel, and explain errors."""

import os

from pytc.api.calls import library_hints, public
from pytc.bpf.analyse.findings import Finding
from pytc.bpf.analyse.inspect import Inspection, inspect_object
from pytc.bpf.analyse.lint import lint_file
from pytc.bpf.object.reader import read_object
from pytc.errors import PytcError


@public
def lint(path: str | os.PathLike[str], *, version: str = "") -> list[Finding]:
    """Return the errors and likely mistakes in an object file, the worst first; needs no kernel and no privileges.

    ``version`` is that of the kernel to load it, like ``5.4``; empty for any. Raises ObjectError.

    >>> pytc.lint("examples/bpf/traffic.o", version="4.4")[0].severity
    'error'
    """
    return lint_file(os.fspath(path), version=version)


@public
def inspect(path: str | os.PathLike[str]) -> Inspection:
    """Return what an object file declares, and what it needs of a kernel; needs no kernel and no privileges.

    Raises ObjectError.
    """
    return inspect_object(read_object(os.fspath(path)))


def explain(error: BaseException) -> str:
    """Return an error for people: its message, the likely causes, and of the verifier the line of C that it refused.

    >>> try:
    ...     pytc.load("missing.o")
    ... except pytc.PytcError as error:
    ...     print(pytc.explain(error))
    cannot open object file "missing.o": No such file or directory
    """
    if not isinstance(error, PytcError):
        return f"{type(error).__name__}: {error}"
    lines = [str(error)]
    source = getattr(error, "source", "")
    if source and source not in lines[0]:
        lines.append(f"  {source}")
    return "\n".join([*lines, *(f"Hint: {hint}" for hint in library_hints(error.hints))])
