"""The requests that pytc sends for ``filter`` and ``chain`` are those of tc: also for kinds that this kernel lacks."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import pytest

from pytc.netlink.schema import split_attributes
from pytc.tc.kinds import filters as kinds
from tests.compat.lines import steps
from tests.compat.tracer import Parts, Tracer, action_parts, changing
from tests.needs import missing
from tests.network import Network
from tests.processes import must
from tests.toolchains import old_tc

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

#: RTM_NEWTFILTER, RTM_DELTFILTER, RTM_NEWCHAIN, RTM_DELCHAIN.
_MODIFYING = (44, 45, 100, 101)
_KIND, _OPTIONS = 1, 2
#: Of struct tc_u32_mark, the value and the mask.
_SENT = 8
_HEADER = struct.Struct("=IHHIIBBHiIII")


class Request(NamedTuple):
    """Attributes in order of their numbers; of one that comes twice, the kernel takes the last."""

    type: int
    flags: int
    ifindex: int
    handle: int
    parent: int
    info: int
    attributes: Parts


def test_requests_are_those_of_tc(network: Network, tmp_path: Path) -> None:
    must("ip", "-n", network.name, "link", "add", "t0", "type", "veth", "peer", "name", "p0")
    lines = [command for step in steps("filters") for command in step.on("t0") if command[0][0] != "q"]
    assert len(lines) > 200
    Tracer(network, tmp_path).compare(lines, _request)


def test_requests_of_flower_are_those_of_tc(network: Network, tmp_path: Path) -> None:
    must("ip", "-n", network.name, "link", "add", "t0", "type", "veth", "peer", "name", "p0")
    alike = [step for step in steps("flower") if step.has_device and not step.wrong]
    lines = [step.on("t0")[-1] for step in alike if not missing(step.needs)]
    assert len(lines) > 200
    Tracer(network, tmp_path).compare(lines, _request)


def test_words_on_the_page_of_words_mean_what_they_mean_in_tc(network: Network, tmp_path: Path) -> None:
    lines = changing("What comes before the kind", "Filters", beginning="filter chain")
    assert len(lines) > 50
    Tracer(network, tmp_path).compare(lines, _request)


@pytest.mark.needs("old_tc")
def test_words_that_tc_has_dropped(network: Network, tmp_path: Path) -> None:
    lines = changing("Filters", beginning="filter chain", dropped=True)
    lines = [line for line in lines if "police" not in line]  # its bursts are those of newer tcs
    assert len(lines) > 10
    Tracer(network, tmp_path, old_tc()).compare(lines, _request)


def _request(message: bytes) -> Request | None:
    length, number, flags, _, _, _, _, _, ifindex, handle, parent, info = _HEADER.unpack_from(message)
    if number not in _MODIFYING:
        return None
    attributes: dict[int, bytes] = dict(split_attributes(message[_HEADER.size : length]))
    name = attributes.get(_KIND, b"").rstrip(b"\0").decode()
    parts = ((key, _options(name, value) if key == _OPTIONS else value) for key, value in attributes.items())
    return Request(number, flags, ifindex, handle, parent, info, tuple(sorted(parts, key=lambda part: part[0])))


def _options(name: str, raw: bytes) -> Parts:
    kind = kinds.find(name)
    assert kind is not None
    numbers = {attribute: number for number, (attribute, _) in enumerate(kind.schema.rows)}
    options = dict(split_attributes(raw))
    if "TCA_U32_MARK" in numbers and numbers["TCA_U32_MARK"] in options:
        options[numbers["TCA_U32_MARK"]] = options[numbers["TCA_U32_MARK"]][:_SENT]  # tc sets no counter
    return tuple(
        (key, action_parts(options[key]) if key == numbers.get(kind.actions) else options[key])
        for key in sorted(options)
    )
