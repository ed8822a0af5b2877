"""``--replace-own``: a filter takes the place of the one that an earlier run of the same command added."""

from __future__ import annotations

from pytc.netlink import constants as c
from pytc.tc.filters.records import dump
from pytc.tc.filters.requests import selector_message
from pytc.tc.kinds.filters.bpf import BpfOptions, BpfRecord
from pytc.tc.kinds.shared.ownership import with_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.tc.filters.requests import AnyFilterChange
    from pytc.tc.kinds.interface import OpenedProgram


def replace_own(context: Context, change: AnyFilterChange, program: OpenedProgram) -> AnyFilterChange:
    """Return a ``filter replace`` with the preference and the handle of the filter that it is to replace.

    That is the first in its place of the same protocol, owner, object and section. Without one, and for a change that
    names a handle, it stays as it is. Raises NetlinkError.
    """
    selector, options = change.selector, change.options
    if change.verb != "replace" or selector.handle or not isinstance(options, BpfOptions):
        return change
    name = with_owner(program.annotation, options.owner or "")
    question = selector_message(c.GETTFILTER, selector, selector.ifindex(context.device_index))
    for record in dump(context.session, question):
        is_own = isinstance(record.options, BpfRecord) and record.options.annotation == name
        if is_own and record.protocol == selector.protocol and record.chain in (None, selector.chain or 0):
            return change.replace(selector=selector.replace(pref=record.pref, handle=f"{record.handle:#x}"))
    return change
