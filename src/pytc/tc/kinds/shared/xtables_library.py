"""Targets and matches of iptables, by libxtables and its plugins where they are, in a process of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pytc.cpython import lru_cache
from pytc.errors import InvalidOptionsError

_PROGRAM = Path(__file__).with_name("xtables_program.py")
_SECONDS = 10
_MOST_WORDS, _LONGEST_NAME = 64, 28
#: How the program says that it has no library.
_NO_LIBRARY = "no libxtables: "
_INSTALL = "these come with iptables: libxtables and its plugins (like libxt_MARK.so) have to be installed"
#: NFPROTO_IPV4 and NFPROTO_IPV6.
IPV4, IPV6 = 2, 10


@lru_cache(maxsize=64)  # suggestions parse a line many times
def encode_target(name: str, words: tuple[str, ...]) -> tuple[int, bytes]:
    """Return how many of the words are options of a target, and struct xt_entry_target.

    Raises InvalidOptionsError with the library's own words, or where it is not installed.
    """
    return _encode("target", IPV4, name, words, "tc-ipt v0.2: ")


@lru_cache(maxsize=64)
def encode_match(family: int, name: str, words: tuple[str, ...]) -> tuple[int, bytes]:
    """Return how many of the words are options of a match, and struct xt_entry_match; ``family`` is NFPROTO_*.

    Raises InvalidOptionsError as :func:`encode_target` does.
    """
    return _encode("match", family, name, words, "ipt: ")


def _encode(what: str, family: int, name: str, words: tuple[str, ...], before: str) -> tuple[int, bytes]:
    missing = f"{' ' if what == 'target' else before}failed to find {what} {name}"
    if not _is_name(name):
        raise InvalidOptionsError(missing, hints=(_INSTALL,))
    done = _ask(what, str(family), name, *words[:_MOST_WORDS])
    if done.returncode == 0:
        used, raw = done.stdout.split()
        return int(used), bytes.fromhex(raw)
    message = " ".join(done.stderr.split())
    if "failed to find it" in message:
        raise InvalidOptionsError(missing, hints=(_INSTALL,))
    if message.startswith(_NO_LIBRARY):
        raise InvalidOptionsError(missing, hints=(_INSTALL, message))
    raise InvalidOptionsError(f"{before}{message.removeprefix('tc-ipt: ') or 'the plugin has failed'}")


@lru_cache(maxsize=256)
def target_text(raw: bytes) -> str:
    """Return what a target says of its options, empty where it is not installed, or in another revision."""
    done = _ask("print", raw.hex())
    return done.stdout if done.returncode == 0 else ""


def _is_name(name: str) -> bool:
    """Report whether a name is a plugin's, and no path."""
    return 0 < len(name) <= _LONGEST_NAME and name.isascii() and name.replace("_", "").replace("-", "").isalnum()


def _ask(*words: str) -> subprocess.CompletedProcess[str]:
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
