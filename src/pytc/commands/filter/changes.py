"""Carry out changes of filters: open their programs, send the request, export the maps."""

from __future__ import annotations

from pytc.commands.filter.effects import last_filter_before, warn_of_effects
from pytc.commands.shared.clsact_place import check_egress
from pytc.commands.shared.programs import (
    action_program_request,
    filter_program_request,
    open_programs,
    resolve_action_files,
    resolve_files,
)
from pytc.errors import AnswerLostError, NetlinkError, NetlinkProtocolError, PytcError
from pytc.netlink import constants as c
from pytc.tc.filters.hints import explain_refusal
from pytc.tc.filters.records import decode_filters, filter_of_program
from pytc.tc.filters.requests import (
    FilterChange,
    encode_filter_actions,
    filter_message,
)
from pytc.tc.kinds.filters.bpf import BpfOptions
from pytc.tc.kinds.shared.programs import BYTECODE, BYTECODE_FILE, EXPRESSION, LOADED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.commands.shared.context import Context
    from pytc.commands.shared.opened_programs import ProgramRequest
    from pytc.netlink.messages import TcMessage
    from pytc.render.documents import Document
    from pytc.tc.filters.requests import AnyFilterChange
    from pytc.tc.kinds.interface import OpenedProgram


def carry_out(context: Context, change: FilterChange) -> list[Document] | None:
    """Make a change; with -echo, return what the kernel did.

    Raises NetlinkError, QdiscConflictError, BpfError and its kin, InvalidOptionsError.
    """
    check_egress(context, change.selector)
    if change.follows_from_words:
        context.notes += program_remarks(change)
        last = last_filter_before(context, change)
        answers = send_filter(context, change, None)
        warn_of_effects(context, change, None, last)
        return _echo_documents(context, answers)
    context.device_index(change.selector.device)  # before the work of loading
    change = _resolve_action_files(context, change)
    options = change.options
    source, actions = (options.source, options.actions) if options is not None else (None, ())
    answers = _send_and_export(
        context, change, [filter_program_request(source, change.selector.parent), *map(action_program_request, actions)]
    )
    if actions:
        from pytc.commands.shared.actions import warn_of_too_many

        warn_of_too_many(context, actions)
    return _echo_documents(context, answers)


def _echo_documents(context: Context, answers: Sequence[TcMessage]) -> list[Document] | None:
    if not context.display.echo:
        return None
    from pytc.tc.filters.documents import document

    return [document(record, context.display) for record in decode_filters(answers)]


def program_remarks(change: FilterChange) -> list[str]:
    """Return what a user should know of the bytecode of a filter."""
    options = change.options
    if not isinstance(options, BpfOptions) or options.source is None or options.classid is None:
        return []
    from pytc.commands.shared.expressions import return_remarks

    return return_remarks(options.source.instructions, options.classid, direct_action=options.direct_action)


def _send_and_export(context: Context, change: FilterChange, requests: Sequence[ProgramRequest]) -> list[TcMessage]:
    """Open the programs, send the request, and export the maps that are to be exported."""
    failure = None
    with open_programs(context, requests, export=change.verb != "delete") as programs:
        program, *action_programs = programs
        if context.replaces_own and program is not None:
            from pytc.commands.filter.own import replace_own

            change = replace_own(context, change, program)
        last = last_filter_before(context, change)
        if programs.exports:
            stays = change.verb == "change" or (change.verb == "replace" and _exists(context, change))
            answers = send_filter(context, change, program, action_programs, echo=True)
            failure = programs.export_or_undo(None if stays else lambda: _delete_added(context, answers))
        else:
            answers = send_filter(context, change, program, action_programs)
        warn_of_effects(context, change, program, last)
    if failure is not None:
        raise failure
    return answers


def _exists(context: Context, change: FilterChange) -> bool:
    """Report whether a filter with the new one's preference and handle exists; without both, nothing can be said.

    Raises NetlinkError."""
    selector = change.selector
    if not selector.pref or not selector.handle:
        return False
    question = filter_message(FilterChange("add", selector, change.kind), selector.ifindex(context.device_index))
    return context.session.find(question._replace(type=c.GETTFILTER, flags=0)) is not None


def _delete_added(context: Context, added: Sequence[TcMessage]) -> None:
    """Delete just the filter that the kernel said it had added."""
    for answer in added:
        if answer.type == c.NEWTFILTER:
            which = {name: answer.attributes[name] for name in ("TCA_KIND", "TCA_CHAIN") if name in answer.attributes}
            context.session.request(answer._replace(type=c.DELTFILTER, flags=0, attributes=which))


def send_filter(
    context: Context,
    change: FilterChange,
    program: OpenedProgram | None,
    programs: Sequence[OpenedProgram | None] = (),
    *,
    echo: bool = False,
) -> list[TcMessage]:
    """Send the request for a filter, given its open program and those of its actions; raises NetlinkError.

    With ``echo``, or where the context wants it, the kernel answers with what it has done.
    """
    ifindex = change.selector.ifindex(context.device_index)
    options = change.options
    has_actions = options is not None and (options.actions or options.police is not None)
    actions = encode_filter_actions(change, programs, context.device_index) if has_actions else None
    message = filter_message(change, ifindex, program, actions)
    observer = context.cache.filters
    if echo or context.display.echo or observer is not None:
        message = message._replace(flags=message.flags | c.ECHO)
    try:
        answers = context.session.request(message)
    except NetlinkError as error:
        raise explain_refusal(error, change.selector, change) from error
    except AnswerLostError as error:
        answers = [_find_taken(context, message, change, program, error)]
    if observer is not None:
        observer.observe(context, message, answers)
    return answers


def _find_taken(
    context: Context,
    message: TcMessage,
    change: FilterChange,
    program: OpenedProgram | None,
    lost: AnswerLostError,
) -> TcMessage:
    """Return the filter that the kernel has made by a request whose answer was lost, by the program that it runs.

    Raises NetlinkProtocolError where the kernel has not made it, and AnswerLostError where that is not known: only a
    program that this command has loaded is in no other filter.
    """
    options = change.options
    source = options.source if isinstance(options, BpfOptions) else None
    # a journal finds out by itself, when it takes everything back
    if program is None or source is None or source.mode in LOADED or context.connection.journal is not None:
        raise lost
    from pytc.bpf.sys.info import describe_program

    try:
        number = describe_program(program.fd).id
        found = filter_of_program(context.session, message, number)
    except PytcError:
        raise lost from None
    if found is None:
        raise NetlinkProtocolError(
            str(lost), errno=lost.errno, hints=("the kernel has not taken the filter",)
        ) from lost
    return found


def _resolve_action_files(context: Context, change: AnyFilterChange) -> AnyFilterChange:
    """Return the change with what is in files, and what an expression compiles to."""
    options = change.options
    if options is None:
        return change
    if isinstance(options, BpfOptions) and options.source is not None:
        source = resolve_files(options.source)
        if source is not options.source:
            options = options.replace(source=source)
        if source.mode in (BYTECODE, BYTECODE_FILE, EXPRESSION):
            from pytc.commands.shared.expressions import compile_filter_expression

            options = compile_filter_expression(context, options, change.selector.device)
    if options.actions:
        options = options.replace(actions=tuple(resolve_action_files(action) for action in options.actions))
    return change if options is change.options else change.replace(options=options)
