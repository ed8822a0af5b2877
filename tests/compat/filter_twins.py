"""The same command lines about filters to tc and to pytc, each in a network namespace of its own: what they make in the
kernel, and what they print.

Each case has a device ``tN``, in both. tc runs in batch mode and pytc in one process, because processes are slow to
start in a VM.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.compat.answers import common, first_line, parsed, repeats
from tests.compat.differential import Namespace
from tests.compat.lines import Case
from tests.conftest import Outcome

TEXT = [(), ("-s",), ("-d",), ("-s", "-d"), ("-p",), ("-r",), ("-N",)]
JSON = [("-j",), ("-j", "-s", "-d"), ("-j", "-p"), ("-j", "-N")]
_HOOKS = [[], ["root"], ["ingress"], ["egress"], ["parent", "1:1"]]
_PRELUDE = [
    "qdisc add dev D clsact", "qdisc add dev D root handle 1: htb",
    "class add dev D parent 1: classid 1:1 htb rate 1mbit",
    "class add dev D parent 1: classid 1:2 htb rate 1mbit",
]
#: What differs by nature: ages, and the ids of programs.
_MASKS = ((r"(installed|used|firstused) \d+ sec", r"\1 N sec"), (r'"(installed|last_used|first_used)":\d+', r'"\1":0'))
#: Where the JSON of tc is none.
_BROKEN = 'offset |" eat | pkts |{handle 0x|{classid '


class Twins(NamedTuple):
    """The namespaces of tc and of pytc."""

    one: Namespace
    other: Namespace

    def prepare(self, chosen: Sequence[Case]) -> None:
        """A device for each case, with qdiscs unless the case makes some."""
        for space in self:
            space.prepare(len(chosen))
            done = space.tc(list(_prelude(chosen)))
            assert done.status == 0, done.err


def _prelude(chosen: Sequence[Case]) -> Iterator[list[str]]:
    for number, case in enumerate(chosen):
        if all(command[0] != "qdisc" for command in case.commands):
            yield from (line.replace(" D ", f" t{number} ").split() for line in _PRELUDE)


def commands(number: int, case: Case) -> list[list[str]]:
    """The commands of a case; bytecode has its blanks."""
    return [[word.replace("_", " ") if re.match(r"\d+,\d", word) else word for word in command]
            for command in case.on(f"t{number}")]


def quoted(command: Sequence[str]) -> list[str]:
    """As a line of a batch file has it."""
    return [f'"{word}"' if " " in word else word for word in command]


def lacking(space: Namespace, kinds: Sequence[str]) -> str:
    """The first kind of filter or action that the kernel lacks, empty for none."""
    tries = {"gact": "actions add action pass index 99999", "fw": "filter add dev t0 egress handle 1 fw classid 1:1",
             "matchall": "filter add dev t0 egress matchall flowid 1:1",
             "police": "actions add action police rate 1mbit burst 10k index 99999"}
    for kind in kinds:
        if kind in tries and re.search("not found|Failed to load", space.tc([tries[kind].split()]).err):
            return kind
    space.tc([["actions", "flush", "action", "gact"], ["actions", "flush", "action", "police"],
              ["filter", "del", "dev", "t0", "egress"]])
    return ""


def compare_state(twins: Twins, chosen: Sequence[Case]) -> None:
    """tc accepts all, so does pytc, without a word; and tc shows the same in both namespaces."""
    all_commands = [command for number, case in enumerate(chosen) for command in commands(number, case)]
    done = twins.one.tc([quoted(command) for command in all_commands])
    assert done.status == 0, done.err
    outcomes = twins.other.pytc(all_commands)
    refused = [f"{' '.join(command)}: {outcome}" for command, outcome in zip(all_commands, outcomes, strict=True)
               if (outcome.status, outcome.out) != (0, "")]
    assert not refused, "\n".join(refused)
    shows = list(_shows(chosen))
    theirs, ours = (space.tc_each(shows, "-s", "-d") for space in twins)
    different = [f"{' '.join(show)}: {our!r}, not {their!r}"
                 for show, their, our in zip(shows, theirs, ours, strict=True) if masked(our) != masked(their)]
    assert not different, "\n".join(different)


def _shows(chosen: Sequence[Case]) -> Iterator[list[str]]:
    for number, case in enumerate(chosen):
        for hook in _HOOKS:
            yield ["filter", "show", "dev", f"t{number}", *hook]
            yield ["chain", "show", "dev", f"t{number}", *hook]
        for block in sorted(_blocks(case)):
            yield ["filter", "show", "block", block]
            yield ["chain", "show", "block", block]


def _blocks(case: Case) -> set[str]:
    """The blocks that a case makes."""
    return {command[place + 1] for command in case.commands if command[0] == "qdisc"
            for place, word in enumerate(command) if word.endswith("_block")}


def compare_text(twins: Twins, chosen: Sequence[Case], options: Sequence[tuple[str, ...]] = TEXT) -> None:
    """pytc shows what tc made as tc shows it, byte for byte."""
    every = list(_shows(chosen))
    shows = [show for show, text in zip(every, twins.one.tc_each(every), strict=True) if text]
    assert len(shows) >= len(chosen) // 2
    for option in options:
        expected = twins.one.tc_each(shows, *option)
        found = twins.one.pytc([[*option, *show] for show in shows])
        for show, text, outcome in zip(shows, expected, found, strict=True):
            assert (outcome.status, outcome.err) == (0, ""), f"{option} {show}: {outcome}"
            assert masked(outcome.out) == masked(text), f"{option} {show}"


def compare_json(twins: Twins, chosen: Sequence[Case], options: Sequence[tuple[str, ...]] = JSON) -> None:
    """pytc's JSON always parses, and has the same members as that of tc, which prints offsets,
    statistics of police and options of fw as text into it, and does not close the objects of keys that it explains."""
    every = list(_shows(chosen))
    shows = [show for show, text in zip(every, twins.one.tc_each(every), strict=True) if text]
    for option in options:
        found = twins.one.pytc([[*option, *show] for show in shows])
        for show, outcome in zip(shows, found, strict=True):
            ours = json.loads(outcome.out)
            text = twins.one.execute("tc", *option, *show).out
            theirs = parsed(text)
            if theirs is None:
                known = _BROKEN + '|"match"' * ("-p" in option)
                assert re.search(known, text), f"{option} {show}: {text}"
                continue
            assert _ageless(common(ours)) == _ageless(theirs), f"{option} {show}"
            if common(ours) == ours and "-p" not in option:
                assert masked(outcome.out) == masked(text) or repeats(text), f"{option} {show}"


def _ageless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: 0 if key in ("installed", "last_used", "first_used") else _ageless(member)
                for key, member in value.items()}
    return [_ageless(element) for element in value] if isinstance(value, list) else value


def masked(text: str) -> str:
    for pattern, instead in _MASKS:
        text = re.sub(pattern, instead, text)
    return text


def difference(expected: Outcome, found: Outcome, *, named: str, same_message: bool = True) -> str:
    """How a refusal differs from that of tc, or does not name what is wrong; empty when all is right."""
    if (found.status, found.out) != (expected.status, "") or "Traceback" in found.err or not found.err:
        return f"{found}, not {expected.status} {expected.err!r}"
    if not named or named not in found.err:
        return f"{named} is not in {found.err!r}"
    ours, theirs = first_line(found.err), first_line(expected.err)
    return f"{ours!r}, not {theirs!r}" if same_message and ours != theirs else ""
