"""Remarks on a terminal about pins that a deletion leaves: they keep maps that nobody may miss."""

from __future__ import annotations

from pytc.bpf.sys.info import program_by_id, program_map_ids
from pytc.commands.shared.references import filters_of, read_pins
from pytc.contexts import contextmanager
from pytc.errors import PytcError
from pytc.render.terminal import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.commands.shared.context import Context

#: More paths than that are of no help.
_MOST = 5


@contextmanager
def note_remaining_pins(context: Context, device: str) -> Iterator[None]:
    """Note the pins of maps of programs that no filter of the device runs any more after the block.

    Scripts do not read it, and have no time for it: only a terminal gets it, and no dry run or batch.
    """
    wanted = context.display.is_terminal and device and context.connection.plan is None and not context.location
    before = _maps_of_programs(context, device) if wanted else {}
    yield
    if not before:
        return
    left = _maps_of_programs(context, device)
    gone = {map for program, maps in before.items() if program not in left for map in maps}
    used = {map for maps in left.values() for map in maps}
    pins = read_pins(context)
    paths = [path for map in sorted(gone - used) for path in pins.get(("map", map), ())]
    if paths:
        shown = ", ".join(map(printable, paths[:_MOST])) + (" ..." if len(paths) > _MOST else "")
        context.notes.append(f'Note: pins keep maps of what was removed: {shown} ("pytc map unpin PATH" removes one)')


def _maps_of_programs(context: Context, device: str) -> dict[int, list[int]]:
    """Return the maps of the programs that filters of a device run; none where they cannot be looked at."""
    found: dict[int, list[int]] = {}
    try:
        for program, _ in filters_of(context, context.device_index(device), device):
            if program and program not in found:
                with program_by_id(program) as descriptor:
                    found[program] = program_map_ids(descriptor.fd)
    except PytcError:
        return {}
    return found
