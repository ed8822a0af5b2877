"""Machine code as instructions, disassembled by objdump of the GNU binutils where that is installed."""

from __future__ import annotations

import os
import re

from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_OBJDUMP = "objdump"
#: Options of objdump for the machines that uname(2) names.
_MACHINES = {
    "x86_64": ("i386:x86-64",),
    "aarch64": ("aarch64",),
    "riscv64": ("riscv:rv64",),
    "s390x": ("s390:64-bit",),
    "ppc64le": ("powerpc:common64", "-EL"),
    "loongarch64": ("loongarch64",),
}
_ROW = re.compile(rb"^ *([0-9a-f]+):\t[0-9a-f ]+(?:\t(.*))?$", re.MULTILINE)
_ADDRESS = re.compile(r"0x[0-9a-f]{6,16}\b")
_SECONDS = 60


class MachineInstruction(NamedTuple):
    """An instruction; ``offset`` counts bytes from the beginning of the function."""

    offset: int
    code: bytes
    text: str


def is_installed() -> bool:
    """Return whether objdump is there, and knows this machine."""
    import shutil

    return shutil.which(_OBJDUMP) is not None and os.uname().machine in _MACHINES


def instructions(code: bytes, address: int, name_of: Callable[[int], str]) -> list[MachineInstruction]:
    """Return the instructions of a function at an address; none where objdump does not understand them.

    Addresses within the function become offsets, and others get the name that ``name_of`` returns.
    """
    rows = [
        (int(row[1], 16) - address, " ".join((row[2] or b"").decode("ascii", "replace").split()))
        for row in _ROW.finditer(_objdump(code, address))
    ]
    starts = [offset for offset, _ in rows]
    if starts[:1] != [0] or starts != sorted(set(starts)) or starts[-1] >= len(code):
        return []

    def replaced(match: re.Match[str]) -> str:
        number = int(match[0], 16)
        if address <= number < address + len(code):
            return f"{number - address:#x}"
        name = name_of(number)
        return f"{match[0]} <{name}>" if name else match[0]

    ends = [*starts[1:], len(code)]
    return [
        MachineInstruction(start, code[start:end], _ADDRESS.sub(replaced, text))
        for (start, text), end in zip(rows, ends, strict=True)
    ]


def _objdump(code: bytes, address: int) -> bytes:
    """Return the output of objdump, empty where it fails. The code is in a memfd: no file can be left behind."""
    import subprocess

    machine, *options = _MACHINES[os.uname().machine]
    descriptor = os.memfd_create("jited")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(code)
        words = (
            _OBJDUMP,
            "-D",
            "-z",
            "-w",
            "-b",
            "binary",
            "-m",
            machine,
            *options,
            f"--adjust-vma={address:#x}",
            f"/proc/self/fd/{descriptor}",
        )
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            pass_fds=(descriptor,),
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return b""
    finally:
        os.close(descriptor)
    return done.stdout if done.returncode == 0 else b""
