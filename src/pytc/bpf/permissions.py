"""Why EPERM: what applies to this process, checked and not guessed."""

import os

_CAP_NET_ADMIN, _CAP_SYS_ADMIN, _CAP_BPF = 12, 21, 39


def explain_eperm() -> tuple[str, ...]:
    """Sentences about the likely causes of an EPERM from bpf(2), the likeliest first."""
    reasons = []
    effective = _status_field("CapEff", base=16)
    if not effective >> _CAP_SYS_ADMIN & 1 and not (effective >> _CAP_BPF & 1 and effective >> _CAP_NET_ADMIN & 1):
        who = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}"
        reasons.append(f"this process ({who}) has neither CAP_SYS_ADMIN nor CAP_BPF with CAP_NET_ADMIN; run it as root")
    if _read("/proc/sys/kernel/unprivileged_bpf_disabled") not in ("", "0") and reasons:
        reasons.append("kernel.unprivileged_bpf_disabled forbids bpf(2) without those capabilities")
    if _status_field("Seccomp") == 2:
        reasons.append("a seccomp filter is in force (containers often forbid bpf(2) with one)")
    lockdown = _read("/sys/kernel/security/lockdown")
    if "[integrity]" in lockdown or "[confidentiality]" in lockdown:
        reasons.append(f"kernel lockdown is in force: {lockdown}")
    return tuple(reasons)


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
