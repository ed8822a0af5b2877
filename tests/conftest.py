"""Fixtures: objects built by the test run, network namespaces, a bpffs, and the commands to compare."""

from __future__ import annotations

import ctypes
import itertools
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from tests import forked, toolchains
from tests.isolation import build_once, common_directory, machine, unignore_signals
from tests.needs import missing
from tests.network import Network
from tests.object_needs import needs_of
from tests.processes import IN_GUEST, MUST_RUN, ROOT, cannot, must

#: A project of its own, which tests/kernel/api/test_consumer.py runs.
collect_ignore = ["consumer"]
OBJECTS = ROOT / "tests" / "objects"
#: Its folder "examples" has programs with a mistake each, which docs/verifier.md shows.
VERIFIER = ROOT / "src" / "pytc" / "bpf" / "verifier"
VM = ROOT / "tests" / "vm"
EXAMPLES = ROOT / "examples" / "bpf"
#: Objects that were compiled before a guest booted, with the flags of Compiler.
PREBUILT = Path(os.environ.get("PYTC_OBJECTS") or "/nonexistent")
# No deadlines: machines are noisy. The same examples in every run of continuous integration, new ones elsewhere.
settings.register_profile("pytc", deadline=None, derandomize=MUST_RUN, max_examples=50)
settings.register_profile("thorough", deadline=None, derandomize=MUST_RUN, max_examples=200)
settings.load_profile("pytc")
_COMPILERS = ("clang", "clang-16", "clang-19")
#: Seconds after which something that another process or the kernel does is not waited for any longer.
PATIENCE = 60
_DETACH = 2  # MNT_DETACH
_numbers = itertools.count()
os.environ["PATH"] += f"{os.pathsep}{toolchains.BIN}"
toolchains.put_newest_tc_first()

unignore_signals()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--needing", default="", help="run only tests that need one of these: --needing jit,kernel_btf")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers of ``-n auto``: many tests wait, for a timeout or for another process."""
    return max(1, len(os.sched_getaffinity(0)) * 3 // 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that ``--needing`` does not name."""
    chosen = set(filter(None, config.getoption("--needing").split(",")))
    if chosen:
        others = [item for item in items if chosen.isdisjoint(_needs(item))]
        items[:] = [item for item in items if not chosen.isdisjoint(_needs(item))]
        config.hook.pytest_deselected(items=others)


def pytest_exception_interact(node: pytest.Item | pytest.Collector, report: pytest.TestReport) -> None:
    """Show failures at once in a guest, which may not live to see the end."""
    if IN_GUEST:
        node.config.get_terminal_writer().line(f"\n{report.nodeid} ({report.when})\n{report.longreprtext}")


def _needs(item: pytest.Item) -> list[str]:
    return [need for marker in item.iter_markers("needs") for need in marker.args]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that needs something that this kernel lacks: ``@pytest.mark.needs(...)``."""
    if reason := missing(_needs(item)):
        pytest.skip(reason)


class Compiler:
    """Builds NAME.c of tests/objects, tests/vm or the verifier's examples, once for each set of flags.

    With ``for_kernel`` it skips a test whose object needs what this kernel lacks.
    """

    def __init__(self, directory: Path, *, for_kernel: bool = False) -> None:
        self._directory = directory
        self._for_kernel = for_kernel

    def __call__(self, name: str, *, clang: str = "clang", flags: tuple[str, ...] = ("-g",), loads: bool = True) -> str:
        """Return the path of the object; ``loads`` is whether the test wants the kernel to take it."""
        if self._for_kernel and loads and (reason := missing(needs_of(name))):
            pytest.skip(reason)
        if (clang, flags) == ("clang", ("-g",)) and (PREBUILT / f"{name}.o").exists():
            return str(PREBUILT / f"{name}.o")
        if PREBUILT.exists():
            pytest.skip("objects by other compilers, or with other flags, are not for guests")
        source = next(path for place in (OBJECTS, VM, VERIFIER) if (path := place / f"{name}.c").exists())
        target = self._directory / "-".join([clang, *(f.strip("-=") for f in flags)]) / f"{name}.o"
        if not target.exists() and shutil.which(clang) is None:
            (cannot if clang == "clang" else pytest.skip)(f"{clang} is not installed")
        include = f"-I/usr/include/{platform.machine()}-linux-gnu"
        words = (clang, "-O2", "-target", "bpf", include, *flags, "-c", str(source), "-o")
        return str(build_once(target, lambda part: must(*words, str(part))))


def c_program(name: str, directory: Path) -> str:
    """tests/agents/NAME.c, compiled for this machine."""
    compiler = next((one for one in ("cc", "gcc", "clang") if shutil.which(one)), None)
    if compiler is None:
        cannot("no C compiler")
    source, target = ROOT / "tests" / "agents" / f"{name}.c", directory / name
    must(str(compiler), "-O1", "-Wall", "-Wextra", "-Werror", str(source), "-o", str(target))
    return str(target)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    """``build("legacy16")`` is the path of the object."""
    return Compiler(common_directory(tmp_path_factory) / "objects")


@pytest.fixture(scope="session")
def compilers() -> list[str]:
    """The clang versions of this machine."""
    return [name for name in _COMPILERS if shutil.which(name)]


@pytest.fixture
def root() -> None:
    """For tests that need a kernel to themselves."""
    if os.geteuid() != 0:
        cannot("not root: BPF and network namespaces need it")
    if platform.system() != "Linux":
        cannot("not Linux")
    forked.start()


@pytest.fixture
def libpcap() -> None:
    """For tests that compile tcpdump expressions."""
    from pytc.cbpf.compiler import version
    from pytc.errors import ExpressionError

    try:
        version()
    except ExpressionError as error:
        cannot(str(error))


@pytest.fixture
def bpffs(root: None, tmp_path: Path) -> Iterator[Path]:
    """A bpffs of the test's own; TC_BPF_MNT names it to pytc and tc."""
    with mounted(tmp_path / "bpffs") as mount:
        yield mount


@contextmanager
def mounted(mount: Path) -> Iterator[Path]:
    """A new directory with a bpffs; mount(8) as a process of its own takes too long in a guest."""
    mount.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mount(b"bpf", os.fsencode(mount), b"bpf", ctypes.c_ulong(0), None) == 0, os.strerror(ctypes.get_errno())
    try:
        yield mount
    finally:
        assert libc.umount2(os.fsencode(mount), _DETACH) == 0, os.strerror(ctypes.get_errno())


def is_loaded(number: int) -> bool:
    """Whether the kernel has a program with an id."""
    from pytc.bpf import Program
    from pytc.errors import BpfError

    try:
        Program.from_id(number).close()
    except BpfError:
        return False
    return True


def pins(mount: Path) -> list[str]:
    """All that is in a bpffs, relative to it.

    But for the iterators that a kernel with CONFIG_BPF_PRELOAD puts into each new one.
    """
    return sorted(str(path.relative_to(mount)) for path in mount.rglob("*") if path.suffix != ".debug")


@pytest.fixture
def network(root: None, bpffs: Path) -> Iterator[Network]:
    """Two namespaces of the test's own, with pins in a bpffs of its own."""
    with Network(f"pytc-{os.getpid()}-{next(_numbers)}", bpffs) as made:
        yield made


@pytest.fixture
def clsact(network: Network) -> Network:
    """The test's network, with a clsact qdisc at em1."""
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    return network


@pytest.fixture(autouse=True)
def machine_held(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A test that is marked ``alone`` has the machine to itself, as far as this run is concerned."""
    with machine(common_directory(tmp_path_factory), alone=request.node.get_closest_marker("alone") is not None):
        yield


@pytest.fixture(autouse=True)
def no_leaked_descriptors() -> Iterator[None]:
    """Every test, and so every failed load in it, closes what it opened."""
    before = _descriptors()
    yield
    leaked = {fd: name for fd, name in _descriptors().items() if fd not in before and "bpf" in name}
    assert not leaked, f"leaked descriptors: {leaked}"


def _descriptors() -> dict[str, str]:
    found = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            found[fd] = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            continue
    return found
