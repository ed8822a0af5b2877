"""Find why bpf(2) answers EPERM: capabilities, sysctl, seccomp, lockdown, RLIMIT_MEMLOCK."""

import os
import resource

from pytc.bpf.kernel.versions import is_older

_CAP_NET_ADMIN, _CAP_SYS_ADMIN, _CAP_BPF = 12, 21, 39
_MEMLOCK_FREE = "5.11"


def permission_causes(*, for_ids: bool = False, creates: bool = False) -> tuple[str, ...]:
    """Return the causes that apply to this process, the likeliest first.

    ``for_ids`` says that the call looked up objects by their ids, which takes CAP_SYS_ADMIN; ``creates`` that it was
    to create a program, a map or BTF, which old kernels charge to RLIMIT_MEMLOCK.
    """
    causes = []
    effective = _status_field("CapEff", base=16)
    who = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}"
    if for_ids and not effective >> _CAP_SYS_ADMIN & 1:
        causes.append(
            "looking up BPF objects by id needs CAP_SYS_ADMIN, which this process "
            f"({who}) does not have; run it as root"
        )
    elif not effective >> _CAP_SYS_ADMIN & 1 and not (effective >> _CAP_BPF & 1 and effective >> _CAP_NET_ADMIN & 1):
        causes.append(f"this process ({who}) has neither CAP_SYS_ADMIN nor CAP_BPF with CAP_NET_ADMIN; run it as root")
        if _read("/proc/sys/kernel/unprivileged_bpf_disabled") not in ("", "0"):
            causes.append("kernel.unprivileged_bpf_disabled forbids bpf(2) without those capabilities")
    if _status_field("Seccomp") == 2:
        causes.append("a seccomp filter is active (containers often use one to forbid bpf(2))")
    lockdown = _read("/sys/kernel/security/lockdown")
    if "[integrity]" in lockdown or "[confidentiality]" in lockdown:
        causes.append(f"kernel lockdown is active: {lockdown}")
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if creates and is_older(_MEMLOCK_FREE) and limit != resource.RLIM_INFINITY:
        causes.append(f"RLIMIT_MEMLOCK is {limit} bytes, and kernels before {_MEMLOCK_FREE} charge BPF memory to it")
    return tuple(causes)


def _status_field(name: str, base: int = 10) -> int:
    for line in _read("/proc/self/status").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.strip(), base)
    return 0


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""
