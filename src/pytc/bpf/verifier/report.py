"""Make a report of a refusal: the kind of mistake, why, where, how the program came there, and what to write.

>>> from pytc.bpf.verifier.report import explain
>>> print(explain(open("verifier.log").read()).text())
"""

from __future__ import annotations

import re

from pytc.bpf.verifier import trail
from pytc.bpf.verifier.categories import CATEGORIES, UNKNOWN
from pytc.bpf.verifier.log import Log, is_general
from pytc.bpf.verifier.messages import find_row
from pytc.bpf.verifier.places import Places
from pytc.errors import one_line
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.object.spec import ObjectSpec
    from pytc.bpf.verifier.categories import Category

_SHOWN_PATH = 8


class Report(NamedTuple):
    """An explanation of a refusal.

    ``category`` is a name of :data:`pytc.bpf.verifier.categories.CATEGORIES`, the kernel's own word since Linux 7.3, or
    ``other`` for a message that is not known. ``at`` begins with FILE:LINE where the object or the log tells it.
    ``path`` has lines of C with what happened there, the last one last. ``message`` is the kernel's sentence;
    ``excerpt`` shows the line of C, with a caret where the column is known.
    """

    category: str
    title: str
    reason: str = ""
    at: str = ""
    path: tuple[str, ...] = ()
    suggestion: str = ""
    message: str = ""
    excerpt: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the report for people, without a line break at its end."""
        lines = []
        if self.at:
            lines += [f"  at {self.at}", *(f"    {line}" for line in self.excerpt)]
        if self.message and self.message != self.title:
            lines.append(f"  The verifier: {self.message}")
        if self.reason:
            lines.append(f"  Reason: {self.reason}")
        if self.path:
            lines += ["  Path:", *(f"    {line}" for line in self.path)]
        if self.suggestion:
            lines.append(f"  Suggestion: {self.suggestion}")
        return "\n".join(lines)


if TYPE_CHECKING:
    #: Returns what the texts of a category can use, given its name and what its row extracted from the message.
    Facts = Callable[[str, Mapping[str, str]], Mapping[str, str]]


class _Texts(dict[str, str]):
    """Values for templates, with a word for each that is not known."""

    def __missing__(self, name: str) -> str:
        return _WORDS.get(name, "")


_WORDS = {
    "end": "data_end",
    "verdict": "0",
    "pointer": "the pointer",
    "pointer_name": "pointer",
    "bound": "pointer + size",
    "access": "an access",
    "call": "a call",
    "call_line": "the call",
    "limit": "few",
    "index": "the index",
    "index_name": "index",
    "missing": "upper",
    "comparison": ">= SIZE",
    "mask": "SIZE - 1",
    "size_name": "size",
    "helper": "the helper",
    "kfunc": "the kfunc",
    "origin": "the call",
    "null_reason": "{origin} returns NULL when there is nothing to return",
    "null_where": "after {origin_line}",
    "end_declared": "",
    "origin_line": "the call",
    "line": "the access",
    "variable": "key",
    "function": "the function",
    "callee": "the call",
    "register": "an argument",
    "found": "another type",
    "wanted": "the type that it is documented with",
    "stack": "more than 512 bytes",
    "stack_functions": "each function's share counts",
    "verb": "read",
    "release": "release it",
    "privilege": "CAP_BPF, CAP_PERFMON or CAP_SYS_ADMIN, by what is used",
    "license": "the object's license is not compatible with the GPL",
    "missing_symbol": "the kernel lacks something that the program uses",
    "helper_reason": "the kernel has no such helper, or does not allow it to programs of this type",
    "helper_advice": "use a helper of this program type, or test for the kernel's version first",
    "complexity": "the verifier follows each path, and each pass of a loop, up to a million instructions",
    "instruction_reason": "the kernel is older than the compiler assumes, or the instruction is no BPF",
    "instruction_advice": "compile with -O2 and an older -mcpu (v1 to v4)",
    "field_reason": "locks, timers, work queues and kernel pointers live at places in a map's value that the value's "
    "type tells the kernel",
    "argument_reason": "helpers and kfuncs check where an argument points: to the stack, a map, the context, a socket",
    "global_reason": "a function that is not static is verified alone, with any arguments that its types allow: "
    "pointers may be NULL there, and the size behind them must be known",
    "reader": "the program reads",
    "interpreter": "this kernel runs programs in its interpreter",
    "return_range": "other values have no meaning for it",
}


def explain(
    log: str,
    *,
    spec: ObjectSpec | None = None,
    linked: LinkedProgram | None = None,
    type: int = 0,
    facts: Facts | None = None,
) -> Report:
    """Return the report of a log; ``spec`` and ``linked`` are the program that was refused, if they are known.

    ``type`` is the program's type, 0 for unknown. ``facts`` adds what only the caller knows.
    """
    parsed = Log(log)
    message, category, groups = _classify(parsed)
    steps = trail.path_back(parsed)
    places = Places(parsed, steps, spec, linked)
    from pytc.bpf.verifier.evidence import Evidence

    evidence = Evidence(parsed, steps, places, message, groups, type)
    category, known = evidence.collect(category)
    texts = _Texts(
        {**groups, **known, **(facts(category.name, groups) if facts is not None else {}), "message": message}
    )
    place = evidence.place(category)
    report = Report(
        category.name,
        _filled(category.title, texts),
        _filled(category.reason, texts),
        place.at() if place is not None else "",
        evidence.path(category, place),
        _filled(category.suggestion, texts),
        message,
        place.excerpt() if place is not None else (),
    )
    return _with_kernels_own(report, parsed)


def describe(category: Category) -> tuple[str, str, str]:
    """Return title, reason and suggestion of a category without a program: with words in place of its names."""
    texts = _Texts()
    return _filled(category.title, texts), _filled(category.reason, texts), _filled(category.suggestion, texts)


def _classify(log: Log) -> tuple[str, Category, dict[str, str]]:
    """Return the message that says most, its category, and what its row extracts.

    A general sentence is looked at behind the one before it, which names what it is about.
    """
    sentences = log.sentences()
    for number in range(len(sentences) - 1, -1, -1):
        message = sentences[number]
        if is_general(message) and number:
            before = find_row(sentences[number - 1])
            if before is not None:
                row, groups = before
                own = find_row(message)
                return (
                    f"{sentences[number - 1]}; {message}",
                    CATEGORIES[row.category],
                    {**(own[1] if own else {}), **groups},
                )
        found = find_row(message)
        if found is not None:
            return message, CATEGORIES[found[0].category], found[1]
    return (sentences[-1] if sentences else ""), UNKNOWN, {}


def _filled(template: str, texts: _Texts) -> str:
    """Return a template with its names replaced; a text may itself have names."""
    for _ in range(3):
        if "{" not in template:
            break
        template = re.sub(r"\{(\w+)\}", lambda match: texts[match[1]], template)
    return template


def _with_kernels_own(report: Report, log: Log) -> Report:
    """Return a report with what Linux 7.3 says itself, where it says something."""
    own = log.report
    if own is None:
        return report
    return report._replace(
        category=own.category.lower().replace(" ", "-") or report.category,
        title=own.title or report.title,
        reason=own.reason or report.reason,
        path=tuple(own.path[-_SHOWN_PATH:]) or report.path,
        suggestion=own.suggestion or report.suggestion,
        at=report.at or one_line(own.at.strip().splitlines()[-1].strip() if own.at.strip() else ""),
    )
