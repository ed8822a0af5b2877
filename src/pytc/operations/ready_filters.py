"""Filters whose request depends on the words of the command alone: nothing has to be opened, loaded or asked for it.

A batch makes such requests ready before their turn, some lines ahead (:mod:`pytc.cli.batch`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from pytc.commands import Command, ModifyFilter
from pytc.errors import NetlinkError, PytcError
from pytc.kinds.programs import BYTECODE
from pytc.netlink import constants as c
from pytc.netlink.messages import encode
from pytc.operations.context import Context
from pytc.operations.expressions import remarks
from pytc.operations.filter_requests import actions_of, explained, filter_message


class ReadyFilter(NamedTuple):
    """The request of a command (``words``), but for the index of ``device``: that is looked up when it is sent, as
    there may be another one of that name by then. ``remarks`` are for the user."""

    words: list[str]
    device: str
    data: bytes
    remarks: list[str]


def depends_on_words(command: ModifyFilter) -> bool:
    """Whether that is so."""
    options = command.options
    if options is None:
        return True
    source = getattr(options, "source", None)
    return (source is None or source.mode == BYTECODE) and not actions_of(command) \
        and getattr(options, "police", None) is None


def make_ready(words: Sequence[str], command: Command) -> ReadyFilter | None:
    """The request of a command; None where it depends on more than words, or cannot be made: running the command says
    why."""
    if not isinstance(command, ModifyFilter) or command.selector.block or not depends_on_words(command):
        return None
    try:
        message = filter_message(command)
    except PytcError:
        return None
    return ReadyFilter([*words], command.selector.device, encode(message, 0, c.REQUEST | c.ACK), remarks_on(command))


def remarks_on(command: ModifyFilter) -> list[str]:
    """What a user should know of the bytecode of a filter."""
    options = command.options
    if getattr(options, "source", None) is None:
        return []
    return remarks(options.source.instructions, options.classid, direct_action=options.direct_action)


def send_ready(context: Context, ready: ReadyFilter) -> None:
    """What :func:`pytc.operations.run` does with the command. Raises DeviceNotFoundError, NetlinkError."""
    ifindex = context.device_index(ready.device)
    context.notes += ready.remarks
    try:
        context.session.request_again(ready.data, ifindex)
    except NetlinkError as error:
        from pytc.grammar.command_line import parse_words

        command = parse_words(ready.words)
        assert isinstance(command, ModifyFilter)
        raise explained(error, command.selector) from error
