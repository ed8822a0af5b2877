"""JSON with names that others have chosen: of devices, files, pins, cgroups, sections, classes, processes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import strict_json
from tests.conftest import EXAMPLES
from tests.elf_writer import code, elf, function, insn, license
from tests.kernel.bpf.support import small_program
from tests.network import Network
from tests.processes import PYTC

pytestmark = pytest.mark.kernel

TRAFFIC = EXAMPLES / "traffic.o"
#: What ends a text in JSON, what is no UTF-8, what no terminal should see, and what a format makes something of.
ODD = (
    b'"',
    b'"},{"',
    b"\\",
    b"\\u0000",
    b"\xff\xfe",
    b"\xed\xb0\x80",
    b"\x01\x1b[31m",
    b"\x7f",
    "\U0001f600\u00e9".encode(),
    "\u2028".encode(),
    b"%s%d",
    b"'$(x)`",
    b"NaN",
    b"null",
    b"-1",
    b"{}[],",
)
#: Batches have no way to write a #.
WORDS = [name for name in ODD if b"#" not in name]


def run(network: Network, *words: str | bytes | Path) -> bytes:
    """Return the output of a command in a locale of ASCII: JSON is UTF-8 there, too."""
    done = subprocess.run(
        [*PYTC, "-n", network.name, *words],
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, **network.env, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown_json(network: Network, *words: str | bytes | Path) -> Any:
    """Return the JSON of a command, which has as many values in both layouts."""
    found = both_layouts(network, *words)
    assert len(found[0]) == len(found[1])
    return found[0]


def both_layouts(network: Network, *words: str | bytes | Path) -> list[Any]:
    return [strict_json.value(run(network, "-j", *options, "-d", *words)) for options in ((), ("-p", "-s", "-color"))]


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def batch(network: Network, directory: Path, *lines: bytes) -> None:
    (directory / "lines").write_bytes(b"".join(line + b"\n" for line in lines))
    run(network, "-batch", directory / "lines")


def quoted(name: bytes) -> bytes:
    """Return a name as one word of a batch."""
    quote = b"'" if b'"' in name else b'"'
    return quote + name + quote


def test_devices(network: Network, tmp_path: Path) -> None:
    names = [name for name in WORDS if b"%" not in name]  # which stands for a number that the kernel picks
    for name in names:
        subprocess.run([b"ip", b"-n", network.name.encode(), b"link", b"add", name, b"type", b"veth"], check=True)
    lines = (
        b"qdisc add dev %s clsact",
        b"tcx attach dev %s egress obj " + os.fsencode(TRAFFIC),
        b"filter add dev %s ingress bpf da obj " + os.fsencode(TRAFFIC),
        b"actions add action mirred egress redirect dev %s",
    )
    batch(network, tmp_path, *(line % quoted(name) for name in names for line in lines))
    named = [one.get("dev", "") for one in shown_json(network, "qdisc", "show") if one["kind"] == "clsact"]
    assert sorted(map(as_bytes, named)) == sorted(names)
    _, acts = shown_json(network, "actions", "ls", "action", "mirred")
    assert [as_bytes(one["to_dev"]) for one in acts["actions"]] == names
    assert {as_bytes(one["dev"]) for one in shown_json(network, "tcx", "show")} == set(names)
    for name in names[:5]:
        assert [as_bytes(one["dev"]) for one in shown_json(network, "hooks", "dev", name)] == [name] * 2


def test_files_and_sections(network: Network, tmp_path: Path) -> None:
    """A filter is named after its object file."""
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    paths = [os.fsencode(tmp_path) + b"/" + name for name in WORDS]
    for path, name in zip(paths, WORDS, strict=True):
        section = name.decode("latin-1")
        with open(path, "wb") as file:
            file.write(elf(code(section, insn(0xB7), insn(0x95)), license(), symbols=[function("f", section)]))
    lines = (b"object show %s", b"object lint %s", b"filter add dev em1 ingress pref 1 bpf da obj %s program f")
    (tmp_path / "lines").write_bytes(b"".join(line % quoted(path) + b"\n" for path in paths for line in lines))
    for options in ((), ("-p",)):
        found = strict_json.values(run(network, "-j", *options, "-batch", tmp_path / "lines"))
        assert [as_bytes(one["object"]) for [one] in found] == [path for path in paths for _ in (0, 1)]
    [_, *filters] = shown_json(network, "filter", "show", "dev", "em1", "ingress")
    assert len({one["options"]["bpf_name"] for one in filters}) == len(WORDS)


def test_pins_and_cgroups(network: Network, bpffs: Path, cgroup: Path, tmp_path: Path) -> None:
    names = [name for name in WORDS if b"." not in name]
    mount, top = os.fsencode(bpffs), os.fsencode(cgroup)
    for name in names:
        os.mkdir(top + b"/group" + name)
    iw = os.fsencode(EXAMPLES / "sockops" / "iw.o")
    batch(
        network,
        tmp_path,
        *(
            b"cgroup attach %s link %s obj %s" % (quoted(top + b"/group" + name), quoted(mount + b"/" + name), iw)
            for name in names
        ),
    )
    tree = shown_json(network, "cgroup", "tree", cgroup)
    assert sorted(as_bytes(one["cgroup"]) for one in tree) == sorted(top + b"/group" + name for name in names)
    pinned = [path for one in tree for program in one["programs"] for path in program["pinned"]]
    assert sorted(map(as_bytes, pinned)) == sorted(mount + b"/" + name for name in names)
    for listed in both_layouts(network, "link", "show"):  # others' links come and go meanwhile
        assert {as_bytes(path) for one in listed for path in one.get("pinned", ())} == set(map(as_bytes, pinned))


def test_classes(network: Network, tmp_path: Path) -> None:
    """A file names the classes."""
    names = [name for name in WORDS if not name.startswith(b"-")]
    (tmp_path / "names").write_bytes(b"".join(b"1:%x %s\n" % (number, name) for number, name in enumerate(names, 1)))
    batch(
        network,
        tmp_path,
        b"qdisc add dev em1 root handle 1: htb",
        *(b"class add dev em1 parent 1: classid 1:%x htb rate 1mbit" % number for number in range(1, len(names) + 1)),
    )
    found = shown_json(network, "-nm", "-cf", tmp_path / "names", "class", "show", "dev", "em1")
    assert sorted(as_bytes(one["handle"]).rpartition(b"#")[0] for one in found) == sorted(names)


@pytest.mark.parametrize("name", [b'"},{"', b"\\\xff\xfe", b"\x01\x1b[31m\n\r", b"%s NaN"], ids=ascii)
def test_processes(network: Network, name: bytes) -> None:
    """A process that holds a program chooses its own name."""
    comm = Path("/proc/self/comm")
    before = comm.read_bytes().strip()
    with small_program() as program:
        comm.write_bytes(name)
        try:
            [found] = shown_json(network, "prog", "show", "id", str(program.description.id))
        finally:
            comm.write_bytes(before)
    assert [one["comm"] for one in found["pids"]] == [name.strip().decode("utf-8", "replace")]
