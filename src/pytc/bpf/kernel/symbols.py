"""Read the kernel's symbols from /proc/kallsyms (kernel/kallsyms.c): ``ADDRESS TYPE NAME [MODULE]``."""

from __future__ import annotations

import os

from pytc.errors import BpfError, ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PATH = "/proc/kallsyms"
_LIMIT = 1 << 27
_SYSCALL_PREFIXES = {"x86_64": "x64", "i686": "ia32", "aarch64": "arm64", "riscv64": "riscv"}
_KPROBES = (
    "/sys/bus/event_source/devices/kprobe/type",
    "/sys/kernel/tracing/kprobe_events",
    "/sys/kernel/debug/tracing/kprobe_events",
)


def _read() -> bytes:
    """Return the text with a newline before it, so that each line begins behind one; raises OSError."""
    with open(_PATH, "rb") as file:
        return b"\n" + file.read(_LIMIT)


def _addresses(text: bytes, name: str) -> Iterator[int]:
    """Yield the address of each symbol with a name, those of modules included."""
    word = b" " + name.encode()
    end = text.find(word)  # and not line by line: there are 200,000
    while end >= 0:
        if text[end + len(word) : end + len(word) + 1] in (b"\n", b"\t"):
            yield int(text[text.rfind(b"\n", 0, end) + 1 : end].split()[0], 16)
        end = text.find(word, end + 1)


class KernelSymbols:
    """Names and addresses of the kernel's symbols, read once, at the first question; empty where that fails."""

    def __init__(self) -> None:
        self._text: bytes | None = None
        self._known: dict[int, str] = {}

    def _all(self) -> bytes:
        if self._text is None:
            try:
                self._text = _read()
            except OSError:
                self._text = b"\n"
        return self._text

    def name(self, address: int) -> str:
        """Return the symbol at exactly that address; empty for none."""
        if address not in self._known:
            text = self._all()
            start = text.find(b"\n%016x " % address) if address > 0 else -1
            line = text[start + 1 : text.find(b"\n", start + 1)].split() if start >= 0 else []
            self._known[address] = line[2].decode("utf-8", "replace") if len(line) > 2 else ""
        return self._known[address]

    def address(self, name: str) -> int:
        """Return the address of the first symbol with a name; 0 for none."""
        return next(_addresses(self._all(), name), 0)


def symbol_addresses(names: set[str]) -> dict[str, int]:
    """Return the addresses of those names that the kernel has.

    Raises BpfError where addresses are hidden, ObjectError for a name that several symbols have.
    """
    try:
        text = _read()
    except OSError as error:
        raise BpfError(f"cannot read /proc/kallsyms: {error.strerror}", errno=error.errno) from error
    addresses: dict[str, int] = {}
    for name in names:
        for address in _addresses(text, name):
            if addresses.setdefault(name, address) != address:
                raise ObjectError(
                    f'this kernel has several symbols "{name}" in /proc/kallsyms, '
                    "so that it is not clear which one is meant"
                )
    if addresses and not any(addresses.values()):
        raise BpfError("/proc/kallsyms hides addresses from this process (kernel.kptr_restrict)")
    return addresses


def has_syscall_wrapper() -> bool:
    """Return whether system calls have functions with the architecture's prefix (CONFIG_ARCH_HAS_SYSCALL_WRAPPER).

    False without kprobes: libbpf attaches one to find out, and its answer decides the value of an extern.
    """
    if not any(os.path.exists(path) for path in _KPROBES):
        return False
    machine = os.uname().machine
    try:
        return any(True for _ in _addresses(_read(), f"__{_SYSCALL_PREFIXES.get(machine, machine)}_sys_bpf"))
    except OSError:
        return False
