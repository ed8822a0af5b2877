"""``pytc qdisc``: queueing disciplines of devices."""

from __future__ import annotations

from pytc.commands.shared.verbs import CommandObject, parse_verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: Words and the modules of their verbs; the order decides abbreviations.
VERBS = {
    "add": "add",
    "change": "add",
    "replace": "add",
    "link": "add",
    "delete": "delete",
    "list": "show",
    "show": "show",
    "lst": "show",
    "ls": "show",
}

HELP = """\
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
"pytc qdisc add htb help" explains the options of a kind; "pytc qdisc add stab help" and "... estimator help" those of
both.
"""
_EXTRAS = {
    "stab": """\
Usage: ... stab [ mtu BYTES ] [ tsize SLOTS ] [ mpu BYTES ] [ overhead BYTES ] [ linklayer { ethernet | atm | adsl } ]

What packets count for on their way; one of mpu, overhead and linklayer is needed.

mtu        the largest packet {2047}
tsize      how many sizes the table has {512}
mpu        the least that a packet counts for {0}
overhead   what each packet counts for besides its size, may be negative {0}
linklayer  how packets are cut on their way
""",
    "estimator": """\
Usage: ... estimator INTERVAL TIME-CONST

Measures the rate, for -s.

INTERVAL    between measurements, 250ms to 8s
TIME-CONST  over which rates are averaged, at least 1.45 times as long
""",
}


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``qdisc`` ask for; raises UsageError, InvalidOptionsError, HelpRequested."""
    return parse_verb(__name__, VERBS, cursor, exact_help=True)


def kinds() -> list[str]:
    """Return the kinds that pytc knows."""
    from pytc.tc.kinds import qdiscs

    return qdiscs.names()


def help_topic(name: str) -> str:
    """Return the help text of a kind or an extra, empty for none."""
    from pytc.tc.kinds import qdiscs

    kind = qdiscs.find(name)
    return _EXTRAS.get(name, "") if kind is None else kind.usage()


def help_topics() -> list[str]:
    """Return the topics that :func:`help_topic` knows, with the object's word."""
    return [f"qdisc {name}" for name in (*_EXTRAS, *kinds())]


OBJECT = CommandObject("qdisc", VERBS, HELP, parse, kinds, help_topic, help_topics)
