"""A map's elements as bars, for ``pytc map dump MAP hist``."""

from __future__ import annotations

from pytc.bpf.codec.scalars import Style, format_value
from pytc.bpf.maps.batch import read_items
from pytc.commands.shared.map_errors import explain_refusals
from pytc.errors import CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.codec.scalars import Value
    from pytc.bpf.maps.typed import TypedMap
    from pytc.bpf.maps.types import MapTypes

_WIDTH = 40
#: A terminal shows no more; the largest are what somebody looks for.
_MOST = 200


def bars(typed: TypedMap, types: MapTypes) -> Iterator[str]:
    """Yield a line for each element whose number is not zero, in the order of the keys, or one that says that all are.

    Raises MapElementError.

    The number is the value, or the first one in a structure. Raises CodecError where values have none.
    """
    if first_number(types.whole.decode(bytes(types.whole.size))) is None:
        raise CodecError(f'map "{typed.map.name}": its values have no number that a bar could stand for')
    with explain_refusals(typed):
        items = [
            (types.key.decode(key), first_number(types.whole.decode(value))) for key, value in read_items(typed.map)
        ]
    counted = [(key, number) for key, number in items if number]
    counted = sorted(sorted(counted, key=lambda item: -abs(item[1]))[:_MOST], key=lambda item: _order(item[0]))
    keys = [format_value(Style.TEXT, key) for key, _ in counted]
    width, most = max(map(len, keys), default=0), max((abs(number) for _, number in counted), default=1)
    for text, (_, number) in zip(keys, counted, strict=True):
        yield f"key {text:<{width}} |{'@' * round(abs(number) / most * _WIDTH):<{_WIDTH}}| {number}\n"
    if items and not counted:
        yield "(all values are 0)\n"
    if len(items) - len(counted) and len(counted) == _MOST:
        yield f"(the largest {_MOST})\n"


def _order(key: Value) -> tuple[bool, float, str]:
    """Return what keys are sorted by: numbers before text."""
    is_number = isinstance(key, (int, float))
    return not is_number, key if isinstance(key, (int, float)) else 0, format_value(Style.TEXT, key)


def first_number(value: Value) -> int | float | None:
    """Return a number, or the first one in a structure or array; None where there is none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((number for part in parts if (number := first_number(part)) is not None), None)
