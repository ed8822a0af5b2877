"""``--atomic`` with any batch: all as it was when a line fails, and what it is without the option when none does.

PYTC_BATCHES says how many, of any; without it, they are always the same. Batches that fail are not made smaller: that
takes minutes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from tests.conftest import Compiler, mounted
from tests.kernel.transaction.atomic_state import FAILING, atomic, changed, clear, difference, furnish, plain, state
from tests.network import Network
from tests.tiers import examples

pytestmark = pytest.mark.kernel

_FAILED = re.compile(r"^Command failed -:(\d+)$", re.MULTILINE)


def words(*parts: str | st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A line of words, some of them chosen."""
    return st.tuples(*(st.just(one) if isinstance(one, str) else one for one in parts)).map(" ".join)


def of(*choices: str) -> st.SearchStrategy[str]:
    return st.sampled_from(choices)


CHAIN = of("", "", "", "chain 3", "chain 4", "chain 5", "chain 6")
HOOK = of("ingress", "ingress", "egress", "parent 1:")
PREF = of("", "pref 1", "pref 10", "pref 20 protocol ip", "pref 70", "pref 70")
HANDLE = of("", "handle 1", "handle 2", "handle 7", "handle 8")
PROGRAM = of(
    "bpf bytecode '1,6 0 0 7' flowid 1:1",
    "bpf bytecode '1,6 0 0 8'",
    "bpf da expression 'tcp port 80'",
    "bpf da obj drop",
    "bpf da obj legacy_pin_global",
    "bpf da obj legacy_pin_object",
    "bpf da obj tailcall",
    "bpf bytecode '1,6 0 0 8' action mirred egress mirror dev lo index 6",
)
U32 = of(
    "",
    "match ip dport 81 0xffff flowid 1:1",
    "match u32 0 0 action mirred egress mirror dev lo",
    "match u32 0 0 action mirred egress mirror dev lo index 5",
    "divisor 4",
)
CLASSID = of("classid 1:1", "classid 1:10", "classid 1:20", "classid 1:30", "classid 1:40")
PARENT = of("parent 1:", "parent 1:1", "parent 1:20")
RATE = of("rate 1mbit", "rate 3mbit ceil 40gbit prio 2", "rate 7mbit burst 3k cburst 9k quantum 2000", "rate 1gbit")
LINES = st.one_of(
    words("filter", of("add", "add", "add", "add", "replace", "change"), "dev em1", HOOK, CHAIN, PREF, HANDLE, PROGRAM),
    words(
        "filter replace dev em1 ingress",
        of("pref 10", "pref 20 protocol ip", "chain 3 pref 1"),
        of("handle 1", "handle 2"),
        PROGRAM,
    ),
    words("filter", of("add", "replace"), "dev em1", HOOK, CHAIN, of("", "pref 30", "pref 31"), "u32", U32),
    words("filter del dev em1", HOOK, CHAIN, of("pref 1", "pref 10", "pref 20 protocol ip", "pref 30", "pref 70", "")),
    words("filter del dev em1 ingress pref 10", of("handle 1", "handle 2", "handle 7", "handle 8"), "bpf"),
    words("class", of("add", "add", "replace", "change"), "dev em1", PARENT, CLASSID, "htb", RATE),
    words("class del dev em1", CLASSID),
    words(
        "qdisc",
        of("add", "replace", "change"),
        "dev em1",
        of("parent 1:10", "parent 1:20", "parent 1:30"),
        of("handle 10:", "handle 20:", "handle 30:"),
        of("pfifo limit 3", "bfifo limit 3000", "pfifo", "tbf rate 1mbit burst 10k limit 3000", "htb"),
    ),
    words("qdisc", of("del", "replace"), "dev em1", of("parent 1:20", "parent 1:30", "parent 1:20", "clsact")),
    words("chain", of("add", "add", "del"), "dev em1", of("ingress", "egress"), of("chain 5", "chain 6", "chain 3")),
    words("actions", of("add", "replace"), "action mirred egress mirror dev lo", of("index 6", "index 7", "index 5")),
    words("actions del action mirred", of("index 6", "index 7", "index 5")),
)


@pytest.fixture
def twin(network: Network, tmp_path: Path) -> Iterator[Network]:
    """Namespaces and a bpffs like the other ones."""
    with mounted(tmp_path / "twin") as mount, Network(f"{network.name}-twin", mount) as made:
        yield made


def furnished(network: Network, path: str) -> None:
    """Return the network as it is before each batch, with a filter whose map is pinned."""
    clear(network)
    furnish(network)
    done = plain(network, [f"filter add dev em1 egress pref 60 handle 1 bpf da obj {path}"])
    assert done.status == 0, done.err


@settings(
    max_examples=int(os.environ.get("PYTC_BATCHES", examples(0.1))),
    derandomize="PYTC_BATCHES" not in os.environ,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lines=st.lists(LINES, min_size=4, max_size=16))
def test_all_or_nothing(network: Network, twin: Network, build: Compiler, lines: list[str]) -> None:
    for name in ("drop", "legacy_pin_global", "legacy_pin_object"):
        lines = [re.sub(rf"obj {name}$", f"obj {build(name)}", line) for line in lines]
    lines = [re.sub("obj tailcall$", "obj examples/bpf/tailcall.o", line) for line in lines]
    for one in (network, twin):
        furnished(one, build("legacy_pin_global"))
    before = state(network, statistics=True)
    numbers = failing_numbers(plain(twin, lines, "-force").err)
    lines = [line for number, line in enumerate(lines, 1) if number not in numbers]
    while True:  # until all that are left could be taken back, and succeed
        done = atomic(network, [*lines, FAILING])
        assert done.status == 1
        assert "not taken back" not in done.err
        assert changed(before, network, statistics=True) == ""
        [number] = failing_numbers(done.err)
        if number > len(lines):
            break
        event(f"refused: {done.err.splitlines()[0][:60]}")
        lines.pop(number - 1)
    event(f"{len(lines)} lines are taken back")
    done = atomic(network, lines)
    assert done.status == 0, done.err
    furnished(twin, build("legacy_pin_global"))
    assert plain(twin, lines).status == 0
    assert difference(state(twin).alike(), state(network).alike()) == ""


def failing_numbers(text: str) -> list[int]:
    """The lines that a batch says have failed."""
    return [int(number) for number in _FAILED.findall(text)]
