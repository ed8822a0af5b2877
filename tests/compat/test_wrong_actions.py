"""Wrong words of actions: tc's exit code, and the word at fault named. They are found before the kernel is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.action_lines import WRONG, words_of
from tests.compat.differential import Namespace, tc_is_here
from tests.conftest import Network, cannot

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

_FILTER = "filter add dev em1 ingress bpf bytecode 1,6_0_0_0 "
_ACTIONS = "actions add "


@pytest.mark.parametrize("before", [_FILTER, _ACTIONS])
def test_exit_codes_are_those_of_tc(network: Network, tmp_path: Path, before: str) -> None:
    if not tc_is_here():
        cannot("tc is not installed")
    assert network.tc("qdisc", "add", "dev", "em1", "clsact").status == 0
    space, state = Namespace(network.name, tmp_path), network.state()
    chosen = [(words_of(before + line), named) for line, named in WRONG
              if line.startswith("action ") or before == _FILTER]
    faults = []
    for (words, named), found in zip(chosen, space.pytc([words for words, _ in chosen]), strict=True):
        expected = space.execute("tc", *words)
        assert expected.status in (1, 255), (words, expected)
        if (found.status, found.out) != (expected.status, "") or named not in found.err or "Traceback" in found.err:
            faults.append((words, named, found, expected))
    assert not faults, "\n".join(map(str, faults))
    assert network.state() == state
    assert len(chosen) >= 80
