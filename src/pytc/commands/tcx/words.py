"""The words of a hook, which all verbs of tcx take."""

from __future__ import annotations

from pytc.commands.shared.device_hooks import TYPES
from pytc.errors import UsageError
from pytc.words.devices import device
from pytc.words.engine import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: Help on HOOK_WORDS.
HOOK = "HOOK := ingress | egress, or of a netkit device primary | peer\n"

HOOK_WORDS = (
    Word("dev", "device", device, exact=True, wrong='"dev" not a valid ifname'),
    *(Word(name, "hook", value=name, exact=True) for name in TYPES),
)


def check_hook(fields: Mapping[str, Any]) -> None:
    """Raise UsageError unless both the device and its hook were named."""
    if "device" not in fields:
        raise UsageError('Must specify netdevice "dev"')
    if "hook" not in fields:
        raise UsageError("which hook? ingress, egress, or of a netkit device primary or peer")
