"""Names of addresses in the kernel, from /proc/kallsyms."""

_LIMIT = 1 << 27


class KernelSymbols:
    """Reads the file when it is first asked; where it cannot be read, or hides addresses, nothing has a name."""

    def __init__(self) -> None:
        self._text: bytes | None = None
        self._known: dict[int, str] = {}

    def _all(self) -> bytes:
        if self._text is None:
            try:
                with open("/proc/kallsyms", "rb") as file:
                    self._text = b"\n" + file.read(_LIMIT)
            except OSError:
                self._text = b"\n"
        return self._text

    def name(self, address: int) -> str:
        """The symbol at just that address; empty for none."""
        if address not in self._known:
            text = self._all()
            at = text.find(b"\n%016x " % address) if address > 0 else -1
            line = text[at + 1 : text.find(b"\n", at + 1)].split() if at >= 0 else []
            self._known[address] = line[2].decode("utf-8", "replace") if len(line) > 2 else ""
        return self._known[address]

    def address(self, name: str) -> int:
        """The address of the first function of that name; 0 for none."""
        text = self._all()
        at = max(text.find(b" %c %s\n" % (kind, name.encode())) for kind in b"Tt")
        return int(text[text.rfind(b"\n", 0, at) + 1 : at].split()[0], 16) if at >= 0 else 0
