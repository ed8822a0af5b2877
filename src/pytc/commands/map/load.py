"""``map load`` and ``map update-many``: many elements at once."""

from itertools import islice
from typing import BinaryIO

from pytc.bpf.maps.batch import Batch, write_batch
from pytc.bpf.maps.typed import TypedMap
from pytc.bpf.maps.types import KEYLESS
from pytc.commands.map.elements import encoded, lock_flag
from pytc.commands.map.input import Numbered, Source
from pytc.commands.map.refusals import refusal
from pytc.commands.map.targets import key_bytes, open_typed
from pytc.commands.map.values import LoadMap, UpdateElements
from pytc.commands.shared.context import Context
from pytc.errors import BpfError, BpfSyscallError, CodecError, PytcError

_STANDARD_INPUT = "-"
_WAITING = 4


def update_elements(context: Context, command: UpdateElements) -> None:
    """Sets several elements; raises PytcError. Those before one that is refused are set."""
    typed = open_typed(context, command.target)
    flags = command.flags | lock_flag(typed, lock=command.lock)
    keys = [key_bytes(typed, key) for key, _ in command.entries]
    values = [encoded(typed.types.whole, value) for _, value in command.entries]
    _write(typed, Batch(b"".join(keys), b"".join(values), len(keys)), flags)


def load_map(context: Context, command: LoadMap) -> None:
    """Sets the elements that a file lists; raises PytcError. Those before one that is wrong may be set."""
    typed = open_typed(context, command.target)
    if typed.map.description.type in KEYLESS:
        raise BpfError(f'map "{typed.map.name}" has no keys: use push')
    flags = command.flags | lock_flag(typed, lock=command.lock)
    with _open(command.path) as file:
        source = Source(file)
        kind = command.format or ("json" if source.head()[:1] in (b"[", b"{") else "csv")
        from pytc.commands.map import csv_elements as map_csv
        from pytc.commands.map import json_elements as map_json

        try:
            _write_all(context, typed, (map_json if kind == "json" else map_csv).batches(typed, source), flags)
        except CodecError as error:
            raise CodecError(f"{command.path}: {error}") from None


def _open(path: str) -> BinaryIO:
    try:
        return open(0 if path == _STANDARD_INPUT else path, "rb", closefd=path != _STANDARD_INPUT)
    except OSError as error:
        raise BpfError(f'cannot read "{path}": {error.strerror}', errno=error.errno) from error


def _write_all(context: Context, typed: TypedMap, batches: Numbered, flags: int) -> None:
    """A second batch is worth a thread of its own."""
    few = list(islice(batches, 2))
    for batch, _ in few:
        _write(typed, batch, flags)
    if len(few) > 1:
        _write_beside(context, typed, batches, flags)


def _write_beside(context: Context, typed: TypedMap, batches: Numbered, flags: int) -> None:
    """The kernel takes a batch while the next one is read: bpf(2) lets other threads run."""
    import queue
    import threading

    waiting: queue.Queue[Batch | None] = queue.Queue(_WAITING)
    refused: list[PytcError] = []

    def write() -> None:
        while (batch := waiting.get()) is not None:
            try:
                if not refused:
                    _write(typed, batch, flags)
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


def _write(typed: TypedMap, batch: Batch, flags: int) -> None:
    try:
        write_batch(typed.map, batch, flags)
    except BpfSyscallError as error:
        size = typed.map.description.key_size
        at = (error.entry or 0) * size
        raise refusal(typed, error, batch.keys[at : at + size]) from error
