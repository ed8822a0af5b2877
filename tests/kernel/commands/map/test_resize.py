"""``pytc map resize``: another size, the same elements, types and rights; the pin is swapped in one step."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pytc.bpf import Map
from tests.conftest import EXAMPLES
from tests.network import Network

pytestmark = pytest.mark.kernel


@pytest.fixture
def pin(network: Network) -> str:
    """The pin of a hash of 256 elements with types, two of which are set."""
    path = f"{network.env['TC_BPF_MNT']}/hits"
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok("filter", "add", "dev", "em1", "egress", "bpf", "da", "obj", str(EXAMPLES / "traffic.o"))
    (shown,) = (one for one in network.json("filter", "show", "dev", "em1", "egress") if "options" in one)
    (about,) = network.json("prog", "show", "id", str(shown["options"]["prog"]["id"]))
    (number,) = (
        one for one in about["map_ids"] if network.json("map", "show", "id", str(one))[0]["name"] == "protocols"
    )
    network.ok("map", "pin", "id", str(number), path)
    network.ok("filter", "del", "dev", "em1", "egress")
    for key in ("6", "17"):
        network.ok("map", "set", "pinned", path, "key", key, "value", *"{ packets 7 bytes 9 }".split())
    return path


def pins_beside(pin: str) -> list[str]:
    """Return the names of the pins in its directory, without the kernel's own files."""
    return [path.name for path in Path(pin).parent.iterdir() if path.is_file() and "." not in path.name]


def described(network: Network, pin: str) -> dict[str, object]:
    (about,) = network.json("map", "show", "pinned", pin)
    assert isinstance(about, dict)
    del about["used_by"]  # the program that made the map goes when the kernel comes to it
    return about


def test_the_new_map_has_the_elements_types_and_rights(network: Network, pin: str) -> None:
    before, elements = described(network, pin), network.json("map", "dump", "pinned", pin)
    network.ok("pins", "change", "path", pin, "mode", "0640", "group", "4711")
    (done,) = network.json("map", "resize", pin, "max_entries", "1000")
    after = described(network, pin)
    assert (done["former_id"], done["id"]) == (before["id"], after["id"])
    assert before["id"] != after["id"] and after["max_entries"] == 1000
    same = ("type", "name", "flags", "key_size", "value_size", "key_type", "value_type")
    assert [before[name] for name in same] == [after[name] for name in same] and after["value_type"]
    assert sorted(network.json("map", "dump", "pinned", pin), key=str) == sorted(elements, key=str) and elements
    status = Path(pin).stat()
    assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o640, 4711)
    assert pins_beside(pin) == ["hits"]


def test_what_does_not_fit_changes_nothing(network: Network, pin: str) -> None:
    before = described(network, pin)
    refused = network.pytc("map", "resize", pin, "max_entries", "1")
    assert refused.status and "its elements do not fit into 1" in refused.err
    assert described(network, pin) == before
    assert pins_beside(pin) == ["hits"]


def test_an_array_may_grow(network: Network, pin: str, tmp_path: Path) -> None:
    from pytc.bpf.maps.map import create_map
    from pytc.bpf.object.spec import MapSpec
    from pytc.bpf.sys.constants import MapType

    for type, kept in ((MapType.ARRAY, True), (MapType.PERCPU_ARRAY, True), (MapType.QUEUE, False)):
        path = f"{pin}-{type.name}"
        with create_map(MapSpec("made", type, 4 if kept else 0, 8, 2), "made") as made:
            if kept:
                made.update((1).to_bytes(4, "little"), b"\x05" * made.value_bytes)
            made.pin(path)
        done = network.pytc("map", "resize", path, "max_entries", "5")
        assert (done.status == 0) is kept, done.err
        with Map.from_pin(path) as found:
            assert found.description.max_entries == (5 if kept else 2)
            if kept:
                assert found.lookup((1).to_bytes(4, "little")) == b"\x05" * found.value_bytes
            else:
                assert "maps of type queue cannot be resized" in done.err


@pytest.mark.parametrize("words", [(), ("max_entries",), ("max_entries", "-1"), ("max_entries", "1", "more")])
def test_the_size_has_to_be_given(network: Network, words: tuple[str, ...]) -> None:
    assert network.pytc("map", "resize", "m:none", *words).status == 255
