"""Words made of what ``show`` prints of a kind's options.

Most kinds print their words. ``_WRITTEN`` has, for those that print them otherwise than they read them, what to write
instead. Whether the words make the object again, the kernel has to say: some of it is not printed.
"""

from __future__ import annotations

import re
import shlex

from pytc.render.documents import Field, Group, LazyField
from pytc.tc.rates import parse_rate, parse_size, parse_time, parse_time64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytc.render.documents import Document, Part
    from pytc.words.engine import Converter

    _Patterns = tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]
_UNITS = {"b": 1, "B": 1, "Kb": 1 << 10, "Mb": 1 << 20, "Gb": 1 << 30}
#: What all kinds show besides their words: handles, what hardware did, packets, and bytes of numbers without a unit.
_ALWAYS: _Patterns = (
    (r"\b(handle|fh) \S+", ""),
    (r"\b(not_)?in_hw\b", ""),
    (r"\b(\d+)p\b", r"\1"),
    (
        r"\b(quantum|initial_quantum|admit_bytes|memlimit) ([\d.]+)(b|B|Kb|Mb|Gb)\b",
        lambda found: f"{found[1]} {float(found[2]) * _UNITS[found[3]]:.0f}",
    ),
)
_ON_AND_OFF: _Patterns = (
    (r"\b(offload|deadline_mode|skip_sock_check) off\b", ""),
    (r"\b(offload|deadline_mode|skip_sock_check) on\b", r"\1"),
)
_CONTROL = r"(?:goto chain \d+|jump \d+|\w+)"
_CAKE: _Patterns = (
    (r"\bbandwidth unlimited\b", "unlimited"),
    (r"\boverhead 0 *$", ""),
    (r"\bnoatm\b *", ""),
)
#: Ematches, which are the last that a filter shows.
_EMATCHES: _Patterns = (
    (r"\bu32\(([0-9a-f]+)/([0-9a-f]+) at", r"u32(u32 0x\1 0x\2 at"),
    (r"((?:NOT +|\( +)*\b(?:canid|cmp|ipset|ipt|meta|nbyte|text|u32)\(.*)$", r"match '\1'"),
)
_WRITTEN: dict[str, _Patterns] = {
    "htb": (
        (r"\bdirect_packets_stat \S+", ""),
        (r"\bver \S+", ""),
        (r"\blevel \d+", ""),
        (r"/(\d+)mpu\b", r"/\1 mpu"),
        (r"(\bcburst \S+) ?mpu \S+", r"\1"),
        (r"\bmpu (\d+)b", r"mpu \1"),
    ),
    "tbf": (
        (r"\[[0-9a-f]{8}\]", ""),
        (r"\blat \S+ +(?=.*\blimit\b)", ""),  # -raw shows both, and the latency is rounded
        (r"\blat 0us\b", "limit 1"),
    ),
    "pfifo_fast": ((r".+", ""),),
    "netem": (
        (r"\bloss state p13 (\S+) p31 (\S+) p32 (\S+) p23 (\S+) p14 (\S+)", r"loss state \1 \2 \3 \4 \5"),
        (r"\bloss gemodel p (\S+) r (\S+) 1-h (\S+) 1-k (\S+)", r"loss gemodel \1 \2 \3 \4"),
    ),
    "sfq": (
        (r"\b(limit|quantum|divisor) 0[pb]?(?=\s|$)", ""),
        (r"\blimit 127p?\b(?!.*\bflows 127\b)", ""),  # asked for, it limits the flows, too
        (r"\bflows \d+/(\d+)", r"flows \1"),
        (r"(\d)sec\b", r"\1"),
    ),
    "etf": _ON_AND_OFF,
    "sfb": (
        (r"\b(rehash|db) (\S+)ms\b", r"\1 \2"),
        (r"\b(rehash|db) (\S+)s\b", lambda found: f"{found[1]} {float(found[2]) * 1000:.0f}"),
        (r"(\d)pps\b", r"\1"),
        (r"\blimit 0p?\b", ""),
    ),
    "cake": _CAKE,
    "basic": _EMATCHES,
    "cgroup": _EMATCHES,
    "flow": ((r"\bkeys\b", "key"), (r"(\d)sec\b", r"\1"), *_EMATCHES),
    "flower": ((r"\beth_type \S+", ""), (r"\bicmp_(type|code)\b", r"\1")),
    "fw": ((r"\binput dev\b", "indev"),),
    "u32": (
        (r"\bht divisor\b", "divisor"),
        (r"\bkey ht [89a-f][0-9a-f]{2} bkt \S+", ""),  # a table that the kernel has numbered
        (r"\bkey ht (\S+) bkt (\S+)", r"ht \1:\2:"),
        (r"\border \d+", ""),
        (r"\bterminal flowid\b", ""),
        (r"\*flowid\b", "flowid"),
        (r"\bmark (0x\S+) (0x\S+) \(success \d+\)", r"match mark \1 \2"),
        (r"\bmatch ([0-9a-f]{8})/([0-9a-f]{8}) at (\S+)", r"match u32 0x\1 0x\2 at \3"),
        (r"\boffset ([0-9a-f]{4})>>(\d+) at (-?\d+)", r"offset mask \1 shift \2 at \3"),
        (r"\bhash mask ([0-9a-f]{8}) at (-?\d+)", r"hashkey mask 0x\1 at \2"),
        (r"\binput dev\b", "indev"),
    ),
    "gact": (
        (r"\bgact action\b", "gact"),
        (r"\brandom type none .*val \d+", ""),
        (r"\brandom type (\S+) (.*) val (\d+)", r"random \1 \2 \3"),
    ),
    "mirred": (
        (
            r"\((\w+) (\w+) to (?:device (\S+)|blockid (\d+))\)",
            lambda found: (
                f"{found[1]} {found[2]} ".lower() + (f"dev {found[3]}" if found[3] else f"blockid {found[4]}")
            ),
        ),
        (r"(\bredirect \S+ \S+) stolen\b", r"\1"),
    ),
    "csum": ((r"\(([^)]*)\) action\b", lambda found: found[1].replace(",", " and")),),
    "police": (
        (r"\bpolice 0x[0-9a-f]+", "police"),
        (r"\b(mtu|peakrate) 0\w*(?=\s)", ""),
        (r"\b(mtu|overhead) (\d+)(b|Kb|Mb|Gb)\b", lambda found: f"{found[1]} {int(found[2]) * _UNITS[found[3]]}"),
        (r"\brate 0bit burst 0b\b", ""),
        (r"\baction\b", "conform-exceed"),
        (r"\bref \d+ bind \d+", ""),
    ),
    "pedit": (
        (rf"\baction ({_CONTROL}) keys \d+(.*)", r"\2 \1"),
        (
            r"\bkey #\d+ +at (\d+): val ([0-9a-f]{8}) mask ([0-9a-f]{8})",
            lambda found: f"munge offset {found[1]} u32 set 0x{found[2]} retain {~int(found[3], 16) & 0xFFFFFFFF:#x}",
        ),
    ),
    "simple": ((r"\bSimple <(.*)>", r'simple sdata "\1"'),),
    "skbmod": ((rf"\bskbmod ({_CONTROL}) (.*)", r"skbmod \2 \1"),),
    "ctinfo": ((rf"\bctinfo zone (\d+) ({_CONTROL})(.*)", r"ctinfo\3 zone \1 \2"),),
    "ife": ((rf"\bife (\w+) action ({_CONTROL})(.*)", r"ife \1\3 \2"),),
    "gate": (
        (r"^(\s*)(?=priority\b)", "gate "),
        (r"\bpriority wildcard\b", ""),
        (r"\bclockid invalid\b", ""),
        (r"\bschedule:", ""),
        (r"\bwildcard\b", "-1"),
        (r"\bnumber \d+ gate-state (\S+) interval (\S+) ipv (\S+) max-octets (\S+)", r"sched-entry \1 \2 \3 \4"),
    ),
    "tunnel_key": ((r"\bkey_id\b", "id"),),
    "sample": ((r"\brate 1/(\d+)", r"rate \1"), (r"\btrunc_size\b", "trunc")),
}
#: The end of an action's text, which is none of its words.
_REFERENCES = re.compile(r"\bindex \d+ ref \d+ bind \d+")
_QUANTITY = re.compile(r"([\d.]+)([A-Za-z]+)(?=\s*$)")


def words_of(kind: str, shown: str) -> list[str]:
    """Return the words that make what a kind of qdisc, class, filter or action shows.

    Raises ValueError for a quote that is not closed.
    """
    for pattern, instead in (*_WRITTEN.get(kind, ()), *_ALWAYS):
        shown = re.sub(pattern, instead, shown)
    return shlex.split(shown)


def action_words(kind: str, shown: str) -> list[str]:
    """Return the words of an action, from its kind on, that make what is shown of it; raises ValueError."""
    return words_of(kind, " ".join(_REFERENCES.sub("", shown).split()))


def exact_text(document: Document) -> str:
    """Return what a document prints, but with sizes, rates and times that are not rounded."""
    return "".join(map(_exact_part, document))


def _exact_part(part: Part) -> str:
    if isinstance(part, Group):
        return exact_text(part.fields)
    if isinstance(part, LazyField):
        return part.text
    if isinstance(part, Field):
        return _exact_field(part)
    return "".join(map(exact_text, part.documents))


def _exact_field(field: Field) -> str:
    value, found = field.value, _QUANTITY.search(field.text)
    if found is None or type(value) is not int:
        return field.text
    word, unit = found[0], found[2]
    readings = next((readings for units, readings in _READINGS.items() if unit in units), {})
    if any(_reads(convert, word) == value for convert in readings.values()):
        return field.text
    spellings = sorted(readings, key=lambda spelling: abs(_reads(readings[spelling], word) - value))
    if not spellings:
        return field.text
    exact = f"{value * 8}bit" if spellings[0] == "bit" else f"{value}{spellings[0]}"
    return field.text[: found.start()] + exact + field.text[found.end() :]


def _reads(convert: Converter, word: str) -> int:
    try:
        return int(convert(word))
    except ValueError:
        return -1


#: Units of what is printed, and how a value is written in full: by the unit, what reads it. JSON has times in
#: microseconds or in nanoseconds.
_READINGS: Mapping[tuple[str, ...], Mapping[str, Converter]] = {
    ("b", "Kb", "Mb", "Gb"): {"b": parse_size},
    ("bit", "Kbit", "Mbit", "Gbit", "Tbit"): {"bit": parse_rate},
    ("ns", "us", "ms", "s"): {"us": parse_time, "ns": parse_time64},
}
