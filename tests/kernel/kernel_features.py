"""What the tests of kernel features record: how each fares on this kernel, for docs/kernels.md.

A row is ``FEATURE: works``, ``FEATURE: falls back: HOW`` or ``FEATURE: refused: MESSAGE``, which junit.xml has as the
property ``kernels`` of a test.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytc.bpf import Map, MapType, ProgramType
from pytc.bpf.kernel.features import attempt
from pytc.bpf.kernel.versions import version_key
from pytc.bpf.sys.abi import MapBatchAttr, MapCreateAttr, pointer
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.syscall import bpf
from pytc.errors import BpfSyscallError, PytcError
from tests.kernel.bpf.support import small_program
from tests.network import Network
from tests.processes import SOURCE

RELEASE = os.uname().release
HAS_JIT = Path("/proc/sys/net/core/bpf_jit_enable").exists()
HAS_KERNEL_TYPES = Path("/sys/kernel/btf/vmlinux").exists()
HAS_PERF_EVENTS = Path("/proc/sys/kernel/perf_event_paranoid").exists()
JIT, KERNEL_TYPES = "CONFIG_BPF_JIT", "CONFIG_DEBUG_INFO_BTF"


def is_since(version: str) -> bool:
    """Whether this kernel is that version of Linux, or a newer one."""
    return version_key(RELEASE) >= version_key(version)


class Feature:
    """Records the row of one feature."""

    def __init__(self, properties: list[tuple[str, object]], name: str) -> None:
        """``properties`` are those of a test: the fixture record_property warns of newer formats of junit.xml."""
        self._properties = properties
        self.name = name

    def works(self) -> None:
        self._add("works")

    def falls_back(self, how: str) -> None:
        self._add(f"falls back: {how}")

    def refused(self, message: str) -> None:
        self._add(f"refused: {message}")

    def _add(self, outcome: str) -> None:
        self._properties.append(("kernels", f"{self.name}: {outcome}"))

    def expect(self, attempt: Callable[[], object], since: str, *, setting: str = "", is_built: bool = True) -> None:
        """Holds that an attempt works on kernels since a version that are built with a setting, and that others refuse
        it with a sentence that names the version or the setting."""
        try:
            attempt()
        except PytcError as error:
            sentences = [*(line.strip() for line in str(error).splitlines()), *error.hints]
            assert not (is_since(since) and is_built), sentences
            wanted = setting if is_since(since) else f"Linux {since}"
            clear = [sentence for sentence in sentences if wanted in sentence]
            assert clear, (wanted, sentences)
            self.refused(clear[0])
        else:
            assert is_since(since) and is_built
            self.works()


def command(network: Network, *words: str) -> None:
    """Runs pytc in a namespace; raises PytcError with what it says."""
    done = network.pytc(*words)
    if done.status:
        first, *others = done.err.splitlines()
        hints = (line.removeprefix("Hint: ") for line in others if line.startswith("Hint: "))
        raise PytcError(first, hints=tuple(hints))


def has_arenas() -> bool:
    """Newer kernels want a JIT compiler for them; 6.12 does not."""
    attr = MapCreateAttr(map_type=MapType.ARENA, max_entries=4, map_flags=1 << 10)
    return attempt(lambda: bpf(Command.MAP_CREATE, attr)) is True


def has_kprobes() -> bool:
    try:
        small_program(ProgramType.KPROBE).close()
    except BpfSyscallError:
        return False
    return True


def set_patiently(found: Map, key: bytes, value: bytes) -> None:
    """Tries again where the kernel's own allocator needs a moment, as that of 7.2 under user-mode Linux does."""
    for _ in range(50):
        try:
            found[key] = value
        except BpfSyscallError as error:
            if error.errno != errno.ENOMEM:
                raise
            time.sleep(0.02)  # it is refilled at the next tick
        else:
            return
    pytest.skip("this kernel has no memory for an element of this map")


def takes_batches(found: Map) -> bool:
    room = [ctypes.create_string_buffer(1 << 16) for _ in range(3)]
    attr = MapBatchAttr(
        out_batch=pointer(room[0]), keys=pointer(room[1]), values=pointer(room[2]), count=4, map_fd=found.fd
    )
    try:
        bpf(Command.MAP_LOOKUP_BATCH, attr)
    except BpfSyscallError as error:
        return error.errno == errno.ENOENT  # these were all
    return True


def limited_process(*before: str) -> subprocess.CompletedProcess[str]:
    """Makes a map in a process of its own that may lock no memory."""
    text = (
        "from pytc.bpf import MapSpec\nfrom pytc.bpf.maps.map import create_map\nfrom pytc.errors import PytcError\n"
        "try:\n    create_map(MapSpec('m', 2, 4, 4096, 256), 'm').close()\n"
        "except PytcError as error:\n    raise SystemExit('\\n'.join((str(error), *error.hints)))\n"
    )
    return subprocess.run(
        [*before, sys.executable, "-c", text],
        env={**os.environ, **SOURCE},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def makes_netkit(network: Network) -> bool:
    """Makes a pair of netkit devices, where the kernel can."""
    from tests.kernel.commands.tcx.test_netkit import MAKE

    return network.execute(sys.executable, "-c", MAKE).status == 0
