"""The requests that pytc sends for actions are those of tc: also for kinds that this kernel lacks."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import pytest

from pytc.netlink.schema import split_attributes
from tests.action_lines import BY_KIND, OTHERS, REFUSED, added
from tests.compat.lines import words_of
from tests.compat.tracer import Parts, Tracer, action_parts, changing
from tests.network import Network

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

_HEADER = struct.Struct("=IHHII")
_TCMSG_SIZE, _TCAMSG_SIZE = 20, 4
_NEW_FILTER, _NEW_ACTION = 44, 48
_OPTIONS, _TABLE, _ACT, _POLICE = 2, 1, 1, 2


class Request(NamedTuple):
    """``options`` of a filter are in order of their numbers: tc puts actions before the program, pytc behind it."""

    type: int
    flags: int
    fixed: bytes
    attributes: Parts


def test_requests_are_those_of_tc(network: Network, tmp_path: Path) -> None:
    assert network.tc("qdisc", "add", "dev", "em1", "clsact").status == 0
    lines = [line for kind in BY_KIND for line in added(kind)]
    lines += [
        f"actions replace action {line}" for line in (*REFUSED, *(line for lines in OTHERS.values() for line in lines))
    ]
    lines += [
        f"filter add dev em1 ingress bpf bytecode 1,6_0_0_1 action {line} flowid 1:2"
        for kind in BY_KIND
        for line in BY_KIND[kind]
    ]
    lines += [
        f"filter add dev em1 ingress bpf bytecode 1,6_0_0_1 flowid 1:2 {line}"
        for line in (*BY_KIND["police"], *REFUSED)
        if line.startswith("police") and " action " not in line and not {"jump", "trap", "cookie"} & set(line.split())
    ]
    Tracer(network, tmp_path).compare([words_of(line) for line in lines], _request)


def test_words_on_the_page_of_words_mean_what_they_mean_in_tc(network: Network, tmp_path: Path) -> None:
    lines = changing("Actions", beginning="actions")
    assert len(lines) > 80
    Tracer(network, tmp_path).compare(lines, _request)


def _request(message: bytes) -> Request | None:
    length, number, flags, _, _ = _HEADER.unpack_from(message)
    if number not in (_NEW_FILTER, _NEW_ACTION):
        return None
    start = _HEADER.size + (_TCMSG_SIZE if number == _NEW_FILTER else _TCAMSG_SIZE)
    attributes = tuple(split_attributes(message[start:length]))
    inner = _filter_options if number == _NEW_FILTER else action_parts
    place = _OPTIONS if number == _NEW_FILTER else _TABLE
    return Request(
        number,
        flags,
        message[_HEADER.size : start],
        tuple((key, inner(value) if key == place else value) for key, value in attributes),
    )


def _filter_options(raw: bytes) -> Parts:
    found = (
        (key, action_parts(value) if key == _ACT else tuple(split_attributes(value)) if key == _POLICE else value)
        for key, value in split_attributes(raw)
    )
    return tuple(sorted(found, key=lambda part: part[0]))
