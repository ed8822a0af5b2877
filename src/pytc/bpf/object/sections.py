"""Derive a program's type from its section's name.

Source: the table "Program Types and ELF Sections" of the kernel's Documentation/bpf/libbpf, and tc-bpf(8) for
``classifier`` and ``action``. A name is matched whole, or up to a ``/`` or ``.`` that carries an argument; before
libbpf 1.0, XDP programs were also in sections like ``xdp_pass`` and ``xdp1``.
"""

from __future__ import annotations

from pytc.bpf.sys.constants import ProgramType as P
from pytc.typing import NamedTuple

_DIGITS = frozenset("0123456789")
#: Sections of libbpf whose programs may sleep where ".s" follows, among the types that pytc loads.
_SLEEPABLE = ("uprobe", "uretprobe", "uprobe.multi", "uretprobe.multi", "usdt")
_DATA_SECTIONS = ("rodata", "data", "bss")


class SectionType(NamedTuple):
    """The program type and the expected attach type that a section's name implies."""

    type: P
    expected_attach_type: int = 0


_TABLE: dict[str, SectionType] = {
    "classifier": SectionType(P.SCHED_CLS),
    "cls": SectionType(P.SCHED_CLS),
    "tc": SectionType(P.SCHED_CLS),
    "tc/ingress": SectionType(P.SCHED_CLS, 46),
    "tc/egress": SectionType(P.SCHED_CLS, 47),
    "tcx/ingress": SectionType(P.SCHED_CLS, 46),
    "tcx/egress": SectionType(P.SCHED_CLS, 47),
    "netkit/primary": SectionType(P.SCHED_CLS, 54),
    "netkit/peer": SectionType(P.SCHED_CLS, 55),
    "action": SectionType(P.SCHED_ACT),
    "xdp": SectionType(P.XDP, 37),
    "xdp/cpumap": SectionType(P.XDP, 35),
    "xdp/devmap": SectionType(P.XDP, 33),
    "xdp_cpumap": SectionType(P.XDP, 35),
    "xdp_devmap": SectionType(P.XDP, 33),
    "socket": SectionType(P.SOCKET_FILTER),
    "kprobe": SectionType(P.KPROBE),
    "kretprobe": SectionType(P.KPROBE),
    "uprobe": SectionType(P.KPROBE),
    "uretprobe": SectionType(P.KPROBE),
    "usdt": SectionType(P.KPROBE),
    "ksyscall": SectionType(P.KPROBE),
    "kretsyscall": SectionType(P.KPROBE),
    "tracepoint": SectionType(P.TRACEPOINT),
    "tp": SectionType(P.TRACEPOINT),
    "raw_tp": SectionType(P.RAW_TRACEPOINT),
    "raw_tracepoint": SectionType(P.RAW_TRACEPOINT),
    "tp_btf": SectionType(P.TRACING, 23),
    "fentry": SectionType(P.TRACING, 24),
    "fexit": SectionType(P.TRACING, 25),
    "fmod_ret": SectionType(P.TRACING, 26),
    "iter": SectionType(P.TRACING, 28),
    "lsm": SectionType(P.LSM, 27),
    "lsm_cgroup": SectionType(P.LSM, 43),
    "perf_event": SectionType(P.PERF_EVENT),
    "lwt_in": SectionType(P.LWT_IN),
    "lwt_out": SectionType(P.LWT_OUT),
    "lwt_xmit": SectionType(P.LWT_XMIT),
    "lwt_seg6local": SectionType(P.LWT_SEG6LOCAL),
    "sockops": SectionType(P.SOCK_OPS, 3),
    "sk_skb": SectionType(P.SK_SKB),
    "sk_msg": SectionType(P.SK_MSG, 7),
    "sk_lookup": SectionType(P.SK_LOOKUP, 36),
    "sk_reuseport": SectionType(P.SK_REUSEPORT),
    "flow_dissector": SectionType(P.FLOW_DISSECTOR, 17),
    "cgroup/skb": SectionType(P.CGROUP_SKB),
    "cgroup_skb/ingress": SectionType(P.CGROUP_SKB, 0),
    "cgroup_skb/egress": SectionType(P.CGROUP_SKB, 1),
    "cgroup/sock": SectionType(P.CGROUP_SOCK, 2),
    "cgroup/sock_create": SectionType(P.CGROUP_SOCK, 2),
    "cgroup/sock_release": SectionType(P.CGROUP_SOCK, 34),
    "cgroup/post_bind4": SectionType(P.CGROUP_SOCK, 12),
    "cgroup/post_bind6": SectionType(P.CGROUP_SOCK, 13),
    "cgroup/bind4": SectionType(P.CGROUP_SOCK_ADDR, 8),
    "cgroup/bind6": SectionType(P.CGROUP_SOCK_ADDR, 9),
    "cgroup/connect4": SectionType(P.CGROUP_SOCK_ADDR, 10),
    "cgroup/connect6": SectionType(P.CGROUP_SOCK_ADDR, 11),
    "cgroup/connect_unix": SectionType(P.CGROUP_SOCK_ADDR, 49),
    "cgroup/sendmsg4": SectionType(P.CGROUP_SOCK_ADDR, 14),
    "cgroup/sendmsg6": SectionType(P.CGROUP_SOCK_ADDR, 15),
    "cgroup/sendmsg_unix": SectionType(P.CGROUP_SOCK_ADDR, 50),
    "cgroup/recvmsg4": SectionType(P.CGROUP_SOCK_ADDR, 19),
    "cgroup/recvmsg6": SectionType(P.CGROUP_SOCK_ADDR, 20),
    "cgroup/recvmsg_unix": SectionType(P.CGROUP_SOCK_ADDR, 51),
    "cgroup/getpeername4": SectionType(P.CGROUP_SOCK_ADDR, 29),
    "cgroup/getpeername6": SectionType(P.CGROUP_SOCK_ADDR, 30),
    "cgroup/getpeername_unix": SectionType(P.CGROUP_SOCK_ADDR, 52),
    "cgroup/getsockname4": SectionType(P.CGROUP_SOCK_ADDR, 31),
    "cgroup/getsockname6": SectionType(P.CGROUP_SOCK_ADDR, 32),
    "cgroup/getsockname_unix": SectionType(P.CGROUP_SOCK_ADDR, 53),
    "cgroup/getsockopt": SectionType(P.CGROUP_SOCKOPT, 21),
    "cgroup/setsockopt": SectionType(P.CGROUP_SOCKOPT, 22),
    "cgroup/dev": SectionType(P.CGROUP_DEVICE, 6),
    "cgroup/sysctl": SectionType(P.CGROUP_SYSCTL, 18),
    "lirc_mode2": SectionType(P.LIRC_MODE2, 16),
    "netfilter": SectionType(P.NETFILTER, 45),
    "struct_ops": SectionType(P.STRUCT_OPS),
    "syscall": SectionType(P.SYSCALL),
    "freplace": SectionType(P.EXT),
}


def section_type(name: str) -> SectionType:
    """Return the type that a section's name implies; UNSPEC when it implies none.

    A leading ``?`` (libbpf: do not load by default) is ignored: pytc loads what the caller names.
    """
    whole = name = name.removeprefix("?")
    while name:
        known = _TABLE.get(name)
        if known is not None:
            return known
        cut = max(name.rfind("/"), name.rfind("."))
        name = name[:cut] if cut > 0 else ""
    is_old_xdp = whole.startswith("xdp") and whole[3:4] in _DIGITS | {"_"}
    return _TABLE["xdp"] if is_old_xdp else SectionType(P.UNSPEC)


def is_sleepable(name: str) -> bool:
    """Report whether a section's name says that its programs may sleep, like ``uprobe.s/FILE:FUNCTION``."""
    stem, dot, rest = name.removeprefix("?").partition("/")[0].rpartition(".")
    return bool(dot) and rest == "s" and stem in _SLEEPABLE


def is_data_section(name: str) -> bool:
    """Report whether a section has variables, like ``.data`` and ``.rodata.NAME``."""
    kind, dot, rest = name.removeprefix(".").partition(".")
    return name[:1] == "." and kind in _DATA_SECTIONS and bool(rest) == bool(dot)


class ArraySlot(NamedTuple):
    """A slot of the program array with a legacy id."""

    array_id: int
    slot: int


def tail_call_slot(name: str) -> ArraySlot | None:
    """Return the slot that a section named ``ID/KEY`` stands for; None for any other name.

    Numbers are C's, as in tc: a leading 0 makes one octal.
    """
    array_id, slash, slot = name.partition("/")
    if not slash or array_id[:1] not in _DIGITS or slot[:1] not in _DIGITS:
        return None
    try:
        return ArraySlot(_c_number(array_id), _c_number(slot))
    except ValueError:
        return None


def _c_number(text: str) -> int:
    if not text.isascii() or not text.isalnum():  # int() also takes "1_0"
        raise ValueError(text)
    base = 16 if text[:2] in ("0x", "0X") else 8 if text[0] == "0" else 10
    return int(text, base)
