"""``prog show``, beside bpftool."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from pytc.bpf import Loaded, ProgramType, load, read_object, select_program
from tests.conftest import EXAMPLES
from tests.kernel.commands.prog.support import id_of, prog, prog_json
from tests.needs import missing
from tests.network import Network
from tests.processes import PYTC, SOURCE, must, pytc, run

pytestmark = pytest.mark.kernel
CREATE = ("--create-clsact",)


@pytest.mark.needs("tcx")
def test_every_place_is_named(loaded: Loaded, network: Network, bpffs: Path) -> None:
    """With its link, which is not named twice."""
    path = str(EXAMPLES / "traffic.o")
    network.ok("tcx", "attach", "dev", "em1", "ingress", "obj", path)
    network.ok("tcx", "attach", "dev", "em1", "egress", "link", "m:links/em1", "obj", path)
    network.ok("filter", "add", "dev", "em1", "ingress", "pref", "7", "bpf", "da", "obj", path, options=CREATE)
    links = {link["id"]: link for link in network.json("link", "show")}
    (link,) = [number for number, link in links.items() if link.get("pinned") == [f"{bpffs}/tc/links/em1"]]
    places = {place for program in network.json("prog", "show") for place in program["attached"]}
    assert {"tcx em1 ingress", f"tcx em1 egress link {link}", "filter em1 ingress pref 7"} <= places
    assert f"tcx link {link}" not in places
    users = {place for map in network.json("map", "show") for user in map["used_by"] for place in user["attached"]}
    assert "tcx em1 ingress" in users


def test_a_record_is_a_line(loaded: Loaded) -> None:
    """With -o; and tc's own objects are as with tc, which puts all into one line."""
    lines = prog("show", options=("-o",)).out.splitlines()
    (line,) = [line for line in lines if line.startswith(f"prog {id_of(loaded)} ")]
    assert line == prog("show", "id", id_of(loaded)).out.removesuffix("\n").replace("\n", "\\")
    maps = pytc("-o", "map", "show").out
    assert maps.endswith("\n")
    assert all(line.startswith("map ") for line in maps.splitlines())


class TestShow:
    def test_as_bpftool_has_it(self, loaded: Loaded) -> None:
        (ours,) = prog_json("show", "id", id_of(loaded))
        theirs = json.loads(must("bpftool", "-j", "prog", "show", "id", id_of(loaded)))
        theirs.setdefault("bytes_jited", 0)  # bpftool has it of compiled programs alone
        for name in (
            "id",
            "type",
            "name",
            "tag",
            "gpl_compatible",
            "uid",
            "bytes_xlated",
            "jited",
            "bytes_jited",
            "map_ids",
            "btf_id",
        ):
            assert ours[name] == theirs[name], name
        assert abs(int(str(ours["loaded_at"])) - theirs["loaded_at"]) <= 1

    def test_text(self, loaded: Loaded) -> None:
        said = prog("show", "id", id_of(loaded)).out
        tag = loaded.program.description.tag
        form = "interpreted" if missing(("jit",)) else r"jited \d+"
        verified = "" if missing(("verified_insns",)) else r" verified_insns \d+"
        assert re.fullmatch(
            rf"prog {id_of(loaded)} sched_cls name drop_icmp tag {tag} gpl\n"
            r"  loaded_at \S+ uid 0\n"
            rf"  xlated \d+ {form}{verified} btf_id \d+\n"
            r"  map_ids [\d,]+\n",
            said,
        ), said

    def test_details_have_the_names_of_maps(self, loaded: Loaded) -> None:
        ids = {found.description.id: name for name, found in loaded.maps.items() if name == "drops"}
        (ours,) = prog_json("show", "id", id_of(loaded), options=("-d",))
        assert [one["id"] for one in ours["maps"]] == ours["map_ids"]
        named = {one["id"]: one["name"] for one in ours["maps"]}
        theirs = {one["id"]: one.get("name", "") for one in json.loads(must("bpftool", "-j", "map", "show"))}
        assert named == {one: theirs[one] for one in ours["map_ids"]} and named.items() >= ids.items()
        said = prog("show", "id", id_of(loaded), options=("-d",)).out
        assert f"\n  maps {','.join(f'{name}({one})' for one, name in named.items())}\n" in said

    def test_all_programs(self, loaded: Loaded) -> None:
        (ours,) = [found for found in prog_json("show") if found["id"] == int(id_of(loaded))]
        assert ours["name"] == "drop_icmp"

    def test_by_name_tag_and_pin(self, loaded: Loaded, bpffs: Path) -> None:
        loaded.program.pin(str(bpffs / "drop"))
        for words in (("pinned", str(bpffs / "drop")), ("tag", loaded.program.description.tag), ("name", "drop_icmp")):
            outcome = prog("show", *words)
            assert f"prog {id_of(loaded)} " in outcome.out

    def test_all_with_a_name_or_a_tag(self, loaded: Loaded) -> None:
        spec = read_object(str(EXAMPLES / "traffic.o"))
        with load(spec, select_program(spec, section="drop"), type=ProgramType.SCHED_CLS) as twin:
            both = {loaded.program.description.id, twin.program.description.id}
            for words in (("name", "drop_icmp"), ("tag", loaded.program.description.tag)):
                assert both <= {found["id"] for found in prog_json("show", *words)}
        assert "there is no program with the tag" in prog("show", "tag", "0" * 16).err

    def test_who_holds_it(self, loaded: Loaded) -> None:
        shown = run(*PYTC, "-j", "-d", "prog", "show", "id", id_of(loaded), env=SOURCE, apart=True)
        (ours,) = json.loads(shown.out)
        assert {"pid": os.getpid(), "comm": Path("/proc/self/comm").read_text().strip()} in ours["pids"]

    @pytest.mark.parametrize(
        ("words", "said", "status"),
        [
            (("id", "4000000000"), "ENOENT", 1),
            (("id", "x"), "invalid id", 255),
            (("id", "4294967297"), "invalid id", 255),
            (("id", "-1"), "invalid id", 255),
            (("name", "never_there"), 'there is no program with the name "never_there"', 1),
            (("tag", "0"), 'there is no program with the tag "0"', 1),
            (("pinned", "/nowhere"), "Couldn't retrieve pinned program '/nowhere': No such file", 1),
        ],
    )
    def test_what_is_not_there(self, root: None, words: tuple[str, ...], said: str, status: int) -> None:
        outcome = prog("show", *words)
        assert (outcome.status, said in outcome.err) == (status, True), outcome.err

    def test_a_map_is_no_program(self, loaded: Loaded, bpffs: Path) -> None:
        loaded.maps["drops"].pin(str(bpffs / "drops"))
        outcome = prog("show", "pinned", str(bpffs / "drops"))
        assert (outcome.status, outcome.err) == (1, f"'{bpffs}/drops' is pinned, but is not a program\n")
