"""``pytc cbpf asm``: assembles a file in the language of bpf_asm."""

from __future__ import annotations

from pytc.cbpf.formats import TC, read_program
from pytc.commands.cbpf.programs import AS, program_document
from pytc.commands.shared.command import Query
from pytc.words.engine import fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc cbpf asm FILE [ as FORM ]

Assembles FILE, which is in the language of bpf_asm: labels, comments after ; and in /* */, and the instructions
  ld ldh ldb   [k]  [x + k]  #EXTENSION; ld also #k  M[k]  #len
  ldx  #k  M[k]  #len  4*([k]&0xf)            ldi ldxi  #k             st stx  M[k]
  jmp LABEL                                   jeq jgt jge jset  #k|x, LABEL [, LABEL for no]
  jne jlt jle  #k|x, LABEL                    add sub mul div mod and or xor lsh rsh  #k|x
  neg tax txa                                 ret  #k|a
EXTENSION := proto | type | poff | ifidx | nla | nlan | mark | queue | hatype | rxhash | cpu | vlan_tci | vlan_avail
             | vlan_tpid | rand
"""

WORDS = (AS,)


class AssembleProgram(Query):
    """A file in the language of bpf_asm to assemble; ``form`` is one of :data:`pytc.cbpf.formats.FORMS`."""

    path: str
    form: str = TC


def parse(cursor: Cursor) -> AssembleProgram:
    """Return the command; raises UsageError, HelpRequested."""
    path = cursor.take()
    fields = fill(cursor, WORDS, {}, topic="cbpf asm")
    refuse_more(cursor, "cbpf asm")
    return AssembleProgram(path, **fields)


def run(context: Context, command: AssembleProgram) -> list[Document]:
    """Assemble the file; raises BytecodeError."""
    return [program_document(read_program(command.path), command.form)]
