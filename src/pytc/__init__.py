"""pytc: a tc(8)-compatible command line and library for BPF in Linux traffic control.

:mod:`pytc.bpf` reads and loads objects; the names here attach what it loaded. All are imported at first use.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytc.attach import AttachedFilter, attach_filter, create_clsact, detach_filter

__version__ = "0.1.0"
__all__ = ["AttachedFilter", "__version__", "attach_filter", "create_clsact", "detach_filter"]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.attach"), name)
    globals()[name] = value
    return value
