"""What tests need from the running kernel: ``@pytest.mark.needs("jit", "qdisc:drr", "helper:loop")``.

A need is found out by trying, not by the kernel's version, and once for each run of pytest. A test whose needs are not
met is skipped with the reason; ``"!tcx"`` is for kernels that lack it. So the same tests run on this machine and in the
guests, each wherever it can. (``kernel:6.4`` and ``tc:7.3`` are for lines of which a refusal would say no more than
that.) Needs with an argument are :data:`FAMILIES`, the others :data:`FEATURES`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import resource
import socket
import struct
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

from pytc.bpf.btf import types as b
from pytc.bpf.kernel.running import configuration, kernel_btf
from pytc.bpf.sys import abi
from pytc.bpf.sys.attach_points import TCX_INGRESS
from pytc.bpf.sys.cgroups import mounts
from pytc.bpf.sys.constants import F_NO_PREALLOC, Command, MapType, ProgramType, attach_type_number
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.helpers import helpers
from pytc.bpf.sys.info import get_info
from pytc.bpf.sys.syscall import bpf, perf_event_open
from pytc.errors import BpfSyscallError
from tests.btf_writer import BtfWriter
from tests.elf_writer import EXIT, insn, mov
from tests.toolchains import old_tc

Answer = TypeVar("Answer")

_NEW_NETWORK = 0x40000000
_NEW_LINK, _NEW_QDISC, _NEW_FILTER, _NEW_ACTION = 16, 36, 44, 48
_REQUEST, _ACK, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x200, 0x400
_ERROR = 2
_LOOPBACK = 1
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_ROOT, _CLSACT, _INGRESS = 0xFFFFFFFF, 0xFFFFFFF1, 0xFFFFFFF2
_ALL_PROTOCOLS = 0x0300  # ETH_P_ALL, in network byte order


def missing(needs: Iterable[str]) -> str:
    """Return the first need that the kernel does not meet, as a sentence; empty where it meets all."""
    return next((sentence for need in needs if (sentence := _missing(need))), "")


@cache
def _missing(need: str) -> str:
    if need.startswith("!"):
        return "" if _missing(need[1:]) else f"this kernel has {need[1:].replace(':', ' ')}"
    family, _, name = need.partition(":")
    if name:
        if FAMILIES[family](name):
            return ""
        if family in ("tc", "kernel"):
            return f"this {family} is older than {name}"
        return f"this kernel has no {family.replace('_', ' ')} {name}"
    return "" if FEATURES[need][0]() else FEATURES[need][1]


def _succeeds(call: Callable[[], int]) -> bool:
    """Whether a system call makes a descriptor, which is closed again."""
    try:
        OwnedFd(call()).close()
    except BpfSyscallError:
        return False
    return True


def _loads(
    *code: bytes,
    type: ProgramType = ProgramType.SCHED_CLS,
    attach_type: int = 0,
    btf: OwnedFd | None = None,
    functions: bytes = b"",
) -> bool:
    """Whether the verifier takes a program; ``functions`` are records of 8 bytes: instruction, id of a type."""
    instructions, license = ctypes.create_string_buffer(b"".join(code)), ctypes.create_string_buffer(b"GPL")
    information = ctypes.create_string_buffer(functions)
    attr = abi.ProgLoadAttr(
        prog_type=type,
        insn_cnt=len(b"".join(code)) // 8,
        insns=abi.pointer(instructions),
        license=abi.pointer(license),
        expected_attach_type=attach_type,
    )
    if btf is not None:
        attr.prog_btf_fd, attr.func_info_rec_size = btf.fd, 8
        attr.func_info, attr.func_info_cnt = abi.pointer(information), len(functions) // 8
    return _succeeds(lambda: bpf(Command.PROG_LOAD, attr))


def _loaded_types(types: BtfWriter) -> OwnedFd:
    data = types.data()
    buffer = ctypes.create_string_buffer(data, len(data))
    return OwnedFd(bpf(Command.BTF_LOAD, abi.BtfLoadAttr(btf=abi.pointer(buffer), btf_size=len(data))))


def _has_jit() -> bool:
    setting = Path("/proc/sys/net/core/bpf_jit_enable")
    return setting.exists() and setting.read_text().strip() != "0"


def _has_tcx() -> bool:
    attr = abi.ProgQueryAttr(target=_LOOPBACK, attach_type=TCX_INGRESS)
    try:
        bpf(Command.PROG_QUERY, attr)
    except BpfSyscallError as error:
        return error.errno == errno.ENOENT  # nothing is attached
    return True


def _has_attach_flags() -> bool:
    """Whether a query of a cgroup takes an array for the flags of each program, as bpftool's does."""
    cgroup, flags = os.open(mounts()[0], os.O_RDONLY), ctypes.create_string_buffer(4 * 64)
    try:
        bpf(Command.PROG_QUERY, abi.ProgQueryAttr(target=cgroup, prog_attach_flags=abi.pointer(flags)))
    except BpfSyscallError:
        return False
    finally:
        os.close(cgroup)
    return True


def _takes_contexts() -> bool:
    """Whether global functions may take the program's context, which without types of the kernel newer ones refuse."""
    types = BtfWriter()
    number, context = types.integer(), types.pointer(types.structure("__sk_buff", 0, ()))
    prototype = types.add(b.FUNC_PROTO, size=number, extra=struct.pack("<II", types.string("skb"), context), count=1)
    inner, outer = (types.add(b.FUNC, name, prototype, count=linkage) for name, linkage in (("inner", 1), ("outer", 0)))
    with _loaded_types(types) as btf:
        code = (insn(0x85, source=1, immediate=1), EXIT, mov(0, 0), EXIT)
        return _loads(*code, btf=btf, functions=struct.pack("<IIII", 0, outer, 2, inner))


def _counts_locked_memory() -> bool:
    before = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, before[1]))
    try:
        attr = abi.MapCreateAttr(map_type=MapType.ARRAY, key_size=4, value_size=4, max_entries=1)
        with OwnedFd(bpf(Command.MAP_CREATE, attr)):  # which raises the limit where the kernel counts
            return resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != 0
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, before)


def _has_prompt_memory() -> bool:
    """Whether a trie takes some elements at once: user-mode Linux refills what they come from at the next tick."""
    attr = abi.MapCreateAttr(
        map_type=MapType.LPM_TRIE, key_size=8, value_size=4, max_entries=8, map_flags=F_NO_PREALLOC
    )
    with OwnedFd(bpf(Command.MAP_CREATE, attr)) as trie:
        for number in range(8):
            key, value = (ctypes.create_string_buffer(text) for text in (struct.pack("<II", 32, number), bytes(4)))
            update = abi.MapElementAttr(map_fd=trie.fd, key=abi.pointer(key), value=abi.pointer(value))
            try:
                bpf(Command.MAP_UPDATE_ELEM, update)
            except BpfSyscallError:
                return False
    return True


@contextmanager
def _passing_program(type: ProgramType) -> Iterator[OwnedFd]:
    code, license = ctypes.create_string_buffer(mov(0, 0) + EXIT, 16), ctypes.create_string_buffer(b"GPL")
    load = abi.ProgLoadAttr(prog_type=type, insn_cnt=2, insns=abi.pointer(code), license=abi.pointer(license))
    with OwnedFd(bpf(Command.PROG_LOAD, load)) as program:
        yield program


def _test_runs(length: int = 64, context: bytes = b"", type: ProgramType = ProgramType.SCHED_CLS) -> bool:
    """Whether the kernel runs a program on a packet of so many bytes, with a context."""
    packet, struct_sk_buff = ctypes.create_string_buffer(length), ctypes.create_string_buffer(context, len(context))
    with _passing_program(type) as program:
        run = abi.TestRunAttr(
            prog_fd=program.fd,
            data_in=abi.pointer(packet),
            data_size_in=length,
            ctx_in=abi.pointer(struct_sk_buff) if context else 0,
            ctx_size_in=len(context),
            repeat=1,
        )
        try:
            bpf(Command.PROG_TEST_RUN, run)
        except BpfSyscallError:
            return False
    return True


def _times_runs() -> bool:
    """Whether the statistics of a program that ran once have its time: user-mode Linux's clock counts ticks."""
    packet, info = ctypes.create_string_buffer(64), abi.ProgInfo()
    with _passing_program(ProgramType.SCHED_CLS) as program, OwnedFd(bpf(Command.ENABLE_STATS, abi.EnableStatsAttr())):
        run = abi.TestRunAttr(prog_fd=program.fd, data_in=abi.pointer(packet), data_size_in=64, repeat=1)
        bpf(Command.PROG_TEST_RUN, run)
        get_info(program.fd, info)
    return bool(info.run_time_ns)


def _counts_verified() -> bool:
    info = abi.ProgInfo()
    with _passing_program(ProgramType.SCHED_CLS) as program:
        get_info(program.fd, info)
    return bool(info.verified_insns)


def _has_helper(name: str) -> bool:
    """Whether the verifier knows a helper; what it says about its arguments does not matter."""
    (number,) = (helper.number for helper in helpers() if helper.name == name)
    code = ctypes.create_string_buffer(insn(0x85, immediate=number) + mov(0, 0) + EXIT)
    license, log = ctypes.create_string_buffer(b"GPL"), ctypes.create_string_buffer(1 << 14)
    attr = abi.ProgLoadAttr(
        prog_type=ProgramType.SCHED_CLS,
        insn_cnt=3,
        insns=abi.pointer(code),
        license=abi.pointer(license),
        log_level=1,
        log_size=len(log),
        log_buf=abi.pointer(log),
    )
    _succeeds(lambda: bpf(Command.PROG_LOAD, attr))
    return not any(words in log.value for words in (b"invalid func", b"unknown func", b"cannot use helper"))


#: Names of types of maps: type, size of keys, size of values, entries, flags.
_MAPS = {
    "stack_trace": (7, 4, 8, 1, 0),
    "sockmap": (15, 4, 8, 1, 0),
    "ringbuf": (27, 0, 0, 4096, 0),
    "bloom_filter": (30, 0, 4, 1, 0),
    "user_ringbuf": (31, 0, 0, 4096, 0),
    "arena": (33, 0, 0, 1, 1 << 10),
    "inode_storage": (28, 4, 8, 0, 1),
    "task_storage": (29, 4, 8, 0, 1),
    "cgrp_storage": (32, 4, 8, 0, 1),
}


def _has_map(name: str) -> bool:
    kind, keys, values, entries, flags = _MAPS[name]
    attr = abi.MapCreateAttr(map_type=kind, key_size=keys, value_size=values, max_entries=entries, map_flags=flags)
    if not name.endswith("_storage"):
        return _succeeds(lambda: bpf(Command.MAP_CREATE, attr))
    types = BtfWriter()
    attr.btf_key_type_id, attr.btf_value_type_id = types.integer(), types.integer("long", 8)
    with _loaded_types(types) as btf:
        attr.btf_fd = btf.fd
        return _succeeds(lambda: bpf(Command.MAP_CREATE, attr))


def _has_kernel_function(name: str) -> bool:
    """Whether the kernel itself has a function, and tells its type; whether programs may call it is not asked."""
    if _missing("kernel_btf"):
        return False
    types = _kernel_types()
    return any(types.kind(number) == b.FUNC for number in types.named((name,)).get(name, ()))


_kernel_types = cache(kernel_btf)


@cache
def _symbols() -> Counter[str]:
    with Path("/proc/kallsyms").open() as lines:
        return Counter(line.split()[2] for line in lines)


def _has_module(name: str) -> bool:
    done = subprocess.run(["modprobe", "-n", "-q", name], check=False, env={**os.environ, "PATH": _PATH})
    return not done.returncode


def _attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def _text(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode() + b"\0")


def _traffic_control(parent: int, kind: str, info: int = 0) -> bytes:
    """struct tcmsg for the loopback device, and TCA_KIND."""
    return struct.pack("=B3xiIII", 0, _LOOPBACK, 0, parent, info) + _text(1, kind)


def _apart(call: Callable[[], Answer]) -> Answer:
    """Call a function in a network namespace of its own: that of a thread, which takes it away with itself."""

    def unshared() -> Answer:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_NEW_NETWORK):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return call()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(unshared).result()


def _tc(*lines: str) -> str:
    """Return what tc prints for some lines, as far as it gets."""
    words = ["tc", "-batch", "-"]
    return _apart(
        lambda: subprocess.run(words, input="\n".join(lines), check=False, capture_output=True, text=True).stdout
    )


def _answers(*requests: tuple[int, bytes]) -> list[int]:
    """Return the errno of each request of rtnetlink, in a network namespace of its own."""

    def ask() -> list[int]:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as opened:
            return [answer(opened, *request) for request in requests]

    def answer(opened: socket.socket, kind: int, body: bytes) -> int:
        flags = _REQUEST | _ACK | _CREATE | _EXCLUSIVE
        opened.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
        while True:
            reply = opened.recv(1 << 16)
            if struct.unpack_from("=H", reply, 4)[0] == _ERROR:
                return -int(struct.unpack_from("=i", reply, 16)[0])

    return _apart(ask)


def _has_qdisc(kind: str) -> bool:
    [error] = _answers((_NEW_QDISC, _traffic_control(_ROOT, kind)))
    return error != errno.ENOENT


def _has_filter(kind: str) -> bool:
    priority = 1 << 16 | _ALL_PROTOCOLS
    _, error = _answers(
        (_NEW_QDISC, _traffic_control(_CLSACT, "clsact")), (_NEW_FILTER, _traffic_control(_INGRESS, kind, priority))
    )
    return error != errno.ENOENT


def _has_action(kind: str) -> bool:
    [error] = _answers((_NEW_ACTION, bytes(4) + _attribute(1, _attribute(1, _text(1, kind)))))
    return error != errno.ENOENT


def _takes_action(kind: str, *options: tuple[int, bytes]) -> bool:
    """Whether an action of that kind can be made with these attributes."""
    body = _attribute(1, _text(1, kind) + _attribute(2, b"".join(_attribute(*option) for option in options)))
    return _answers((_NEW_ACTION, bytes(4) + _attribute(1, body))) == [0]


def _pushes_mpls_before_ethernet() -> bool:
    parameters = struct.pack("=IIiiii", 0, 0, 3, 0, 0, 5)  # struct tc_mpls: pipe, TCA_MPLS_ACT_MAC_PUSH
    return _takes_action("mpls", (2, parameters), (5, struct.pack("=I", 20)))


def _commits(*options: tuple[int, bytes]) -> bool:
    """Whether connections can be committed with these attributes."""
    parameters = struct.pack("=IIiii", 0, 0, 3, 0, 0)  # struct tc_ct: pipe
    return _takes_action("ct", (1, parameters), (3, struct.pack("=H", 1)), *options)  # TCA_CT_ACT_COMMIT


def _mirrors_to_blocks() -> bool:
    """Whether a mirred action goes to a block of devices: kernels without TCA_MIRRED_BLOCKID want a device."""
    parameters = struct.pack("=IIiiiiI", 0, 0, 3, 0, 0, 2, 0)  # struct tc_mirred: pipe, TCA_EGRESS_MIRROR
    options = _attribute(2, parameters) + _attribute(4, struct.pack("=I", 22))
    [error] = _answers(
        (_NEW_ACTION, bytes(4) + _attribute(1, _attribute(1, _text(1, "mirred") + _attribute(2, options))))
    )
    return not error


def _has_device(kind: str) -> bool:
    [error] = _answers((_NEW_LINK, bytes(16) + _attribute(18, _text(1, kind))))
    return error != errno.EOPNOTSUPP


def _tc_takes(*words: str) -> bool:
    return not _apart(lambda: subprocess.run(["tc", *words], check=False, capture_output=True).returncode)


def _polices_packets() -> bool:
    return "pkts_rate" in _tc("actions add action police pkts_rate 20 pkts_burst 3", "actions ls action police")


#: Needs without an argument: how to find out, and what a test that is skipped says.
FEATURES: dict[str, tuple[Callable[[], bool], str]] = {
    "guest": (lambda: bool(os.environ.get("PYTC_IN_VM")), "is for kernels of guests: it needs one to itself"),
    "host": (
        lambda: not os.environ.get("PYTC_IN_VM"),
        "is for this machine's kernel: it takes too much time or memory in a guest",
    ),
    "jit": (_has_jit, "this kernel compiles no programs (CONFIG_BPF_JIT): no kernel functions, no callbacks"),
    "kernel_btf": (Path("/sys/kernel/btf/vmlinux").exists, "this kernel does not publish its types"),
    "configuration": (lambda: bool(configuration()), "this kernel does not tell its configuration"),
    "cgroup2": (lambda: bool(mounts()), "no cgroup2 is mounted"),
    "attach_flags": (_has_attach_flags, "this kernel does not tell the flags of each program of a cgroup (Linux 6.0)"),
    "cgroup_unix": (
        lambda: _loads(
            mov(0, 1),
            EXIT,
            type=ProgramType.CGROUP_SOCK_ADDR,
            attach_type=attach_type_number("cgroup_unix_connect"),
        ),
        "this kernel's cgroups have no programs for Unix sockets (Linux 6.7)",
    ),
    "tcx": (_has_tcx, "this kernel has no tcx (Linux 6.6)"),
    "context_arguments": (
        _takes_contexts,
        "this kernel's global functions take no context without types of the kernel",
    ),
    "signed_moves": (lambda: _loads(mov(0, 0), insn(0xBF, offset=8), EXIT), "no -mcpu=v4 here (Linux 6.6)"),
    "tracefs": (lambda: "tracefs" in Path("/proc/filesystems").read_text().split(), "this kernel has no tracefs"),
    "locked_memory": (_counts_locked_memory, "this kernel does not count maps as locked memory (since Linux 5.11)"),
    "prompt_memory": (_has_prompt_memory, "this kernel runs out of memory for a moment when elements are added"),
    "terse_actions": (
        lambda: _tc_takes("-br", "actions", "ls", "action", "gact"),
        "this kernel lists no actions in brief (Linux 5.11)",
    ),
    "skbmod_ecn": (
        lambda: _tc_takes("actions", "add", "action", "skbmod", "ecn"),
        "this kernel's skbmod marks no packets as congested (Linux 5.14)",
    ),
    "mpls_mac_push": (_pushes_mpls_before_ethernet, "mpls pushes no header before Ethernet's here (Linux 5.11)"),
    "ct_zones": (
        lambda: _commits((4, struct.pack("=H", 1))),
        "this kernel's connections have no zones (CONFIG_NF_CONNTRACK_ZONES)",
    ),
    "ct_mark": (
        lambda: _commits((5, struct.pack("=I", 1)), (6, b"\xff" * 4)),
        "this kernel's connections have no marks (CONFIG_NF_CONNTRACK_MARK)",
    ),
    "ct_labels": (
        lambda: _commits((7, bytes(15) + b"\1"), (8, b"\xff" * 16)),
        "this kernel's connections have no labels (CONFIG_NF_CONNTRACK_LABELS)",
    ),
    "ct_helper": (
        lambda: _commits((16, b"ftp\0"), (17, b"\2"), (18, b"\6")),
        "this kernel has no helper for FTP connections (CONFIG_NF_CONNTRACK_FTP)",
    ),
    "old_tc": (lambda: bool(old_tc()), "this machine's tc has dropped that kind (6.3)"),
    "action_hardware": (
        lambda: _tc_takes("actions", "add", "action", "gact", "ok", "skip_hw"),
        "this kernel's actions are not told about hardware (Linux 5.17)",
    ),
    "xdp_context": (
        lambda: _test_runs(context=struct.pack("=6I", 0, 64, 0, 0, 0, 0), type=ProgramType.XDP),
        "this kernel's test runs give XDP no metadata (Linux 5.15)",
    ),
    "test_hwtstamp": (  # at byte 184: what a kernel does not know must be 0
        lambda: _test_runs(context=bytes(184) + b"\1" + bytes(7)),
        "this kernel's struct __sk_buff has no hwtstamp (Linux 5.16)",
    ),
    "test_ingress_ifindex": (
        lambda: _test_runs(context=bytes(36) + struct.pack("=I", _LOOPBACK)),
        "this kernel's test runs take no ingress_ifindex (Linux 5.16)",
    ),
    "long_test_packets": (lambda: _test_runs(9000), "this kernel's test runs take packets of a page of memory"),
    "run_times": (_times_runs, "this kernel's clock is too coarse for the time of a program"),
    "verified_insns": (_counts_verified, "this kernel does not tell what it verified (Linux 5.16)"),
    "mirred_blocks": (_mirrors_to_blocks, "this kernel mirrors to devices alone, and to no blocks (Linux 6.8)"),
    "police_packets": (_polices_packets, "this kernel polices bytes alone, and no packets (Linux 5.12)"),
    "perf_events": (
        lambda: _succeeds(
            lambda: perf_event_open(abi.PerfEventAttr(type=1, size=ctypes.sizeof(abi.PerfEventAttr), config=10), 0)
        ),
        "this kernel has no perf events",
    ),
}


#: Needs with an argument.
def _version(text: str) -> tuple[int, ...]:
    """Return the numbers of the first version in a text."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(map(int, found[0].split("."))) if found else ()


def _tc_version() -> tuple[int, ...]:
    """Return the version of the tc that pytc is compared with, () for none."""
    try:
        command = ["tc", "-V"]
        return _version(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    except OSError:
        return ()


FAMILIES: dict[str, Callable[[str], bool]] = {
    "kernel": lambda name: _version(os.uname().release) >= _version(name),
    "tc": lambda name: _tc_version() >= _version(name),
    "helper": _has_helper,
    "kfunc": _has_kernel_function,
    "module": _has_module,
    "program": lambda name: _loads(mov(0, 0), EXIT, type=ProgramType[name.upper()]),
    "symbol": lambda name: _symbols()[name] > 0,
    "several_symbols": lambda name: _symbols()[name] > 1,
    "map": _has_map,
    "qdisc": _has_qdisc,
    "filter": _has_filter,
    "action": _has_action,
    "device": _has_device,
}
