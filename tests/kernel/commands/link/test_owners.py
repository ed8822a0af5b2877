"""Owners of links and pins: who attached a program can take away just that."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytc.commands.shared.link_owners import owned_path, owner_of
from tests.conftest import EXAMPLES, Compiler, pins
from tests.kernel.transaction.desired_states import applied
from tests.network import Network

pytestmark = [pytest.mark.kernel, pytest.mark.needs("tcx")]

IN = ("dev", "em1", "ingress")
IW = str(EXAMPLES / "sockops/iw.o")


@pytest.fixture
def path(build: Compiler) -> str:
    return build("attached/verdicts")


def attach(network: Network, path: str, section: str, *words: str) -> None:
    network.ok("tcx", "attach", *IN, *words, "obj", path, "section", section)


def at_hook(network: Network) -> dict[str, str]:
    """Return the owners of the programs of tcx at em1 ingress, by their names."""
    shown = network.json("tcx", "show", *IN)
    return {one["prog"]["name"]: one.get("owner", "") for one in shown if one.get("kind") == "tcx"}


def owned(network: Network) -> list[str]:
    return [
        path for path in pins(Path(network.env["TC_BPF_MNT"])) if path.startswith("tc/owners/") and path.count("/") > 2
    ]


def test_a_link_is_its_owners(network: Network, path: str) -> None:
    attach(network, path, "tc/ok", "owner", "web")
    attach(network, path, "tc/next", "owner", "edge.site/1")
    attach(network, path, "tc/some")
    assert at_hook(network) == {"ok": "web", "next": "edge.site/1", "some": ""}
    assert "owner web " in network.ok("hooks", "dev", "em1")
    assert "of web" in network.ok("pins", "show", "under", "m:owners")
    [link] = (one for one in network.json("link", "show") if one.get("owner") == "web" and one["prog"]["name"] == "ok")
    assert link["pinned"] == [f"{network.env['TC_BPF_MNT']}/tc/owners/web/em1-ingress-ok"]


def test_an_owner_detaches_just_what_is_his(network: Network, path: str) -> None:
    attach(network, path, "tc/ok", "owner", "web")
    attach(network, path, "tc/next", "owner", "web")
    attach(network, path, "tc/strict", "owner", "edge")
    attach(network, path, "tc/some", "link", "m:mine")
    network.ok("link", "detach", "owner", "web", "name", "next")
    assert at_hook(network) == {"ok": "web", "strict": "edge", "some": ""}
    assert owned(network) == ["tc/owners/edge/em1-ingress-strict", "tc/owners/web/em1-ingress-ok"]
    network.ok("link", "detach", "owner", "web")
    assert [*at_hook(network)] == ["strict", "some"]
    network.ok("link", "detach", "owner", "edge", "object", path)
    assert [*at_hook(network)] == ["some"] and owned(network) == []
    assert not [*(Path(network.env["TC_BPF_MNT"]) / "tc/owners").iterdir()]
    nobody = network.pytc("link", "detach", "owner", "web")
    assert nobody.status and "there is no link with owner web" in nobody.err


def test_links_of_a_name_or_an_object_are_detached(network: Network, path: str) -> None:
    attach(network, path, "tc/reclassify", "link", "m:one")
    attach(network, path, "tc/some", "link", "m:two")
    other = network.pytc("link", "detach", "name", "reclassify", "object", IW)
    assert other.status and "there is no link" in other.err
    [link] = (one["id"] for one in network.json("link", "show", "m:one"))
    network.ok("link", "detach", "name", "reclassify", "id", str(link), "object", path)
    assert [*at_hook(network)] == ["some"]


def test_a_second_attachment_of_an_owner_is_refused(network: Network, path: str) -> None:
    attach(network, path, "tc/ok", "owner", "web")
    again = network.pytc("tcx", "attach", *IN, "owner", "web", "obj", path, "section", "tc/ok")
    assert again.status and "File exists" in again.err
    assert at_hook(network) == {"ok": "web"}


def test_a_cgroup_has_owners_too(network: Network, cgroup: Path) -> None:
    network.ok("cgroup", "attach", str(cgroup), "owner", "web", "obj", IW)
    [shown] = network.json("cgroup", "show", str(cgroup))
    assert shown["owner"] == "web"
    network.ok("link", "detach", "owner", "web")
    assert network.json("cgroup", "show", str(cgroup)) == []


def test_a_desired_state_has_owners(network: Network, path: str, cgroup: Path) -> None:
    text = f"tcx attach dev em1 ingress owner web obj {path} section tc/ok\ncgroup attach {cgroup} owner web obj {IW}\n"
    assert applied(network, text).count("+ ") == 2
    assert applied(network, text) == "unchanged\n"
    assert at_hook(network) == {"ok": "web"}


def test_a_loaded_program_is_its_owners(network: Network, path: str) -> None:
    [program] = network.json("prog", "load", path, "section", "tc/ok", "owner", "web")
    assert program["pinned"].endswith("/tc/owners/web/ok")
    [pin] = network.json("pins", "show", "under", "m:owners/web")
    assert pin["of"] == "web"


@pytest.mark.parametrize("words", [("owner", "web", "link", "m:x"), ("owner", "a b"), ("owner", "")])
def test_wrong_owners(network: Network, path: str, words: tuple[str, ...]) -> None:
    outcome = network.pytc("tcx", "attach", *IN, *words, "obj", path, "section", "tc/ok")
    assert outcome.status and "owner" in outcome.err
    assert at_hook(network) == {}


@pytest.mark.parametrize("owner", ["web", "a.b", "a/b", "a%2Eb", "x:y@z-1_2"])
def test_an_owner_is_read_from_the_path(owner: str) -> None:
    path = owned_path(owner, "eth0.100", "ingress", "count")
    assert "." not in path and path.count("/") == 2
    assert owner_of([f"/sys/fs/bpf/tc/{path[2:]}"]) == owner
    assert owner_of(["/sys/fs/bpf/tc/owners", "/sys/fs/bpf/tc/owners/web", "/sys/fs/bpf/tc/other/web/x"]) == ""
