"""``pytc cbpf``: classic BPF compiled, assembled, disassembled, run over captures, translated to eBPF."""

from __future__ import annotations

from pytc.commands.shared.command import Help
from pytc.commands.shared.verbs import CommandObject, parse_verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: Words and the modules of their verbs; the order decides abbreviations.
VERBS = {"compile": "compile", "asm": "asm", "disasm": "disasm", "run": "run", "to-ebpf": "to_ebpf"}

HELP = """\
Usage: pytc cbpf compile [ as FORM ] [ snaplen NUMBER ] [ dev NAME ] [ DLT ] EXPRESSION
       pytc cbpf asm FILE [ as FORM ]
       pytc cbpf disasm PROGRAM [ as FORM ]
       pytc cbpf run CAPTURE PROGRAM [ set NAME=NUMBER ] ... [ untagged ] [ count NUMBER ] [ summary ]
                     [ write CAPTURE ] [ step ]
       pytc cbpf to-ebpf PROGRAM [ verdict VERDICT ] write FILE

PROGRAM := FILE | 'N,c t f k,...'
         | expression EXPRESSION [ dlt DLT ]
         | from dev NAME [ ingress | egress | parent CLASSID ] [ pref PREF ] [ handle HANDLE ] ...
FORM    := tc | tcpdump | c | asm
DLT     := EN10MB | RAW | LINUX_SLL | ...

FILE holds bytecode ('N,c t f k,...', the lines of tcpdump -ddd, or C), or the language of bpf_asm; - is the standard
input. EXPRESSION is tcpdump's (pcap-filter(7)), and needs libpcap. "pytc cbpf compile help" and so on say more.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``cbpf`` ask for; raises UsageError, HelpRequested."""
    if cursor.done:
        return Help("cbpf")
    return parse_verb(__name__, VERBS, cursor, exact_help=True)


OBJECT = CommandObject("cbpf", VERBS, HELP, parse)
