"""Options of tunnels, as ``flower`` compares them: geneve, vxlan, erspan, gtp and pfcp
(TCA_FLOWER_KEY_ENC_OPTS_* of include/uapi/linux/pkt_cls.h)."""

from __future__ import annotations

import sys

from pytc.netlink.schema import join_attributes, mark_nested, split_attributes
from pytc.render.documents import Field
from pytc.tc.kinds.shared.flower_forms import Masked
from pytc.typing import NamedTuple
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from pytc.render.documents import Part


class _Member(NamedTuple):
    """A part of an option: its name, its size in bytes, 0 for hexadecimal data, and how it is written.

    ``text`` is a format of Python's; ``base`` that of the digits of words. ``order`` is the byte order on the wire.
    """

    name: str
    size: int
    text: str = ""
    base: int = 0
    order: Any = "big"

    def read(self, word: str) -> bytes:
        """Return the bytes of a word; raises ValueError."""
        if not self.size:
            if not word.isalnum() or not word:
                raise ValueError(word)
            return bytes.fromhex(word)
        return int(unsigned((1 << 8 * self.size) - 1, self.base)(word)).to_bytes(self.size, self.order)

    def value(self, raw: bytes) -> Any:
        """Return the value in JSON."""
        return int.from_bytes(raw, self.order) if self.size else [*raw]

    def spell(self, raw: bytes) -> str:
        """Return the value in text."""
        return format(int.from_bytes(raw, self.order), self.text) if self.size else raw.hex()


class Tunnel(NamedTuple):
    """A tunnel: the word for its options, the number of its attribute, and the parts of an option, numbered from 1.

    ``least`` parts have to be given. With ``several``, there may be many options, joined by commas. ``default_mask``
    makes the mask of an option without one.
    """

    word: str
    number: int
    members: tuple[_Member, ...]
    least: int
    several: bool = False
    keeps_first: bool = False

    def read(self, word: str) -> Masked:
        """Return the payloads of TCA_FLOWER_KEY_ENC_OPTS and of its mask; raises ValueError."""
        number = self.number if self.several else mark_nested(self.number)
        values, masks = [], []
        for option in word.split(",") if self.several else (word,):
            value, slash, mask = option.partition("/")
            parts = self._parts(value, self.least)
            values.append((number, join_attributes(parts.items())))
            wanted = self._parts(mask, 1) if slash else self._full_mask(parts)
            masks.append((number, join_attributes(wanted.items())))
        return Masked(join_attributes(values), join_attributes(masks))

    def _parts(self, word: str, least: int) -> dict[int, bytes]:
        parts = word.split(":")
        if not least <= len(parts) <= len(self.members) or not all(parts[:least]):
            raise ValueError(word)
        return {
            number: member.read(part)
            for number, (member, part) in enumerate(zip(self.members, parts, strict=False), 1)
            if part
        }

    def _full_mask(self, parts: Mapping[int, bytes]) -> dict[int, bytes]:
        masks = {
            number: b"\xff" * (member.size or len(parts.get(number, b"")))
            for number, member in enumerate(self.members, 1)
        }
        # The version of ERSPAN decides which parts count.
        return {**masks, 1: parts[1]} if self.keeps_first else masks

    def options(self, raw: bytes) -> list[dict[int, bytes]]:
        """Return the options of a nest, in which the kernel sends them one after another."""
        options: list[dict[int, bytes]] = []
        for number, payload in split_attributes(raw):
            if not options or number in options[-1]:
                options.append({})
            options[-1][number] = payload
        return options

    def show(self, value: bytes, mask: bytes) -> Sequence[Part]:
        """Return the options of a nest with their masks; the key and the mask are two members in JSON."""
        pairs = [*zip(self.options(value), self.options(mask), strict=False)]
        text = ",".join(f"{self._spell(one)}/{self._spell(other)}" for one, other in pairs)
        name = self.word.removesuffix("s")
        return (
            Field(f"{name}_key", [self._json(one) for one, _ in pairs], f"\n  {self.word} {text}"),
            Field(f"{name}_mask", [self._json(other) for _, other in pairs]),
        )

    def _spell(self, option: Mapping[int, bytes]) -> str:
        return ":".join(member.spell(option.get(number, b"")) for number, member in enumerate(self.members, 1))

    def _json(self, option: Mapping[int, bytes]) -> Any:
        return {member.name: member.value(option.get(number, b"")) for number, member in enumerate(self.members, 1)}


TUNNELS = (
    Tunnel(
        "geneve_opts",
        1,
        (_Member("class", 2, "04x", 16), _Member("type", 1, "02x", 16), _Member("data", 0)),
        3,
        several=True,
    ),
    Tunnel("vxlan_opts", 2, (_Member("gbp", 4, "d", 0, sys.byteorder),), 1),
    Tunnel(
        "erspan_opts",
        3,
        (_Member("ver", 1, "d"), _Member("index", 4, "d"), _Member("dir", 1, "d"), _Member("hwid", 1, "d")),
        2,
        keeps_first=True,
    ),
    Tunnel("gtp_opts", 4, (_Member("pdu_type", 1, "02x", 16), _Member("qfi", 1, "02x", 16)), 2),
    Tunnel("pfcp_opts", 5, (_Member("type", 1, "02x", 16), _Member("seid", 8, "x", 16)), 2),
)
_BY_NUMBER: Mapping[int, Tunnel] = {tunnel.number: tunnel for tunnel in TUNNELS}
#: Reads the options of a tunnel from a word.
READERS: Mapping[str, Callable[[str], Masked]] = {tunnel.word: tunnel.read for tunnel in TUNNELS}


def _by_tunnel(raw: bytes) -> dict[int, bytes]:
    """Return the options of each tunnel: in a request, each option has a nest, and in a dump there is one for all."""
    nests: dict[int, bytes] = {}
    for number, payload in split_attributes(raw):
        nests[number] = nests.get(number, b"") + payload
    return nests


def show_tunnel_options(values: Mapping[str, Any], view: object) -> Sequence[Part]:
    """Return what TCA_FLOWER_KEY_ENC_OPTS and its mask say."""
    keys, masks = _by_tunnel(values.get("KEY_ENC_OPTS", b"")), _by_tunnel(values.get("KEY_ENC_OPTS_MASK", b""))
    return [
        part
        for number, tunnel in _BY_NUMBER.items()
        if number in keys and number in masks
        for part in tunnel.show(keys[number], masks[number])
    ]
