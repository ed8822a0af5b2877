"""What vmlinux lacks is looked for in modules: externs and CO-RE, with types made by hand."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pytc.bpf.btf import types as b
from pytc.bpf.btf.ext import BtfExt, CoreRelocation, Records
from pytc.bpf.btf.types import Btf
from pytc.bpf.kernel.types import KernelTypes, Module, Modules
from pytc.bpf.link.core_relocations import (
    ENUMVAL_VALUE,
    FIELD_BYTE_OFFSET,
    FIELD_EXISTS,
    TYPE_EXISTS,
    TYPE_ID_TARGET,
    TYPE_SIZE,
    CoreResolver,
)
from pytc.bpf.link.externs import ExternResolver
from pytc.bpf.link.linker import ExternReference, LinkedProgram, calls_modules, patch
from pytc.bpf.object.spec import (
    FUNCTION,
    POISON_FUNCTION,
    VARIABLE,
    ExternSpec,
    ExternValue,
    FunctionSpec,
    ProgramSpec,
)
from pytc.errors import ObjectError
from tests.btf_writer import BtfWriter
from tests.elf_writer import EXIT, address, call

if TYPE_CHECKING:
    from pytc.bpf.object.spec import (
        ExternKind,
    )


def function(writer: BtfWriter, name: str, returns: int) -> int:
    return writer.add(b.FUNC, name, writer.add(b.FUNC_PROTO, "", returns), count=1)


class Kernel(NamedTuple):
    """A vmlinux and modules; ``asked`` has an entry for each time that the modules were read."""

    types: KernelTypes
    vmlinux: Btf
    modules: list[Btf]
    asked: list[Btf]


@pytest.fixture
def kernel() -> Kernel:
    """vmlinux has ``int``, ``here()`` and struct ``common``; the modules ``there()``, ``both()`` and more."""
    base = BtfWriter()
    number = base.integer()
    base.structure("common", 8, [("first", number, 0), ("second", number, 32)])
    function(base, "here", number)
    vmlinux = base.parsed()
    one, two = BtfWriter(base), BtfWriter(base)
    one.structure("only_there", 16, [("padding", number, 0), ("member", number, 64)])
    function(one, "there", number)
    function(one, "both", number)
    one.enum("states", [("ON", 5)])
    one.structure("common", 8, [("second", number, 0), ("first", number, 32)])
    one.structure("alike", 4, [("member", number, 0)])
    one.structure("unlike", 4, [("member", number, 0)])
    two.add(b.TYPEDEF, "filler", number)
    function(two, "both", number)
    two.variable("counter", number)
    two.structure("alike", 4, [("member", number, 0)])
    two.structure("unlike", 8, [("before", number, 0), ("member", number, 32)])
    modules = [one.parsed(vmlinux), two.parsed(vmlinux)]
    asked: list[Btf] = []

    def read(given: Btf) -> Modules:
        asked.append(given)
        return Modules(tuple(Module(f"module{i}", btf, 70 + i) for i, btf in enumerate(modules)))

    return Kernel(KernelTypes(lambda: vmlinux, read), vmlinux, modules, asked)


class TestExterns:
    """``.ksyms``: functions and variables with types."""

    def resolve(
        self, types: KernelTypes, *wanted: tuple[str, ExternKind], weak: bool = False, returns: str = ""
    ) -> tuple[dict[str, ExternValue], list[int]]:
        """Of externs that return, or are, ``int``, or else a pointer to a struct; descriptors are id + 1000."""
        writer = BtfWriter()
        of = writer.pointer(writer.structure(returns, 0, [])) if returns else writer.integer()
        prototype = writer.add(b.FUNC_PROTO, "", of)
        resolver = ExternResolver(writer.parsed(), types, lambda names: {}, lambda number: number + 1000)
        found = resolver.resolve(
            [ExternSpec(name, kind, prototype if kind == FUNCTION else of, weak, 0) for name, kind in wanted]
        )
        return found, resolver.module_fds

    def test_of_vmlinux_need_no_module(self, kernel: Kernel) -> None:
        found, fds = self.resolve(kernel.types, ("here", FUNCTION))
        assert found == {"here": ExternValue(kernel.vmlinux.find("here", b.FUNC))}
        assert (fds, kernel.asked) == ([], [])

    def test_of_modules_come_with_a_descriptor(self, kernel: Kernel) -> None:
        found, fds = self.resolve(kernel.types, ("counter", VARIABLE), ("here", FUNCTION), ("there", FUNCTION))
        assert found["counter"] == ExternValue(kernel.modules[1].find("counter", b.VAR), module_fd=1071)
        assert found["there"] == ExternValue(kernel.modules[0].find("there", b.FUNC), module_fd=1070, module_index=1)
        assert found["here"].module_fd == 0
        assert fds == [1070]
        assert kernel.asked == [kernel.vmlinux]

    def test_ids_of_modules_go_on_where_vmlinux_ends(self, kernel: Kernel) -> None:
        found, _ = self.resolve(kernel.types, ("there", FUNCTION))
        assert found["there"].btf_id >= len(kernel.vmlinux)

    def test_of_two_modules_the_first_counts(self, kernel: Kernel) -> None:
        assert self.resolve(kernel.types, ("both", FUNCTION))[0]["both"].module_fd == 1070

    def test_flavours_are_no_part_of_the_name(self, kernel: Kernel) -> None:
        found, _ = self.resolve(kernel.types, ("there___short", FUNCTION))
        assert found["there___short"].module_fd == 1070

    @pytest.mark.parametrize("kind", [FUNCTION, VARIABLE])
    def test_weak_ones_that_nobody_has_are_0(self, kernel: Kernel, kind: ExternKind) -> None:
        assert self.resolve(kernel.types, ("nowhere", kind), weak=True)[0] == {"nowhere": ExternValue()}

    def test_a_function_is_no_variable(self, kernel: Kernel) -> None:
        with pytest.raises(ObjectError, match='no variable "there"'):
            self.resolve(kernel.types, ("there", VARIABLE))

    def test_a_weak_function_of_another_type_is_another_one(self, kernel: Kernel) -> None:
        assert self.resolve(kernel.types, ("there", FUNCTION), weak=True, returns="s")[0] == {"there": ExternValue()}

    def test_another_type_is_refused(self, kernel: Kernel) -> None:
        with pytest.raises(ObjectError, match='function "there" has a different type'):
            self.resolve(kernel.types, ("there", FUNCTION), returns="s")

    @pytest.mark.parametrize(
        ("modules", "said"),
        [
            (Modules(), "vmlinux does not have it, and no module with types is loaded"),
            (Modules(problem="not permitted"), "and the types of modules cannot be read: not permitted"),
        ],
    )
    def test_who_was_asked_is_said(self, kernel: Kernel, modules: Modules, said: str) -> None:
        with pytest.raises(ObjectError, match=said):
            self.resolve(KernelTypes(lambda: kernel.vmlinux, lambda base: modules), ("there", FUNCTION))

    def test_modules_that_were_asked_are_counted(self, kernel: Kernel) -> None:
        with pytest.raises(ObjectError, match="neither vmlinux nor any of the 2 loaded modules with types has it"):
            self.resolve(kernel.types, ("nowhere", FUNCTION))

    def test_types_of_a_file_stand_alone(self, kernel: Kernel) -> None:
        with pytest.raises(ObjectError, match=r'"a\.btf" does not have it') as caught:
            self.resolve(KernelTypes(lambda: kernel.vmlinux, source='"a.btf"'), ("there", FUNCTION))
        assert not any("modprobe" in hint for hint in caught.value.hints)

    @pytest.mark.parametrize(
        ("loaded", "hint"), [("other", "modprobe nf_conntrack"), ("nf_conntrack", "with modprobe")]
    )
    def test_where_a_module_may_be_missing_that_is_said(
        self, kernel: Kernel, monkeypatch: pytest.MonkeyPatch, loaded: str, hint: str
    ) -> None:
        monkeypatch.setattr("os.path.exists", lambda path: path == "/proc/modules")
        types = KernelTypes(lambda: kernel.vmlinux, lambda base: Modules((Module(loaded, kernel.modules[1]),)))
        with pytest.raises(ObjectError, match="bpf_ct_release") as caught:
            self.resolve(types, ("bpf_ct_release", FUNCTION))
        assert hint in caught.value.hints[0]
        assert "__weak" in caught.value.hints[1]

    def test_a_module_whose_types_make_no_sense_is_left_out(self, kernel: Kernel) -> None:
        words = struct.pack("<6I", 0, 31 << 24, 0, kernel.vmlinux.strings_end, b.FUNC << 24, 0)
        broken = Btf(b.HEADER.pack(b.MAGIC, 1, 0, 24, 0, 24, 24, 8) + words + b"nowhere\0", kernel.vmlinux, lazy=True)
        types = KernelTypes(
            lambda: kernel.vmlinux,
            lambda base: Modules((Module("broken", broken, 1), Module("module0", kernel.modules[0], 70))),
        )
        assert self.resolve(types, ("there", FUNCTION))[0]["there"].module_fd == 1070
        with pytest.raises(ObjectError, match=r'those of module "broken": .* unknown kind 31'):
            self.resolve(types, ("nowhere", FUNCTION))


class TestInstructions:
    """How an extern of a module gets into a program."""

    def linked(self, code: bytes, reference: ExternReference) -> LinkedProgram:
        entry = FunctionSpec("f", 1, 0, len(code), is_global=True)
        return LinkedProgram(ProgramSpec("f", "tc", entry), code, (), (), (reference,))

    def test_a_call_has_the_place_of_the_descriptor(self) -> None:
        one = self.linked(call(-1) + EXIT, ExternReference(0, "there", is_call=True))
        value = {"there": ExternValue(123456, module_fd=9, module_index=2)}
        assert patch(one, {}, value)[:8] == struct.pack("<BBhi", 0x85, 0x20, 2, 123456)
        assert calls_modules(one, value)

    def test_a_call_of_vmlinux_has_none(self) -> None:
        one = self.linked(call(-1) + EXIT, ExternReference(0, "here", is_call=True))
        assert patch(one, {}, {"here": ExternValue(77)})[:8] == struct.pack("<BBhi", 0x85, 0x20, 0, 77)
        assert not calls_modules(one, {"here": ExternValue(77)})

    def test_a_call_of_nothing_says_which(self) -> None:
        one = self.linked(call(-1) + EXIT, ExternReference(0, "gone", is_call=True))
        assert patch(one, {}, {"gone": ExternValue()}, {"gone": 3})[:8] == struct.pack(
            "<BBhi", 0x85, 0, 0, POISON_FUNCTION + 3
        )

    def test_a_load_has_the_descriptor_itself(self) -> None:
        one = self.linked(address(1) + EXIT, ExternReference(0, "counter", is_call=False))
        value = {"counter": ExternValue(5, module_fd=9)}
        assert patch(one, {}, value)[:16] == struct.pack("<BBhiBBhi", 0x18, 0x31, 0, 5, 0, 0, 0, 9)
        assert not calls_modules(one, value)


class TestRelocations:
    """CO-RE: candidates of modules count where vmlinux has none."""

    @pytest.fixture
    def local(self) -> BtfWriter:
        return BtfWriter()

    def answer(self, kernel: Kernel, local: BtfWriter, root: int, kind: int, access: str = "0") -> int | None:
        records = struct.pack("<IIII", 0, root, local.string(access), kind)
        ext = BtfExt(Records(8, {}), Records(16, {}), Records(16, {"tc": ([0], records)}))
        resolution = CoreResolver(local.parsed(), ext, kernel.types).resolve(CoreRelocation(0, root, access, kind))
        return None if resolution.value is None else resolution.value.number

    def test_fields(self, kernel: Kernel, local: BtfWriter) -> None:
        root = local.structure("only_there", 4, [("member", local.integer(), 0)])
        assert self.answer(kernel, local, root, FIELD_BYTE_OFFSET, "0:0") == 8
        assert self.answer(kernel, local, root, TYPE_SIZE) == 16
        assert self.answer(kernel, local, root, TYPE_EXISTS) == 1
        assert kernel.asked == [kernel.vmlinux]

    def test_ids_are_the_modules_own(self, kernel: Kernel, local: BtfWriter) -> None:
        root = local.structure("only_there", 4, [])
        wanted = kernel.modules[0].find("only_there", b.STRUCT)
        assert self.answer(kernel, local, root, TYPE_ID_TARGET) == wanted >= len(kernel.vmlinux)

    def test_enumerators(self, kernel: Kernel, local: BtfWriter) -> None:
        assert self.answer(kernel, local, local.enum("states", [("ON", 77)]), ENUMVAL_VALUE) == 5

    def test_where_vmlinux_has_a_type_modules_are_not_asked(self, kernel: Kernel, local: BtfWriter) -> None:
        root = local.structure("common", 4, [("second", local.integer(), 0)])
        assert self.answer(kernel, local, root, FIELD_BYTE_OFFSET, "0:0") == 4
        assert kernel.asked == []

    def test_also_not_for_a_member_that_it_lacks(self, kernel: Kernel, local: BtfWriter) -> None:
        root = local.structure("common", 4, [("third", local.integer(), 0)])
        assert self.answer(kernel, local, root, FIELD_EXISTS, "0:0") == 0
        assert kernel.asked == []

    def test_modules_that_agree(self, kernel: Kernel, local: BtfWriter) -> None:
        root = local.structure("alike", 4, [("member", local.integer(), 0)])
        assert self.answer(kernel, local, root, FIELD_BYTE_OFFSET, "0:0") == 0

    def test_modules_that_do_not(self, kernel: Kernel, local: BtfWriter) -> None:
        root = local.structure("unlike", 4, [("member", local.integer(), 0)])
        with pytest.raises(ObjectError, match='several types "unlike", which disagree'):
            self.answer(kernel, local, root, FIELD_BYTE_OFFSET, "0:0")

    def test_what_nobody_has_is_explained(self, kernel: Kernel, local: BtfWriter) -> None:
        root = local.structure("nowhere", 4, [("member", local.integer(), 0)])
        records = struct.pack("<IIII", 0, root, local.string("0:0"), FIELD_BYTE_OFFSET)
        ext = BtfExt(Records(8, {}), Records(16, {}), Records(16, {"tc": ([0], records)}))
        core = CoreResolver(local.parsed(), ext, kernel.types)
        one = CoreRelocation(0, root, "0:0", FIELD_BYTE_OFFSET)
        assert core.resolve(one).value is None
        assert core.explain(one, core.resolve(one)) == (
            "this kernel has no struct nowhere.member (neither vmlinux nor any of the 2 loaded modules with types has "
            "it), which the program uses without checking that it exists"
        )
