"""Whether pytc's answer to a command is that of tc: what is printed, byte for byte but for what differs by nature."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pytc.grammar.command_line import parse_options
from tests.compat.lines import Step
from tests.conftest import Outcome

#: What differs by nature: ages, ids of programs, when they were loaded, and handles that the kernel picks.
_MASKS = (
    (r" (installed|used|firstused) \d+ sec", ""), (r',\s*"(installed|last_used|first_used)": ?\d+', ""),
    (r"\bid \d+ name", "id N name"), (r"(load_time|btf_id) \d+", r"\1 N"),
    (r'"(id|load_time|btf_id)": ?\d+', r'"\1":0'), (r"\b8[0-9a-f]{3}:(?![0-9a-f]*:)", "auto:"),
)
#: Where the JSON of tc is none: it prints text into it, or does not close what it began.
_BROKEN = 'offset |" eat | pkts |{handle 0x|{classid |"match"'
#: What pytc says more in JSON: tc repeats a member for each key of a filter, and prints text into it.
_OWN = ("matches", "rule_success", "eat")
_AGES = ("installed", "last_used", "first_used", "id", "load_time", "btf_id")


def masked(text: str) -> str:
    for pattern, instead in _MASKS:
        text = re.sub(pattern, instead, text)
    return text


def refuse_alike(step: Step, expected: Outcome, found: Outcome) -> str:
    """How a refusal differs: pytc prints nothing, names what is wrong, and begins with what tc says where it can."""
    if found.out:
        return f"pytc prints {found.out!r}"
    if step.named not in found.err:
        return f"{found.err!r} does not name {step.named!r}"
    ours, theirs = first_line(found.err), first_line(expected.err)
    return f"{ours!r}, not {theirs!r}" if ours != theirs and not step.own_words else ""


def first_line(text: str) -> str:
    """What an error says, without where help is to be found."""
    line = text.partition("\n")[0].replace('"tc ', '"pytc ')
    return re.sub(r' Try "pytc [a-z0-9 ]*help"\.?$', "", line)


def print_alike(words: Sequence[str], expected: str, found: str) -> str:
    """How what is printed differs, empty when it does not. Classes are text in tc 6.1, also with ``-j``."""
    options, rest = parse_options(words)
    if not options.json or not found:
        return "" if masked(found) == masked(expected) else f"pytc prints:\n{found}\nnot\n{expected}"
    ours = parsed(found)
    if ours is None:
        return f"pytc prints no JSON: {found}"
    if rest and "class".startswith(rest[0]):
        return ""
    theirs = parsed(expected)
    if theirs is None:
        return "" if re.search(_BROKEN, expected) else f"tc prints no JSON: {expected}"
    if _ageless(common(ours)) != _ageless(theirs):
        return f"pytc prints:\n{found}\nnot\n{expected}"
    if common(ours) == ours and not repeats(expected) and masked(found) != masked(expected):
        return f"pytc prints:\n{found}\nnot\n{expected}"
    return ""


def parsed(text: str) -> Any:
    """None for what is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def common(value: Any) -> Any:
    """Without what pytc says more."""
    if isinstance(value, dict):
        return {key: common(member) for key, member in value.items() if key not in _OWN}
    return [common(element) for element in value] if isinstance(value, list) else value


def _ageless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ageless(member) for key, member in value.items() if key not in _AGES}
    if isinstance(value, str):
        return masked(value)
    return [_ageless(element) for element in value] if isinstance(value, list) else value


def repeats(text: str) -> bool:
    """Whether a member comes twice in an object."""
    twice: list[object] = []

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        twice.extend(pairs if len(dict(pairs)) < len(pairs) else [])
        return dict(pairs)

    json.loads(text, object_pairs_hook=look)
    return bool(twice)
