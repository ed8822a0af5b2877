"""Whether pytc's answer to a command is that of tc: what is printed, byte for byte but for what differs by nature."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from typing import Any

from pytc.cli.command_line import parse_options
from tests.compat.lines import Step
from tests.processes import Outcome

#: What differs by nature: ages, ids of programs, when they were loaded, and handles that the kernel picks.
_MASKS = (
    (r" (installed|used|firstused) \d+ sec", ""),
    (r',\s*"(installed|last_used|first_used)": ?\d+', ""),
    (r"\bid \d+ name", "id N name"),
    (r"(load_time|btf_id) \d+", r"\1 N"),
    (r'"(id|load_time|btf_id)": ?\d+', r'"\1":0'),
    (r"\b8[0-9a-f]{3}:(?![0-9a-f]*:)", "auto:"),
    (r'"seid": ?\d+', '"seid":0'),  # of flower: tc's JSON has the low 32 bits of 64
    (r'"leaf": ?"0x8[0-9a-f]{3}"', '"leaf":"auto"'),
    (r" seed \d{9,}", " seed N"),  # of netem, which the kernel picks
    (r'"seed": ?\d{9,}', '"seed":0'),
)
#: Text that tc prints into its JSON.
_TEXT_IN_JSON = (
    r',\s*"\s*(offset|eat) "'
    r"|\n  (?:NOT )?(?:\w+\(|\(\n)(?:.*\n)*?(?: +\) )*(?=[,}])"  # ematches
    r"|buffer \[\w{8}\] cbuffer \[\w{8}\] "  # of classes of htb, with -r
    r"|\n *(?=,|\n|\})"
)
#: Counters of a filter, which are members since tc 6.2.
_COUNTERS = r" Sent (\d+) bytes (\d+) pkts \(dropped (\d+), overlimits (\d+)\) "
_MEMBERS = r',"bytes":\1,"packets":\2,"dropped":\3,"overlimits":\4'
#: Both realms of a route, a member twice.
_REALM = r',\s*"name": ?"[^"]*"'
#: Times before 1970, which it prints as unsigned.
_EARLY = r'("base_time": ?)(184467440737\d{8})'
#: Where it prints options of fw, dsmark and cbq as text.
_NO_JSON = r"\{(handle 0x|fh 0x|classid |indev |indices |linklayer |\(|prio )"
#: What pytc says more in JSON: tc repeats a member for each key of a filter, and prints text into it; of flower's
#: gtp_opts it says nothing.
_OWN = ("matches", "rule_success", "eat", "ematches", "to", "from", "gtp_opt_key", "gtp_opt_mask")


def masked(text: str) -> str:
    for pattern, instead in _MASKS:
        text = re.sub(pattern, instead, text)
    return text


def refuse_alike(step: Step, expected: Outcome, found: Outcome) -> str:
    """How a refusal differs: pytc prints no more than tc, names what is wrong, and begins with what tc says where it
    can."""
    if masked(found.out) not in ("", masked(expected.out)):
        return f"pytc prints {found.out!r}"
    if not any(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", found.err) for words in step.named.split(" || ")):
        return f"{found.err!r} does not name {step.named!r}"
    ours, theirs = first_line(found.err), first_line(expected.err)
    return "" if step.own_words or ours.startswith(theirs) else f"{ours!r}, not {theirs!r}"


def first_line(text: str) -> str:
    """Return the text of an error without the hint at help."""
    line = text.partition("\n")[0].replace('"tc ', '"pytc ')
    return re.sub(r' Try "pytc [a-z0-9 ]*help"\.?$', "", line)


def print_alike(words: Sequence[str], expected: str, found: str) -> str:
    """How what is printed differs, empty when it does not."""
    options, rest = parse_options(words)
    theirs, ours = masked(expected), masked(found)
    if theirs == ours:
        return ""
    different = f"what is printed differs:\n{changes(theirs, ours)}"
    if not options.json or not found:
        return different
    as_json = members(ours)
    if as_json is None:
        return f"pytc prints no JSON: {found}"
    if options.graph or ("class".startswith(rest[0]) and not theirs.startswith("[")):
        return ""  # tc prints the tree as text, and tc 6.1 all classes
    mended = re.sub(_TEXT_IN_JSON, "", theirs)
    mended = re.sub(_COUNTERS, _MEMBERS, mended)
    mended = re.sub(_REALM, "", mended) if re.search(r'"kind": ?"route"', mended) else mended
    mended = re.sub(_EARLY, lambda found: f"{found[1]}{int(found[2]) - 2**64}", mended)
    if members(mended) is None:  # of the keys that it explains it opens objects, and crashes
        return "" if re.search(_NO_JSON, theirs) or (options.pretty and '"match"' in theirs) else different
    if mended == theirs and members(theirs, once=True) == as_json:
        return different
    theirs_as_json, ours_as_json = members(mended), common(as_json)
    if "class".startswith(rest[0]):  # of most kinds tc says nothing in JSON
        return "" if _has(ours_as_json, theirs_as_json) else different
    return "" if theirs_as_json == ours_as_json else different


def _has(ours: Any, theirs: Any) -> bool:
    """Whether pytc's JSON has all members of tc's, in their order."""
    if not (isinstance(ours, list) and isinstance(theirs, list)):
        return bool(ours == theirs)
    if all(isinstance(element, tuple) for element in (*ours, *theirs)):
        names = [name for name, _ in theirs]
        ours = [element for element in ours if element[0] in names]
        return [name for name, _ in ours] == names and all(
            _has(one[1], other[1]) for one, other in zip(ours, theirs, strict=True)
        )
    return len(ours) == len(theirs) and all(map(_has, ours, theirs))


def changes(expected: str, found: str) -> str:
    """Return the lines that tc has and pytc lacks, and the reverse."""
    one, other = (re.sub(r"([,{])(?=\")", r"\1\n", text).splitlines() for text in (expected, found))
    return "\n".join(difflib.unified_diff(one, other, "tc", "pytc", "", "", 1, ""))


def members(text: str, *, once: bool = False) -> Any:
    """JSON as lists of (name, value), in their order, with numbers as they are written; None for what is no JSON. Of a
    member that comes twice in an object the last one counts, unless ``once`` keeps all."""
    try:
        return json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=list if once else _last)
    except ValueError:
        return None


def _last(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Police has the same name for both of its controls in tc."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        found["conform_action" if name == "control_action" and name in found else name] = value
    return list(found.items())


def common(value: Any) -> Any:
    """Without what pytc says more."""
    if isinstance(value, tuple):
        return value[0], common(value[1])
    if isinstance(value, list):
        return [common(element) for element in value if not (isinstance(element, tuple) and element[0] in _OWN)]
    return value
