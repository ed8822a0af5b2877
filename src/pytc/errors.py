"""The one exception tree of pytc.

Every error says what was tried and, where it is known, the errno and the likely causes. The command line
prints ``str(error)`` on stderr, and each of ``error.hints`` on a line of its own; its exit status follows from the
class of the error (:mod:`pytc.cli.exit_status`).
"""

from __future__ import annotations

import errno as _errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Literal

#: The kernel's own number, which errno does not know.
ENOTSUPP = 524

# How many names are compared with another one, and how many characters of each.
_MOST_COMPARED, _COMPARED = 10_000, 64

if TYPE_CHECKING:
    #: Operations whose refusal tc reports in a way of its own.
    Operation = Literal["", "filter", "filter dump", "action", "action flush"]


class PytcError(Exception):
    """Base of all errors that pytc raises on purpose.

    ``errno`` is the kernel's error number when there is one; ``hints`` are sentences about likely causes.
    ``operation`` is what was tried, where tc's report depends on it. A message ``has_several_lines`` only where no name
    in it has a line break.
    """

    operation: Operation = ""
    has_several_lines = False
    #: A word that names nothing, and the names that there are: whoever prints the error asks which may be meant.
    alternatives: tuple[str, tuple[str, ...]] = ("", ())

    def __init__(self, message: str, *, errno: int | None = None, hints: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.errno = errno
        self.hints = hints

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the message. A break within one of them is part of somebody else's name."""
        return tuple(str(self).split("\n")) if self.has_several_lines else (str(self),)

    def with_hints(self, *hints: str) -> PytcError:
        """Add hints and return the error; for handlers that know more of the circumstances."""
        self.hints = (*self.hints, *hints)
        return self

    def with_alternatives(self, word: str, names: Iterable[str]) -> PytcError:
        """Add the word that names nothing, and the names that there are; return the error."""
        self.alternatives = (word, tuple(names))
        return self


class UsageError(PytcError):
    """The words of a command do not make sense."""


class InvalidOptionsError(PytcError):
    """The words of a kind (``bpf``, ``htb``) do not make sense: tc exits with 1 here, not with 255."""


class AddressError(PytcError):
    """A word is no network address: tc exits with 1 here, whatever the command."""


class ArgumentError(PytcError, ValueError):
    """An argument of a function of the library makes no sense."""


class HelpRequested(PytcError):
    """The word ``help`` was met; ``topic`` names the text to print."""

    def __init__(self, topic: str) -> None:
        super().__init__(topic)
        self.topic = topic


class BatchError(PytcError):
    """A file with commands cannot be read, or not split into words."""


class AtomicError(PytcError):
    """A line of an atomic batch has an effect that could not be undone, or was not."""


class UnnamedError(PytcError):
    """An object that exists cannot be described by the words of a command."""


class RecordError(PytcError):
    """A file with recorded notifications cannot be read, or has none."""


class DeviceNotFoundError(PytcError):
    """There is no network device of this name in the namespace."""

    def __init__(self, device: str) -> None:
        super().__init__(f'Cannot find device "{device}"')
        self.device = device


class BlockNotFoundError(PytcError):
    """No qdisc of the namespace has a block of filters with this index."""

    def __init__(self, block: int) -> None:
        super().__init__(f'Cannot find block "{block}"')
        self.block = block


class QdiscConflictError(PytcError):
    """A qdisc is in the way: one exists at the same parent that cannot do what is asked."""


class NamespaceError(PytcError):
    """The network namespace cannot be entered. tc says so while it reads its options."""


class NetlinkError(PytcError):
    """The kernel refused a netlink request; ``ext_ack`` is its own sentence about it, possibly empty."""

    def __init__(self, number: int, ext_ack: str = "", *, hints: tuple[str, ...] = ()) -> None:
        if ext_ack:
            message = f"Error: {ext_ack}{'' if ext_ack.endswith('.') else '.'}"
        else:
            message = f"RTNETLINK answers: {os.strerror(number)}"
        super().__init__(message, errno=number, hints=hints)
        self.ext_ack = ext_ack

    @property
    def means_absent(self) -> bool:
        """Whether it answers a question about what does not exist, or cannot: no such device, qdisc, chain, filter."""
        return self.errno in (_errno.ENOENT, _errno.EINVAL, _errno.ENODEV, _errno.EOPNOTSUPP)


class NetlinkProtocolError(PytcError):
    """A reply from netlink makes no sense (truncated, wrong sequence, dump interrupted too often)."""


class AnswerLostError(NetlinkProtocolError):
    """No answer of the kernel could be received.

    With ``may_be_done``, the request was to change something, and it is not known whether the kernel has done it.
    """

    may_be_done = False

    def __init__(self, number: int, *, hints: tuple[str, ...] = ()) -> None:
        super().__init__(f"netlink receive error {os.strerror(number)} ({number})", errno=number, hints=hints)


class TransferError(PytcError):
    """Map descriptors cannot be sent or received: no socket, not the right owner, nobody at the other end."""


class MessageError(TransferError):
    """A message about map descriptors makes no sense, or its descriptors are not maps."""


class TraceError(PytcError):
    """The kernel's trace pipe cannot be read."""


class BpfError(PytcError):
    """Base of the errors of :mod:`pytc.bpf`."""


class ObjectError(BpfError):
    """The object file cannot be used: missing, not ELF, not BPF, malformed."""


class SelectionError(BpfError):
    """The section or program that was named is not in the object; the message lists those that are."""


class NameNotFoundError(SelectionError, AttributeError, KeyError):
    """An object has no program, map or variable of this name; the message names those that it has.

    It is an AttributeError and a KeyError, too, since names can be attributes and keys.
    """

    def __init__(self, message: str, *, hints: tuple[str, ...] = ()) -> None:
        super().__init__(message, errno=_errno.ENOENT, hints=hints)

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError puts it in quotes


class ClosedError(BpfError, ValueError):
    """A map, program or link has been closed already."""


class MapDefinitionError(ObjectError):
    """A map of the object has a declaration that makes no sense."""


class BytecodeError(BpfError):
    """Classic BPF cannot be used: its text makes no sense, or no kernel takes the program."""


class ExpressionError(PytcError):
    """libpcap does not compile a tcpdump expression, or is not installed."""


class OutputError(PytcError):
    """A file for output cannot be written."""


class CaptureError(PytcError):
    """A pcap or pcapng file cannot be read or written."""


class PacketError(PytcError):
    """A packet makes no sense, in words or in hex."""


class CodecError(BpfError):
    """A value does not fit its type, or a format of types makes no sense.

    ``entry`` is the index of the entry among several, None for a single one.
    """

    entry: int | None = None


class MapElementError(BpfError):
    """The kernel refused to read or change an element of a map, or there is none with the key (``errno`` ENOENT)."""


class ElementNotFoundError(MapElementError, KeyError):
    """A map has no element with a key; a KeyError, too."""

    def __init__(self, message: str, *, hints: tuple[str, ...] = ()) -> None:
        super().__init__(message, errno=_errno.ENOENT, hints=hints)

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError puts it in quotes


class BpfSyscallError(BpfError):
    """bpf(2) failed.

    ``command`` is the name of the bpf command (``MAP_CREATE``), ``entry`` the index of the element among several.
    """

    entry: int | None = None

    def __init__(self, command: str, number: int, what: str = "", *, hints: tuple[str, ...] = ()) -> None:
        tried = f"{what}: " if what else ""
        super().__init__(f"{tried}bpf({command}): {strerror(number)}", errno=number, hints=hints)
        self.command = command


class AttachError(BpfError):
    """The kernel refused to attach a program, to detach it, or to report what is attached."""


class UnsupportedError(AttachError):
    """The kernel lacks such an attach point; ``since`` is the version of Linux that brought it."""

    def __init__(self, what: str, since: str, *, hints: tuple[str, ...] = ()) -> None:
        super().__init__(
            f"this kernel has no {what}: it came with Linux {since}, and this is {os.uname().release}", hints=hints
        )
        self.since = since


class MapMismatchError(BpfError):
    """A pinned map exists but differs from the object's declaration; ``fields`` says in what.

    ``fields`` maps the name of a field to (pinned value, declared value).
    """

    def __init__(
        self, name: str, path: str, fields: dict[str, tuple[str, str]], *, hints: tuple[str, ...] = ()
    ) -> None:
        differences = ", ".join(
            f"{field} is {pinned}, the object wants {declared}" for field, (pinned, declared) in fields.items()
        )
        super().__init__(
            f'map "{name}": the map pinned at {path} does not match: {differences}', errno=_errno.EINVAL, hints=hints
        )
        self.fields = fields


class PinError(BpfError):
    """A pin cannot be created, opened or removed."""


class VerifierError(BpfError):
    """The kernel refused a program.

    ``log`` is the verifier's text, which may be empty; without ``verbose``, at most the last 16 MB of it. The other
    attributes are a report about it, empty where there is no log: ``category`` (docs/verifier.md lists them, ``other``
    is a message that pytc does not know), ``title`` and ``reason`` in a sentence each, ``at`` (FILE:LINE first),
    ``path`` (lines of C that led there, the last one last), and ``suggestion``: what to write.
    """

    has_several_lines = True

    def __init__(
        self,
        program: str,
        number: int,
        summary: str,
        *,
        log: str = "",
        source: str = "",
        hints: tuple[str, ...] = (),
        category: str = "",
        title: str = "",
        reason: str = "",
        at: str = "",
        path: tuple[str, ...] = (),
        suggestion: str = "",
    ) -> None:
        super().__init__(summary, errno=number, hints=hints)
        self.program = program
        self.log = log
        self.source = source
        self.category = category
        self.title = title
        self.reason = reason
        self.at = at
        self.path = path
        self.suggestion = suggestion


class SeveralLines(str):
    """A remark of several lines, in which no name has a line break."""


def one_line(text: str) -> str:
    """Return somebody else's name, or a line of a source file, for a message of several lines."""
    return text.replace("\n", "?")


def shortlist(names: Collection[str], wanted: str = "", most: int = 8) -> str:
    """Return names for a message, separated by commas: those first that are most like ``wanted``, and how many more
    there are."""
    shown = list(names)
    if len(shown) <= most:
        return ", ".join(shown)
    if wanted and len(shown) <= _MOST_COMPARED:
        from difflib import SequenceMatcher  # only for errors

        shown.sort(key=lambda name: -SequenceMatcher(None, wanted, name[:_COMPARED]).ratio())
    return f"{', '.join(shown[:most])} and {len(shown) - most} more"


def strerror(number: int) -> str:
    """Return the text of an errno with its name: ``Operation not permitted (EPERM)``."""
    if number == ENOTSUPP:
        return "Operation not supported (ENOTSUPP)"
    name = _errno.errorcode.get(number, str(number))
    return f"{os.strerror(number)} ({name})"
