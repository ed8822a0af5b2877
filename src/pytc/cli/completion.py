"""Answers a shell that completes a line of pytc; the scripts that ask are in :mod:`pytc.commands.completion`."""

from __future__ import annotations

import os
from itertools import islice

from pytc.cli import streams
from pytc.cli.candidates import (
    CAPTURE,
    DEVICE,
    DIRECTORY,
    FILE,
    MAP,
    NAMESPACE,
    OBJECT_FILE,
    PIN,
    PROGRAM,
    PROTOCOL,
    SECTION,
    TYPE,
    VARIABLE,
    find_candidates,
)
from pytc.cli.live_values import is_live, live_values
from pytc.commands.completion import SHELLS
from pytc.errors import PytcError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytc.cli.candidates import Candidates

_NAMESPACES = "/run/netns"
#: A bpffs may hold any number of pins.
_MOST = 2000
#: Endings of files by what is expected; where there are none, all files are offered.
_ENDINGS = {OBJECT_FILE: (".o",), CAPTURE: (".pcap", ".pcapng", ".cap")}
_VARIABLES = (".data", ".rodata", ".bss")
_UNUSABLE = 1


def answer(shell: str, words: Sequence[str]) -> int:
    """Print what the shell asked for, and return the exit status.

    Of bash, ``words`` are its line up to the cursor and the part of it that will be replaced; of others, the words
    before the cursor and the beginning of the next.
    """
    if shell not in SHELLS or (shell == "bash" and len(words) != 2) or not words:
        return _UNUSABLE
    try:
        parts = _for_bash(*words) if shell == "bash" else _for_others(words, shell)
    except (PytcError, OSError, ValueError):
        return _UNUSABLE
    streams.write_bytes(os.fsencode("".join(f"{part}\0" for part in parts)))
    streams.write("", flush=True)
    return 0


class Completion(NamedTuple):
    """Directives for the shell (``files``, ``directories``, ``nospace``), and the words that fit."""

    directives: str
    words: list[str]


def complete(words: Sequence[str], prefix: str) -> Completion:
    """Return what may come after some words and starts with ``prefix``."""
    expected = find_candidates(words, prefix)
    values = _values(expected, prefix)
    names = [name for name in dict.fromkeys((*values, *expected.words)) if name and name.startswith(prefix)]
    wants_files = expected.value in (FILE, PIN) or (expected.value in _ENDINGS and not values)
    directives = ["files"] if wants_files else ["directories"] if expected.value == DIRECTORY else []
    if names and all(name.endswith(("=", "/")) for name in names):
        directives.append("nospace")
    return Completion(" ".join(directives), names)


def _values(expected: Candidates, prefix: str) -> list[str]:
    """Return the values that may come next; none where they cannot be asked."""
    try:
        if is_live(expected.value):
            if expected.netns:
                from pytc.netlink.namespaces import enter_namespace

                enter_namespace(expected.netns)
            return [*islice(live_values(expected.value, expected.line, prefix), _MOST)]
        return [*_VALUES[expected.value](expected, prefix)] if expected.value in _VALUES else []
    except (PytcError, OSError, ValueError):
        return []


def _for_bash(line: str, replaced: str) -> list[str]:
    from pytc.cli.shell_words import quote_word, split

    words, last = split(line)
    directives, names = complete(words[1:], last.text)
    if last.quote:
        unreplaced = last.before
    else:  # bash splits a word at : and =, and replaces only the last part
        written = line[last.start :]
        unreplaced = split(written.removesuffix(replaced))[1].text if written.endswith(replaced) else ""
    insertions = (quote_word(name[len(unreplaced) :], last.quote) for name in names)
    return [directives, *(insertion for insertion in insertions if insertion is not None)]


def _for_others(words: Sequence[str], shell: str) -> list[str]:
    from pytc.cli.shell_words import split

    prefix = words[-1]
    if shell == "zsh":
        directives, names = complete(words[:-1], prefix)
        return [directives, *names]
    directives, names = complete(words[:-1], split(prefix)[1].text)
    return [
        directives,
        *(name for name in names if "\t" not in name),
    ]  # fish reads a description after a tab


def _devices(expected: Candidates, prefix: str) -> Iterator[str]:
    from pytc.cpython import if_nameindex

    if expected.netns:
        from pytc.netlink.namespaces import enter_namespace

        enter_namespace(expected.netns)
    yield from (name for _, name in if_nameindex())


def _namespaces(expected: Candidates, prefix: str) -> list[str]:
    return sorted(os.listdir(_NAMESPACES)) if os.path.isdir(_NAMESPACES) else []


def _files(expected: Candidates, prefix: str) -> list[str]:
    """Return the files of the expected sort that begin so, and directories; nothing without such a file."""
    directory, start = os.path.split(prefix)
    files, directories = [], []
    with os.scandir(directory or ".") as entries:
        for entry in entries:
            if entry.name.startswith(start) and (start or entry.name[0] != "."):
                if entry.is_dir():
                    directories.append(f"{entry.name}/")
                elif entry.name.endswith(_ENDINGS[expected.value]):
                    files.append(entry.name)
    names = sorted((*files, *directories)) if files else []
    return [os.path.join(directory, name) for name in names[:_MOST]]


def _protocols(expected: Candidates, prefix: str) -> list[str]:
    from pytc.protocols import names

    return names()


def _types(expected: Candidates, prefix: str) -> list[str]:
    from pytc.bpf.sys.constants import ProgramType

    return [type.name.lower() for type in ProgramType if type]


def _object_words(expected: Candidates, prefix: str) -> list[str]:

    from pytc.bpf.object.reader import read_object
    from pytc.bpf.object.spec import DATA

    spec = read_object(expected.file)
    if expected.value == MAP:
        return sorted(name for name, declared in spec.maps.items() if declared.origin != DATA)
    if expected.value == VARIABLE:
        return sorted(f"{name}=" for section, name in spec.variable_offsets if section.startswith(_VARIABLES))
    return [program.section if expected.value == SECTION else program.name for program in spec.programs]


def _pins(expected: Candidates, prefix: str) -> list[str]:
    """Return pins by their paths, those in tc's directory as m:NAME; no bpffs is mounted for it."""
    from pytc.bpf.maps.pinning import find_mount

    mount = find_mount(os.environ.get("TC_BPF_MNT", ""))
    if not mount:
        return []
    tc_directory, paths = os.path.join(mount, "tc", ""), []
    for directory, _, files in os.walk(mount):
        paths += [os.path.join(directory, name) for name in sorted(files)]
        if len(paths) > _MOST:
            break
    short = [f"m:{path.removeprefix(tc_directory)}" for path in paths if path.startswith(tc_directory)]
    return [*short, *(path for path in paths if prefix.startswith("/") or not path.startswith(tc_directory))]


_VALUES: Mapping[str, Callable[[Candidates, str], Sequence[str] | Iterator[str]]] = {
    DEVICE: _devices,
    NAMESPACE: _namespaces,
    OBJECT_FILE: _files,
    CAPTURE: _files,
    PROTOCOL: _protocols,
    TYPE: _types,
    PIN: _pins,
    SECTION: _object_words,
    PROGRAM: _object_words,
    MAP: _object_words,
    VARIABLE: _object_words,
}
