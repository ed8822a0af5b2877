"""Read externs: the symbols that an object leaves to the kernel to define.

``.ksyms``: variables and functions of the kernel; ``.kconfig``: its configuration. An undefined symbol is one of them
when the object's BTF has it in the DATASEC of that name. :mod:`pytc.bpf.link.externs` finds them in a kernel.
"""

from __future__ import annotations

from pytc.bpf.btf import types as b
from pytc.bpf.object.elf import UNDEFINED, WEAK
from pytc.bpf.object.spec import DATA, FUNCTION, KCONFIG, KSYMS, SETTING, VARIABLE, ExternSpec, MapSpec
from pytc.bpf.sys.constants import F_MMAPABLE, F_RDONLY_PROG, MapType
from pytc.errors import ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytc.bpf.btf.types import Btf, SectionVariable
    from pytc.bpf.object.elf import ElfImage

_MOST_SETTINGS = 1 << 20


def read_externs(image: ElfImage, btf: Btf | None) -> dict[str, ExternSpec]:
    """Return the externs that the object declares and uses, by name."""
    if btf is None:
        return {}
    undefined = {s.name: s for s in image.symbols if s.section == UNDEFINED and s.name}
    externs = []
    for section in (KCONFIG, KSYMS):
        for variable in btf.section_variables(btf.data_section(section)) if btf.data_section(section) else ():
            symbol = undefined.get(variable.name)
            if symbol is not None:
                externs.append(_spec(btf, section, variable, symbol.binding == WEAK))
    return _in_order(btf, externs)


def _spec(btf: Btf, section: str, variable: SectionVariable, is_weak: bool) -> ExternSpec:
    if btf.kind(variable.variable_id) == b.FUNC:
        return ExternSpec(variable.name, FUNCTION, variable.type_id, is_weak, variable.variable_id)
    if section == KSYMS:
        type_id = variable.type_id if btf.kind(btf.resolve(variable.type_id)) != b.VOID else 0
        return ExternSpec(variable.name, VARIABLE, type_id, is_weak, variable.variable_id)
    return ExternSpec(
        variable.name, SETTING, variable.type_id, is_weak, variable.variable_id, btf.size(variable.type_id)
    )


def _in_order(btf: Btf, externs: list[ExternSpec]) -> dict[str, ExternSpec]:
    """Return externs in libbpf's order: settings by falling alignment and rising size, then the others; each by
    name."""
    settings = sorted(
        (e for e in externs if e.kind == SETTING), key=lambda e: (-_alignment(btf, e.type_id), e.size, e.name)
    )
    result, offset = {}, 0
    for number, extern in enumerate(
        [*settings, *sorted((e for e in externs if e.kind != SETTING), key=lambda e: e.name)]
    ):
        if extern.kind == SETTING:
            alignment = _alignment(btf, extern.type_id)
            offset = -(-offset // alignment) * alignment
        result[extern.name] = extern._replace(offset=offset if extern.kind == SETTING else 0, number=number)
        offset += extern.size
    return result


def _alignment(btf: Btf, type_id: int) -> int:
    type_id = btf.resolve(type_id)
    while btf.kind(type_id) == b.ARRAY:
        type_id = btf.resolve(btf.array(type_id).element)
    return max(min(btf.size(type_id), 8), 1)


def kconfig_map(externs: Mapping[str, ExternSpec], btf: Btf | None) -> MapSpec | None:
    """Return the map for the settings, without contents; None where there are none."""
    settings = [e for e in externs.values() if e.kind == SETTING]
    if not settings or btf is None:
        return None
    size = max(e.offset + e.size for e in settings)
    if size > _MOST_SETTINGS:
        raise ObjectError(f"the externs of .kconfig take {size} bytes; the limit is {_MOST_SETTINGS}")
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
