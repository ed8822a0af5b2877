"""Help texts of ``filter`` and ``chain``; those of the kinds are in the kinds' modules."""

from pytc.tc.kinds import filters

_SELECTORS = """\
SELECTORS := [ dev NAME [ root | ingress | egress | parent CLASSID ] | block INDEX ] [ handle HANDLE ] [ pref PREF ]
             [ protocol PROTO ] [ chain INDEX ]
"""
_TEXTS = {
    "filter": """\
Usage: pytc filter { add | change | replace | delete } SELECTORS [ estimator INTERVAL TIME-CONST ] [ KIND [ OPTIONS ] ]
       pytc filter { show | list | ls } [ SELECTORS ]
       pytc filter get SELECTORS KIND

"""
    + _SELECTORS
    + """\
KIND   := { @KINDS@ }, and others of the kernel without options
HANDLE := a number, of which each kind has its own form
PREF   := 1 .. 65535, asked in rising order; chosen by the kernel when it is not given
PROTO  := all | ip | ipv6 | arp | ... | NUMBER
INDEX  := a number: of a chain, 0 is asked first, and actions go on to others; of a block, as a qdisc has it

delete takes away one filter (pref, protocol, handle and kind), or all of a pref, of a chain, or of a place.
get shows one filter, and needs a place, protocol, pref, handle and kind.
"pytc filter add u32 help" says the options of a kind, "pytc filter add estimator help" those of an estimator.
""",
    "chain": """\
Usage: pytc chain { add | delete } SELECTORS [ KIND [ OPTIONS ] ]
       pytc chain { show | list | ls } [ SELECTORS ]
       pytc chain get SELECTORS

"""
    + _SELECTORS
    + """\
A chain is a list of filters; "action goto chain INDEX" leads to it. With a kind and options, they are a template for
the filters of the chain. delete takes the filters away, too.
""",
}


def usage(topic: str) -> str:
    """The text for a topic like ``filter u32``; that of its first word where it has none."""
    first, _, name = topic.partition(" ")
    kind = filters.find(name) if name else None
    if kind is not None and kind.usage:
        return kind.usage
    return _TEXTS[first].replace("@KINDS@", " | ".join(filters.names()))


def topics() -> list[str]:
    """All topics."""
    return [*_TEXTS, *(f"filter {name}" for name in filters.names())]
