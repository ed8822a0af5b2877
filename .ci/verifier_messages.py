"""Holds the table of the verifier's messages to the kernel's sources: each message matches exactly one row.

usage: .ci/verifier_messages.py [VERSION...]    one of 5.10, 6.12 and 7.2; without any, all of them

Sources come from Debian's packages (.ci/archive.py); nothing of them is kept in this tree. Messages are the formats
that kernel/bpf/*.c and net/ give to the functions that write the verifier's log. What only tells the verifier's
course, and parts of lines, match no row.

Exit status: 0 when each message has one row; 1 when not, with the messages; 77 where no source is to be had.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import archive
from kernel_sources import SUITES, unpacked

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
from pytc.bpf.verifier.log import SENTENCE, kind
from pytc.bpf.verifier.messages import rows

FILES = ("kernel/bpf/*.c", "net/core/*.c", "net/sched/*.c", "net/netfilter/*.c")
#: Files that print instructions, states and the course of the analysis, and one about maps alone.
LEFT_OUT = ("disasm.c", "log.c", "liveness.c", "offload.c", "syscall.c")
_CALL = re.compile(r"\b(?:verbose|bpf_log|verifier_bug(?:_if)?|(?:__)?btf_verifier_log(?:_\w+)?)\s*\(")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_RUN = re.compile(r'"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*')
_CONVERSION = re.compile(r"%(?:%|#?[-+0]?\d*(?:ll|l|h|z)?[duxsc]|\*c)")
#: Parts of lines: of states, of descriptions of types, and what follows or precedes the rest of a sentence.
_PART = re.compile(
    r"\s|[(,=;+?|\])]|%[a-z0-9+]+$|%d: |[_rwDP]$|%s(?::|=|, | and |\\n|$)|%u %s|%d\+|\[%[du]\] ?%s"
    r"|(?:has|expected=)|(?:vararg|void|type(?:_id)?=|size=|return=|regs=|stack=)"
    r"|(?:magic|version|flags|hdr_len|\w+_(?:off|len)|btf_total_size): "
    r"|%s (?:is %s $|the register %s has)|arg#%d is %s $|(?:R%d|%s) type=%s $"
    r"|\\t|verification time|processed %d|stack depth|max %d|insns processed|%s:branches_to_explore"
    r"|\\n(?:from|module)|vmlinux_cand_cache|CO-RE relocating"
    r"|marking pointer arg"
)


class Message(NamedTuple):
    """A format of the kernel, an example of what it prints, and where it stands."""

    place: str
    format: str
    example: str


def messages(version: str) -> Iterator[Message]:
    """Yield the messages of a version's sources; raises archive.Unavailable."""
    root = unpacked(version)
    seen = set()
    for path in (path for pattern in FILES for path in sorted(root.glob(pattern))):
        if path.name in LEFT_OUT:
            continue
        source = path.read_text(errors="replace")
        for match in _CALL.finditer(source):
            arguments = _arguments(source, match.end())
            text = next((one for one in arguments if one.startswith('"')), "")
            run = _RUN.match(text)
            if run is None:
                continue
            format = "".join(_TEXT.findall(run[0]))
            values = arguments[arguments.index(text) + 1 :]
            if format not in seen and not _PART.match(format):
                seen.add(format)
                line = source.count("\n", 0, match.start()) + 1
                yield Message(f"{path.relative_to(root)}:{line}", format, _example(format, values))


def _arguments(source: str, start: int) -> list[str]:
    """Return the arguments of a call that begin at an offset."""
    arguments, depth, in_text, position, begin = [], 1, False, start, start
    while depth and position < len(source):
        character = source[position]
        if in_text:
            position += character == "\\"
            in_text = character != '"'
        elif character == '"':
            in_text = True
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and depth == 1:
            arguments.append(source[begin:position].strip())
            begin = position + 1
        position += 1
    return [*arguments, source[begin : position - 1].strip()]


def _example(format: str, values: Sequence[str]) -> str:
    """Return what a format may print."""
    given = iter(values)

    def one(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        value = next(given, "")
        if not match[0].endswith("s"):
            return "3"
        if "reg_arg_name" in value or value in ("reg_name", "arg_name"):
            return "R3"
        return {"err_extra": " indirect", "exit_ctx": "At program exit"}.get(value, "name")

    text = format.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"').strip("\n")
    return _CONVERSION.sub(one, text).replace("\n", " ")


def main(words: Sequence[str]) -> int:
    """Return the exit status."""
    failed = False
    for version in words or SUITES:
        try:
            found = list(messages(version))
        except archive.Unavailable as error:
            sys.stderr.write(f"linux-source-{version}: {error}\n")
            return archive.NOT_HERE
        counted = 0
        for message in found:
            if kind(message.example) != SENTENCE:
                continue
            counted += 1
            matching = [row for row in rows() if row.pattern.match(message.example)]
            if len(matching) != 1:
                failed = True
                names = ", ".join(f"{row.category} ({row.pattern.pattern})" for row in matching) or "no row"
                sys.stdout.write(f"{version} {message.place}: {message.example!r}: {names}\n")
        sys.stdout.write(f"Linux {version}: {counted} messages\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
