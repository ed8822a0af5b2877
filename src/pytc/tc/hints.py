"""Likely causes of refusals that do not depend on the command."""

import errno

from pytc.errors import NetlinkError


def general_hint(error: NetlinkError, device: str) -> str:
    """Return the likely cause of a refusal, empty for none."""
    if error.errno == errno.EPERM:
        return "changing traffic control needs CAP_NET_ADMIN; run it as root"
    if error.errno == errno.ENODEV and not device:
        return '"dev NAME" is missing'
    return ""
