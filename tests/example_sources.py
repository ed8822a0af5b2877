"""What the header comments of the examples say: sections of commands, as they can be run."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from pathlib import Path

from pytc.bpf.constants import Command
from pytc.bpf.info import describe_map, ids, map_by_id
from pytc.errors import BpfSyscallError
from tests.waiting import until

_COMMANDS = ("pytc", "tc", "bpftool", "clang", "cc", "make")


def sections(source: Path) -> dict[str, list[str]]:
    """``{"Attach": [COMMAND, ...]}`` of the first comment of a source, continuation lines joined; the rest is prose."""
    header = source.read_text().partition("*/")[0]
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in re.sub(r" \\\n \*\s+", " ", header).splitlines():
        title, text = re.fullmatch(r" \* ?(?:(\w+):\s+)?(.*)|.*", line).groups()  # type: ignore[union-attr]
        if title:
            current = found.setdefault(title, [])
        if current is not None and text and text.split()[:1] and text.split()[0] in _COMMANDS:
            current.append(text.strip())
    return {title: commands for title, commands in found.items() if commands}


def words(command: str) -> list[str]:
    """A command's words without its own name."""
    return shlex.split(command)[1:]


def only_one(name: str) -> None:
    """Waits for the maps of an earlier test to be gone: a namespace goes slowly."""

    def one() -> bool:
        found = 0
        for number in ids(Command.MAP_GET_NEXT_ID):
            with suppress(BpfSyscallError), map_by_id(number) as descriptor:
                found += describe_map(descriptor.fd).name == name
        return found == 1

    until(one, f"a single map {name}")
