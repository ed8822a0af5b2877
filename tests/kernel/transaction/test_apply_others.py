"""``pytc apply`` of what is not traffic control: programs of tcx and cgroups, and elements of maps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytc.bpf import MapSpec, MapType
from pytc.bpf.maps.map import create_map
from tests.conftest import EXAMPLES, pins
from tests.kernel.transaction.atomic_state import FAILING, TAKEN_BACK
from tests.kernel.transaction.desired_states import applied, apply
from tests.network import Network

pytestmark = pytest.mark.kernel

_IW = EXAMPLES / "sockops" / "iw.o"
#: A map of verdicts by address, pinned by the filter that uses it.
_FILTER = "qdisc add dev em1 clsact\nfilter add dev em1 egress pref 1 bpf da obj {firewall}\n"
_VERDICTS = "m:globals/verdicts"


@pytest.fixture
def files(objects: dict[str, str]) -> dict[str, str]:
    return {**objects, "firewall": str(EXAMPLES / "firewall.o"), "iw": str(_IW)}


def at_hook(network: Network) -> list[tuple[str, int, int]]:
    """Return (name, id, link) of the programs of tcx at em1 ingress, in run order."""
    shown = network.json("tcx", "show", "dev", "em1", "ingress")
    return [(one["prog"]["name"], one["prog"]["id"], one.get("link", 0)) for one in shown if one.get("kind") == "tcx"]


def names(network: Network) -> list[str]:
    return [name for name, _, _ in at_hook(network)]


def tcx(files: dict[str, str], section: str, *words: str) -> str:
    return " ".join(("tcx attach dev em1 ingress", *words, f"obj {files['verdicts']} section {section}\n"))


def test_programs_of_tcx_are_attached_once(network: Network, files: dict[str, str]) -> None:
    text = tcx(files, "tc/ok") + tcx(files, "tc/next", "first")
    dry = apply(network, text, options=("--dry-run",))
    assert (dry.status, names(network)) == (2, [])
    assert dry.out == "+ tcx em1 ingress verdicts.o:[tc/ok]\n+ tcx em1 ingress verdicts.o:[tc/next]\n"
    assert applied(network, text) == dry.out
    there = at_hook(network)
    assert [name for name, _, _ in there] == ["next", "ok"]
    assert applied(network, text) == "unchanged\n"
    assert apply(network, text, options=("--dry-run",)).status == 0
    assert at_hook(network) == there


def test_a_program_of_that_name_is_replaced_in_its_place(network: Network, files: dict[str, str]) -> None:
    before = tcx(files, "tc/ok") + tcx(files, "tc/strict") + tcx(files, "tc/next")
    applied(network, before)
    first = at_hook(network)
    after = before.replace("tc/strict", "tc/strict set is_strict=1")
    assert applied(network, after) == "~ tcx em1 ingress verdicts.o:[tc/strict]\n"
    second = at_hook(network)
    assert [name for name, _, _ in second] == ["ok", "strict", "next"]
    assert [one == other for one, other in zip(first, second, strict=True)] == [True, False, True]
    assert applied(network, after) == "unchanged\n"


def test_a_link_stays_and_goes_on_with_the_new_program(network: Network, files: dict[str, str]) -> None:
    applied(network, tcx(files, "tc/ok", "link m:mine"))
    [(_, program, link)] = at_hook(network)
    assert applied(network, tcx(files, "tc/next", "link m:mine")) == "~ tcx em1 ingress link m:mine\n"
    [(name, other, same)] = at_hook(network)
    assert (name, same) == ("next", link) and other != program
    assert applied(network, tcx(files, "tc/next", "link m:mine")) == "unchanged\n"


def test_programs_of_cgroups_are_attached_once(network: Network, files: dict[str, str], cgroup: Path) -> None:
    text = f"cgroup attach {cgroup} obj {{iw}} set segments={{}}\n"

    def shown() -> list[int]:
        return [one["prog"]["id"] for one in network.json("cgroup", "show", str(cgroup))]

    first = text.format(3, iw=files["iw"])
    assert applied(network, first) == f"+ cgroup {cgroup} sock_ops iw.o:[sockops]\n"
    [number] = shown()
    assert applied(network, first) == "unchanged\n" and shown() == [number]
    assert applied(network, text.format(4, iw=files["iw"])).startswith("~ cgroup")
    [other] = shown()
    assert other != number


def test_elements_are_set_where_they_differ(network: Network, files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "verdicts.json").write_text('[{"key": "10.0.0.2", "value": {"action": "DROP"}}]')
    text = (
        f"map set pinned {_VERDICTS} key 10.0.0.1 value {{{{ action PASS }}}}\n"
        f"map load pinned {_VERDICTS} {tmp_path}/verdicts.json\n" + _FILTER
    ).format(**files)
    dry = apply(network, text, options=("--dry-run",))
    assert (dry.status, pins(Path(network.env["TC_BPF_MNT"]))) == (2, [])
    out = applied(network, text)
    assert out.splitlines()[-2:] == [
        f"+ map pinned {_VERDICTS} key 10.0.0.1",
        f"+ map pinned {_VERDICTS} file {tmp_path}/verdicts.json",
    ]
    assert dict(elements(network)) == {"10.0.0.1": "PASS", "10.0.0.2": "DROP"}
    assert applied(network, text) == "unchanged\n"
    network.ok("map", "set", "pinned", _VERDICTS, "key", "10.0.0.1", "value", "{", "action", "DROP", "}")
    assert applied(network, text) == f"~ map pinned {_VERDICTS} key 10.0.0.1\n"
    assert dict(elements(network))["10.0.0.1"] == "PASS"
    listed = json.loads(apply(network, text, options=("-j",)).out)
    assert [(one["state"], one["object"], one["line"]) for one in listed[-3:-1]] == [
        ("unchanged", "map", 1),
        ("unchanged", "map", 2),
    ]


def test_a_program_array_is_named_by_the_pin_that_keeps_it(network: Network, files: dict[str, str]) -> None:
    with create_map(MapSpec("array", MapType.PROG_ARRAY, 4, 4, 1), "array") as array:
        number = array.description.id
        outcome = apply(network, f"map set id {number} key 0 value m:nothing\n")
        assert (outcome.status, outcome.out) == (1, "")
        assert "name it by its pin, without which the kernel empties it" in outcome.err


def test_an_element_gets_one_value(network: Network, files: dict[str, str], tmp_path: Path) -> None:
    line = f"map set pinned {_VERDICTS} key 10.0.0.1 value"
    drop, passed = "{ action DROP }", "{ action PASS }"
    (tmp_path / "verdicts.json").write_text('{"10.0.0.7": {"action": "DROP"}, "10.0.0.1": {"action": "DROP"}}')
    load = f"map load pinned {_VERDICTS} {tmp_path}/verdicts.json\n"
    filter = _FILTER.format(**files)

    def refusal(text: str) -> str:
        outcome = apply(network, text)
        assert (outcome.status, outcome.out) == (1, "")
        return outcome.err

    twice = f"{line} {passed}\n{line} {drop}\n"
    missing = refusal(twice + filter)
    assert pins(Path(network.env["TC_BPF_MNT"])) == []
    applied(network, filter)
    for message in (missing, refusal(twice)):
        assert f'"map pinned {_VERDICTS} key 10.0.0.1": line 1 sets the same element to another value\n' in message
        assert ":2\n" in message
    assert "line 1 sets the same element" in refusal(f"{line} {passed}\n{load}") and elements(network) == []
    assert "line 1 sets the same element" in refusal(
        f"{load}{line.replace('m:', network.env['TC_BPF_MNT'] + '/tc/')} {passed}\n"
    )
    several = f"{line} {drop}\n{line} {drop}\n{load}{line} {passed} noexist\n"
    applied(network, several)
    assert dict(elements(network)) == {"10.0.0.1": "DROP", "10.0.0.7": "DROP"}
    assert applied(network, f"{several}{line}.action = DROP\n") == "unchanged\n"


def elements(network: Network) -> list[tuple[str, str]]:
    return [(one["key"], one["value"]["action"]) for one in network.json("map", "dump", "pinned", _VERDICTS)]


def test_noexist_leaves_a_value_that_is_there(network: Network, files: dict[str, str]) -> None:
    applied(network, _FILTER.format(**files))
    line = f"map set pinned {_VERDICTS} key 10.0.0.1 value {{ action PASS }} noexist\n"
    assert applied(network, line).startswith("+ map")
    network.ok("map", "set", "pinned", _VERDICTS, "key", "10.0.0.1", "value", "{", "action", "DROP", "}")
    assert applied(network, line) == "unchanged\n"
    assert elements(network) == [("10.0.0.1", "DROP")]


def test_all_is_taken_back_when_a_line_fails(
    network: Network, files: dict[str, str], cgroup: Path, tmp_path: Path
) -> None:
    (tmp_path / "verdicts.json").write_text('{"10.0.0.1": {"action": "DROP"}, "10.0.0.3": {"action": "DROP"}}')
    before = (
        _FILTER + tcx(files, "tc/strict") + f"cgroup attach {cgroup} obj {files['iw']} set segments=3\n"
        f"map set pinned {_VERDICTS} key 10.0.0.1 value {{{{ action PASS }}}}\n"
    ).format(**files)
    applied(network, before)
    there = at_hook(network), elements(network), network.json("cgroup", "show", str(cgroup))
    after = (
        tcx(files, "tc/strict", "link m:mine")
        + tcx(files, "tc/strict").rstrip()
        + " set is_strict=1\n"
        + tcx(files, "tc/ok")
        + f"cgroup attach {cgroup} obj {files['iw']} set segments=4\n"
        + f"map load pinned {_VERDICTS} {tmp_path}/verdicts.json\n"
        + "map set pinned m:none key 1 value 1\n"
    )
    outcome = apply(network, after)
    assert outcome.status == 1
    assert "m:none" in outcome.err or "/tc/none" in outcome.err
    assert outcome.err.endswith(TAKEN_BACK)
    assert f"{tmp_path.parent}" and ":6\n" in outcome.err
    assert (at_hook(network), elements(network), network.json("cgroup", "show", str(cgroup))) == there
    assert "tc/mine" not in pins(Path(network.env["TC_BPF_MNT"]))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tcx attach dev em1 ingress revision 3 obj {verdicts} section tc/ok", "revision"),
        ("cgroup attach /sys/fs/cgroup replace id 1 obj {iw}", "replace"),
        ("map set name x key 1 value += 1", "operator"),
        ("map load name x -", "standard input"),
        ("map delete name x key 1", "desired state"),
        ("tcx detach dev em1 ingress all", "desired state"),
    ],
)
def test_what_states_nothing_is_refused(network: Network, files: dict[str, str], line: str, message: str) -> None:
    outcome = apply(network, f"qdisc add dev em1 clsact\n{line}\n".format(**files))
    assert outcome.status and message in outcome.err and ":2\n" in outcome.err
    assert network.tc("qdisc", "show", "dev", "em1").out.startswith("qdisc noqueue")


def test_a_failure_of_the_kernel_before_leaves_nothing(network: Network, files: dict[str, str]) -> None:
    outcome = apply(network, f"{FAILING}\n" + tcx(files, "tc/ok"))
    assert outcome.status and names(network) == []
