"""``map watch``."""

from __future__ import annotations

import json

import pytest

from pytc.bpf import MapType
from tests.kernel.bpf.support import word
from tests.kernel.commands.map.support import MapFactory, fd_of
from tests.processes import printed

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]


class TestWatch:
    def test_says_what_changes(self, new_map: MapFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        import time

        found = new_map(MapType.HASH)
        found[word(1)] = word(1)
        found[word(2)] = word(2)
        steps = [lambda: found.update(word(1), word(5)), lambda: found.__delitem__(word(2)), lambda: None]
        monkeypatch.setattr(time, "sleep", lambda seconds: steps.pop(0)())
        lines = printed("map", "watch", *fd_of(found), "count", "4", "interval", "1ms").splitlines()
        assert sorted(lines[:2]) == ["key 1 value 1", "key 2 value 2"]
        assert lines[2:] == ["key 1 value 5", "deleted key 2"]
        said = [json.loads(line) for line in printed("-j", "map", "watch", *fd_of(found), "count", "1").splitlines()]
        assert said == [{"event": "new", "key": 1, "value": 5}]
