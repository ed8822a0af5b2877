"""Load programs (BPF_PROG_LOAD): attributes, and the verifier's log."""

from __future__ import annotations

import ctypes
import errno

from pytc.bpf.object.names import kernel_name
from pytc.bpf.object.sections import is_sleepable
from pytc.bpf.sys.abi import ProgLoadAttr, pointer
from pytc.bpf.sys.constants import F_SLEEPABLE, Command, ProgramType, program_type_name
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.log_buffer import LOG_SIZES, LogBuffer
from pytc.bpf.sys.syscall import bpf
from pytc.errors import BpfSyscallError, VerifierError, strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.bpf.kernel.features import Features
    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.object.spec import ObjectSpec

#: Bytes that are kept of the log of a refused program, unless all of it is wanted: a program that is too large for the
#: verifier has a log of 100 MB, and what matters comes last.
_KEPT_LOG = LOG_SIZES[0]
_LOG_BRANCHES_AND_STATS = 1 | 4  # BPF_LOG_LEVEL1 | BPF_LOG_STATS of include/linux/bpf_verifier.h


def submit(
    spec: ObjectSpec,
    linked: LinkedProgram,
    code: bytes,
    type: ProgramType,
    *,
    btf_fd: int,
    module_fds: Sequence[int],
    verbose: bool,
    features: Features,
) -> tuple[OwnedFd, str]:
    """Load a program (BPF_PROG_LOAD); returns its descriptor and the verifier's log.

    The first attempt is without a log, which is faster; one with it follows a refusal, or ``verbose``, which fetches
    all of it, however long. ``module_fds``
    are descriptors of modules' types, which calls refer to by position, from 1 on; empty without such calls. Raises
    VerifierError.
    """
    attr, memory = program_attribute(spec, linked, code, type, btf_fd, features)
    if module_fds:
        # Since v5.16 ("bpf: Introduce BPF support for kernel module function calls"). Index 0 means vmlinux, whatever
        # descriptor it holds.
        descriptors = (ctypes.c_int * (1 + len(module_fds)))(0, *module_fds)
        attr.fd_array = ctypes.addressof(descriptors)
        memory.append(descriptors)
    what = f'program "{linked.program.name}" ({program_type_name(type)})'
    if not verbose:
        try:
            return OwnedFd(bpf(Command.PROG_LOAD, attr, what=what)), ""
        except BpfSyscallError as error:
            if error.errno == errno.EPERM:
                raise _refused(spec, linked, type, errno.EPERM) from error
            if error.errno in (errno.EINVAL, errno.E2BIG) and not features.has("program_names"):
                attr.prog_name = b""  # v4.15 brought prog_name
    number, log, left_out = 0, "", 0
    for size in LOG_SIZES:
        with LogBuffer(size) as buffer:
            attr.log_buf, attr.log_size, attr.log_level = buffer.address, size, _LOG_BRANCHES_AND_STATS
            try:
                fd = OwnedFd(bpf(Command.PROG_LOAD, attr, what=what))
                return fd, buffer.text()[0]
            except BpfSyscallError as error:
                number = error.errno or 0
            if number != errno.ENOSPC or size == LOG_SIZES[-1]:  # ENOSPC: the log was longer than the buffer
                log, left_out = buffer.text(0 if verbose else _KEPT_LOG)
                break
    del memory
    raise _refused(spec, linked, type, number, log, left_out)


def _refused(
    spec: ObjectSpec, linked: LinkedProgram, type: ProgramType, number: int, log: str = "", left_out: int = 0
) -> VerifierError:
    if number in (errno.EMFILE, errno.ENFILE):  # which leaves no descriptor to import the explanations with
        what = f'program "{linked.program.name}" in section "{linked.program.section}"'
        return VerifierError(linked.program.name, number, f"{what}: the kernel refused to load it: {strerror(number)}")
    from pytc.bpf.loader.verifier_error import verifier_error  # only needed now

    return verifier_error(spec, linked, type, number, log, left_out)


def program_attribute(
    spec: ObjectSpec, linked: LinkedProgram, code: bytes | bytearray, type: ProgramType, btf_fd: int, features: Features
) -> tuple[ProgLoadAttr, list[object]]:
    """Return the attribute of BPF_PROG_LOAD without a log, and the memory that it points into: the instructions come
    first, and stay those of ``code`` if that is a bytearray."""
    instructions = (
        (ctypes.c_char * len(code)).from_buffer(code)
        if isinstance(code, bytearray)
        else ctypes.create_string_buffer(code, len(code))
    )
    license = ctypes.create_string_buffer(spec.license.encode())
    name = kernel_name(linked.program.name)
    memory: list[object] = [instructions, license]
    attr = ProgLoadAttr(
        prog_type=type,
        insn_cnt=len(code) // 8,
        insns=pointer(instructions),
        license=pointer(license),
        kern_version=spec.kernel_version,
        prog_name=name.encode(),
    )
    if type == linked.program.type and type not in (ProgramType.SCHED_CLS, ProgramType.SCHED_ACT):
        attr.expected_attach_type = linked.program.expected_attach_type
    # check_attach_btf_id() of kernel/bpf/verifier.c takes no program of type syscall otherwise.
    if type == ProgramType.SYSCALL or (type == linked.program.type and is_sleepable(linked.program.section)):
        attr.prog_flags = F_SLEEPABLE
    if "program_names" in features.missing:
        attr.prog_name = b""
    if btf_fd and linked.func_info:
        functions = ctypes.create_string_buffer(linked.func_info, len(linked.func_info))
        attr.prog_btf_fd, attr.func_info = btf_fd, pointer(functions)
        attr.func_info_rec_size = linked.func_info_size
        attr.func_info_cnt = len(linked.func_info) // linked.func_info_size
        memory.append(functions)
        if linked.line_info:
            lines = ctypes.create_string_buffer(linked.line_info, len(linked.line_info))
            attr.line_info, attr.line_info_rec_size = pointer(lines), linked.line_info_size
            attr.line_info_cnt = len(linked.line_info) // linked.line_info_size
            memory.append(lines)
    return attr, memory
