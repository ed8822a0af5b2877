"""Attaching programs from Python.

>>> import pytc
>>> from pytc.bpf import ProgramType, load, read_object, select_program
>>> spec = read_object("bpf.o")
>>> with load(spec, select_program(spec), type=ProgramType.SCHED_CLS) as loaded:
...     pytc.create_clsact("em1")
...     pytc.attach_filter("em1", "ingress", loaded.program, direct_action=True)

The filter keeps the program after the descriptor is closed.
"""

import errno

from pytc.bpf.loader.program import Program
from pytc.commands.dispatch import run
from pytc.commands.filter.changes import send_filter
from pytc.commands.filter.delete import DeleteFilter
from pytc.commands.qdisc.add import ModifyQdisc
from pytc.commands.shared.context import Context
from pytc.errors import NetlinkError
from pytc.handles import CLSACT, EGRESS, INGRESS, Handle, parse_classid
from pytc.protocols import ALL
from pytc.tc.filters.requests import FilterChange
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.filters.bpf import KIND, BpfOptions
from pytc.tc.kinds.interface import OpenedProgram
from pytc.tc.qdiscs.selector import QdiscSelector

_POINTS = {"ingress": INGRESS, "egress": EGRESS}


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
) -> None:
    """Attaches a program as a ``bpf`` filter.

    ``parent`` is ``ingress``, ``egress``, or a class or qdisc like ``1:``; ``pref`` 0 and ``handle`` 0 let the
    kernel choose. ``name`` is what dumps show, by default the program's name. Raises DeviceNotFoundError,
    NetlinkError with the kernel's sentence, ValueError for a parent that is no handle.
    """
    selector = FilterSelector(device, _parent(parent), pref, protocol, chain, str(handle) if handle else "")
    options = BpfOptions(classid=parse_classid(classid) if classid else None, direct_action=direct_action)
    opened = OpenedProgram(program.fd, name or program.description.name)
    with Context() as context:
        send_filter(context, FilterChange("replace" if replace else "add", selector, KIND.name, options), opened)


def detach_filter(device: str, parent: str, *, pref: int = 0, handle: int = 0, chain: int | None = None) -> None:
    """Removes the filters of a parent: all, those of one ``pref``, or one by ``pref`` and ``handle``."""
    selector = FilterSelector(device, _parent(parent), pref, 0, chain, str(handle) if handle else "")
    with Context() as context:
        run(context, DeleteFilter("delete", selector, KIND.name if handle else ""))


def create_clsact(device: str) -> bool:
    """Makes the clsact qdisc of a device; returns whether it was missing. An existing one is left as it is."""
    command = ModifyQdisc("add", QdiscSelector(device, CLSACT, Handle(0xFFFF, 0)), "clsact")
    with Context() as context:
        try:
            run(context, command)
        except NetlinkError as error:
            if error.errno == errno.EEXIST:
                return False
            raise
    return True


def _parent(word: str) -> Handle:
    return _POINTS.get(word) or parse_classid(word)
