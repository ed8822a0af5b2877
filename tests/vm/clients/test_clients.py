"""Programs that call tc: the same exit statuses, the same output and the same state with tc and with pytc."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import PYTC, cannot
from tests.toolchains import TC_DIRECTORY, old_tc, require_newest_tc

#: A program of these calls pytc a hundred times, each time a new process, which takes its time in a guest.
pytestmark = [pytest.mark.kernel, pytest.mark.timeout(2100), pytest.mark.slow]
_HERE = Path(__file__).parent
_CLIENTS = Path(os.environ.get("PYTC_CLIENTS") or "/nonexistent")
_DEBIAN_PYTHON = "/usr/bin/python3"
#: Where programs expect tc.
_TC = "/usr/sbin/tc"
_SECONDS = 1000
#: There, they find the wrapper.
_PATH = os.environ["PATH"].removeprefix(f"{TC_DIRECTORY}{os.pathsep}")
#: Runs SCRIPT in new namespaces, in which tc is a wrapper that keeps its arguments and exit statuses; then prints what
#: the real tc says of all devices, as ``state`` in a script does.
_SESSION = """
mount -t tmpfs tmp /mnt
printf '#!/bin/sh\\n%s "$@"\\nstatus=$?\\necho "$status: $*" >>/mnt/calls\\nexit $status\\n' "$PROGRAM" >/mnt/tc
chmod +x /mnt/tc
mount --bind /mnt/tc "$PLACE"
mount -t sysfs sys /sys
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
ip link add em1 type veth peer name em2
ip link set lo up
ip link set em1 up
ip link set em2 up
ip address add 192.0.2.1/24 dev em1
state() {
    for device in $(ls /sys/class/net); do
        for what in qdisc class filter; do echo "$device $what"; $REAL -d $what show dev $device; done
        echo "$device ingress"; $REAL -d filter show dev $device parent ffff:
    done
}
. "$SCRIPT"
echo "== exits with $?"
cat /mnt/calls
state
"""
#: What is not the same twice: counters and queues of packets that the kernel sends by itself, handles that it picks,
#: and times. And pytc's help exits with 0.
_CHANGING = re.compile(
    r"direct_packets_stat \d+|\(\d+\.\d+ms\)|Sent \d+.*|seed \d+|^\d+(?=: .*\bhelp$)"
    r"|^class (?:cake|fq_codel|sfq) .*\n|(?<= )8[0-9a-f]{3}:(?= )",
    re.MULTILINE,
)


def _outcome(tmp_path: Path, program: str, real: str, script: str, environment: dict[str, str]) -> str:
    path = tmp_path / "script"
    path.write_text(script)
    names = {"PROGRAM": program, "PLACE": _TC, "REAL": real, "SCRIPT": str(path)}
    with (tmp_path / "errors").open("w+") as errors:
        done = subprocess.run(
            ["unshare", "-m", "-n", "sh", "-c", _SESSION],
            env={**os.environ, "PATH": _PATH, **environment, **names},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        errors.seek(0)
        assert "== exits with 0" in done.stdout, f"{program}: {done.stdout[-2000:]}\n{errors.read()[-2000:]}"
    return _CHANGING.sub("...", done.stdout)


def _compare(tmp_path: Path, script: str, environment: dict[str, str] | None = None, *, old: bool = False) -> None:
    """Compare what a script does with the newest tc, or with an ``old`` one, with what it does with pytc."""
    if not Path(_TC).exists():
        cannot(f"there is no {_TC}")
    if old:  # a wrapper takes its place
        real = str(tmp_path / "old-tc")
        shutil.copy2(os.path.realpath(old_tc()), real)
    else:
        require_newest_tc()
        real = str(TC_DIRECTORY / "tc")
    by_tc, by_pytc = (
        _outcome(tmp_path, program, real, script, environment or {}) for program in (real, shlex.join(PYTC))
    )
    differences = difflib.unified_diff(by_tc.splitlines(), by_pytc.splitlines(), "tc", "pytc", lineterm="", n=1)
    assert by_pytc == by_tc, "\n".join(differences)


def _client(name: str) -> Path:
    path = _CLIENTS / name
    if not path.exists():
        cannot(f"{name} is unavailable: .ci/clients.py says why")
    return path


def _modules(directory: str) -> str:
    """Return a PYTHONPATH with a client's modules, for it and for pytc."""
    return ":".join(filter(None, (directory, os.environ.get("PYTHONPATH", ""))))


@pytest.mark.needs("qdisc:hfsc", "qdisc:red", "qdisc:netem", "qdisc:htb")
def test_links_of_mininet(tmp_path: Path) -> None:
    client = _client("mininet")
    if not Path(_DEBIAN_PYTHON).exists():
        cannot("mininet is for the distribution's Python")
    script = f'{_DEBIAN_PYTHON} {_HERE / "mininet_links.py"} "$REAL"\n'
    _compare(
        tmp_path,
        script,
        {
            "PATH": f"{client}/usr/bin:{_PATH}",
            "PYTHONPATH": _modules(f"{client}/usr/lib/python3/dist-packages"),
        },
    )


@pytest.mark.needs("qdisc:netem", "qdisc:htb", "qdisc:tbf")
def test_rules_of_tcconfig(tmp_path: Path) -> None:
    client = _client("tcconfig-0.30.1")
    script = f"set -- {sys.executable}\n{(_HERE / 'tcconfig.sh').read_text()}"
    _compare(tmp_path, script, {"PYTHONPATH": _modules(str(client))})


@pytest.mark.needs("qdisc:cbq", "qdisc:sfq", "old_tc")
def test_wondershaper(tmp_path: Path) -> None:
    script = next(iter(_client("wondershaper").glob("**/sbin/wondershaper")))
    _compare(tmp_path, f"sh {script} em1 5000 1000\nsh {script} em1\n", old=True)


@pytest.mark.needs("qdisc:cake", "qdisc:hfsc")
def test_shaping_with_cake(tmp_path: Path) -> None:
    _compare(tmp_path, (_HERE / "cake.sh").read_text())


@pytest.mark.needs("qdisc:htb", "qdisc:hfsc", "qdisc:red", "filter:flow", "filter:basic")
def test_shorewall(tmp_path: Path) -> None:
    names = "shorewall shorewall-core iptables libxtables12 libip4tc2 libip6tc2"
    packages = shlex.join(str(_client(name).resolve()) for name in names.split())
    if subprocess.run(["modprobe", "-q", "iptable_mangle"], check=False).returncode:
        cannot("shorewall's iptables needs iptable_mangle, which this kernel lacks")
    _compare(tmp_path, f"set -- {packages}\n{(_HERE / 'shorewall.sh').read_text()}")
