"""Words that may come next in a line: the parsers say so themselves, by means of a
:class:`~pytc.words.engine.Probe`."""

from __future__ import annotations

from pytc.cli.command_line import OPTIONS, SHARED
from pytc.cli.live_values import live_sort
from pytc.commands.dispatch import OBJECTS, TOPICS, command_object, object_name, parse_words
from pytc.commands.shared.verbs import verb_word
from pytc.errors import HelpRequested, PytcError
from pytc.typing import NamedTuple
from pytc.words.engine import Probe, matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final, Literal

    from pytc.cli.live_values import LiveSort

    #: Sorts of values; the last four are looked up in the object file that was named before.
    Sort = Literal[
        "device",
        "namespace",
        "file",
        "object file",
        "capture",
        "directory",
        "pin",
        "protocol",
        "type",
        "section",
        "program",
        "map",
        "variable",
    ]
DEVICE: Final = "device"
NAMESPACE: Final = "namespace"
FILE: Final = "file"
OBJECT_FILE: Final = "object file"
CAPTURE: Final = "capture"
DIRECTORY: Final = "directory"
PIN: Final = "pin"
PROTOCOL: Final = "protocol"
TYPE: Final = "type"
SECTION: Final = "section"
PROGRAM: Final = "program"
MAP: Final = "map"
VARIABLE: Final = "variable"
IN_OBJECT = (SECTION, PROGRAM, MAP, VARIABLE)

#: Sorts of the values after these words, wherever a value follows them.
_AFTER: Mapping[str, Sort] = {
    "dev": DEVICE,
    "indev": DEVICE,
    "object-file": OBJECT_FILE,
    "obj": OBJECT_FILE,
    "object": OBJECT_FILE,
    "section": SECTION,
    "sec": SECTION,
    "program": PROGRAM,
    "map": MAP,
    "set": VARIABLE,
    "export": FILE,
    "object-pinned": PIN,
    "pinned": PIN,
    "fd": PIN,
    "link": PIN,
    "type": TYPE,
    "protocol": PROTOCOL,
    "vlan_ethtype": PROTOCOL,
    "cvlan_ethtype": PROTOCOL,
    "bytecode-file": FILE,
    "bcf": FILE,
    "pcap": CAPTURE,
    "expect-pcap": CAPTURE,
    "write": FILE,
    "junit": FILE,
    "file": FILE,
}
_OPTION_VALUES: Mapping[str, Sort] = {"netns": NAMESPACE, "batch": FILE, "names_file": FILE}
#: Sorts of values by object, verb and the number of words after the object.
_POSITIONS: Mapping[tuple[str, str, int], Sort] = {
    **{("object", verb, 1): OBJECT_FILE for verb in ("show", "lint", "convert", "types")},
    **{("cbpf", verb, 1): FILE for verb in ("asm", "disasm", "run", "to-ebpf")},
    ("cbpf", "run", 2): CAPTURE,
    **{("cgroup", verb, 1): DIRECTORY for verb in ("attach", "detach", "show", "tree")},
    **{("link", verb, 1): PIN for verb in ("show", "detach", "pin", "unpin", "update")},
    ("link", "pin", 2): PIN,
    ("map", "unpin", 1): PIN,
    ("prog", "unpin", 1): PIN,
    ("prog", "load", 1): FILE,
    ("map", "create", 1): PIN,
    ("map", "pin", 3): PIN,
    ("prog", "pin", 3): PIN,
    ("map", "load", 3): FILE,
    ("exec", "bpf", 2): FILE,
}
#: Commands whose grammar takes words as they come, and compares nothing.
_ACTION_VERBS = ("list", "show", "flush", "get", "delete")


class Candidates(NamedTuple):
    """Candidates for the next word: ``words``, or a value of the sort ``value``.

    ``file`` is the object that the value is looked for in, ``netns`` the network namespace, ``line`` the words from the
    object on.
    """

    words: tuple[str, ...] = ()
    value: Sort | LiveSort | Literal[""] = ""
    file: str = ""
    netns: str = ""
    line: tuple[str, ...] = ()


def find_candidates(words: Sequence[str], prefix: str = "") -> Candidates:
    """Return the candidates for the word after ``words``, of which ``prefix`` has been typed."""
    index, netns = 0, ""
    while index < len(words) and words[index].startswith("-"):
        name = words[index].lstrip("-")
        row = next((row for row in OPTIONS if matches(name, row.name, exact=row.exact)), None)
        index += 1
        if row is not None and row.value:
            if index == len(words):
                return Candidates(value=_OPTION_VALUES.get(row.field, ""))
            netns = words[index] if row.field == "netns" else netns
            index += 1
    rest = list(words[index:])
    if not rest:
        return Candidates(_option_words(prefix) if prefix.startswith("-") else (*OBJECTS, "help"))
    if matches(rest[0], "help"):
        return _of_help(rest[1:])
    rest, value = _without_options(rest)
    if value:
        return Candidates(value=value, netns=netns)
    found = _after(rest, prefix)._replace(netns=netns, line=tuple(rest))
    if prefix.startswith("-") and not found.value:
        return found._replace(words=(*(f"--{row.name}" for row in SHARED), *found.words))
    return found


def _option_words(prefix: str) -> tuple[str, ...]:
    """Return the options before the object, with as many dashes as have been typed."""
    dashes = "--" if prefix.startswith("--") else "-"
    return tuple(f"{dashes}{row.name}" for row in OPTIONS if dashes == "-" or len(row.name) > 1)


def _of_help(words: Sequence[str]) -> Candidates:
    """Return the topics of help, a word at a time."""
    if not words:
        return Candidates((*OBJECTS, *TOPICS))
    name = object_name(words[0])
    if not name or len(words) > 1:
        return Candidates()
    object_ = command_object(name)
    verbs = dict.fromkeys(verb_word(verb) for verb in object_.verbs.values())
    return Candidates((*verbs, *(topic.partition(" ")[2] for topic in object_.topics())))


def _without_options(rest: list[str]) -> tuple[list[str], Sort | Literal[""]]:
    """Return the words without options with two dashes, and the sort of the value that the last of these lacks."""
    rows = {f"--{row.name}": row for row in SHARED}
    words, index = [], 0
    while index < len(rest):
        row = rows.get(rest[index])
        if row is None:
            words.append(rest[index])
        elif row.value:
            index += 1
            if index == len(rest):
                return words, _OPTION_VALUES.get(row.field, "")
        index += 1
    return words, ""


def _after(rest: list[str], prefix: str) -> Candidates:
    candidates = [word for word in compared_words(rest) if word.strip()]
    name = object_name(rest[0])
    value: Sort | LiveSort | Literal[""] = "" if set(candidates) - {"help"} else _AFTER.get(rest[-1], "")
    if name in ("map", "prog") and rest[-1] in ("map", "fd") and "obj" not in rest:
        value = ""  # numbers and names of loaded maps
    if name in ("filter", "chain") and rest[-1] == "type":
        value = ""  # that of an ICMP message
    if "obj" not in rest and (live := live_sort(name, rest, prefix)):
        value = live
    value = value or _POSITIONS.get((name, rest[1] if len(rest) > 1 else "", len(rest) - 1), "")
    if not value and "object-file" in candidates:
        value = OBJECT_FILE  # the word may be left out
    return Candidates(
        tuple(_accepted(rest, candidates, prefix)), value, _object_file(rest) if value in IN_OBJECT else ""
    )


def compared_words(rest: Sequence[str]) -> list[str]:
    """Return all words that the parser compares the next one with."""
    name = object_name(rest[0]) if rest else ""
    if name == "actions" and len(rest) > 1 and rest[1] in _ACTION_VERBS:
        return _action_words(list(rest[1:]))
    probe = Probe()
    try:
        parse_words([*rest, probe])
    except PytcError:
        pass
    return list(probe.compared)


def _action_words(words: list[str]) -> list[str]:
    from pytc.tc.kinds import actions

    if words[-1] == "action":
        return actions.names()
    if words[0] in ("get", "delete") and len(words) > 1:
        return ["index"] if words[-2] == "action" else ["action"] if words[-2] == "index" else []
    return ["action"] if len(words) == 1 else ["since"] if len(words) == 3 and words[0] != "flush" else []


def _accepted(rest: list[str], candidates: list[str], prefix: str) -> list[str]:
    """Return the candidates that the parser accepts; of words that mean the same, the first that fits."""
    aliases = _aliases(rest)
    names = [word for word in candidates if word not in aliases and word.startswith(prefix)]
    names = names or [word for word in candidates if word.startswith(prefix)]
    refusal = _refusal(rest)
    return [word for word in names if (message := _refusal([*rest, word])) == refusal or f'"{word}"' not in message]


def _refusal(words: list[str]) -> str:
    """Return the parser's message about a line, empty where it accepts it."""
    try:
        parse_words(words)
    except HelpRequested:
        return ""
    except PytcError as error:
        return " ".join((str(error), *error.hints))
    return ""


def _aliases(rest: list[str]) -> set[str]:
    """Return the verbs that are other words for the same commands."""
    name = object_name(rest[0])
    if not name or len(rest) > 1:
        return set()
    verbs = command_object(name).verbs
    # "change" and "replace" share the module of "add", and are no synonyms of it.
    return {word for word, verb in verbs.items() if verb != "add" and word != verb_word(verb)}


def _object_file(rest: list[str]) -> str:
    """Return the object file that was named last."""
    index = next((index for index in range(len(rest) - 2, 0, -1) if rest[index] in ("obj", "object-file")), 0)
    return rest[index + 1] if index else ""
