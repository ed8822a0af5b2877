"""``prog run``: fields of the context, before and afterwards."""

from __future__ import annotations

import pytest

from pytc.bpf import ProgramType, load, read_object, select_program
from pytc.bpf.run.context import SKB, XDP
from pytc.errors import BpfSyscallError
from pytc.packets.build import build
from tests.conftest import EXAMPLES, Compiler
from tests.kernel.commands.prog.support import NEXT_HOP, UDP, report, verdicts
from tests.needs import FEATURES
from tests.network import Network
from tests.processes import pytc

pytestmark = pytest.mark.kernel


class TestContext:
    @pytest.mark.parametrize(
        "field",
        [
            pytest.param(name, marks=pytest.mark.needs(f"test_{name}") if f"test_{name}" in FEATURES else ())
            for name in SKB.settable
        ],
    )
    def test_the_kernel_takes_each_field(self, root: None, field: str) -> None:
        value = {"ifindex": "lo", "ingress_ifindex": "lo", "wire_len": "100", "gso_size": "10"}.get(field, "7")
        more = {"gso_size": ",gso_segs=2", "gso_segs": ",gso_size=20"}.get(field, "")
        assert verdicts(*NEXT_HOP, "packet", UDP, "ctx", f"{field}={value}{more}") == ["TC_ACT_OK"]

    @pytest.mark.parametrize("field", sorted(SKB.others | {"nothing"}))
    def test_others_are_refused_with_what_there_is(self, root: None, field: str) -> None:
        outcome = pytc("prog", "run", *NEXT_HOP, "packet", UDP, "ctx", f"{field}=1")
        assert outcome.status == 1
        assert field in outcome.err
        assert "the kernel accepts mark, priority" in outcome.err or "it accepts mark, priority" in outcome.err

    @pytest.mark.parametrize("field", sorted(SKB.others - {"cb"}))
    def test_the_kernel_does_refuse_them(self, root: None, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The table of what may be set is the kernel's: a field beside it is EINVAL."""
        from pytc.bpf.run import context as run_context
        from pytc.bpf.run.test_run import Runner

        offsets = {
            "len": 0,
            "pkt_type": 4,
            "queue_mapping": 12,
            "protocol": 16,
            "vlan_present": 20,
            "vlan_tci": 24,
            "vlan_proto": 28,
            "tc_index": 44,
            "hash": 68,
            "tc_classid": 72,
            "data": 76,
            "data_end": 80,
            "napi_id": 84,
            "family": 88,
            "remote_ip4": 92,
            "local_ip4": 96,
            "remote_ip6": 100,
            "local_ip6": 116,
            "remote_port": 132,
            "local_port": 136,
            "data_meta": 140,
            "flow_keys": 144,
            "sk": 168,
            "tstamp_type": 180,
        }
        monkeypatch.setitem(run_context.SKB.settable, field, run_context.Field(offsets[field]))
        spec = read_object(str(EXAMPLES / "next_hop.o"))
        with load(spec, select_program(spec)) as loaded, pytest.raises(BpfSyscallError, match="EINVAL"):
            Runner(loaded.program.fd, {field: 1}).run(build(UDP))

    def test_fields_that_the_program_changed(self, build: Compiler, root: None) -> None:
        program = ("obj", build("prog_context"), "program", "cls_main", "packet", UDP)
        found = report(*program, "ctx", "mark=7,priority=2,cb3=9", "expect-ctx", "mark=8,priority=2,cb0=42,cb3=9")
        assert found["packets"][0]["context"] == {"mark": 8, "cb0": 42}
        wrong = pytc("prog", "run", *program, "expect-ctx", "mark=5")
        assert (wrong.status, "FAILED: mark is 1, 5 was expected" in wrong.out) == (1, True)
        other = pytc("prog", "run", *program, "expect-ctx", "wire_len=5")
        assert (other.status, "a test run does not return wire_len" in other.err) == (255, True)

    def test_a_device_by_its_name(self, network: Network, build: Compiler) -> None:
        words = ("prog", "run", "obj", build("prog_context"), "program", "device", "packet", UDP, "ctx")
        index = int(network.execute("cat", "/sys/class/net/em1/ifindex").out)
        (found,) = network.json(*words, "ifindex=em1")
        assert found["packets"][0]["value"] == index
        missing = network.pytc(*words, "ifindex=em7")
        assert (missing.status, missing.err) == (1, 'Cannot find device "em7"\n')
        numbered = network.pytc(*words, "ifindex=9999")
        assert (numbered.status, "ENODEV" in numbered.err) == (1, True)

    def test_xdp_has_its_own(self, build: Compiler, root: None) -> None:
        words = ("obj", build("run_types"), "type", "xdp", "packet", UDP, "ctx")
        name = next(p.name for p in read_object(build("run_types")).programs if p.type is ProgramType.XDP)
        outcome = pytc("prog", "run", *words, "mark=1", "program", name)
        assert (outcome.status, "ingress_ifindex, rx_queue_index" in outcome.err) == (1, True)
        assert set(XDP.settable) == {"ingress_ifindex", "rx_queue_index"}
