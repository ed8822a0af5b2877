"""Load-time parameters, through the library and through tc's words: they decide what the program does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytc.bpf import Map, Parameters, PinRoot, ProgramType, load, parameterise, read_object, select_program
from pytc.errors import BpfError, ObjectError, PinError, SelectionError
from tests.conftest import Compiler
from tests.kernel.bpf.support import LENGTH, PACKET, nothing_left, verdict
from tests.network import Network

pytestmark = pytest.mark.kernel
MINUS_FIVE = 0xFFFFFFFB


def run(path: str, mount: Path, **variables: Any) -> int:
    """The verdict of globals_struct with variables set; ``__`` in a name stands for a dot."""
    spec = parameterise(
        read_object(path), Parameters({name.replace("__", "."): value for name, value in variables.items()})
    )
    with load(spec, select_program(spec), type=ProgramType.SCHED_CLS, pins=PinRoot(str(mount))) as found:
        return verdict(found.program)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, MINUS_FIVE),
        ({"config__verdict": 7}, 7),
        ({"config__verdict": "-7"}, 0xFFFFFFF9),
        ({"config__enabled": False}, LENGTH),
        ({"config__enabled": "no"}, LENGTH),
        ({"config__at_least": LENGTH + 1}, LENGTH),
        ({"config__at_least": hex(LENGTH)}, MINUS_FIVE),
        ({"config": {"enabled": True, "at_least": 0, "verdict": 3}}, 3),
    ],
)
def test_variables_decide_what_a_program_does(
    build: Compiler, bpffs: Path, root: None, variables: dict[str, Any], expected: int
) -> None:
    assert run(build("globals_struct"), bpffs, **variables) == expected


def contents(path: str, **variables: Any) -> bytes:
    spec = parameterise(
        read_object(path), Parameters({name.replace("__", "."): value for name, value in variables.items()})
    )
    return spec.maps[".rodata"].contents


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("config__mac", "02:00:00:00:00:01", b"\2\0\0\0\0\1"),
        ("config__mac", "02-00-00-00-00-01", b"\2\0\0\0\0\1"),
        ("config__mac", "1,2,3", b"\1\2\3\0\0\0"),
        ("config__address", "192.0.2.1", b"\xc0\x00\x02\x01"),
        ("config__address", 0x01020304, b"\4\3\2\1"),
        ("config__ports", "80,443", b"\x50\0\xbb\1\0\0\0\0"),
        ("config__ports", [1, 2, 3, 4], b"\1\0\2\0\3\0\4\0"),
        ("config__ports[2]", 258, b"\2\1"),
        ("config__limits[1]__name", "mine", b"mine".ljust(16, b"\0")),
        ("config__limits[0]__rate", 1 << 40, (1 << 40).to_bytes(8, "little")),
        ("config__verdict", b"\1\2\3\4", b"\1\2\3\4"),
    ],
)
def test_values_by_type(build: Compiler, name: str, value: Any, expected: bytes) -> None:
    plain, changed = contents(build("globals_struct")), contents(build("globals_struct"), **{name: value})
    assert len(plain) == len(changed)
    at = changed.index(expected)
    assert plain[:at] == changed[:at]
    assert plain[at + len(expected) :] == changed[at + len(expected) :]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("nosuch", 1, r'no global variable "nosuch"; its variables: .*config'),
        ("config.nosuch", 1, r'no member "nosuch"; the members are enabled'),
        ("config", "1", '"1" is not a structure with the members enabled, mac'),
        ("config.verdict", "x", '"x" is not a number'),
        ("config.verdict", 1 << 31, "does not fit"),
        ("config.at_least", -1, "does not fit"),
        ("config.enabled", 2, "not a boolean"),
        ("config.ports", "1,2,3,4,5", "5 elements for an array of 4"),
        ("config.ports[4]", 1, "no element 4 in an array of 4"),
        ("config.address", "1.2.3", "not an IP address"),
        ("config.limits[0].name", "x" * 17, "17 bytes of text"),
        ("config.verdict.more", 1, "not a structure"),
        ("config..x", 1, r"NAME, NAME.MEMBER or NAME\[INDEX\] expected"),
        ("config.verdict", b"\1", "1 bytes for a value of 4"),
    ],
)
def test_what_cannot_be_set(build: Compiler, name: str, value: Any, said: str) -> None:
    with pytest.raises(BpfError, match=said):
        parameterise(read_object(build("globals_struct")), Parameters({name: value}))


def test_a_structure_is_set_by_its_members(build: Compiler) -> None:
    with pytest.raises(BpfError) as error:
        parameterise(read_object(build("globals_struct")), Parameters({"config": "1"}))
    assert error.value.hints == ("set config.enabled=VALUE, and the other members likewise",)


def test_variables_need_types(build: Compiler) -> None:
    with pytest.raises(ObjectError, match="compile it with -g"):
        parameterise(read_object(build("return_classid", flags=())), Parameters({"x": 1}))


def test_a_map_is_resized(build: Compiler, bpffs: Path) -> None:
    spec = parameterise(read_object(build("modern_maps")), Parameters(max_entries={"by_protocol": 77}))
    with load(spec, select_program(spec), pins=PinRoot(str(bpffs))) as found:
        assert found.maps["by_protocol"].description.max_entries == 77


def test_a_pinned_map_is_taken_in_place_of_an_own_one(build: Compiler, bpffs: Path) -> None:
    path, pin = build("modern_maps"), str(bpffs / "mine")
    spec = read_object(path)
    with load(spec, select_program(spec), pins=PinRoot(str(bpffs))) as first:
        first.maps["by_protocol"].pin(pin)
        number = first.maps["by_protocol"].description.id
    spec = parameterise(spec, Parameters(pinned={"by_protocol": pin}))
    with load(spec, select_program(spec), pins=PinRoot(str(bpffs))) as second:
        assert second.maps["by_protocol"].description.id == number


def test_a_pin_that_is_not_there(build: Compiler, bpffs: Path) -> None:
    spec = parameterise(read_object(build("modern_maps")), Parameters(pinned={"by_protocol": str(bpffs / "no")}))
    with nothing_left(bpffs), pytest.raises(PinError, match="nothing is pinned"):
        load(spec, select_program(spec), pins=PinRoot(str(bpffs)))


def test_an_unknown_map(build: Compiler) -> None:
    with pytest.raises(SelectionError, match=r'no map "nosuch"; its maps: "by_protocol"'):
        parameterise(read_object(build("modern_maps")), Parameters(max_entries={"nosuch": 1}))


def test_the_same_in_tcs_words(network: Network, build: Compiler, bpffs: Path) -> None:
    network.tc("qdisc", "add", "dev", "em1", "clsact")
    network.ok(
        "filter",
        "add",
        "dev",
        "em1",
        "ingress",
        "bpf",
        "da",
        "obj",
        build("globals_struct"),
        "set",
        "config.verdict=2",
        "set",
        "config.at_least=0",
    )
    assert not network.ping(peer=True), "verdict 2 is TC_ACT_SHOT"
    network.ok(
        "filter",
        "replace",
        "dev",
        "em1",
        "ingress",
        "pref",
        "49152",
        "handle",
        "1",
        "bpf",
        "da",
        "obj",
        build("globals_struct"),
        "set",
        "config.verdict=0",
    )
    assert network.ping(peer=True)
    network.ok(
        "filter",
        "add",
        "dev",
        "em1",
        "egress",
        "bpf",
        "da",
        "obj",
        build("modern_maps"),
        "map",
        "by_protocol",
        "max_entries",
        "5",
    )
    with Map.from_pin(next(str(p) for p in (bpffs / "tc/globals").iterdir())) as pinned:
        assert pinned.description.max_entries


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("set config.verdict", "is not NAME=VALUE"),
        ("set nosuch=1", 'no global variable "nosuch"'),
        ("map nosuch max_entries 5", 'no map "nosuch"'),
        ("map config size 5", 'What is "size"'),
        ("map config max_entries x", "max_entries"),
        ("type nosuch", "program type"),
    ],
)
def test_wrong_words(network: Network, build: Compiler, bpffs: Path, words: str, said: str) -> None:
    network.tc("qdisc", "add", "dev", "em1", "clsact")
    outcome = network.pytc(
        "filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("globals_struct"), *words.split()
    )
    assert outcome.status == 1
    assert said in outcome.err


def test_the_packet_is_long_enough() -> None:
    assert len(PACKET) == LENGTH == 60
