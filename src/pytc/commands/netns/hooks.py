"""The hooks of the network namespace in which pytc works (include/uapi/linux/bpf.h, kernel/bpf/net_namespace.c)."""

from __future__ import annotations

import errno
import os

from pytc.bpf.sys.attach_points import AttachPoint, query
from pytc.bpf.sys.constants import ProgramType, attach_type_number
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.links import links
from pytc.commands.shared.attacher import Attachment
from pytc.commands.shared.attachments import refusal
from pytc.errors import AttachError, BpfSyscallError
from pytc.render.documents import Field
from pytc.typing import NamedTuple
from pytc.words.engine import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.render.documents import Part
    from pytc.tc.kinds.interface import OpenedProgram

NETNS = """\
TYPE := sk_lookup (Linux 5.9: chooses the socket of a new connection) | flow_dissector (Linux 4.20)
"""
#: This thread's: -n NAME moves the thread, and not the process.
_PATH = "/proc/thread-self/ns/net"
_SENTENCES = {
    errno.EEXIST: "a program is attached there already; flow_dissector takes one, and has that of the first namespace",
    errno.ENOENT: "there is no such program",
    errno.E2BIG: "there is no room: a namespace takes 64 programs of sk_lookup",
}


class NetnsAttachType(NamedTuple):
    """An attach type of namespaces: its word, which is also its section and the type of its programs."""

    word: str
    number: int
    program: ProgramType


TYPES = {
    word: NetnsAttachType(word, attach_type_number(word), program)
    for word, program in (("sk_lookup", ProgramType.SK_LOOKUP), ("flow_dissector", ProgramType.FLOW_DISSECTOR))
}
TYPE_WORDS = tuple(Word(word, "attach", value=word, exact=True) for word in TYPES)


class NetnsHook:
    """The :class:`~pytc.commands.shared.attacher.Hook` of the namespace for one attach type."""

    def __init__(self, type: NetnsAttachType) -> None:
        self.type = type
        self._descriptor: OwnedFd | None = None

    @property
    def label(self) -> str:
        return f"network namespace {self.type.word}"

    @property
    def point(self) -> AttachPoint:
        if self._descriptor is None:
            try:
                self._descriptor = OwnedFd(os.open(_PATH, os.O_RDONLY | os.O_CLOEXEC))
            except OSError as error:
                raise AttachError(f'cannot open "{_PATH}": {error.strerror}', errno=error.errno) from error
        return AttachPoint(self._descriptor.fd, self.type.number)

    def words(self) -> list[Part]:
        return [Field("type", self.type.word, f" type {self.type.word}")]

    def check(self) -> None:
        self.attached()

    def attached(self) -> Sequence[Attachment]:
        try:
            programs = query(self.point, links=False).programs
            number = os.fstat(self.point.target).st_ino
            by_program = {
                link.program: link.id
                for link in links()
                if link.netns == number and link.attach_type == self.type.number
            }
        except BpfSyscallError as error:
            raise self.explain(error) from error
        return [Attachment(self, one.program, by_program.get(one.program, 0)) for one in programs]

    def close(self) -> None:
        if self._descriptor is not None:
            self._descriptor.close()
            self._descriptor = None

    def explain(self, error: BpfSyscallError, *, program: int = 0, revision: int = 0) -> AttachError:
        return refusal(error, self.label, _SENTENCES)


def hook_of(word: str, program: OpenedProgram) -> NetnsHook:
    """Return the hook that a word names, for an empty one that of a program's type; raises AttachError."""
    type = next((one for one in TYPES.values() if word in ("", one.word) and one.program == program.type), None)
    if type is None:
        raise AttachError(
            f"{program.annotation} does not go to {word or 'a network namespace'}", hints=(f"types: {' '.join(TYPES)}",)
        )
    return NetnsHook(type)
