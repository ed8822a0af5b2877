"""Resolve the externs of an object in a kernel: their addresses, types, modules and values."""

from __future__ import annotations

from pytc.bpf.btf import types as b
from pytc.bpf.btf.text import type_text
from pytc.bpf.link.core_match import types_agree, without_flavour
from pytc.bpf.object.spec import FUNCTION, ExternValue
from pytc.errors import ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytc.bpf.btf.types import Btf
    from pytc.bpf.kernel.types import KernelType, KernelTypes
    from pytc.bpf.object.spec import ExternSpec

#: The modules of functions that programs of tc are often made for, by how their names begin.
_HOMES = (("bpf_ct_set_nat_info", "nf_nat"), ("bpf_ct_", "nf_conntrack"), ("bpf_skb_ct_", "nf_conntrack"))


class ExternResolver:
    """A resolver of externs for a running kernel.

    ``addresses`` returns the addresses of symbols without types, ``open_module`` a descriptor of a module's types by
    their BTF object's id.
    """

    def __init__(
        self,
        spec_btf: Btf,
        kernel: KernelTypes,
        addresses: Callable[[set[str]], dict[str, int]],
        open_module: Callable[[int], int],
    ) -> None:
        self._btf = spec_btf
        self._kernel = kernel
        self._addresses = addresses
        self._open_module = open_module
        self.module_fds: list[int] = []
        """Modules whose functions the program uses; ``module_index`` counts them from 1."""

    def resolve(self, externs: list[ExternSpec]) -> dict[str, ExternValue]:
        """Return values of externs by name; raises ObjectError for one that is missing and not weak."""
        types = self._locate([e for e in externs if e.type_id])
        values = {e.name: self._typed(e, types.get(e.name)) for e in externs if e.type_id}
        untyped = [e for e in externs if not e.type_id]
        if untyped:
            addresses = self._addresses({e.name for e in untyped})
            values.update({e.name: self._untyped(e, addresses) for e in untyped})
        return values

    def _locate(self, externs: list[ExternSpec]) -> dict[str, KernelType]:
        """Return the kernel types of externs by name: vmlinux's or, where it lacks one, those of the first module that
        has it."""
        types: dict[str, KernelType] = {}
        for search in (self._kernel.find_in_vmlinux, self._kernel.find_in_modules):
            missing = [e for e in externs if e.name not in types]
            candidates = search({without_flavour(e.name) for e in missing}, b.FUNC, b.VAR) if missing else {}
            for extern in missing:
                match = next(
                    (
                        candidate
                        for candidate in candidates.get(without_flavour(extern.name), ())
                        if _matches(extern, candidate)
                    ),
                    None,
                )
                if match is not None:
                    types[extern.name] = match
        return types

    def _typed(self, extern: ExternSpec, type: KernelType | None) -> ExternValue:
        if type is None:
            if extern.is_weak:
                return ExternValue()
            raise ObjectError(
                f'this kernel has no {extern.kind} "{extern.name}" that BPF programs may use: {self._kernel.lacking()}',
                hints=self._missing_hints(extern),
            )
        if not types_agree(self._btf, extern.type_id, type.btf, type.btf.referred(type.type_id)):
            if extern.is_weak and extern.kind == FUNCTION:  # a declaration with another flavour may fit
                return ExternValue()
            theirs = type_text(type.btf, type.btf.referred(type.type_id), without_flavour(extern.name))
            raise ObjectError(
                f'the kernel\'s {extern.kind} "{extern.name}" has a different type than the object declares: '
                f"the kernel has {theirs}, the object {type_text(self._btf, extern.type_id, extern.name)}"
            )
        if not type.module:
            return ExternValue(type.type_id)
        fd = self._open_module(type.module)
        if extern.kind == FUNCTION and fd not in self.module_fds:
            self.module_fds.append(fd)
        return ExternValue(
            type.type_id, module_fd=fd, module_index=self.module_fds.index(fd) + 1 if extern.kind == FUNCTION else 0
        )

    def _missing_hints(self, extern: ExternSpec) -> tuple[str, ...]:
        home = next((module for start, module in _HOMES if extern.name.startswith(start)), "")
        return (
            *self._kernel.hints(home),
            f'a program that can do without "{extern.name}" should declare it __weak (extern in '
            ".ksyms) and check it first",
        )

    def _untyped(self, extern: ExternSpec, addresses: dict[str, int]) -> ExternValue:
        address = addresses.get(extern.name, 0)
        if not address and not extern.is_weak:
            raise ObjectError(f'this kernel has no symbol "{extern.name}" in /proc/kallsyms (extern in .ksyms)')
        return ExternValue(address=address)


def _matches(extern: ExternSpec, candidate: KernelType) -> bool:
    kind = b.FUNC if extern.kind == FUNCTION else b.VAR
    return candidate.btf.kind(candidate.type_id) == kind and candidate.btf.name(candidate.type_id) == without_flavour(
        extern.name
    )
