"""``pytc map load``: sets the elements that a file lists."""

from __future__ import annotations

from codecs import BOM_UTF8
from itertools import islice

from pytc.bpf.maps.types import KEYLESS
from pytc.commands.map.elements import check_kept, lock_flag, open_target, write_elements
from pytc.commands.map.input import Source
from pytc.commands.map.words import FLAGS, LOCK, TARGET, TYPES, require, take_path, take_words
from pytc.commands.shared.command import Command
from pytc.errors import BpfError, CodecError, PytcError, UsageError
from pytc.words.engine import Word, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, Literal

    from pytc.bpf.maps.batch import Batch
    from pytc.bpf.maps.typed import TypedMap
    from pytc.commands.map.input import Numbered
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.desired import Programs, Wanted
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc map load MAP FILE [ csv | json ] [ any | noexist | exist ] [ lock ]

Sets the elements that FILE lists ("-": standard input), in the layouts that dump prints: CSV with a header, or JSON as
[{"key":KEY,"value":VALUE},...], {KEY: VALUE, ...}, or an object on each line. Elements that FILE does not list stay.
Those before one that is wrong may be set.
"""

WORDS = (
    *TARGET,
    *TYPES,
    Word("file", "path", text, wrong="invalid file"),
    Word("csv", "format", value="csv"),
    Word("json", "format", value="json"),
    *FLAGS,
    LOCK,
)

_STANDARD_INPUT = "-"
_QUEUED = 4  # batches


class LoadMap(Command):
    """A file of elements to load into a map.

    ``path`` is ``-`` for standard input; without a ``format`` the first character decides. ``flags`` are those of
    bpf(2).
    """

    target: Target
    path: str
    format: Literal["", "csv", "json"] = ""
    flags: int = 0
    lock: bool = False


def parse(cursor: Cursor) -> LoadMap:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, WORDS, "load", take_path)
    require(fields, "path", "path")
    return LoadMap(**fields)


def desire(context: Context, command: LoadMap, programs: Programs) -> Wanted:
    """Return the elements that the map should have; raises UsageError."""
    from pytc.commands.map.desired_elements import WantedElements

    if command.path == _STANDARD_INPUT or command.lock:
        raise UsageError("A desired state is compared first: neither standard input nor lock goes with it")
    label = f"map {command.target.kind} {command.target.text} file {command.path}"
    return WantedElements(
        context, command.target, label, lambda _, typed: _elements(typed, command), command.flags, command.path
    )


def run(context: Context, command: LoadMap) -> None:
    """Set the elements of the file; raises PytcError. Those before one that is wrong may be set."""
    typed = open_target(context, command.target)
    flags = command.flags | lock_flag(typed, lock=command.lock)
    _write_all(context, typed, command.target, _batches(typed, command), flags)


def _elements(typed: TypedMap, command: LoadMap) -> Iterator[tuple[bytes, bytes]]:
    key_size, value_size = typed.map.description.key_size, typed.map.value_bytes
    for batch, _ in _batches(typed, command):
        for index in range(batch.entries):
            yield (
                batch.keys[index * key_size : (index + 1) * key_size],
                batch.values[index * value_size : (index + 1) * value_size],
            )


def _batches(typed: TypedMap, command: LoadMap) -> Numbered:
    """Yield the elements of the file in batches; raises BpfError, CodecError."""
    if typed.map.description.type in KEYLESS:
        raise BpfError(f'map "{typed.map.name}" has no keys: use push')
    with _open(command.path) as file:
        source = Source(file)
        source.skip(BOM_UTF8)
        format = command.format or ("json" if source.head()[:1] in (b"[", b"{") else "csv")
        from pytc.commands.map import csv_elements, json_elements

        reader = json_elements if format == "json" else csv_elements
        try:
            yield from reader.batches(typed, source)
        except CodecError as error:
            raise CodecError(f"{command.path}: {error}", hints=error.hints) from None


def _open(path: str) -> BinaryIO:
    try:
        return open(0 if path == _STANDARD_INPUT else path, "rb", closefd=path != _STANDARD_INPUT)
    except OSError as error:
        raise BpfError(f'cannot read "{path}": {error.strerror}', errno=error.errno) from error


def _write_all(context: Context, typed: TypedMap, target: Target, batches: Numbered, flags: int) -> None:
    """Write batches; only a third one is worth a thread."""
    few = list(islice(batches, 2))
    for batch, _ in few:
        write_elements(typed, batch, flags)
    if len(few) > 1:
        _write_in_thread(context, typed, batches, flags)
    if few:
        check_kept(typed, target, few[0][0].keys[: typed.map.description.key_size])


def _write_in_thread(context: Context, typed: TypedMap, batches: Numbered, flags: int) -> None:
    """Hand batches to the kernel while the next ones are read: bpf(2) lets other threads run."""
    import queue
    import threading

    waiting: queue.Queue[Batch | None] = queue.Queue(_QUEUED)
    refused: list[PytcError] = []

    def write() -> None:
        while (batch := waiting.get()) is not None:
            try:
                if not refused:
                    write_elements(typed, batch, flags)
            except PytcError as error:
                refused.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    done = 0
    try:
        for batch, total in batches:
            waiting.put(batch)
            if refused:
                break
            done += batch.entries
            context.progress(done, total)
    finally:
        waiting.put(None)
        writer.join()
    if refused:
        raise refused[0]
