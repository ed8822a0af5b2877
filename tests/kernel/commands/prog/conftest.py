"""Fixtures of the tests of ``pytc prog``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.bpf import Loaded, ProgramType, load, read_object, select_program
from pytc.packets import Packet, write_pcap
from pytc.packets.build import build
from tests.conftest import EXAMPLES
from tests.kernel.commands.prog.support import ARP, ICMP, UDP


@pytest.fixture
def loaded(root: None) -> Iterator[Loaded]:
    """A classifier of the examples, loaded and attached to nothing."""
    spec = read_object(str(EXAMPLES / "traffic.o"))
    with load(spec, select_program(spec, section="drop"), type=ProgramType.SCHED_CLS) as program:
        yield program


@pytest.fixture
def capture(tmp_path: Path) -> str:
    """The path of a capture: a UDP packet, a ping, an ARP request."""
    path = tmp_path / "in.pcap"
    with path.open("wb") as file:
        write_pcap(file, [Packet(build(text), len(build(text)), 1) for text in (UDP, ICMP, ARP)])
    return str(path)
