"""Owners of filters, and deleting and replacing just one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Compiler
from tests.network import Network

pytestmark = pytest.mark.kernel

IN = ("dev", "em1", "ingress")


@pytest.fixture
def path(build: Compiler) -> str:
    return build("attached/verdicts")


def add(network: Network, path: str, section: str, *words: str, where: tuple[str, ...] = IN) -> None:
    network.ok(
        "filter", "add", *where, "bpf", "da", "obj", path, "section", section, *words, options=("--create-clsact",)
    )


def names(network: Network, *where: str) -> list[str]:
    return [
        filter["options"]["bpf_name"]
        for filter in network.json("filter", "show", *(where or IN))
        if "bpf_name" in filter.get("options", {})
    ]


def test_tc_and_hooks_show_the_owner_as_it_was_given(network: Network, path: str) -> None:
    add(network, path, "tc/count", "owner", "web-1.example.org/a@b:c")
    assert "verdicts.o:[tc/count] owner web-1.example.org/a@b:c direct-action" in network.tc("filter", "show", *IN).out
    assert "verdicts.o:[tc/count] owner web-1.example.org/a@b:c " in network.ok("hooks", "dev", "em1")
    assert [
        filter["options"].get("owner") for filter in network.json("filter", "show", *IN) if "options" in filter
    ] == ["web-1.example.org/a@b:c"]


def test_deleting_by_owner_leaves_all_others(network: Network, path: str) -> None:
    add(network, path, "tc/count", "owner", "web")
    add(network, path, "tc/count", "owner", "web-2")
    add(network, path, "tc/count")
    add(network, path, "tc/count", "owner", "web", where=("dev", "em1", "egress"))
    network.ok("filter", "del", "dev", "em1", "owner", "web")
    assert names(network) == ["verdicts.o:[tc/count]", "verdicts.o:[tc/count] owner web-2"]
    assert not names(network, "dev", "em1", "egress")
    refused = network.pytc("filter", "del", "dev", "em1", "owner", "web")
    assert refused.status == 2 and "there is no bpf filter with owner web" in refused.err


def test_deleting_by_name_object_and_id(network: Network, path: str) -> None:
    for section in ("tc/count", "tc/stolen", "tc/count"):
        add(network, path, section)
    network.ok("filter", "del", *IN, "name", "stolen")
    assert names(network) == ["verdicts.o:[tc/count]"] * 2
    first, second = (
        filter["options"]["prog"]["id"] for filter in network.json("filter", "show", *IN) if "options" in filter
    )
    network.ok("filter", "del", *IN, "object", path, "id", str(first))
    assert [f["options"]["prog"]["id"] for f in network.json("filter", "show", *IN) if "options" in f] == [second]
    assert network.pytc("filter", "del", *IN, "object", "other.o").status == 2
    network.ok("filter", "del", *IN, "object", path)
    assert not names(network)


def test_deletion_by_owner_is_undone(network: Network, path: str, tmp_path: Path) -> None:
    add(network, path, "tc/count", "owner", "web")
    before = network.tc("filter", "show", *IN).out
    (batch := tmp_path / "batch").write_text("filter del dev em1 owner web\nqdisc add dev em1 parent 77: pfifo\n")
    failed = network.pytc("-b", str(batch), options=("--atomic",))
    assert "all that was done is taken back" in failed.err
    assert network.tc("filter", "show", *IN).out == before


@pytest.mark.parametrize("owner", ["", "two words", "ü", "x" * 64, "a;b"])
def test_an_owner_is_one_plain_word(network: Network, path: str, owner: str) -> None:
    refused = network.pytc("filter", "add", *IN, "bpf", "da", "obj", path, "owner", owner)
    assert refused.status and "owner" in refused.err


def test_bytecode_has_no_owner(network: Network) -> None:
    refused = network.pytc(
        "filter", "add", *IN, "bpf", "bytecode", "1,6 0 0 1", "owner", "web", options=("--create-clsact",)
    )
    assert refused.status and 'Illegal "owner"' in refused.err


def test_replacing_ones_own_filter_adds_none(network: Network, path: str) -> None:
    words = ("filter", "replace", *IN, "bpf", "da", "obj", path, "section", "tc/count", "owner")
    for owner in ("web", "db", "web", "web"):
        network.ok(*words, owner, options=("--create-clsact", "--replace-own"))
    assert names(network) == ["verdicts.o:[tc/count] owner db", "verdicts.o:[tc/count] owner web"]
    network.ok(*words, "web")
    assert len(names(network)) == 3


def test_replacing_ones_own_in_a_batch(network: Network, path: str, tmp_path: Path) -> None:
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    (batch := tmp_path / "batch").write_text(
        f"filter replace dev em1 ingress bpf da obj {path} section tc/count owner web\n" * 3
    )
    network.ok("-b", str(batch), options=("--replace-own",))
    assert names(network) == ["verdicts.o:[tc/count] owner web"]
