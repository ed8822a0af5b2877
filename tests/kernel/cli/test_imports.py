"""The modules that commands import are those that are recorded: a new one is noticed, and weighed.

``imports.txt`` has them by command, but for those of the standard library, which differ from one Python to the next.
With ``PYTC_RECORD_IMPORTS=1`` the test writes it anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.network import Network
from tests.processes import ROOT, SOURCE

RECORD = Path(__file__).with_name("imports.txt")
OBJECT = str(ROOT / "examples" / "bpf" / "traffic.o")
IN = ("dev", "em1", "ingress")
#: What starting takes, showing no filter, loading an object, showing its filter, adding one of another kind, a batch of
#: nothing, and completing a word.
COMMANDS: dict[str, tuple[str, ...]] = {
    "pytc -V": ("-V",),
    "pytc filter show, without filters": ("filter", "show", *IN),
    "pytc filter replace ... bpf da obj": ("filter", "replace", *IN, *"pref 1 handle 1 bpf da obj".split(), OBJECT),
    "pytc filter show, with a bpf filter": ("filter", "show", *IN),
    "pytc filter add ... u32": ("filter", "add", *IN, *"u32 match u32 0 0".split()),
    "pytc -batch": ("-batch", "/dev/null"),
    "completion of fil": ("pytc fil", "fil"),
    "completion of filter add dev em1 in": ("pytc filter add dev em1 in", "in"),
}
#: Parts of the standard library that take long to import, and that commands do without.
HEAVY = {
    "typing",
    "re",
    "enum",
    "collections",
    "functools",
    "contextlib",
    "dataclasses",
    "inspect",
    "json",
    "subprocess",
}

_CODE = """
import sys
before = set(sys.modules)
sys.argv[0] = "pytc"
from pytc.cli.main import run_process
try:
    status = run_process()
finally:
    print(*sorted(set(sys.modules) - before), file=sys.stderr)
sys.exit(status)
"""


def imported(network: Network, name: str) -> list[str]:
    """Return the modules that a command imports, which must succeed."""
    completing = {"_PYTC_COMPLETE": "bash"} if name.startswith("completion") else {}
    words = COMMANDS[name]
    done = subprocess.run(
        ["ip", "netns", "exec", network.name, sys.executable, "-c", _CODE, *words],
        env={**os.environ, **network.env, **SOURCE, **completing},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1].split()


def record(modules: dict[str, list[str]]) -> str:
    """Return the text of the record."""
    return "\n".join(
        f"{name}\n" + "".join(f"  {module}\n" for module in found if module.split(".")[0] == "pytc")
        for name, found in modules.items()
    )


def test_are_those_of_the_record(clsact: Network) -> None:
    modules = {name: imported(clsact, name) for name in COMMANDS}
    if os.environ.get("PYTC_RECORD_IMPORTS"):
        RECORD.write_text(record(modules))
    assert record(modules) == RECORD.read_text()
    for name, found in modules.items():
        assert not HEAVY & {*found}, name
        assert "ctypes" not in found or "bpf" in name, name
