"""Find in the verifier's log, which has thousands of lines, the few that matter.

A log ends with statistics: each kernel has its own, and they may follow a message without a newline in the middle of a
line, so only their form tells them. Before the reason come instructions, source lines and the states of registers,
which are never the reason themselves. Linux 7.3 adds a report after the reason: "Verification failed: ..." and more
lines.
"""

import re

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
    r"|btf_vmlinux is malformed$"  # a kernel without types of its own says it of every program
    r")"
)
_SHOWN_LINES = 12


def without_statistics(log: str) -> str:
    """Return the log up to the statistics that close it, without trailing space."""
    log = log.rstrip()
    while match := _STATISTICS.search(log, max(len(log) - _LONGEST, 0)):
        log = log[: match.start()].rstrip()
    return log


def decisive_line(log: str) -> str:
    """Return the reason of a refusal, the last sentence of the log; empty where there is none."""
    log = without_statistics(log)
    report = _REPORT.search(log)
    lines = (log[: report.start()] if report else log).splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip() and not _COURSE.match(line)), "")


def last_lines(log: str, count: int = _SHOWN_LINES) -> tuple[list[str], int]:
    """Return the last lines before the statistics, and how many are left out."""
    lines = [line.rstrip() for line in without_statistics(log).splitlines() if line.strip()]
    return lines[-count:], max(len(lines) - count, 0)


def failing_instruction(log: str) -> int | None:
    """Return the number of the instruction that the verifier looked at last."""
    matches = (_INSTRUCTION.match(line) for line in reversed(log.splitlines()))
    return next((int(match[1]) for match in matches if match), None)
