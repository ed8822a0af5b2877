"""Where instructions of a refused program stand in its C source: by the object, else by what the log quotes."""

from __future__ import annotations

import re
from functools import cached_property

from pytc.errors import one_line
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.object.spec import MapSpec, ObjectSpec
    from pytc.bpf.verifier.log import Log
    from pytc.bpf.verifier.trail import Step

_LOADS = re.compile(r"(?:[rw]\d+) = \*\(([us])(\d+) \*\)\(r(\d+) ([+-])(\d+)\)")
_STORES = re.compile(r"\*\(([us])(\d+) \*\)\(r(\d+) ([+-])(\d+)\) =")


class Place(NamedTuple):
    """A place in the source: ``file`` may be empty and ``line`` 0, ``column`` counts from 1, 0 for unknown."""

    file: str
    line: int
    text: str
    column: int = 0
    function: str = ""
    slot: int = -1
    instruction: str = ""

    @property
    def where(self) -> str:
        """FILE:LINE, or the instruction's number where the source is not known."""
        return f"{one_line(self.file)}:{self.line}" if self.line else f"instruction {self.slot}"

    def at(self) -> str:
        """Return the place in words, FILE:LINE first."""
        parts = [f"{self.where}{f':{self.column}' if self.column and self.line else ''}"]
        if self.function:
            parts.append(f"in {one_line(self.function)}")
        if self.instruction:
            number = f"instruction {self.slot}, " if self.line else ""
            parts.append(f"({number}{self.instruction}{in_words(self.instruction)})")
        return " ".join(parts)

    def excerpt(self) -> tuple[str, ...]:
        """Return the line of C, and a caret below the column."""
        if not self.text:
            return ()
        number = str(self.line or "")
        margin = " " * len(number)
        lines = [f"{number} | {one_line(self.text)}"]
        if 0 < self.column <= len(self.text):
            lines.append(f"{margin} | {' ' * (self.column - 1)}^")
        return tuple(lines)


def in_words(instruction: str) -> str:
    """Return what a load or store does, for people; empty for other instructions."""
    for pattern, verb in ((_LOADS, "reads"), (_STORES, "writes")):
        match = pattern.match(instruction)
        if match:
            size = int(match[2]) // 8
            count = f"{size} byte{'s' * (size > 1)}"
            return f": {verb} {count} at R{match[3]} {match[4]} {match[5]}"
    return ""


class Places:
    """The source of instructions by their slots."""

    def __init__(self, log: Log, steps: list[Step], spec: ObjectSpec | None, linked: LinkedProgram | None) -> None:
        self._log = log
        self._spec = spec
        self.linked = linked
        self._lines = {step.instruction.slot: step.instruction.line for step in reversed(steps)}
        self._texts = {step.instruction.slot: step.instruction.text for step in steps}

    def at(self, slot: int) -> Place:
        """Return the place of an instruction."""
        text = self._texts.get(slot, "") or self._disassembled.get(slot, "")
        function = self.function(slot)
        if self._spec is not None and self._spec.btf is not None and self.linked is not None and self.linked.line_info:
            from pytc.bpf.btf.ext import line_at

            line = line_at(self.linked.line_info, self.linked.line_info_size, slot, self._spec.btf)
            if line is not None:
                return Place(line.file, line.line, line.text, line.column, function, slot, text)
        quoted = self._log.source_before(self._lines[slot]) if slot in self._lines else None
        if quoted is not None:
            return Place(quoted.file, quoted.number, quoted.text, 0, function, slot, text)
        return Place("", 0, "", 0, function, slot, text)

    @cached_property
    def _disassembled(self) -> dict[int, str]:
        if self.linked is None:
            return {}
        from pytc.bpf.insn.disassemble import disassemble

        return {slot: text.partition(") ")[2] for slot, text in disassemble(self.linked.code)}

    def function(self, slot: int) -> str:
        """Return the name of the function that an instruction belongs to; empty where it is not known."""
        if self.linked is None:
            return ""
        name = ""
        for part in self.linked.functions:
            if part.start > slot:
                break
            name = part.function.name
        return name

    def map_at(self, slot: int) -> str:
        """Return the map whose address an instruction loads; empty for none."""
        maps = self.linked.maps if self.linked is not None else ()
        return next((reference.name for reference in maps if reference.slot == slot), "")

    def map_spec(self, name: str) -> MapSpec | None:
        """Return the declaration of a map by its name."""
        return self._spec.maps.get(name) if self._spec is not None else None
