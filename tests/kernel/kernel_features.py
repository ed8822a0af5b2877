"""What the tests of kernel features record: how each fares on this kernel, for docs/kernels.md.

A row is ``FEATURE: works``, ``FEATURE: falls back: HOW`` or ``FEATURE: refused: MESSAGE``, which junit.xml has as the
property ``kernels`` of a test.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pytc.bpf.versions import version_key
from pytc.errors import PytcError
from tests.conftest import Network

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
            sentences = [str(error).splitlines()[0], *error.hints]
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
