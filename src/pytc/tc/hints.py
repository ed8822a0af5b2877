"""Likely causes of refusals that do not depend on the command."""

import errno
import os

from pytc.errors import NetlinkError

# The version that brought a kind, of those that are younger than 5.0.
_SINCE = {"ets": "5.6", "fq_pie": "5.6", "dualpi2": "6.17", "cake_mq": "7.0", "ct": "5.3", "mpls": "5.3", "gate": "5.8"}
_MODULES = {"qdisc": "sch", "filter": "cls", "action": "act"}
_SETTINGS = {"qdisc": "NET_SCH", "filter": "NET_CLS", "action": "NET_ACT"}
#: How kernels say of a request that they lack its kind; before 6.1, of a qdisc as of one that is not at its place.
_UNKNOWN = (
    "kind is unknown",
    "Specified qdisc not found",
    "TC classifier not found",
    "Failed to load TC action module",
)


def kind_hint(error: NetlinkError, what: str, kind: str) -> str:
    """What a kernel without a kind of qdiscs, filters or actions (``what``) lacks; empty where that is not it."""
    if not kind or not any(text in error.ext_ack for text in _UNKNOWN):
        return ""
    since = _SINCE.get(kind, "")
    age = f" came with Linux {since}," if since else ""
    return (
        f"this kernel ({os.uname().release}) has no {what} {kind}: it{age} is built with "
        f"CONFIG_{_SETTINGS[what]}_{kind.upper()} or comes with the module {_MODULES[what]}_{kind}"
    )


def general_hint(error: NetlinkError, device: str) -> str:
    """Return the likely cause of a refusal, empty for none."""
    if error.errno == errno.EPERM:
        return "changing traffic control needs CAP_NET_ADMIN; run it as root"
    if error.errno == errno.ENODEV and not device:
        return '"dev NAME" is missing'
    return ""
