"""Compile tcpdump expressions with libpcap, by way of ctypes.

The library need not be installed; without it, :func:`compile_expression` says what to install.
"""

from __future__ import annotations

import ctypes
import errno
import re
import struct

from pytc.bpf.insn.classic import MAX_INSTRUCTIONS, unpack
from pytc.bpf.insn.classic_check import check
from pytc.bpf.insn.classic_opcodes import RET, K
from pytc.contexts import contextmanager, suppress
from pytc.errors import BytecodeError, ExpressionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.insn.classic import ClassicInstruction

#: By soname: Debian's and its descendants', then everybody else's.
LIBRARIES = ("libpcap.so.0.8", "libpcap.so.1", "libpcap.so")
#: The return value for a match: to tc, it means the class that the filter names.
WHOLE_PACKET = 0xFFFFFFFF
ETHERNET = "EN10MB"
_SNAPLEN = 262144  # libpcap's largest
_UNKNOWN_NETMASK = 0xFFFFFFFF
_LOOPBACK = "lo"
_NOT_UP = -9  # PCAP_ERROR_IFACE_NOT_UP
_ERROR_SIZE = 256
_BUFFER_SIZE = 1 << 16
_LONGEST = 1 << 16
#: ``struct bpf_program``: the number of instructions, and where they are.
_PROGRAM = struct.Struct("@IP")
_INSTRUCTION_SIZE = 8
#: Words for which libpcap has to know that the kernel keeps VLAN tags beside the packet's bytes.
_OF_DEVICES = re.compile(r"\bvlan\b")


def compile_expression(
    expression: str, link_type: str = ETHERNET, *, device: str = "", snaplen: int = WHOLE_PACKET
) -> tuple[ClassicInstruction, ...]:
    """Return the program of a tcpdump expression (pcap-filter(7)); an empty one matches all packets.

    ``link_type`` is libpcap's name of what packets begin with, without ``DLT_``. With a ``device``, whose packets are
    of that type, ``vlan`` also finds tags that the kernel has taken out of the packet, as it does on ingress; that
    needs CAP_NET_RAW. A match returns ``snaplen``: tc wants 0xffffffff, ``tcpdump -ddd`` prints 262144.

    Raises ExpressionError with libpcap's sentence, and where there is no libpcap.
    """
    library = _library()
    text = _text(expression)
    on_device = device if _OF_DEVICES.search(expression) else ""
    with _handle(library, link_type, on_device) as handle:
        program = _compile(library, handle, text)
    try:
        check(program)
    except BytecodeError as error:
        raise ExpressionError(
            f"libpcap compiles this to a program that no kernel accepts: {error}",
            hints=_refusal_hints(expression, len(program)),
        ) from error
    return tuple(
        instruction._replace(k=snaplen) if instruction.code == RET | K and instruction.k else instruction
        for instruction in program
    )


def _refusal_hints(expression: str, length: int) -> tuple[str, ...]:
    """Return what to write in place of an expression that compiles to a program that no kernel accepts."""
    if length > MAX_INSTRUCTIONS:
        return ("several filters, each with a part of the expression, do the same; so does an object with a map",)
    if "protochain" in expression:
        return ("ip protochain and ip6 protochain compile to loops; the kernel allows only forward jumps",)
    return ()


def version() -> str:
    """Return libpcap's description of itself; raises ExpressionError where it is not installed."""
    library = _library()
    library.pcap_lib_version.restype = ctypes.c_char_p
    return str(library.pcap_lib_version().decode("utf-8", "replace"))


def _library() -> ctypes.CDLL:
    for name in LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        _declare(library)
        return library
    raise ExpressionError(
        "tcpdump expressions need libpcap, which is not installed",
        hints=(
            "Debian, Ubuntu: apt install libpcap0.8 (libpcap0.8t64 in newer ones); "
            "Fedora, openSUSE: libpcap, libpcap1; Alpine, Arch: libpcap",
        ),
    )


def _declare(library: ctypes.CDLL) -> None:
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    library.pcap_open_dead.restype = library.pcap_create.restype = pointer
    library.pcap_open_dead.argtypes = [number, number]
    library.pcap_create.argtypes = [text, pointer]
    library.pcap_compile.argtypes = [pointer, pointer, text, number, ctypes.c_uint32]
    library.pcap_geterr.restype = library.pcap_statustostr.restype = text
    library.pcap_geterr.argtypes = [pointer]
    library.pcap_statustostr.argtypes = [number]
    library.pcap_freecode.argtypes = [pointer]
    library.pcap_close.argtypes = [pointer]
    library.pcap_activate.argtypes = [pointer]
    library.pcap_datalink_name_to_val.argtypes = [text]
    library.pcap_set_snaplen.argtypes = library.pcap_set_buffer_size.argtypes = [pointer, number]
    library.pcap_close.restype = library.pcap_freecode.restype = None


def _text(expression: str) -> bytes:
    if "\0" in expression or len(expression) > _LONGEST:
        raise ExpressionError(f"an expression has at most {_LONGEST} characters and no NUL")
    return expression.encode("utf-8", "surrogateescape")


@contextmanager
def _handle(library: ctypes.CDLL, link_type: str, device: str) -> Iterator[int]:
    handle = _on_a_device(library, link_type, device) if device else _dead(library, link_type)
    try:
        yield handle
    finally:
        library.pcap_close(handle)


def _dead(library: ctypes.CDLL, link_type: str) -> int:
    number = library.pcap_datalink_name_to_val(link_type.encode("utf-8", "surrogateescape"))
    if number < 0:
        raise ExpressionError(f'libpcap does not know link type "{link_type}"')
    handle: int | None = library.pcap_open_dead(number, _SNAPLEN)
    if not handle:
        raise ExpressionError("libpcap is out of memory")
    return handle


def _on_a_device(library: ctypes.CDLL, link_type: str, device: str) -> int:
    """Open a handle on a device, for which alone libpcap compiles tests of tags beside the packet; capture nothing.

    A device that is down cannot be opened; for Ethernet, the loopback device does as well. Raises ExpressionError.
    """
    try:
        return _live(library, device)
    except ExpressionError as error:
        if error.errno != errno.ENETDOWN:
            raise
        if link_type == ETHERNET:
            with suppress(ExpressionError):
                return _live(library, _LOOPBACK)
        raise error.with_hints(f'set it up first: "ip link set {device} up" (or {_LOOPBACK})') from None


def _live(library: ctypes.CDLL, device: str) -> int:
    sentence = ctypes.create_string_buffer(_ERROR_SIZE)
    handle: int | None = library.pcap_create(device.encode("utf-8", "surrogateescape"), sentence)
    if not handle:
        raise ExpressionError(f'cannot open "{device}": {_sentence(sentence.value)}')
    library.pcap_set_snaplen(handle, _SNAPLEN)
    library.pcap_set_buffer_size(handle, _BUFFER_SIZE)
    status = library.pcap_activate(handle)
    if status < 0:
        why = _sentence(library.pcap_geterr(handle)) or _sentence(library.pcap_statustostr(status))
        library.pcap_close(handle)
        raise ExpressionError(
            f'"vlan" needs to open "{device}", which failed: {why}',
            errno=errno.ENETDOWN if status == _NOT_UP else None,
        )
    return handle


def _compile(library: ctypes.CDLL, handle: int, text: bytes) -> tuple[ClassicInstruction, ...]:
    program = ctypes.create_string_buffer(_PROGRAM.size)
    if library.pcap_compile(handle, program, text, 1, _UNKNOWN_NETMASK) != 0:
        raise ExpressionError(f"libpcap: {_sentence(library.pcap_geterr(handle))}")
    try:
        count, address = _PROGRAM.unpack(program.raw)
        return unpack(ctypes.string_at(address, count * _INSTRUCTION_SIZE))
    finally:
        library.pcap_freecode(program)


def _sentence(text: bytes | None) -> str:
    return (text or b"").decode("utf-8", "replace").strip()
