"""BPF programs in Linux traffic control: load, attach, inspect and test them, with nothing but Python.

Load an object, attach a program, and work with its maps:

>>> import pytc
>>> with pytc.load("examples/bpf/firewall.o", pin=False) as firewall:
...     with firewall.programs.firewall.attach_tcx("em1", "ingress"):
...         firewall.maps.settings[0] = {"enabled": True}
...         firewall.maps.verdicts["192.0.2.7"] = {"action": "DROP"}
...         for event in firewall.maps.notices.events(timeout=0):
...             print(event.source, event.length)

========================  ==============================================================================
load and look             :func:`load`, :class:`Object`, :class:`Program`, :class:`Map`, :class:`Variables`
attach                    :meth:`Program.attach_filter`, ``attach_tcx``, ``attach_netkit``, ``attach_cgroup``
what is attached          :class:`Attachment`; :func:`hooks`, :func:`attachments`, :func:`cgroup_programs`
traffic control           :func:`filters`, :func:`qdiscs`, :func:`classes`, :func:`chains`, :func:`actions`,
                          :func:`monitor`, :func:`command`
programs, maps and links  :func:`programs`, :func:`maps`, :func:`links`, :func:`pins`
this kernel               :mod:`pytc.features`
files                     :func:`lint`, :func:`inspect`
errors                    :class:`PytcError` and its kinds in :mod:`pytc.errors`; :func:`explain`
namespaces, processes     :func:`netns`; :meth:`Object.export`, :func:`receive_maps`; :func:`from_pyroute2`
tests                     :mod:`pytc.testing`, a plugin of pytest
========================  ==============================================================================

All names are imported when they are first used. docs/python.md is the reference, and says what stays as it is from one
version to the next. ``logging.getLogger("pytc")`` logs each step at level DEBUG.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc import bpf as bpf
    from pytc import errors as errors
    from pytc import features as features
    from pytc.api.attachments import Attachment as Attachment
    from pytc.api.attachments import CgroupAttachment as CgroupAttachment
    from pytc.api.attachments import DeviceAttachment as DeviceAttachment
    from pytc.api.attachments import XdpAttachment as XdpAttachment
    from pytc.api.checks import explain as explain
    from pytc.api.checks import inspect as inspect
    from pytc.api.checks import lint as lint
    from pytc.api.commands import command as command
    from pytc.api.creation import create_map as create_map
    from pytc.api.events import Event as Event
    from pytc.api.events import EventStream as EventStream
    from pytc.api.filters import FilterAttachment as FilterAttachment
    from pytc.api.foreign import from_pyroute2 as from_pyroute2
    from pytc.api.listing import Pin as Pin
    from pytc.api.listing import attachments as attachments
    from pytc.api.listing import cgroup_programs as cgroup_programs
    from pytc.api.listing import hooks as hooks
    from pytc.api.listing import links as links
    from pytc.api.listing import maps as maps
    from pytc.api.listing import pins as pins
    from pytc.api.listing import programs as programs
    from pytc.api.maps import Map as Map
    from pytc.api.monitor import Monitor as Monitor
    from pytc.api.monitor import TrafficChange as TrafficChange
    from pytc.api.monitor import monitor as monitor
    from pytc.api.namespaces import netns as netns
    from pytc.api.objects import Object as Object
    from pytc.api.objects import load as load
    from pytc.api.programs import Program as Program
    from pytc.api.runs import PacketResult as PacketResult
    from pytc.api.traffic import Action as Action
    from pytc.api.traffic import Chain as Chain
    from pytc.api.traffic import Filter as Filter
    from pytc.api.traffic import Qdisc as Qdisc
    from pytc.api.traffic import TrafficClass as TrafficClass
    from pytc.api.traffic import actions as actions
    from pytc.api.traffic import chains as chains
    from pytc.api.traffic import classes as classes
    from pytc.api.traffic import filters as filters
    from pytc.api.traffic import qdiscs as qdiscs
    from pytc.api.transfer import ReceivedMaps as ReceivedMaps
    from pytc.api.transfer import receive_maps as receive_maps
    from pytc.api.variables import Variables as Variables
    from pytc.api.watch import ElementChange as ElementChange
    from pytc.api.watch import MapWatch as MapWatch
    from pytc.attach import AttachedFilter as AttachedFilter
    from pytc.attach import attach_filter as attach_filter
    from pytc.attach import create_clsact as create_clsact
    from pytc.attach import detach_filter as detach_filter
    from pytc.bpf.sys.constants import MapType as MapType
    from pytc.bpf.sys.constants import ProgramType as ProgramType
    from pytc.bpf.sys.links import Link as Link
    from pytc.errors import PytcError as PytcError
    from pytc.errors import VerifierError as VerifierError

__version__ = "0.1.0"

# The module of each public name, imported at its first use: the command line pays for none of them. Type checkers read
# the imports above; tests/test_architecture.py compares the two.
_HOMES = {
    "Action": "api.traffic",
    "AttachedFilter": "attach",
    "Attachment": "api.attachments",
    "CgroupAttachment": "api.attachments",
    "Chain": "api.traffic",
    "DeviceAttachment": "api.attachments",
    "ElementChange": "api.watch",
    "Event": "api.events",
    "EventStream": "api.events",
    "Filter": "api.traffic",
    "FilterAttachment": "api.filters",
    "Link": "bpf.sys.links",
    "Map": "api.maps",
    "MapType": "bpf.sys.constants",
    "MapWatch": "api.watch",
    "Monitor": "api.monitor",
    "Object": "api.objects",
    "PacketResult": "api.runs",
    "Pin": "api.listing",
    "Program": "api.programs",
    "ProgramType": "bpf.sys.constants",
    "PytcError": "errors",
    "Qdisc": "api.traffic",
    "ReceivedMaps": "api.transfer",
    "TrafficChange": "api.monitor",
    "TrafficClass": "api.traffic",
    "Variables": "api.variables",
    "VerifierError": "errors",
    "XdpAttachment": "api.attachments",
    "actions": "api.traffic",
    "attach_filter": "attach",
    "attachments": "api.listing",
    "cgroup_programs": "api.listing",
    "chains": "api.traffic",
    "classes": "api.traffic",
    "command": "api.commands",
    "create_clsact": "attach",
    "create_map": "api.creation",
    "detach_filter": "attach",
    "explain": "api.checks",
    "filters": "api.traffic",
    "from_pyroute2": "api.foreign",
    "hooks": "api.listing",
    "inspect": "api.checks",
    "links": "api.listing",
    "lint": "api.checks",
    "load": "api.objects",
    "maps": "api.listing",
    "monitor": "api.monitor",
    "netns": "api.namespaces",
    "pins": "api.listing",
    "programs": "api.listing",
    "qdiscs": "api.traffic",
    "receive_maps": "api.transfer",
}
_MODULES = ("bpf", "errors", "features")

__all__ = ["__version__", *_MODULES, *_HOMES]  # noqa: PLE0604 (names, all of them)


if not TYPE_CHECKING:  # or they would take any name

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name in _MODULES:
            return import_module(f"{__name__}.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__])
        value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
