"""Filters whose request depends on the words of the command alone: nothing has to be opened, loaded or asked for it;
and those of programs that have been loaded before.

A batch makes such requests ready before their turn, some lines ahead (:mod:`pytc.cli.batch`).
"""

import struct
from typing import TYPE_CHECKING, NamedTuple

from pytc.commands.shared.command import Command
from pytc.commands.shared.context import Context
from pytc.commands.shared.expressions import remarks
from pytc.commands.shared.programs import annotation, choice_of, is_plain, wanted_by_filter
from pytc.commands.values import ModifyFilter
from pytc.errors import NetlinkError, PytcError
from pytc.handles import Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import encode
from pytc.tc.filters.requests import actions_of, depends_on_words, explained, filter_message
from pytc.tc.kinds.filters.bpf import BpfOptions
from pytc.tc.kinds.interface import OpenedProgram

if TYPE_CHECKING:
    from pytc.bpf.loader.object_cache import KeptRecipe, ObjectCache

_FD = struct.Struct("=I")
#: Stands where a descriptor is to be put: no process has as many.
_STAND_IN = 0xFFFEFDFC


class ReadyFilter(NamedTuple):
    """The request of a command (``words``), but for the index of ``device``: that is looked up when it is sent, as
    there may be another one of that name by then. ``remarks`` are for the user. ``expected`` is the class that bytecode
    may return, None for any."""

    words: list[str]
    device: str
    data: bytes
    remarks: list[str]
    expected: Handle | None = None


class ReadyProgram(NamedTuple):
    """The same for a command whose program is loaded as it was before when it is its turn: its descriptor belongs to
    byte ``fd_at`` of the request."""

    words: list[str]
    device: str
    data: bytes
    fd_at: int
    recipe: "KeptRecipe"


def make_ready(words: list[str], command: Command) -> ReadyFilter | None:
    """The request of a command; None where it depends on more than words, or cannot be made: running the command says
    why."""
    if not isinstance(command, ModifyFilter) or command.selector.block or not depends_on_words(command):
        return None
    try:
        message = filter_message(command)
    except PytcError:
        return None
    options = command.options
    expected = options.classid if isinstance(options, BpfOptions) and not options.direct_action else None
    return ReadyFilter(
        words, command.selector.device, encode(message, 0, c.REQUEST | c.ACK), remarks_on(command), expected
    )


def make_program_ready(
    objects: "ObjectCache", words: list[str], command: Command, layout20: str
) -> ReadyProgram | None:
    """The request of a command whose program is known from an earlier one; None for others."""
    if not isinstance(command, ModifyFilter) or command.selector.block or actions_of(command):
        return None
    source = command.options.source if command.options is not None else None
    if source is None or not is_plain(source) or (command.options is not None and command.options.police is not None):
        return None
    recipe = objects.recall(source.path, choice_of(wanted_by_filter(source)), layout20)
    if recipe is None:
        return None
    program = OpenedProgram(_STAND_IN, annotation(recipe.spec.name, recipe.program.section), recipe.type)
    try:
        message = filter_message(command, program)
    except PytcError:
        return None
    data = encode(message, 0, c.REQUEST | c.ACK)
    before, stand_in, after = data.partition(_FD.pack(_STAND_IN))
    if stand_in in after:  # a class may have that number
        return None
    return ReadyProgram(words, command.selector.device, data, len(before), recipe)


def remarks_on(command: ModifyFilter) -> list[str]:
    """What a user should know of the bytecode of a filter."""
    options = command.options
    if not isinstance(options, BpfOptions) or options.source is None:
        return []
    return remarks(options.source.instructions, options.classid, direct_action=options.direct_action)


def send_ready(context: Context, ready: ReadyFilter, ifindex: int) -> None:
    """What :func:`pytc.commands.run.run` does with the command. Raises NetlinkError."""
    context.notes += ready.remarks
    try:
        context.session.request_again(ready.data, ifindex)
    except NetlinkError as error:
        raise _explained(error, ready.words) from error


def _explained(error: NetlinkError, words: list[str]) -> NetlinkError:
    from pytc.commands.dispatch import parse_words

    command = parse_words(words)
    assert isinstance(command, ModifyFilter)
    return explained(error, command.selector)


def send_program(context: Context, ready: ReadyProgram, ifindex: int) -> bool:
    """The same for one with a program. False where it could not be loaded as before: then running the command finds out
    why, or how else."""
    program = ready.recipe.load()
    if program is None:
        return False
    with program:
        data = ready.data[: ready.fd_at] + _FD.pack(program.fd) + ready.data[ready.fd_at + _FD.size :]
        try:
            context.session.request_again(data, ifindex)
        except NetlinkError as error:
            raise _explained(error, ready.words) from error
    return True
