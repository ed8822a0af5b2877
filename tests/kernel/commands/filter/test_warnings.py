"""``--warn``: equal programs at a hook, filters that go to the root qdisc, programs of tcx before filters."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytc.commands.dispatch import parse_words
from pytc.commands.dispatch import run as run_command
from pytc.commands.filter.warnings import FilterWarnings
from pytc.commands.shared.context import Cache, Context
from pytc.netlink.messages import TcMessage
from pytc.netlink.namespaces import namespace
from pytc.netlink.session import Session
from tests.elf_writer import EXIT, code, elf, function, license, mov
from tests.kernel.ways import attach
from tests.network import Network
from tests.processes import PYTC, Outcome, cannot, run

pytestmark = pytest.mark.kernel

WARN = ("--warn",)
IN, OUT = ("dev", "em1", "ingress"), ("dev", "em1", "egress")
CLASSIC = ("bpf", "bytecode", "1,6 0 0 0", "flowid", "1:1")


class Objects(NamedTuple):
    """Programs of one instruction more than nothing: these return their verdicts."""

    directory: Path

    def __call__(self, name: str = "pass", verdict: int = -1) -> str:
        path = self.directory / f"{name}-{verdict}.o"
        path.write_bytes(
            elf(code("classifier", mov(0, verdict), EXIT), license(), symbols=[function(name, "classifier", count=2)])
        )
        return str(path)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path)


def more_devices(network: Network) -> None:
    assert run("ip", "-n", network.name, "link", "add", "em3", "type", "veth", "peer", "name", "em4").status == 0


def said(network: Network, *words: str, options: tuple[str, ...] = ()) -> str:
    """Return the warnings of a command, which succeeds, and is silent without them."""
    done = network.pytc(*words, options=(*WARN, *options))
    assert (done.status, done.out if "-j" not in options else "") == (0, ""), done
    return done.err


def added(network: Network, where: tuple[str, ...], path: str, *words: str, verb: str = "add") -> str:
    return said(network, "filter", verb, *where, *words, "bpf", "da", "obj", path)


def filters(network: Network, *where: str) -> list[dict[str, Any]]:
    """Return the filters that the real tc shows."""
    found = json.loads(network.tc("filter", "show", *where, options=("-j",)).out)
    return [one for one in found if "handle" in one.get("options", {})]


def test_an_equal_program_is_named_with_its_place(clsact: Network, objects: Objects) -> None:
    assert added(clsact, IN, objects()) == ""
    (first,) = filters(clsact, *IN)
    about = first["options"]["prog"]
    warning = added(clsact, IN, objects())
    assert warning == (
        f'Warning: em1 ingress has the program "pass" with tag {about["tag"]} already: pref {first["pref"]} handle '
        f'{first["options"]["handle"]}, program id {about["id"]}. It stays beside the new filter; "filter replace" '
        "with that pref and handle takes its place.\n"
    )
    assert "(and 1 more such)" in added(clsact, IN, objects(), verb="replace"), "replaced is what has the same place"
    assert len(filters(clsact, *IN)) == 3


def test_without_the_option_nothing_is_said(clsact: Network, objects: Objects, tcx: str) -> None:
    clsact.ok("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb")
    attach(clsact, tcx, 1, verdict=0)
    for where in (IN, IN, ("dev", "em1")):
        assert clsact.pytc("filter", "add", *where, "bpf", "da", "obj", objects()) == (0, "", "")


def test_the_very_same_filter_may_be_replaced(clsact: Network, objects: Objects) -> None:
    for _ in range(3):
        assert added(clsact, IN, objects(), "pref", "5", "handle", "7", verb="replace") == ""
    assert "pref 5 handle 0x7, " in added(clsact, IN, objects(), "pref", "5", verb="replace")
    assert "(and 1 more such)" in added(clsact, IN, objects(), "pref", "5", "handle", "8")
    assert added(clsact, IN, objects("other"), "pref", "5", "handle", "7", verb="replace") == ""
    assert added(clsact, IN, objects(), "pref", "5", "handle", "7", verb="change") == "", "nothing is added"
    assert added(clsact, IN, objects("other"), "pref", "5", "handle", "7", verb="change") == ""
    warning = added(clsact, IN, objects(), "pref", "9", verb="replace")
    assert "handle 0x7, " not in warning and "(and 1 more such)" in warning, "0x7 is another one now"


def test_what_differs_is_not_equal(clsact: Network, objects: Objects) -> None:
    clsact.ok("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb")
    more_devices(clsact)
    clsact.ok("qdisc", "add", "dev", "em3", "clsact")
    assert added(clsact, IN, objects()) == ""
    assert added(clsact, IN, objects("pass", 2)) == "", "another tag"
    assert added(clsact, IN, objects("pas")) == "", "another name"
    assert added(clsact, IN, objects(), "chain", "5", "pref", "3") == ""
    assert added(clsact, OUT, objects()) == ""
    assert added(clsact, ("dev", "em3", "ingress"), objects()) == ""
    assert added(clsact, ("dev", "em1", "parent", "1:"), objects()) == ""
    assert said(clsact, "filter", "add", *IN, *CLASSIC) == said(clsact, "filter", "add", *IN, *CLASSIC) == ""
    tag = filters(clsact, *OUT)[0]["options"]["prog"]["tag"]
    for where, called in (
        ((*IN, "chain", "5"), "em1 ingress chain 5"),
        (OUT, "em1 egress"),
        (("dev", "em3", "ingress"), "em3 ingress"),
        (("dev", "em1", "parent", "1:"), "em1 parent 1:"),
    ):
        assert added(clsact, where, objects()).startswith(f'Warning: {called} has the program "pass" with tag {tag} ')


def test_a_pinned_program_equals_itself_and_others(clsact: Network, objects: Objects) -> None:
    clsact.ok("filter", "add", *IN, "bpf", "da", "obj", objects())
    number = filters(clsact, *IN)[0]["options"]["prog"]["id"]
    clsact.ok("prog", "pin", "id", str(number), "m:pass")
    for options in ((), ("--dry-run",)):
        done = clsact.pytc("filter", "add", *IN, "bpf", "da", "pinned", "m:pass", options=(*WARN, *options))
        assert done.status == 0 and f"program id {number}" in done.err
    done = clsact.pytc(
        "filter",
        "replace",
        *IN,
        "pref",
        "49152",
        "handle",
        "1",
        "bpf",
        "da",
        "pinned",
        "m:pass",
        options=(*WARN, "--dry-run"),
    )
    assert (done.status, len(re.findall("pref 49151 ", done.err))) == (0, 1)
    assert len(filters(clsact, *IN)) == 2


def test_in_a_block(network: Network, objects: Objects, tcx: str) -> None:
    network.ok("qdisc", "add", "dev", "em1", "ingress_block", "7", "clsact")
    more_devices(network)
    network.ok("qdisc", "add", "dev", "em3", "egress_block", "7", "clsact")
    assert added(network, ("block", "7"), objects()) == ""
    assert added(network, ("block", "7"), objects()).startswith('Warning: block 7 has the program "pass" with tag ')
    attach(network, tcx, 1, verdict=0)
    attach(network, tcx, 1, verdict=0, hook=("dev", "em3", "egress"))
    attach(network, tcx, 1, verdict=0, hook=("dev", "em3", "ingress"))
    warnings = added(network, ("block", "7"), objects("other")).splitlines()
    assert sorted(warning.partition(",")[0] for warning in warnings) == [
        "Warning: em1 has 1 program of tcx at ingress",
        "Warning: em3 has 1 program of tcx at egress",
    ]


def test_filters_of_an_ingress_qdisc_are_found_by_its_handle(network: Network, objects: Objects) -> None:
    network.ok("qdisc", "add", "dev", "em1", "ingress")
    assert added(network, ("dev", "em1", "parent", "ffff:"), objects()) == ""
    for where in (("dev", "em1", "parent", "ffff:"), IN):
        assert added(network, where, objects()).startswith("Warning: em1 ingress has the program ")


@pytest.mark.parametrize("words", [CLASSIC, ("u32", "match", "u32", "0", "0", "flowid", "1:1"), ("OBJECT",)])
def test_without_a_parent_a_filter_goes_to_the_root_qdisc(
    network: Network, objects: Objects, words: tuple[str, ...]
) -> None:
    network.ok("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb")
    words = ("bpf", "obj", objects()) if words == ("OBJECT",) else words
    expected = (
        "Warning: without ingress, egress or parent, a filter goes to the root qdisc of em1, htb 1:, which "
        "asks it about packets that leave. For the hooks of clsact, there are the words ingress and egress.\n"
    )
    assert said(network, "filter", "add", "dev", "em1", *words) == expected
    assert said(network, "filter", "replace", "dev", "em1", "pref", "1", *words).startswith(expected)
    shown = network.tc("filter", "show", "dev", "em1").out
    assert shown and shown.count("filter parent 1: ") == shown.count("filter ")
    for where in (("parent", "1:"), ("root",)):
        assert "root qdisc" not in network.pytc("filter", "add", "dev", "em1", *where, *words, options=WARN).err
    assert said(network, "filter", "del", "dev", "em1") == ""


def test_a_dry_run_knows_that_too(network: Network, objects: Objects) -> None:
    words = ("filter", "add", "dev", "em1", "bpf", "da", "obj", objects())
    done = network.pytc(*words, options=(*WARN, "--dry-run"))
    assert done.status == 0 and "the root qdisc of em1, noqueue, which takes none. " in done.err
    network.ok("qdisc", "add", "dev", "em1", "root", "handle", "2:", "htb")
    done = network.pytc(*words, options=(*WARN, "--dry-run"))
    assert done.status == 0 and "the root qdisc of em1, htb 2:, which asks" in done.err
    done = network.pytc(*(word.replace("em1", "em9") for word in words), options=(*WARN, "--dry-run"))
    assert (done.status, done.err) == (0, 'Note: there is no device "em9" here\n')


def test_a_filter_behind_tcx(clsact: Network, objects: Objects, tcx: str) -> None:
    attach(clsact, tcx, 1, verdict=0)
    attach(clsact, tcx, 2)
    expected = (
        "Warning: em1 has 2 programs of tcx at ingress, which packets meet before the filters of clsact: what "
        "tcx passes, drops or redirects does not reach the filter, only what it returns TCX_NEXT (-1) for. "
        '"pytc hooks dev em1" shows the order.\n'
    )
    dry = clsact.pytc("filter", "add", *IN, "bpf", "da", "obj", objects(), options=(*WARN, "--dry-run"))
    assert (dry.status, dry.err) == (0, expected)
    assert added(clsact, IN, objects()) == expected
    assert said(clsact, "filter", "add", *IN, "u32", "match", "u32", "0", "0") == expected
    assert added(clsact, OUT, objects()) == ""
    assert added(clsact, (*IN, "chain", "5"), objects()) == expected


def test_tcx_that_only_goes_on_hides_nothing(clsact: Network, objects: Objects, tcx: str) -> None:
    clsact.ok("tcx", "attach", *OUT, "obj", tcx, "sec", "tcx/egress")
    assert added(clsact, OUT, objects()) == ""
    clsact.ok("tcx", "attach", *OUT, "obj", objects("pass", 0))
    assert added(clsact, OUT, objects("other", 0)).startswith("Warning: em1 has 2 programs of tcx at egress, ")


def test_tcx_that_comes_meanwhile_is_seen(clsact: Network, objects: Objects, tcx: str, tmp_path: Path) -> None:
    attach_one, add = "tcx attach dev em1 egress obj", f"filter add dev em1 egress chain CHAIN bpf da obj {objects()}"
    lines = (add, f"{attach_one} {tcx} sec tcx/egress", add, add, f"{attach_one} {objects('other', 0)}", add, add)
    done = batch(clsact, tmp_path / "lines", *(line.replace("CHAIN", str(at)) for at, line in enumerate(lines)))
    assert done.status == 0, done.err
    assert re.findall(r":(\d+): em1 has 2 programs of tcx at egress", done.err) == ["6"], done.err


def test_lines_that_a_batch_makes_ready_ahead(clsact: Network, tmp_path: Path) -> None:
    """Requests that need nothing but their words: with warnings, they are sent one by one all the same."""
    clsact.ok("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb")
    line = "filter add dev em1 bpf bytecode '1,6 0 0 0' flowid 1:1"
    done = batch(clsact, tmp_path / "lines", line, line)
    assert done.status == 0 and re.findall(r":(\d+): without ingress", done.err) == ["1"], done


def test_json_stays_json(clsact: Network, objects: Objects) -> None:
    clsact.ok("filter", "add", *IN, "bpf", "da", "obj", objects())
    done = clsact.pytc("filter", "add", *IN, "bpf", "da", "obj", objects(), options=("-j", "-echo", *WARN))
    assert done.status == 0
    assert [one["options"]["prog"]["name"] for one in json.loads(done.out)] == ["pass"]
    (note,) = (json.loads(line)["note"] for line in done.err.splitlines())
    assert note.startswith('Warning: em1 ingress has the program "pass"')


def batch(network: Network, path: Path, *lines: str, options: tuple[str, ...] = ()) -> Outcome:
    path.write_text("".join(f"{line}\n" for line in lines))
    return network.pytc("-b", str(path), options=(*WARN, *options))


def test_in_a_batch_the_line_is_named(clsact: Network, objects: Objects, tcx: str, tmp_path: Path) -> None:
    clsact.ok("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb")
    attach(clsact, tcx, 1, verdict=0, hook=OUT)
    path, add = tmp_path / "lines", f"bpf da obj {objects()}"
    done = batch(
        clsact,
        path,
        "# lines",
        f"filter add dev em1 ingress {add}",
        f"filter add dev em1 egress {add}",
        f"filter add dev em1 egress \\\nchain 5 {add}",
        f"filter add dev em1 {add}",
        f"filter replace dev em1 {add}",
        "",
        f"filter replace dev em1 ingress {add}",
    )
    assert (done.status, done.out) == (0, "")
    heads = [line.removeprefix(f"Warning: {path}:").split(" ")[:4] for line in done.err.splitlines()]
    assert heads == [
        ["3:", "em1", "has", "1"],
        ["6:", "without", "ingress,", "egress"],
        ["7:", "em1", "parent", "1:"],
        ["9:", "em1", "ingress", "has"],
    ], done.err


def test_what_a_batch_has_deleted_is_not_told(clsact: Network, objects: Objects, tmp_path: Path) -> None:
    add = f"bpf da obj {objects()}"
    done = batch(
        clsact,
        tmp_path / "lines",
        f"filter add dev em1 ingress pref 1 {add}",
        f"filter add dev em1 ingress pref 2 bpf da obj {objects('other')}",
        "filter del dev em1 ingress pref 1",
        f"filter add dev em1 ingress pref 3 {add}",
        f"filter replace dev em1 ingress pref 3 handle 1 bpf da obj {objects('third')}",
        f"filter add dev em1 ingress pref 4 {add}",
        "qdisc del dev em1 clsact",
        "qdisc add dev em1 clsact",
        f"filter add dev em1 ingress pref 5 {add}",
        f"filter add dev em1 ingress pref 6 {add}",
    )
    assert (done.status, len(done.err.splitlines())) == (0, 1), done.err
    assert ":10: em1 ingress has the program" in done.err and "pref 5 handle 0x1" in done.err


def test_the_filters_of_a_hook_are_asked_for_once(
    clsact: Network, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    clsact.ok("filter", "add", *IN, "bpf", "da", "obj", objects())
    number = filters(clsact, *IN)[0]["options"]["prog"]["id"]
    clsact.ok("prog", "pin", "id", str(number), "m:pass")
    dumps: list[TcMessage] = []
    real = Session.dump

    def counting(session: Session, message: TcMessage, *, peek: bool = False) -> list[TcMessage]:
        dumps.append(message)
        return real(session, message, peek=peek)

    monkeypatch.setattr(Session, "dump", counting)
    with namespace(clsact.name), Context(cache=Cache(filters=FilterWarnings()), environment=clsact.env) as context:
        for _ in range(100):
            for hook in ("ingress", "egress"):
                run_command(context, parse_words(f"filter add dev em1 {hook} bpf da pinned m:pass".split()))
        assert len(context.notes) == 199
    assert len(dumps) == 2
    assert len(filters(clsact, *IN)) == 101


def test_who_may_not_look_is_not_told(clsact: Network, objects: Objects, tcx: str) -> None:
    """CAP_NET_ADMIN is enough for a filter, and for tcx; names of programs need CAP_SYS_ADMIN."""
    if shutil.which("setpriv") is None:
        cannot("setpriv is not installed")
    words = (
        "setpriv",
        "--inh-caps=-all",
        "--bounding-set=-all,+net_admin,+bpf",
        *PYTC,
        *WARN,
        "filter",
        "add",
        *IN,
        "bpf",
        "da",
        "obj",
        objects(),
    )
    clsact.ok("filter", "add", *IN, "bpf", "da", "obj", objects())
    assert clsact.execute(*words) == (0, "", "")
    attach(clsact, tcx, 1, verdict=0)
    done = clsact.execute(*words)
    assert done.status == 0 and done.err.startswith("Warning: em1 has 1 program of tcx"), done
    assert len(done.err.splitlines()) == 1 and len(filters(clsact, *IN)) == 3


def test_a_command_that_fails_says_why_and_no_more(clsact: Network, objects: Objects) -> None:
    clsact.ok("filter", "add", *IN, "pref", "1", "handle", "1", "bpf", "da", "obj", objects())
    done = clsact.pytc("filter", "add", *IN, "pref", "1", "handle", "1", "bpf", "da", "obj", objects(), options=WARN)
    assert done.status == 2 and "Warning" not in done.err


def test_beside_atomic(clsact: Network, objects: Objects, tmp_path: Path) -> None:
    add = f"filter add dev em1 ingress bpf da obj {objects()}"
    done = batch(clsact, tmp_path / "lines", add, add, options=("--atomic",))
    assert done.status == 0 and re.findall(r":(\d+): em1 ingress has", done.err) == ["2"], done
