"""The words of netem (tc-netem(8)): options that take one to five values."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.tc.kinds.shared.ratespec import parse_any_rate
from pytc.tc.rates import parse_percent, parse_size, parse_time64
from pytc.typing import NamedTuple
from pytc.words.engine import illegal_value, matches, signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.shared.ratespec import Rate
    from pytc.words.engine import Converter, Cursor

U32, _S32, _U64 = 0xFFFFFFFF, 0x7FFFFFFF, 2**64 - 1
_DIGITS = frozenset("0123456789")


class Chance(NamedTuple):
    """A probability, in parts of 2^32 - 1, and its ``correlation``, None where there is none."""

    probability: int
    correlation: int | None = None


class Delay(NamedTuple):
    """Nanoseconds, and parts of 2^32 - 1; None for what is not given."""

    time: int = 0
    jitter: int | None = None
    correlation: int | None = None


class LossModel(NamedTuple):
    """A model of loss: ``state`` (p13, p31, p32, p23, p14) or ``gemodel`` (p, r, h, 1-k), in parts of 2^32 - 1."""

    name: str
    values: tuple[int, ...]


class NetemRate(NamedTuple):
    """Bytes per second; the rest is in bytes."""

    rate: Rate
    packet_overhead: int = 0
    cell_size: int = 0
    cell_overhead: int = 0


class Slot(NamedTuple):
    """Nanoseconds; with a ``distribution``, ``min_delay`` and ``max_delay`` are 0, else the other two."""

    min_delay: int = 0
    max_delay: int = 0
    distribution: str = ""
    delay: int = 0
    jitter: int = 0
    packets: int = 0
    bytes: int = 0


def _part(share: float) -> int:
    return round(share * U32)


def _percent(word: str) -> int:
    return _part(parse_percent(word))


def _value(cursor: Cursor, convert: Converter, called: str) -> Any:
    """Take the next word; ``called`` is what tc calls it in its message."""
    word = cursor.take()
    try:
        return convert(word)
    except ValueError:
        raise illegal_value(called, word) from None


def _number_is_next(cursor: Cursor) -> bool:
    return cursor.peek()[:1] in _DIGITS


def _take_numbers(cursor: Cursor, converters: Iterable[Converter], called: str) -> list[Any]:
    """Take as many of these values as there are numbers."""
    values: list[Any] = []
    for convert in converters:
        if not _number_is_next(cursor):
            break
        values.append(_value(cursor, convert, called))
    return values


def read_chance(called: str, correlation: str = "") -> Callable[[Cursor], Chance]:
    """Return what reads a probability, maybe with its correlation."""

    def read(cursor: Cursor) -> Chance:
        return Chance(_value(cursor, _percent, called), *_take_numbers(cursor, (_percent,), correlation or called))

    return read


def read_delay(cursor: Cursor) -> Delay:
    """Read ``TIME [ JITTER [ CORRELATION ] ]``."""
    time = _value(cursor, parse_time64, "latency")
    return Delay(time, *_take_numbers(cursor, (parse_time64, _percent), "latency"))


_random_loss = read_chance("loss percent", "loss correlation")


def read_loss(cursor: Cursor) -> Chance | LossModel:
    """Read the probability of a loss, or a model of it."""
    if _number_is_next(cursor):
        return _random_loss(cursor)  # the model may go without its name
    model = cursor.take()
    if model == "random":
        return _random_loss(cursor)
    if model == "state":
        return _state_model(cursor)
    if model == "gemodel":
        return _gemodel(cursor)
    raise InvalidOptionsError(f"Unknown loss parameter: {model}")


def _state_model(cursor: Cursor) -> LossModel:
    first: float = _value(cursor, parse_percent, "loss p13")
    values = [_part(first), _part(1 - first), 0, U32, 0]
    for index, name in enumerate(("p31", "p32", "p23", "p14"), start=1):
        if not _number_is_next(cursor):
            break
        values[index] = _value(cursor, _percent, f"loss {name}")
    return LossModel("state", tuple(values))


def _gemodel(cursor: Cursor) -> LossModel:
    first: float = _value(cursor, parse_percent, "loss gemodel p")
    values = [_part(first), _part(1 - first), 0, 0]
    for index, name in enumerate(("r", "h", "k"), start=1):
        if not _number_is_next(cursor):
            break
        values[index] = _value(cursor, _percent, f"loss gemodel {name}")
        if name == "h":
            values[index] = U32 - values[index]  # 1-h is given, the kernel wants h
    return LossModel("gemodel", tuple(values))


def read_rate(cursor: Cursor) -> NetemRate:
    """Read ``RATE [ PACKETOVERHEAD [ CELLSIZE [ CELLOVERHEAD ] ] ]``."""
    rate = _value(cursor, parse_any_rate, "rate")
    rest = [0, 0, 0]
    for index, convert in enumerate((signed(_S32), unsigned(U32), signed(_S32))):
        if _number_is_next(cursor) or (index != 1 and cursor.peek().startswith("-")):
            rest[index] = _value(cursor, convert, "rate")
    return NetemRate(rate, *rest)


def read_slot(cursor: Cursor) -> Slot:
    """Read the times of slots, or their distribution, and how much each holds."""
    if _number_is_next(cursor):
        slot = _slot_between(cursor)
    else:
        word = cursor.take()
        if word != "distribution":
            raise InvalidOptionsError(f"Unknown slot parameter: {word}")
        slot = Slot(
            distribution=cursor.take(),
            delay=_value(cursor, parse_time64, "slot delay"),
            jitter=_value(cursor, parse_time64, "slot jitter"),
        )
        if not slot.jitter:
            raise InvalidOptionsError("Non-positive jitter")
    if not cursor.done and matches(cursor.peek(), "packets"):
        slot = slot._replace(packets=_slot_limit(cursor, signed(_S32), "slot packets"))
    if not cursor.done and matches(cursor.peek(), "bytes"):
        slot = slot._replace(bytes=_slot_limit(cursor, parse_size, "slot bytes"))
    return slot


def _slot_between(cursor: Cursor) -> Slot:
    least = _value(cursor, parse_time64, "slot min_delay")
    if not _number_is_next(cursor):
        return Slot(least, least)
    word = cursor.peek()
    most = _value(cursor, parse_time64, "slot max_delay")
    if most < least:
        raise illegal_value("slot max_delay", word)
    return Slot(least, most)


def _slot_limit(cursor: Cursor, convert: Converter, called: str) -> Any:
    cursor.take()
    if cursor.done:
        raise illegal_value(called, "")
    return _value(cursor, convert, called)


def parse_seed(word: str) -> int:
    """Return a seed; as strtoull(3) has it, a negative number counts back from 2^64. Raises ValueError."""
    number: int = unsigned(_U64, 10)(word.removeprefix("-"))
    return -number & _U64 if word.startswith("-") else number


def check(values: Values) -> None:
    """Raise InvalidOptionsError for what does not go together."""
    delay, reorders = values.get("delay", Delay()), values.get("reorder", Chance(0)).probability > 0
    if reorders and not delay.time:
        raise InvalidOptionsError("reordering not possible without specifying some delay")
    if values.get("gap") and not reorders:
        raise InvalidOptionsError("gap specified without reorder probability")
    loss = values.get("loss", Chance(0))
    if values.get("ECN") and isinstance(loss, Chance) and not loss.probability:
        raise InvalidOptionsError("ecn requested without loss model")
    if values.get("distribution") and not (delay.time and delay.jitter):
        raise InvalidOptionsError("distribution specified but no latency and jitter values")
