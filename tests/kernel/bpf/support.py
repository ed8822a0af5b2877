"""What the tests of this directory share: packets, counters, and whether anything was left behind."""

from __future__ import annotations

import ctypes
import gc
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytc.bpf import Loaded, Map, PinRoot, Program, ProgramType, load, read_object, select_program
from pytc.bpf.sys.abi import ProgLoadAttr, TestRunAttr, pointer
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.syscall import bpf
from tests.conftest import pins
from tests.elf_writer import insn

IPV4 = 0x0800
PACKET = bytes(12) + struct.pack("!H", IPV4) + bytes(46)
#: skb->protocol is in network byte order.
PROTOCOL = int.from_bytes(struct.pack("!H", IPV4), "little")
LENGTH = len(PACKET)
UNSPEC, OK, SHOT, PIPE = 0xFFFFFFFF, 0, 2, 3


def word(number: int) -> bytes:
    """A u32 key."""
    return struct.pack("<I", number)


def count(found: Map, key: int) -> int:
    """The u64 at a u32 key; 0 where there is none. Those of all CPUs together."""
    value = found.get(word(key)) or b""
    return sum(struct.unpack(f"<{len(value) // 8}Q", value))


def loaded(path: str, mount: Path, *, name: str = "", section: str = "", verbose: bool = False) -> Loaded:
    """Loads a program of an object as a classifier, with pins in ``mount``."""
    spec = read_object(path)
    chosen = select_program(spec, program=name, section=section)
    return load(spec, chosen, type=ProgramType.SCHED_CLS, pins=PinRoot(str(mount)), verbose=verbose)


def small_program(type: ProgramType = ProgramType.SOCKET_FILTER) -> Program:
    """Loads a program that returns 0."""
    code = ctypes.create_string_buffer(insn(0xB7) + insn(0x95), 16)
    license = ctypes.create_string_buffer(b"GPL")
    attr = ProgLoadAttr(prog_type=type, insn_cnt=2, insns=pointer(code), license=pointer(license))
    return Program(OwnedFd(bpf(Command.PROG_LOAD, attr, what="loading")))


def verdict(program: Program, packet: bytes = PACKET, *, mark: int = 0) -> int:
    """Return a program's result for a packet with a mark, whose VLAN tag, if any, is among its bytes."""
    source = ctypes.create_string_buffer(packet, len(packet))
    context = ctypes.create_string_buffer(bytes(8) + word(mark), 12)  # struct __sk_buff: len, pkt_type, mark
    attr = TestRunAttr(
        prog_fd=program.fd,
        data_in=pointer(source),
        data_size_in=len(packet),
        repeat=1,
        ctx_in=pointer(context) if mark else 0,
        ctx_size_in=12 if mark else 0,
    )
    bpf(Command.PROG_TEST_RUN, attr, what="test run")
    return int(attr.retval)


def tree(mount: Path) -> set[str]:
    """Everything in a bpffs, apart from the iterators that some kernels put there."""
    return set(pins(mount))


def descriptors() -> list[str]:
    """Return the open descriptors of this process, without that of the directory it reads."""
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{fd}"))
        except OSError:
            continue
    return sorted(name for name in found if not name.endswith("/fd"))


def descriptor_of(kind: str) -> int:
    """A descriptor of this process of that kind: ``bpf-prog``, ``bpf-map``, ``btf``."""
    links = (Path("/proc/self/fd") / fd for fd in os.listdir("/proc/self/fd"))
    return next(int(link.name) for link in links if link.is_symlink() and str(link.readlink()) == f"anon_inode:{kind}")


@contextmanager
def nothing_left(mount: Path) -> Iterator[None]:
    """The block leaves neither pins, directories nor descriptors."""
    gc.collect()  # what earlier tests left in cycles must not go meanwhile
    before = tree(mount), descriptors()
    yield
    after = tree(mount), descriptors()
    assert after == before, (before, after)
