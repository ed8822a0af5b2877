"""Cheap imports for the command-line process.

``import pyroute2`` costs more than ten bare interpreters, and any ``pyroute2.x`` runs the package's ``__init__``.
:func:`prepare` puts a bare package object in its place, so that only the submodules that pytc names are loaded, and
stand-ins for standard modules that the libraries import but hardly ever use; a stand-in becomes the real module
as soon as anything is asked of it.

For the ``pytc`` process only: a library user's own ``import pyroute2`` must work, so nothing outside
:mod:`pytc.cli` calls this.
"""

import sys
from collections.abc import Callable, Mapping
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

#: Imported by pyroute2.netlink and elftools at their top, and used by neither on our way.
_SELDOM = (
    "dataclasses",
    "inspect",
    "logging",
    "multiprocessing",
    "pdb",
    "platform",
    "pprint",
    "selectors",
    "socket",
    "threading",
    "traceback",
    "weakref",
)


_PACKAGES = ("logging", "multiprocessing")


class StandIn(ModuleType):
    """A module that is imported when something is asked of it that ``ready`` does not have."""

    def __init__(self, name: str, ready: Mapping[str, Any]) -> None:
        super().__init__(name)
        self.__dict__.update(ready)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and not (name == "__path__" and self.__name__ in _PACKAGES):
            raise AttributeError(name)
        return getattr(self._load(), name)

    def _load(self) -> ModuleType:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        __import__(self.__name__)
        real = sys.modules[self.__name__]
        self.__dict__.update(real.__dict__)
        return real


class Logger:
    """What ``logging.getLogger`` gives as long as nothing is logged."""

    def __init__(self, name: str | None = None) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        module = sys.modules["logging"]
        real = module._load() if isinstance(module, StandIn) else module
        return getattr(real.getLogger(self._name), attribute)


def _socket_names() -> dict[str, Any]:
    """``socket`` costs as much as half an interpreter for its enums; the plain numbers and functions are in
    ``_socket`` already."""
    import _socket

    names = {
        name: value
        for name, value in vars(_socket).items()
        if name.startswith("AF_") or name in ("inet_ntop", "inet_pton")
    }
    return {**names, "AddressFamily": int}


def _thread_names() -> dict[str, Any]:
    import _thread

    # The interpreter calls _shutdown at its end; there are no threads to wait for where nothing made one.
    return {"Lock": _thread.allocate_lock, "RLock": _thread.RLock, "local": _thread._local, "_shutdown": lambda: None}


def _weakref_names() -> dict[str, Any]:
    import _weakref

    return {"ref": _weakref.ref, "proxy": _weakref.proxy}


_READY: dict[str, Callable[[], Mapping[str, Any]]] = {
    "socket": _socket_names,
    "threading": _thread_names,
    "weakref": _weakref_names,
    "logging": lambda: {"getLogger": Logger},
}


def prepare() -> None:
    """Arranges the imports of this process; does nothing where a module is loaded already."""
    for name in _SELDOM:
        if name not in sys.modules:
            sys.modules[name] = StandIn(name, _READY.get(name, dict)())
    if "pyroute2" not in sys.modules:
        spec = PathFinder.find_spec("pyroute2")
        if spec is not None and spec.submodule_search_locations:
            package = ModuleType("pyroute2")
            package.__path__ = list(spec.submodule_search_locations)
            sys.modules["pyroute2"] = package
