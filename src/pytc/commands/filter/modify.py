"""``filter``: add, change, replace, delete; what only asks is in :mod:`pytc.commands.filter.show`."""

from collections.abc import Sequence

from pytc.commands.shared.context import Context
from pytc.commands.shared.programs import Wanted, opened, resolved, resolved_action, wanted_by_filter
from pytc.commands.values import GetFilter, ModifyFilter
from pytc.errors import NetlinkError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.render.documents import Document
from pytc.tc.filters.documents import echoed
from pytc.tc.filters.requests import actions_of, depends_on_words, explained, filter_request
from pytc.tc.kinds.filters.bpf import BpfOptions
from pytc.tc.kinds.interface import OpenedProgram
from pytc.tc.kinds.shared.programs import BYTECODE, BYTECODE_FILE, EXPRESSION


def modify_filter(context: Context, command: ModifyFilter) -> list[Document] | None:
    """Adds, changes, replaces or deletes; with the context's ``echo``, returns what the kernel says of it. Raises
    NetlinkError, BpfError and its kin, InvalidOptionsError."""
    if context.create_clsact:
        from pytc.commands.shared.clsact import clsact_for, is_for

        if is_for(command):
            with clsact_for(context, command):
                return _modify(context, command)
    return _modify(context, command)


def _modify(context: Context, command: ModifyFilter) -> list[Document] | None:
    if depends_on_words(command):
        from pytc.commands.filter.batch_requests import remarks_on

        message = filter_request(context, command)
        context.notes += remarks_on(command)
        return echoed(context, _send(context, command, message))
    context.device_index(command.selector.device)  # before the work of loading
    command = _resolved(context, command)
    source, actions = command.options.source if command.options is not None else None, actions_of(command)
    wanted = [wanted_by_filter(source)]
    if actions:
        from pytc.commands.action.actions import wanted as wanted_by

        wanted += [wanted_by(action) for action in actions]
    answers = _send_and_export(context, command, wanted)
    if actions:
        from pytc.commands.action.actions import warn_of_too_many

        warn_of_too_many(context, actions)
    return echoed(context, answers)


def _send_and_export(context: Context, command: ModifyFilter, wanted: Sequence[Wanted]) -> list[TcMessage]:
    """Opens the programs, sends the request, and exports the maps that are to be exported."""
    failure = None
    with opened(context, wanted, export=command.verb != "delete") as programs:
        program, *others = programs
        if programs.exports:
            stays = command.verb == "change" or (command.verb == "replace" and _exists(context, command))
            answers = send_filter(context, command, program, others, echo=True)
            failure = programs.export_or(None if stays else lambda: _take_back(context, answers))
        else:
            answers = send_filter(context, command, program, others)
    if failure is not None:
        raise failure
    return answers


def _exists(context: Context, command: ModifyFilter) -> bool:
    """Whether there is a filter whose place the new one would take: only its preference and handle can say so."""
    if not command.selector.pref or not command.selector.handle:
        return False
    from pytc.commands.filter.show import get_filter

    try:
        return bool(get_filter(context, GetFilter(command.selector, command.kind)))
    except NetlinkError:
        return False


def _take_back(context: Context, added: Sequence[TcMessage]) -> None:
    """Deletes just the filter that the kernel said it had added."""
    for one in added:
        if one.type == c.NEWTFILTER:
            which = {name: one.attributes[name] for name in ("TCA_KIND", "TCA_CHAIN") if name in one.attributes}
            context.session.request(one._replace(type=c.DELTFILTER, flags=0, attributes=which))


def send_filter(
    context: Context,
    command: ModifyFilter,
    program: OpenedProgram | None,
    programs: Sequence[OpenedProgram | None] = (),
    *,
    echo: bool = False,
) -> list[TcMessage]:
    """Sends the request for a filter whose program is open already, as are those of its actions. With ``echo``, or that
    of the context, the kernel answers with what it has done. Raises NetlinkError."""
    return _send(context, command, filter_request(context, command, program, programs), echo=echo)


def _send(context: Context, command: ModifyFilter, message: TcMessage, *, echo: bool = False) -> list[TcMessage]:
    if echo or context.echo or context.warnings is not None:
        message = message._replace(flags=message.flags | c.ECHO)
    try:
        answers = context.session.request(message)
    except NetlinkError as error:
        raise explained(error, command.selector) from error
    if context.warnings is not None:
        context.warnings.sent(context, message, answers)
    return answers


def _resolved(context: Context, command: ModifyFilter) -> ModifyFilter:
    """With what is in files, and what an expression compiles to."""
    options = command.options
    if options is None:
        return command
    if isinstance(options, BpfOptions) and options.source is not None:
        source = resolved(options.source)
        options = options.replace(source=source)
        if source.mode in (BYTECODE, BYTECODE_FILE, EXPRESSION):
            from pytc.commands.shared.expressions import with_expression

            options = with_expression(context, options, command.selector.device)
    if options.actions:
        options = options.replace(actions=tuple(resolved_action(action) for action in options.actions))
    return command.replace(options=options)
