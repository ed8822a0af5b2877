"""The ``ipset`` ematch: addresses in a set of ipset(8) (tc-ematch(8); include/uapi/linux/netfilter/xt_set.h).

The kernel knows sets by numbers.
"""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError
from pytc.netlink.sets import set_index, set_name
from pytc.render.documents import Field
from pytc.tc.kinds.interface import EmatchKind
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.render.documents import Part
    from pytc.tc.kinds.shared.ematch_arguments import Arguments

#: struct xt_set_info: index, dim, flags.
_SET = struct.Struct("=HBB")
_LONGEST, _MOST = 31, 6


class _Match(NamedTuple):
    name: str
    directions: tuple[bool, ...]


def _parse(arguments: Arguments) -> _Match:
    name = arguments.take("missing set name")
    if len(name.data) > _LONGEST:
        raise arguments.error(f"set name too long (max {_LONGEST})")
    directions = []
    for word in arguments.take("missing set flags").text.split(","):
        if word[:3] not in ("src", "dst"):
            raise arguments.error("error parsing set flags")
        directions.append(word.startswith("src"))
    if len(directions) > _MOST:
        raise arguments.error(f"error parsing set flags: {_MOST} are the most")
    if not arguments.done:
        arguments.take()
        raise arguments.error("unknown parameter")
    return _Match(name.text, tuple(directions))


def _encode(match: _Match) -> bytes:
    wrong = f"ipset: unknown set name '{match.name}'"
    try:
        index = set_index(match.name)
    except OSError as error:
        raise InvalidOptionsError(wrong, hints=(f"the kernel has no sets here (CONFIG_IP_SET): {error}",)) from None
    if index is None:
        raise InvalidOptionsError(wrong, hints=(f'"ipset create {match.name} hash:ip" would make it',))
    flags = sum(1 << place for place, is_source in enumerate(match.directions, 1) if is_source)
    return _SET.pack(index, len(match.directions), flags)


def _show(data: bytes) -> Sequence[Part]:
    index, count, flags = _SET.unpack_from(data)
    directions = ["src" if flags >> place & 1 else "dst" for place in range(1, min(count, _MOST) + 1)]
    try:
        name = set_name(index)
    except OSError:
        name = ""
    spelled = name or f"[set {index}]"
    return [
        Field("set", spelled, spelled),
        Field("directions", [*directions], f" {','.join(directions)}" if directions else ""),
    ]


KIND = EmatchKind("ipset", 8, _parse, _show, "Usage: ipset(SET { src | dst }[,{ src | dst }] ...)", _encode)
