"""Rates with their bursts, for htb, tbf and police (struct tc_ratespec, include/uapi/linux/pkt_sched.h).

A burst is sent to the kernel as the time, in ticks, that it takes at its rate. Tables of such times for all packet
sizes (TCA_TBF_RTAB, TCA_HTB_CTAB ...) are not sent by htb and tbf: since v3.8 the kernel computes without them when the
link layer is given. The police action is refused without them, though it does not use them either.
"""

from __future__ import annotations

import math
import struct

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import Form
from pytc.tc.rates import PercentRate, parse_percent, parse_rate, parse_size, parse_size64, split_number
from pytc.typing import NamedTuple
from pytc.words.engine import choose, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytc.render.documents import Display
    from pytc.tc.clock import Clock
    from pytc.tc.kinds.interface import QdiscEnv
    from pytc.tc.kinds.layout import Values

U32 = 0xFFFFFFFF
_MICROSECONDS = 1_000_000
#: struct tc_ratespec: cell_log u8, linklayer u8, overhead u16, cell_align s16, mpu u16, rate u32.
RATESPEC = struct.Struct("=BBHhHI")
_CELL_ALIGN = -1
_DEFAULT_MTU = 2047
#: TC_LINKLAYER_*.
_LINK_LAYERS = ("unspec", "ethernet", "atm")
_LINK_LAYER_MASK = 0x0F
ETHERNET, _ATM = 1, 2
_LINK_LAYER_WORDS = {"ethernet": ETHERNET, "atm": _ATM, "adsl": _ATM}
#: A cell of ATM carries 48 bytes in 53.
_CELL_DATA, _CELL_SIZE = 48, 53
_SLOTS = 256
#: TC_RTAB_SIZE bytes.
_TABLE = struct.Struct(f"={_SLOTS}I")

if TYPE_CHECKING:
    Rate = int | PercentRate


class Burst(NamedTuple):
    """A size in bytes, 0 for one that is computed; ``cell_log`` is the logarithm of the cell size, if one is given."""

    size: int = 0
    cell_log: int | None = None


def parse_burst(word: str, parse: Callable[[str], int] = parse_size) -> Burst:
    """Parse ``SIZE`` or ``SIZE/CELL``, the cell a power of two; raises ValueError."""
    size, slash, cell = word.partition("/")
    if not slash:
        return Burst(parse(size))
    cell_size: int = unsigned(0x7FFFFFFF)(cell)
    if cell_size.bit_count() != 1:
        raise ValueError(word)
    return Burst(parse(size), cell_size.bit_length() - 1)


def parse_long_burst(word: str) -> Burst:
    """Parse a burst of more than 32 bits, as :func:`parse_burst` does: the kernel gets the time that it takes."""
    return parse_burst(word, parse_size64)


def parse_any_rate(word: str) -> Rate:
    """Return bytes per second, or a percentage of the device's speed; raises ValueError, InvalidOptionsError."""
    if "%" not in word:
        return parse_rate(word)
    digits = word[: len(word) - len(word.lstrip("0123456789.%"))]
    try:
        if split_number(digits)[0] > 100:
            raise InvalidOptionsError("Invalid rate specified; should be between [0,100]% but is " + word)
        return PercentRate(parse_percent(digits))
    except ValueError:
        raise InvalidOptionsError(
            "Specified rate value could not be read or is malformed", hints=(f'the value is "{word}"',)
        ) from None


def parse_narrow_rate(word: str) -> Rate:
    """Return a rate of 32 bits, as :func:`parse_any_rate` does."""
    rate = parse_any_rate(word)
    if not isinstance(rate, PercentRate) and rate > U32:
        raise ValueError(word)
    return rate


def bytes_per_second(rate: Rate, env: QdiscEnv) -> int:
    """Looks the device's speed up where it has to; raises PytcError."""
    return rate.of(env.speed()) if isinstance(rate, PercentRate) else rate


def narrow_bytes_per_second(rate: Rate, env: QdiscEnv, name: str) -> int:
    """Return a rate of 32 bits; raises InvalidOptionsError where a share of the device's speed is more."""
    number = bytes_per_second(rate, env)
    if number > U32:
        raise InvalidOptionsError(f'Illegal "{name}"', hints=("the rate takes more than 32 bits",))
    return number


def parse_link_layer(word: str) -> int:
    """Return TC_LINKLAYER_* of a word; raises ValueError."""
    name = choose(word, tuple(_LINK_LAYER_WORDS))
    if not name:
        raise ValueError(word)
    return _LINK_LAYER_WORDS[name]


def link_layer_name(number: int) -> str:
    """Return the word for TC_LINKLAYER_*."""
    number &= _LINK_LAYER_MASK
    return _LINK_LAYERS[number] if number < len(_LINK_LAYERS) else "unknown"


def link_layer_field(number: int, display: Display) -> list[Field]:
    """Return the field for TC_LINKLAYER_*, which without details is shown where it is not Ethernet."""
    if number & _LINK_LAYER_MASK <= ETHERNET and not display.details:
        return []
    name = link_layer_name(number)
    return [Field("linklayer", name, f"linklayer {name} ")]


#: Forms of a rate, maybe in percent, of one of 32 bits, of bursts, and of a link layer.
RATE = Form("RATE", parse_any_rate)
NARROW_RATE = Form("RATE", parse_narrow_rate)
BURST = Form("SIZE", parse_burst)
LONG_BURST = Form("SIZE", parse_long_burst)
LINK_LAYER = Form("{ ethernet | atm | adsl }", parse_link_layer)


def ratespec(rate: int, cell_log: int | None, mtu: int, *, linklayer: int, overhead: int, mpu: int) -> bytes:
    """Return struct tc_ratespec. Without a cell size it is the least with which 256 cells hold the MTU."""
    if cell_log is None:
        cell_log = max(0, (mtu or _DEFAULT_MTU).bit_length() - 8)
    return RATESPEC.pack(cell_log, linklayer, overhead, _CELL_ALIGN, mpu & 0xFFFF, min(rate, U32))


def options_ratespec(values: Values, rate: int, cell_log: int | None, mtu: int) -> bytes:
    """Return struct tc_ratespec with the values of ``linklayer``, ``overhead`` and ``mpu``."""
    return ratespec(
        rate,
        cell_log,
        mtu,
        linklayer=values.get("linklayer", ETHERNET),
        overhead=values.get("overhead", 0),
        mpu=values.get("mpu", 0),
    )


def ticks(rate: int, size: int, clock: Clock) -> int:
    """Return the time for ``size`` bytes, rounded up; at most the largest number of 32 bits, which stands for more."""
    return min(math.ceil(_MICROSECONDS * (size / float(rate)) * clock.ticks_per_microsecond), U32)


def rate_table(rate: int, spec: bytes, clock: Clock, time: Callable[[int, int, Clock], int] = ticks) -> bytes:
    """Return the times of packets of 256 sizes, in ticks, that belong to a struct tc_ratespec.

    ``time`` computes each.
    """
    cell_log, linklayer, _, _, mpu, _ = RATESPEC.unpack(spec)
    sizes = (max((slot << cell_log) & U32, mpu) for slot in range(1, _SLOTS + 1))
    return _TABLE.pack(*(time(rate, _in_cells(size) if linklayer == _ATM else size, clock) for size in sizes))


def _in_cells(size: int) -> int:
    """Return the bytes that a packet takes as cells of ATM."""
    return -(-size // _CELL_DATA) * _CELL_SIZE


def burst_ticks(rate: int, size: int, clock: Clock, kind: str) -> int:
    """Return the time for a burst; raises InvalidOptionsError, with tc's name of the kind, where it is too long."""
    number = ticks(rate, size, clock)
    if number == U32:
        longest = int(U32 / clock.ticks_per_microsecond / _MICROSECONDS)
        hint = f"at {rate * 8} bit/s it takes {size / rate:.0f} seconds, and the kernel takes {longest} at most"
        raise InvalidOptionsError(f"{kind}: burst out of range", hints=(hint,))
    return number


def burst_size(rate: int, number: int, clock: Clock) -> int:
    """Return the bytes for a time in ticks: the reverse of :func:`ticks`."""
    return int(float(rate) * (number / clock.ticks_per_microsecond) / _MICROSECONDS)
