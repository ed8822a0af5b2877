"""Warnings of filters that do not do what they appear to do; packets show that each is right."""

from __future__ import annotations

import json
import re

import pytest

from pytc.bpf import Map, Program
from pytc.bpf.sys.info import program_map_ids
from tests.conftest import Compiler
from tests.network import Network
from tests.processes import must, pytc

pytestmark = pytest.mark.kernel

IN, OUT = ("dev", "em1", "ingress"), ("dev", "em1", "egress")
SHOT = (
    'Warning: program "{}" can return TC_ACT_SHOT (2), which drops nothing without direct-action (da): it counts as a '
    "match, the packet passes, and no other filter is asked\n"
)
UNKNOWN = (
    'Warning: program "{}" can return {}, which a filter does not know: it counts as TC_ACT_UNSPEC, and the next '
    "filter is asked\n"
)
PEER = (
    'Warning: program "peer" calls bpf_redirect_peer, which works at ingress only: at egress, the kernel drops the '
    "packets that it redirects\n"
)
SEND = """
import socket, sys
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((sys.argv[1], 0))
for _ in range(5):
    sender.send(b"\\xff" * 12 + b"\\x88\\xb5" + bytes(50))
"""


@pytest.fixture
def path(build: Compiler) -> str:
    return build("attached/verdicts")


def filter_words(path: str, section: str, *words: str, where: tuple[str, ...] = IN, verb: str = "add") -> list[str]:
    return ["filter", verb, *where, *words, "bpf", "da", "obj", path, "section", section]


def seen(network: Network, *where: str, key: int = 0, name: str = "") -> int:
    """Return how many packets the filter tc/count has met: IPv4, or frames of EtherType 0x88b5 at key 1."""
    shown = pytc("-j", "-n", name or network.name, "filter", "show", *where, env=network.env)
    (program,) = [
        one["options"]["prog"]["id"]
        for one in json.loads(shown.out)
        if one.get("options", {}).get("prog", {}).get("name") == "count"
    ]
    with Program.from_id(program) as found:
        (number,) = program_map_ids(found.fd)
    with Map.from_id(number) as counts:
        return int.from_bytes([value for _, value in counts.items()][key], "little")


class TestShotWithoutDirectAction:
    @pytest.mark.parametrize("hook", ["ingress", "egress"])
    def test_it_drops_nothing_and_ends_the_search(self, clsact: Network, path: str, hook: str) -> None:
        where = ("dev", "em1", hook)
        clsact.ok(*filter_words(path, "tc/count", "pref", "9", where=where))
        done = clsact.pytc("filter", "add", *where, "pref", "1", "bpf", "obj", path, "section", "tc/drop")
        assert done == (0, "", SHOT.format("drop"))
        assert clsact.ping() and seen(clsact, *where) == 0
        clsact.ok("filter", "replace", *where, "pref", "1", "handle", "1", "bpf", "da", "obj", path, "sec", "tc/drop")
        assert not clsact.ping()

    def test_with_the_ingress_qdisc_and_with_its_handle_too(self, network: Network, path: str) -> None:
        network.ok("qdisc", "add", "dev", "em1", "ingress")
        for parent in (("ingress",), ("parent", "ffff:")):
            done = network.pytc("filter", "add", "dev", "em1", *parent, "bpf", "obj", path, "section", "tc/some")
            assert done == (0, "", SHOT.format("some"))
            assert network.ping()

    @pytest.mark.parametrize(
        "words",
        [
            ("da", "section", "tc/drop"),
            ("section", "tc/ok"),
            ("section", "tc/next"),
            ("section", "tc/any"),
            ("section", "tc/strict"),
            ("section", "tc/write"),
            ("section", "tc/drop", "action", "mirred", "egress", "redirect", "dev", "em1"),
        ],
    )
    def test_no_other_filter_is_warned_of(self, clsact: Network, path: str, words: tuple[str, ...]) -> None:
        for options in ((), ("--dry-run",)):
            done = clsact.pytc("filter", "add", *IN, "bpf", "obj", path, *words, options=options)
            assert (done.status, done.err) == (0, "")

    def test_a_variable_that_makes_it_possible_counts(self, clsact: Network, path: str) -> None:
        words = ("bpf", "obj", path, "section", "tc/strict", "set", "is_strict=true")
        for options in (("--dry-run",), ()):
            assert clsact.pytc("filter", "add", *IN, *words, options=options).err == SHOT.format("strict")

    def test_on_a_classful_qdisc_it_names_a_class(self, network: Network, path: str) -> None:
        network.ok("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb")
        done = network.pytc("filter", "add", "dev", "em1", "parent", "1:", "bpf", "obj", path, "section", "tc/drop")
        assert done == (0, "", "")

    def test_a_change_is_warned_of(self, clsact: Network, path: str) -> None:
        clsact.ok(*filter_words(path, "tc/drop", "pref", "1", "handle", "1"))
        words = ("filter", "change", *IN, "pref", "1", "handle", "1", "bpf", "obj", path, "section", "tc/drop")
        assert clsact.pytc(*words).err == SHOT.format("drop")

    def test_pinned_programs_are_looked_at(self, clsact: Network, path: str) -> None:
        clsact.ok(*filter_words(path, "tc/drop"))
        (number,) = [one["options"]["prog"]["id"] for one in clsact.json("filter", "show", *IN) if "options" in one]
        clsact.ok("prog", "pin", "id", str(number), "m:drop")
        for options in ((), ("--dry-run",)):
            done = clsact.pytc("filter", "add", *IN, "bpf", "pinned", "m:drop", options=options)
            assert done.err == SHOT.format("drop").replace('program "drop"', "m:drop:[*fsobj]")


class TestReturnValues:
    @pytest.mark.parametrize(
        ("section", "values"),
        [("tc/reclassify", "1 (TC_ACT_RECLASSIFY)"), ("tc/several", "-5 and 3 (TC_ACT_PIPE)")],
    )
    def test_what_a_filter_does_not_know_asks_the_next_one(
        self, clsact: Network, path: str, section: str, values: str
    ) -> None:
        clsact.ok(*filter_words(path, "tc/count", "pref", "9"))
        warning = UNKNOWN.format(section.removeprefix("tc/"), values)
        assert clsact.pytc(*filter_words(path, section, "pref", "1"), options=("--dry-run",)).err == warning
        assert clsact.pytc(*filter_words(path, section, "pref", "1")).err == warning
        assert clsact.ping(count=3) and seen(clsact, *IN) == 3

    @pytest.mark.parametrize("section", ["tc/ok", "tc/next", "tc/drop", "tc/stolen", "tc/any", "tc/called"])
    def test_no_warning_of_what_it_knows(self, clsact: Network, path: str, section: str) -> None:
        for options in ((), ("--dry-run",)):
            assert clsact.pytc(*filter_words(path, section), options=options).err == ""


class TestBehindTheLastFilter:
    """Behind a filter that never passes packets on, no filter meets any."""

    @pytest.mark.parametrize(
        ("words", "name"),
        [
            ("bpf da obj {} section tc/ok", "verdicts.o:[tc/ok]"),
            ("bpf da obj {} section tc/called", "verdicts.o:[tc/called]"),
            ("bpf da obj {} section tc/write", "verdicts.o:[tc/write]"),
            ("bpf da obj {} section tc/strict", "verdicts.o:[tc/strict]"),
            ("bpf obj {} section tc/next", "verdicts.o:[tc/next]"),
            ("bpf bytecode '1,6 0 0 4294967295' classid 1:1", ""),
            pytest.param("matchall classid 1:1", "matchall", marks=pytest.mark.needs("filter:matchall")),
            pytest.param("matchall action drop", "matchall", marks=pytest.mark.needs("filter:matchall", "action:gact")),
        ],
    )
    def test_it_is_named(self, clsact: Network, path: str, words: str, name: str) -> None:
        script = f"filter add dev em1 ingress pref 4 {words.format(path)}\n"
        assert pytc("-n", clsact.name, "-b", "-", env=clsact.env, input=script).status == 0
        handle = re.findall(r"handle (\S+)", clsact.ok("filter", "show", *IN))[-1]  # in JSON, matchall's is a number
        place = f"pref 4 handle {handle}" + (f" ({name})" if name else "")
        warning = (
            f"Warning: em1 ingress: no packet reaches this filter, because the one at {place} never passes one on\n"
        )
        for pref, options in (("4", ("--dry-run",)), ("9", ("--dry-run",)), ("9", ())):
            done = clsact.pytc(*filter_words(path, "tc/count", "pref", pref), options=options)
            if pref == "4" and not words.startswith("bpf"):
                continue  # a preference is of one kind
            assert (done.status, done.err) == (0, warning)
        clsact.ping()
        assert seen(clsact, *IN) == 0

    @pytest.mark.parametrize(
        "words",
        [
            "bpf da obj {} section tc/next",
            "bpf da obj {} section tc/reclassify",
            "bpf da obj {} section tc/some",
            "bpf da obj {} section tc/any",
            "bpf obj {} section tc/ok",
            "bpf bytecode '1,6 0 0 0' classid 1:1",
            "protocol arp bpf da obj {} section tc/ok",
            "chain 3 bpf da obj {} section tc/ok",
            "u32 match u32 0 0xffffffff",
            pytest.param("matchall action continue", marks=pytest.mark.needs("filter:matchall", "action:gact")),
        ],
    )
    def test_what_passes_packets_on_is_not(self, clsact: Network, path: str, words: str) -> None:
        script = f"filter add dev em1 ingress pref 4 {words.format(path)}\n"
        assert pytc("-n", clsact.name, "-b", "-", env=clsact.env, input=script).status == 0
        assert clsact.pytc(*filter_words(path, "tc/count", "pref", "9", "protocol", "ip")) == (0, "", "")
        assert clsact.ping() and seen(clsact, *IN) == 1

    def test_a_filter_in_front_is_not_behind(self, clsact: Network, path: str) -> None:
        clsact.ok(*filter_words(path, "tc/ok", "pref", "4"))
        assert clsact.pytc(*filter_words(path, "tc/count", "pref", "3")) == (0, "", "")
        assert clsact.ping() and seen(clsact, *IN) == 1
        assert clsact.pytc(*filter_words(path, "tc/next")) == (0, "", ""), "the kernel puts it in front of all"
        last = filter_words(path, "tc/ok", "pref", "4", "handle", "1", verb="replace")
        assert clsact.pytc(*last) == (0, "", ""), "it replaces the one that never passes packets on"

    def test_other_hooks_and_protocols_do_not_count(self, clsact: Network, path: str) -> None:
        clsact.ok(*filter_words(path, "tc/ok", "pref", "4", "protocol", "ip"))
        assert clsact.pytc(*filter_words(path, "tc/count", "pref", "9", where=OUT)) == (0, "", "")
        assert clsact.pytc(*filter_words(path, "tc/next", "pref", "9", "protocol", "arp")) == (0, "", "")
        assert clsact.pytc(*filter_words(path, "tc/next", "pref", "10")) == (0, "", ""), "it meets ARP"
        warning = clsact.pytc(*filter_words(path, "tc/next", "pref", "11", "protocol", "ip")).err
        assert "no packet reaches this filter" in warning

    def test_filters_of_any_kind_are_warned_of(self, clsact: Network, path: str) -> None:
        clsact.ok(*filter_words(path, "tc/ok", "pref", "4"))
        for pref, kind in (("8", ("u32", "match", "u32", "0", "0")), ("9", ("bpf", "bytecode", "1,6 0 0 0"))):
            assert "no packet reaches" in clsact.pytc("filter", "add", *IN, "pref", pref, *kind).err

    def test_a_batch_warns_once_of_a_hook_and_forgets_what_is_deleted(self, clsact: Network, path: str) -> None:
        last, behind = " ".join(filter_words(path, "tc/ok", "pref", "4")), filter_words(path, "tc/count", "pref", "9")
        lines = [last, " ".join(behind), " ".join(behind)]
        done = pytc("-n", clsact.name, "-b", "-", env=clsact.env, input="\n".join(lines))
        assert done.status == 0
        assert done.err == (
            "Warning: -:2: em1 ingress: no packet reaches this filter, because the one at pref 4 handle 0x1 "
            "(verdicts.o:[tc/ok]) never passes one on\n"
        )
        clsact.ok("filter", "del", *IN)
        lines = [last, "filter del dev em1 ingress pref 4", " ".join(behind)]
        assert pytc("-n", clsact.name, "-b", "-", env=clsact.env, input="\n".join(lines)) == (0, "", "")

    def test_of_a_shared_block(self, network: Network, path: str) -> None:
        network.ok("qdisc", "add", "dev", "em1", "ingress_block", "7", "clsact")
        network.ok(*filter_words(path, "tc/ok", "pref", "4", where=("block", "7")))
        warning = network.pytc(*filter_words(path, "tc/count", "pref", "9", where=("block", "7"))).err
        assert warning.startswith("Warning: block 7: no packet reaches this filter")
        assert network.ping()


class TestRedirectPeer:
    @pytest.fixture
    def target(self, clsact: Network, path: str) -> str:
        """A device whose other end, em4 in the peer's namespace, counts frames of EtherType 0x88b5 that come in."""
        must("ip", "-n", clsact.name, "link", "add", "em3", "type", "veth", "peer", "name", "em4", "netns", clsact.peer)
        must("ip", "-n", clsact.name, "link", "set", "em3", "up")
        must("ip", "-n", clsact.peer, "link", "set", "em4", "up")
        far = ("-n", clsact.peer)
        assert pytc(*far, "qdisc", "add", "dev", "em4", "clsact").status == 0
        counting = filter_words(path, "tc/count", where=("dev", "em4", "ingress"))
        assert pytc(*far, *counting, env=clsact.env).status == 0
        (about,) = json.loads(must("ip", "-j", "-n", clsact.name, "link", "show", "em3"))
        return str(about["ifindex"])

    @pytest.mark.parametrize(("hook", "sender", "arrived"), [("ingress", "em2", 5), ("egress", "em1", 0)])
    @pytest.mark.parametrize("kind", ["filter", pytest.param("tcx", marks=pytest.mark.needs("tcx"))])
    def test_packets_are_lost_at_egress(
        self, clsact: Network, path: str, target: str, kind: str, hook: str, sender: str, arrived: int
    ) -> None:
        words = ("obj", path, "section", "tc/peer", "set", f"target={target}")
        where = ("dev", "em1", hook)
        command = ("tcx", "attach", *where, *words) if kind == "tcx" else ("filter", "add", *where, "bpf", "da", *words)
        for options in (("--dry-run",), ()):
            done = clsact.pytc(*command, options=options)
            assert (done.status, done.err) == (0, PEER if hook == "egress" else "")
        assert clsact.execute("python3", "-c", SEND, sender, peer=sender == "em2").status == 0
        assert seen(clsact, "dev", "em4", "ingress", key=1, name=clsact.peer) == arrived

    def test_a_call_that_cannot_happen_is_not_warned_of(self, clsact: Network, path: str) -> None:
        for options in (("--dry-run",), ()):
            assert clsact.pytc(*filter_words(path, "tc/peer", where=OUT), options=options).err == ""


@pytest.mark.parametrize(
    "words", [("bpf", "obj", "PATH", "section", "tc/drop"), ("bpf", "da", "obj", "PATH", "section", "tc/reclassify")]
)
def test_an_option_leaves_the_warnings_out(clsact: Network, path: str, words: tuple[str, ...]) -> None:
    clsact.ok(*filter_words(path, "tc/ok", "pref", "4"))
    command = ("filter", "add", *IN, "pref", "9", *(path if word == "PATH" else word for word in words))
    assert clsact.pytc(*command, options=("--no-warn",)) == (0, "", "")
    assert clsact.pytc(*command).err.count("Warning: ") == 2


def test_a_batch_names_the_lines(clsact: Network, path: str) -> None:
    line = f"filter add dev em1 ingress bpf obj {path} section tc/drop\n"
    for options in ((), ("--atomic",)):
        done = pytc("-n", clsact.name, *options, "-b", "-", env=clsact.env, input=line * 2)
        assert (done.status, done.err.count(SHOT.format("drop").removeprefix("Warning: "))) == (0, 2)
        assert done.err.startswith("Warning: -:1: program ")


class TestEgressOfAnIngressQdisc:
    @pytest.mark.parametrize("verb", ["add", "replace", "change", "delete"])
    @pytest.mark.parametrize("hook", [("egress",), ("parent", "ffff:fff3")])
    def test_it_is_refused(self, network: Network, path: str, verb: str, hook: tuple[str, ...]) -> None:
        network.ok("qdisc", "add", "dev", "em1", "ingress")
        network.ok(*filter_words(path, "tc/count", "pref", "9", "handle", "1"))
        before = network.state()
        kinds = (("bpf", "da", "obj", path, "section", "tc/next"), ("bpf", "bytecode", "1,6 0 0 0"), ("matchall",))
        for kind in kinds if verb != "delete" else ((), ("bpf",)):
            line = ("filter", verb, "dev", "em1", *hook, *(("pref", "9", "handle", "1") if kind else ()), *kind)
            refusal = "em1 has an ingress qdisc instead of clsact, without egress\n"
            for options in ((), ("--dry-run",)):
                done = network.pytc(*line, options=options)
                assert done.status != 0 and done.err.startswith(refusal)
            text = " ".join(line).replace("1,6 0 0 0", "'1,6 0 0 0'")
            done = pytc("-n", network.name, "-b", "-", env=network.env, input=f"{text}\n" * 2)
            assert done.status != 0 and done.err.startswith(refusal)
        assert network.state() == before

    @pytest.mark.parametrize("verb", ["add", "delete"])
    def test_so_are_chains(self, network: Network, verb: str) -> None:
        network.ok("qdisc", "add", "dev", "em1", "ingress")
        network.ok("chain", "add", "dev", "em1", "ingress", "chain", "3")
        before = network.state()
        done = network.pytc("chain", verb, "dev", "em1", "egress", "chain", "4" if verb == "add" else "3")
        assert done.status != 0 and "em1 has an ingress qdisc instead of clsact" in done.err
        assert network.state() == before

    def test_a_batch_looks_again_when_it_changes_the_qdisc(self, clsact: Network) -> None:
        add = "filter add dev em1 egress bpf bytecode '1,6 0 0 0'"
        lines = [add, add, "qdisc del dev em1 clsact", "qdisc add dev em1 ingress", add]
        done = pytc("-n", clsact.name, "-b", "-", env=clsact.env, input="\n".join(lines))
        assert done.status != 0 and "without egress" in done.err and done.err.rstrip().endswith("-:5")

    def test_hooks_shows_each_filter_once_where_it_runs(self, network: Network, path: str) -> None:
        network.ok("qdisc", "add", "dev", "em1", "ingress")
        tc = network.tc("filter", "add", "dev", "em1", "egress", "bpf", "da", "bytecode", "1,6 0 0 4294967295")
        assert tc.status == 0
        network.ok(*filter_words(path, "tc/count"))
        shown = network.json("hooks", "dev", "em1")
        assert [("ingress" in one, "egress" in one) for one in shown] == [(True, False)] * 2
        assert network.ping(count=3) and seen(network, *IN) == 3


@pytest.mark.needs("tcx")
class TestTcx:
    def attach(self, network: Network, path: str, section: str, *words: str, options: tuple[str, ...] = ()) -> str:
        done = network.pytc("tcx", "attach", *IN, *words, "obj", path, "section", section, options=options)
        assert done.status == 0, done.err
        return done.err

    def test_an_unknown_value_goes_on_with_the_filters(self, clsact: Network, path: str) -> None:
        clsact.ok(*filter_words(path, "tc/count"))
        for section, name, value in (
            ("tc/stolen", "stolen", "4 (TC_ACT_STOLEN)"),
            ("tc/several", "several", "-5 and 3 (TC_ACT_PIPE)"),
        ):
            before = seen(clsact, *IN)
            warning = (
                f'Warning: program "{name}" can return {value}, which tcx does not know: the packet goes on to the '
                "filters of clsact, and no later program sees it\n"
            )
            assert warning in self.attach(clsact, path, section, options=("--dry-run",))
            assert warning in self.attach(clsact, path, section)
            assert clsact.ping(count=3) and seen(clsact, *IN) - before == 3
            assert clsact.pytc("tcx", "replace", *IN, "obj", path, "section", section).err.endswith(warning)
            clsact.ok("tcx", "detach", *IN, "all")

    def test_behind_a_program_that_never_goes_on(self, network: Network, path: str) -> None:
        assert self.attach(network, path, "tc/next") == ""
        assert self.attach(network, path, "tc/ok") == ""
        (number,) = [one["prog"]["id"] for one in network.json("tcx", "show", *IN) if one["prog"]["name"] == "ok"]
        assert self.attach(network, path, "tc/next") == (
            f"Warning: em1 ingress: no packet reaches this program, because program id {number} (ok) in front of it "
            "never returns TCX_NEXT (-1)\n"
        )
        assert self.attach(network, path, "tc/next", "first") == ""
        assert self.attach(network, path, "tc/next", options=("--no-warn",)) == ""


def test_more_warnings_and_none_contradict_each_other(clsact: Network) -> None:
    done = clsact.pytc("filter", "show", *IN, options=("--warn", "--no-warn"))
    assert done.status == 255 and done.err == 'Options "-warn" and "-no-warn" contradict each other\n'
