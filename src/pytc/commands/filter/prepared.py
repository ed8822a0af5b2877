"""Filters of a batch whose requests follow from their words alone: encoded some lines ahead, and then only sent.

The kernel's work and Python's drive one another out of the processor's caches: done in groups, a line of a batch of
classic filters takes a fifth less.
"""

from pytc.commands.filter.add import ModifyFilter
from pytc.commands.filter.changes import note_remarks
from pytc.commands.filter.delete import DeleteFilter
from pytc.commands.shared.command import Command, Requests
from pytc.commands.shared.context import Context
from pytc.errors import NetlinkError, PytcError
from pytc.netlink import constants as c
from pytc.netlink.messages import encode
from pytc.tc.filters.requests import FilterChange, explained, filter_message


class PreparedFilter(Requests):
    """A change and its encoded request, which lacks the index of the device."""

    change: FilterChange
    request: bytes


def prepare(command: Command) -> Command:
    """Return a command with its request encoded, or the command itself where the request takes more than words."""
    if not isinstance(command, (ModifyFilter, DeleteFilter)) or not command.depends_on_words:
        return command
    try:
        request = encode(filter_message(command, 0), 0, c.REQUEST | c.ACK)
    except PytcError:
        return command  # which says why when it is its turn
    return PreparedFilter(command, request)


def run(context: Context, command: PreparedFilter) -> None:
    """Send the request; raises DeviceNotFoundError, NetlinkError."""
    change = command.change
    ifindex = change.selector.ifindex(context.device_index)
    note_remarks(context, change)
    try:
        context.session.send_encoded(command.request, ifindex)
    except NetlinkError as error:
        raise explained(error, change.selector, change) from error
