"""BPF_PROG_TEST_RUN: a program on packets, attached to nothing.

>>> with load(spec, program) as loaded:
...     runner = Runner(loaded.program.fd)
...     runner.run(packet).verdict

Source: net/bpf/test_run.c. A packet begins with its Ethernet header, is at least that long and fits into a page; the
program sees it as it would be seen where it is attached.
"""

import ctypes
import errno
from collections.abc import Mapping
from typing import NamedTuple

from pytc.bpf import run_context
from pytc.bpf.abi import TestRunAttr, pointer
from pytc.bpf.constants import Command, ProgramType, program_type_name
from pytc.bpf.info import describe_program
from pytc.bpf.syscall import bpf
from pytc.errors import BpfError, BpfSyscallError

ETH_HLEN = 14
_ROOM = 1 << 17
_ENOTSUPP = 524
#: Bytes of the request: up to ``duration``, as every kernel knows it, and up to ``ctx_out`` (Linux 5.2).
_WITHOUT_CONTEXT, _WITH_CONTEXT = 40, 64
_WITH_ETHERNET = frozenset({ProgramType.SCHED_CLS, ProgramType.SCHED_ACT, ProgramType.XDP, ProgramType.FLOW_DISSECTOR})
#: The largest packet that surely fits beside what the kernel keeps in the page.
_SAFE_LENGTH = 3400


class Run(NamedTuple):
    """What a test run gave: the program's return value as u32, the packet afterwards, nanoseconds for each run, and
    the fields of the context that the program may have changed."""

    verdict: int
    packet: bytes
    duration: int
    context: Mapping[str, int] = {}


class Runner:
    """Runs one program on any number of packets, with buffers that are made once.

    ``values`` are fields of the context (see :mod:`pytc.bpf.run_context`). ``padded`` counts the packets that were
    shorter than the kernel takes, and were filled up with zeros to ``minimum`` bytes. The descriptor stays the
    caller's. Raises BpfError for a type of programs that does not run on packets.
    """

    def __init__(self, fd: int, values: Mapping[str, int] | None = None) -> None:
        self.type = describe_program(fd).type
        if self.type not in run_context.ON_PACKETS:
            raise BpfError(f"programs of type {program_type_name(self.type)} do not run on packets")
        self.minimum = ETH_HLEN
        self.padded = 0
        self._values = dict(values or {})
        self._layout = run_context.layout_of(self.type)
        encoded = run_context.encode(self.type, self._values)
        self._context = ctypes.create_string_buffer(encoded, len(encoded)) if encoded else None
        self._out = ctypes.create_string_buffer(_ROOM)
        self._context_out = ctypes.create_string_buffer(run_context.SKB.size)
        self._attr = TestRunAttr(prog_fd=fd, data_out=pointer(self._out))

    def run(self, packet: bytes, *, repeat: int = 1) -> Run:
        """Runs the program on a packet; raises BpfSyscallError.

        With ``repeat``, verdict and packet are those of the first run, and the others, which begin with what it left of
        the packet, give the duration.
        """
        packet = self._filled(packet)
        try:
            done = self._once(packet)
        except BpfSyscallError as error:
            if error.errno != errno.EINVAL or len(packet) != ETH_HLEN:
                raise self._explained(error, packet) from None
            # v6.1 refuses a packet that is nothing but a header; "bpf: Move skb->len == 0 checks into __bpf_redirect"
            # (v6.2) allows it again.
            self.minimum = ETH_HLEN + 1
            return self.run(packet, repeat=repeat)
        if repeat <= 1:
            return done
        return done._replace(duration=self.time(packet, repeat - 1))

    def time(self, packet: bytes, repeat: int) -> int:
        """Runs the program so many times on a packet; nanoseconds for each. Raises BpfSyscallError."""
        try:
            return self._run(self._filled(packet), repeat)
        except BpfSyscallError as error:
            raise self._explained(error, packet) from None

    def unchanged(self, packet: bytes) -> bytes:
        """The packet as it comes back from a program that leaves it alone: filled up, and without what is in the
        Ethernet header where programs do not see that."""
        packet = packet.ljust(self.minimum, b"\0")
        return packet if self.type in _WITH_ETHERNET else bytes(ETH_HLEN) + packet[ETH_HLEN:]

    def _filled(self, packet: bytes) -> bytes:
        if len(packet) >= self.minimum:
            return packet
        self.padded += 1
        return packet.ljust(self.minimum, b"\0")

    def _once(self, packet: bytes) -> Run:
        attr = self._attr
        duration = self._run(packet, 1)
        context = run_context.decode(self.type, self._context_out.raw) if self._context is not None else {}
        if self.type == ProgramType.FLOW_DISSECTOR:  # what comes back is struct bpf_flow_keys
            return Run(attr.retval, packet, duration, context)
        return Run(attr.retval, ctypes.string_at(self._out, attr.data_size_out), duration, context)

    def _run(self, packet: bytes, repeat: int) -> int:
        attr = self._attr
        source = ctypes.create_string_buffer(packet, len(packet))
        attr.data_in, attr.data_size_in, attr.data_size_out = ctypes.addressof(source), len(packet), _ROOM
        attr.repeat = repeat
        context = self._context
        if context is None:
            bpf(Command.PROG_TEST_RUN, attr, size=_WITHOUT_CONTEXT, what="test run")
            return int(attr.duration)
        if self._layout is run_context.XDP:
            run_context.set_length(context, len(packet))
        attr.ctx_in, attr.ctx_size_in = ctypes.addressof(context), len(context)
        attr.ctx_out, attr.ctx_size_out = pointer(self._context_out), len(self._context_out)
        bpf(Command.PROG_TEST_RUN, attr, size=_WITH_CONTEXT, what="test run")
        return int(attr.duration)

    def _explained(self, error: BpfSyscallError, packet: bytes) -> BpfSyscallError:
        if error.errno == errno.ENODEV:
            error.hints = ("there is no device with the index that the context names, in this network namespace",)
        elif error.errno in (errno.ENOTSUP, _ENOTSUPP):
            error.hints = (f"this kernel does not run programs of type {program_type_name(self.type)} on packets",)
        elif error.errno == errno.EINVAL and len(packet) > _SAFE_LENGTH:
            error.hints = (f"the packet has {len(packet)} bytes: test runs take what fits into a page of memory, some "
                           f"{_SAFE_LENGTH} bytes",)
        elif error.errno == errno.EINVAL and self._values:
            error.hints = ("the kernel refuses a context whose fields contradict the packet: wire_len below its "
                           "length, gso_size without gso_segs, a queue that the device does not have",)
        return error
