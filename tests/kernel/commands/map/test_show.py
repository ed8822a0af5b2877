"""``map show``, and how a command names a map: by id, name, pin, descriptor."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pytc.bpf import MapSpec, MapType
from pytc.bpf.maps.map import create_map
from pytc.errors import BpfSyscallError
from tests.kernel.bpf.support import word
from tests.kernel.commands.map.support import MapFactory, fd_of
from tests.processes import json_of, printed, refused

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]


class TestNames:
    def test_of_maps(self, bpffs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        name = f"only_{os.getpid()}"[:15]
        with create_map(MapSpec(name, MapType.ARRAY, 4, 4, 1), name) as found:
            found[word(0)] = word(42)
            found.pin(str(bpffs / "here"))
            monkeypatch.setenv("BPF_MAP3", str(found.fd))
            monkeypatch.setenv("BPF_MAP_a_b", str(found.fd))
            monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
            printed("map", "pin", *fd_of(found), "m:globals/there")
            for words in (
                ("map", "3"),
                ("map", "a.b"),
                ("name", name),
                ("id", str(found.description.id)),
                ("pinned", str(bpffs / "here")),
                ("pinned", "m:globals/there"),
            ):
                assert printed("map", "get", *words) == "42\n"
            assert f'did you mean "{name}"?' in refused("map", "get", "name", f"{name[:-1]}x")
            with create_map(MapSpec(name, MapType.ARRAY, 4, 4, 1), name) as twin:
                said = refused("map", "get", "name", name)
                assert f'there are 2 maps "{name}"' in said
                both = {found.description.id, twin.description.id}
                assert {*map(str, both)} <= set(re.findall(r"\d+", said))
                assert both <= {one["id"] for one in json_of("map", "show", "name", name)}
            monkeypatch.setenv("BPF_MAP3", "none")
            assert '$BPF_MAP3 is "none"' in refused("map", "get", "map", "3")

    def test_of_a_data_section_by_its_whole_name(self, root: None) -> None:
        stem = f"x{os.getpid()}_counters"
        with create_map(MapSpec("data", MapType.ARRAY, 4, 4, 1), f"{stem[:8]}.bss") as found:
            for name in (f"{stem}.bss", f"{stem[:8]}.bss"):
                assert printed("map", "get", "name", name) == "0\n"
                assert f"map {found.description.id} array" in printed("map", "show", "name", name)
        assert f'there is no map "{stem}.bss"' in refused("map", "show", "name", f"{stem}.bss")

    def test_show(self, new_map: MapFactory) -> None:
        found = new_map(MapType.HASH, 4, 8, 16)
        text = printed("map", "show", *fd_of(found))
        assert text.startswith(f"map {found.description.id} hash name numbers key 4 value 8 max_entries 16")
        every = json_of("map", "show")
        (own,) = [one for one in every if one["id"] == found.description.id]
        assert (own["type"], own["key_size"], own["value_size"], own["frozen"]) == ("hash", 4, 8, False)
        assert json_of("map", "show", *fd_of(found)) == [own]

    def test_pins(self, new_map: MapFactory, bpffs: Path, tmp_path: Path) -> None:
        found = new_map(MapType.ARRAY)
        path = bpffs / "pin"
        printed("map", "pin", *fd_of(found), str(path))
        assert path.exists()
        assert "File exists" in refused("map", "pin", *fd_of(found), str(path))
        assert "a pin must be in a bpffs" in refused("map", "pin", *fd_of(found), str(tmp_path / "x"))
        (tmp_path / "file").write_text("mine")
        (bpffs / "link").symlink_to(path)
        for wrong in (tmp_path / "file", bpffs, bpffs / "link", bpffs / "nothing"):
            refused("map", "unpin", str(wrong))
        assert (tmp_path / "file").exists()
        printed("map", "unpin", str(path))
        assert not path.exists()

    def test_m_pins_stay_below_tcs_directory(
        self, new_map: MapFactory, bpffs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
        assert "leads out of" in refused("map", "pin", *fd_of(new_map(MapType.ARRAY)), "m:../x")


def test_why_a_map_of_maps_does_not_take_a_map() -> None:
    template, wide = MapSpec("inner", MapType.ARRAY, 4, 4, 1), MapSpec("wide", MapType.ARRAY, 4, 8, 1)
    spec = MapSpec("outer", MapType.ARRAY_OF_MAPS, 4, 4, 1, inner=template)
    with (
        create_map(template, "inner") as inner,
        create_map(spec, "outer", inner_fd=inner.fd) as outer,
        create_map(wide, "wide") as member,
    ):
        said = refused("map", "set", *fd_of(outer), "key", "0", "value", f"fd:{member.fd}", status=2)
        assert "Hint: a map of maps takes maps like its template" in said
        said = refused("map", "set", *fd_of(outer), "key", "0", "value", f"fd:{outer.fd}", status=2)
        assert "Hint: a map of maps cannot hold maps of type array_of_maps" in said
        printed("map", "set", *fd_of(outer), "key", "0", "value", f"fd:{inner.fd}")
        said = refused("map", "set", *fd_of(outer), "key", "0", "value", f"fd:{member.fd}", status=2)
        assert 'Hint: value_size of the map is 8, that of the maps that "outer" holds 4\n' in said


@pytest.mark.parametrize(
    ("type", "words", "hint"),
    [
        (MapType.ARRAY, "set 1 value 5", "the key is out of range: max_entries is 1"),
        (MapType.ARRAY, "delete 0", "elements of an array cannot be deleted"),
        (MapType.SOCKMAP, "set 0 value 0", "the value is the descriptor of a socket that this process has open"),
        pytest.param(
            MapType.PERF_EVENT_ARRAY,
            "set 0 value 99",
            "the value is the descriptor of a perf event",
            marks=pytest.mark.needs("perf_events"),
        ),
        (MapType.CGROUP_ARRAY, "set 0 value 99", "the value is the descriptor of a cgroup's directory"),
        (MapType.CPUMAP, "set 0 value 99999", "the queue of a CPU holds 16384 packets at most"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_why_a_map_does_not_take_an_element(type: MapType, words: str, hint: str) -> None:
    verb, key, *value = words.split()
    try:
        created = create_map(MapSpec("m", type, 4, 4, 1), "m")
    except BpfSyscallError as error:
        pytest.skip(error.hints[0])
    with created as map:
        assert f"Hint: {hint}" in refused("map", verb, *fd_of(map), "key", key, *value, status=2)
