"""Runs tests on Debian's own kernels in QEMU, for what user-mode Linux lacks: what "make test-vm" does.

usage: .ci/vm.py [KERNEL...] [--] [ARGUMENT OF PYTEST...], like 6.12 -k timer

A KERNEL is a version or the Debian release that has it; without any, all of them run but the newest. Only tests run
that need a JIT, BTF of the kernel, or something else that kernels for user-mode Linux are built without (NEEDS); paths
among pytest's arguments replace these.

Kernels come from the archive of this machine's apt (.ci/archive.py) and stay in ${XDG_CACHE_HOME:-~/.cache}. The guest
sees the files of this machine, read-only, and writes what comes back into a directory of its own. It has one processor:
without KVM a second one mostly waits for the first. Results go to build/vm/VERSION: junit.xml and console.log.

Exit status: 0 when all tests passed on each kernel; 1 when one failed or a guest died or hung; 77 where this machine
cannot do it at all.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
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
)

#: Debian releases whose kernels run, oldest first. The last one's runs when it is chosen.
SUITES = ("bookworm", "trixie", "sid")
ON_REQUEST = frozenset({"sid"})
#: What user-mode Linux lacks; see tests/needs.py.
NEEDS = "guest jit kernel_btf perf_events device:netkit qdisc:ets qdisc:fq_pie action:gate".split()
TESTS = (
    "tests/vm",
    "tests/kernel/bpf",
    *(f"tests/kernel/commands/map/test_{name}.py" for name in "btf elements events load show types watch".split()),
    "tests/kernel/commands/tcx/test_netkit.py",
)
RESULTS = ROOT / "build" / "vm"
CACHE = CACHES / "pytc-vm"
#: Several times what a guest takes, because the machine may be busy.
SECONDS = int(os.environ.get("PYTC_VM_SECONDS") or 1800)
PROBE_SECONDS = 10
#: The guest has file systems of its own in these places.
HIDDEN = ("/dev", "/proc", "/run", "/sys", "/var/cache", "/var/log", "/var/tmp")
COMMANDS = (
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("depmod", "kmod"),
    ("clang", "clang"),
    ("vng", "virtme-ng (pip)"),
)
#: Drivers that udev would load; the tests need none of them, and they take a third of the time to boot.
UNWANTED = (
    "aesni_intel ahci button ccp cdrom crc32_pclmul crc32c_intel crct10dif_pclmul evdev ghash_clmulni_intel "
    "i2c_i801 i6300esb iTCO_wdt kvm kvm_amd kvm_intel libahci libata lpc_ich pcspkr psmouse scsi_mod serio_raw "
    "sg sha1_ssse3 sha256_ssse3 sha512_ssse3 sr_mod"
).split()
PARAMETERS = ("mitigations=off", "init_on_alloc=0", "tsc=reliable", f"modprobe.blacklist={','.join(UNWANTED)}")
GUEST = """
exec 2>&1
export PATH=$PATH:/usr/sbin:/sbin
mount --bind {kernel}/boot /boot
ip link set lo up
"""


def main(words: Sequence[str]) -> int:
    """Return the exit status."""
    chosen, arguments = split_arguments(words, SUITES, (*TESTS, f"--needing={','.join(NEEDS)}"))
    try:
        check_machine("test-vm", COMMANDS, HIDDEN)
        CACHE.mkdir(parents=True, exist_ok=True)
        suites = [suite for suite in SUITES if chosen or suite not in ON_REQUEST]
        kernels = [kernel for suite in suites if (kernel := _kernel(suite, chosen))]
        if not kernels:
            raise Problem("none of the kernels is to be had", NOT_HERE)
        collect(arguments)
        return max(_run(kernel, arguments) for kernel in kernels)
    except Problem as problem:
        sys.stderr.write(f"make test-vm: {problem}\n")
        return problem.status
    except KeyboardInterrupt:
        return 130


def _kernel(suite: str, chosen: Sequence[str]) -> Path | None:
    """Return the directory with the kernel of a Debian release; None, with a line, where there is none."""
    try:
        name = archive.dependency(suite, "linux-image-amd64", "linux-image-")
        if chosen and not {suite, _version(name)} & set(chosen):
            return None
        directory = archive.unpacked(suite, name)
        if not _image(directory).exists():
            _gather(suite, name, directory)
    except archive.Unavailable as error:
        say(f"going on without the kernel of Debian's {suite}: {error}")
        return None
    if not (directory / "lib").exists():  # trixie's modules are in /usr/lib
        (directory / "lib").symlink_to("usr/lib")
    if not (directory / "lib/modules" / _release(directory) / "modules.dep").exists():
        must("depmod", "-b", directory, _release(directory))
    return directory


def _gather(suite: str, package: str, directory: Path) -> None:
    """Put the files of a kernel together that consists of packages, as in sid; raises archive.Unavailable."""
    for part in ("linux-binary", "linux-modules"):
        files = archive.unpacked(suite, package.replace("linux-image", part, 1))
        shutil.copytree(
            files / "usr/lib", directory / "usr/lib", symlinks=True, copy_function=_link, dirs_exist_ok=True
        )
    _image(directory).parent.mkdir(exist_ok=True)
    for name in ("vmlinuz", "config"):
        file = directory / "usr/lib/modules" / _release(directory) / name
        if file.exists():
            _link(str(file), str(_image(directory).with_name(f"{name}-{_release(directory)}")))


def _link(source: str, target: str) -> None:
    with suppress(FileExistsError):
        os.link(source, target, follow_symlinks=False)


def _version(name: str) -> str:
    """Return 6.1 for linux-image-6.1.0-49-amd64."""
    found = re.search(r"\d+\.\d+", name)
    return found[0] if found else name


def _release(kernel: Path) -> str:
    """Return what uname -r says there: the package's name has it between linux-image- and its version."""
    return kernel.name.partition("_")[0].removeprefix("linux-image-")


def _image(kernel: Path) -> Path:
    return kernel / "boot" / f"vmlinuz-{_release(kernel)}"


def _has_kvm(kernel: Path) -> bool:
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
            _image(kernel),
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


def _run(kernel: Path, arguments: Sequence[str]) -> int:
    """Boot a kernel once; return the status of pytest in it."""
    accelerated = _has_kvm(kernel)
    say(
        f"booting Linux {_release(kernel)} {'on KVM' if accelerated else 'without KVM, which is slow'}, "
        f"for {SECONDS} seconds at most"
    )
    results = RESULTS / _version(kernel.name)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as place:
        share = Path(place)
        script = share / "run.sh"
        script.write_text(
            GUEST.format(kernel=shlex.quote(str(kernel))) + pytest_script(share, built_objects(share), arguments)
        )
        status = _boot(kernel, share, script, accelerated=accelerated)
        hung = status in (124, 137)
        try:
            return judge(
                share, results, f"the guest did not end within {SECONDS} seconds" if hung else "the guest died"
            )
        except Problem as problem:
            sys.stderr.write(f"make test-vm: Linux {_release(kernel)}: {problem}\n")
            return problem.status
        finally:
            keep_results(share, results)


def _boot(kernel: Path, share: Path, script: Path, *, accelerated: bool) -> int:
    """Shows what the guest prints, keeps its console; returns the status of timeout(1)."""
    command: list[str | Path] = [
        "timeout",
        "-k",
        "10",
        str(SECONDS),
        PYTHON.parent / "vng",
        "--run",
        _image(kernel),
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
    with (
        (share / "console.log").open("wb") as console,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PATH": f"{PYTHON.parent}:{PATH}"},
        ) as guest,
    ):
        assert guest.stdout is not None
        assert guest.stderr is not None
        keeper = threading.Thread(target=shutil.copyfileobj, args=(guest.stderr, console), daemon=True)
        keeper.start()
        try:
            print_lines(guest.stdout)
            guest.wait()
        except BaseException:
            guest.terminate()
            raise
        keeper.join(timeout=10)
    return guest.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
