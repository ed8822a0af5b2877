"""Load a program that does nothing, which stands for one that is not to be loaded."""

from __future__ import annotations

import ctypes

from pytc.bpf.sys.abi import ProgLoadAttr, pointer
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.syscall import bpf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.sys.constants import ProgramType

_RETURN_0 = bytes([0xB7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0])


def load_placeholder(type: ProgramType) -> OwnedFd:
    """Load a program that returns 0; raises BpfSyscallError."""
    code, license = ctypes.create_string_buffer(_RETURN_0, len(_RETURN_0)), ctypes.create_string_buffer(b"GPL")
    attr = ProgLoadAttr(
        prog_type=type, insn_cnt=len(_RETURN_0) // 8, insns=pointer(code), license=pointer(license), prog_name=b"wanted"
    )
    return OwnedFd(bpf(Command.PROG_LOAD, attr, what="a placeholder of a program"))
