"""``pytc map dump``: all elements of a map, as text, JSON or CSV."""

from __future__ import annotations

from pytc.bpf.codec.columns import Renderer, names
from pytc.bpf.codec.compound import Array
from pytc.bpf.codec.scalars import Column, Columns, Style, format_value
from pytc.bpf.maps.batch import Batch
from pytc.commands.map.elements import lock_flag, open_target
from pytc.commands.map.words import LOCK, SUM, TARGET, TYPES, take_words
from pytc.commands.shared.command import Query
from pytc.commands.shared.map_elements import check_listable, json_entries, listed_batches, text_lines
from pytc.errors import PytcError
from pytc.render.documents import Stream
from pytc.words.engine import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.codec.scalars import Codec
    from pytc.bpf.maps.typed import TypedMap
    from pytc.bpf.maps.types import MapTypes
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc map dump MAP [ sum ] [ csv | hist ] [ lock ]

All elements: as lines "key KEY value VALUE", with -j as JSON [{"key":KEY,"value":VALUE},...], or as CSV with a header.
A per-CPU map has "values" with one for each CPU, in CSV a line for each; sum adds them up. hist draws a bar for each
element as long as its value, the first number of a structure, the sum over CPUs.
"""

WORDS = (*TARGET, *TYPES, Word("csv", "csv"), SUM, LOCK, Word("hist", "histogram", exact=True))


class DumpMap(Query):
    """All elements; ``sum`` adds up the values of all CPUs, ``lock`` holds the spin lock of each value; ``histogram``
    draws bars in text."""

    target: Target
    csv: bool = False
    sum: bool = False
    lock: bool = False
    histogram: bool = False


def parse(cursor: Cursor) -> DumpMap:
    """Return the command; raises UsageError, HelpRequested."""
    return DumpMap(**take_words(cursor, WORDS, "dump"))


def run(context: Context, command: DumpMap) -> Stream:
    """Return all elements, read while they are printed; raises PytcError."""
    typed = open_target(context, command.target)
    check_listable(typed)
    types = typed.types.summed() if command.sum or (command.histogram and typed.types.is_per_cpu) else typed.types
    source = (context, typed, types, lock_flag(typed, lock=command.lock))
    if command.csv:
        return Stream(lambda: _csv(*source), lambda: _csv(*source), lambda: json_entries(*source))
    if command.histogram:
        from pytc.commands.map.histogram import bars

        return Stream(lambda: bars(typed, types), lambda: _json(*source), lambda: json_entries(*source))
    return Stream(lambda: text_lines(*source), lambda: _json(*source), lambda: json_entries(*source))


def _json(context: Context, typed: TypedMap, types: MapTypes, flags: int) -> Iterator[str]:
    between = ',"values":' if types.is_per_cpu else ',"value":'
    renderer = Renderer(
        types.key.columns(Style.JSON, 0), types.whole.columns(Style.JSON, 0), ('{"key":', between, "}"), ",\n"
    )
    before = "["
    try:
        for batch in listed_batches(context, typed, flags):
            yield before
            yield renderer.render(*batch)
            before = ",\n"
    except PytcError:
        if before != "[":
            yield "]\n"  # the output of the next line of a batch can be found then
        raise
    yield "[]\n" if before == "[" else "]\n"


def _csv(context: Context, typed: TypedMap, types: MapTypes, flags: int) -> Iterator[str]:
    """Yield the header, and a line for each element; in a per-CPU map for each CPU of each element."""
    yield ",".join(format_value(Style.CSV, name) for name in header(types)) + "\n"
    keys, value = types.key.columns(Style.CSV, 0), _render_element(types).columns(Style.CSV, 0)
    if types.is_per_cpu:
        cpu = Column((typed.map.description.key_size,), 4, "I", is_number=True)
        keys = Columns(f"{keys.template},%d", (*keys.items, cpu))
    renderer = Renderer(keys, value, ("", ",", "\n"), "")
    for batch in listed_batches(context, typed, flags):
        yield renderer.render(*(_by_cpu(batch, types.cpus) if types.is_per_cpu else batch))


def _by_cpu(batch: Batch, cpus: int) -> Batch:
    """Return an entry for each CPU, with the CPU's number behind the key."""
    size = len(batch.keys) // batch.entries
    numbers = [cpu.to_bytes(4, "little") for cpu in range(cpus)]
    keys = b"".join(
        batch.keys[offset : offset + size] + number for offset in range(0, len(batch.keys), size) for number in numbers
    )
    return Batch(keys, batch.values, batch.entries * cpus)


def header(types: MapTypes) -> list[str]:
    """Return the names of the columns: ``key``, ``value``, or with their members ``key.address``."""
    return [*names(types.key, "key"), *(["cpu"] if types.is_per_cpu else []), *names(_render_element(types), "value")]


def _render_element(types: MapTypes) -> Codec:
    return types.whole.item if types.is_per_cpu and isinstance(types.whole, Array) else types.whole
