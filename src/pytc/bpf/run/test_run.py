"""BPF_PROG_TEST_RUN: a program on packets, attached to nothing.

>>> with load(spec, program) as loaded:
...     runner = Runner(loaded.program.fd)
...     runner.run(packet).verdict

Source: net/bpf/test_run.c. A packet begins with its Ethernet header, is at least that long and fits into a page; newer
kernels (seen with Linux 6.18, not with 6.1) want the whole header of IPv4 and IPv6, too. The program sees the packet as
it would be seen where it is attached: its VLAN tag and XDP's metadata are not among the packet's bytes.
"""

from __future__ import annotations

import ctypes
import errno
import os

from pytc.bpf.run import context as run_context
from pytc.bpf.run import vlan_tag
from pytc.bpf.sys.abi import TestRunAttr, pointer
from pytc.bpf.sys.constants import Command, ProgramType, program_type_name
from pytc.bpf.sys.info import describe_program
from pytc.bpf.sys.syscall import bpf
from pytc.closing import Closing
from pytc.errors import ENOTSUPP, BpfError, BpfSyscallError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

ETH_HLEN = 14
_ROOM = 1 << 17
#: Bytes of the request: up to ``duration``, as every kernel knows it, and up to ``ctx_out`` (Linux 5.2).
_WITHOUT_CONTEXT, _WITH_CONTEXT = 40, 64
_WITH_ETHERNET = frozenset({ProgramType.SCHED_CLS, ProgramType.SCHED_ACT, ProgramType.XDP, ProgramType.FLOW_DISSECTOR})
#: Types that find a VLAN tag in the packet's bytes where they are attached.
_WITH_TAGS_IN_BYTES = frozenset({ProgramType.XDP, ProgramType.FLOW_DISSECTOR})
#: Bytes up to the end of the IP header, by the EtherType.
_IP_HEADERS = {b"\x08\x00": ETH_HLEN + 20, b"\x86\xdd": ETH_HLEN + 40}
#: "bpf: Support input xdp_md context in BPF_PROG_TEST_RUN".
_METADATA_SINCE = "5.15"
#: The largest packet that surely fits beside what the kernel keeps in the page.
_SAFE_LENGTH = 3400


class Run(NamedTuple):
    """The result of a test run: the program's return value as u32, the packet afterwards, nanoseconds per run, the
    fields of the context that the program may have changed, and XDP's metadata.

    ``lacks_tag`` says that the packet had a VLAN tag that the program may have changed: a test run does not return it,
    and ``packet`` is without.
    """

    verdict: int
    packet: bytes
    duration: int
    context: Mapping[str, int] = {}
    metadata: bytes = b""
    lacks_tag: bool = False


class Runner(Closing):
    """A runner of one program over any number of packets, with buffers that are allocated once.

    ``values`` are fields of the context (see :mod:`pytc.bpf.run.context`), ``metadata`` the bytes before the packet
    that XDP programs reach by ``data_meta``. ``padded`` counts the packets that were shorter than the kernel takes, and
    were padded with zeros to ``minimum`` bytes or, where this kernel turns out to want IP headers
    (``wants_ip_headers``), to the end of theirs. ``tags_in_bytes`` counts the packets whose VLAN tag could not become
    metadata, and ``tag_refusal`` says why; ``packets_without_tag`` those that came back without theirs. The descriptor
    stays the caller's; close the runner when it is done. Raises BpfError for a program type that does not run on
    packets.
    """

    def __init__(self, fd: int, values: Mapping[str, int] | None = None, *, metadata: bytes = b"") -> None:
        self.type = describe_program(fd).type
        if self.type not in run_context.ON_PACKETS:
            raise BpfError(f"programs of type {program_type_name(self.type)} do not run on packets")
        self.minimum = ETH_HLEN
        self.wants_ip_headers = False
        self.padded = self.tags_in_bytes = self.packets_without_tag = 0
        self.tag_refusal = ""
        self._fd = fd
        self._carrier: vlan_tag.TagCarrier | None = None
        self._values = dict(values or {})
        self._layout = run_context.layout_of(self.type)
        self._metadata = metadata
        if metadata:
            run_context.check_metadata(self.type, metadata)
        encoded = run_context.encode(self.type, self._values)
        self._context = ctypes.create_string_buffer(encoded, len(encoded)) if encoded else None
        self._out = ctypes.create_string_buffer(_ROOM)
        self._context_out = ctypes.create_string_buffer(run_context.SKB.size)
        self._attr = TestRunAttr(prog_fd=fd, data_out=pointer(self._out))

    def close(self) -> None:
        """Close the descriptors that the runner opened for VLAN tags."""
        carrier, self._carrier = self._carrier, None
        if carrier is not None:
            carrier.close()

    def run(self, packet: bytes, *, repeat: int = 1) -> Run:
        """Run the program on a packet and return the result; raises BpfSyscallError.

        With ``repeat``, verdict and packet are those of the first run; the others begin with what it left of the packet
        and give the duration.
        """
        tagged = self._enter_tag(packet)
        self.tags_in_bytes += tagged is None and self._split(packet) is not None
        result = self._run_first(packet if tagged is None else tagged.data)
        if tagged is not None:
            if self._keeps_tags:
                result = result._replace(packet=vlan_tag.join(result.packet, tagged.tag))
            else:
                result = result._replace(lacks_tag=True)
                self.packets_without_tag += 1
        if repeat <= 1:
            return result
        return result._replace(duration=self.time(packet, repeat - 1))

    def _run_first(self, packet: bytes) -> Run:
        padded = self._filled(packet)
        try:
            result = self._once(padded)
        except BpfSyscallError as error:
            if error.errno != errno.EINVAL:
                raise self._explained(error, padded) from None
            result = self._once_longer(packet, error)
            padded = self._filled(packet)
        self.padded += len(padded) > len(packet)
        return result

    def pushes_tags(self) -> bool:
        """Return whether the program certainly pushes VLAN tags, which are metadata afterwards, and not returned."""
        if self.type in vlan_tag.TYPES and self._carrier is None and not self.tag_refusal:
            self._make_carrier()
        return self._carrier is not None and self._carrier.pushes_tags

    @property
    def _keeps_tags(self) -> bool:
        return self._carrier is not None and self._carrier.keeps_tags

    def _enter_tag(self, packet: bytes) -> vlan_tag.TaggedPacket | None:
        """Return a packet without its tag where the next run gives it that as metadata; None for other packets."""
        tagged = self._split(packet)
        if tagged is not None and self._carrier is None and not self.tag_refusal:
            self._make_carrier()
        carrier = self._carrier if tagged is not None else None
        self._attr.prog_fd = self._fd if carrier is None else carrier.fd
        if tagged is None or carrier is None:
            return None
        carrier.set_tag(tagged.tag)
        return tagged

    def _split(self, packet: bytes) -> vlan_tag.TaggedPacket | None:
        return None if self.type in _WITH_TAGS_IN_BYTES else vlan_tag.split(packet)

    def _make_carrier(self) -> None:
        if self.type not in vlan_tag.TYPES:
            self.tag_refusal = f"a test run cannot give programs of type {program_type_name(self.type)} metadata"
            return
        try:
            self._carrier = vlan_tag.TagCarrier(self._fd, self.type)
        except BpfSyscallError as error:
            self.tag_refusal = str(error)

    def time(self, packet: bytes, repeat: int) -> int:
        """Run the program ``repeat`` times on a packet; returns nanoseconds per run. Raises BpfSyscallError."""
        tagged = self._enter_tag(packet)
        try:
            return self._run(self._filled(packet if tagged is None else tagged.data), repeat)
        except BpfSyscallError as error:
            raise self._explained(error, packet) from None

    def unchanged(self, packet: bytes) -> bytes:
        """Return the packet that comes back from a program that leaves it alone: padded, without the contents of the
        Ethernet header for types that do not see them, and without the VLAN tag where the program may change that.

        Call it after the run of the packet.
        """
        tagged = self._split(packet) if self._carrier is not None else None
        filled = self._filled(packet if tagged is None else tagged.data)
        if tagged is not None and self._keeps_tags:
            filled = vlan_tag.join(filled, tagged.tag)
        return filled if self.type in _WITH_ETHERNET else bytes(ETH_HLEN) + filled[ETH_HLEN:]

    def _filled(self, packet: bytes) -> bytes:
        """Return a packet padded to the length that this kernel wants, as far as earlier packets have shown it."""
        packet = packet.ljust(self.minimum, b"\0")
        return packet.ljust(_IP_HEADERS.get(packet[12:14], 0), b"\0") if self.wants_ip_headers else packet

    def _once_longer(self, packet: bytes, refusal: BpfSyscallError) -> Run:
        """Run a refused packet again with padding; note what this kernel wants when that works.

        v6.1 refuses a packet that is nothing but an Ethernet header; "bpf: Move skb->len == 0 checks into
        __bpf_redirect" (v6.2) allows it again.
        """
        short = self._filled(packet)
        before = self.minimum, self.wants_ip_headers
        for known in ((ETH_HLEN + 1, self.wants_ip_headers), (self.minimum, True)):
            self.minimum, self.wants_ip_headers = known
            longer = self._filled(packet)
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
        data = ctypes.string_at(self._out, attr.data_size_out)
        length = run_context.metadata_length(self._context_out.raw) if self._has_metadata else 0
        return Run(attr.retval, data[length:], duration, context, data[:length])

    @property
    def _has_metadata(self) -> bool:
        return self._layout is run_context.XDP and self._context is not None

    def _run(self, packet: bytes, repeat: int) -> int:
        attr = self._attr
        data = self._metadata + packet
        source = ctypes.create_string_buffer(data, len(data))
        attr.data_in, attr.data_size_in, attr.data_size_out = ctypes.addressof(source), len(data), _ROOM
        attr.repeat = repeat
        context = self._context
        if context is None:
            bpf(Command.PROG_TEST_RUN, attr, size=_WITHOUT_CONTEXT, what="test run")
            return int(attr.duration)
        if self._layout is run_context.XDP:
            run_context.set_lengths(context, len(self._metadata), len(data))
        attr.ctx_in, attr.ctx_size_in = ctypes.addressof(context), len(context)
        attr.ctx_out, attr.ctx_size_out = pointer(self._context_out), len(self._context_out)
        try:
            bpf(Command.PROG_TEST_RUN, attr, size=_WITH_CONTEXT, what="test run")
        except BpfSyscallError as error:
            if error.errno != errno.EINVAL or not self._has_metadata or self._values or self._metadata:
                raise
            # An older kernel, without a context for XDP: metadata that a program adds cannot be told from the packet.
            bpf(Command.PROG_TEST_RUN, attr, size=_WITHOUT_CONTEXT, what="test run")
            self._context = None
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
        """Return a hint for metadata, and each field of the context, that this version of Linux does not let a test
        set."""
        if number not in (errno.EINVAL, errno.E2BIG) or self._layout is None:
            return ()
        from pytc.bpf.kernel.versions import precedes

        release, name = os.uname().release, self._layout.name
        wanted = [(f"{field} of struct {name}", self._layout.settable[field].since) for field in self._values]
        wanted += [("metadata", _METADATA_SINCE)] * bool(self._metadata)
        return tuple(
            f"test runs take {what} since Linux {since}; this is {release}"
            for what, since in wanted
            if since and precedes(release, since)
        )
