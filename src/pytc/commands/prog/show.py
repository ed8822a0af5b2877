"""``pytc prog show``: loaded programs, by whom and when they were loaded, what they use."""

from __future__ import annotations

import os

from pytc.bpf.analyse.program_info import program_info
from pytc.bpf.sys.constants import program_type_name
from pytc.bpf.sys.info import describe_map, map_by_id
from pytc.commands.prog.targets import open_program
from pytc.commands.prog.words import TARGET, LoadedProgram, take_words
from pytc.commands.shared.command import Query
from pytc.commands.shared.named_programs import all_programs, matching_programs
from pytc.commands.shared.references import Users, pin_fields, read_pins
from pytc.errors import BpfSyscallError
from pytc.render.documents import Field
from pytc.render.terminal import printable
from pytc.words.engine import refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytc.bpf.analyse.program_info import ProgramInfo
    from pytc.commands.prog.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document, Json
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc prog { show | list } [ PROG ]

A program, all with a name or tag, or all of this machine: type, name, tag, license, maps, when and by whom it was
loaded, runs while statistics were on, where it is pinned and attached. With -d also the names of its maps, and which
processes hold it. "pytc prog help" says what PROG is.
"""

WORDS = TARGET

if TYPE_CHECKING:
    #: Process ids and names, by the id of the program that they hold.
    _Holders = Mapping[int, list[tuple[int, str]]]


class ShowPrograms(Query):
    """A request for one program, or for all without a target."""

    target: Target | None = None


def parse(cursor: Cursor) -> ShowPrograms:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, WORDS, "prog show")
    refuse_more(cursor, "prog show")
    return ShowPrograms(**fields)


def run(context: Context, command: ShowPrograms) -> list[Document]:
    """Return a document for each program; raises PytcError. Naming one, or showing all, needs CAP_SYS_ADMIN."""
    target = command.target
    if isinstance(target, LoadedProgram) and target.kind in ("name", "tag"):
        infos = [program_info(program.fd) for program in matching_programs(target.kind, target.text)]
    elif target is not None:
        infos = [program_info(open_program(context, target).fd)]
    else:
        infos = [program_info(program.fd) for program in all_programs()]
    holders = _holders() if context.display.details else {}
    names = _MapNames() if context.display.details else None
    booted = _boot_time()
    pins, users = read_pins(context), Users(context)
    return [
        [
            *_fields(info, booted, holders, names),
            *pin_fields(pins, "prog", info.id),
            _attached(users.places(info.id)),
            Field("", None, "\n"),
        ]
        for info in infos
    ]


def _attached(places: list[str]) -> Field:
    return Field("attached", [*places], "".join(f"\n  attached {printable(place)}" for place in places))


def _fields(about: ProgramInfo, booted: float, holders: _Holders, names: _MapNames | None) -> list[Field]:
    kind = program_type_name(about.type)
    license = " gpl" if about.gpl_compatible else ""
    verified = f" verified_insns {about.verified_instructions}" if about.verified_instructions else ""  # v5.16 counts
    fields = [
        Field("id", about.id, f"prog {about.id}"),
        Field("type", kind, f" {kind}"),
        Field("name", about.name, f" name {printable(about.name)}" if about.name else ""),
        Field("tag", about.tag, f" tag {about.tag}"),
        Field("gpl_compatible", about.gpl_compatible, license),
        *_load_time(about, booted),
        Field("bytes_xlated", about.translated_length, f"\n  xlated {about.translated_length}"),
        Field("jited", bool(about.jited_length), "" if about.jited_length else " interpreted"),
        Field("bytes_jited", about.jited_length, f" jited {about.jited_length}" if about.jited_length else ""),
        Field("verified_insns", about.verified_instructions or None, verified),
        Field("btf_id", about.btf_id or None, f" btf_id {about.btf_id}" if about.btf_id else ""),
        Field(
            "map_ids", list(about.map_ids), f"\n  map_ids {','.join(map(str, about.map_ids))}" if about.map_ids else ""
        ),
        *(_maps(about, names) if names is not None else ()),
        *_run_fields(about),
    ]
    pids = holders.get(about.id, [])
    if pids:
        rows: list[Json] = [{"pid": pid, "comm": name} for pid, name in pids]
        fields.append(Field("pids", rows, "\n  pids " + ",".join(f"{printable(name)}({pid})" for pid, name in pids)))
    return fields


def _maps(about: ProgramInfo, names: _MapNames) -> list[Field]:
    rows: list[Json] = [{"id": number, "name": names[number]} for number in about.map_ids]
    text = ",".join(f"{printable(names[number])}({number})" for number in about.map_ids)
    return [Field("maps", rows, f"\n  maps {text}" if text else "")]


class _MapNames(dict[int, str]):
    """Names of maps by id, each read once; empty for a map that has none, or is gone."""

    def __missing__(self, number: int) -> str:
        try:
            with map_by_id(number) as map:
                self[number] = describe_map(map.fd).name
        except BpfSyscallError:
            self[number] = ""
        return self[number]


def _run_fields(about: ProgramInfo) -> list[Field]:
    """Return the runs that the kernel counted; text has them only where there were any."""
    mean = about.run_time / about.run_count if about.run_count else 0.0
    text = f"\n  run_cnt {about.run_count} run_time_ns {about.run_time} ns/run {mean:.1f}" if about.run_count else ""
    missed = f" recursion_misses {about.recursion_misses}" if about.recursion_misses else ""
    return [
        Field("run_cnt", about.run_count, text),
        Field("run_time_ns", about.run_time),
        Field("recursion_misses", about.recursion_misses, missed),
    ]


def _load_time(about: ProgramInfo, booted: float) -> list[Field]:
    import time

    seconds = booted + about.load_time / 1e9
    text = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))
    return [
        Field("loaded_at", int(seconds), f"\n  loaded_at {text}"),
        Field("uid", about.created_by_uid, f" uid {about.created_by_uid}"),
    ]


def _boot_time() -> float:
    """Return the time of the boot in seconds since 1970: load times count from it."""
    import time

    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _holders() -> dict[int, list[tuple[int, str]]]:
    """Find the processes with descriptors of programs, except those that may not be looked at."""
    holders: dict[int, list[tuple[int, str]]] = {}
    own_pid = os.getpid()
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == own_pid:
            continue
        try:
            numbers = _held_by(f"/proc/{entry}")
            if numbers:
                with open(f"/proc/{entry}/comm", errors="replace") as file:
                    name = file.read().strip()
        except OSError:
            continue
        for number in numbers:
            holders.setdefault(number, []).append((int(entry), name))
    return holders


def _held_by(process: str) -> set[int]:
    """Return the ids of the programs that a process has descriptors of; raises OSError."""
    numbers: set[int] = set()
    for fd in os.listdir(f"{process}/fd"):
        try:
            if os.readlink(f"{process}/fd/{fd}") != "anon_inode:bpf-prog":
                continue
            with open(f"{process}/fdinfo/{fd}") as file:
                numbers.update(int(line.split()[1]) for line in file if line.startswith("prog_id:"))
        except OSError:
            continue
    return numbers
