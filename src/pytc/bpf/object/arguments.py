"""Derive a program's type from the structure that its argument points to.

Source: the context types of include/linux/bpf_types.h. ``struct __sk_buff`` is missing: filters, socket filters and
programs of cgroups all get it.
"""

from __future__ import annotations

from pytc.bpf.btf.types import FWD, PTR, STRUCT
from pytc.bpf.sys.constants import ProgramType as P
from pytc.errors import ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytc.bpf.btf.types import Btf

_CONTEXTS = {
    "xdp_md": P.XDP,
    "pt_regs": P.KPROBE,
    "bpf_perf_event_data": P.PERF_EVENT,
    "bpf_raw_tracepoint_args": P.RAW_TRACEPOINT,
    "bpf_sock": P.CGROUP_SOCK,
    "bpf_sock_addr": P.CGROUP_SOCK_ADDR,
    "bpf_sock_ops": P.SOCK_OPS,
    "sk_msg_md": P.SK_MSG,
    "sk_reuseport_md": P.SK_REUSEPORT,
    "bpf_sk_lookup": P.SK_LOOKUP,
    "bpf_cgroup_dev_ctx": P.CGROUP_DEVICE,
    "bpf_sysctl": P.CGROUP_SYSCTL,
    "bpf_sockopt": P.CGROUP_SOCKOPT,
    "bpf_nf_ctx": P.NETFILTER,
    "syscall_trace_enter": P.TRACEPOINT,
    "syscall_trace_exit": P.TRACEPOINT,
}
#: Types whose programs get a ``struct __sk_buff``.
_OF_SK_BUFF = frozenset(
    {
        *(P.SOCKET_FILTER, P.SCHED_CLS, P.SCHED_ACT, P.CGROUP_SKB, P.SK_SKB, P.FLOW_DISSECTOR),
        *(P.LWT_IN, P.LWT_OUT, P.LWT_XMIT, P.LWT_SEG6LOCAL),
    }
)
#: Names of which there is one for each event or kind of iterator.
_PREFIXES = {"trace_event_raw_": P.TRACEPOINT, "bpf_iter__": P.TRACING}


def argument_types(btf: Btf, functions: Iterable[str]) -> dict[str, P]:
    """Return the program types of those functions whose only argument tells it, by name."""
    types = {name: _type_of(structure) for name, structure in argument_structures(btf, functions).items()}
    return {name: type for name, type in types.items() if type is not None}


def argument_structures(btf: Btf, functions: Iterable[str]) -> dict[str, str]:
    """Return the structure that the only argument of each function points to, by the function's name.

    Functions of several arguments, and of no structure, are left out.
    """
    structures: dict[str, set[str]] = {name: set() for name in functions}
    try:
        for number, name in btf.functions():
            if name in structures:
                structures[name].add(_argument(btf, number))
    except ObjectError:
        return {}  # types that make no sense are reported where they are needed
    return {name: found.pop() for name, found in structures.items() if len(found) == 1 and found != {""}}


def is_of_another_type(structure: str, type: P) -> bool:
    """Return whether programs of a type that runs on packets get something else than a structure: a ``struct xdp_md``
    for filters, a ``struct __sk_buff`` for XDP."""
    return (structure == "xdp_md" and type in _OF_SK_BUFF) or (structure == "__sk_buff" and type is P.XDP)


def _type_of(structure: str) -> P | None:
    of_prefix = next((type for prefix, type in _PREFIXES.items() if structure.startswith(prefix)), None)
    return _CONTEXTS.get(structure, of_prefix)


def _argument(btf: Btf, function: int) -> str:
    """Return the name of the structure that a function's only argument points to; empty for any other function."""
    parameters = btf.parameters(btf.referred(function))
    pointer = btf.resolve(parameters[0].type_id) if len(parameters) == 1 else 0
    if btf.kind(pointer) != PTR:
        return ""
    target = btf.resolve(btf.referred(pointer))
    return btf.name(target) if btf.kind(target) in (STRUCT, FWD) else ""
