"""``map pin`` and ``map unpin``."""

from pytc.bpf.maps.map import Map
from pytc.commands.map.targets import open_target
from pytc.commands.map.values import PinMap, UnpinMap
from pytc.commands.shared.context import Context
from pytc.commands.shared.pins import make_pin, remove_pin


def pin_map(context: Context, command: PinMap) -> None:
    """Pins a map; for ``m:NAME`` the directories of tc are made when they are missing. Raises PytcError."""
    found = context.own(open_target(context, command.target.kind, command.target.text))
    make_pin(context, f'map "{found.name}"', command.path, found.pin)


def unpin_map(context: Context, command: UnpinMap) -> None:
    """Removes a pin, which must be that of a map; raises PytcError."""
    remove_pin(context, "map", command.path, lambda path: Map.from_pin(path).close())
