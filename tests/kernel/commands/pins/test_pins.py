"""``pytc pins``: list, remove and change pins; each in a bpffs of the test's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pytc.bpf import Map
from tests.conftest import EXAMPLES, Compiler
from tests.network import Network
from tests.processes import PYTC, Outcome, run

pytestmark = pytest.mark.kernel


@pytest.fixture
def mount(network: Network) -> Path:
    return Path(network.env["TC_BPF_MNT"])


@pytest.fixture
def pinned(network: Network, mount: Path, build: Compiler) -> Network:
    """A used map that an object declares, pinned by its filter; another pin of it; a program; an unused map."""
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("legacy_pin_global"))
    (shown,) = (one for one in network.json("filter", "show", "dev", "em1", "ingress") if "options" in one)
    network.ok("prog", "pin", "id", str(shown["options"]["prog"]["id"]), str(mount / "program"))
    (path,) = [one["path"] for one in network.json("pins", "under", str(mount), "type", "map")]
    with Map.from_pin(path) as map:
        map.pin(str(mount / "other"))
    return network


def paths(network: Network, mount: Path, *words: str, verb: str = "show") -> list[str]:
    return [os.path.relpath(one["path"], mount) for one in network.json("pins", verb, "under", str(mount), *words)]


def test_pins_are_listed_with_their_objects(pinned: Network, mount: Path) -> None:
    listed = pinned.json("pins", "under", str(mount))
    assert [one["kind"] for one in listed] == ["map", "prog", "map"]
    other, program, declared = listed
    assert (other["id"], other["type"]) == (declared["id"], declared["type"])
    assert program["type"] == "sched_cls" and program["path"] == str(mount / "program")
    assert program["user"] == "root" and program["mode"] == "0600"
    text = pinned.ok("pins", "show", "path", str(mount / "program"))
    assert (
        text
        == f"{mount}/program prog id {program['id']} sched_cls name {program['name']} owner root group root mode 0600\n"
    )


def test_what_is_chosen_by_type_object_age_and_user(pinned: Network, mount: Path, build: Compiler) -> None:
    (declared,) = paths(pinned, mount, "object", build("legacy_pin_global"))
    assert declared not in ("other", "program")
    assert paths(pinned, mount, "object", str(EXAMPLES / "traffic.o")) == []
    assert paths(pinned, mount, "type", "prog") == ["program"]
    assert paths(pinned, mount, "age", "1m") == []
    assert len(paths(pinned, mount, "age", "0", "owner", "root")) == 3
    assert paths(pinned, mount, "owner", "4711") == []


def test_unused_maps_are_those_that_no_program_uses(pinned: Network, mount: Path) -> None:
    assert paths(pinned, mount, "unused") == []
    pinned.ok("filter", "del", "dev", "em1", "ingress")
    pinned.ok("pins", "delete", "path", str(mount / "program"))
    for _ in range(100):  # the kernel takes a moment to release the program
        if len(paths(pinned, mount, "unused")) == 2:
            break
    assert len(paths(pinned, mount, "unused", verb="delete")) == 2
    assert paths(pinned, mount) == []


def test_only_what_is_chosen_is_removed(pinned: Network, mount: Path, build: Compiler) -> None:
    (removed,) = paths(pinned, mount, "object", build("legacy_pin_global"), verb="delete")
    assert paths(pinned, mount) == ["other", "program"] and not (mount / removed).exists()
    assert pinned.pytc("pins", "delete", "path", str(mount / removed)).status
    assert pinned.pytc("pins", "delete").status == 255


def test_mode_and_group(pinned: Network, mount: Path) -> None:
    (changed,) = pinned.json("pins", "change", "path", str(mount / "other"), "mode", "0640", "group", "4711")
    assert (changed["mode"], changed["group"]) == ("0640", "4711")
    status = (mount / "other").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o640, 4711)
    for words in (("mode", "0999"), ("mode", "01777"), ("group", "no-such-group"), ()):
        assert pinned.pytc("pins", "change", "path", str(mount / "other"), *words).status == 255
    assert stat.S_IMODE((mount / "other").stat().st_mode) == 0o640


def test_links_to_devices_that_are_gone_are_dead(
    kernel_with_tcx: None, network: Network, mount: Path, build: Compiler
) -> None:
    network.ok("tcx", "attach", "dev", "em1", "ingress", "link", str(mount / "link"), "obj", build("tcx"))
    assert paths(network, mount, "dead") == []
    network.execute("ip", "link", "del", "em1")
    assert paths(network, mount, "dead") == ["link"]
    assert "dead" in network.ok("pins", "under", str(mount))
    assert paths(network, mount, "dead", verb="delete") == ["link"] and not (mount / "link").exists()


WITHOUT = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")


def limited(network: Network, *words: str) -> Outcome:
    """Run pytc as root without the right to read what its mode forbids."""
    return run(*WITHOUT, *PYTC, *words, env=network.env)


def test_a_path_that_is_no_pin_is_an_error(pinned: Network, mount: Path, tmp_path: Path) -> None:
    missing, file, cases = str(mount / "othr"), tmp_path / "file", []
    file.write_text("")
    cases += [(missing, f'cannot look at "{missing}": No such file or directory\nHint: did you mean "other"?\n')]
    cases += [(str(mount), f'"{mount}" is not a pin\n'), (str(file), "outside a bpffs, not a pin\n")]
    for path, message in cases:
        for words in (("path", path), ("delete", "path", path), ("change", "path", path, "mode", "0600")):
            outcome = pinned.pytc("pins", *words)
            assert (outcome.status, outcome.out) == (1, "")
            assert outcome.err.endswith(message)
    assert pinned.ok("pins", "path", str(mount / "other"), "type", "link") == ""


def test_a_directory_that_cannot_be_read_is_an_error(pinned: Network, mount: Path) -> None:
    outcome = pinned.pytc("pins", "under", str(mount / "none"))
    assert (outcome.status, outcome.err) == (1, f'cannot read "{mount}/none": No such file or directory\n')
    (mount / "tc/globals").chmod(0)
    for words in (("under", str(mount / "tc/globals")), ("delete", "under", str(mount / "tc/globals"))):
        outcome = limited(pinned, "pins", *words)
        assert (outcome.status, outcome.out) == (1, "")
        assert outcome.err == f'cannot read "{mount}/tc/globals": Permission denied\n'


def test_what_cannot_be_read_is_noted(pinned: Network, mount: Path) -> None:
    (mount / "tc/globals").chmod(0)
    (mount / "other").chmod(0)
    note = f'Note: cannot read "{mount}/tc/globals": Permission denied (EACCES): pins in it are left out\n'
    unopened = f'Note: cannot open 1 pin in "{mount}", left out: Permission denied (EACCES)\n'
    outcome = limited(pinned, "pins", "under", str(mount))
    assert (outcome.status, [line.split()[0] for line in outcome.out.splitlines()]) == (0, [str(mount / "program")])
    assert outcome.err == note + unopened
    assert note in limited(pinned, "pins", "type", "link").err
    refused = limited(pinned, "pins", "path", str(mount / "other"))
    assert (refused.status, refused.out) == (1, "") and "Permission denied (EACCES)" in refused.err
    program = limited(pinned, "prog", "show", "pinned", str(mount / "program"))
    assert (program.status, program.err) == (0, note + unopened)
    assert len(paths(pinned, mount)) == 3
