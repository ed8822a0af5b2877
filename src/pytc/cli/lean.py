"""Cheap imports for the command-line process.

``import pyroute2`` costs more than ten bare interpreters, and any ``pyroute2.x`` runs the package's ``__init__``.
:func:`prepare` puts a bare package object in its place, so that only the submodules that pytc names are loaded, and
stand-ins for standard modules that the libraries import but hardly ever use; a stand-in becomes the real module
as soon as anything is asked of it.

For the ``pytc`` process only: a library user's own ``import pyroute2`` must work, so nothing outside
:mod:`pytc.cli` calls this.
"""

import sys
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

#: Imported by pyroute2.netlink and elftools at their top, and used by neither on our way.
_SELDOM = ("dataclasses", "inspect", "logging", "multiprocessing", "pdb", "platform", "pprint", "selectors",
           "threading", "traceback", "weakref")


class StandIn(ModuleType):
    """A module that is imported when it is first used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        __import__(self.__name__)
        real = sys.modules[self.__name__]
        self.__dict__.update(real.__dict__)
        return getattr(real, name)


class SocketStandIn(StandIn):
    """``socket`` costs as much as half an interpreter for its enums; constants and plain functions are in
    ``_socket`` already."""

    def __getattr__(self, name: str) -> Any:
        import _socket

        if name.startswith(("AF_", "SOCK_", "SO_", "SOL_")) or name in ("inet_ntop", "inet_pton", "htons", "ntohs"):
            return getattr(_socket, name)
        return super().__getattr__(name)


def prepare() -> None:
    """Arranges the imports of this process; does nothing where a module is loaded already."""
    for name in _SELDOM:
        if name not in sys.modules:
            sys.modules[name] = StandIn(name)
    if "socket" not in sys.modules:
        sys.modules["socket"] = SocketStandIn("socket")
    if "pyroute2" not in sys.modules:
        spec = PathFinder.find_spec("pyroute2")
        if spec is not None and spec.submodule_search_locations:
            package = ModuleType("pyroute2")
            package.__path__ = list(spec.submodule_search_locations)
            sys.modules["pyroute2"] = package
