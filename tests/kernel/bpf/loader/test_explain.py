"""Errors for people and for programs: why, with causes that were checked."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest

from pytc.bpf.kernel.permissions import permission_causes
from pytc.bpf.kernel.versions import precedes
from pytc.bpf.link.linker import link
from pytc.bpf.loader.circumstances import slot_causes
from pytc.bpf.loader.verifier_error import verifier_error
from pytc.bpf.maps.causes import map_causes
from pytc.bpf.object.reader import read_object
from pytc.bpf.object.spec import MapSpec
from pytc.bpf.sys.constants import MapType, ProgramType
from pytc.errors import ENOTSUPP
from tests.conftest import Compiler
from tests.network import Network
from tests.processes import PYTC, ROOT

pytestmark = pytest.mark.kernel


def as_json(network: Network, *words: str) -> dict[str, Any]:
    outcome = network.pytc(*words, options=("-j",))
    assert outcome.out == ""
    found: dict[str, Any] = json.loads(outcome.err)
    assert found["exit_status"] == outcome.status
    return found


def test_a_refused_program(clsact: Network, build: Compiler) -> None:
    found = as_json(clsact, "filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("reject_verifier"))
    assert found["kind"] == "Verifier"
    assert found["errno"] == "EACCES"
    assert found["source"].endswith("reject_verifier.c:8")
    assert found["program"] == "cls_main"
    assert "invalid access to packet" in found["log"]
    assert (found["category"], found["title"]) == ("packet-bounds", "may read past the end of the packet")
    assert re.search(r"reject_verifier\.c:8:\d+ in cls_main", found["at"])
    assert "6: unsigned char *data" in found["path"][0]
    assert found["suggestion"].startswith("if ((void *)data + 24 > data_end) return TC_ACT_OK; before line 8")


@pytest.mark.needs("helper:trace_printk")
def test_a_helper_for_gpl_programs(clsact: Network, build: Compiler) -> None:
    found = as_json(clsact, "filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("reject_helper"))
    assert found["category"] == "license"
    assert 'the license "Proprietary"' in found["reason"]
    assert found["suggestion"].endswith('SEC("license") = "GPL";')


def test_a_request_that_the_kernel_refuses(network: Network, build: Compiler) -> None:
    found = as_json(network, "filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("drop"))
    assert (found["kind"], found["errno"], found["exit_status"]) == ("Netlink", "EINVAL", 2)
    assert "clsact" in found["causes"][0]


def test_wrong_words(network: Network) -> None:
    found = as_json(network, "filter", "add", "dev", "em1", "pref", "x")
    assert (found["kind"], found["errno"], found["exit_status"], found["causes"]) == ("Usage", None, 255, [])


def test_the_whole_log_with_verbose(clsact: Network, build: Compiler) -> None:
    words = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("reject_helper"))
    short, long = clsact.pytc(*words).err, clsact.pytc(*words, "verbose").err
    assert "other lines with verbose" in short
    first = re.compile(r"^0: \(", re.MULTILINE)  # Linux 5.10 does not tell the registers in front of it
    assert (first.search(short), bool(first.search(long))) == (None, True)


WITHOUT = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


def causes_of(command: str, *before: str) -> list[str]:
    """The causes of EPERM in a process that another command starts."""
    code = f"from pytc.bpf.kernel.permissions import *; print(*permission_causes({command!r}), sep='\\n')"
    done = subprocess.run(
        [*before, sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    if "Permission denied" in done.stderr or "ModuleNotFoundError" in done.stderr:
        pytest.skip("this interpreter is not readable for other users")
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1] if done.stdout.strip() else []


def test_missing_capabilities_are_named(root: None) -> None:
    hint = causes_of("MAP_CREATE", *WITHOUT, "--reuid=65534", "--clear-groups")[0]
    assert hint == (
        "bpf(MAP_CREATE) needs CAP_BPF (or CAP_SYS_ADMIN); this process (uid 65534) does not have it; run it as root"
    )


@pytest.mark.parametrize(
    ("command", "kept", "said"),
    [
        ("MAP_CREATE", "", "bpf(MAP_CREATE) needs CAP_BPF"),
        ("PROG_ATTACH", "bpf", "bpf(PROG_ATTACH) needs CAP_NET_ADMIN"),
        ("PROG_GET_FD_BY_ID", "bpf", "bpf(PROG_GET_FD_BY_ID) needs CAP_SYS_ADMIN;"),
        ("ENABLE_STATS", "bpf", "bpf(ENABLE_STATS) needs CAP_SYS_ADMIN;"),
        ("perf_event_open", "bpf", "perf_event_open needs CAP_PERFMON"),
    ],
)
def test_root_is_not_told_to_be_root(root: None, command: str, kept: str, said: str) -> None:
    keep = f"-all,+{kept}" if kept else "-all"
    hint = causes_of(command, "setpriv", f"--bounding-set={keep}", "--inh-caps=-all")[0]
    assert said in hint
    assert "this process (root) was started without" in hint
    assert "run it as root" not in hint
    assert causes_of(command) == []


def test_root_of_a_user_namespace_is_told_where_it_is(root: None) -> None:
    for mapping in (("--map-root-user",), ("--map-users=0,0,4294967295", "--setuid=0")):
        unshare = ("unshare", "--user", *mapping)
        if subprocess.run([*unshare, "true"], capture_output=True, timeout=60, check=False).returncode:
            continue  # unshare of util-linux before 2.38
        hint = causes_of("PROG_LOAD", *unshare)[0]
        assert hint.startswith("this process is in a user namespace, whose capabilities bpf(PROG_LOAD) does not count")


def test_memory_is_to_blame_only_where_it_is_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    monkeypatch.setattr("pytc.bpf.kernel.permissions.is_older", lambda since: precedes("5.10", since))
    monkeypatch.setattr(resource, "getrlimit", lambda which: (65536, 65536))
    assert any("RLIMIT_MEMLOCK" in cause for cause in permission_causes("MAP_CREATE"))
    assert not any("RLIMIT_MEMLOCK" in cause for cause in permission_causes("PROG_ATTACH"))
    assert permission_causes("") == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("map show", "needs CAP_SYS_ADMIN; this process (root) was started without"),
        ("prog show", "needs CAP_SYS_ADMIN; this process (root) was started without"),
        ("link show", "needs CAP_SYS_ADMIN; this process (root) was started without"),
        ("prog dump id 1", "needs CAP_SYS_ADMIN; this process (root) was started without"),
        ("map dump id 1", "needs CAP_SYS_ADMIN; this process (root) was started without"),
        ("tcx show dev lo", "bpf(PROG_QUERY) needs CAP_NET_ADMIN"),
        ("prog run obj examples/bpf/traffic.o packet 'ip udp'", ") needs CAP_BPF"),
        ("qdisc add dev lo clsact", "CAP_NET_ADMIN"),
        ("-n NETNS qdisc show", "needs CAP_SYS_ADMIN; this process (root) was started without"),
    ],
)
def test_commands_without_capabilities_say_which(network: Network, line: str, said: str) -> None:
    done = subprocess.run(
        [
            "ip",
            "netns",
            "exec",
            network.name,
            "setpriv",
            "--bounding-set=-all",
            "--inh-caps=-all",
            *PYTC,
            *shlex.split(line.replace("NETNS", network.name)),
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode in (1, 2, 255)
    assert len(done.stderr.splitlines()) > 1, done.stderr
    first, hint, *_ = done.stderr.splitlines()
    assert "Operation not permitted" in first
    assert hint.startswith("Hint: ")
    assert said in hint


@pytest.mark.parametrize(
    ("spec", "number", "said"),
    [
        (MapSpec("m", MapType.ARRAY, 8, 4, 1), errno.EINVAL, "the key of an array must have 4 bytes, not 8"),
        (MapSpec("m", MapType.HASH, 4, 4, 0), errno.EINVAL, "max_entries is 0"),
        (MapSpec("m", MapType.LPM_TRIE, 8, 4, 1), errno.EINVAL, "an lpm trie needs the flag BPF_F_NO_PREALLOC"),
        (MapSpec("m", MapType.LRU_HASH, 4, 4, 1, 1), ENOTSUPP, "an lru hash does not take the flag BPF_F_NO_PREALLOC"),
        (MapSpec("m", MapType.HASH, 4, 4, 1), errno.E2BIG, "this kernel does not accept hash maps with key size 4"),
        (MapSpec("m", MapType.HASH, 4, 4, 1), errno.ENOMEM, "no memory"),
        (MapSpec("m", 4000, 4, 4, 1), errno.EINVAL, "this kernel does not accept 4000 maps"),
    ],
)
def test_maps_that_cannot_be(spec: MapSpec, number: int, said: str) -> None:
    assert said in map_causes(spec, spec.max_entries, number)[0]


@pytest.mark.parametrize(("value", "count"), [("y", 0), ("n", 1)])
def test_a_setting_is_named_where_the_kernel_lacks_it(monkeypatch: pytest.MonkeyPatch, value: str, count: int) -> None:
    monkeypatch.setattr("pytc.bpf.kernel.running.configuration", lambda: {"CONFIG_XDP_SOCKETS": value})
    causes = map_causes(MapSpec("m", MapType.XSKMAP, 4, 4, 1), 1, errno.EINVAL)
    said = "maps of type xskmap need a kernel that is built with CONFIG_XDP_SOCKETS"
    assert causes.count(said) == count


@pytest.mark.parametrize(("number", "said"), [(errno.E2BIG, "slot 9 is out of range"), (errno.EINVAL, "same type")])
def test_slots(number: int, said: str) -> None:
    assert said in slot_causes("m", 4, 9, number)[0]
    assert (number == errno.EINVAL) == (slot_causes("m", 4, 9, number, is_program=False) == ())


@pytest.mark.parametrize(
    ("release", "log", "type", "said"),
    [
        ("4.4.0", "unknown func bpf_skb_load_bytes_relative#68", ProgramType.SCHED_CLS, "came with Linux 4.18"),
        (
            "6.1.0",
            "program of this type cannot use helper bpf_probe_read#4",
            ProgramType.SCHED_CLS,
            "programs of type sched_cls cannot call",
        ),
        ("4.4.0", "", ProgramType.XDP, "programs of type xdp came with Linux 4.8"),
    ],
)
def test_ages_are_told(
    build: Compiler, monkeypatch: pytest.MonkeyPatch, release: str, log: str, type: ProgramType, said: str
) -> None:
    """An old kernel, as uname(2) reports it, is among the causes."""
    real = os.uname()
    monkeypatch.setattr(
        os, "uname", lambda: os.uname_result((real.sysname, real.nodename, release, real.version, real.machine))
    )
    spec = read_object(build("drop"))
    error = verifier_error(spec, link(spec, spec.programs[0]), type, errno.EINVAL, log)
    assert any(said in cause for cause in (error.reason, *error.hints)), error


def test_an_old_kernel_lacks_map_types(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.uname()
    monkeypatch.setattr(
        os, "uname", lambda: os.uname_result((real.sysname, real.nodename, "5.4.0", real.version, real.machine))
    )
    causes = map_causes(MapSpec("m", MapType.RINGBUF, 0, 0, 4096), 4096, errno.EINVAL)
    assert "maps of type ringbuf came with Linux 5.8; this is 5.4.0" in causes[0]
