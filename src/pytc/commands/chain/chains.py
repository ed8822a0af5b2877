"""``chain``: add, delete, get, show."""

from collections.abc import Iterator

from pytc.commands.filter.show import ask, check_block
from pytc.commands.shared.context import Context
from pytc.commands.values import GetChain, ModifyChain, ShowChains
from pytc.errors import NetlinkError
from pytc.netlink import constants as c
from pytc.render.documents import Document
from pytc.tc.filters.documents import document, echoed
from pytc.tc.filters.messages import dump
from pytc.tc.filters.requests import address, explained, filter_request

_VERBS = {"add": (c.NEWCHAIN, c.EXCL | c.CREATE), "delete": (c.DELCHAIN, 0)}


def modify_chain(context: Context, command: ModifyChain) -> list[Document] | None:
    """Adds or deletes a chain; raises NetlinkError, InvalidOptionsError, UsageError.

    With the context's ``echo``, returns what the kernel says of it: up to now nothing (v6.18), it tells only listeners.
    A program that a template names is not loaded: no kernel has templates of kinds with programs.
    """
    number, flags = _VERBS[command.verb]
    message = filter_request(context, command.filter)._replace(type=number, flags=flags | c.ECHO * context.echo)
    try:
        return echoed(context, context.session.request(message))
    except NetlinkError as error:
        raise explained(error, command.filter.selector) from error


def get_chain(context: Context, command: GetChain) -> list[Document]:
    """One chain; raises NetlinkError when there is none."""
    return ask(context, address(context, c.GETCHAIN, command.selector), command.selector)


def show_chains(context: Context, command: ShowChains) -> Iterator[Document]:
    """The chains that a selector covers, with their templates, each described when its turn comes."""
    check_block(context, command.selector)
    records = dump(context, c.GETCHAIN, command.selector)
    return (document(context, record, command.selector) for record in records)
