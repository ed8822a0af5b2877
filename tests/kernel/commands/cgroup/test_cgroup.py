"""``pytc cgroup``: places, flags, replacement, and what is left when a cgroup is gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytc.bpf.sys.cgroups import mounts
from pytc.bpf.sys.links import links
from tests.conftest import EXAMPLES, Compiler, is_loaded, pins
from tests.kernel.connections import connection, numbers, serving
from tests.kernel.worker import working
from tests.network import Network
from tests.processes import PYTC, run
from tests.waiting import until

pytestmark = pytest.mark.kernel

SOCKOPS = EXAMPLES / "sockops"
IW = ("obj", str(SOCKOPS / "iw.o"))


def window(network: Network, cgroup: Path) -> int:
    """The initial congestion window of a connection from a cgroup; a server has to be there."""
    return connection(network, cgroup).number(r" cwnd:(\d+)")


def iw(segments: int) -> tuple[str, ...]:
    return (*IW, "set", f"segments={segments}")


def names(network: Network, *words: str) -> list[str]:
    return [one["prog"]["name"] for one in network.json("cgroup", "show", *words)]


class TestPlaces:
    def test_by_the_path_or_by_a_process(self, network: Network, cgroup: Path) -> None:
        with working(network.name, cgroup) as worker:
            network.ok("cgroup", "attach", "pid", str(worker.pid), *IW)
            assert names(network, str(cgroup)) == ["iw"] == names(network, "pid", str(worker.pid))
            network.ok("cgroup", "detach", "pid", str(worker.pid), "name", "iw")
        assert names(network, str(cgroup)) == []

    def test_of_a_process_that_is_gone(self, network: Network) -> None:
        with working(network.name, Path(mounts()[0])) as worker:
            pid = worker.pid
        done = network.pytc("cgroup", "show", "pid", str(pid))
        assert (done.status, done.err) == (2, f"there is no process {pid}\n")

    @pytest.mark.parametrize("verb", [("attach",), ("detach", "all"), ("show",), ("tree",)])
    def test_what_is_no_cgroup(self, network: Network, tmp_path: Path, verb: tuple[str, ...]) -> None:
        words = IW if verb[0] == "attach" else ()
        done = network.pytc("cgroup", verb[0], str(tmp_path), *verb[1:], *words)
        assert done.status == 2 and "is not a directory of cgroup2" in done.err
        assert f"Hint: cgroup2 is mounted at {mounts()[0]}\n" in done.err
        missing = network.pytc("cgroup", verb[0], str(tmp_path / "none"), *verb[1:], *words)
        assert missing.status == 2 and "No such file or directory" in missing.err

    def test_a_cgroup_of_version_1_is_told_and_its_twin_named(self, network: Network, cgroup: Path) -> None:
        hierarchies = [
            line.split()[1]
            for line in Path("/proc/self/mounts").read_text().splitlines()
            if line.split()[2] == "cgroup"
        ]
        if not hierarchies:
            pytest.skip("this system is not hybrid: it has cgroup2 alone")
        old = Path(hierarchies[-1]) / cgroup.name
        old.mkdir()
        try:
            done = network.pytc("cgroup", "attach", str(old), *IW)
        finally:
            old.rmdir()
        assert done.status == 2 and done.err == (
            f'"{old}" is a cgroup of version 1, which cannot have programs\n'
            f"Hint: cgroup2 is mounted at {mounts()[0]}; {cgroup} exists\n"
        )
        assert names(network, str(cgroup)) == []


class TestFlags:
    def test_multi_adds_and_all_run(self, network: Network, cgroup: Path) -> None:
        for name in ("iw", "rwnd", "basertt"):
            network.ok("cgroup", "attach", str(cgroup), "obj", str(SOCKOPS / f"{name}.o"))
        ours = network.json("cgroup", "show", str(cgroup))
        assert [(one["attach_type"], one["attach_flags"], one["prog"]["name"]) for one in ours] == [
            ("cgroup_sock_ops", "multi", name) for name in ("iw", "rwnd", "basertt")
        ]
        trees = network.json("cgroup", "tree", str(cgroup.parent))
        assert [(one["cgroup"], one["programs"]) for one in trees if one["cgroup"] == str(cgroup)] == [
            (str(cgroup), ours)
        ]
        network.ok("cgroup", "detach", str(cgroup), "all")

    @pytest.mark.needs("attach_flags")
    def test_as_bpftool_has_it(self, network: Network, cgroup: Path) -> None:
        for name in ("iw", "rwnd"):
            network.ok("cgroup", "attach", str(cgroup), "obj", str(SOCKOPS / f"{name}.o"))
        theirs = json.loads(run("bpftool", "-j", "cgroup", "show", str(cgroup)).out)
        ours = network.json("cgroup", "show", str(cgroup))
        assert [(one["id"], one["attach_type"], one["attach_flags"], one["name"]) for one in theirs] == [
            (one["prog"]["id"], one["attach_type"], one["attach_flags"], one["prog"]["name"]) for one in ours
        ]
        network.ok("cgroup", "detach", str(cgroup), "all")

    def test_the_same_program_twice(self, network: Network, cgroup: Path) -> None:
        network.ok("cgroup", "attach", str(cgroup), *IW)
        (number,) = numbers(network.json("cgroup", "show", str(cgroup)))
        network.ok("prog", "pin", "id", str(number), "m:iw")
        done = network.pytc("cgroup", "attach", str(cgroup), "pinned", "m:iw")
        assert (done.status, done.err) == (2, f"{cgroup} sock_ops: this program is attached there already\n")
        network.ok("cgroup", "detach", str(cgroup), "all")

    @pytest.mark.parametrize(
        ("above", "below"),
        [
            ("multi", "multi"),
            ("multi", "override"),
            ("override", "override"),
            ("override", "multi"),
            ("override", "exclusive"),
            ("exclusive", "refused"),
        ],
    )
    def test_what_a_cgroup_below_may_have(self, network: Network, cgroup: Path, above: str, below: str) -> None:
        inner = cgroup / "inner"
        inner.mkdir()
        network.ok("cgroup", "attach", str(cgroup), above, *iw(31))
        flag = "override" if below == "refused" else below
        done = network.pytc("cgroup", "attach", str(inner), flag, *iw(32))
        with serving(network):
            if below == "refused":
                assert done.status == 2 and "another of multi, override and exclusive" in done.err
                assert window(network, inner) == 31
            else:
                assert done.status == 0, done.err
                assert window(network, inner) in ((31, 32) if above == "multi" else (32,))
                network.ok("cgroup", "detach", str(inner), "all")
                assert window(network, inner) == 31
            network.ok("cgroup", "detach", str(cgroup), "all")
            assert window(network, inner) == 10

    def test_override_and_multi_do_not_go_together(self, network: Network, cgroup: Path) -> None:
        network.ok("cgroup", "attach", str(cgroup), "override", *IW)
        done = network.pytc("cgroup", "attach", str(cgroup), "obj", str(SOCKOPS / "rwnd.o"))
        assert done.status == 2 and "another of multi, override and exclusive" in done.err
        network.ok("cgroup", "attach", str(cgroup), "override", "obj", str(SOCKOPS / "rwnd.o"))
        assert names(network, str(cgroup)) == ["rwnd"], "without multi, the new one takes the place"
        network.ok("cgroup", "detach", str(cgroup), "all")

    def test_effective_is_what_runs_below(self, network: Network, cgroup: Path) -> None:
        inner = cgroup / "inner"
        inner.mkdir()
        network.ok("cgroup", "attach", str(cgroup), *IW)
        network.ok("cgroup", "attach", str(inner), "obj", str(SOCKOPS / "rwnd.o"))
        assert names(network, str(inner)) == ["rwnd"]
        assert sorted(names(network, str(inner), "effective")) == ["iw", "rwnd"]
        assert names(network, str(inner), "ingress", "effective") == []
        assert sorted(names(network, str(inner), "effective")) == sorted(
            one["name"] for one in json.loads(run("bpftool", "-j", "cgroup", "show", str(inner), "effective").out)
        )
        tree = {
            one["cgroup"]: [program["prog"]["name"] for program in one["programs"]]
            for one in network.json("cgroup", "tree", str(cgroup))
        }
        assert tree == {str(cgroup): ["iw"], str(inner): ["rwnd"]}
        for one in (inner, cgroup):
            network.ok("cgroup", "detach", str(one), "all")


class TestReplace:
    def test_takes_the_place_in_one_step(self, network: Network, cgroup: Path) -> None:
        network.ok("cgroup", "attach", str(cgroup), *iw(31))
        network.ok("cgroup", "attach", str(cgroup), "obj", str(SOCKOPS / "rwnd.o"))
        first, second = numbers(network.json("cgroup", "show", str(cgroup)))
        network.ok("cgroup", "attach", str(cgroup), "replace", "name", "iw", *iw(32))
        new, still = numbers(network.json("cgroup", "show", str(cgroup)))
        assert still == second and new != first
        with serving(network):
            assert window(network, cgroup) == 32
        until(lambda: not is_loaded(first))
        network.ok("cgroup", "detach", str(cgroup), "all")

    def test_keeps_the_link(self, network: Network, cgroup: Path) -> None:
        network.ok("cgroup", "attach", str(cgroup), "link", "m:iw", *iw(31))
        (before,) = network.json("cgroup", "show", str(cgroup))
        network.ok("cgroup", "attach", str(cgroup), "replace", "link", "m:iw", *iw(33))
        (after,) = network.json("cgroup", "show", str(cgroup))
        assert after["link"] == before["link"] and after["prog"]["id"] != before["prog"]["id"]
        with serving(network):
            assert window(network, cgroup) == 33
        network.ok("cgroup", "detach", str(cgroup), "link", "m:iw")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("replace", "name", "nothing", *IW), "no program at {} sock_ops with name nothing"),
            (("replace", "id", "4294967295", *IW), "Hint: there: id "),
            (("replace", "name", "iw", "obj", str(SOCKOPS / "iw.o"), "set", "nothing=1"), "nothing"),
            (("connect4", "replace", "name", "iw", *IW), "iw"),
        ],
    )
    def test_or_leaves_everything_as_it_was(
        self, network: Network, cgroup: Path, bpffs: Path, words: tuple[str, ...], said: str
    ) -> None:
        network.ok("cgroup", "attach", str(cgroup), *IW)
        before, pinned = network.json("cgroup", "show", str(cgroup)), pins(bpffs)
        done = network.pytc("cgroup", "attach", str(cgroup), *words)
        assert said.format(cgroup) in done.err and done.status in (1, 2) and "Traceback" not in done.err
        assert network.json("cgroup", "show", str(cgroup)) == before and pins(bpffs) == pinned
        network.ok("cgroup", "detach", str(cgroup), "all")


class TestRemoval:
    def test_of_the_cgroup_leaves_no_program(self, network: Network, cgroup: Path, build: Compiler) -> None:
        for words in (
            IW,
            ("override", "obj", build("attached/cgroups"), "sec", "cgroup/connect4"),
            ("obj", build("attached/cgroups"), "sec", "cgroup_skb/egress"),
        ):
            network.ok("cgroup", "attach", str(cgroup), *words)
        loaded = numbers(network.json("cgroup", "show", str(cgroup)))
        assert len(loaded) == 3 and all(map(is_loaded, loaded))
        cgroup.rmdir()
        until(lambda: not any(map(is_loaded, loaded)))
        assert str(cgroup) not in network.ok("cgroup", "tree")

    def test_leaves_a_pinned_link_without_a_place(self, network: Network, cgroup: Path, bpffs: Path) -> None:
        network.ok("cgroup", "attach", str(cgroup), "link", "m:iw", *IW)
        (only,) = network.json("link", "show", "m:iw")
        assert only["cgroup"] == str(cgroup) and "defunct" not in only
        cgroup.rmdir()
        until(lambda: bool(network.json("link", "show", "m:iw")[0].get("defunct")))
        assert network.ok("link", "show", "m:iw").startswith(f"link {only['id']} cgroup ")
        done = network.pytc("link", "update", "m:iw", *IW)
        assert done.status == 2 and f"link {only['id']} has lost its place: its cgroup is gone" in done.err
        network.ok("link", "unpin", "m:iw")
        assert "tc/iw" not in pins(bpffs)
        until(lambda: not is_loaded(only["prog"]["id"]))
        assert only["id"] not in {one.id for one in links()}


class TestExport:
    def test_that_fails_attaches_nothing(self, network: Network, cgroup: Path) -> None:
        done = network.pytc("cgroup", "attach", str(cgroup), "obj", str(SOCKOPS / "replylong.o"), "export", "/nowhere")
        assert done.status == 1 and "nowhere" in done.err
        assert names(network, str(cgroup)) == []

    def test_hands_the_maps_over(self, network: Network, cgroup: Path, tmp_path: Path) -> None:
        from tests.processes import PYTC, finish, running

        place = tmp_path / "socket"
        with running(*PYTC, "exec", "bpf", "import", str(place), "run", "sh", "-c", "echo $BPF_NUM_MAPS") as importer:
            until(place.exists)
            network.ok("cgroup", "attach", str(cgroup), "obj", str(SOCKOPS / "replylong.o"), "export", str(place))
            assert finish(importer)[:2] == (0, "1\n")
        network.ok("cgroup", "detach", str(cgroup), "all")


@pytest.mark.parametrize(
    "words",
    [
        ("cgroup", "attach", "CGROUP", "obj", "iw.o"),
        ("cgroup", "attach", "CGROUP", "link", "m:x", "obj", "iw.o"),
        ("cgroup", "detach", "CGROUP", "id", "ID"),
        ("cgroup", "detach", "CGROUP", "all"),
        ("cgroup", "show", "CGROUP"),
        ("tcx", "attach", "dev", "lo", "ingress", "obj", "iw.o"),
        ("tcx", "show", "dev", "lo"),
        ("link", "show"),
        ("link", "detach", "1"),
        ("hooks", "dev", "lo"),
    ],
)
def test_a_process_without_capabilities_is_told_why(network: Network, cgroup: Path, words: tuple[str, ...]) -> None:
    network.ok("cgroup", "attach", str(cgroup), *IW)
    before = network.json("cgroup", "show", str(cgroup))
    known = {"CGROUP": str(cgroup), "ID": str(before[0]["prog"]["id"])}
    done = run(
        "setpriv",
        "--inh-caps=-all",
        "--bounding-set=-all",
        *PYTC,
        *(known.get(word, word) for word in words),
        cwd=SOCKOPS,
    )
    assert done.status in (1, 2)
    assert "Operation not permitted" in done.err
    assert "CAP_SYS_ADMIN" in done.err
    assert "this process (root) was started without" in done.err
    assert network.json("cgroup", "show", str(cgroup)) == before
    network.ok("cgroup", "detach", str(cgroup), "all")


def test_a_link_is_pinned_updated_and_leaves_nothing(network: Network, cgroup: Path, bpffs: Path) -> None:
    before = {one.id for one in links()}
    network.ok("cgroup", "attach", str(cgroup), "link", "m:iw", *iw(33))
    shown = network.json("link", "show", "m:iw")[0]
    theirs = json.loads(run("bpftool", "-j", "link", "show", "id", str(shown["id"])).out)
    assert (theirs["prog_id"], theirs["cgroup_id"], theirs["attach_type"]) == (
        shown["prog"]["id"],
        shown["cgroup_id"],
        shown["attach_type"],
    )
    network.ok("link", "update", "m:iw", *iw(44))
    with serving(network):
        assert window(network, cgroup) == 44
    network.ok("cgroup", "detach", str(cgroup), "link", "m:iw")
    assert "tc/iw" not in pins(bpffs)
    until(lambda: {one.id for one in links()} <= before, "the kernel releases the link, in a work queue")
