"""Externs: what an object leaves to the kernel to define.

``.ksyms``: variables and functions of the kernel; ``.kconfig``: its configuration. An undefined symbol is one of them
when the object's BTF has it in the DATASEC of that name. Sections of this module: what the object says
(:func:`read_externs`), and what a kernel answers (:class:`ExternResolver`).
"""

from collections.abc import Callable, Mapping

from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf, SectionVariable
from pytc.bpf.kernel.types import KernelTypes, Place
from pytc.bpf.link.core_match import essential, types_agree
from pytc.bpf.object.elf import UNDEFINED, WEAK, ElfImage
from pytc.bpf.object.spec import DATA, FUNCTION, KCONFIG, KSYMS, SETTING, VARIABLE, ExternSpec, ExternValue, MapSpec
from pytc.bpf.sys.constants import F_MMAPABLE, F_RDONLY_PROG, MapType
from pytc.errors import ObjectError

_MOST_SETTINGS = 1 << 20
#: The modules of functions that programs of tc are often made for, by how their names begin.
_HOMES = (("bpf_ct_set_nat_info", "nf_nat"), ("bpf_ct_", "nf_conntrack"), ("bpf_skb_ct_", "nf_conntrack"))


def read_externs(image: ElfImage, btf: Btf | None) -> dict[str, ExternSpec]:
    """The externs that the object declares and uses, by name."""
    if btf is None:
        return {}
    undefined = {s.name: s for s in image.symbols if s.section == UNDEFINED and s.name}
    found = []
    for section in (KCONFIG, KSYMS):
        for variable in btf.section_variables(btf.data_section(section)) if btf.data_section(section) else ():
            symbol = undefined.get(variable.name)
            if symbol is not None:
                found.append(_spec(btf, section, variable, symbol.binding == WEAK))
    return _in_order(btf, found)


def _spec(btf: Btf, section: str, variable: SectionVariable, is_weak: bool) -> ExternSpec:
    if btf.kind(variable.variable_id) == b.FUNC:
        return ExternSpec(variable.name, FUNCTION, variable.type_id, is_weak, variable.variable_id)
    if section == KSYMS:
        type_id = variable.type_id if btf.kind(btf.resolve(variable.type_id)) != b.VOID else 0
        return ExternSpec(variable.name, VARIABLE, type_id, is_weak, variable.variable_id)
    return ExternSpec(
        variable.name, SETTING, variable.type_id, is_weak, variable.variable_id, btf.size(variable.type_id)
    )


def _in_order(btf: Btf, found: list[ExternSpec]) -> dict[str, ExternSpec]:
    """libbpf's order: settings by falling alignment and rising size, then the others; each by name."""
    settings = sorted(
        (e for e in found if e.kind == SETTING), key=lambda e: (-_alignment(btf, e.type_id), e.size, e.name)
    )
    result, offset = {}, 0
    for number, one in enumerate([*settings, *sorted((e for e in found if e.kind != SETTING), key=lambda e: e.name)]):
        if one.kind == SETTING:
            alignment = _alignment(btf, one.type_id)
            offset = -(-offset // alignment) * alignment
        result[one.name] = one._replace(offset=offset if one.kind == SETTING else 0, number=number)
        offset += one.size
    return result


def _alignment(btf: Btf, type_id: int) -> int:
    type_id = btf.resolve(type_id)
    while btf.kind(type_id) == b.ARRAY:
        type_id = btf.resolve(btf.array(type_id)[0])
    return max(min(btf.size(type_id), 8), 1)


def kconfig_map(externs: Mapping[str, ExternSpec], btf: Btf | None) -> MapSpec | None:
    """The map that holds the settings, without contents yet; None where there are none."""
    settings = [e for e in externs.values() if e.kind == SETTING]
    if not settings or btf is None:
        return None
    size = max(e.offset + e.size for e in settings)
    if size > _MOST_SETTINGS:
        raise ObjectError(f"the externs of .kconfig take {size} bytes; {_MOST_SETTINGS} are the most")
    return MapSpec(
        KCONFIG,
        MapType.ARRAY,
        4,
        size,
        1,
        F_RDONLY_PROG | F_MMAPABLE,
        origin=DATA,
        value_type_id=btf.data_section(KCONFIG),
        section=KCONFIG,
        frozen=True,
    )


class ExternResolver:
    """Finds externs in a running kernel. ``addresses`` gives the addresses of symbols without types, ``open_module`` a
    descriptor of a module's types by their BTF object's id."""

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
        """Of the modules whose functions are used: what ``module_index`` counts from 1 on."""

    def resolve(self, externs: list[ExternSpec]) -> dict[str, ExternValue]:
        """Values by name; raises ObjectError for one that is missing and not weak."""
        places = self._places([e for e in externs if e.type_id])
        values = {e.name: self._typed(e, places.get(e.name)) for e in externs if e.type_id}
        untyped = [e for e in externs if not e.type_id]
        if untyped:
            addresses = self._addresses({e.name for e in untyped})
            values.update({e.name: self._untyped(e, addresses) for e in untyped})
        return values

    def _places(self, externs: list[ExternSpec]) -> dict[str, Place]:
        """Where typed externs are: in vmlinux or else in the first module that has them."""
        found: dict[str, Place] = {}
        for search in (self._kernel.in_vmlinux, self._kernel.in_modules):
            wanted = [e for e in externs if e.name not in found]
            candidates = search({essential(e.name) for e in wanted}, b.FUNC, b.VAR) if wanted else {}
            for extern in wanted:
                place = next((one for one in candidates.get(essential(extern.name), ()) if _is_it(extern, one)), None)
                if place is not None:
                    found[extern.name] = place
        return found

    def _typed(self, extern: ExternSpec, place: Place | None) -> ExternValue:
        if place is None:
            if extern.is_weak:
                return ExternValue()
            raise ObjectError(
                f'this kernel has no {extern.kind} "{extern.name}" that BPF programs may use: {self._kernel.lacking()}',
                hints=self._missing_hints(extern),
            )
        if not types_agree(self._btf, extern.type_id, place.btf, place.btf.referred(place.type_id)):
            if extern.is_weak and extern.kind == FUNCTION:  # a declaration with another flavour may fit
                return ExternValue()
            raise ObjectError(f'the kernel\'s {extern.kind} "{extern.name}" has another type than the object declares')
        if not place.module:
            return ExternValue(place.type_id)
        fd = self._open_module(place.module)
        if extern.kind == FUNCTION and fd not in self.module_fds:
            self.module_fds.append(fd)
        return ExternValue(
            place.type_id, module_fd=fd, module_index=self.module_fds.index(fd) + 1 if extern.kind == FUNCTION else 0
        )

    def _missing_hints(self, extern: ExternSpec) -> tuple[str, ...]:
        home = next((module for start, module in _HOMES if extern.name.startswith(start)), "")
        return (
            *self._kernel.hints(home),
            f'a program that can do without "{extern.name}" declares it __weak (extern in .ksyms), and asks first',
        )

    def _untyped(self, extern: ExternSpec, addresses: dict[str, int]) -> ExternValue:
        address = addresses.get(extern.name, 0)
        if not address and not extern.is_weak:
            raise ObjectError(f'this kernel has no symbol "{extern.name}" in /proc/kallsyms (extern in .ksyms)')
        return ExternValue(address=address)


def _is_it(extern: ExternSpec, place: Place) -> bool:
    wanted = b.FUNC if extern.kind == FUNCTION else b.VAR
    return place.btf.kind(place.type_id) == wanted and place.btf.name(place.type_id) == essential(extern.name)
