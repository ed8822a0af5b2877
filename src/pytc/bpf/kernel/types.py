"""Find types of a running kernel: those of vmlinux and, where it lacks a name, those of its modules."""

from __future__ import annotations

import os

from pytc.closing import Closing
from pytc.errors import ObjectError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from pytc.bpf.btf.types import Btf


class Module(NamedTuple):
    """The types of a kernel module, which continue those of vmlinux; ``id`` is that of the kernel's BTF object."""

    name: str
    btf: Btf
    id: int = 0


class Modules(NamedTuple):
    """The modules whose types can be read; ``problem`` says why others that are loaded are missing."""

    readable: tuple[Module, ...] = ()
    problem: str = ""


class KernelType(NamedTuple):
    """A type of the kernel: its number in ``btf``, which is that of vmlinux where ``module`` is 0, else of the module
    with this BTF object."""

    btf: Btf
    type_id: int
    module: int = 0


class KernelTypes(Closing):
    """The types of a kernel, read at their first use. Close it, or use it in a ``with`` block.

    ``vmlinux`` reads the kernel's types, ``modules`` those of its modules, which continue them; None for no modules.
    ``source`` names the origin of the former in messages.
    """

    def __init__(
        self, vmlinux: Callable[[], Btf], modules: Callable[[Btf], Modules] | None = None, source: str = "vmlinux"
    ) -> None:
        self._read_vmlinux = vmlinux
        self._read_modules = modules
        self._source = source
        self._vmlinux: Btf | None = None
        self._modules: Modules | None = None

    @property
    def has_asked_modules(self) -> bool:
        """Whether an answer depends on which modules are loaded."""
        return self._modules is not None

    def vmlinux(self) -> Btf:
        """Return the kernel's own types; raises ObjectError where they cannot be read."""
        if self._vmlinux is None:
            self._vmlinux = self._read_vmlinux()
        return self._vmlinux

    def find_in_vmlinux(self, names: Iterable[str], *kinds: int) -> dict[str, list[KernelType]]:
        """Return the types of each name and one of some kinds, whatever their flavour; raises ObjectError."""
        btf = self.vmlinux()
        return {name: [KernelType(btf, type_id) for type_id in ids] for name, ids in btf.named(names, *kinds).items()}

    def find_in_modules(self, names: Collection[str], *kinds: int) -> dict[str, list[KernelType]]:
        """Return such types of the loaded modules: for names that vmlinux lacks."""
        types: dict[str, list[KernelType]] = {}
        if self._modules is None:
            self._modules = self._read_modules(self.vmlinux()) if self._read_modules is not None else Modules()
        for module in self._modules.readable:
            try:
                ids_by_name = module.btf.named(names, *kinds)
            except ObjectError as error:  # the search may succeed in another module
                self._modules = self._modules._replace(problem=f'those of module "{module.name}": {error}')
                continue
            for name, ids in ids_by_name.items():
                types.setdefault(name, []).extend(KernelType(module.btf, type_id, module.id) for type_id in ids)
        return types

    def lacking(self) -> str:
        """Return a clause for messages that says where a name was searched in vain."""
        if self._read_modules is None:
            return f"{self._source} does not have it"
        modules, problem = self._modules or Modules()
        if problem:
            return f"{self._source} does not have it, and the types of modules cannot be read: {problem}"
        if not modules:
            return f"{self._source} does not have it, and no module with types is loaded"
        return f"neither {self._source} nor any of the {len(modules)} loaded modules with types has it"

    def hints(self, home: str = "") -> tuple[str, ...]:
        """Return hints about a missing name; ``home`` is the module that has it in most kernels, if known."""
        if self._read_modules is None or not os.path.exists("/proc/modules"):
            return ()
        loaded = {module.name for module in self._modules.readable} if self._modules is not None else set()
        if home and home not in loaded:
            return (f"in most kernels it belongs to the module {home}, which is not loaded: modprobe {home}",)
        return ("if it belongs to a kernel module that is not loaded, load that first with modprobe",)

    def close(self) -> None:
        """Release the memory; the types cannot be used afterwards."""
        for module in self._modules.readable if self._modules is not None else ():
            module.btf.close()
        if self._vmlinux is not None:
            self._vmlinux.close()
        self._modules = self._vmlinux = None
