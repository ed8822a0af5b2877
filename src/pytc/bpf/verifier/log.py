"""Read the verifier's log: one grammar for what Linux 5.10 to 7.3 write.

A log may have millions of lines, of which the end matters: lines are split once and classified when they are asked
for, the last first. Each line is exactly one of :data:`Kind`. Formats differ: registers are ``R1_w=inv(id=0,off=0)`` or
``R1=scalar()``, states stand on lines of their own or behind an instruction, and the statistics that close a log follow
a message with or without a line break.
"""

from __future__ import annotations

import re

from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final, Literal

    Kind = Literal["empty", "source", "instruction", "state", "branch", "end", "course", "sentence"]
EMPTY: Final = "empty"
SOURCE: Final = "source"
INSTRUCTION: Final = "instruction"
STATE: Final = "state"
BRANCH: Final = "branch"
END: Final = "end"
COURSE: Final = "course"
SENTENCE: Final = "sentence"

# print_verification_stats in kernel/bpf/verifier.c: v5.2 brought time and depth, v7.2 "max" and "insns processed".
_STATISTICS = re.compile(
    r"(?:verification time \d+ usec"
    r"|stack depth \d+(?:\+\d+)*(?: max \d+)?"
    r"|insns processed \d+(?:\+\d+)*"
    r"|processed \d+ insns(?: \(limit \d+\))?(?:,? [a-z_]+(?: [a-z_]+)* \d+(?:\+\d+)*)*)\s*\Z"
)
#: The longest line of statistics that is looked for, with room for 256 functions.
_LONGEST = 4096
_REPORT = re.compile(r"^Verification failed: ", re.MULTILINE)

_REGISTER = r"(?:R\d+|fp-?\d+|sa-?\d+)(?:_[rwD]+)?=\S"
_INSTRUCTION = re.compile(r"\s*(\d+): \(([0-9a-f]{2})\) ?(.*?)(?:\s+; (R\d.*|frame\d.*|fp-?\d.*|sa\d.*|refs=.*))?$")
_FROM = re.compile(r"\s*from (\d+) to (\d+)(?: \(speculative execution\))?:(.*)$")
_SAFE = re.compile(r"\s*(?:from \d+ to \d+(?: \(speculative execution\))?: safe|\d+: safe)$")
_STATE = re.compile(rf"\s*(?:\d+:)?\s*(?:frame\d+: ?)*{_REGISTER}")
# Whatever else the verifier writes on its way, and that is no reason.
_COURSE = re.compile(
    r"\s*(?:"
    r"\d+:$"
    r"|(?:(?:to )?caller(?: at \d+)?:|(?:returning from )?callee:)$"
    r"|func#\d+ @\d+"
    r"|Validating \S+\(\) func#\d+\.\.\.$"
    r"|Func#\d+ (?:\('.*'\) )?is (?:safe|global)"
    r"|(?:mark_precise|force_precise): |(?:frame\d+: )?(?:last_idx|regs=|parent )"
    r"|parent (?:didn't have|already had) "
    r"|(?:frame ?\d+: ?)?propagating "
    r"|(?:cur|old) state:"  # behind "infinite loop detected at insn N"
    r"|btf_vmlinux is malformed$"  # a kernel without types of its own says it of every program
    r"|Live regs before insn:$|\d+: [.0-9]{10,} "
    r"|subprog#\d+: analyzing|stack use/def |SCC |topo_order\[|arg JOIN "
    r")"
)
# The verifier takes the newline behind a jump back to print a state there; a sentence may come in its place.
_JUMP = re.compile(r"\s*(\d+): \(([0-9a-f]{2})\) ((?:if .+? )?(?:goto|may_goto|gotol) pc[+-]\d+) (?=\S)")
# Sentences that leave out what the line before them says: which access, which reference.
_GENERAL = re.compile(
    r"R\d+ offset is outside of the packet$"
    r"|R\d+ (?:min|max) value is outside of the (?:allowed )?(?:memory|array) range$"
    r"|Caller passes invalid args into func#\d+"
    r"|(?:BPF_EXIT instruction|main program exit|bpf_throw|tail_call) .*would lead to reference leak$"
)
_SOURCE = re.compile(r"; (.*?)(?: @ ([^@]*):(\d+))?$")
_VALUES = re.compile(r"(R\d+|fp-?\d+|sa-?\d+|refs)(?:_[rwD]+)?=((?:[^\s()]|\((?:[^()]|\([^()]*\))*\))*)")
_SHOWN_LINES = 12
#: How many closing sentences are looked at.
_MOST_SENTENCES = 12

# What other loaders put around a log, or before each of its lines.
_BEGIN = re.compile(r"-- BEGIN (?:PROG|BPF PROG) LOAD LOG --")
_FINISH = re.compile(r"-- END (?:PROG|BPF PROG) LOAD LOG --")
_PREFIX = re.compile(
    r"(?:\x1b\[[0-9;]*m)*"
    r"(?:\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\s)?"  # a time, as CI services write it
    r"(?:\[\s*\d+\.\d+\]\s)?(?:libbpf: )?[\t|]*"
)
_LAST_LINE = re.compile(r"^[ \t]*processed \d+ insns.*$", re.MULTILINE)


class Instruction(NamedTuple):
    """An instruction that the verifier followed: its slot, opcode and text; ``line`` is its line of the log."""

    slot: int
    opcode: int
    text: str
    line: int


class SourceLine(NamedTuple):
    """A line of C in a log; file and line since Linux 6.9, else empty and 0."""

    text: str
    file: str = ""
    number: int = 0


class KernelReport(NamedTuple):
    """The explanation that Linux 7.3 adds to its log; texts are empty where it gives none."""

    category: str
    title: str
    reason: str = ""
    at: str = ""
    path: tuple[str, ...] = ()
    suggestion: str = ""


class Log:
    """A log of one refused program; :func:`read_log` finds it in the output of other loaders.

    ``lines`` leave out the statistics and the report of Linux 7.3, which is ``report``.
    """

    def __init__(self, text: str) -> None:
        text = without_statistics(text)
        match = _REPORT.search(text)
        self.report = _report(text[match.start() :]) if match else None
        self.lines = (text[: match.start()] if match else text).splitlines()

    def sentences(self) -> list[str]:
        """Return the sentences that close the log, in their order: those behind the last instruction."""
        result: list[str] = []
        for line in reversed(self.lines):
            text = sentence(line)
            if text:
                result.append(text)
                if kind(line) == INSTRUCTION or len(result) == _MOST_SENTENCES:
                    break
            elif result and kind(line) in (INSTRUCTION, BRANCH, END, SOURCE):
                break
        return result[::-1]

    def instructions(self) -> Iterator[Instruction]:
        """Yield the instructions in the order of the log, the last first."""
        for number in range(len(self.lines) - 1, -1, -1):
            found = instruction(self.lines[number], number)
            if found is not None:
                yield found

    def source_before(self, line: int) -> SourceLine | None:
        """Return the line of C that the log names last before one of its lines; code of no line has an empty one."""
        for number in range(line, -1, -1):
            text = self.lines[number]
            if text.startswith(";") and (match := _SOURCE.match(text)) is not None and match[1].strip():
                return SourceLine(match[1].strip(), match[2] or "", int(match[3] or 0))
        return None

    def state_before(self, line: int) -> dict[str, str]:
        """Return the registers and stack slots that the log tells of before one of its lines, the nearest state first
        of all."""
        values: dict[str, str] = {}
        for number in range(line - 1, max(line - 400, -1), -1):
            text = self.lines[number]
            found = kind(text)
            if found in (STATE, BRANCH) or (found == INSTRUCTION and "; R" in text) or "; frame" in text:
                for name, value in state(text).items():
                    values.setdefault(name, value)
            if found in (BRANCH, END):
                break
        return values


def read_log(text: str) -> str:
    """Return the verifier's log in the output of any loader: of the last program that it says was refused.

    libbpf marks begin and end; others indent the log, or put a time before each line.
    """
    begins = [match.end() for match in _BEGIN.finditer(text)]
    if begins:
        end = _FINISH.search(text, begins[-1])
        text = text[begins[-1] : text.rfind("\n", begins[-1], end.start()) + 1 if end else len(text)]
    text = "\n".join(_PREFIX.sub("", line, count=1).rstrip() for line in text.splitlines())
    ends = [match.end() for match in _LAST_LINE.finditer(text)]
    return text[: ends[-1]] if ends else text


def kind(line: str) -> Kind:
    """Return what a line of a log is."""
    if not line or line.isspace():
        return EMPTY
    if line.startswith(";"):
        return SOURCE
    if _INSTRUCTION.match(line):
        return INSTRUCTION
    if _SAFE.match(line):
        return END
    if _FROM.match(line):
        return BRANCH
    if _STATE.match(line):
        return STATE
    return COURSE if _COURSE.match(line) else SENTENCE


def sentence(line: str) -> str:
    """Return the sentence of a line, which may stand behind a jump; empty for a line of the verifier's course."""
    jump = _JUMP.match(line)
    rest = line[jump.end() :] if jump else line
    return rest.strip() if kind(rest) == SENTENCE else ""


def instruction(line: str, number: int = 0) -> Instruction | None:
    """Return the instruction of a line, which is line ``number`` of the log; None for other lines."""
    match = _JUMP.match(line) or _INSTRUCTION.match(line)
    if match is None:
        return None
    return Instruction(int(match[1]), int(match[2], 16), match[3].strip(), number)


def branch(line: str) -> tuple[int, int] | None:
    """Return the instruction that a branch comes from and the one where it goes on; None for other lines."""
    match = _FROM.match(line)
    return (int(match[1]), int(match[2])) if match else None


def state(text: str) -> dict[str, str]:
    """Return the registers and stack slots of a state, without the marks behind their names: ``{"R1": "ctx()"}``.

    Of several frames on a line, the last counts.
    """
    frames = re.split(r"frame\d+:", text)
    return dict(_VALUES.findall(frames[-1]))


def without_statistics(log: str) -> str:
    """Return the log up to the statistics that close it, without trailing space."""
    log = log.rstrip()
    while match := _STATISTICS.search(log, max(len(log) - _LONGEST, 0)):
        log = log[: match.start()].rstrip()
    return log


def decisive_line(log: str) -> str:
    """Return the last sentence of the log; empty where there is none."""
    return next(_backwards(Log(log)), "")


def is_general(text: str) -> bool:
    """Return whether a sentence leaves out what the one before it says."""
    return _GENERAL.match(text) is not None


def _backwards(log: Log) -> Iterator[str]:
    """Yield the sentences of a log, the last first; an empty one stands for what comes before them."""
    began = False
    for line in reversed(log.lines):
        text = sentence(line)
        if text or (began and line.strip()):
            began = True
            yield text


def last_lines(log: str, count: int = _SHOWN_LINES) -> tuple[list[str], int]:
    """Return the last lines before the statistics, and how many are left out."""
    lines = [line.rstrip() for line in without_statistics(log).splitlines() if line.strip()]
    return lines[-count:], max(len(lines) - count, 0)


def failing_instruction(log: str) -> int | None:
    """Return the number of the instruction that the verifier looked at last."""
    found = next(Log(log).instructions(), None)
    return found.slot if found is not None else None


_BLOCKS = {"Reason:": "reason", "At:": "at", "Causal path:": "path", "Suggestion:": "suggestion"}


def _report(text: str) -> KernelReport:
    """Return the report of Linux 7.3: a title, then blocks with a heading each."""
    first, *lines = text.splitlines()
    category, _, title = first.partition(": ")[2].partition(": ")
    blocks: dict[str, list[str]] = {name: [] for name in _BLOCKS.values()}
    current: list[str] = []
    for line in lines:
        heading, _, rest = line.strip().partition(" ")
        heading = "Causal path:" if line.strip().startswith("Causal path:") else heading
        if not line[:1].isspace() and heading in _BLOCKS:
            current = blocks[_BLOCKS[heading]]
            rest = line.strip().removeprefix(heading).strip()
            if rest:
                current.append(rest)
        elif line.strip():
            current.append(line.rstrip())
    texts = {name: " ".join(part.strip() for part in parts) for name, parts in blocks.items()}
    at = "\n".join(blocks["at"])
    path = tuple(part.strip() for part in blocks["path"])
    return KernelReport(category.strip(), title.strip(), texts["reason"], at, path, texts["suggestion"])
