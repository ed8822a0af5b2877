"""Help texts of ``qdisc`` and ``class``; those of the kinds are in the kinds' modules."""

from pytc.tc.kinds import qdiscs

_TEXTS: dict[str, str] = {
    "qdisc": """\
Usage: pytc qdisc { add | change | replace | link | delete } dev NAME [ EXTRAS ] { clsact | ingress }
       pytc qdisc { add | change | replace | link | delete } dev NAME { root | parent CLASSID } [ handle HANDLE ]
                  [ EXTRAS ] [ KIND [ OPTIONS ] ]
       pytc qdisc { show | list | ls } [ dev NAME ] [ root | ingress | clsact | parent CLASSID | handle HANDLE ]
                  [ invisible ]

KIND := { @KINDS@ },
        and others of the kernel without options
EXTRAS := [ estimator INTERVAL TIME-CONST ] [ stab OPTIONS ]
          [ ingress_block INDEX ] [ egress_block INDEX ], to share filters between devices
HANDLE := MAJOR:, CLASSID := MAJOR:MINOR, in hex
"pytc qdisc add htb help" says the options of a kind; "pytc qdisc add stab help" and "... estimator help" those of both.
""",
    "qdisc stab": """\
Usage: ... stab [ mtu BYTES ] [ tsize SLOTS ] [ mpu BYTES ] [ overhead BYTES ] [ linklayer { ethernet | atm | adsl } ]

What packets count for on their way; one of mpu, overhead and linklayer is needed.

mtu        the largest packet {2047}
tsize      how many sizes the table has {512}
mpu        the least that a packet counts for {0}
overhead   what each packet counts for besides its size, may be negative {0}
linklayer  how packets are cut on their way
""",
    "qdisc estimator": """\
Usage: ... estimator INTERVAL TIME-CONST

Measures the rate, for -s.

INTERVAL    between measurements, 250ms to 8s
TIME-CONST  over which rates are averaged, at least 1.45 times as long
""",
    "class": """\
Usage: pytc class { add | change | replace | delete } dev NAME [ root | parent CLASSID ] [ classid CLASSID ]
                  [ estimator INTERVAL TIME-CONST ] [ KIND [ OPTIONS ] ]
       pytc class { show | list | ls } dev NAME [ root | parent CLASSID ] [ classid CLASSID ] [ qdisc HANDLE ]

KIND := { @KINDS@ }
HANDLE := MAJOR:, CLASSID := MAJOR:MINOR, in hex
"pytc class add htb help" says the options of a kind; "pytc -g class show dev NAME" draws the classes as a tree.
""",
}
_MANY = 10


def usage(topic: str) -> str:
    """The text for a topic like ``qdisc htb``; that of its first word where it has none."""
    of, _, name = topic.partition(" ")
    text = _TEXTS.get(topic) or _of_kind(of, name) or _TEXTS[of]
    return text.replace("@KINDS@", _kinds(of)) if "@" in text else text


def topics() -> list[str]:
    """All topics."""
    return [*_TEXTS, *(f"{of} {name}" for of in ("qdisc", "class") for name in qdiscs.names() if _of_kind(of, name))]


def _of_kind(of: str, name: str) -> str:
    """The text that a kind brings, empty for none."""
    kind = qdiscs.find(name) if name else None
    if kind is None:
        return ""
    return kind.usage if of == "qdisc" else kind.class_usage


def _kinds(of: str) -> str:
    """The kinds that have a text, in one line or two."""
    names = [name for name in qdiscs.names() if _of_kind(of, name)]
    half = (len(names) + 1) // 2 if len(names) > _MANY else len(names)
    return " |\n          ".join(" | ".join(part) for part in (names[:half], names[half:]) if part)
