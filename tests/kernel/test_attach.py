"""Filters from Python: what was attached is known, and nobody else's is detached."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import pytc
from pytc import AttachedFilter
from pytc.bpf import Program, ProgramType, load, read_object, select_program
from pytc.errors import QdiscConflictError
from pytc.netlink.namespaces import namespace
from tests.conftest import Compiler
from tests.network import Network

pytestmark = pytest.mark.kernel

IN = ("dev", "em1", "ingress")
OTHERS = ("filter", "add", *IN, "pref", "1", "bpf", "da", "bytecode", "1,6 0 0 0")


@pytest.fixture
def program(clsact: Network, build: Compiler) -> Iterator[Program]:
    """A program, in the network's namespace."""
    spec = read_object(build("attached/verdicts"))
    chosen = select_program(spec, program="next")
    with load(spec, chosen, type=ProgramType.SCHED_CLS) as loaded, namespace(clsact.name):
        yield loaded.program


def places(network: Network, *words: str) -> list[tuple[int, str]]:
    shown = network.json("filter", "show", *IN, *words)
    return [(one["pref"], one["options"]["handle"]) for one in shown if "options" in one]


def test_what_is_attached_is_known(clsact: Network, program: Program) -> None:
    number = program.description.id
    first = pytc.attach_filter("em1", "ingress", program, direct_action=True)
    assert first == AttachedFilter("em1", "ingress", 49152, 1, 0, number)
    assert pytc.attach_filter("em1", "ingress", program, direct_action=True).pref == 49151
    wanted = {"pref": 7, "handle": 9, "chain": 3}
    for replace in (False, True):
        attached = pytc.attach_filter("em1", "ingress", program, direct_action=True, replace=replace, **wanted)  # type: ignore[arg-type]
        assert attached == AttachedFilter("em1", "ingress", **wanted, program=number)
    assert places(clsact, "chain", "3") == [(7, "0x9")]


def test_only_filters_of_this_process_are_detached(clsact: Network, program: Program) -> None:
    clsact.ok(*OTHERS)
    pytc.attach_filter("em1", "ingress", program, direct_action=True, pref=1)
    pytc.attach_filter("em1", "ingress", program, direct_action=True)
    pytc.attach_filter("em1", "ingress", program, direct_action=True, chain=4)
    pytc.attach_filter("em1", "egress", program, direct_action=True)
    assert len(places(clsact)) == 4
    pytc.detach_filter("em1", "ingress")
    assert places(clsact) == [(1, "0x1")]
    assert len(clsact.json("filter", "show", "dev", "em1", "egress")) == 2
    pytc.detach_filter("em1", "ingress")
    assert places(clsact) == [(1, "0x1")]
    pytc.detach_filter("em1", "egress")
    assert clsact.json("filter", "show", "dev", "em1", "egress") == []


def test_what_somebody_replaced_or_removed_is_left_alone(clsact: Network, program: Program, build: Compiler) -> None:
    attached = pytc.attach_filter("em1", "ingress", program, direct_action=True, pref=5)
    gone = pytc.attach_filter("em1", "ingress", program, direct_action=True, pref=6)
    of_chain = pytc.attach_filter("em1", "ingress", program, direct_action=True, pref=6, chain=8)
    words = ("bpf", "da", "obj", build("attached/verdicts"), "program", "next")
    clsact.ok("filter", "replace", *IN, "pref", "5", "handle", str(attached.handle), *words)
    pytc.detach_filter("em1", "ingress", pref=gone.pref, handle=gone.handle)
    pytc.detach_filter("em1", "ingress", chain=of_chain.chain)
    pytc.detach_filter("em1", "ingress")
    assert places(clsact) == [(5, "0x1")]


def test_a_child_detaches_nothing_of_its_parent(clsact: Network, program: Program) -> None:
    pytc.attach_filter("em1", "ingress", program, direct_action=True)
    child = os.fork()
    if not child:
        try:
            pytc.detach_filter("em1", "ingress")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert len(places(clsact)) == 1
    pytc.detach_filter("em1", "ingress")
    assert places(clsact) == []


def test_without_the_qdisc_there_is_nothing_to_detach(clsact: Network, program: Program) -> None:
    pytc.attach_filter("em1", "ingress", program, direct_action=True)
    clsact.ok("qdisc", "del", "dev", "em1", "clsact")
    pytc.detach_filter("em1", "ingress")
    clsact.ok("qdisc", "add", "dev", "em1", "ingress")
    with pytest.raises(QdiscConflictError):
        pytc.attach_filter("em1", "egress", program, direct_action=True)
