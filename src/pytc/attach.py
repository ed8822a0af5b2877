"""Attaching programs from Python.

>>> import pytc
>>> from pytc.bpf import ProgramType, load, read_object, select_program
>>> spec = read_object("bpf.o")
>>> with load(spec, select_program(spec), type=ProgramType.SCHED_CLS) as loaded:
...     pytc.create_clsact("em1")
...     attached = pytc.attach_filter("em1", "ingress", loaded.program, direct_action=True)
>>> attached.pref, attached.handle
(49152, 1)
>>> pytc.detach_filter("em1", "ingress")

The filter keeps the program after the descriptor is closed, and stays until it is detached.
"""

from __future__ import annotations

import errno
import os

from pytc.api.calls import public
from pytc.api.filters import add_filter, filter_options, parse_parent
from pytc.api.namespaces import namespace_id
from pytc.commands.dispatch import run
from pytc.commands.filter.delete import DeleteFilter
from pytc.commands.qdisc.add import ModifyQdisc
from pytc.commands.shared.context import Context
from pytc.errors import NetlinkError
from pytc.handles import CLSACT, Handle
from pytc.protocols import ALL
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.filters.bpf import KIND
from pytc.tc.qdiscs.selector import QdiscSelector
from pytc.typing import NamedTuple
from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.api.filters import FilterAttachment
    from pytc.bpf.loader.program import Program


class AttachedFilter(Value):
    """A filter with the numbers by which it is known, and the id of its program."""

    device: str
    parent: str
    pref: int
    handle: int
    chain: int
    program: int


class _Origin(NamedTuple):
    """The process that attached a filter, the network namespace, and there the index of the device and the parent."""

    process: int
    namespace: tuple[int, int]
    ifindex: int
    parent: Handle


_own: list[tuple[_Origin, FilterAttachment]] = []


@public
def attach_filter(
    device: str,
    parent: str,
    program: Program,
    *,
    direct_action: bool = False,
    classid: str = "",
    pref: int = 0,
    handle: int = 0,
    chain: int | None = None,
    protocol: int = ALL,
    name: str = "",
    replace: bool = False,
) -> AttachedFilter:
    """Attach a program as a ``bpf`` filter; return what the kernel made of it. :meth:`pytc.Program.attach_filter` is
    the newer way.

    ``parent`` is ``ingress``, ``egress``, or a class or qdisc like ``1:``; ``pref`` 0 and ``handle`` 0 let the
    kernel choose: with ``replace``, too, another filter is added then. ``name`` is what dumps show, by default the
    program's name. Raises DeviceNotFoundError, QdiscConflictError for egress of an ingress qdisc, NetlinkError with the
    kernel's sentence, ArgumentError (a ValueError) for a parent that is not a handle.
    """
    options = filter_options(direct_action=direct_action, classid=classid, skip_hw=False, skip_sw=False)
    made = add_filter(
        device,
        parent,
        program,
        options,
        pref=pref,
        handle=handle,
        chain=chain,
        protocol=protocol,
        name=name,
        replace=replace,
    )
    _own.append((_Origin(os.getpid(), namespace_id(), made.ifindex, parse_parent(parent)), made))
    return AttachedFilter(device, parent, made.pref, made.handle, made.chain, made.program_id)


@public
def detach_filter(device: str, parent: str, *, pref: int = 0, handle: int = 0, chain: int | None = None) -> None:
    """Remove filters of a parent: those that this process attached there with :func:`attach_filter`.

    With ``chain``, ``pref``, or ``pref`` and ``handle``, the filters of that chain, of that pref, or that one, whoever
    attached them. A filter whose program somebody has replaced is not this process's any more.
    """
    selector = FilterSelector(device, parse_parent(parent), pref, 0, chain, str(handle) if handle else "")
    with Context() as context:
        if pref or handle or chain is not None:
            run(context, DeleteFilter("delete", selector, KIND.name if handle else ""))
            return
        origin = _Origin(os.getpid(), namespace_id(), context.device_index(device), selector.parent)
    for own in [own for own in _own if own[0] == origin]:
        own[1].detach()
        _own.remove(own)


@public
def create_clsact(device: str) -> bool:
    """Make the clsact qdisc of a device; return whether it was missing. An existing one is left as it is."""
    command = ModifyQdisc("add", QdiscSelector(device, CLSACT, Handle(0xFFFF, 0)), "clsact")
    with Context() as context:
        try:
            run(context, command)
        except NetlinkError as error:
            if error.errno == errno.EEXIST:
                return False
            raise
    return True
