"""Features that a kernel may lack: each works, falls back, or is refused with a message that says what is missing.

The tests run on every kernel and know which of these is right there: from the version that brought a feature, and from
what the kernel was built with. docs/kernels.md is made of what they record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pytc.bpf import Loaded, MapSpec, MapType, ProgramType, load, read_bytes, read_object, select_program
from pytc.bpf.analyse.program_info import program_info
from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf
from pytc.bpf.kernel.features import PROBES, Features, attempt
from pytc.bpf.loader.btf_upload import upload
from pytc.bpf.maps.map import create_map
from pytc.bpf.maps.perf_buffer import PerfBuffer
from pytc.bpf.maps.ring_buffer import RingBuffer
from pytc.bpf.run.statistics import enable_statistics
from pytc.bpf.run.test_run import ETH_HLEN, Runner
from pytc.bpf.sys.attach_points import AttachPoint
from pytc.bpf.sys.constants import attach_type_number
from pytc.bpf.sys.info import btf_image
from pytc.bpf.sys.links import Link
from pytc.errors import BpfSyscallError, VerifierError
from pytc.netlink.namespaces import namespace
from tests.btf_writer import BtfWriter
from tests.conftest import EXAMPLES, Compiler
from tests.elf_writer import EXIT, code, elf, function, insn, license, mov
from tests.isolation import common_directory
from tests.kernel.bpf.kernel import test_features as types
from tests.kernel.bpf.support import PACKET, small_program
from tests.kernel.kernel_features import (
    HAS_JIT,
    HAS_KERNEL_TYPES,
    HAS_PERF_EVENTS,
    JIT,
    KERNEL_TYPES,
    Feature,
    command,
    has_arenas,
    has_kprobes,
    is_since,
    limited_process,
    makes_netkit,
    set_patiently,
    takes_batches,
)
from tests.network import Network

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]
Named = Callable[[str], Feature]
TRAFFIC = str(EXAMPLES / "traffic.o")


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    """``build("legacy16")`` is the path of the object, whether or not the kernel takes it: that is what is asked."""
    return Compiler(common_directory(tmp_path_factory) / "objects")


@pytest.fixture
def feature(request: pytest.FixtureRequest) -> Named:
    return lambda name: Feature(request.node.user_properties, name)


def loaded(path: str, program: str = "", type: ProgramType = ProgramType.UNSPEC) -> Loaded:
    spec = read_object(path)
    return load(spec, select_program(spec, program=program), type=type)


def run(*instructions: bytes) -> None:
    """Loads these instructions as a classifier."""
    image = elf(code("classifier", *instructions), license("GPL"), symbols=[function("cls_main", "classifier")])
    spec = read_bytes(image)
    load(spec, spec.programs[0]).close()


def data_section(w: BtfWriter) -> None:
    w.data_section(".data.own", [(w.variable("first", w.integer()), 0, 4)], 4)


class TestTypes:
    """Type information of objects."""

    @pytest.mark.parametrize(
        ("name", "probe", "since", "write", "substitute"),
        [
            ("BTF of data sections", "btf_datasec", "5.2", data_section, "a structure"),
            ("BTF of floating point numbers", "btf_float", "5.13", types.floats, "an empty structure"),
            ("BTF declaration tags", "btf_decl_tag", "5.16", types.declaration_tags, "an integer"),
            ("BTF type tags", "btf_type_tag", "5.17", types.type_tags, "a constant"),
            ("BTF of 64-bit enums", "btf_enum64", "6.0", types.wide_enums, "a union"),
        ],
    )
    def test_kinds(
        self, feature: Named, name: str, probe: str, since: str, write: Callable[[BtfWriter], None], substitute: str
    ) -> None:
        assert attempt(PROBES[probe]) is is_since(since)
        w = BtfWriter()
        write(w)
        upload(w.data(), Features()).close()
        if is_since(since):
            feature(name).works()
        else:
            feature(name).falls_back(f"{substitute} stands for each")

    def test_global_functions(self, feature: Named, build: Compiler) -> None:
        with loaded(build("global_func")) as done:
            assert not [note for note in done.notes if "type information" in note]
            image = btf_image(done.program.description.btf_id)
        found = Btf(image)
        linkage = {found.vlen(i) for i in range(1, len(found)) if found.kind(i) == b.FUNC}
        assert linkage == ({1} if HAS_KERNEL_TYPES else {0})
        if HAS_KERNEL_TYPES:
            feature("global functions with a context").works()
        else:
            feature("global functions with a context").falls_back("they are static, and checked where they are called")

    @pytest.mark.parametrize(
        ("name", "object", "since"),
        [("CO-RE", "core_field", "5.4"), ("kfuncs", "kfunc", "6.2"), ("open-coded iterators", "kfunc_iter", "6.4")],
    )
    def test_of_the_kernel(self, feature: Named, build: Compiler, name: str, object: str, since: str) -> None:
        """Without types of the kernel it is these that are missing, else the functions."""
        feature(name).expect(
            lambda: loaded(build(object)).close(),
            "5.4",
            setting="this kernel has no function" if HAS_KERNEL_TYPES else KERNEL_TYPES,
            is_built=HAS_KERNEL_TYPES and is_since(since),
        )

    def test_line_information(self, feature: Named, build: Compiler) -> None:
        with pytest.raises(VerifierError) as caught:
            loaded(build("reject_verifier"))
        assert caught.value.source.endswith("reject_verifier.c:8")
        feature("line information").works()


class TestPrograms:
    """Instructions, helpers, and what the verifier says."""

    @pytest.mark.parametrize(
        ("name", "since", "instructions"),
        [
            ("loops", "5.3", (mov(0, 0), insn(0x07, 0, 0, 0, 1), insn(0xA5, 0, 0, -2, 9), EXIT)),
            ("atomic operations", "5.12", (mov(0, 0), insn(0x7B, 10, 0, -8), insn(0xDB, 10, 0, -8, 1), EXIT)),
            ("instructions of cpu v4", "6.6", (mov(0, 0), insn(0xBF, 0, 0, 8), EXIT)),
            ("may_goto", "6.9", (mov(0, 0), insn(0xE5, 0, 0, 1), mov(0, 1), EXIT)),
            ("load-acquire", "6.15", (mov(0, 0), insn(0x7B, 10, 0, -8), insn(0xDB, 0, 10, -8, 0x100), EXIT)),
            ("a helper of 6.1 (bpf_ktime_get_tai_ns)", "6.1", (insn(0x85, 0, 0, 0, 208), EXIT)),
        ],
    )
    def test_instructions(self, feature: Named, name: str, since: str, instructions: tuple[bytes, ...]) -> None:
        feature(name).expect(lambda: run(*instructions), since)

    @pytest.mark.parametrize(
        ("name", "since", "object"),
        [("callbacks", "5.13", "callback"), ("bpf_loop", "5.17", "callback_loop"), ("timers", "5.15", "timer")],
    )
    def test_callbacks(self, feature: Named, build: Compiler, name: str, since: str, object: str) -> None:
        feature(name).expect(lambda: loaded(build(object), "cls_main").close(), since, setting=JIT, is_built=HAS_JIT)

    def test_global_data(self, feature: Named, build: Compiler) -> None:
        with loaded(build("modern_globals")) as done:
            assert done.notes == []
        feature("global data").works()

    def test_spin_locks(self, feature: Named, build: Compiler) -> None:
        loaded(build("spinlock")).close()
        feature("spin locks").works()

    def test_names(self, feature: Named, build: Compiler) -> None:
        with loaded(build("modern_globals")) as done:
            assert done.program.description.name == "cls_main"
            assert all(found.description.name for found in done.maps.values())
        feature("names of maps and programs").works()

    def test_tracing(self, feature: Named, build: Compiler) -> None:
        feature("programs of type kprobe").expect(
            lambda: loaded(build("other_types"), "on_xmit").close(),
            "4.1",
            setting="CONFIG_BPF_EVENTS",
            is_built=has_kprobes(),
        )

    def test_reasons_of_the_verifier(self, feature: Named, build: Compiler) -> None:
        """Its last sentence, whatever statistics this kernel writes behind it."""
        with pytest.raises(VerifierError, match=r"(?m)The verifier: .*R1 .* is outside of the .*[a-z]$"):
            loaded(build("reject_verifier"))
        with pytest.raises(VerifierError, match=r"The verifier: combined stack size of 2 calls is \d+. Too"):
            loaded(build("stack_big"))
        feature("reason of a refusal").works()

    def test_tags(self, feature: Named) -> None:
        digest = hashlib.sha256 if is_since("6.18") else hashlib.sha1
        with small_program() as done:
            assert done.description.tag == digest(mov(0, 0) + EXIT).hexdigest()[:16]
        feature("program tags (SHA-256 since 6.18, SHA-1 before)").works()

    def test_verified_instructions(self, feature: Named) -> None:
        with small_program() as done:
            count = program_info(done.fd).verified_instructions
        assert count == (2 if is_since("5.16") else 0)
        shown = feature("count of verified instructions")
        if count:
            shown.works()
        else:
            shown.falls_back("left out")

    def test_statistics(self, feature: Named) -> None:
        with small_program(ProgramType.SCHED_CLS) as done, enable_statistics():
            done.test_run(PACKET)
            assert program_info(done.fd).run_count > 0
        feature("statistics of programs").works()


#: Sizes and flags that a map of a type needs.
MAPS = {
    "ringbuf": ("5.8", MapSpec("m", MapType.RINGBUF, 0, 0, 4096)),
    "bloom_filter": ("5.16", MapSpec("m", MapType.BLOOM_FILTER, 0, 8, 4)),
    "user_ringbuf": ("6.1", MapSpec("m", MapType.USER_RINGBUF, 0, 0, 4096)),
    "arena": ("6.9", MapSpec("m", MapType.ARENA, 0, 0, 4, 1 << 10)),
    "insn_array": ("6.19", MapSpec("m", MapType.INSN_ARRAY, 4, 16, 4)),
}
HASH = MapSpec("m", MapType.HASH, 4, 8, 8)


class TestMaps:
    """Types of maps, and what can be done with them."""

    @pytest.mark.parametrize("name", MAPS)
    def test_types(self, feature: Named, name: str) -> None:
        since, spec = MAPS[name]
        feature(f"maps of type {name}").expect(
            lambda: create_map(spec, "m").close(), since, setting=JIT, is_built=name != "arena" or has_arenas()
        )

    def test_flags(self, feature: Named) -> None:
        """A flag for maps of another type, so that kernels which know it refuse it too."""
        with pytest.raises(BpfSyscallError) as caught:
            create_map(HASH._replace(flags=1 << 17), "m")
        named = [hint for hint in caught.value.hints if "SEGV_ON_FAULT came with Linux 6.9" in hint]
        assert bool(named) is not is_since("6.9")
        shown = feature("the map flag SEGV_ON_FAULT")
        if named:
            shown.refused(named[0])
        else:
            shown.works()

    @pytest.mark.parametrize(
        ("type", "since"),
        [
            (MapType.HASH, "5.6"),
            (MapType.ARRAY, "5.6"),
            (MapType.PERCPU_HASH, "5.6"),
            (MapType.PERCPU_ARRAY, "5.13"),
            (MapType.LPM_TRIE, "5.13"),
        ],
    )
    def test_batches(self, feature: Named, type: MapType, since: str) -> None:
        is_trie = type == MapType.LPM_TRIE  # whose keys are lengths of prefixes and addresses
        prefix = (8).to_bytes(4, "little") if is_trie else b""
        spec = MapSpec("m", type, len(prefix) + 4, 8, 4, int(is_trie))
        with create_map(spec, "m") as found:
            wanted = {
                prefix + bytes([number, 0, 0, 0]): bytes([number] * 8) * (found.value_bytes // 8) for number in range(4)
            }
            for key, value in wanted.items():
                set_patiently(found, key, value)
            assert dict(found.items()) == wanted
            assert takes_batches(found) is is_since(since)
        shown = feature(f"batches of {type.name.lower()}")
        if is_since(since):
            shown.works()
        else:
            shown.falls_back("one element at a time")

    def test_taking_elements_out_of_a_hash(self, feature: Named) -> None:
        with create_map(HASH, "m") as found:
            found[bytes(4)] = bytes(8)
            feature("taking an element out of a hash").expect(lambda: found.pop(bytes(4)), "5.14")

    def test_ring_buffers(self, feature: Named, build: Compiler) -> None:
        with loaded(build("ringbuf")) as done, RingBuffer(done.maps["records"]) as ring:
            done.program.test_run(PACKET)
            assert len(list(ring.events(0.1))) == 1
        feature("reading ring buffers").works()

    def test_perf_events(self, feature: Named) -> None:
        def read() -> None:
            with create_map(MapSpec("m", MapType.PERF_EVENT_ARRAY, 4, 4, 0), "m") as found:
                PerfBuffer(found).close()

        feature("reading perf events").expect(read, "4.3", setting="CONFIG_PERF_EVENTS", is_built=HAS_PERF_EVENTS)

    def test_memory_limits(self, feature: Named) -> None:
        """A process that may lock no memory, and may or may not raise that limit."""
        made, limited = limited_process(), limited_process("setpriv", "--bounding-set=-sys_resource")
        assert (made.returncode, made.stderr) == (0, "")
        if is_since("5.11"):
            assert (limited.returncode, limited.stderr) == (0, "")
            feature("maps beyond RLIMIT_MEMLOCK").works()
        else:
            assert "RLIMIT_MEMLOCK is 0 bytes, and kernels before 5.11 charge BPF memory to it" in limited.stderr
            feature("maps beyond RLIMIT_MEMLOCK").falls_back(
                "the limit is raised; without CAP_SYS_RESOURCE, a hint says so"
            )


class TestAttaching:
    """Places for programs, and kinds of traffic control."""

    @pytest.mark.parametrize("link", [(), ("link", "m:link")], ids=["plain", "link"])
    def test_tcx(self, feature: Named, network: Network, link: tuple[str, ...]) -> None:
        words = ("tcx", "attach", "dev", "em1", "ingress", *link, "obj", TRAFFIC)
        feature("tcx by a link" if link else "tcx").expect(lambda: command(network, *words), "6.6")

    def test_netkit(self, feature: Named, network: Network) -> None:
        """em1 is no netkit device, which only a kernel that knows netkit can say."""
        with namespace(network.name):
            made = makes_netkit(network)
        words = ("tcx", "attach", "dev", "kit" if made else "em1", "primary", "obj", TRAFFIC)
        feature("netkit").expect(lambda: command(network, *words), "6.7", setting="CONFIG_NETKIT", is_built=made)

    def test_cgroup_programs(self, feature: Named, network: Network, cgroup: Path, build: Compiler) -> None:
        command(network, "cgroup", "attach", str(cgroup), "egress", "link", "m:link", "obj", build("attached/cgroups"))
        command(network, "cgroup", "attach", str(cgroup), "getpeername4", "obj", build("attached/cgroups"))
        shown = network.ok("cgroup", "show", str(cgroup), "effective")
        assert "egress link " in shown and "getpeername4" in shown
        feature("programs of cgroups, by links and without").works()

    def test_cgroup_programs_for_unix_sockets(
        self, feature: Named, network: Network, cgroup: Path, build: Compiler
    ) -> None:
        words = ("cgroup", "attach", str(cgroup), "connect_unix", "obj", build("attached/cgroup_unix"))
        feature("programs of cgroups for Unix sockets").expect(lambda: command(network, *words), "6.7")

    def test_links_of_xdp(self, feature: Named, build: Compiler) -> None:
        with loaded(build("xdp_verdict")) as done:
            point = AttachPoint(1, attach_type_number("xdp"))  # lo
            with Link.create(point, done.program.fd, flags=1 << 1) as link:
                assert link.description.type == "xdp"
        feature("links of XDP").works()

    @pytest.mark.parametrize("kind", ["cake", "fq_pie", "dualpi2"])
    def test_qdiscs(self, feature: Named, network: Network, kind: str) -> None:
        since = {"cake": "4.19", "fq_pie": "5.6", "dualpi2": "6.17"}[kind]
        is_built = network.tc("qdisc", "add", "dev", "lo", "root", kind).status == 0
        feature(f"the qdisc {kind}").expect(
            lambda: command(network, "qdisc", "add", "dev", "em1", "root", kind),
            since,
            setting=f"CONFIG_NET_SCH_{kind.upper()}",
            is_built=is_built,
        )

    def test_brief_lists_of_actions(self, feature: Named, network: Network) -> None:
        network.ok("actions", "add", "action", "mirred", "egress", "redirect", "dev", "lo", "index", "3")
        assert network.ok("actions", "ls", "action", "mirred", options=("-br",)) == (
            "total acts 1\n\n\taction order 0: mirred \t index 3\n"
        )
        shown = feature("lists of actions in brief")
        if is_since("5.11"):
            shown.works()
        else:
            shown.falls_back("a whole list, shortened")


class TestRuns:
    """Test runs."""

    @pytest.mark.parametrize(
        ("name", "object", "program", "values", "since"),
        [
            ("test runs with a mark", "prog_context", "cls_main", {"mark": 5}, "5.2"),
            ("test runs with ingress_ifindex", "prog_context", "cls_main", {"ingress_ifindex": 1}, "5.16"),
            ("test runs with hwtstamp", "prog_context", "cls_main", {"hwtstamp": 5}, "5.16"),
            ("test runs of XDP with a context", "run_types", "on_xdp", {"ingress_ifindex": 1}, "5.15"),
        ],
    )
    def test_contexts(
        self, feature: Named, build: Compiler, name: str, object: str, program: str, values: dict[str, int], since: str
    ) -> None:
        with loaded(build(object), program) as done:
            runner = Runner(done.program.fd, values)
            feature(name).expect(lambda: runner.run(PACKET), since)

    def test_short_packets(self, feature: Named) -> None:
        with small_program(ProgramType.SCHED_CLS) as done:
            runner = Runner(done.fd)
            assert runner.run(PACKET[:ETH_HLEN]).verdict == 0
        shown = feature("test runs on an Ethernet header alone")
        if runner.padded:
            shown.falls_back("filled up with zeros")
        else:
            shown.works()

    @pytest.mark.parametrize(
        "program", ["on_tc", "on_act", "on_xdp", "on_socket", "on_cgroup", "on_lwt", "on_dissector"]
    )
    def test_types(self, feature: Named, build: Compiler, program: str) -> None:
        with loaded(build("run_types"), program) as done:
            assert Runner(done.program.fd).run(PACKET, repeat=10).duration >= 0
        feature(f"test runs of {program.removeprefix('on_')}").works()
