"""Read the running kernel's types, configuration and version."""

from __future__ import annotations

import os
import re

from pytc.bpf.btf.types import MAGIC, Btf
from pytc.bpf.sys.files import ELF_MAGIC, read_regular_file
from pytc.errors import ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mmap import mmap

KERNEL_BTF = "/sys/kernel/btf/vmlinux"
_MAX_BTF = 1 << 28
_MAX_CONFIG = 1 << 24
_GZIP = b"\x1f\x8b"
_SETTING = re.compile(rb"^(CONFIG_[A-Za-z0-9_]+)=(.*)$", re.MULTILINE)


def kernel_btf(path: str = "", base: Btf | None = None) -> Btf:
    """Return the kernel's types, or those of a file: raw BTF, or an ELF file with a .BTF section.

    ``base`` are the types that those of a module continue. Raises ObjectError.
    """
    data = (not path and _mapped()) or _read(path or KERNEL_BTF, needed=not path)
    if int.from_bytes(data[:2], "little") != MAGIC:
        raise ObjectError(f'"{path or KERNEL_BTF}" holds no BTF')
    return Btf(data, base, lazy=True)


def _mapped() -> mmap | None:
    """Return the running kernel's types without copying their 5 MB; None where the kernel cannot map them."""
    import mmap

    try:
        fd = os.open(KERNEL_BTF, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:  # v6.16 brought it ("btf: Allow mmap of vmlinux btf"); older kernels answer ENODEV
        return mmap.mmap(fd, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    except (OSError, ValueError):
        return None
    finally:
        os.close(fd)


def _read(path: str, *, needed: bool) -> bytes:
    try:
        data = read_regular_file(path, _MAX_BTF)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        what = (
            "; the object depends on the kernel's types, and this kernel does not offer them (CONFIG_DEBUG_INFO_BTF)"
            if needed
            else ""
        )
        raise ObjectError(
            f'cannot read kernel types from "{path}": {reason}{what}', errno=getattr(error, "errno", None)
        ) from error
    return _section_of(data, path) if data[:4] == ELF_MAGIC else data


def _section_of(data: bytes, path: str) -> bytes:
    from pytc.bpf.object.elf import section_data

    contents = section_data(data, ".BTF")
    if contents is None:
        raise ObjectError(f'"{path}" has no .BTF section')
    return contents


def configuration() -> dict[str, str]:
    """Return the kernel's CONFIG_ settings with their quotes; empty where neither /boot nor /proc has them.

    $PYTC_KERNEL_CONFIG names a file that has them instead, packed with gzip or not; raises ObjectError where that
    cannot be read.
    """
    given = os.environ.get("PYTC_KERNEL_CONFIG", "")
    for path in (given,) if given else (f"/boot/config-{os.uname().release}", "/proc/config.gz"):
        try:
            data = read_regular_file(path, _MAX_CONFIG)
        except (OSError, ValueError) as error:
            if given:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                raise ObjectError(f'cannot read PYTC_KERNEL_CONFIG, "{given}": {reason}') from error
            continue
        if data.startswith(_GZIP):
            import zlib

            data = zlib.decompressobj(31).decompress(data, _MAX_CONFIG)
        return {name.decode(): value.decode("utf-8", "replace").strip() for name, value in _SETTING.findall(data)}
    return {}


def may_lack(settings: str) -> bool:
    """Return whether the kernel lacks one of the CONFIG_ settings in a text, also where its settings are unknown."""
    known = configuration()
    return any(known.get(name, "n") == "n" for name in re.findall(r"CONFIG_\w+", settings))


def version_code() -> int:
    """Return KERNEL_VERSION(major, minor, patch) of the running kernel, the number in its own headers."""
    try:
        signature = read_regular_file("/proc/version_signature", 4096).decode("ascii", "replace")
    except (OSError, ValueError):
        signature = ""
    name = os.uname()
    return parse_version_code(name.release, name.version, signature)


def parse_version_code(release: str, version: str, signature: str = "") -> int:
    """Return LINUX_VERSION_CODE from the fields of uname(2); a patch level above 255 counts as 255.

    On Debian the patch level is in ``version`` (``#1 SMP Debian 6.1.140-1``), on Ubuntu at the end of
    /proc/version_signature (``Ubuntu 5.15.0-91.101-generic 5.15.131``); ``release`` has 0 there.
    """
    debian = re.search(r"Debian (\d+\.\d+\.\d+)", version)
    words = signature.split()
    exact = words[2] if len(words) > 2 else debian.group(1) if debian else release
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", exact)
    major, minor, patch = (int(number or 0) for number in match.groups()) if match else (0, 0, 0)
    return major << 16 | minor << 8 | min(patch, 255)
