"""Fixtures for pytest: BPF programs are tested like functions.

pytest finds them where pytc is installed (entry point ``pytest11``):

>>> def test_ping_is_dropped(bpf_object, run_packet):
...     filter = bpf_object("traffic.o", section="drop")
...     assert run_packet(filter, "eth ip icmp type 8").verdict == "TC_ACT_SHOT"

They need root; without, the tests that use them are skipped. docs/testing-programs.md says more.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from pytc.api.runs import Packet, PacketResult
from pytc.api.runs import run as run_on_packet
from pytc.netns_pair import NetnsPair

if TYPE_CHECKING:
    from pytc.bpf import Loaded, Program, ProgramType

__all__ = ["NetnsPair", "PacketResult", "bpf_object", "netns_pair", "run_packet"]


class ObjectLoader(Protocol):
    """What the fixture ``bpf_object`` is."""

    def __call__(
        self,
        path: "str | os.PathLike[str]",
        *,
        section: str = "",
        program: str = "",
        type: "ProgramType | None" = None,
        variables: Mapping[str, Any] | None = None,
        max_entries: Mapping[str, int] | None = None,
        verbose: bool = False,
    ) -> "Loaded": ...


class PacketRunner(Protocol):
    """What the fixture ``run_packet`` is."""

    def __call__(
        self,
        program: "Loaded | Program",
        packet: Packet,
        *,
        context: Mapping[str, int] | None = None,
        repeat: int = 1,
        classes: bool = False,
    ) -> PacketResult: ...


def _root() -> None:
    if os.geteuid() != 0:
        pytest.skip("not root: the kernel runs BPF programs for root alone")


@pytest.fixture
def bpf_object() -> Iterator[ObjectLoader]:
    """Loads a program of an object file with maps of its own; all is closed at the end of the test.

    ``bpf_object("bpf.o", section="cls", variables={"port": 80}, max_entries={"flows": 16})``: a
    :class:`pytc.bpf.Loaded`. Without ``section`` and ``program`` it is section ``classifier``, or the only program.
    """
    _root()
    with ExitStack() as owned:

        def load_object(
            path: "str | os.PathLike[str]",
            *,
            section: str = "",
            program: str = "",
            type: "ProgramType | None" = None,
            variables: Mapping[str, Any] | None = None,
            max_entries: Mapping[str, int] | None = None,
            verbose: bool = False,
        ) -> "Loaded":
            from pytc.bpf import Parameters, ProgramType, load, parameterise, read_object, select_program

            spec = parameterise(read_object(os.fspath(path)).unpinned(), Parameters(variables or {}, max_entries or {}))
            chosen = select_program(spec, section=section, program=program)
            kind = type if type is not None else chosen.type or ProgramType.SCHED_CLS
            return owned.enter_context(load(spec, chosen, type=kind, verbose=verbose))

        yield load_object


@pytest.fixture
def run_packet() -> PacketRunner:
    """Runs a program on a packet, attached to nothing.

    The packet is bytes, beginning with the Ethernet header, or words like ``"eth ip src 10.0.0.1 tcp dport 80"``;
    ``context`` are fields of ``struct __sk_buff`` that the kernel lets a test set, like ``{"mark": 7}``. ``classes`` is
    for classifiers without direct-action, whose return values are classes.
    """
    _root()

    def run(
        program: "Loaded | Program",
        packet: Packet,
        *,
        context: Mapping[str, int] | None = None,
        repeat: int = 1,
        classes: bool = False,
    ) -> PacketResult:
        from pytc.bpf.loader.program import Program

        fd = (program if isinstance(program, Program) else program.program).fd
        return run_on_packet(fd, packet, context=context, repeat=repeat, classes=classes)

    return run


@pytest.fixture
def netns_pair() -> Iterator[NetnsPair]:
    """Two network namespaces of the test's own with a veth pair, for programs that are attached; see
    :class:`NetnsPair`. Its ``run`` needs iproute2's ``ip``."""
    import uuid

    _root()
    pair = NetnsPair(f"pytc-test-{uuid.uuid4().hex[:12]}")
    try:
        pair.make()
        yield pair
    finally:
        pair.remove()
