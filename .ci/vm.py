"""Runs tests/vm on Debian's 6.1 kernel in QEMU: what "make test-vm" does.

usage: .ci/vm.py [ARGUMENT OF PYTEST...], like -k timer

The kernel's package comes from apt and is kept, unpacked, in ${XDG_CACHE_HOME:-~/.cache}/pytc-vm. The guest sees the
files of this machine, read-only, and writes what comes back into a directory of its own. It has one processor: without
KVM a second one mostly waits for the first. Results go to build/vm: junit.xml and console.log.

Exit status: pytest's in the guest; 1 when the guest dies or hangs; 77 where this machine cannot do it at all.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "vm"
PYTHON = Path(sys.executable)
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytc-vm"
SECONDS = int(os.environ.get("PYTC_VM_SECONDS") or 600)
PROBE_SECONDS = 10
NOT_HERE = 77
PACKAGE = re.compile(r"^linux-image-(6\.1\.\d+-(\d+)-amd64)$")
#: The guest has file systems of its own in these places.
HIDDEN = ("/dev", "/proc", "/run", "/sys", "/var/cache", "/var/log", "/var/tmp")
#: Drivers that udev would load; the tests need none of them, and they take a third of the time to boot.
UNWANTED = (
    "aesni_intel ahci button ccp cdrom crc32_pclmul crc32c_intel crct10dif_pclmul evdev ghash_clmulni_intel "
    "i2c_i801 i6300esb iTCO_wdt kvm kvm_amd kvm_intel libahci libata lpc_ich pcspkr psmouse scsi_mod serio_raw "
    "sg sha1_ssse3 sha256_ssse3 sha512_ssse3 sr_mod"
).split()
PARAMETERS = ("mitigations=off", "init_on_alloc=0", "tsc=reliable", f"modprobe.blacklist={','.join(UNWANTED)}")
GUEST = """
cd {root} || exit
export PYTC_IN_VM=1 PYTC_KERNEL_TESTS=1 PYTC_VM_OBJECTS={share}/objects
export PYTHONDONTWRITEBYTECODE=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 PATH=$PATH:/usr/sbin:/sbin
mount --bind {kernel}/boot /boot
ip link set lo up
{python} -m pytest tests/vm -p no:cacheprovider --basetemp=/dev/shm/pytc --junitxml={share}/junit.xml {arguments} 2>&1
echo $? >{share}/status
"""


class Problem(Exception):
    """A reason to stop, in one line."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    try:
        check_machine()
        collect()
        kernel = cached_kernel()
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as place:
            share = Path(place)
            build_objects(share / "objects")
            return run(kernel, share, arguments)
    except Problem as problem:
        sys.stderr.write(f"make test-vm: {problem}\n")
        return problem.status
    except KeyboardInterrupt:
        return 130


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def check_machine() -> None:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise Problem(f"the guest is Linux on x86_64; this is {platform.system()} on {platform.machine()}", NOT_HERE)
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Problem("the guest's kernel is a Debian package, and there is no apt here", NOT_HERE)
    if os.geteuid() != 0:
        raise Problem("root is needed: the guest's files belong to root; try: sudo make test-vm")
    for command, package in (
        ("qemu-system-x86_64", "qemu-system-x86"),
        ("depmod", "kmod"),
        ("clang", "clang"),
        (str(PYTHON.parent / "vng"), "virtme-ng (pip)"),
    ):
        if shutil.which(command, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            raise Problem(f"{command} is missing; .ci/prepare vm installs {package}")
    for path in (CACHE, ROOT, PYTHON.parent):
        if any(path.is_relative_to(hidden) for hidden in HIDDEN):
            raise Problem(f"the guest cannot see {path}; move the project, or set XDG_CACHE_HOME")


def collect() -> None:
    """Finds mistakes in the tests before a boot, and leaves their bytecode for the guest."""
    done = subprocess.run(
        [PYTHON, "-m", "pytest", "--collect-only", "-q", "tests/vm"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.stdout.write(done.stdout)
        raise Problem("tests/vm cannot be collected")


def cached_kernel() -> Path:
    """The directory with the unpacked package."""
    CACHE.mkdir(parents=True, exist_ok=True)
    name = offered_package() or (updated() and offered_package()) or kept_package()
    if not name:
        raise Problem("apt has no linux-image-6.1.*-amd64; the tests in tests/vm are for Debian 12's kernel", NOT_HERE)
    target = CACHE / name
    if not target.is_dir():
        unpack(name, target)
        for other in CACHE.glob("linux-image-*"):
            if other != target:
                shutil.rmtree(other, ignore_errors=True)
    return target


def offered_package() -> str:
    """The newest that apt knows of, real-time and cloud kernels aside; empty for none."""
    names = output("apt-cache", "pkgnames", "linux-image-6.1").split()
    return max(filter(PACKAGE.match, names), key=age, default="")


def kept_package() -> str:
    return max((one.name for one in CACHE.glob("linux-image-*")), key=age, default="")


def age(name: str) -> tuple[int, ...]:
    """To sort packages by."""
    return tuple(int(number) for number in re.findall(r"\d+", name))


def updated() -> bool:
    output("apt-get", "update", "-qq")
    return True


def output(*words: str, cwd: Path | None = None) -> str:
    return subprocess.run(
        words,
        cwd=cwd,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        stdin=subprocess.DEVNULL,
    ).stdout


def must(*words: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(
        words,
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
    )
    if done.returncode:
        raise Problem(f"{' '.join(map(str, words))}: {done.stderr.strip()}")


def unpack(name: str, target: Path) -> None:
    say(f"fetching {name}")
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="unpack-") as place:
        download = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", name)
        try:
            must(*download, cwd=Path(place))
        except Problem:
            updated()  # what apt remembers may have been replaced since
            must(*download, cwd=Path(place))
        root = Path(place) / "root"
        must("dpkg-deb", "-x", next(Path(place).glob("*.deb")), root)
        must("depmod", "-b", root, release(name))
        try:
            root.rename(target)
        except OSError as error:
            if not target.is_dir():  # by another run
                raise Problem(f"cannot make {target}: {error.strerror}") from error


def release(name: str) -> str:
    return name.removeprefix("linux-image-")


def image(kernel: Path) -> Path:
    return kernel / "boot" / f"vmlinuz-{release(kernel.name)}"


def has_kvm(kernel: Path) -> bool:
    """Whether the kernel gets, within seconds, to its panic for want of a root: on some machines guests hang."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    note = CACHE / "no-kvm-since-boot"
    if note.exists() and note.read_text() == boot:
        return False
    done = subprocess.run(
        [
            "timeout",
            "-k",
            "1",
            str(PROBE_SECONDS),
            "qemu-system-x86_64",
            "-machine",
            "q35,accel=kvm",
            "-cpu",
            "host",
            "-m",
            "512",
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
            "-kernel",
            image(kernel),
            "-append",
            "panic=-1",
        ],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        note.write_text(boot)
    return not done.returncode


def build_objects(target: Path) -> None:
    """Every source of tests/objects and tests/vm, as NAME.o."""
    target.mkdir()
    sources = [*(ROOT / "tests" / "objects").glob("*.c"), *(ROOT / "tests" / "vm").glob("*.c")]
    include = f"-I/usr/include/{platform.machine()}-linux-gnu"

    def build(source: Path) -> None:
        must("clang", "-O2", "-g", "-target", "bpf", include, "-c", source, "-o", target / f"{source.stem}.o")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(build, sources))


def run(kernel: Path, share: Path, arguments: Sequence[str]) -> int:
    """One boot; returns pytest's status."""
    accelerated = has_kvm(kernel)
    say(
        f"booting Linux {release(kernel.name)} {'on KVM' if accelerated else 'without KVM, which is slow'}, "
        f"for {SECONDS} seconds at most"
    )
    script = share / "run.sh"
    script.write_text(
        GUEST.format(
            root=shlex.quote(str(ROOT)),
            share=shlex.quote(str(share)),
            kernel=shlex.quote(str(kernel)),
            python=shlex.quote(str(PYTHON)),
            arguments=shlex.join(arguments),
        )
    )
    ended = boot(kernel, share, script, accelerated=accelerated)
    try:
        return judge(share, ended)
    finally:
        keep_results(share)


def boot(kernel: Path, share: Path, script: Path, *, accelerated: bool) -> int:
    """Shows what the guest prints, keeps its console; returns the status of timeout(1)."""
    command: list[str | Path] = [
        "timeout",
        "-k",
        "10",
        str(SECONDS),
        PYTHON.parent / "vng",
        "--run",
        image(kernel),
        "--force-9p",
        "--user",
        "root",
        "--cpus",
        "1",
        "--memory",
        "2G",
        "--verbose",
        f"--rwdir={share}",
        "--cwd",
        ROOT,
        f"--append={' '.join(PARAMETERS)}",
        *([] if accelerated else ["--disable-kvm"]),
        "--",
        f"sh {shlex.quote(str(script))}",
    ]
    path = f"{PYTHON.parent}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    with (
        (share / "console.log").open("wb") as console,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PATH": path},
        ) as guest,
    ):
        assert guest.stdout is not None
        assert guest.stderr is not None
        keeper = threading.Thread(target=shutil.copyfileobj, args=(guest.stderr, console), daemon=True)
        keeper.start()
        try:
            show(guest.stdout)
            guest.wait()
        except BaseException:
            guest.terminate()
            raise
        keeper.join(timeout=10)
    return guest.returncode


def show(stream: IO[bytes]) -> None:
    for line in stream:
        sys.stdout.write(line.decode("utf-8", "replace").replace("\r", ""))
        sys.stdout.flush()


def judge(share: Path, ended: int) -> int:
    """Pytest's status; raises Problem where it has none, or where it ran no test."""
    try:
        status = int((share / "status").read_text())
    except (OSError, ValueError):
        show_console(share)
        what = f"the guest did not end within {SECONDS} seconds" if ended in (124, 137) else "the guest died"
        raise Problem(f"{what}; its console is in {RESULTS / 'console.log'}") from None
    if status:
        show_console(share)
        return status
    try:
        suites = list(ElementTree.parse(share / "junit.xml").iter("testsuite"))
    except (OSError, ElementTree.ParseError) as error:
        raise Problem(f"no results came back: {error}") from error
    if sum(int(suite.get("tests", 0)) - int(suite.get("skipped", 0)) for suite in suites) <= 0:
        raise Problem("no test ran in the guest")
    return 0


def show_console(share: Path, lines: int = 40) -> None:
    text = (share / "console.log").read_text(errors="replace").replace("\r", "").splitlines()
    say("\n".join(["The end of the guest's console:", *(f"  {line}" for line in text[-lines:])]))


def keep_results(share: Path) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in ("junit.xml", "console.log"):
        (RESULTS / name).unlink(missing_ok=True)
        if (share / name).exists():
            shutil.copyfile(share / name, RESULTS / name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
