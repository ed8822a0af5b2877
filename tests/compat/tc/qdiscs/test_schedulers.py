"""Requests, refusals and output of the table schedulers are those of tc, also of kinds that this kernel lacks."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage, encode
from pytc.netlink.schema import join_attributes
from tests.compat.answers import print_alike, refuse_alike
from tests.compat.lines import Session, sessions
from tests.compat.stepping import execute, run
from tests.compat.tc.qdiscs.test_requests import changed
from tests.compat.tracer import Tracer
from tests.needs import missing
from tests.network import Network
from tests.processes import Outcome, must

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

#: Kinds that no kernel of the guests has: what tc refuses of them is refused here, before a kernel is asked.
_LACKING = ("ets", "dualpi2")


@pytest.fixture(params=sessions("schedulers"), ids=str)
def session(request: pytest.FixtureRequest) -> Session:
    session: Session = request.param
    if reason := missing(need for need in session.needs if "tc:" in need or need == "old_tc"):
        pytest.skip(reason)
    return session


def test_requests_are_those_of_tc(network: Network, tmp_path: Path, session: Session) -> None:
    """A line with words of several kernels is one that kernels refuse, after tc has sent it."""
    link = "link add twin0 numtxqueues 4 type veth peer name twin1"
    must("ip", "-n", network.name, *link.split())
    commands = [
        command
        for step in session.steps
        if not step.wrong or "||" in step.named
        for command in step.on("twin0")
        if command[0] in ("qdisc", "class") and command[1] != "show"
    ]
    Tracer(network, tmp_path, session.tc).compare(commands, changed)


def test_refusals_are_those_of_tc(session: Session) -> None:
    if not set(_LACKING) & set(session.kinds):
        pytest.skip("guests compare it")
    for step in session.steps:
        if step.wrong:
            words = step.on("lo")[-1]
            expected, found = Outcome(*execute(["tc", *words])), Outcome(*run(words))
            assert (words, found.status) == (words, expected.status)
            assert not refuse_alike(step, expected, found)


def _number(number: int, format: str, value: int) -> tuple[int, bytes]:
    return number, struct.pack(f"={format}", value)


def _list(number: int, element: int, format: str, *values: int) -> tuple[int, bytes]:
    return number, join_attributes(_number(element, format, value) for value in values)


_ETS = (
    _number(1, "B", 5),
    _number(2, "B", 2),
    _list(3, 4, "I", 4500, 3000, 2500),
    _list(5, 6, "B", *range(5), *[4] * 11),
)
_DUALPI2 = (
    *(_number(number, "I", value) for number, value in enumerate((10000, 15140000, 15000, 16000, 41, 819), start=1)),
    _number(8, "I", 1000),
    _number(9, "I", 2),
    *(_number(number, "B", value) for number, value in ((10, 2), (11, 1), (12, 0), (13, 10), (14, 1), (15, 1))),
)
_OTHER_DUALPI2 = (
    _number(1, "I", 1),
    _number(7, "I", 5),
    *(_number(number, "B", value) for number, value in ((11, 0), (12, 1), (13, 0), (14, 3), (15, 0))),
)
_STATISTICS = struct.pack("=8Ii3I", 1 << 30, 2, 3, 4, 5, 6, 7, 8, -9, 10, 11, 12)


@pytest.mark.parametrize("options", ["", "-s -d", "-r"])
@pytest.mark.parametrize(
    "type, kind, attributes, statistics",
    [
        (c.NEWQDISC, "ets", _ETS, b""),
        (c.NEWQDISC, "ets", (_number(1, "B", 1), _list(5, 6, "B", 0)), b""),
        (c.NEWTCLASS, "ets", (_number(4, "I", 4500),), b""),
        (c.NEWTCLASS, "ets", (), b""),
        (c.NEWQDISC, "dualpi2", _DUALPI2, _STATISTICS),
        (c.NEWQDISC, "dualpi2", _OTHER_DUALPI2, struct.pack("=8Ii3I", *range(12))),
    ],
)
def test_output_is_that_of_tc(
    tmp_path: Path, options: str, type: int, kind: str, attributes: tuple[tuple[int, bytes], ...], statistics: bytes
) -> None:
    """Both print what a kernel with these kinds tells, from a file."""
    values = {"TCA_KIND": kind, "TCA_OPTIONS": join_attributes(attributes)}
    if statistics:
        basic = struct.pack("=QI4x", 1500, 3)
        values["TCA_STATS2"] = join_attributes([(1, basic), (4, statistics)])
    message = TcMessage(type, 0, 1, 0x10001 if type == c.NEWTCLASS else 0x10000, 0xFFFFFFFF, 2, values)
    file = tmp_path / "recorded"
    file.write_bytes(encode(message, 0))
    words = [*options.split(), "monitor", "file", str(file)]
    status, out, err = execute(["tc", *words])
    assert (status, err) == (0, "")
    found = Outcome(*run(words))
    assert (found.status, found.err) == (0, "")
    assert not print_alike(words, out, found.out)
