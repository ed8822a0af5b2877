"""A plugin for pytest: BPF programs are tested like functions.

pytest finds it where pytc is installed (entry point ``pytest11``); ``-p no:pytc`` turns it off:

>>> def test_ping_is_dropped(bpf_object, run_packet):
...     filter = bpf_object("traffic.o", section="drop")
...     assert run_packet(filter, "eth ip icmp type 8").verdict == "TC_ACT_SHOT"

The fixtures need root; without, the tests that use them are skipped. A test that fails with an error of pytc shows it
without pytc's own lines, and with the verifier's words. docs/testing-programs.md says more.
"""

from __future__ import annotations

import os

import pytest

from pytc.api.runs import PacketResult
from pytc.api.runs import run as run_on_packet
from pytc.contexts import ExitStack
from pytc.errors import PytcError, VerifierError
from pytc.netns_pair import NetnsPair
from pytc.typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import Any

    from pytc.api.objects import Object
    from pytc.api.runs import Buffer, Packet
    from pytc.bpf import Loaded, Program, ProgramType

__all__ = ["NetnsPair", "PacketResult", "bpf_object", "netns_pair", "pytc_load", "run_packet"]

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
#: Lines of the verifier's log in a report, from its end.
_LOG_LINES = 30


class ObjectLoader(Protocol):
    """What the fixture ``bpf_object`` is."""

    def __call__(
        self,
        path: str | os.PathLike[str],
        *,
        section: str = "",
        program: str = "",
        type: ProgramType | None = None,
        variables: Mapping[str, Any] | None = None,
        max_entries: Mapping[str, int] | None = None,
        verbose: bool = False,
    ) -> Loaded: ...


class LibraryLoader(Protocol):
    """What the fixture ``pytc_load`` is."""

    def __call__(
        self,
        source: str | os.PathLike[str] | bytes,
        *,
        programs: str | Iterable[str] | None = None,
        set: Mapping[str, Any] | None = None,
        max_entries: Mapping[str, int] | None = None,
        type: str = "",
        verbose: bool = False,
    ) -> Object: ...


class PacketRunner(Protocol):
    """What the fixture ``run_packet`` is."""

    def __call__(
        self,
        program: Object | Loaded | Program,
        packet: Packet,
        *,
        context: Mapping[str, int] | None = None,
        repeat: int = 1,
        classes: bool = False,
        events: Iterable[Buffer] = (),
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
            path: str | os.PathLike[str],
            *,
            section: str = "",
            program: str = "",
            type: ProgramType | None = None,
            variables: Mapping[str, Any] | None = None,
            max_entries: Mapping[str, int] | None = None,
            verbose: bool = False,
        ) -> Loaded:
            from pytc.bpf import Parameters, ProgramType, load, parameterise, read_object, select_program

            spec = parameterise(read_object(os.fspath(path)).unpinned(), Parameters(variables or {}, max_entries or {}))
            chosen = select_program(spec, section=section, program=program)
            kind = type if type is not None else chosen.type or ProgramType.SCHED_CLS
            return owned.enter_context(load(spec, chosen, type=kind, verbose=verbose))

        yield load_object


@pytest.fixture
def pytc_load() -> Iterator[LibraryLoader]:
    """Loads objects with :func:`pytc.load`, with maps of their own that are not pinned; all is closed at the end of the
    test.

    ``pytc_load("firewall.o", set={"port": 80})`` is a :class:`pytc.Object`.
    """
    _root()
    with ExitStack() as owned:

        def load_object(source: str | os.PathLike[str] | bytes, **options: Any) -> Object:
            from pytc.api.objects import load

            return owned.enter_context(load(source, pin=False, **options))

        yield load_object


@pytest.fixture
def run_packet() -> PacketRunner:
    """Runs a program on a packet, attached to nothing.

    The packet is bytes, beginning with the Ethernet header, or words like ``"eth ip src 10.0.0.1 tcp dport 80"``;
    ``context`` are fields of ``struct __sk_buff`` that the kernel lets a test set, like ``{"mark": 7}``. ``classes`` is
    for classifiers without direct-action, whose return values are classes. ``events`` are the ring buffers and perf
    event arrays to read: ``run_packet(obj.program, "ip udp", events=[obj.maps.notices]).events["notices"]``.
    """
    _root()

    def run(
        program: Object | Loaded | Program,
        packet: Packet,
        *,
        context: Mapping[str, int] | None = None,
        repeat: int = 1,
        classes: bool = False,
        events: Iterable[Buffer] = (),
    ) -> PacketResult:
        from pytc.bpf.loader.program import Program

        fd = (program if isinstance(program, Program) else program.program).fd
        return run_on_packet(fd, packet, context=context, repeat=repeat, classes=classes, events=events)

    return run


@pytest.fixture
def netns_pair() -> Iterator[NetnsPair]:
    """Two network namespaces of the test's own with a veth pair, for programs that are attached; see
    :class:`NetnsPair`. Its ``run`` needs iproute2's ``ip``."""
    import uuid

    _root()
    pair = NetnsPair(f"pytc-test-{uuid.uuid4().hex[:12]}")
    try:
        pair.make()
        yield pair
    finally:
        pair.remove()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """Report an error of pytc without the lines of pytc itself, and with what the verifier said."""
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, PytcError) and not item.config.getoption("fulltrace", False):
        _hide_own_lines(error)
    outcome = yield
    if isinstance(error, PytcError):
        from pytc.api.checks import explain

        report = outcome.get_result()
        report.sections.append(("pytc", explain(error)))
        if isinstance(error, VerifierError) and error.log:
            lines = error.log.rstrip().splitlines()
            report.sections.append(("the verifier's last words", "\n".join(lines[-_LOG_LINES:])))


def _hide_own_lines(error: BaseException) -> None:
    """Cut the traceback where the test has called pytc, and those of the errors behind it."""
    entry: TracebackType | None = error.__traceback__
    while entry is not None:
        following = entry.tb_next
        if following is not None and following.tb_frame.f_code.co_filename.startswith(_PACKAGE):
            entry.tb_next = None
        entry = entry.tb_next
    error.__cause__, error.__suppress_context__ = None, True
