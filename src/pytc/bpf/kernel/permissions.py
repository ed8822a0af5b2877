"""Find why bpf(2) answers EPERM: capabilities, user namespaces, sysctl, seccomp, lockdown, RLIMIT_MEMLOCK."""

from __future__ import annotations

import os
import resource

from pytc.bpf.kernel.versions import is_older
from pytc.bpf.sys.constants import MapType, ProgramType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 12, 21, 38, 39
_NAMES = {
    CAP_NET_ADMIN: "CAP_NET_ADMIN",
    CAP_SYS_ADMIN: "CAP_SYS_ADMIN",
    CAP_PERFMON: "CAP_PERFMON",
    CAP_BPF: "CAP_BPF",
}
_BPF_SINCE = "5.8"  # and CAP_PERFMON; before, CAP_SYS_ADMIN
_MEMLOCK_FREE = "5.11"
#: Commands whose memory was charged to RLIMIT_MEMLOCK (bpf_map_charge_init, bpf_prog_charge_memlock of v5.10).
_CHARGED = frozenset({"MAP_CREATE", "PROG_LOAD"})
#: Commands that an unprivileged process may use unless kernel.unprivileged_bpf_disabled forbids it.
_UNPRIVILEGED = frozenset({"MAP_CREATE", "PROG_LOAD"})
_UNPRIVILEGED_SETTING = "/proc/sys/kernel/unprivileged_bpf_disabled"

# The capabilities that commands ask for, each one or CAP_SYS_ADMIN: kernel/bpf/syscall.c, kernel/events/core.c.
_NEEDED: dict[str, tuple[int, ...]] = {
    "MAP_CREATE": (CAP_BPF,),
    "MAP_FREEZE": (CAP_BPF,),
    "PROG_LOAD": (CAP_BPF,),
    "BTF_LOAD": (CAP_BPF,),
    "PROG_ATTACH": (CAP_NET_ADMIN,),
    "PROG_DETACH": (CAP_NET_ADMIN,),
    "PROG_QUERY": (CAP_NET_ADMIN,),
    "LINK_CREATE": (CAP_NET_ADMIN,),
    "ENABLE_STATS": (CAP_SYS_ADMIN,),
    "perf_event_open": (CAP_PERFMON,),
}
# The types for which dev_map_alloc, xsk_map_alloc and sock_map_alloc ask for CAP_NET_ADMIN.
_NETWORK_MAPS = frozenset({MapType.DEVMAP, MapType.DEVMAP_HASH, MapType.XSKMAP, MapType.SOCKMAP, MapType.SOCKHASH})
# is_perfmon_prog_type of kernel/bpf/syscall.c.
_TRACING_PROGRAMS = frozenset(
    {
        ProgramType.KPROBE,
        ProgramType.TRACEPOINT,
        ProgramType.PERF_EVENT,
        ProgramType.RAW_TRACEPOINT,
        ProgramType.RAW_TRACEPOINT_WRITABLE,
        ProgramType.TRACING,
        ProgramType.LSM,
        ProgramType.STRUCT_OPS,
        ProgramType.EXT,
    }
)
# The others that is_net_admin_prog_type does not have: they load with CAP_BPF alone.
_PLAIN_PROGRAMS = frozenset(
    {ProgramType.SOCKET_FILTER, ProgramType.CGROUP_SKB, ProgramType.SK_REUSEPORT, ProgramType.SYSCALL}
)
#: Helpers that bpf_base_func_proto of kernel/bpf/helpers.c gives to a process with CAP_PERFMON alone: trace_printk,
#: get_current_task, probe_read_*, snprintf_btf, get_current_task_btf, snprintf, task_pt_regs, trace_vprintk.
PERFMON_HELPERS = frozenset({6, 35, 112, 113, 114, 115, 149, 158, 165, 175, 177})


def permission_causes(command: str, *more: int) -> tuple[str, ...]:
    """Return the causes of EPERM that apply to this process, the likeliest first; none for an unknown command.

    ``command`` is a command of bpf(2), or ``perf_event_open``; ``more`` are capabilities that this call asks for
    besides.
    """
    if not command:
        return ()
    causes = []
    needed = _needed(command, more)
    missing = [capability for capability in needed if lacks_capability(capability)]
    call = command if command == "perf_event_open" else f"bpf({command})"
    if needed and in_user_namespace():
        causes.append(
            f"this process is in a user namespace, whose capabilities {call} does not count: it asks for "
            f"{_listed(needed)} outside of it"
        )
    elif missing:
        causes.append(f"{call} needs {_listed(missing)}; {missing_capability(*missing)}")
    if causes and command in _UNPRIVILEGED and read_setting(_UNPRIVILEGED_SETTING) not in ("", "0"):
        causes.append("kernel.unprivileged_bpf_disabled forbids bpf(2) without those capabilities")
    if _status_field("Seccomp") == 2:
        causes.append("a seccomp filter is active (containers often use one to forbid bpf(2))")
    lockdown = read_setting("/sys/kernel/security/lockdown")
    if "[integrity]" in lockdown or "[confidentiality]" in lockdown:
        causes.append(f"kernel lockdown is active: {lockdown}")
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if command in _CHARGED and is_older(_MEMLOCK_FREE) and limit != resource.RLIM_INFINITY:
        causes.append(f"RLIMIT_MEMLOCK is {limit} bytes, and kernels before {_MEMLOCK_FREE} charge BPF memory to it")
    return tuple(causes)


def administration_causes(what: str) -> tuple[str, ...]:
    """Return the causes of EPERM for what CAP_SYS_ADMIN is needed for, like a mount."""
    if in_user_namespace():
        return (f"{what} needs CAP_SYS_ADMIN outside of the user namespace that this process is in",)
    if not has_capability(CAP_SYS_ADMIN):
        return (f"{what} needs CAP_SYS_ADMIN; {missing_capability(CAP_SYS_ADMIN)}",)
    return ()


def map_permission_causes(type: int) -> tuple[str, ...]:
    """Return the causes of EPERM for a new map of a type."""
    return permission_causes("MAP_CREATE", *((CAP_NET_ADMIN,) if type in _NETWORK_MAPS else ()))


def program_permission_causes(type: ProgramType) -> tuple[str, ...]:
    """Return the causes of EPERM for a program of a type."""
    if type in _PLAIN_PROGRAMS:
        return permission_causes("PROG_LOAD")
    return permission_causes("PROG_LOAD", CAP_PERFMON if type in _TRACING_PROGRAMS else CAP_NET_ADMIN)


def _needed(command: str, more: Iterable[int]) -> list[int]:
    if command.endswith(("_GET_NEXT_ID", "_GET_FD_BY_ID")):
        return [CAP_SYS_ADMIN]
    needed = [*_NEEDED.get(command, ()), *more]
    if is_older(_BPF_SINCE) and (CAP_BPF in needed or CAP_PERFMON in needed):
        return [CAP_SYS_ADMIN]
    return needed


def lacks_capability(number: int) -> bool:
    """Return whether this process lacks a capability, and CAP_SYS_ADMIN, which stands for any of bpf(2)'s."""
    return not has_capability(number) and not has_capability(CAP_SYS_ADMIN)


def has_capability(number: int) -> bool:
    """Return whether a capability is in effect for this process, in its own user namespace."""
    return bool(_status_field("CapEff", base=16) >> number & 1)


def missing_capability(*numbers: int) -> str:
    """Return who this process is that lacks capabilities, and how it gets them."""
    names = " and ".join(_NAMES[number] for number in numbers)
    if os.geteuid() != 0:
        return (
            f"this process (uid {os.geteuid()}) does not have {'it' if len(numbers) == 1 else 'them'}; run it as root"
        )
    if any(not _status_field("CapBnd", base=16) >> number & 1 for number in numbers):
        flags = " ".join(f"--cap-add {_NAMES[number].removeprefix('CAP_')}" for number in numbers)
        return f"this process (root) was started without {names}, as in a container (docker run {flags})"
    return f"this process (root) has given up {names}"


def in_user_namespace() -> bool:
    """Return whether this process is in a user namespace other than the first; bpf(2) ignores capabilities there."""
    try:
        # The first user namespace has this inode on all kernels: PROC_USER_INIT_INO of include/linux/proc_ns.h, since
        # 6.18 USER_NS_INIT_INO of include/uapi/linux/nsfs.h. Its uid_map may be that of another one, too.
        return os.stat("/proc/self/ns/user").st_ino != 0xEFFFFFFD
    except OSError:
        return False


def _listed(capabilities: Iterable[int]) -> str:
    """Return capabilities by name; CAP_SYS_ADMIN does instead of any of them."""
    names = [_NAMES[number] for number in capabilities]
    return " and ".join(names) + ("" if names == ["CAP_SYS_ADMIN"] else " (or CAP_SYS_ADMIN)")


def _status_field(name: str, base: int = 10) -> int:
    for line in read_setting("/proc/self/status").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.strip(), base)
    return 0


def read_setting(path: str) -> str:
    """Return the text of a file of /proc or /sys without space around it; empty where it cannot be read."""
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""
