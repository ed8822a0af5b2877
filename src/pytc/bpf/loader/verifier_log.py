"""Find in the verifier's log, which has thousands of lines, the few that matter.

A log ends with statistics: each kernel has its own, and they may follow a message without a newline in the middle of a
line, so only their form tells them. Before the reason come instructions, source lines and the states of registers,
which are never the reason themselves. Linux 7.3 adds a report after the reason: "Verification failed: ..." and more
lines.
"""

import re
from collections.abc import Iterator

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
_INSTRUCTION = re.compile(r"\s*(\d+): \([0-9a-f]{2}\)")
_REGISTER = r"(?:R\d+|fp-?\d+)(?:_[rwD]+)?=\S"
_BRANCH = r"(?:\d+:|from \d+ to \d+(?: \(speculative execution\))?:)"
# Everything that the verifier writes on its way, and that is no reason.
_COURSE = re.compile(
    r"\s*(?:"
    r";"  # a source line
    r"|\d+: \([0-9a-f]{2}\)"  # an instruction
    rf"|{_BRANCH}?\s*(?:frame\d+: ?)*{_REGISTER}"  # a state
    r"|(?:from \d+ to \d+|\d+): safe$"
    rf"|(?:{_BRANCH}|(?:to )?caller(?: at \d+)?:|(?:returning from )?callee:)$"
    r"|func#\d+ @\d+"
    r"|Validating \S+\(\) func#\d+\.\.\.$"
    r"|Func#\d+ (?:\('.*'\) )?is (?:safe|global)"
    r"|(?:mark_precise: )?(?:frame\d+: )?(?:last_idx|regs=|parent )"
    r"|parent (?:didn't have|already had) "
    r"|propagating "
    r"|(?:cur|old) state:"  # behind "infinite loop detected at insn N"
    r"|btf_vmlinux is malformed$"  # a kernel without types of its own says it of every program
    r")"
)
# The verifier takes the newline behind a jump back to print a state there; a sentence may come in its place.
_JUMP = re.compile(r"\s*\d+: \([0-9a-f]{2}\) (?:if .+? )?(?:goto pc|may_goto pc|gotol pc)[+-]\d+ (?=\S)")
# Sentences that leave out what the line before them says: which access, which reference.
_GENERAL = re.compile(
    r"R\d+ offset is outside of the packet$"
    r"|R\d+ (?:min|max) value is outside of the (?:allowed )?(?:memory|array) range$"
    r"|Caller passes invalid args into func#\d+"
    r"|BPF_EXIT instruction .*would lead to reference leak$"
)
_SHOWN_LINES = 12


def without_statistics(log: str) -> str:
    """Return the log up to the statistics that close it, without trailing space."""
    log = log.rstrip()
    while match := _STATISTICS.search(log, max(len(log) - _LONGEST, 0)):
        log = log[: match.start()].rstrip()
    return log


def decisive_line(log: str) -> str:
    """Return the last sentence of the log; empty where there is none."""
    return next(_sentences(log), "")


def reason_of(log: str) -> str:
    """Return the reason of a refusal: the last sentence, behind the one before it if only that names what it is
    about."""
    sentences = _sentences(log)
    last = next(sentences, "")
    before = next(sentences, "") if _GENERAL.match(last) else ""
    return f"{before}; {last}" if before else last


def _sentences(log: str) -> Iterator[str]:
    """Yield the sentences at the end of the log, the last first; an empty one stands for what comes before them."""
    log = without_statistics(log)
    report = _REPORT.search(log)
    began = False
    for line in reversed((log[: report.start()] if report else log).splitlines()):
        sentence = _sentence(line)
        if sentence or (began and line.strip()):
            began = True
            yield sentence


def _sentence(line: str) -> str:
    """Return the sentence of a line; empty for a line of the verifier's course."""
    jump = _JUMP.match(line)
    rest = line[jump.end() :] if jump else line
    return "" if _COURSE.match(rest) else rest.strip()


def last_lines(log: str, count: int = _SHOWN_LINES) -> tuple[list[str], int]:
    """Return the last lines before the statistics, and how many are left out."""
    lines = [line.rstrip() for line in without_statistics(log).splitlines() if line.strip()]
    return lines[-count:], max(len(lines) - count, 0)


def failing_instruction(log: str) -> int | None:
    """Return the number of the instruction that the verifier looked at last."""
    matches = (_INSTRUCTION.match(line) for line in reversed(log.splitlines()))
    return next((int(match[1]) for match in matches if match), None)
