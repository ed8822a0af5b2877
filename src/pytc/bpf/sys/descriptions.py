"""Describe maps and programs; apart from :mod:`pytc.bpf.sys.info`, which loads bpf(2)'s structures."""

from __future__ import annotations

from pytc.typing import NamedTuple


class MapDescription(NamedTuple):
    """Fields of ``struct bpf_map_info``."""

    id: int
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int
    name: str
    btf_id: int = 0
    btf_key_type_id: int = 0
    btf_value_type_id: int = 0
    map_extra: int = 0


class ProgramDescription(NamedTuple):
    """Fields of ``struct bpf_prog_info``. ``tag`` in hex, ``load_time`` in nanoseconds since boot."""

    id: int
    type: int
    name: str
    tag: str
    jited: bool
    load_time: int
    created_by_uid: int
    btf_id: int
