"""Expressions: the program that tcpdump prints, and the packets that tcpdump finds."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest

from pytc.cbpf import compile_expression, format_program, parse_program, run_capture
from pytc.packets import Packet, open_capture, read_packets
from pytc.packets.link_types import RAW
from tests.captures import MIXTURES, as_pcap, captures, number_of, packets, raw
from tests.expressions import ETHERNET as EXPRESSIONS
from tests.expressions import RAW as RAW_EXPRESSIONS
from tests.processes import cannot, run

pytestmark = [pytest.mark.compat, pytest.mark.usefixtures("libpcap")]

SNAPLEN = 262144
CASES = [
    *(("EN10MB", expression) for expression in EXPRESSIONS),
    *(("RAW", expression) for expression in RAW_EXPRESSIONS),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Captures by link type."""
    directory = tmp_path_factory.mktemp("captures")
    made = captures()
    for name, (_, data) in made.items():
        (directory / name).write_bytes(data)
    inner = raw([frame for frames in MIXTURES.values() for frame in frames()])
    (directory / "raw").write_bytes(as_pcap(packets(inner, RAW), RAW))
    return {"EN10MB": [directory / name for name in made], "RAW": [directory / "raw"]}


@pytest.fixture
def tcpdump() -> str:
    found = shutil.which("tcpdump") or shutil.which("tcpdump", path="/usr/sbin:/sbin")
    if found is None:
        cannot("tcpdump is not installed")
    return str(found)


def test_there_are_enough_expressions_and_captures() -> None:
    assert len(set(EXPRESSIONS)) >= 200
    assert len(captures()) == 5


@pytest.mark.parametrize(("link_type", "expression"), CASES)
def test_an_expression_compiles_to_what_tcpdump_prints(tcpdump: str, link_type: str, expression: str) -> None:
    printed = run(tcpdump, "-y", link_type, "-ddd", expression)
    assert printed.status == 0, printed.err
    program = compile_expression(expression, link_type, snaplen=SNAPLEN)
    assert format_program(program, "tcpdump") == printed.out
    assert parse_program(printed.out) == program
    assert format_program(program, "c") == run(tcpdump, "-y", link_type, "-dd", expression).out


@pytest.mark.parametrize(("link_type", "expression"), CASES)
def test_an_expression_finds_the_packets_that_tcpdump_finds(
    tcpdump: str, files: dict[str, list[Path]], link_type: str, expression: str
) -> None:
    program = compile_expression(expression, link_type)
    for path in files[link_type]:
        with open_capture(str(path)) as stream:
            found = [number_of(verdict.packet) for verdict in run_capture(program, stream) if verdict.value]
        assert found == [number_of(packet) for packet in _found_by(tcpdump, path, expression)], path.name


def _found_by(tcpdump: str, path: Path, expression: str) -> list[Packet]:
    written = path.with_suffix(".found")
    outcome = run(tcpdump, "-r", str(path), "-w", str(written), expression)
    assert outcome.status == 0, outcome.err
    return list(read_packets(io.BytesIO(written.read_bytes())))


def test_a_capture_of_pytc_is_one_for_tcpdump(tcpdump: str, tmp_path: Path) -> None:
    for name, (made, data) in captures().items():
        path = tmp_path / name
        path.write_bytes(data)
        assert _found_by(tcpdump, path, "") == made, name
