"""What a running kernel says of itself: its types, its symbols, its configuration."""

import os
import re

from pytc.bpf.btf import MAGIC, Btf
from pytc.bpf.files import ELF_MAGIC, read_regular_file
from pytc.errors import BpfError, ObjectError

KERNEL_BTF = "/sys/kernel/btf/vmlinux"
_MAX_BTF = 1 << 28
_MAX_CONFIG = 1 << 24
_SETTING = re.compile(rb"^(CONFIG_[A-Za-z0-9_]+)=(.*)$", re.MULTILINE)


def kernel_btf(path: str = "") -> Btf:
    """The kernel's types, or those of a file: raw BTF, or an ELF file with a .BTF section. Raises ObjectError."""
    place = path or KERNEL_BTF
    try:
        data = read_regular_file(place, _MAX_BTF)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        what = "" if path else "; the object depends on the kernel's types, and this kernel does not offer them " \
                               "(CONFIG_DEBUG_INFO_BTF)"
        raise ObjectError(f'cannot read kernel types from "{place}": {reason}{what}',
                          errno=getattr(error, "errno", None)) from error
    if data[:4] == ELF_MAGIC:
        data = _section_of(data, place)
    if int.from_bytes(data[:2], "little") != MAGIC:
        raise ObjectError(f'"{place}" holds no BTF')
    return Btf(data)


def _section_of(data: bytes, path: str) -> bytes:
    from pytc.bpf.elf import section_data

    contents = section_data(data, ".BTF")
    if contents is None:
        raise ObjectError(f'"{path}" has no .BTF section')
    return contents


def symbol_addresses(names: set[str]) -> dict[str, int]:
    """Addresses from /proc/kallsyms; raises BpfError where they are hidden."""
    found: dict[str, int] = {}
    try:
        with open("/proc/kallsyms", encoding="ascii", errors="replace") as file:
            for line in file:
                words = line.split(None, 3)
                if len(words) >= 3 and words[2] in names:
                    address = int(words[0], 16)
                    if found.setdefault(words[2], address) != address:
                        raise ObjectError(f'this kernel has several symbols "{words[2]}" in /proc/kallsyms, '
                                          "so that it is not clear which one is meant")
    except OSError as error:
        raise BpfError(f"cannot read /proc/kallsyms: {error.strerror}", errno=error.errno) from error
    if found and not any(found.values()):
        raise BpfError("/proc/kallsyms hides addresses from this process (kernel.kptr_restrict)")
    return found


def configuration() -> dict[str, str]:
    """The kernel's CONFIG_ settings, quotes and all; empty where neither /boot nor /proc has them."""
    for path, packed in ((f"/boot/config-{os.uname().release}", False), ("/proc/config.gz", True)):
        try:
            data = read_regular_file(path, _MAX_CONFIG)
        except (OSError, ValueError):
            continue
        if packed:
            import zlib

            data = zlib.decompressobj(31).decompress(data, _MAX_CONFIG)
        return {name.decode(): value.decode("utf-8", "replace").strip() for name, value in _SETTING.findall(data)}
    return {}


def version_code() -> int:
    """KERNEL_VERSION(major, minor, patch) of the running kernel; a patch level above 255 counts as 255."""
    numbers = [int(n) for n in re.findall(r"\d+", os.uname().release)[:3]]
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    return major << 16 | minor << 8 | min(patch, 255)
