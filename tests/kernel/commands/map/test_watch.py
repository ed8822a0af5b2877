"""``map watch``."""

from __future__ import annotations

import json
import re
import struct
import time
from typing import Any

import pytest

from pytc.bpf import MapType
from pytc.commands.map.watch import difference
from tests.kernel.bpf.support import word
from tests.kernel.commands.map.support import MapFactory, fd_of
from tests.processes import printed

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]


class TestWatch:
    def test_says_what_changes(self, new_map: MapFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        found = new_map(MapType.HASH)
        found[word(1)] = word(1)
        found[word(2)] = word(2)
        steps = [lambda: found.update(word(1), word(5)), lambda: found.__delitem__(word(2)), lambda: None]
        monkeypatch.setattr(time, "sleep", lambda seconds: steps.pop(0)())
        lines = printed("map", "watch", *fd_of(found), "count", "4", "interval", "1ms").splitlines()
        assert sorted(lines[:2]) == ["key 1 value 1", "key 2 value 2"]
        assert lines[2:] == ["changed key 1 value 5", "deleted key 2"]
        said = [json.loads(line) for line in printed("-j", "map", "watch", *fd_of(found), "count", "1").splitlines()]
        assert said == [{"event": "new", "key": 1, "value": 5}]

    def test_says_when(self, new_map: MapFactory) -> None:
        found = new_map(MapType.ARRAY, entries=1)
        line = printed("-ts", "map", "watch", *fd_of(found), "count", "1")
        assert re.fullmatch(r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\] key 0 value 0\n", line)
        (entry,) = [
            json.loads(line) for line in printed("-j", "-t", "map", "watch", *fd_of(found), "count", "1").split()
        ]
        assert entry.pop("timestamp")
        assert entry == {"event": "new", "key": 0, "value": 0}

    def test_rates_are_of_a_second(self, new_map: MapFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        found = new_map(MapType.HASH, 4, 16)
        words = ("map", "watch", *fd_of(found), "valuetype", "{u64 packets, u64 bytes}", "rate", "count", "3")
        found[word(1)] = counter(100, 1000)

        def run_for_two_seconds(_: float) -> None:
            clock[0] += 2.0
            found[word(1)] = counter(140, 1010)
            found[word(2)] = counter(1, 8)

        for options, lines in (
            ((), ["key 1 rate { packets 20.0 bytes 5.0 }", "key 2 rate { packets 0.5 bytes 4.0 }"]),
            (
                ("-j",),
                [
                    '{"event":"changed","key":1,"rate":{"packets":20.0,"bytes":5.0}}',
                    '{"event":"new","key":2,"rate":{"packets":0.5,"bytes":4.0}}',
                ],
            ),
        ):
            clock = [1000.0]
            found[word(1)] = counter(100, 1000)
            for key in set(found) - {word(1)}:
                del found[key]
            monkeypatch.setattr(time, "monotonic", lambda clock=clock: clock[0])
            monkeypatch.setattr(time, "sleep", run_for_two_seconds)
            assert sorted(printed(*options, *words).splitlines()) == lines


def counter(packets: int, size: int) -> bytes:
    return struct.pack("=QQ", packets, size)


def test_only_numbers_have_rates() -> None:
    before: Any = {"action": "PASS", "on": False, "counts": [1, 2], "inner": {"packets": 5}}
    after: Any = {"action": "DROP", "on": True, "counts": [3, 2], "inner": {"packets": 4}}
    assert difference(before, after, 0.5) == {
        "action": "DROP",
        "on": True,
        "counts": [4.0, 0.0],
        "inner": {"packets": -2.0},
    }
