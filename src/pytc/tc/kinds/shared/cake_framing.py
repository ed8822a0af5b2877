"""The words of cake that say what packets take on the link besides themselves (tc-cake(8), OVERHEAD COMPENSATION).

Each of them changes what those before it said, so that their order counts.
"""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.tc.kinds.declaration import Form, Option
from pytc.typing import NamedTuple
from pytc.words.engine import signed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

#: CAKE_ATM_*.
NONE, ATM, PTM = 0, 1, 2
_OVERHEADS, _LEAST_SIZES = (-64, 256), (0, 256)


class Step(NamedTuple):
    """The effect of a word; None for a number that it leaves as it is.

    ``overhead`` is in bytes, and ``more`` is added to it; ``mpu`` is the least that a packet takes. With ``raw``, sizes
    are not those of the network layer. ``position`` is that behind the word.
    """

    position: int = 0
    overhead: int | None = None
    more: int | None = None
    atm: int | None = None
    mpu: int | None = None
    raw: bool = False


def _word(word: str, into: str, step: Step, help: str = "") -> Option:
    return Option(word, into, Form(read=lambda cursor: step._replace(position=cursor.position)), help, many=True)


def _bytes(word: str, limits: tuple[int, int], help: str) -> Option:
    """Return an option with a number of bytes within limits."""
    least, most = limits

    def read(cursor: Cursor) -> Step:
        text = cursor.take()
        try:
            number: int = signed(most, 10)(text)
        except ValueError:
            number = most + 1
        if not least <= number <= most:
            raise InvalidOptionsError(
                f'Illegal "{word}", valid range is {least} to {most}', hints=(f'the value is "{text}"',)
            )
        return Step(cursor.position, overhead=number) if word == "overhead" else Step(cursor.position, mpu=number)

    return Option(word, word, Form("BYTES", read=read), help, many=True)


#: Links: what is added to the overhead, TCA_CAKE_ATM, and the least size.
_LINKS: Sequence[tuple[str, int, int | None, int | None]] = (
    ("ipoa-vcmux", 8, ATM, None),
    ("ipoa-llcsnap", 16, ATM, None),
    ("bridged-vcmux", 24, ATM, None),
    ("bridged-llcsnap", 32, ATM, None),
    ("pppoa-vcmux", 10, ATM, None),
    ("pppoa-llc", 14, ATM, None),
    ("pppoe-vcmux", 32, ATM, None),
    ("pppoe-llcsnap", 40, ATM, None),
    ("pppoe-ptm", 30, PTM, None),
    ("bridged-ptm", 22, PTM, None),
    ("ethernet", 38, None, 84),
    ("ether-vlan", 4, None, None),
    ("docsis", 18, NONE, 64),
)
_CODES = {NONE: "noatm", ATM: "atm", PTM: "ptm"}

OPTIONS = (
    _word("ptm", "atm", Step(atm=PTM), "how packets are cut or coded on their way {noatm}"),
    _word("atm", "atm", Step(atm=ATM)),
    _word("noatm", "atm", Step(atm=NONE)),
    _bytes("overhead", _OVERHEADS, "what a packet takes besides its network layer, -64 to 256; conservative: 48 atm"),
    _word("conservative", "overhead", Step(overhead=48, atm=ATM)),
    _word("raw", "overhead", Step(overhead=0, atm=NONE, raw=True)),
    _bytes("mpu", _LEAST_SIZES, "the least that a packet takes, 0 to 256 {0}"),
    *(
        _word(name, "link", Step(more=more, atm=atm, mpu=mpu), "" if number else "more overhead, by the link (below)")
        for number, (name, more, atm, mpu) in enumerate(_LINKS)
    ),
    _word("via-ethernet", "link", Step()),  # means nothing any more
)
NOTES = "Links:" + "".join(
    f"\n  {name:<15}  {more:>2} bytes more"
    + (f", {_CODES[atm]}" if atm is not None else "")
    + (f", mpu {mpu}" if mpu is not None else "")
    for name, more, atm, mpu in _LINKS
)


def settle(values: Values) -> None:
    """Turn the steps into ``ATM``, ``OVERHEAD``, ``MPU`` and ``RAW``."""
    steps: list[Step] = []
    for into in dict.fromkeys(option.into for option in OPTIONS):
        steps += values.pop(into, ())
    for step in sorted(steps, key=lambda step: step.position):
        if step.overhead is not None:
            values["OVERHEAD"] = step.overhead
        if step.more is not None:
            values["OVERHEAD"] = values.get("OVERHEAD", 0) + step.more
        for name, value in (("ATM", step.atm), ("MPU", step.mpu), ("RAW", bytes(4) if step.raw else None)):
            if value is not None:
                values[name] = value
    if not values.get("MPU", 1):
        del values["MPU"]
