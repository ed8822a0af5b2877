"""Targets of iptables, by libxtables and its plugins where they are installed, in a process of their own."""

import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from pytc.errors import InvalidOptionsError

_PROGRAM = Path(__file__).with_name("xtables_program.py")
_SECONDS = 10
_MOST_WORDS, _LONGEST_NAME = 64, 28
#: How the program says that it has no library.
_NO_LIBRARY = "no libxtables: "
_INSTALL = "targets come with iptables: libxtables and its plugins (libxt_MARK.so) have to be installed"


@lru_cache(maxsize=64)  # suggestions parse a line many times
def encode_target(name: str, words: tuple[str, ...]) -> tuple[int, bytes]:
    """Return how many of the words are options of a target, and struct xt_entry_target.

    Raises InvalidOptionsError with the library's own words, or where it is not installed.
    """
    if not _is_name(name):
        raise InvalidOptionsError(f" failed to find target {name}", hints=(_INSTALL,))
    done = _ask("encode", name, *words[:_MOST_WORDS])
    if done.returncode == 0:
        used, raw = done.stdout.split()
        return int(used), bytes.fromhex(raw)
    said = " ".join(done.stderr.split())
    if "failed to find target" in said:
        raise InvalidOptionsError(f" failed to find target {name}", hints=(_INSTALL,))
    if said.startswith(_NO_LIBRARY):
        raise InvalidOptionsError(f" failed to find target {name}", hints=(_INSTALL, said))
    raise InvalidOptionsError(f"tc-ipt v0.2: {said.removeprefix('tc-ipt: ') or 'the plugin has failed'}")


@lru_cache(maxsize=256)
def target_text(raw: bytes) -> str:
    """Return what a target says of its options, empty where it is not installed, or in another revision."""
    done = _ask("print", raw.hex())
    return done.stdout if done.returncode == 0 else ""


def _is_name(name: str) -> bool:
    """Report whether a name is a plugin's, and no path."""
    return 0 < len(name) <= _LONGEST_NAME and name.isascii() and name.replace("_", "").replace("-", "").isalnum()


def _ask(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", str(_PROGRAM)]
    try:
        return subprocess.run(
            command,
            input="\0".join(words),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return subprocess.CompletedProcess(command, 1, "", f"{_NO_LIBRARY}{error}")
