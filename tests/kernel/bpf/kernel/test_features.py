"""Older kernels, by forcing the answers that they would give: objects load and behave without the features."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytc.bpf import PinRoot, ProgramType, load, read_object, select_program
from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf
from pytc.bpf.kernel.features import PROBES, Features, attempt
from pytc.bpf.loader.btf_downgrade import NEEDS, downgrade
from pytc.bpf.loader.btf_upload import kernel_image
from pytc.bpf.sys.abi import BtfLoadAttr, pointer
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.info import btf_image
from pytc.bpf.sys.syscall import bpf
from pytc.errors import BpfError, BpfSyscallError, ObjectError
from tests.btf_writer import BtfWriter
from tests.conftest import OBJECTS, Compiler
from tests.kernel.bpf.loader.behaviour import LEGACY, MODERN, Case, needing
from tests.kernel.bpf.support import nothing_left
from tests.tiers import sample

pytestmark = pytest.mark.kernel
EACH = [frozenset({name}) for name in PROBES]
ALL = frozenset(PROBES)
#: What the kernel itself wants types for: locks and timers in values, callbacks.
NEED_BTF = ("callback", "callback_loop", "spinlock", "timer")
#: Features of BTF from the oldest to the newest: a kernel that lacks one lacks those behind it.
BY_AGE = ("btf_datasec", "btf_float", "btf_decl_tag", "btf_type_tag", "btf_enum64")
OLD_KERNELS = [frozenset(BY_AGE[first:]) for first in range(len(BY_AGE))]
#: A kernel that knows heads of lists and roots of trees wants a tag that says what they hold.
WANT_TAGS = ("list_head", "rbtree")
#: A tag of a variable, in a kernel that knows tags but no variables; there is none.
DECLARATION_OF_NOTHING = ("tags", frozenset({"btf_datasec"}))
SUBSTITUTES = {
    b.VAR: b.INT,
    b.DATASEC: b.STRUCT,
    b.FLOAT: b.STRUCT,
    b.DECL_TAG: b.INT,
    b.TYPE_TAG: b.CONST,
    b.ENUM64: b.UNION,
}


def label(missing: frozenset[str]) -> str:
    """For the names of tests."""
    return "all" if missing == ALL else "-".join(sorted(missing))


def _combined(missing: Iterable[frozenset[str]], *needs: str) -> list[Any]:
    """Return parameters: each set of missing features with each case, and what both need from the kernel."""
    return [
        pytest.param(one, *row.values, marks=(*row.marks, pytest.mark.needs(*needs)), id=f"{label(one)}-{row.id}")
        for one in missing
        for row in needing(*LEGACY, *MODERN)
    ]


class TestWithout:
    """A feature is forced to be missing; nothing changes for the user."""

    @pytest.mark.parametrize(
        ("missing", "case"),
        [*sample(_combined(EACH, "host")), *_combined([ALL])],
    )
    def test_objects_behave(self, build: Compiler, bpffs: Path, case: Case, missing: frozenset[str]) -> None:
        spec = read_object(build(case.object))
        chosen = select_program(spec, program=case.program)
        features = Features(missing)
        if case.object in NEED_BTF and "btf" in missing:
            with nothing_left(bpffs), pytest.raises(BpfError):
                load(spec, chosen, type=ProgramType.SCHED_CLS, pins=PinRoot(str(bpffs)), features=features)
            return
        with load(spec, chosen, type=ProgramType.SCHED_CLS, pins=PinRoot(str(bpffs)), features=features) as done:
            case.check(done)
            if (case.object, missing) != DECLARATION_OF_NOTHING:
                assert "without type information" not in " ".join(done.notes)

    def test_names_are_left_out(self, build: Compiler, bpffs: Path) -> None:
        spec = read_object(build("modern_globals"))
        features = Features(frozenset({"map_names", "program_names"}))
        with load(spec, select_program(spec), type=ProgramType.SCHED_CLS, features=features) as done:
            assert done.program.description.name == ""
            assert {found.description.name for found in done.maps.values()} == {""}
            assert sorted(done.maps) == sorted(spec.maps)

    def test_types_are_left_out(self, build: Compiler, bpffs: Path) -> None:
        spec = read_object(build("modern_globals"))
        with load(spec, select_program(spec), type=ProgramType.SCHED_CLS, features=Features(ALL)) as done:
            assert done.program.description.btf_id == 0
            assert {found.description.btf_id for found in done.maps.values()} == {0}
            assert {found.description.flags & 1 << 10 for found in done.maps.values()} == {0}

    def test_functions_are_static_for_a_kernel_without_types_of_its_own(self, build: Compiler, bpffs: Path) -> None:
        spec = read_object(build("global_func"))
        for missing, expected in ((frozenset[str](), {1}), (frozenset({"kernel_types"}), {0})):
            features = Features(missing)
            if not missing and not features.has("kernel_types"):
                continue
            with load(spec, select_program(spec), type=ProgramType.SCHED_CLS, features=features) as done:
                types = Btf(btf_image(done.program.description.btf_id))
                assert {types.vlen(i) for i in range(1, len(types)) if types.kind(i) == b.FUNC} == expected

    def test_one_answer_serves_many_loads(self, build: Compiler, bpffs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []

        def counted(name: str, probe: Callable[[], int]) -> Callable[[], int]:
            def ask() -> int:
                asked.append(name)
                return probe()

            return ask

        for name, probe in [*PROBES.items()]:
            monkeypatch.setitem(PROBES, name, counted(name, probe))
        for features in (Features(ALL), Features()):
            for name in ("tags", "float", "enum64"):
                spec = read_object(build(name))
                load(spec, select_program(spec), type=ProgramType.SCHED_CLS, features=features).close()
        assert asked
        assert sorted(asked) == sorted({*asked})


class TestAnswers:
    """Of probes."""

    class Probe:
        """Gives a descriptor, or fails."""

        def __init__(self, number: int = 0) -> None:
            self.number = number
            self.calls = 0

        def __call__(self) -> int:
            self.calls += 1
            if self.number:
                raise BpfSyscallError("MAP_CREATE", self.number)
            return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    @pytest.fixture
    def ask(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], tuple[Probe, Features]]:
        def made(number: int) -> tuple[TestAnswers.Probe, Features]:
            probe = self.Probe(number)
            monkeypatch.setitem(PROBES, "mmapable", probe)
            return probe, Features()

        return made

    @pytest.mark.parametrize(
        ("number", "answer"),
        [(0, True), (errno.EINVAL, False), (errno.E2BIG, False), (errno.EOPNOTSUPP, False), (errno.ENOSYS, False)],
    )
    def test_are_remembered(self, ask: Callable[[int], tuple[Probe, Features]], number: int, answer: bool) -> None:
        probe, features = ask(number)
        assert [features.has("mmapable") for _ in range(3)] == [answer] * 3
        assert ("mmapable" in features.missing) is not answer
        assert probe.calls == 1

    @pytest.mark.parametrize("number", [errno.EPERM, errno.ENOMEM, errno.EMFILE])
    def test_that_say_nothing_count_as_yes_and_are_not_remembered(
        self, ask: Callable[[int], tuple[Probe, Features]], number: int
    ) -> None:
        probe, features = ask(number)
        assert features.has("mmapable")
        assert "mmapable" not in features.missing
        probe.number = errno.EINVAL
        assert not features.has("mmapable")
        assert probe.calls == 2

    def test_are_not_known_before_they_are_asked_for(self, ask: Callable[[int], tuple[Probe, Features]]) -> None:
        probe, features = ask(errno.EINVAL)
        assert "mmapable" not in features.missing
        assert probe.calls == 0

    def test_are_not_asked_for_when_forced(self, ask: Callable[[int], tuple[Probe, Features]]) -> None:
        probe, _ = ask(0)
        features = Features(frozenset({"mmapable"}))
        assert "mmapable" in features.missing
        assert not features.has("mmapable")
        assert probe.calls == 0

    @pytest.mark.parametrize("name", PROBES)
    def test_are_clear_on_this_kernel(self, root: None, name: str) -> None:
        assert attempt(PROBES[name]) is not None

    def test_of_every_kind_of_type_have_a_probe(self) -> None:
        assert set(NEEDS.values()) == set(BY_AGE)
        assert set(BY_AGE) < set(PROBES)


def refusal(image: bytes) -> str:
    """The end of the kernel's log where BPF_BTF_LOAD refuses an image, else empty."""
    data, log = ctypes.create_string_buffer(image, len(image)), ctypes.create_string_buffer(1 << 16)
    attr = BtfLoadAttr(btf=pointer(data), btf_size=len(image))
    try:
        OwnedFd(bpf(Command.BTF_LOAD, attr)).close()
    except BpfSyscallError as error:
        attr.btf_log_buf, attr.btf_log_size, attr.btf_log_level = pointer(log), len(log), 1
        with suppress(BpfSyscallError):
            bpf(Command.BTF_LOAD, attr)
        return f"{error}: {log.value.decode()[-500:]}"
    return ""


def compared(before: bytes, after: bytes, missing: frozenset[str]) -> None:
    """Check that ids are kept, that types which the kernel lacks are replaced, and that the others are unchanged."""
    old, new = Btf(before), Btf(after)
    assert len(new) == len(old)
    for type_id in range(1, len(old)):
        kind = old.kind(type_id)
        expected = SUBSTITUTES[kind] if NEEDS.get(kind) in missing else kind
        assert new.kind(type_id) == expected, (type_id, old.name(type_id))
        if kind not in NEEDS:
            assert (new.referred(type_id), new.vlen(type_id)) == (old.referred(type_id), old.vlen(type_id))


def data_section(w: BtfWriter) -> None:
    first, second = w.variable("first", w.integer()), w.variable("second", w.integer("char", 1))
    w.data_section(".data.a?b", [(first, 0, 4), (second, 4, 1)], 8)


def floats(w: BtfWriter) -> None:
    double, long = w.add(b.FLOAT, "double", 8), w.add(b.FLOAT, "long double", 16)
    w.structure("pair", 32, [("one", double, 0), ("two", long, 128)])


def declaration_tags(w: BtfWriter) -> None:
    whole = w.structure("node", 4, [("next", w.integer(), 0)])
    w.add(b.DECL_TAG, "contains:item:node", whole, struct.pack("<i", 0))
    w.add(b.DECL_TAG, "any text", whole, struct.pack("<i", -1))
    alias = w.add(b.TYPEDEF, "alias", whole)
    w.add(b.DECL_TAG, "of an alias", alias, struct.pack("<i", -1))


def type_tags(w: BtfWriter) -> None:
    inner = w.add(b.TYPE_TAG, "kptr", w.integer())
    w.structure("slot", 8, [("at", w.pointer(w.add(b.TYPE_TAG, "second", inner)), 0)])


def wide_enums(w: BtfWriter) -> None:
    w.integer("unsigned long", 8)
    w.integer()
    wide = w.enum("wide", [("SMALL", 1), ("BIG", 1 << 40)], kind=b.ENUM64)
    w.structure("holder", 16, [("one", wide, 0), ("two", w.enum("", [("ONLY", 1 << 50)], kind=b.ENUM64), 64)])


class TestSubstitutes:
    """BTF for kernels that do not know all kinds: the kernel takes it, and ids stay."""

    @pytest.mark.parametrize(
        ("feature", "write"),
        [
            ("btf_datasec", data_section),
            ("btf_float", floats),
            ("btf_decl_tag", declaration_tags),
            ("btf_type_tag", type_tags),
            ("btf_enum64", wide_enums),
        ],
    )
    def test_of_each_kind(self, root: None, feature: str, write: Callable[[BtfWriter], None]) -> None:
        w = BtfWriter()
        write(w)
        image, missing = w.data(), frozenset({feature})
        simpler = downgrade(image, Features(missing))
        assert simpler != image
        assert downgrade(image, Features()) == (image if attempt(PROBES[feature]) else simpler)
        compared(image, simpler, missing)
        assert not refusal(simpler)

    @pytest.mark.parametrize("missing", OLD_KERNELS, ids=[f"before_{names}" for names in BY_AGE])
    def test_in_every_object(self, root: None, build: Compiler, missing: frozenset[str]) -> None:
        for name in sorted(path.stem for path in OBJECTS.glob("*.c")):
            try:
                spec = read_object(build(name, loads=False))
            except ObjectError:
                continue  # refused for something else
            assert spec.btf is not None
            image = kernel_image(spec, spec.btf)
            if refusal(image):
                continue  # already so, which costs the object its types
            simpler = downgrade(image, Features(missing))
            compared(image, simpler, missing)
            if name not in WANT_TAGS or "btf_decl_tag" not in missing:
                assert not refusal(simpler), name
