"""``pytc cbpf run``: runs a program over the packets of a capture, or steps through it."""

from __future__ import annotations

from itertools import islice

from pytc.cbpf.ancillary import SETTABLE
from pytc.cbpf.debugger import Debugger
from pytc.cbpf.pcap import run_capture
from pytc.commands.cbpf.programs import MAX_U32, load_for_capture, take_source
from pytc.commands.shared.command import Command
from pytc.commands.shared.output_files import replace_file
from pytc.contexts import ExitStack
from pytc.errors import UsageError
from pytc.packets.capture import open_capture
from pytc.packets.writer import PcapngWriter
from pytc.render.documents import Field
from pytc.words.engine import Word, fill, refuse_more, text, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytc.commands.cbpf.programs import ClassicSource
    from pytc.commands.shared.context import Context
    from pytc.packets.packet import Packet
    from pytc.render.documents import Document, Json
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc cbpf run CAPTURE PROGRAM [ set NAME=NUMBER ] ... [ untagged ] [ count NUMBER ] [ summary ]
                 [ write CAPTURE ] [ step ]

Runs PROGRAM over the packets of a pcap or pcapng file (- is the standard input), as the kernel would.

set       what an extension gives: proto, type, ifidx, mark, queue, hatype, rxhash, cpu, vlan_tci, vlan_avail,
          vlan_tpid, rand; those that packets tell themselves are known
untagged  takes the VLAN tag out of the packet, as the kernel does before filters on ingress
count     reads only so many packets
summary   prints only how many there were
write     writes the packets that match to a file
step      goes through the program instruction by instruction; "help" lists the commands
"""


def _extension(word: str) -> tuple[str, int]:
    name, _, number = word.partition("=")
    if name not in SETTABLE:
        raise ValueError(word)
    return name, unsigned(MAX_U32)(number)


WORDS = (
    Word(
        "set",
        "values",
        _extension,
        exact=True,
        many=True,
        wrong="NAME=NUMBER expected; the names are " + ", ".join(SETTABLE),
    ),
    Word("untagged", "untagged"),
    Word("count", "limit", unsigned(MAX_U32), wrong="invalid count"),
    Word("summary", "summary"),
    Word("write", "write", text, wrong="invalid file name"),
    Word("step", "step"),
)
_NOT_WITH_STEP = {"limit": "count", "summary": "summary", "write": "write"}
_PROMPT = "> "


class RunProgram(Command):
    """A classic program to run over a capture.

    ``values`` are those of extensions, by name; ``limit`` is 0 for all packets; ``write`` is the path of a capture for
    the packets that match, empty for none; ``step`` leads through the program instruction by instruction.
    """

    path: str
    source: ClassicSource
    values: tuple[tuple[str, int], ...] = ()
    untagged: bool = False
    limit: int = 0
    summary: bool = False
    write: str = ""
    step: bool = False


def parse(cursor: Cursor) -> RunProgram:
    """Return the command; raises UsageError, HelpRequested."""
    path = cursor.take()
    source = take_source(cursor)
    fields = fill(cursor, WORDS, {}, topic="cbpf run")
    refuse_more(cursor, "cbpf run")
    if "step" in fields:
        for field, word in _NOT_WITH_STEP.items():
            if field in fields:
                raise UsageError(f'"{word}" has no meaning with "step"')
    return RunProgram(path, source, **fields)


def run(context: Context, command: RunProgram) -> list[Document] | None:
    """Return the verdict on each packet and how many matched; when stepping, nothing. Raises CaptureError,
    OutputError, and what loading the program raises."""
    if command.step:
        _step(context, command)
        return None
    rows: list[Json] = []
    texts: list[str] = []
    packets = matches = 0
    with ExitStack() as stack:
        source = islice(stack.enter_context(open_capture(command.path)), command.limit or None)
        write = _writer(stack, command.write)
        program = load_for_capture(context, command.source)
        for verdict in run_capture(program, source, values=dict(command.values), untagged=command.untagged):
            packets += 1
            matches += verdict.value != 0
            if verdict.value:
                write(verdict.packet)
            if not command.summary:
                rows.append({"number": verdict.number, "match": verdict.value != 0, "value": verdict.value})
                result = f"match ({verdict.value:#x})" if verdict.value else "no match"
                texts.append(f"packet {verdict.number}: {result}\n")
    summary = f"{packets} packet{'s' * (packets != 1)}, {matches} matched, {packets - matches} did not\n"
    return [
        [
            *([] if command.summary else [Field("packets", rows, "".join(texts))]),
            Field("count", packets, summary),
            Field("matched", matches),
        ]
    ]


def _writer(stack: ExitStack, path: str) -> Callable[[Packet], None]:
    """Return what takes packets: a new capture, which exists even if it gets none, or nothing for an empty path."""
    if not path:
        return lambda packet: None
    return PcapngWriter(stack.enter_context(replace_file(path))).write


def _step(context: Context, command: RunProgram) -> None:
    """Carry out the debugger commands that the user enters, until ``quit`` or the end of the input."""
    program = load_for_capture(context, command.source)
    with open_capture(command.path) as packets:
        debugger = Debugger(program, packets, values=dict(command.values), untagged=command.untagged)
        context.write(debugger.greeting.encode())
        while not debugger.done:
            line = context.ask(_PROMPT)
            if line is None:
                break
            context.write(debugger.execute(line).encode())
