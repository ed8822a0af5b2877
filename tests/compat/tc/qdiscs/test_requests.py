"""The requests that pytc sends for ``qdisc`` and ``class`` are those of tc: also for kinds that this kernel lacks."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import pytest

from pytc.netlink.schema import split_attributes
from pytc.tc.kinds import qdiscs as kinds
from tests.compat.lines import steps
from tests.compat.tracer import Tracer, changing
from tests.network import Network
from tests.processes import must
from tests.toolchains import old_tc

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

#: RTM_NEWQDISC to RTM_DELTCLASS without the requests that show.
_MODIFYING = (36, 37, 40, 41)
_KIND, _OPTIONS = 1, 2
_HEADER = struct.Struct("=IHHIIBBHiIII")
#: Kinds that user-mode Linux lacks, too, with each of their words.
_LACKING = (
    "fq_pie",
    "fq_pie limit 10 flows 0x20 target 20ms tupdate 30ms alpha 3 beta 4 quantum 1k memory_limit 1mb ecn_prob 20",
    "fq_pie ecn bytemode dq_rate_estimator",
    "fq_pie limit 0 flows 0 target 0 alpha 0 quantum 0 memory_limit 0 ecn_prob 0 noecn nobytemode no_dq_rate_estimator",
    "cake_mq",
    "cake_mq bandwidth 1gbit besteffort dual-dsthost nat wash no-split-gso ack-filter ethernet rtt 20ms fwmark 0xff",
    "cake_mq autorate-ingress precedence flowblind ingress conservative mpu 60 memlimit 4mb",
)
#: Tables of times that kernels since v3.8 compute themselves; tc sends them for older ones.
_TABLES = {"htb": (3, 4), "tbf": (2, 3)}


class Request(NamedTuple):
    """``options`` are the attributes in TCA_OPTIONS, behind the bytes of a structure."""

    type: int
    flags: int
    ifindex: int
    handle: int
    parent: int
    attributes: tuple[tuple[int, bytes], ...]
    structure: bytes
    options: tuple[tuple[int, bytes], ...]


def test_requests_are_those_of_tc(network: Network, tmp_path: Path) -> None:
    must("ip", "-n", network.name, "link", "add", "twin0", "numtxqueues", "4", "type", "veth", "peer", "name", "twin1")
    must("ip", "-n", network.name, "link", "set", "twin0", "up")
    commands = [command for step in steps("qdiscs") for command in step.on("twin0") if "show" not in command]
    assert len(commands) > 150
    Tracer(network, tmp_path).compare(commands, changed)


def test_requests_for_kinds_that_no_kernel_here_has(network: Network, tmp_path: Path) -> None:
    """Options that are marked as nested are so in both."""
    must("ip", "-n", network.name, "link", "add", "twin0", "type", "veth", "peer", "name", "twin1")
    commands = [["qdisc", verb, "dev", "twin0", "root", *line.split()] for line in _LACKING for verb in ("add", "del")]
    Tracer(network, tmp_path).compare(commands, _bytes)


def test_words_on_the_page_of_words_mean_what_they_mean_in_tc(network: Network, tmp_path: Path) -> None:
    lines = changing("What comes before the kind", "Qdiscs", "Classes", beginning="qdisc class")
    assert len(lines) > 100
    Tracer(network, tmp_path).compare(lines, changed)


@pytest.mark.needs("old_tc")
def test_words_that_tc_has_dropped(network: Network, tmp_path: Path) -> None:
    lines = changing("Qdiscs", "Classes", beginning="qdisc class", dropped=True)
    assert len(lines) > 20
    Tracer(network, tmp_path, old_tc()).compare(lines, changed)


def _bytes(message: bytes) -> bytes | None:
    """Return all of a request but for its sequence number and the port."""
    length, number, *_ = _HEADER.unpack_from(message)
    return message[4:8] + message[16:length] if number in _MODIFYING else None


def changed(message: bytes) -> Request | None:
    length, number, flags, _, _, _, _, _, ifindex, handle, parent, _ = _HEADER.unpack_from(message)
    if number not in _MODIFYING:
        return None
    attributes = list(split_attributes(message[_HEADER.size : length]))
    name = dict(attributes).get(_KIND, b"").rstrip(b"\0").decode()
    kind = kinds.find(name)
    header = kind.header if kind is not None and number < 40 else 0
    raw = dict(attributes).get(_OPTIONS, b"")
    options = tuple(option for option in split_attributes(raw[header:]) if option[0] not in _TABLES.get(name, ()))
    rest = tuple((attribute, payload) for attribute, payload in attributes if attribute != _OPTIONS)
    return Request(number, flags, ifindex, handle, parent, rest, raw[:header], options)
