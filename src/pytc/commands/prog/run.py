"""``pytc prog run``: a program on packets, by BPF_PROG_TEST_RUN."""

from __future__ import annotations

from itertools import islice

from pytc.bpf.run.test_run import Runner
from pytc.bpf.run.verdicts import Verdicts
from pytc.commands.prog.expectations import CheckedPacket, Expectations, Expected, Tally, field_values
from pytc.commands.prog.inputs import PacketSource, open_packets
from pytc.commands.prog.report import dumped_maps, open_buffers, run_document, write_junit
from pytc.commands.prog.subject import ObjectProgram, find_subject_map, open_subject
from pytc.commands.prog.words import TARGET, take_fields, take_filter
from pytc.commands.shared.command import Command
from pytc.contexts import ExitStack
from pytc.errors import UsageError
from pytc.value import Value
from pytc.words.engine import Word, fill, is_one_of, refuse_more, text, unsigned
from pytc.words.values import take_format, take_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Literal

    from pytc.commands.prog.subject import Subject
    from pytc.commands.prog.words import Target
    from pytc.commands.shared.context import Context
    from pytc.packets.packet import Packet
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor
    from pytc.words.values import ValueWords

HELP = """\
Usage: pytc prog run PROGRAM PACKETS [ ctx FIELDS ] [ metadata DIGITS ] [ EXPECT ] [ OUTPUT ] [ count NUMBER ]
                 [ repeat NUMBER ] [ direct-action | classid ] [ preset MAP { key KEY value VALUE } ... ] ...

PROGRAM := obj FILE [ section NAME ] [ program NAME ] [ type TYPE ] [ verbose ] [ set VARIABLE=VALUE ] ...
                    [ map NAME { max_entries NUMBER | pinned PATH } ] ...
         | { id NUMBER | pinned { PATH | m:NAME } | name NAME | tag TAG }
         | dev NAME { ingress | egress | root | parent CLASSID } [ chain INDEX ] [ pref PREF ] [ handle HANDLE ]
PACKETS := { pcap FILE | hex DIGITS | packet "WORDS" } ...
FIELDS := mark=N,priority=N,ifindex=DEV,ingress_ifindex=DEV,cb0=N .. cb4=N,tstamp=N,wire_len=N,gso_segs=N,gso_size=N
EXPECT := [ expect VERDICT[,VERDICT] ... ] [ expect-pcap FILE ] [ expect-ctx FIELDS ]
          [ expect-metadata DIGITS ]
OUTPUT := [ summary ] [ write FILE ] [ junit FILE ] [ dump MAP ] ...

Runs the program on each packet and says what it returned, what it changed and, with repeat, how long it took. Nothing
is attached, and the maps of an object are made for this run alone. FILE is pcap or pcapng; WORDS are headers with
their fields, like "eth ip src 10.0.0.1 dst 10.0.0.2 tcp dport 80 payload hex 00ff". Filters and actions find a VLAN
tag in vlan_tci, as on a hook. The exit status is 1 where a packet is not as expected.

expect       a verdict for all packets, or one for each: OK, SHOT, XDP_DROP ..., a number, a class like 1:10
expect-pcap  the packets afterwards, byte for byte
expect-ctx   fields afterwards: mark, priority, cb0 .. cb4, tstamp
metadata     what an XDP program finds at data_meta, in hex; expect-metadata: afterwards
repeat       runs each packet so many times; the first counts, the others are timed
classid      the return value is a class, as for a filter without direct-action
write        a capture of the packets as the program left them
junit        a report for continuous integration
preset       sets elements of a map before, dump shows a map after
"""

_U32 = 0xFFFFFFFF


class Preset(Value):
    """Elements of a map before the first run; a key is None for a map with a single element."""

    map: str
    entries: tuple[tuple[ValueWords | None, ValueWords], ...]
    key_type: str = ""
    value_type: str = ""


class RunOnPackets(Command):
    """Runs a program on packets.

    ``context`` and ``expected_context`` are fields and their values; ``limit`` 0 is for all packets; of ``repeat``
    runs the first counts and the others are timed. ``expected`` has a verdict for all packets, or one for each;
    ``expected_packets`` is a capture with the packets afterwards. ``classes`` says that return values are classes;
    None is for what the filter says, else verdicts. ``metadata`` is XDP's.
    """

    target: Target | ObjectProgram
    packets: tuple[PacketSource, ...]
    context: tuple[tuple[str, str], ...] = ()
    limit: int = 0
    repeat: int = 1
    expected: tuple[str, ...] = ()
    expected_packets: str = ""
    expected_context: tuple[tuple[str, str], ...] = ()
    metadata: bytes = b""
    expected_metadata: bytes | None = None
    classes: bool | None = None
    presets: tuple[Preset, ...] = ()
    dumps: tuple[str, ...] = ()
    summary: bool = False
    write: str = ""
    junit: str = ""


def _pairs(word: str) -> tuple[tuple[str, str], ...]:
    """Convert ``mark=1,priority=2``; raises ValueError."""
    pairs = [part.partition("=") for part in word.split(",")]
    if not all(name and equals and value for name, equals, value in pairs):
        raise ValueError(word)
    return tuple((name, value) for name, _, value in pairs)


def _verdicts(word: str) -> tuple[str, ...]:
    """Convert ``OK,SHOT``; raises ValueError."""
    parts = tuple(word.split(","))
    if not all(parts):
        raise ValueError(word)
    return parts


def _digits(word: str) -> bytes:
    """Convert hex digits; raises ValueError."""
    return bytes.fromhex(word.replace(":", ""))


def _take_packets(kind: Literal["pcap", "hex", "packet"]) -> Callable[[Cursor], PacketSource]:
    return lambda cursor: PacketSource(kind, cursor.take())


def _take_preset(cursor: Cursor) -> Preset:
    """Take ``NAME [ keytype FORMAT ] [ valuetype FORMAT ] key K value V [ key K value V ] ...``"""
    name, types, entries = cursor.take(), {"keytype": "", "valuetype": ""}, []
    while is_one_of(cursor.peek(), types):
        word = cursor.take()
        types[word] = take_format(cursor)
    while cursor.peek() in ("key", "value"):
        key = None
        if cursor.peek() == "key":
            cursor.take()
            key = take_value(cursor)
        if cursor.take() != "value":
            raise UsageError(f'Error: preset {name}: "value" is expected after the key.')
        entries.append((key, take_value(cursor)))
    if not entries:
        raise UsageError(f'Error: preset {name}: "key KEY value VALUE" is needed.')
    return Preset(name, tuple(entries), types["keytype"], types["valuetype"])


#: All words but those that name the program.
WORDS = (
    Word("pcap", "packets", read=_take_packets("pcap"), many=True, exact=True),
    Word("hex", "packets", read=_take_packets("hex"), many=True, exact=True),
    Word("packet", "packets", read=_take_packets("packet"), many=True, exact=True),
    Word("ctx", "context", _pairs, exact=True, many=True, wrong="FIELD=VALUE[,FIELD=VALUE] expected"),
    Word("count", "limit", unsigned(_U32), exact=True, wrong="invalid count"),
    Word("repeat", "repeat", unsigned(1 << 30), exact=True, wrong="invalid number of runs"),
    Word("expect", "expected", _verdicts, exact=True, wrong="VERDICT[,VERDICT] expected"),
    Word("expect-pcap", "expected_packets", text, exact=True, wrong="invalid file"),
    Word("expect-ctx", "expected_context", _pairs, exact=True, many=True, wrong="FIELD=VALUE[,FIELD=VALUE] expected"),
    Word("metadata", "metadata", _digits, exact=True, wrong="hex digits expected"),
    Word("expect-metadata", "expected_metadata", _digits, exact=True, wrong="hex digits expected"),
    Word("direct-action", "classes", value=False, exact=True),
    Word("da", "classes", value=False, exact=True),
    Word("classid", "classes", value=True, exact=True),
    Word("preset", "presets", read=_take_preset, exact=True, many=True),
    Word("dump", "dumps", text, exact=True, many=True, wrong="invalid name"),
    Word("summary", "summary", exact=True),
    Word("write", "write", text, exact=True, wrong="invalid file"),
    Word("junit", "junit", text, exact=True, wrong="invalid file"),
)


def parse(cursor: Cursor) -> RunOnPackets:
    """Return the command; raises UsageError, HelpRequested."""
    fields: dict[str, Any] = {}
    target = _take_target(cursor, fields)
    refuse_more(cursor, "prog run")
    if "packets" not in fields:
        raise UsageError("Error: which packets? pcap FILE, hex DIGITS or packet WORDS is needed.")
    for name in ("context", "expected_context"):
        fields[name] = tuple(pair for pairs in fields.get(name, ()) for pair in pairs)
    return RunOnPackets(target, **{**fields, "repeat": fields.get("repeat") or 1})


def _take_target(cursor: Cursor, fields: dict[str, Any]) -> Target | ObjectProgram:
    """Read all words into ``fields``, except those that name the program."""
    word = cursor.peek()
    if word in ("obj", "object-file"):
        return _take_object(cursor, fields)
    if word == "dev":
        return take_filter(cursor, WORDS, fields, "prog run")
    fill(cursor, (*TARGET, *WORDS), fields, topic="prog run")
    if "target" not in fields:
        raise UsageError(
            "Error: which program? obj, pinned, id, name, tag or dev is needed."
            if cursor.done
            else f'What is "{cursor.peek()}"? Try "pytc prog run help".'
        )
    target: Target = fields.pop("target")
    return target


def _take_object(cursor: Cursor, fields: dict[str, Any]) -> ObjectProgram:
    from pytc.tc.kinds.shared.programs import OBJECT, OBJECT_WORDS, BpfSource

    cursor.take()
    path = cursor.take()
    words = tuple(row for row in OBJECT_WORDS if row.name not in ("export", "entries"))
    fill(cursor, (*WORDS, *words), fields, topic="prog run")
    return ObjectProgram(BpfSource(OBJECT, path, **take_fields(fields, [row.into for row in words])))


def run(context: Context, command: RunOnPackets) -> list[Document]:
    """Run the program and compare with what is expected; ``context.status`` says whether all was so. Raises
    PytcError."""
    subject = open_subject(context, command.target)
    runner = context.own(Runner(subject.program.fd, field_values(context, command.context), metadata=command.metadata))
    classes = subject.classes if command.classes is None else command.classes
    verdicts = Verdicts(runner.type, classes=classes, tcx=subject.is_tcx)
    expected = Expected(command.expected, command.expected_packets, command.expected_context, command.expected_metadata)
    expectations = Expectations(context, expected, verdicts, runner.type)
    buffers = open_buffers(context, subject, command.dumps)  # raises BpfError before anything runs
    for preset in command.presets:
        _set(context, subject, preset)
    tally = _run(context, command, runner, verdicts, expectations)
    failures = expectations.missing(tally.packets)
    context.notes += _remarks(runner)
    is_timed = command.repeat > 1
    if command.junit:
        write_junit(command.junit, subject.name, tally.reported, failures, is_timed=is_timed)
    if failures or tally.failed:
        context.has_failed = True
    return [
        [
            *run_document(
                subject, tally, failures, summary=command.summary, expects=expectations.any, is_timed=is_timed
            ),
            *dumped_maps(context, subject, command.dumps, buffers),
        ]
    ]


def _remarks(runner: Runner) -> Iterator[str]:
    """Yield what was different from a hook."""
    if runner.padded:
        yield (
            f"some packets ({runner.padded}) were shorter than a test run accepts, and were padded with zeros to "
            f"{runner.minimum} bytes" + (" or to the end of their IP header" if runner.wants_ip_headers else "")
        )
    if runner.tags_in_bytes:
        yield (
            f"some packets ({runner.tags_in_bytes}) had their VLAN tag in their bytes, where a hook has it as metadata "
            f"(vlan_present, vlan_tci): {runner.tag_refusal}"
        )
    if runner.packets_without_tag:
        yield (
            f"the program can change VLAN tags, and a test run does not return them: packets that came with one "
            f"({runner.packets_without_tag}) are shown, compared and written without it"
        )
    elif runner.pushes_tags():
        yield "the program pushes VLAN tags, which become metadata: a test run does not return them"


def _run(
    context: Context, command: RunOnPackets, runner: Runner, verdicts: Verdicts, expectations: Expectations
) -> Tally:
    before = field_values(context, command.context)
    tally = Tally(report_all=bool(command.junit) or not command.summary)
    remarks: dict[str, None] = {}
    with ExitStack() as stack:
        write = _writer(stack, command.write)
        source = context.own(open_packets(context, command.packets))
        for number, packet in enumerate(islice(source, command.limit or None), 1):
            run = runner.run(packet.data, repeat=command.repeat)
            tally.add(
                CheckedPacket(
                    number,
                    runner.unchanged(packet.data),
                    run,
                    verdicts.name(run.verdict),
                    verdicts.text(run.verdict),
                    before,
                    command.metadata,
                    tuple(expectations.check(number, run)),
                )
            )
            remarks.setdefault(verdicts.remark(run.verdict))
            write(packet._replace(data=run.packet, length=len(run.packet), interface=0))
            context.progress(number, 0)
    context.notes += filter(None, remarks)
    return tally


def _writer(stack: ExitStack, path: str) -> Callable[[Packet], object]:
    if not path:
        return lambda packet: None
    from pytc.commands.shared.output_files import replace_file
    from pytc.packets.link_types import ETHERNET
    from pytc.packets.writer import PcapWriter

    return PcapWriter(stack.enter_context(replace_file(path)), ETHERNET).write


def _set(context: Context, subject: Subject, preset: Preset) -> None:
    from pytc.commands.shared.map_elements import element_bytes, key_bytes
    from pytc.commands.shared.map_errors import explain_refusals
    from pytc.commands.shared.typed_maps import typed_map

    typed = typed_map(context, find_subject_map(subject, preset.map), key=preset.key_type, value=preset.value_type)
    for key_words, value_words in preset.entries:
        key = key_bytes(typed, key_words)
        data = element_bytes(typed, value_words, f'preset of map "{preset.map}": value')
        with explain_refusals(typed, key):
            typed.map.update(key, data)
