"""Encode the contexts of test runs: the fields of ``struct __sk_buff`` and ``struct xdp_md`` that a test may set.

Source: convert___skb_to_skb and xdp_convert_md_to_buff in net/bpf/test_run.c; the structures are in
include/uapi/linux/bpf.h. Any other field has to be zero, or the kernel refuses the run (EINVAL).
"""

from __future__ import annotations

import struct

from pytc.bpf.sys.constants import ProgramType
from pytc.errors import BpfError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Mapping


class Field(NamedTuple):
    """A field of a structure: its offset and size in bytes, and the version that lets a test set it where that is later
    than the structure."""

    offset: int
    size: int = 4
    since: str = ""


class Layout(NamedTuple):
    """A structure of ``size`` bytes: the fields that a test may set, names of others, and those that come back as the
    program left them."""

    name: str
    size: int
    settable: Mapping[str, Field]
    others: frozenset[str]
    changeable: tuple[str, ...] = ()


SKB = Layout(
    "__sk_buff",
    192,
    {
        "mark": Field(8),
        "priority": Field(32),
        "ingress_ifindex": Field(36, since="5.16"),
        "ifindex": Field(40),
        **{f"cb{number}": Field(48 + 4 * number) for number in range(5)},
        "tstamp": Field(152, 8),
        "wire_len": Field(160),
        "gso_segs": Field(164),
        "gso_size": Field(176),
        "hwtstamp": Field(184, 8, "5.16"),
    },
    frozenset(
        "len pkt_type queue_mapping protocol vlan_present vlan_tci vlan_proto tc_index cb hash tc_classid data "
        "data_end napi_id family remote_ip4 local_ip4 remote_ip6 local_ip6 remote_port local_port data_meta "
        "flow_keys sk tstamp_type".split()
    ),
    ("mark", "priority", *(f"cb{number}" for number in range(5)), "tstamp"),
)
XDP = Layout(
    "xdp_md",
    24,
    {"ingress_ifindex": Field(12, since="5.15"), "rx_queue_index": Field(16, since="5.15")},
    frozenset("data data_end data_meta egress_ifindex".split()),
)
_MOST_METADATA = 252
#: Fields that name a device.
DEVICES = frozenset({"ingress_ifindex", "ifindex"})
_WITH_SKB = frozenset(
    {
        ProgramType.SOCKET_FILTER,
        ProgramType.SCHED_CLS,
        ProgramType.SCHED_ACT,
        ProgramType.CGROUP_SKB,
        ProgramType.LWT_IN,
        ProgramType.LWT_OUT,
        ProgramType.LWT_XMIT,
        ProgramType.LWT_SEG6LOCAL,
    }
)
#: The types of programs that run on packets.
ON_PACKETS = _WITH_SKB | {ProgramType.XDP, ProgramType.FLOW_DISSECTOR}


def layout_of(type: int) -> Layout | None:
    """Return the context of a type of programs; None where a test cannot set one."""
    return SKB if type in _WITH_SKB else XDP if type == ProgramType.XDP else None


def encode(type: int, values: Mapping[str, int]) -> bytes:
    """Return a context with some fields set; empty for a type without one.

    Raises BpfError for a field that cannot be set, or a value that does not fit.
    """
    layout = layout_of(type)
    if layout is None:
        if values:
            raise BpfError("a test run cannot set a context for programs of this type")
        return b""
    context = bytearray(layout.size)
    for name, value in values.items():
        field = layout.settable.get(name)
        if field is None:
            raise _refused(layout, name)
        if not 0 <= value < 1 << field.size * 8:
            raise BpfError(f"{name}={value} does not fit into its {field.size} bytes")
        context[field.offset : field.offset + field.size] = value.to_bytes(field.size, "little")
    return bytes(context)


def check_metadata(type: int, metadata: bytes) -> None:
    """Raise BpfError where a test run cannot put these bytes before a packet (xdp_metalen_invalid in
    include/net/xdp.h)."""
    if type != ProgramType.XDP:
        raise BpfError("a test run gives metadata before the packet to XDP programs only")
    if len(metadata) % 4 or len(metadata) > _MOST_METADATA:
        raise BpfError(
            f"metadata of {len(metadata)} bytes: XDP takes a multiple of 4, up to 32 (newer kernels: {_MOST_METADATA})"
        )


def set_lengths(context: ctypes.Array[ctypes.c_char], metadata: int, data: int) -> None:
    """Store the lengths of the metadata, and of metadata and packet, in a ``struct xdp_md``, where the kernel expects
    them: ``data`` and ``data_end``, counted from ``data_meta``."""
    context[0:12] = struct.pack("=3I", metadata, data, 0)  # type: ignore[call-overload]  # what ctypes takes


def metadata_length(context: bytes) -> int:
    """Return the length of the metadata before a packet that came back, from its ``struct xdp_md``."""
    return int.from_bytes(context[:4], "little")


def _refused(layout: Layout, name: str) -> BpfError:
    known = ", ".join(layout.settable)
    if name in layout.others:
        return BpfError(f"the kernel does not let a test run set {name} of struct {layout.name}; it accepts {known}")
    return BpfError(f"struct {layout.name} has no field {name} that a test run can set; the kernel accepts {known}")


def decode(type: int, context: bytes) -> dict[str, int]:
    """Return the fields that the program may have changed."""
    layout = layout_of(type)
    if layout is None or len(context) < layout.size:
        return {}
    return {
        name: int.from_bytes(context[field.offset : field.offset + field.size], "little")
        for name in layout.changeable
        for field in (layout.settable[name],)
    }
