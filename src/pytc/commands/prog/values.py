"""What the user asked of programs: one frozen value for each command."""

from typing import Any, NamedTuple

from pytc.commands.map.values import Words
from pytc.commands.shared.command import Command, Query


class ProgramTarget(NamedTuple):
    """Which program. ``kind`` is id, pinned, name, tag (``text`` says which), object (``source`` is what the words of
    a bpf filter make of it) or filter (``source`` is a FilterSelector)."""

    kind: str
    text: str = ""
    source: Any = None


class PacketSource(NamedTuple):
    """Packets to run a program on: ``kind`` is pcap (a file, ``-`` for standard input), hex or packet (words)."""

    kind: str
    text: str


class Preset(NamedTuple):
    """Elements of a map before the first run; a key is None for a map with a single element."""

    map: str
    entries: tuple[tuple[Words | None, Words], ...]
    key_type: str = ""
    value_type: str = ""


class RunOnPackets(Command):
    """Runs a program on packets.

    ``context`` and ``expected_context`` are fields and their values; ``limit`` 0 is for all packets; of ``repeat``
    runs the first counts and the others are timed. ``expected`` has a verdict for all packets, or one for each;
    ``expected_packets`` is a capture with the packets afterwards. ``classes`` says that return values are classes,
    None: what the filter says, else verdicts.
    """

    target: ProgramTarget
    packets: tuple[PacketSource, ...]
    context: tuple[tuple[str, str], ...] = ()
    limit: int = 0
    repeat: int = 1
    expected: tuple[str, ...] = ()
    expected_packets: str = ""
    expected_context: tuple[tuple[str, str], ...] = ()
    classes: bool | None = None
    presets: tuple[Preset, ...] = ()
    dumps: tuple[str, ...] = ()
    summary: bool = False
    write: str = ""
    junit: str = ""


class ShowPrograms(Query):
    """One program, all without a target."""

    target: ProgramTarget | None = None


class DumpProgram(Query):
    """``form`` is xlated or jited; ``write`` a file for the bare instructions, empty for text."""

    target: ProgramTarget
    form: str = "xlated"
    opcodes: bool = False
    lines: bool = False
    write: str = ""


class ProgramStatistics(Command):
    """Runs and their time; with ``seconds``, those of that time, in which statistics are on."""

    target: ProgramTarget | None = None
    seconds: float = 0.0


class PinProgram(Command):
    target: ProgramTarget
    path: str


class UnpinProgram(Command):
    path: str
