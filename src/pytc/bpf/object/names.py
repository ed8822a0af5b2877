"""Make names that the kernel takes."""

from __future__ import annotations

from pytc.bpf.object.spec import DATA
from pytc.bpf.sys.constants import OBJ_NAME_LEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.object.spec import MapSpec

_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.")


def kernel_map_name(spec: MapSpec, object_name: str) -> str:
    """Return the name of a map in the kernel: 15 characters of ``[A-Za-z0-9_.]``.

    A data section's map carries the object's name before the section's (``bpf.o`` and ``.rodata``: ``bpf.rodata``), cut
    so that the section's name survives.
    """
    name = _octets(spec.name)
    if spec.origin == DATA and name.count(".") == 1:
        name = _data_map_name(_octets(object_name.partition(".")[0]), name)
    return _cut(name)


def kernel_map_names(text: str) -> set[str]:
    """Return the names that the kernel may have a map under that a user calls ``text``: its first 15 bytes, and those
    of a data section's map, like ``traffic_.rodata`` for ``traffic_counts.rodata``."""
    object_name, dot, section = _octets(text).rpartition(".")
    return {kernel_name(text)} | ({_cut(_data_map_name(object_name, dot + section))} if object_name else set())


def _data_map_name(object_name: str, section: str) -> str:
    """Return an object's name before a section's, cut as libbpf cuts it, which keeps room for ``.rodata``."""
    return object_name[: max(OBJ_NAME_LEN - 1 - max(7, len(section)), 0)] + section


def kernel_name(name: str) -> str:
    """Return the first 15 bytes of a name, with ``_`` for what the kernel does not take (bpf_obj_name_cpy)."""
    return _cut(_octets(name))


def _cut(octets: str) -> str:
    return "".join(octet if octet in _ALLOWED else "_" for octet in octets[: OBJ_NAME_LEN - 1])


def _octets(name: str) -> str:
    """Return one character for each byte of a name, as the kernel and libbpf count."""
    return name.encode("utf-8", "surrogateescape").decode("latin-1")
