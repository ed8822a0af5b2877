"""BPF_PROG_TEST_RUN: a program on packets, attached to nothing.

>>> with load(spec, program) as loaded:
...     runner = Runner(loaded.program.fd)
...     runner.run(packet).verdict

Source: net/bpf/test_run.c. A packet begins with its Ethernet header, is at least that long and fits into a page; newer
kernels (seen with Linux 6.18, not with 6.1) want the whole header of IPv4 and IPv6, too. The program sees the packet as
it would be seen where it is attached.
"""

import ctypes
import errno
import os
from collections.abc import Mapping
from typing import NamedTuple

from pytc.bpf.run import context as run_context
from pytc.bpf.sys.abi import TestRunAttr, pointer
from pytc.bpf.sys.constants import Command, ProgramType, program_type_name
from pytc.bpf.sys.info import describe_program
from pytc.bpf.sys.syscall import bpf
from pytc.errors import ENOTSUPP, BpfError, BpfSyscallError

ETH_HLEN = 14
_ROOM = 1 << 17
#: Bytes of the request: up to ``duration``, as every kernel knows it, and up to ``ctx_out`` (Linux 5.2).
_WITHOUT_CONTEXT, _WITH_CONTEXT = 40, 64
_WITH_ETHERNET = frozenset({ProgramType.SCHED_CLS, ProgramType.SCHED_ACT, ProgramType.XDP, ProgramType.FLOW_DISSECTOR})
#: Bytes up to the end of the IP header, by the EtherType.
_IP_HEADERS = {b"\x08\x00": ETH_HLEN + 20, b"\x86\xdd": ETH_HLEN + 40}
#: The largest packet that surely fits beside what the kernel keeps in the page.
_SAFE_LENGTH = 3400


class Run(NamedTuple):
    """The result of a test run: the program's return value as u32, the packet afterwards, nanoseconds per run, and the
    fields of the context that the program may have changed."""

    verdict: int
    packet: bytes
    duration: int
    context: Mapping[str, int] = {}


class Runner:
    """A runner of one program over any number of packets, with buffers that are allocated once.

    ``values`` are fields of the context (see :mod:`pytc.bpf.run.context`). ``padded`` counts the packets that were
    shorter than the kernel takes, and were padded with zeros to ``minimum`` bytes or, where this kernel turns out to
    want IP headers (``wants_ip_headers``), to the end of theirs. The descriptor stays the caller's. Raises BpfError for
    a program type that does not run on packets.
    """

    def __init__(self, fd: int, values: Mapping[str, int] | None = None) -> None:
        self.type = describe_program(fd).type
        if self.type not in run_context.ON_PACKETS:
            raise BpfError(f"programs of type {program_type_name(self.type)} do not run on packets")
        self.minimum = ETH_HLEN
        self.wants_ip_headers = False
        self.padded = 0
        self._values = dict(values or {})
        self._layout = run_context.layout_of(self.type)
        encoded = run_context.encode(self.type, self._values)
        self._context = ctypes.create_string_buffer(encoded, len(encoded)) if encoded else None
        self._out = ctypes.create_string_buffer(_ROOM)
        self._context_out = ctypes.create_string_buffer(run_context.SKB.size)
        self._attr = TestRunAttr(prog_fd=fd, data_out=pointer(self._out))

    def run(self, packet: bytes, *, repeat: int = 1) -> Run:
        """Run the program on a packet and return the result; raises BpfSyscallError.

        With ``repeat``, verdict and packet are those of the first run; the others begin with what it left of the packet
        and give the duration.
        """
        padded = self.filled(packet)
        try:
            result = self._once(padded)
        except BpfSyscallError as error:
            if error.errno != errno.EINVAL:
                raise self._explained(error, padded) from None
            result = self._once_longer(packet, error)
            padded = self.filled(packet)
        self.padded += len(padded) > len(packet)
        if repeat <= 1:
            return result
        return result._replace(duration=self.time(padded, repeat - 1))

    def time(self, packet: bytes, repeat: int) -> int:
        """Run the program ``repeat`` times on a packet; returns nanoseconds per run. Raises BpfSyscallError."""
        try:
            return self._run(self.filled(packet), repeat)
        except BpfSyscallError as error:
            raise self._explained(error, packet) from None

    def unchanged(self, packet: bytes) -> bytes:
        """Return the packet that comes back from a program that leaves it alone: padded, and without the contents of
        the Ethernet header for types that do not see them."""
        packet = self.filled(packet)
        return packet if self.type in _WITH_ETHERNET else bytes(ETH_HLEN) + packet[ETH_HLEN:]

    def filled(self, packet: bytes) -> bytes:
        """Return a packet padded to the length that this kernel wants, as far as earlier packets have shown it."""
        packet = packet.ljust(self.minimum, b"\0")
        return packet.ljust(_IP_HEADERS.get(packet[12:14], 0), b"\0") if self.wants_ip_headers else packet

    def _once_longer(self, packet: bytes, refusal: BpfSyscallError) -> Run:
        """Run a refused packet again with padding; note what this kernel wants when that works.

        v6.1 refuses a packet that is nothing but an Ethernet header; "bpf: Move skb->len == 0 checks into
        __bpf_redirect" (v6.2) allows it again.
        """
        short = self.filled(packet)
        before = self.minimum, self.wants_ip_headers
        for known in ((ETH_HLEN + 1, self.wants_ip_headers), (self.minimum, True)):
            self.minimum, self.wants_ip_headers = known
            longer = self.filled(packet)
            if len(longer) == len(short):
                continue
            try:
                return self._once(longer)
            except BpfSyscallError as error:
                if error.errno != errno.EINVAL:
                    raise self._explained(error, longer) from None
        self.minimum, self.wants_ip_headers = before
        raise self._explained(refusal, short) from None

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
            error.hints = ("this network namespace has no device with the index in the context",)
        elif error.errno in (errno.ENOTSUP, ENOTSUPP):
            error.hints = (f"this kernel does not run programs of type {program_type_name(self.type)} on packets",)
        elif young := self._young_fields(error.errno or 0):
            error.hints = young
        elif error.errno == errno.EINVAL and len(packet) > _SAFE_LENGTH:
            error.hints = (
                f"the packet has {len(packet)} bytes: a test run takes what fits into a page of memory, about "
                f"{_SAFE_LENGTH} bytes",
            )
        elif error.errno == errno.EINVAL and self._values:
            error.hints = (
                "the kernel refuses a context whose fields contradict the packet: wire_len below its "
                "length, gso_size without gso_segs, a queue that the device does not have",
            )
        return error

    def _young_fields(self, number: int) -> tuple[str, ...]:
        """Return a hint for each field of the context that this version of Linux does not let a test set."""
        if number not in (errno.EINVAL, errno.E2BIG) or self._layout is None:
            return ()
        from pytc.bpf.kernel.versions import precedes

        release, name = os.uname().release, self._layout.name
        return tuple(
            f"test runs take {field} of struct {name} since Linux {since}; this is {release}"
            for field in self._values
            if (since := self._layout.settable[field].since) and precedes(release, since)
        )
