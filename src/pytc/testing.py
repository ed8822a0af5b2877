"""Fixtures for pytest: BPF programs are tested like functions.

pytest finds them where pytc is installed (entry point ``pytest11``):

>>> def test_ping_is_dropped(bpf_object, run_packet):
...     filter = bpf_object("traffic.o", section="drop")
...     assert run_packet(filter, "eth ip icmp type 8").verdict == "TC_ACT_SHOT"

They need root; without, the tests that use them are skipped. docs/testing-programs.md says more.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest

if TYPE_CHECKING:
    from pytc.bpf import Loaded, Program, ProgramType
    from pytc.packets.hexdump import Difference

__all__ = ["NetnsPair", "PacketResult", "bpf_object", "netns_pair", "run_packet"]


class PacketResult(NamedTuple):
    """What a program did with a packet.

    ``verdict`` is its return value by name (``TC_ACT_OK``, ``XDP_DROP``, a class like ``1:10``), ``value`` the same as
    u32; ``packet`` is the packet afterwards, ``before`` what it was; ``context`` has the fields ``mark``, ``priority``,
    ``cb0`` to ``cb4`` and ``tstamp`` afterwards; ``duration`` is nanoseconds for each run.
    """

    verdict: str
    value: int
    packet: bytes
    before: bytes
    context: Mapping[str, int]
    duration: int

    @property
    def differences(self) -> "list[Difference]":
        """The runs of bytes that the program changed."""
        from pytc.packets.hexdump import differences

        return differences(self.before, self.packet)

    @property
    def diff(self) -> str:
        """The same for people, as lines of a hexdump; empty where nothing changed."""
        from pytc.packets.hexdump import diff

        return diff(self.before, self.packet)


class ObjectLoader(Protocol):
    """What the fixture ``bpf_object`` is."""

    def __call__(
        self,
        path: "str | os.PathLike[str]",
        *,
        section: str = "",
        program: str = "",
        type: "ProgramType | None" = None,
        variables: Mapping[str, Any] | None = None,
        max_entries: Mapping[str, int] | None = None,
        verbose: bool = False,
    ) -> "Loaded": ...


class PacketRunner(Protocol):
    """What the fixture ``run_packet`` is."""

    def __call__(
        self,
        program: "Loaded | Program",
        packet: bytes | str,
        *,
        context: Mapping[str, int] | None = None,
        repeat: int = 1,
        classes: bool = False,
    ) -> PacketResult: ...


def _root() -> None:
    if os.geteuid() != 0:
        pytest.skip("not root: the kernel runs BPF programs for root alone")


@pytest.fixture
def bpf_object() -> Iterator[ObjectLoader]:
    """Loads a program of an object file with maps of its own; all is closed at the end of the test.

    ``bpf_object("bpf.o", section="cls", variables={"port": 80}, max_entries={"flows": 16})``: a
    :class:`pytc.bpf.Loaded`. Without ``section`` and ``program`` it is section ``classifier``, or the only program.
    """
    _root()
    with ExitStack() as owned:

        def load_object(
            path: "str | os.PathLike[str]",
            *,
            section: str = "",
            program: str = "",
            type: "ProgramType | None" = None,
            variables: Mapping[str, Any] | None = None,
            max_entries: Mapping[str, int] | None = None,
            verbose: bool = False,
        ) -> "Loaded":
            from pytc.bpf import Parameters, ProgramType, load, parameterise, read_object, select_program

            spec = parameterise(read_object(os.fspath(path)).unpinned(), Parameters(variables or {}, max_entries or {}))
            chosen = select_program(spec, section=section, program=program)
            kind = type if type is not None else chosen.type or ProgramType.SCHED_CLS
            return owned.enter_context(load(spec, chosen, type=kind, verbose=verbose))

        yield load_object


@pytest.fixture
def run_packet() -> PacketRunner:
    """Runs a program on a packet, attached to nothing.

    The packet is bytes, beginning with the Ethernet header, or words like ``"eth ip src 10.0.0.1 tcp dport 80"``;
    ``context`` are fields of ``struct __sk_buff`` that the kernel lets a test set, like ``{"mark": 7}``. ``classes`` is
    for classifiers without direct-action, whose return values are classes.
    """
    _root()

    def run(
        program: "Loaded | Program",
        packet: bytes | str,
        *,
        context: Mapping[str, int] | None = None,
        repeat: int = 1,
        classes: bool = False,
    ) -> PacketResult:
        from pytc.bpf.loader.program import Program
        from pytc.bpf.run.test_run import Runner
        from pytc.bpf.run.verdicts import Verdicts
        from pytc.packets.build import build

        data = build(packet) if isinstance(packet, str) else packet
        runner = Runner((program if isinstance(program, Program) else program.program).fd, context)
        done = runner.run(data, repeat=repeat)
        verdict = Verdicts(runner.type, classes=classes).name(done.verdict)
        return PacketResult(verdict, done.verdict, done.packet, runner.unchanged(data), done.context, done.duration)

    return run


class NetnsPair:
    """Two network namespaces with a veth pair between them.

    ``near`` has the device ``em1`` with ``near_address``, ``far`` the device ``em2`` with ``far_address``; both are up.
    """

    device, far_device = "em1", "em2"
    near_address, far_address = "10.9.0.1", "10.9.0.2"

    def __init__(self, name: str) -> None:
        self.near, self.far = name, f"{name}-far"

    def run(self, *words: str, far: bool = False, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Runs a command in a namespace, at most a minute long; raises CalledProcessError where it fails, unless
        ``check`` is False."""
        return subprocess.run(
            ["ip", "netns", "exec", self.far if far else self.near, *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=check,
            stdin=subprocess.DEVNULL,
        )

    @contextmanager
    def inside(self, *, far: bool = False) -> Iterator[None]:
        """This thread works in a namespace until the block ends."""
        from pytc.netlink.session import namespace

        with namespace(self.far if far else self.near):
            yield

    def make(self) -> None:
        """Makes both; raises CalledProcessError."""
        for name in (self.near, self.far):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip(
            "-n",
            self.near,
            "link",
            "add",
            self.device,
            "type",
            "veth",
            "peer",
            "name",
            self.far_device,
            "netns",
            self.far,
        )
        for name, device, address in (
            (self.near, self.device, self.near_address),
            (self.far, self.far_device, self.far_address),
        ):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", device)
            _ip("-n", name, "link", "set", device, "up")

    def remove(self) -> None:
        """Removes what is there of them."""
        for name in (self.near, self.far):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False, timeout=60)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], capture_output=True, text=True, check=True, timeout=60)


@pytest.fixture
def netns_pair() -> Iterator[NetnsPair]:
    """Two network namespaces of the test's own with a veth pair, for programs that are attached; see
    :class:`NetnsPair`. Needs iproute2's ``ip``."""
    import shutil
    import uuid

    _root()
    if shutil.which("ip") is None:
        pytest.skip("ip (iproute2) is not installed")
    made = NetnsPair(f"pytc-test-{uuid.uuid4().hex[:12]}")
    try:
        made.make()
        yield made
    finally:
        made.remove()
