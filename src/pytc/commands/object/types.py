"""``pytc object types``: the types of an object, or of a kernel, as a C header."""

from __future__ import annotations

from pytc.commands.shared.command import Query
from pytc.render.documents import Field
from pytc.words.engine import fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc object types FILE

Prints the types in FILE (an object, a vmlinux, or BTF alone) as a C header. That of the running kernel,
/sys/kernel/btf/vmlinux, is the vmlinux.h with which programs read the kernel's structures: they find members where the
kernel that loads them has them (CO-RE), unless BPF_NO_PRESERVE_ACCESS_INDEX is defined before the header is included.
"""


class PrintTypes(Query):
    """A file whose types to print."""

    path: str


def parse(cursor: Cursor) -> PrintTypes:
    """Return the command; raises UsageError, HelpRequested."""
    command = PrintTypes(cursor.take())
    fill(cursor, (), {}, topic="object types")
    refuse_more(cursor, "object types")
    return command


def run(context: Context, command: PrintTypes) -> list[Document]:
    """Return the header; raises ObjectError."""
    from pytc.bpf.btf.header import header
    from pytc.bpf.kernel.running import kernel_btf

    text = "".join(header(kernel_btf(command.path)))
    return [[Field("object", command.path), Field("header", text, text)]]
