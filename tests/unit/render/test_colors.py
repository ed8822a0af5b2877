"""Colours are added to text, and change nothing else."""

from __future__ import annotations

import re

import pytest

from pytc.render.colors import COLORS, RULES, colored

DARK = {sort: parameters for sort, (_, parameters) in COLORS.items()}
LIGHT = {sort: parameters for sort, (parameters, _) in COLORS.items()}
TEXTS = {
    "findings": 'bpf.c:7: error: map "a"\nbpf.o: warning: no license\nbpf.o: note: old\nbpf.o: 1 error\n',
    "code": "int classify(struct __sk_buff *skb):\n; return TC_ACT_OK;\n   0: r0 = 0\n",
    "test": "packet 1: TC_ACT_SHOT (2), 42 bytes\n  - 0000  00\n  + 0000  01\n  FAILED: OK was expected\nOK  1\n",
    "error": 'Error: no such thing.\n; if (x)\nHint: did you mean "y"?\n',
    "remark": "Warning: a filter\n; return 0\n",
}


@pytest.mark.parametrize("sort", RULES)
@pytest.mark.parametrize("colors", [DARK, LIGHT])
def test_text_is_the_same_without_them(sort: str, colors: dict[str, str]) -> None:
    painted = colored(TEXTS[sort], sort, colors)
    assert painted != TEXTS[sort]
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == TEXTS[sort]
    assert colored(TEXTS[sort], sort, {}) == TEXTS[sort]


@pytest.mark.parametrize(
    ("text", "sort", "painted"),
    [
        ("a.o: error: b\n", "findings", "a.o: \x1b[1;31merror\x1b[0m: b\n"),
        ("an error\n", "findings", "an error\n"),
        ("packet 1: TC_ACT_OK (0), 1 bytes\n", "test", "packet 1: \x1b[32mTC_ACT_OK\x1b[0m (0), 1 bytes\n"),
        ("packet 2: XDP_DROP (1)\n", "test", "packet 2: \x1b[31mXDP_DROP\x1b[0m (1)\n"),
        ("; int a;\n 1: r0\n", "code", "\x1b[1m; int a;\x1b[0m\n 1: r0\n"),
        ("Cannot find it\n", "error", "\x1b[31mCannot find it\x1b[0m\n"),
        ("x\n  at ./a.c:31:1 in f (r0)", "error", "\x1b[31mx\x1b[0m\n  at \x1b[1m./a.c:31:1\x1b[0m in f (r0)"),
        ("x\n   7 | y;\n     | ^^", "error", "\x1b[31mx\x1b[0m\n   7 | \x1b[1my;\x1b[0m\n     | \x1b[31m^^\x1b[0m"),
        ("x\n  Suggestion: y", "error", "\x1b[31mx\x1b[0m\n  \x1b[1;34mSuggestion:\x1b[0m y"),
        ("em1", "device", "\x1b[36mem1\x1b[0m"),
        ("", "device", ""),
    ],
)
def test_what_is_painted(text: str, sort: str, painted: str) -> None:
    assert colored(text, sort, LIGHT) == painted


def test_every_sort_of_a_rule_has_a_colour() -> None:
    assert {sort for rules in RULES.values() for _, sort in rules} <= set(COLORS)


def test_there_is_no_yellow() -> None:
    """It cannot be read on white, and many terminals do not tell their background."""
    assert not any("33" in parameters for pair in COLORS.values() for parameters in pair)
