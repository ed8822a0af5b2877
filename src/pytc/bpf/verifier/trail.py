"""Walk back through the verifier's log: the instructions on the way to a refusal, and where a register came from.

The verifier follows one path to its end, then goes on where it left another. So the line before an instruction need not
lead to it: after the end of a path, the branch is looked for at which it was left, the last of those not yet taken up.
"""

from __future__ import annotations

import re

from pytc.bpf.insn.instructions import OP_CALL, OP_EXIT, OP_LD_IMM64
from pytc.bpf.verifier.log import branch, instruction
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final, Literal

    from pytc.bpf.verifier.log import Instruction, Log

#: Instructions and lines of the log that are looked at.
_MOST_STEPS = 20_000
_MOST_LINES = 400_000
_TARGET = re.compile(r"(?:goto|may_goto|gotol) pc([+-]\d+)")
_CALL = re.compile(r"call pc([+-]\d+)")
_RETURNS = ("to caller at", "returning from callee")

_MOVE = re.compile(r"[rw](\d+) = (?:\(s\d+\) ?)?[rw](\d+)$")
_LOAD = re.compile(r"[rw](\d+) = \*\(([us]\d+) \*\)\(r(\d+) ([+-]\d+)\)")
_STORE = re.compile(r"(?:lock )?\*\(([us]\d+) \*\)\(r(\d+) ([+-]\d+)\) (?:[+&|^]?=) (?:r(\d+)|-?\d+)")
_CHANGE = re.compile(r"[rw](\d+) (s?(?:[-+*/%&|^]|<<|>>)=) (?:\(s\d+\))?(?:[rw](\d+)|(-?\w+))")
_SET = re.compile(r"[rw](\d+) = ")
_FETCH = re.compile(r"r(\d+) = (?:atomic|load_acquire)")
_HELPER = re.compile(r"call (\S+)#(-?\d+)")
_TEST = re.compile(r"if [rw](\d+) (\S+) (?:[rw](\d+)|(-?\w+)) goto")

if TYPE_CHECKING:
    Act = Literal["copy", "load", "store", "change", "call", "constant", "address", "test", "argument", "entry"]
COPY: Final = "copy"
LOAD: Final = "load"
STORE: Final = "store"
CHANGE: Final = "change"
CALL: Final = "call"
CONSTANT: Final = "constant"
ADDRESS: Final = "address"
TEST: Final = "test"
ARGUMENT: Final = "argument"
ENTRY: Final = "entry"


class Step(NamedTuple):
    """An instruction on the path; ``depth`` counts calls, 0 being the function that was refused, -1 its caller."""

    instruction: Instruction
    depth: int = 0


class Event(NamedTuple):
    """A step in the life of a value: what was done (:data:`Act`), by which instruction, to which register or stack
    slot.

    ``detail`` is the helper of a call, the operator of a change, the base register of a load.
    """

    act: Act
    step: Step
    place: str
    detail: str = ""


def path_back(log: Log) -> list[Step]:
    """Return the instructions that led to the end of the log, the last first."""
    return list(_Walk(log).steps())


class _Walk:
    def __init__(self, log: Log) -> None:
        self._lines = log.lines
        self._lowest = max(0, len(log.lines) - _MOST_LINES)

    def steps(self) -> Iterator[Step]:
        """Yield the steps, the last first."""
        current = self._instruction_before(len(self._lines))
        depth = 0
        for _ in range(_MOST_STEPS):
            if current is None:
                return
            yield Step(current, depth)
            before = self._instruction_before(current.line)
            if before is None:
                return
            between = self._lines[before.line + 1 : current.line]
            jumps = [pair for pair in map(branch, between) if pair is not None]
            if jumps:
                before = self._fork_at(jumps[-1][0], current.line)
            elif before.opcode == OP_EXIT and any(line.startswith(_RETURNS) for line in between):
                depth += 1
            elif before.opcode == OP_CALL and any(line.rstrip() in ("caller:", "callee:") for line in between):
                depth -= 1
            elif not _leads(before, current.slot):
                before = self._fork_to(current)
            elif _is_call_of(before, current.slot):
                depth -= 1
            current = before

    def _instruction_before(self, line: int) -> Instruction | None:
        for number in range(line - 1, self._lowest - 1, -1):
            found = instruction(self._lines[number], number)
            if found is not None:
                return found
        return None

    def _fork_at(self, slot: int, line: int) -> Instruction | None:
        """Return the branch in a slot at which the path was left that begins before a line of the log."""
        taken, marker = -1, f"from {slot} to "
        for number in range(line - 1, self._lowest - 1, -1):
            text = self._lines[number]
            if text.lstrip().startswith(marker):
                taken += 1
            elif (found := instruction(text, number)) is not None and found.slot == slot:
                if taken <= 0:
                    return found
                taken -= 1
        return None

    def _fork_to(self, start: Instruction) -> Instruction | None:
        """Return the branch at which the path was left that begins with an instruction.

        Since v5.11 ("bpf: Use verifier logs level 2 for states") a log of level 1 does not name it.
        """
        after, taken = start, 0
        while (found := self._instruction_before(after.line)) is not None:
            follows = _leads(found, after.slot)
            if not follows and after.slot == start.slot and after is not start:
                taken += 1
            if "goto" in found.text and _leads(found, start.slot) and after.slot != start.slot:
                if not taken:
                    return found
                taken -= 1
            after = found
        return None


def successors(found: Instruction) -> list[int]:
    """Return the slots that may follow an instruction."""
    if found.opcode == OP_EXIT:
        return []
    next_slot = found.slot + (2 if found.opcode == OP_LD_IMM64 else 1)
    call = _CALL.match(found.text)
    if call:
        return [next_slot + int(call[1]), next_slot]
    target = _TARGET.search(found.text)
    if target is None:
        return [next_slot]
    to = next_slot + int(target[1])
    return [to] if found.text.startswith("goto") else [next_slot, to]


def _leads(before: Instruction, slot: int) -> bool:
    return slot in successors(before)


def _is_call_of(before: Instruction, slot: int) -> bool:
    call = _CALL.match(before.text)
    return call is not None and slot == before.slot + 1 + int(call[1]) and int(call[1]) != 0


def history(steps: list[Step], place: str, start: int = 1) -> list[Event]:
    """Return the events in the life of a register (``R1``) or stack slot (``fp-8``), the last first.

    ``steps`` are those of :func:`path_back`; ``start`` is the index of the first that may have written it.
    """
    return list(_History(steps, place).events(start))


class _History:
    def __init__(self, steps: list[Step], place: str) -> None:
        self._steps = steps
        self._place = place
        self._depth = steps[0].depth if steps else 0

    def events(self, start: int) -> Iterator[Event]:
        """Yield the events, the last first, up to the one that the value came from."""
        if start > 0 and start <= len(self._steps):
            self._depth = self._steps[start - 1].depth
        for index in range(start, len(self._steps)):
            step = self._steps[index]
            if step.depth < self._depth:
                if self._place not in ("R1", "R2", "R3", "R4", "R5"):
                    yield Event(ENTRY, step, self._place)
                    return
                yield Event(ARGUMENT, step, self._place)
                self._depth = step.depth
                continue
            if step.depth > self._depth:
                if self._place == "R0" and step.instruction.opcode == OP_EXIT and step.depth == self._depth + 1:
                    self._depth = step.depth
                continue
            event = self._event(step)
            if event is None:
                continue
            yield event
            if event.act in (CALL, CONSTANT, ADDRESS):
                return
            if event.act == LOAD and not self._follow_load(event):
                return
        if self._steps:
            yield Event(ENTRY, self._steps[-1], self._place)

    def _follow_load(self, event: Event) -> bool:
        """Go on with what a load read, if that is a slot of the stack."""
        match = _LOAD.match(event.step.instruction.text)
        if match is None or match[3] != "10":
            return False
        self._place = f"fp{match[4]}"
        return True

    def _event(self, step: Step) -> Event | None:
        text, place = step.instruction.text, self._place
        if place.startswith("fp"):
            store = _STORE.match(text)
            if store and store[2] == "10" and f"fp{store[3]}" == place:
                if store[4]:
                    self._place = f"R{store[4]}"
                return Event(STORE if store[4] else CONSTANT, step, place)
            return None
        number = place[1:]
        if step.instruction.opcode == OP_CALL:
            helper = _HELPER.match(text)
            name = helper[1] if helper else text.removeprefix("call ")
            return Event(CALL, step, place, name) if int(number) <= 5 else None
        test = _TEST.match(text)
        if test:
            return Event(TEST, step, place, test[2]) if number in (test[1], test[3]) else None
        return self._written(step, text, number)

    def _written(self, step: Step, text: str, number: str) -> Event | None:
        place = self._place
        move = _MOVE.match(text)
        if move and move[1] == number:
            self._place = f"R{move[2]}"
            return Event(COPY, step, place, f"R{move[2]}") if move[2] != "10" else Event(ADDRESS, step, place, "stack")
        load = _LOAD.match(text)
        if load and load[1] == number:
            return Event(LOAD, step, place, f"R{load[3]}")
        change = _CHANGE.match(text)
        if change and change[1] == number:
            return Event(CHANGE, step, place, change[2])
        written = _SET.match(text) or _FETCH.match(text)
        if written and written[1] == number:
            return Event(ADDRESS if step.instruction.opcode == OP_LD_IMM64 else CONSTANT, step, place)
        return None


def base_register(text: str) -> str:
    """Return the register whose memory an instruction accesses; empty for others."""
    match = _LOAD.match(text)
    if match:
        return f"R{match[3]}"
    match = _STORE.match(text)
    return f"R{match[2]}" if match else ""
