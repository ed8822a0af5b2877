"""What is said about refusals of all commands."""

import errno

from pytc.errors import NetlinkError


def general_hint(error: NetlinkError, device: str) -> str:
    """The likely cause of a refusal that does not depend on the command; empty for none."""
    if error.errno == errno.EPERM:
        return "changing traffic control needs CAP_NET_ADMIN; run it as root"
    if error.errno == errno.ENODEV and not device:
        return '"dev NAME" is missing'
    return ""
