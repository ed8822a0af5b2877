"""Declare the structures of bpf(2): one ctypes Structure for each command.

Each mirrors a member of ``union bpf_attr`` (include/uapi/linux/bpf.h). The size that is passed to the kernel ends at
the last field in use, so that fields which an old kernel does not know do no harm there: :func:`used_size`.
tests/unit/bpf/sys/test_abi.py holds sizes and offsets.
"""

from __future__ import annotations

import ctypes

u8, u32, u64, s32 = ctypes.c_uint8, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int32
Name = ctypes.c_char * 16


class MapCreateAttr(ctypes.Structure):
    """BPF_MAP_CREATE."""

    _fields_ = [
        ("map_type", u32),
        ("key_size", u32),
        ("value_size", u32),
        ("max_entries", u32),
        ("map_flags", u32),
        ("inner_map_fd", u32),
        ("numa_node", u32),
        ("map_name", Name),
        ("map_ifindex", u32),
        ("btf_fd", u32),
        ("btf_key_type_id", u32),
        ("btf_value_type_id", u32),
        ("btf_vmlinux_value_type_id", u32),
        ("map_extra", u64),
    ]


class MapElementAttr(ctypes.Structure):
    """BPF_MAP_LOOKUP_ELEM, _UPDATE_ELEM, _DELETE_ELEM, _GET_NEXT_KEY (``value`` is next_key there)."""

    _fields_ = [("map_fd", u32), ("pad", u32), ("key", u64), ("value", u64), ("flags", u64)]


class MapBatchAttr(ctypes.Structure):
    """BPF_MAP_LOOKUP_BATCH, _UPDATE_BATCH, _DELETE_BATCH; ``count`` is also an answer."""

    _fields_ = [
        ("in_batch", u64),
        ("out_batch", u64),
        ("keys", u64),
        ("values", u64),
        ("count", u32),
        ("map_fd", u32),
        ("elem_flags", u64),
        ("flags", u64),
    ]


class ProgLoadAttr(ctypes.Structure):
    """BPF_PROG_LOAD."""

    _fields_ = [
        ("prog_type", u32),
        ("insn_cnt", u32),
        ("insns", u64),
        ("license", u64),
        ("log_level", u32),
        ("log_size", u32),
        ("log_buf", u64),
        ("kern_version", u32),
        ("prog_flags", u32),
        ("prog_name", Name),
        ("prog_ifindex", u32),
        ("expected_attach_type", u32),
        ("prog_btf_fd", u32),
        ("func_info_rec_size", u32),
        ("func_info", u64),
        ("func_info_cnt", u32),
        ("line_info_rec_size", u32),
        ("line_info", u64),
        ("line_info_cnt", u32),
        ("attach_btf_id", u32),
        ("attach_prog_fd", u32),
        ("core_relo_cnt", u32),
        ("fd_array", u64),
    ]


class ObjectPathAttr(ctypes.Structure):
    """BPF_OBJ_PIN and BPF_OBJ_GET."""

    _fields_ = [("pathname", u64), ("bpf_fd", u32), ("file_flags", u32)]


class IdAttr(ctypes.Structure):
    """BPF_*_GET_FD_BY_ID and BPF_*_GET_NEXT_ID."""

    _fields_ = [("id", u32), ("next_id", u32), ("open_flags", u32)]


class InfoAttr(ctypes.Structure):
    """BPF_OBJ_GET_INFO_BY_FD."""

    _fields_ = [("bpf_fd", u32), ("info_len", u32), ("info", u64)]


class BtfLoadAttr(ctypes.Structure):
    """BPF_BTF_LOAD."""

    _fields_ = [("btf", u64), ("btf_log_buf", u64), ("btf_size", u32), ("btf_log_size", u32), ("btf_log_level", u32)]


class MapFdAttr(ctypes.Structure):
    """BPF_MAP_FREEZE."""

    _fields_ = [("map_fd", u32)]


class TestRunAttr(ctypes.Structure):
    """BPF_PROG_TEST_RUN."""

    _fields_ = [
        ("prog_fd", u32),
        ("retval", u32),
        ("data_size_in", u32),
        ("data_size_out", u32),
        ("data_in", u64),
        ("data_out", u64),
        ("repeat", u32),
        ("duration", u32),
        ("ctx_size_in", u32),
        ("ctx_size_out", u32),
        ("ctx_in", u64),
        ("ctx_out", u64),
        ("flags", u32),
        ("cpu", u32),
        ("batch_size", u32),
    ]


class ProgAttachAttr(ctypes.Structure):
    """BPF_PROG_ATTACH and BPF_PROG_DETACH. ``target`` is target_fd or target_ifindex, ``relative`` relative_fd or
    relative_id."""

    _fields_ = [
        ("target", u32),
        ("attach_bpf_fd", u32),
        ("attach_type", u32),
        ("attach_flags", u32),
        ("replace_bpf_fd", u32),
        ("relative", u32),
        ("expected_revision", u64),
    ]


class ProgQueryAttr(ctypes.Structure):
    """BPF_PROG_QUERY; ``attach_flags``, ``count`` and ``revision`` are answers."""

    _fields_ = [
        ("target", u32),
        ("attach_type", u32),
        ("query_flags", u32),
        ("attach_flags", u32),
        ("prog_ids", u64),
        ("count", u32),
        ("pad", u32),
        ("prog_attach_flags", u64),
        ("link_ids", u64),
        ("link_attach_flags", u64),
        ("revision", u64),
    ]


class LinkCreateAttr(ctypes.Structure):
    """BPF_LINK_CREATE; ``relative`` and ``expected_revision`` are those of tcx, netkit and, since 6.17, cgroups."""

    _fields_ = [
        ("prog_fd", u32),
        ("target", u32),
        ("attach_type", u32),
        ("flags", u32),
        ("relative", u32),
        ("pad", u32),
        ("expected_revision", u64),
    ]


class LinkUpdateAttr(ctypes.Structure):
    """BPF_LINK_UPDATE; the first field alone is BPF_LINK_DETACH."""

    _fields_ = [("link_fd", u32), ("new_prog_fd", u32), ("flags", u32), ("old_prog_fd", u32)]


class LinkInfo(ctypes.Structure):
    """The head of ``struct bpf_link_info``, and 16 bytes that depend on the type of the link (see
    :mod:`pytc.bpf.sys.links`)."""

    _fields_ = [("type", u32), ("id", u32), ("prog_id", u32), ("pad", u32), ("details", u8 * 16)]


class EnableStatsAttr(ctypes.Structure):
    """BPF_ENABLE_STATS."""

    _fields_ = [("type", u32)]


class MapInfo(ctypes.Structure):
    """A ``struct bpf_map_info``; an older kernel leaves the fields that it does not know zero."""

    _fields_ = [
        ("type", u32),
        ("id", u32),
        ("key_size", u32),
        ("value_size", u32),
        ("max_entries", u32),
        ("map_flags", u32),
        ("name", Name),
        ("ifindex", u32),
        ("btf_vmlinux_value_type_id", u32),
        ("netns_dev", u64),
        ("netns_ino", u64),
        ("btf_id", u32),
        ("btf_key_type_id", u32),
        ("btf_value_type_id", u32),
        ("pad", u32),
        ("map_extra", u64),
    ]


class ProgInfo(ctypes.Structure):
    """A ``struct bpf_prog_info``."""

    _fields_ = [
        ("type", u32),
        ("id", u32),
        ("tag", u8 * 8),
        ("jited_prog_len", u32),
        ("xlated_prog_len", u32),
        ("jited_prog_insns", u64),
        ("xlated_prog_insns", u64),
        ("load_time", u64),
        ("created_by_uid", u32),
        ("nr_map_ids", u32),
        ("map_ids", u64),
        ("name", Name),
        ("ifindex", u32),
        ("gpl_compatible", u32),
        ("netns_dev", u64),
        ("netns_ino", u64),
        ("nr_jited_ksyms", u32),
        ("nr_jited_func_lens", u32),
        ("jited_ksyms", u64),
        ("jited_func_lens", u64),
        ("btf_id", u32),
        ("func_info_rec_size", u32),
        ("func_info", u64),
        ("nr_func_info", u32),
        ("nr_line_info", u32),
        ("line_info", u64),
        ("jited_line_info", u64),
        ("nr_jited_line_info", u32),
        ("line_info_rec_size", u32),
        ("jited_line_info_rec_size", u32),
        ("nr_prog_tags", u32),
        ("prog_tags", u64),
        ("run_time_ns", u64),
        ("run_cnt", u64),
        ("recursion_misses", u64),
        ("verified_insns", u32),
        ("attach_btf_obj_id", u32),
        ("attach_btf_id", u32),
    ]


class BtfInfo(ctypes.Structure):
    """A ``struct bpf_btf_info``."""

    _fields_ = [("btf", u64), ("btf_size", u32), ("id", u32), ("name", u64), ("name_len", u32), ("kernel_btf", u32)]


class PerfEventAttr(ctypes.Structure):
    """A ``struct perf_event_attr`` up to PERF_ATTR_SIZE_VER0 (include/uapi/linux/perf_event.h); ``flags`` are its bit
    fields."""

    _fields_ = [
        ("type", u32),
        ("size", u32),
        ("config", u64),
        ("sample_period", u64),
        ("sample_type", u64),
        ("read_format", u64),
        ("flags", u64),
        ("wakeup_events", u32),
        ("bp_type", u32),
        ("config1", u64),
    ]


def pointer(buffer: ctypes.Array[ctypes.c_char] | None) -> int:
    """Return the address of a ctypes buffer as the 64-bit number in ``union bpf_attr``; 0 for None."""
    return 0 if buffer is None else ctypes.addressof(buffer)
