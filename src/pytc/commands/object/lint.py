"""``pytc object lint``: faults of an object file, found without a kernel."""

from __future__ import annotations

import re

from pytc.bpf.sys.constants import ProgramType
from pytc.bpf.sys.program_types import program_type
from pytc.commands.shared.command import Query
from pytc.words.engine import Word, fill, refuse_more, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc object lint FILE [ for KERNEL ] [ btf TYPES ] [ type TYPE ]

for   finds what that kernel lacks, too: helpers, map types, instructions and others; KERNEL is a version like 5.4
btf   finds what the kernel with these types lacks of those that the object looks up in it (CO-RE); TYPES is a file
      with its BTF, or its vmlinux: /sys/kernel/btf/vmlinux is of the running one
type  what programs are loaded as whose section does not say it: sched_cls, sched_act, xdp ...

A finding is an error (it does not load), a warning (it may not do what is meant) or a note. The exit status is 1 when
there is an error.
"""

_VERSION = re.compile(r"v?(\d{1,3}\.\d{1,4})(?:[.+-].*)?\Z", re.ASCII)


def kernel_version(word: str) -> str:
    """Convert a version like ``5.4``, ``v5.4`` or that of uname(2) to its first two numbers; raises ValueError."""
    match = _VERSION.match(word)
    if match is None:
        raise ValueError(word)
    return match.group(1)


WORDS = (
    Word("for", "kernel", kernel_version, wrong="invalid kernel version"),
    Word("btf", "types", text, exact=True, wrong="invalid file"),
    Word("type", "type", program_type, wrong="invalid program type"),
)


class LintObject(Query):
    """An object file to check.

    ``kernel`` is the version to check for, like ``5.4``, empty for any; ``types`` a file with its types, empty for any;
    ``type`` the number of the type of programs whose section names none.
    """

    path: str
    kernel: str = ""
    type: int = 0
    types: str = ""


def parse(cursor: Cursor) -> LintObject:
    """Return the command; raises UsageError, HelpRequested."""
    path = cursor.take()
    fields = fill(cursor, WORDS, {}, topic="object lint")
    refuse_more(cursor, "object lint")
    return LintObject(path, **fields)


def run(context: Context, command: LintObject) -> list[Document]:
    """Return the findings, and set the exit status where one is an error; raises ObjectError."""
    from pytc.bpf.analyse.findings import ERROR
    from pytc.bpf.analyse.lint import lint_file
    from pytc.bpf.kernel.running import kernel_btf
    from pytc.bpf.kernel.types import KernelTypes
    from pytc.commands.object.documents import findings_document

    types = None
    if command.types:
        types = context.own(KernelTypes(lambda: kernel_btf(command.types), source=command.types))
        types.vmlinux()
    findings = lint_file(
        command.path,
        version=command.kernel,
        type=ProgramType(command.type),
        layout20=context.layout20,
        types=types,
    )
    if any(finding.severity == ERROR for finding in findings):
        context.has_failed = True
    return [findings_document(command.path, findings)]
