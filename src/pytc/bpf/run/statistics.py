"""Statistics of running programs: BPF_ENABLE_STATS."""

from __future__ import annotations

from pytc.bpf.sys.abi import EnableStatsAttr
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.syscall import bpf

_RUN_TIME = 0


def enable_statistics() -> OwnedFd:
    """Make the kernel count the runs of all programs and their time while the descriptor is open (Linux 5.8).

    Raises BpfSyscallError.
    """
    attr = EnableStatsAttr(type=_RUN_TIME)
    return OwnedFd(bpf(Command.ENABLE_STATS, attr, what="switching statistics of programs on"))


def are_enabled() -> bool:
    """Return whether kernel.bpf_stats_enabled is set; False if it cannot be read."""
    try:
        with open("/proc/sys/kernel/bpf_stats_enabled") as file:
            return file.read().strip() == "1"
    except OSError:
        return False
