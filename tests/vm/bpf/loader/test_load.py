"""The loader: what it finds out about the kernel, what the kernel refuses and in which words."""

from __future__ import annotations

import errno
import inspect
import os
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytc.bpf import Map, PinRoot, Program, ProgramType, load, read_object, select_program
from pytc.bpf.btf import types as b
from pytc.bpf.kernel import features as features_module
from pytc.bpf.kernel.features import PROBES, Features, attempt
from pytc.bpf.kernel.modules import kernel_types
from pytc.bpf.maps.map import create_map
from pytc.bpf.sys.info import program_by_id, program_map_ids
from pytc.errors import BpfError, BpfSyscallError
from tests.compat.bpf.loaders import as_newer_libbpf, differences
from tests.compat.kernel_view import view
from tests.kernel.bpf.loader.behaviour import LEGACY, MODERN, counts, numbers, returns
from tests.kernel.bpf.support import LENGTH, PACKET, UNSPEC, count, loaded, nothing_left, verdict
from tests.needs import missing as lacking
from tests.object_needs import needs_of
from tests.processes import json_of, must, printed, refused, run

pytestmark = pytest.mark.kernel
Objects = Callable[[str], str]

KERNEL_VERSION = tuple(map(int, os.uname().release.split(".")[:2]))
#: ETH_P_802_EX1 (0x88b5), as skb->protocol has it: in network byte order.
OWN_PROTOCOL = 0xB588
#: Objects that older kernels refuse, and the function that the message names then.
REFUSED = {
    "core_kern_ctx": "bpf_cast_to_kern_ctx",  # v6.2
    "kfunc": "bpf_cast_to_kern_ctx",
    "kptr": "bpf_task_acquire",  # v6.2
    "kptr_local": "bpf_obj_drop_impl",  # v6.2
    "list_head": "bpf_list_pop_front",  # v6.2
    "rbtree": "bpf_obj_drop_impl",
    "kfunc_iter": "bpf_iter_num_destroy",  # v6.4
}
PROBE_NEEDS = {"bpf_cookie": ("program:tracepoint",)}
FORCED = [*(frozenset({name}) for name in PROBES), frozenset(PROBES)]
OLD_WAYS = [
    case
    for case in (*LEGACY, *MODERN)
    if case.object
    in ("legacy36", "legacy_tail", "modern_maps", "modern_globals", "modern_subprogs", "tags", "float", "enum64")
]


class TestObjects:
    """Maps and constants of objects."""

    def test_with_a_pinning_of_their_own(self, objects: Objects, bpffs: Path, tmp_path: Path) -> None:
        (tmp_path / "bpf_pinning").write_text("6 tc/here\n")
        spec = read_object(objects("legacy_pin_custom"))
        pins = PinRoot(str(bpffs), pinning_files=(str(tmp_path / "bpf_pinning"),))
        with load(spec, select_program(spec), type=ProgramType.SCHED_CLS, pins=pins) as done:
            counts(UNSPEC, pinned_custom=(1, LENGTH))(done)
        with Map.from_pin(str(bpffs / "tc/here/pinned_custom")) as found:
            assert count(found, 1) == LENGTH

    def test_share_what_is_pinned(self, objects: Objects, bpffs: Path) -> None:
        for _ in range(2):
            with loaded(objects("legacy_pin_global"), bpffs) as done:
                verdict(done.program)
        with Map.from_pin(str(bpffs / "tc/globals/pinned_global")) as found:
            assert count(found, 0) == 2

    @pytest.mark.needs("configuration")
    def test_know_the_version_that_this_kernel_has(self, objects: Objects, bpffs: Path) -> None:
        """uname -r says 6.1.0 on Debian, and uname -v the whole version."""
        name = os.uname()
        version = re.search(r"Debian (\d+)\.(\d+)\.(\d+)", name.version) or re.match(
            r"(\d+)\.(\d+)\.(\d+)", name.release
        )
        assert version is not None
        major, minor, patch = map(int, version.groups())
        with loaded(objects("kconfig"), bpffs) as done:
            verdict(done.program)
            assert numbers(done, "numbers") == (major << 16 | minor << 8 | patch,)

    @pytest.mark.needs("guest", "perf_events")
    def test_of_what_the_loader_finds_out_itself(self, objects: Objects, bpffs: Path) -> None:
        """Debian's kernels have both: kprobes, and BPF programs that ask for their cookie."""
        with loaded(objects("kconfig_virtual"), bpffs) as done:
            assert verdict(done.program) == 3

    @pytest.mark.needs("!map:cgrp_storage", "!map:arena")
    def test_that_declare_maps_of_later_kernels(self, objects: Objects, bpffs: Path) -> None:
        with loaded(objects("types_new"), bpffs) as done:
            assert verdict(done.program) == 1
            assert done.maps == {}
            assert [re.sub(r":.*;", ":", note) for note in done.notes] == [
                'map "cgrp_storage" (cgrp_storage): no loaded program uses it',
                'map "arena" (arena): no loaded program uses it',
            ]

    @pytest.mark.parametrize(
        ("name", "since"),
        [
            pytest.param(name, since, marks=pytest.mark.needs(f"!map:{name}"))
            for name, since in (("cgrp_storage", "6.2"), ("arena", "6.9"))
        ],
    )
    def test_that_need_maps_of_later_kernels(self, objects: Objects, name: str, since: str) -> None:
        spec = read_object(objects("types_new"))
        with pytest.raises(BpfSyscallError, match=rf'map "{name}" \({name}\): cannot create it') as caught:
            create_map(spec.maps[name], name)
        assert caught.value.hints[0] == (f"maps of type {name} came with Linux {since}; this is {os.uname().release}")


class TestKernelTypes:
    """Kernel symbols and kernel functions, and what is not there."""

    @pytest.mark.needs("kernel_btf", "symbol:runqueues")
    def test_variables_of_each_processor(self, objects: Objects, bpffs: Path) -> None:
        with loaded(objects("ksym_typed"), bpffs) as done:
            assert verdict(done.program) == 0
            assert numbers(done, "seen", "4Q")[:3] == (0, 0, 0)

    @pytest.mark.needs("kernel_btf", "jit", "kfunc:bpf_kfunc_call_test1")
    def test_functions(self, objects: Objects, bpffs: Path) -> None:
        with loaded(objects("kfunc_call"), bpffs) as done:
            assert verdict(done.program) == 10
            assert numbers(done, "sum") == (6 + (4 << 32),)

    @pytest.mark.needs("kernel_btf", "jit", "!kfunc:bpf_cast_to_kern_ctx")
    def test_weak_functions_that_are_missing(self, objects: Objects, bpffs: Path) -> None:
        with loaded(objects("kfunc_weak"), bpffs) as done:
            returns(LENGTH)(done)

    @pytest.mark.parametrize(
        "name",
        [
            pytest.param(name, marks=pytest.mark.needs("kernel_btf", "jit", f"!kfunc:{function}"))
            for name, function in REFUSED.items()
        ],
    )
    def test_what_is_missing_is_named(self, objects: Objects, bpffs: Path, name: str) -> None:
        with nothing_left(bpffs), pytest.raises(BpfError) as caught:
            loaded(objects(name), bpffs)
        assert f'this kernel has no function "{REFUSED[name]}"' in str(caught.value)

    @pytest.mark.needs("kernel_btf")
    def test_a_field_that_is_missing_is_named(self, objects: Objects, bpffs: Path) -> None:
        with nothing_left(bpffs), pytest.raises(BpfError, match=r"struct task_struct\.never_there"):
            loaded(objects("core_missing"), bpffs)


def unload(module: str) -> None:
    """Takes a module out of the kernel, those that use it first."""
    holders = Path("/sys/module", module, "holders")
    for holder in list(holders.iterdir()) if holders.is_dir() else ():
        unload(holder.name)
    run("rmmod", module)


@pytest.mark.needs("guest", "kernel_btf", "jit", "module:nf_conntrack")
class TestModules:
    """Functions, variables and types of modules; the first tests want them away, the others load them."""

    OBJECTS = ("kfunc_conntrack", "module_kfuncs", "module_types")

    @pytest.fixture
    def absent(self) -> None:
        """Other tests' actions load these modules too; their namespaces go away a little after the tests."""
        for _ in range(20):
            for module in ("nf_conntrack", "x_tables"):
                unload(module)
            if not any(Path("/sys/module", module).exists() for module in ("nf_conntrack", "x_tables")):
                return
            time.sleep(0.2)

    @pytest.fixture
    def present(self) -> None:
        for module in ("nf_nat", "x_tables"):
            must("modprobe", module)

    @pytest.mark.parametrize(
        ("name", "said", "hint"),
        [
            ("kfunc_conntrack", 'no function "bpf_ct_release"', "not loaded: modprobe nf_conntrack"),
            ("module_types", 'no variable "xt_recseq"', "load that first with modprobe"),
        ],
    )
    def test_that_are_not_loaded_are_asked_for(
        self, objects: Objects, bpffs: Path, absent: None, name: str, said: str, hint: str
    ) -> None:
        with nothing_left(bpffs), pytest.raises(BpfError) as caught:
            loaded(objects(name), bpffs)
        assert said in str(caught.value)
        assert "vmlinux" in str(caught.value)
        assert any(hint in one for one in caught.value.hints)

    def test_find_connections(self, objects: Objects, bpffs: Path, present: None) -> None:
        with loaded(objects("kfunc_conntrack"), bpffs) as done:
            assert verdict(done.program) == 1
            assert numbers(done, "error", "q") == (-errno.ENOENT,)

    def test_make_connections(self, objects: Objects, bpffs: Path, present: None) -> None:
        with loaded(objects("module_kfuncs"), bpffs) as done:
            assert verdict(done.program) == 3
            assert numbers(done, "errors", "2q") == (0, 0)

    def test_answer_questions(self, objects: Objects, bpffs: Path, present: None) -> None:
        with kernel_types() as kernel, loaded(objects("module_types"), bpffs) as done:
            assert verdict(done.program) == 1
            answers = numbers(done, "answers", "11Q")
            (place,) = kernel.find_in_modules(["bpf_ct_opts"], b.STRUCT)["bpf_ct_opts"]
            assert answers[:4] == (8, 1, 1, place.btf.size(place.type_id))  # 12 bytes, 16 since Linux 6.11
            assert answers[4] == place.type_id >= len(kernel.vmlinux())
            assert answers[5:9] == (3, 1, 0, 0)
            assert (answers[9] % 2, answers[10]) == (0, 0)

    @pytest.mark.parametrize("name", OBJECTS)
    def test_are_used_as_libbpf_does(self, objects: Objects, bpffs: Path, present: None, name: str) -> None:
        must("bpftool", "prog", "loadall", objects(name), str(bpffs / "theirs"))
        with Program.from_pin(str(bpffs / "theirs/cls_main")) as program:
            theirs = as_newer_libbpf(view(program))
        with loaded(objects(name), bpffs) as done:
            mine = as_newer_libbpf(view(done.program))
        if name == "module_types":  # the number of the module's descriptor is part of the tag
            mine = mine._replace(tag=theirs.tag)
        assert not differences(mine, theirs)


class TestFeatures:
    """The features of this kernel, and objects without them."""

    @pytest.mark.parametrize(
        "name", [pytest.param(name, marks=pytest.mark.needs(*PROBE_NEEDS.get(name, ()))) for name in PROBES]
    )
    def test_a_probe_is_as_clear_as_the_kernel_is_new(self, name: str) -> None:
        source = inspect.getsource(features_module)
        since = re.search(rf'^    "{name}": .*# v(\d+)\.(\d+)(?: with \w+)?$', source, re.MULTILINE)
        assert since is not None
        is_new = tuple(map(int, since.groups())) <= KERNEL_VERSION
        is_built = name != "kernel_types" or Path("/sys/kernel/btf/vmlinux").exists()
        assert attempt(PROBES[name]) is (is_new and is_built)

    @pytest.mark.parametrize("missing", FORCED, ids=lambda one: "all" if len(one) > 1 else next(iter(one)))
    def test_objects_do_without(self, objects: Objects, bpffs: Path, missing: frozenset[str]) -> None:
        features = Features(missing)
        for case in OLD_WAYS:
            if lacking(needs_of(case.object, case.program)):
                continue
            spec = read_object(objects(case.object))
            pins = PinRoot(str(bpffs / case.object))
            (bpffs / case.object).mkdir(exist_ok=True)
            with load(
                spec,
                select_program(spec, program=case.program),
                type=ProgramType.SCHED_CLS,
                pins=pins,
                features=features,
            ) as done:
                case.check(done)


class TestFilters:
    """The command, in this process: one of its own costs seconds here."""

    @pytest.fixture
    def pair(self) -> Iterator[tuple[str, str]]:
        must("ip", "link", "add", "em1", "type", "veth", "peer", "name", "em2")
        for device in ("em1", "em2"):
            must("ip", "link", "set", device, "up")
        yield "em1", "em2"
        must("ip", "link", "del", "em1")

    def test_programs_count_packets_until_they_are_removed(
        self,
        objects: Objects,
        bpffs: Path,
        pair: tuple[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
        into, out = pair
        printed("qdisc", "add", "dev", into, "clsact")
        printed("qdisc", "add", "dev", out, "clsact")
        printed("filter", "add", "dev", into, "ingress", "bpf", "obj", objects("legacy36"))
        printed("filter", "add", "dev", out, "egress", "bpf", "da", "obj", objects("legacy_pin_global"))
        shown = json_of("filter", "show", "dev", into, "ingress")[-1]["options"]
        assert (shown["bpf_name"], shown["prog"]["name"]) == ("legacy36.o:[classifier]", "cls_main")
        send(out, 3)
        with map_of(shown["prog"]["id"], "map_hash") as found:
            assert count(found, OWN_PROTOCOL) == 3
        with Map.from_pin(str(bpffs / "tc/globals/pinned_global")) as found:
            assert count(found, 0) >= 3
            assert count(found, 1) >= 3 * LENGTH
        printed("filter", "del", "dev", into, "ingress")
        printed("qdisc", "del", "dev", into, "clsact")
        assert json_of("filter", "show", "dev", into, "ingress") == []

    def test_a_program_that_is_refused_is_not_attached(
        self,
        objects: Objects,
        bpffs: Path,
        pair: tuple[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
        printed("qdisc", "add", "dev", pair[0], "clsact")
        with nothing_left(bpffs):
            words = ("dev", pair[0], "ingress", "bpf", "obj", objects("reject_verifier"))
            message = refused("filter", "add", *words)
        assert "may read past the end of the packet" in message.splitlines()[0]
        assert "reject_verifier.c:8" in message


def send(device: str, packets: int) -> None:
    """Packets of a protocol of our own, which come out at the other end of the pair."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((device, 0))
        for _ in range(packets):
            sender.send(PACKET[:12] + struct.pack("<H", OWN_PROTOCOL) + PACKET[14:])


def map_of(program_id: int, name: str) -> Map:
    """A map that a program uses."""
    with program_by_id(program_id) as descriptor:
        for number in program_map_ids(descriptor.fd):
            found = Map.from_id(number)
            if found.description.name == name:
                return found
            found.close()
    raise AssertionError(f"no map {name}")
