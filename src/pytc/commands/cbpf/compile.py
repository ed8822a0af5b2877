"""``pytc cbpf compile``: the program of a tcpdump expression, as libpcap compiles it."""

from __future__ import annotations

from pytc.cbpf.compiler import ETHERNET, compile_expression
from pytc.cbpf.formats import TC
from pytc.commands.cbpf.programs import AS, MAX_U32, program_document
from pytc.commands.shared.command import Query
from pytc.commands.shared.expressions import device_link_type
from pytc.errors import UsageError
from pytc.tc.kinds.shared.expression_words import link_type
from pytc.words.devices import device
from pytc.words.engine import Word, fill, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc cbpf compile [ as FORM ] [ snaplen NUMBER ] [ dev NAME ] [ DLT ] EXPRESSION

Prints the program of a tcpdump expression, as libpcap compiles it.

as       tc: 'N,c t f k,...' for bytecode {tc}; tcpdump: the same in lines; c: struct sock_filter; asm: bpf_asm's
snaplen  what a match returns {4294967295: the class that the filter names}; tcpdump -ddd has 262144
dev      takes the link type of this device, and finds VLAN tags that the kernel keeps beside the packet
DLT      what packets begin with {EN10MB: an Ethernet header}; RAW: an IP header
"""

WORDS = (
    AS,
    Word("snaplen", "snaplen", unsigned(MAX_U32), exact=True, wrong="invalid snaplen"),
    Word("dev", "device", device, exact=True, wrong='"dev" not a valid ifname'),
    Word("dlt", "link_type", link_type, exact=True, wrong="invalid link type"),
)


class CompileExpression(Query):
    """An expression to compile.

    ``link_type`` is empty for that of ``device``, and for Ethernet; ``form`` is one of :data:`pytc.cbpf.formats.FORMS`.
    """

    expression: str
    link_type: str = ""
    device: str = ""
    snaplen: int = MAX_U32
    form: str = TC


def parse(cursor: Cursor) -> CompileExpression:
    """Return the command; raises UsageError, HelpRequested.

    Words that are not pytc's are the expression, as for tcpdump: one word or several. The name of a link type, in
    capitals, may stand in front of it.
    """
    fields = fill(cursor, WORDS, {}, topic="cbpf compile")
    rest = cursor.rest()
    if len(rest) > 1 and "link_type" not in fields and rest[0].isupper():
        fields["link_type"] = link_type(rest.pop(0))
    if not rest:
        raise UsageError('Command line is not complete. Try option "help"')
    return CompileExpression(" ".join(rest), **fields)


def run(context: Context, command: CompileExpression) -> list[Document]:
    """Compile the expression; raises ExpressionError, DeviceNotFoundError."""
    link_type = command.link_type or (device_link_type(context, command.device) if command.device else ETHERNET)
    program = compile_expression(command.expression, link_type, device=command.device, snaplen=command.snaplen)
    return [program_document(program, command.form)]
