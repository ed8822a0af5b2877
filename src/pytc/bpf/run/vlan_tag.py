"""VLAN tags of test runs as metadata of the packet, where a tc hook has them (``skb->vlan_tci``).

The kernel takes the outer tag out of each packet that arrives (skb_vlan_untag in __netif_receive_skb_core), but a test
run leaves it in the bytes, and no field of its context sets the metadata. So a small program pushes the tag, which
becomes metadata (skb_vlan_push in net/core/skbuff.c), and tail-calls the program under test.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from pytc.bpf.insn.instructions import (
    OP_CALL,
    OP_EXIT,
    OP_LD_IMM64,
    PSEUDO_MAP_FD,
    SIZE,
    decode_all,
)
from pytc.bpf.sys.abi import MapCreateAttr, MapElementAttr, ProgLoadAttr, pointer
from pytc.bpf.sys.constants import Command, MapType, ProgramType
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.info import translated_instructions
from pytc.bpf.sys.syscall import bpf
from pytc.closing import Closing
from pytc.contexts import ExitStack
from pytc.errors import BpfSyscallError
from pytc.typing import NamedTuple

#: Types of programs that have tags as metadata at their hook, and bpf_skb_vlan_push.
TYPES = frozenset({ProgramType.SCHED_CLS, ProgramType.SCHED_ACT})
#: EtherTypes of 802.1Q and 802.1ad.
_TAGS = (b"\x81\x00", b"\x88\xa8")
_MAC, _TAG = 12, 4
_TAG_AND_TYPE = _MAC + _TAG + 2
#: Offset of vlan_present in struct __sk_buff.
_VLAN_PRESENT = 20
_LOOKUP, _TAIL_CALL, _VLAN_PUSH, _VLAN_POP = 1, 12, 18, 19
#: Bytes of a program's stack, MAX_BPF_STACK in linux/filter.h.
_MAX_STACK = 512
#: Expected attach types that a classifier may have been loaded with: none, tcx's two, netkit's two. Since v6.18 ("bpf:
#: Enforce expected_attach_type for tailcall compatibility") both ends of a tail call have the same one.
_ATTACH_TYPES = (0, 46, 47, 54, 55)


class TaggedPacket(NamedTuple):
    """A packet without its outer tag, and the tag's 4 bytes."""

    data: bytes
    tag: bytes


def split(packet: bytes) -> TaggedPacket | None:
    """Take the outer tag out of a packet; None where there is none."""
    if packet[_MAC : _MAC + 2] not in _TAGS or len(packet) < _TAG_AND_TYPE:
        return None
    return TaggedPacket(packet[:_MAC] + packet[_MAC + _TAG :], packet[_MAC : _MAC + _TAG])


def join(packet: bytes, tag: bytes) -> bytes:
    """Return a packet with a tag, as the kernel sends it (vlan_insert_tag)."""
    return packet[:_MAC] + tag + packet[_MAC:]


class TagCarrier(Closing):
    """A program that gives a packet its tag, unless it has one, and tail-calls another program.

    ``keeps_tags`` says that the other program cannot change the tag: it calls neither bpf_skb_vlan_push nor _pop, and
    no programs that might; ``pushes_tags`` that it calls bpf_skb_vlan_push itself. Raises BpfSyscallError where the
    kernel refuses the tail call.
    """

    def __init__(self, target: int, type: int) -> None:
        self._memory = ExitStack()
        try:
            self._tags = self._memory.enter_context(_map(MapType.ARRAY, 8))
            programs = self._memory.enter_context(_map(MapType.PROG_ARRAY, 4))
            _set(programs, target.to_bytes(4, "little"))
            self._program = self._memory.enter_context(_load(_code(self._tags.fd, programs.fd), type))
            self.keeps_tags, self.pushes_tags = _tag_calls(target, self._program.fd)
        except BaseException:
            self.close()
            raise

    @property
    def fd(self) -> int:
        """The program to run in place of the other."""
        return self._program.fd

    def set_tag(self, tag: bytes) -> None:
        """Set the tag of the packets that run from now on; raises BpfSyscallError."""
        # bpf_skb_vlan_push takes the protocol in network order, and the tag in the host's.
        _set(self._tags, tag[:2] + bytes(2) + struct.pack("=I", int.from_bytes(tag[2:], "big")))

    def close(self) -> None:
        self._memory.close()


def _tag_calls(target: int, carrier: int) -> tuple[bool, bool]:
    """Return whether a program certainly leaves tags alone, and whether it certainly pushes some.

    Compares its calls with the carrier's own, which are in the same form: offsets of kernel functions. The kernel shows
    zeros to those who may not see its addresses (bpf_insn_prepare_dump): then nothing is certain.
    """
    try:
        *_, push, pop, _ = _calls(carrier)
        called = set(_calls(target))
    except (BpfSyscallError, ValueError):
        return False, False
    is_known = push != pop
    return is_known and called.isdisjoint((push, pop, _TAIL_CALL)), is_known and push in called


def _calls(program: int) -> list[int]:
    """Return the helpers that a loaded program calls, in order; raises BpfSyscallError."""
    instructions = (one for _, one in decode_all(translated_instructions(program)))
    return [one.immediate for one in instructions if one.opcode == OP_CALL and not one.source]


def _code(tags: int, programs: int) -> bytes:
    """Return the carrier's instructions; the call of bpf_skb_vlan_pop, for a tag of zeros, is never reached: it is
    there for comparison.

    The first store claims the whole stack. Without a JIT, a program reached by a tail call works on the stack that the
    interpreter set up for the caller, and Linux 7.2 no longer makes that the largest one by itself: a deeper program
    then overwrites the kernel's own stack (seen on 7.2.7, a fault in bpf_test_run).
    """
    tail = 18
    rows: list[tuple[int, int, int, int, int]] = [
        (0xBF, 6, 1, 0, 0),  # r6 = r1
        (0x7A, 10, 0, -_MAX_STACK, 0),  # *(u64 *)(r10 - 512) = 0
        (0x61, 0, 6, _VLAN_PRESENT, 0),  # r0 = skb->vlan_present
        (0x55, 0, 0, tail - 4, 0),  # if r0 != 0 goto tail
        (0x62, 10, 0, -4, 0),  # key = 0
        (0xBF, 2, 10, 0, 0),
        (0x07, 2, 0, 0, -4),  # r2 = &key
        (OP_LD_IMM64, 1, PSEUDO_MAP_FD, 0, tags),
        (0, 0, 0, 0, 0),
        (OP_CALL, 0, 0, 0, _LOOKUP),
        (0x15, 0, 0, tail - 11, 0),  # if r0 == 0 goto tail
        (0x61, 2, 0, 0, 0),  # r2 = protocol
        (0x61, 3, 0, 4, 0),  # r3 = tag
        (0xBF, 1, 6, 0, 0),
        (0x15, 2, 0, 2, 0),  # if r2 == 0 goto pop
        (OP_CALL, 0, 0, 0, _VLAN_PUSH),
        (0x05, 0, 0, 1, 0),  # goto tail
        (OP_CALL, 0, 0, 0, _VLAN_POP),
        (0xBF, 1, 6, 0, 0),  # tail: r1 = r6
        (OP_LD_IMM64, 2, PSEUDO_MAP_FD, 0, programs),
        (0, 0, 0, 0, 0),
        (0xB7, 3, 0, 0, 0),  # r3 = 0
        (OP_CALL, 0, 0, 0, _TAIL_CALL),
        (0xB7, 0, 0, 0, -1),
        (OP_EXIT, 0, 0, 0, 0),
    ]
    return b"".join(
        struct.pack("=BBhi", opcode, destination | source << 4, offset, immediate)
        for opcode, destination, source, offset, immediate in rows
    )


def _map(type: MapType, value_size: int) -> OwnedFd:
    attr = MapCreateAttr(map_type=type, key_size=4, value_size=value_size, max_entries=1)
    return OwnedFd(bpf(Command.MAP_CREATE, attr, what="map for VLAN tags"))


def _set(map: OwnedFd, value: bytes) -> None:
    key, element = ctypes.create_string_buffer(4), ctypes.create_string_buffer(value, len(value))
    attr = MapElementAttr(map_fd=map.fd, key=pointer(key), value=pointer(element))
    bpf(Command.MAP_UPDATE_ELEM, attr, what="VLAN tag of a test run")


def _load(code: bytes, type: int) -> OwnedFd:
    instructions, license = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    attr = ProgLoadAttr(
        prog_type=type, insn_cnt=len(code) // SIZE, insns=pointer(instructions), license=pointer(license)
    )
    refusal = None
    for attach_type in _ATTACH_TYPES if type == ProgramType.SCHED_CLS else _ATTACH_TYPES[:1]:
        attr.expected_attach_type = attach_type
        try:
            return OwnedFd(bpf(Command.PROG_LOAD, attr, what="program for VLAN tags"))
        except BpfSyscallError as error:
            if error.errno != errno.EINVAL:
                raise
            refusal = refusal or error
    assert refusal is not None
    raise refusal
