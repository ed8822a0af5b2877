"""``exec bpf import``, ``agent`` and ``debug`` as commands, with a C program and the real tc at the other end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytc.errors import TransferError
from pytc.exec_proxy.agent_client import drop, fetch
from pytc.exec_proxy.map_transfer import identify, send_maps
from tests.conftest import PATIENCE
from tests.kernel.exec_proxy.support import NOBODY, array_maps, as_user
from tests.processes import PYTC, cannot, finish, pytc, run, running
from tests.waiting import until

pytestmark = pytest.mark.kernel

SHOW = ("sh", "-c", "env | grep ^BPF; ls -l /proc/self/fd")
OBJECT = identify("/bin/sh")


def variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if line.startswith("BPF"))


@pytest.mark.parametrize("receiver", ["pytc", "tc"])
@pytest.mark.parametrize("sender", ["pytc", "36", "20"])
def test_both_ways(tmp_path: Path, agent: str, receiver: str, sender: str) -> None:
    """pytc, tc and the C program in all roles."""
    if receiver == "tc" and shutil.which("tc") is None:
        cannot("tc is not installed")
    path = tmp_path / "bpf"
    command = PYTC if receiver == "pytc" else ("tc",)
    with running(*command, "exec", "bpf", "import", str(path), "run", *SHOW) as shell:
        until(path.exists, "the socket")
        if sender == "pytc":
            with array_maps(3, 0, 1, 2) as maps:
                send_maps(str(path), OBJECT, maps)
        else:
            assert run(agent, "send", str(path), sender, "3") == (0, "", "")
        status, out, err = finish(shell)
    assert (status, err) == (0, "")
    found = variables(out)
    if receiver == "tc" and sender == "20":
        # tc takes what comes for entries of its own size, so that ids of the 2015 layout are lost.
        assert found["BPF_NUM_MAPS"] == "3"
    else:
        assert {name for name in found if re.fullmatch(r"BPF_MAP\d+|BPF_NUM_MAPS", name)} == {
            "BPF_NUM_MAPS",
            "BPF_MAP0",
            "BPF_MAP1",
            "BPF_MAP2",
        }
    for name, fd in found.items():
        if name != "BPF_NUM_MAPS":
            assert re.search(rf" {fd} -> anon_inode:bpf-map$", out, re.MULTILINE)
    assert out.count("anon_inode:bpf-map") == 3
    assert not path.exists()


def test_a_c_program_receives_from_pytc(tmp_path: Path, agent: str) -> None:
    path = tmp_path / "bpf"
    with running(agent, "receive", str(path)) as receiver, array_maps(70, None, 7) as maps:
        until(path.exists, "the socket")
        assert send_maps(str(path), OBJECT, maps) == 70
        status, out, err = finish(receiver)
    assert (status, err) == (0, "")
    heads = re.findall(r"datagram (\d): (\d+) of (\d+) maps of (\S+) dev (\d+) ino (\d+)", out)
    assert heads == [
        (n, count, "70", "/bin/sh", str(OBJECT.device), str(OBJECT.inode)) for n, count in (("1", "64"), ("2", "6"))
    ]
    rows = re.findall(r"map id (\d+) type (\d+) key (\d+) value (\d+) entries (\d+) .* kernel (\d+ \d+ \d+ \d+)", out)
    assert len({row[0] for row in rows}) == 70
    assert rows[0][0] == "0" and rows[1][0] == "7"
    assert {row[1:] for row in rows} == {("2", "4", "8", "1", "2 4 8 1")}


def test_what_the_shell_inherits(tmp_path: Path) -> None:
    """Three maps and the standard streams; nothing of pytc's, and signals as a shell wants them."""
    path = tmp_path / "bpf"
    script = (
        "import os, signal; print(sorted(os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in "
        "os.listdir('/proc/self/fd') if os.path.lexists(f'/proc/self/fd/{n}'))); print(os.getpid())"
    )
    with running(*PYTC, "exec", "bpf", "import", str(path), "run", sys.executable, "-c", script) as shell:
        until(path.exists, "the socket")
        with array_maps(3, 0, 1, 2) as maps:
            send_maps(str(path), OBJECT, maps)
        status, out, err = finish(shell)
        links, pid = out.splitlines()
        assert int(pid) == shell.pid, "it replaced the command"
    assert (status, err) == (0, "")
    assert links.count("anon_inode") == 3
    assert links.count("pipe") == 3
    with running(*PYTC, "exec", "bpf", "import", str(path), "run", "grep", "SigIgn", "/proc/self/status") as shell:
        until(path.exists, "the socket")
        with array_maps(1) as maps:
            send_maps(str(path), OBJECT, maps)
        ignored = int(finish(shell)[1].split()[1], 16)
    assert not ignored & 1 << signal.SIGPIPE - 1


def test_the_default_is_a_shell(tmp_path: Path) -> None:
    path = tmp_path / "bpf"
    with running(*PYTC, "exec", "bpf", "imp", str(path)) as shell:
        until(path.exists, "the socket")
        with array_maps(1) as maps:
            send_maps(str(path), OBJECT, maps)
        out, _ = shell.communicate("echo $BPF_NUM_MAPS $0\n", timeout=PATIENCE)
    assert out == "1 /bin/sh\n"


def test_maps_are_there_for_as_long_as_the_shell_is(tmp_path: Path, agent: str) -> None:
    path = tmp_path / "bpf"
    with running(*PYTC, "exec", "bpf", "import", str(path)) as shell:
        until(path.exists, "the socket")
        assert run(agent, "send", str(path), "36", "2").status == 0
        out, _ = shell.communicate(f"{agent} count 1 0\n{agent} count 0 0\n", timeout=PATIENCE)
    assert out == "1001\n1000\n"


def test_read_only(tmp_path: Path) -> None:
    path = tmp_path / "bpf"
    script = (
        "from pytc.bpf import Map; from pytc.bpf.sys.descriptor import OwnedFd; import os\n"
        "m = Map(OwnedFd(int(os.environ['BPF_MAP0']))); print(m[bytes(4)])\nm[bytes(4)] = bytes(8)"
    )
    for words, refused in (((), False), (("ro",), True)):
        with running(*PYTC, "exec", "bpf", "import", str(path), *words, "run", sys.executable, "-c", script) as shell:
            until(path.exists, "the socket")
            with array_maps(1) as maps:
                send_maps(str(path), OBJECT, maps)
            _, out, err = finish(shell)
        assert out == f"{bytes(8)!r}\n"
        assert ("EPERM" in err) == refused


def test_several_objects(tmp_path: Path) -> None:
    path = tmp_path / "bpf"
    with (
        running(*PYTC, "exec", "bpf", "import", str(path), "count", "2", "run", *SHOW) as shell,
        array_maps(2, 0, 1) as maps,
        array_maps(2, 0, 5) as others,
    ):
        until(path.exists, "the socket")
        send_maps(str(path), OBJECT, maps)
        assert shell.poll() is None
        send_maps(str(path), OBJECT, others)
        found = variables(finish(shell)[1])
    assert found["BPF_NUM_MAPS"] == "4"
    assert {*found} == {
        "BPF_NUM_MAPS",
        *(f"BPF_MAP{n}" for n in (0, 1, 2, 5)),
        *(f"BPF_MAP_{n}" for n in ("m0", "m1", "m0_2", "m1_2")),
    }
    assert found["BPF_MAP2"] == found["BPF_MAP_m0_2"], "the second map that wants 0 gets an unused id"


def test_giving_up(tmp_path: Path) -> None:
    path = tmp_path / "bpf"
    outcome = pytc("exec", "bpf", "import", str(path), "timeout", "0.1")
    assert outcome == (1, "", f'no maps arrived at "{path}" in time\n')
    assert not path.exists()


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "bpf"
    with running(*PYTC, "exec", "bpf", "import", str(path), "run", "no-such-command", "x") as shell:
        until(path.exists, "the socket")
        with array_maps(1) as maps:
            send_maps(str(path), OBJECT, maps)
        assert finish(shell) == (1, "", 'cannot run "no-such-command": No such file or directory\n')


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, -1)])
def test_a_signal_while_waiting_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, status: int) -> None:
    path = tmp_path / "bpf"
    with running(*PYTC, "exec", "bpf", "import", str(path)) as shell:
        until(path.exists, "the socket")
        shell.send_signal(number)
        assert finish(shell) == (status, "", "")
    assert not path.exists()


def test_a_path_that_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "bpf"
    path.write_text("kept")
    outcome = pytc("exec", "bpf", "import", str(path))
    assert outcome.status == 1
    assert "is not a socket" in outcome.err
    assert path.read_text() == "kept"


def test_hostile_datagrams_are_remarked_upon_while_it_waits(tmp_path: Path) -> None:
    from tests.kernel.exec_proxy.support import send_raw

    path = tmp_path / "bpf"
    with running(*PYTC, "-j", "exec", "bpf", "import", str(path), "run", "true") as shell, array_maps(1) as maps:
        until(path.exists, "the socket")
        for _ in range(50):
            send_raw(str(path), b"nonsense", [maps[0].fd] * 3)
        send_maps(str(path), OBJECT, maps)
        status, _, err = finish(shell)
    assert json.loads(err.splitlines()[0])["note"] == (
        f"refused maps from process {os.getpid()} of user 0: a datagram of 8 bytes; an export has at least 88"
    )
    assert status == 0
    assert len(err.splitlines()) == 21, "it does not say everything"


@pytest.fixture
def served(tmp_path: Path) -> Path:
    return tmp_path / "agent.sock"


def serves(path: Path) -> bool:
    """Whether an agent answers."""
    try:
        closing(str(path))
    except TransferError:
        return False
    return True


def agent_at(path: Path, *words: str) -> tuple[str, ...]:
    return (*PYTC, "exec", "bpf", "agent", str(path), *words)


def test_an_agent_keeps_maps_when_both_sides_are_gone(served: Path, agent: str) -> None:
    with running(*agent_at(served)) as server:
        until(lambda: serves(served), "the agent")
        for name in (served.name, served.name + ".control"):
            assert served.with_name(name).stat().st_mode & 0o777 == 0o600
        assert run(agent, "send", str(served), "36", "70").status == 0
        assert run(agent, "send", str(served), "20", "2").status == 0
        for _ in range(3):  # each import ends before the next
            outcome = pytc(
                "exec", "bpf", "import", "agent", str(served), "object", "1", "run", agent, "count", "69", "0"
            )
            assert outcome == (0, "1069\n", "")
        listed = json.loads(pytc("-j", "exec", "bpf", "agent", str(served), "list").out)
        assert [(row["number"], row["object"], row["uid"], len(row["maps"])) for row in listed] == [
            (2, "agent.o", 0, 2),
            (1, "agent.o", 0, 70),
        ]
        assert listed[0]["maps"][1] == {
            "id": 1,
            "name": "",
            "type": "array",
            "bytes_key": 4,
            "bytes_value": 8,
            "max_entries": 1,
            "map": listed[0]["maps"][1]["map"],
        }
        text = pytc("exec", "bpf", "agent", str(served), "list").out
        assert re.match(
            r"2: agent\.o received \d{4}-\d\d-\d\d \d\d:\d\d:\d\d from process \d+ of user 0\n"
            r"    id 0 - array key 4B value 8B max_entries 1 map \d+\n    id 1 ",
            text,
        )
        found = variables(pytc("exec", "bpf", "import", "agent", str(served), "run", *SHOW).out)
        assert found["BPF_NUM_MAPS"] == "72"
        assert pytc("exec", "bpf", "agent", str(served), "drop", "2") == (0, "", "")
        assert pytc("exec", "bpf", "agent", str(served), "list").out.startswith("1: agent.o")
        missing = pytc("exec", "bpf", "agent", str(served), "drop", "2")
        assert missing == (1, "", f'the agent at "{served}" keeps no object "2"\n')
        assert pytc("exec", "bpf", "agent", str(served), "drop", "agent.o").status == 0
        nothing = pytc("exec", "bpf", "import", "agent", str(served), "run", "true")
        assert nothing == (1, "", f'the agent at "{served}" keeps no maps\n')
        assert pytc("exec", "bpf", "agent", str(served), "drop", "all") == (0, "", "")
        server.send_signal(signal.SIGTERM)
        status, out, err = finish(server)
    assert (status, out) == (0, "")
    assert err.splitlines()[0].startswith("1: 70 maps of agent.o from process ")
    assert not [*served.parent.iterdir()]


def test_the_same_maps_again_are_kept_once(served: Path) -> None:
    with running(*agent_at(served)), array_maps(2) as maps, array_maps(2) as others:
        until(lambda: serves(served), "the agent")
        for one in (maps, others, maps):
            send_maps(str(served), OBJECT, one)
        until(
            lambda: (
                [row["number"] for row in json.loads(pytc("-j", "exec", "bpf", "agent", str(served), "list").out)]
                == [3, 2]
            ),
            "three exports",
        )


def test_dropped_maps_are_gone(served: Path) -> None:
    from pytc.bpf import Map
    from pytc.errors import BpfSyscallError

    def exists(number: int) -> bool:
        try:
            Map.from_id(number).close()
        except BpfSyscallError:
            return False
        return True

    with running(*agent_at(served)):
        until(lambda: serves(served), "the agent")
        with array_maps(1) as maps:
            number = maps[0].description.id
            send_maps(str(served), OBJECT, maps)
            until(lambda: [*closing(str(served))], "the export")
        assert exists(number)
        assert drop(str(served), "sh") == 1
        until(lambda: not exists(number), "the end of the map")


def closing(path: str) -> list[int]:
    """The numbers of the objects that an agent keeps."""
    numbers = []
    for fetched in fetch(path):
        fetched.received.close()
        numbers.append(fetched.about.number)
    return numbers


def test_an_agent_for_another_user(open_directory: Path) -> None:
    path = open_directory / "agent.sock"
    with running(*agent_at(path, "user", str(NOBODY), "mode", "666")), array_maps(1) as maps:
        until(lambda: serves(path), "the agent")
        send_maps(str(path), OBJECT, maps)
        until(lambda: closing(str(path)), "the export")
        assert not as_user(NOBODY, lambda: closing(str(path)))
        assert "this user may not use the agent" in as_user(NOBODY - 1, lambda: closing(str(path)))
        assert not as_user(NOBODY, lambda: drop(str(path), "1"))
        assert not closing(str(path))


def test_no_agent(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="No such file") as raised:
        closing(str(tmp_path / "x"))
    assert "exec bpf agent" in raised.value.hints[0]
    for words in (("import", "agent", "/nowhere"), ("agent", "/nowhere", "list"), ("agent", "/nowhere", "drop", "x")):
        outcome = pytc("exec", "bpf", *words)
        assert outcome.status == 1 and "No such file" in outcome.err and "Traceback" not in outcome.err


def test_an_agent_that_cannot_have_both_sockets_has_none(served: Path) -> None:
    served.with_name("agent.sock.control").write_text("kept")
    outcome = run(*agent_at(served))
    assert outcome.status == 1 and "is not a socket" in outcome.err
    assert [path.name for path in served.parent.iterdir()] == ["agent.sock.control"]


def test_the_service_manager_is_told(served: Path, tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        with running(*agent_at(served), env={"NOTIFY_SOCKET": str(tmp_path / "notify")}):
            assert manager.recv(100) == b"READY=1"
            assert closing(str(served)) == [], "it is ready"


@pytest.mark.needs("tracefs")
def test_the_trace_pipe(tmp_path: Path) -> None:
    """In a mount namespace of its own, in which no tracefs is mounted at first."""
    marker = f"pytc-{os.getpid()}"
    script = f"""
set -e
mount --make-rprivate /
while umount /sys/kernel/tracing 2>/dev/null; do :; done
umount -R /sys/kernel/debug 2>/dev/null || :
{sys.executable} -m pytc exec bpf debug > {tmp_path}/out 2> {tmp_path}/err &
pid=$!
for n in $(seq 200); do [ -e /sys/kernel/tracing/trace_marker ] && break; sleep 0.1; done
for n in $(seq 200); do
    echo {marker} > /sys/kernel/tracing/trace_marker
    grep -q {marker} {tmp_path}/out && break
    sleep 0.1
done
kill -INT $pid
wait $pid
"""
    # A shell starts what is in the background with SIGINT ignored, which Python would keep: so by way of env.
    script = script.replace(f"{sys.executable} -m pytc", f"env --default-signal=INT {sys.executable} -m pytc")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], timeout=60, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert f"tracing_mark_write: {marker}" in (tmp_path / "out").read_text()
    assert (tmp_path / "err").read_text() == ""
