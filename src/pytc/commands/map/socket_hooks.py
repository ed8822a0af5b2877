"""The hooks of a map of sockets, sockmap or sockhash: programs on what its sockets send and receive.

Sources: include/uapi/linux/bpf.h, net/core/sock_map.c.
"""

from __future__ import annotations

import errno

from pytc.bpf.sys.attach_points import AttachPoint, query
from pytc.bpf.sys.constants import MapType, ProgramType, attach_type_number
from pytc.commands.map.elements import check_type
from pytc.commands.shared.attacher import Attachment
from pytc.commands.shared.attachments import refusal
from pytc.commands.shared.maps import open_map
from pytc.errors import AttachError, BpfSyscallError
from pytc.render.documents import Field
from pytc.typing import NamedTuple
from pytc.words.engine import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.bpf.maps.map import Map
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Part
    from pytc.tc.kinds.interface import OpenedProgram

SOCKET_TYPES = """\
TYPE := msg_verdict | stream_parser | stream_verdict | verdict (Linux 5.13)
"""
_SENTENCES = {
    errno.EBUSY: "stream_verdict and verdict do not go together",
    errno.ENOENT: "there is no such program",
    errno.EOPNOTSUPP: "programs of that type do not go to this map",
}


class SocketAttachType(NamedTuple):
    """An attach type of maps of sockets: its word, and the section that implies it."""

    word: str
    number: int
    program: ProgramType
    section: str


TYPES = {
    one.word: one
    for one in (
        SocketAttachType("msg_verdict", attach_type_number("sk_msg_verdict"), ProgramType.SK_MSG, "sk_msg"),
        *(
            SocketAttachType(word, attach_type_number(f"sk_skb_{word}"), ProgramType.SK_SKB, f"sk_skb/{word}")
            for word in ("stream_parser", "stream_verdict", "verdict")
        ),
    )
}
TYPE_WORDS = tuple(Word(word, "attach", value=word, exact=True) for word in TYPES)


class SocketHook:
    """The :class:`~pytc.commands.shared.attacher.Hook` of a map of sockets for one attach type."""

    def __init__(self, map: Map, type: SocketAttachType) -> None:
        self._map = map
        self.type = type

    @property
    def label(self) -> str:
        return f'map "{self._map.name}" {self.type.word}'

    @property
    def point(self) -> AttachPoint:
        return AttachPoint(self._map.fd, self.type.number)

    def words(self) -> list[Part]:
        return [
            Field("map", self._map.name, f" map {self._map.name}"),
            Field("type", self.type.word, f" type {self.type.word}"),
        ]

    def check(self) -> None:
        """Do nothing: who has opened the map has found its type right."""

    def attached(self) -> Sequence[Attachment]:
        try:
            return [Attachment(self, one.program) for one in query(self.point, links=False).programs]
        except BpfSyscallError as error:
            if error.errno == errno.EBUSY:  # the map has a program of the other verdict
                return []
            raise self.explain(error) from error

    def close(self) -> None:
        """Do nothing: the map is closed by who has opened it."""

    def explain(self, error: BpfSyscallError, *, program: int = 0, revision: int = 0) -> AttachError:
        return refusal(error, self.label, _SENTENCES)


def open_sockets(context: Context, target: Target) -> Map:
    """Open a map of sockets until the context is closed; raises BpfError for another one."""
    from pytc.bpf.maps.typed import TypedMap

    map = context.own(open_map(context, target.kind, target.text))
    check_type(TypedMap(map), MapType.SOCKMAP, MapType.SOCKHASH)
    return map


def hook_of(map: Map, word: str, program: OpenedProgram) -> SocketHook:
    """Return the hook that a word names, for an empty one that of a program's section; raises AttachError."""
    for type in TYPES.values():
        is_meant = word == type.word or (not word and program.annotation.endswith(f"[{type.section}]"))
        if program.type == type.program and (is_meant or (not word and type.program == ProgramType.SK_MSG)):
            return SocketHook(map, type)
    raise AttachError(
        f"{program.annotation} does not go to {word or 'a map of sockets, or does not say to which hook'}",
        hints=(f"types: {' '.join(TYPES)}",),
    )
