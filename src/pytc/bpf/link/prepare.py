"""Link programs for the running kernel: the part of a load that creates nothing."""

from __future__ import annotations

from pytc.bpf.link.tail_calls import link_with_tail_calls
from pytc.contexts import ExitStack
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from pytc.bpf.kernel.types import KernelTypes
    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.link.tail_calls import LinkedSet, TailCall
    from pytc.bpf.object.spec import ExternValue, MapSpec, ObjectSpec, ProgramSpec
    from pytc.bpf.sys.constants import ProgramType


class Prepared(NamedTuple):
    """Programs with all that their tail calls reach, in that order; a target has the type of its caller.

    ``externs`` are the kernel's variables and functions that they use, ``module_fds`` the descriptors of modules' types
    that these refer to by position. ``is_cacheable`` is True where no module of the kernel has been asked, so that the
    next load gives the same. ``used`` are the maps that the programs refer to, and the maps in their slots.
    """

    programs: list[LinkedProgram]
    types: list[ProgramType]
    tail_calls: list[tuple[TailCall, ProgramType]]
    externs: Mapping[str, ExternValue]
    module_fds: list[int]
    is_cacheable: bool
    used: frozenset[str] = frozenset()


def prepare(
    spec: ObjectSpec,
    programs: Sequence[tuple[ProgramSpec, ProgramType]],
    kernel_btf: str,
    open_module: Callable[[int], int],
) -> Prepared:
    """Return programs linked for the running kernel, with all that their tail calls reach.

    ``kernel_btf`` names a file with the kernel's types, empty for /sys/kernel/btf/vmlinux. ``open_module`` returns a
    descriptor of a module's types by the id of their BTF object. Raises ObjectError.
    """
    with ExitStack() as reading:
        preparing = _Preparing(spec, kernel_btf, reading)
        linked = preparing.link(programs)
        externs, module_fds = preparing.externs(linked.programs, open_module)
        return Prepared(
            linked.programs,
            linked.types,
            linked.tail_calls,
            externs,
            module_fds,
            not preparing.has_asked_modules,
            used_maps(spec, linked.programs),
        )


def used_maps(spec: ObjectSpec, linked: Iterable[LinkedProgram]) -> frozenset[str]:
    """Return the names of the maps that linked programs refer to, and of the maps in their slots."""
    used = {reference.name for program in linked for reference in program.maps}
    members = {member for name in used for _, member in spec.maps[name].slots}
    return frozenset(used | members & spec.maps.keys())


def wanted_maps(specs: Iterable[MapSpec], used: Collection[str]) -> list[MapSpec]:
    """Return the maps that somebody would ever see: those that programs use, and those that are pinned."""
    return [spec for spec in specs if spec.name in used or spec.pinning or spec.reuse]


class _Preparing:
    """The steps of :func:`prepare`; reads the kernel's types at their first use."""

    def __init__(self, spec: ObjectSpec, kernel_btf: str, reading: ExitStack) -> None:
        self._spec = spec
        self._kernel_btf = kernel_btf
        self._reading = reading
        self._kernel: KernelTypes | None = None

    @property
    def has_asked_modules(self) -> bool:
        """Whether the result depends on which modules are loaded."""
        return self._kernel is not None and self._kernel.has_asked_modules

    def _kernel_types(self) -> KernelTypes:
        if self._kernel is None:
            from pytc.bpf.kernel.modules import kernel_types

            self._kernel = self._reading.enter_context(kernel_types(self._kernel_btf))
        return self._kernel

    def link(self, programs: Sequence[tuple[ProgramSpec, ProgramType]]) -> LinkedSet:
        """Link the programs, with CO-RE where the object has relocations for it."""
        core = None
        if self._spec.btf is not None and self._spec.btf_ext is not None and self._spec.btf_ext.core.by_section:
            from pytc.bpf.link.core_relocations import CoreResolver

            core = CoreResolver(self._spec.btf, self._spec.btf_ext, self._kernel_types())
        return link_with_tail_calls(self._spec, programs, core)

    def externs(
        self, linked: Iterable[LinkedProgram], open_module: Callable[[int], int]
    ) -> tuple[dict[str, ExternValue], list[int]]:
        """Return the kernel's variables and functions that the programs use, and the descriptors of modules' types."""
        used = {use.name for program in linked for use in program.externs}
        if not used or self._spec.btf is None:
            return {}, []
        from pytc.bpf.kernel.symbols import symbol_addresses
        from pytc.bpf.link.externs import ExternResolver

        resolver = ExternResolver(self._spec.btf, self._kernel_types(), symbol_addresses, open_module)
        values = resolver.resolve([self._spec.externs[name] for name in sorted(used)])
        return values, resolver.module_fds
