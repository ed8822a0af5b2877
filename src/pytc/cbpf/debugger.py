"""Going through a program instruction by instruction, as with bpf_dbg. Text in, text out: no terminal here."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pytc.bpf.insn.classic_check import is_jump
from pytc.cbpf.disassembler import line
from pytc.cbpf.interpreter import Machine
from pytc.cbpf.pcap import Program, Programs, machine
from pytc.errors import CaptureError
from pytc.packets.capture import Packet

_HELP = """\
step [N]           run N instructions {1}, with -N go back by so many; an empty line steps once
run                run to a breakpoint or to the end of the program
next [N]           go N packets on {1}
restart            begin again with this packet
breakpoint [N]     stop before instruction N; without N, list the breakpoints; "clear" for N: remove all
delete N           remove a breakpoint
show               the registers, the memory, the instruction that comes next
list               the whole program
packet             the packet's bytes
quit               leave
Words may be abbreviated.
"""
_BYTES_A_LINE = 16
_CELLS_A_LINE = 8


class _Command(NamedTuple):
    name: str
    action: Callable[[list[str]], str]


class Debugger:
    """``done`` says that there is nothing more to do. ``greeting`` is to be shown first. ``program`` may be a function
    that has one for each LINKTYPE_. Raises what reading the packets raises."""

    def __init__(
        self,
        program: "Program | Callable[[int], Program]",
        packets: Iterator[Packet],
        *,
        values: Mapping[str, int] | None = None,
        untagged: bool = False,
    ) -> None:
        self.done = False
        self._programs = Programs(program)
        self._packets = packets
        self._values = values
        self._untagged = untagged
        self._number = self._steps = 0
        self._packet: Packet | None = None
        self._machine: Machine | None = None
        self._breakpoints: set[int] = set()
        self._commands = (
            _Command("step", self._step),
            _Command("run", self._run),
            _Command("next", self._next),
            _Command("restart", self._restart),
            _Command("breakpoint", self._break),
            _Command("delete", self._delete),
            _Command("show", self._show),
            _Command("list", self._list),
            _Command("packet", self._bytes),
            _Command("help", lambda _: _HELP),
            _Command("quit", self._quit),
        )
        self.greeting = self._next([]) + '"help" lists the commands.\n'

    def execute(self, text: str) -> str:
        """Does what a line says; returns what there is to show. Raises CaptureError for a damaged capture."""
        word, *arguments = text.split() or ["step"]
        found = next((command for command in self._commands if command.name.startswith(word)), None)
        return found.action(arguments) if found is not None else f'What is "{word}"? Try "help".\n'

    def _next(self, arguments: list[str]) -> str:
        count = _count(arguments)
        if count is None:
            return f'"{arguments[0]}" is not a number of packets.\n'
        for _ in range(count):
            packet = next(self._packets, None)
            if packet is None:
                self.done = self._packet is None
                end = f"The capture has {self._number} packets.\n"
                return end if self.done else end + self._restart([])
            self._number += 1
            self._packet = packet
        return self._restart([])

    def _restart(self, _: list[str]) -> str:
        packet = self._packet
        if packet is None:
            raise CaptureError("there is no packet")
        self._begin()
        cut = "" if len(packet.data) == packet.length else f" of {packet.length}"
        return f"packet {self._number}, {len(packet.data)}{cut} bytes\n{self._place()}"

    def _begin(self) -> None:
        assert self._packet is not None  # a command needs a machine, and that a packet
        program = self._programs.of(self._packet)
        self._machine = machine(program, self._packet, values=self._values, untagged=self._untagged)
        self._steps = 0

    def _step(self, arguments: list[str]) -> str:
        back = bool(arguments) and arguments[0].startswith("-")
        count = _count([arguments[0][1:]] if back else arguments)
        if count is None:
            return f'"{arguments[0]}" is not a number of instructions.\n'
        if back:
            count = max(self._steps - count, 0)
            self._begin()
        for _ in range(min(count, len(self._program))):
            self._forward()
        return self._state()

    def _forward(self) -> None:
        self._steps += self._at.verdict is None
        self._at.step()

    def _run(self, _: list[str]) -> str:
        at = self._at
        while at.verdict is None:
            self._forward()
            if at.pc in self._breakpoints and at.verdict is None:
                return f"breakpoint {at.pc}\n{self._state()}"
        return self._state()

    def _break(self, arguments: list[str]) -> str:
        if arguments and "clear".startswith(arguments[0]):
            self._breakpoints.clear()
        elif arguments:
            index = _index(arguments[0], len(self._program))
            if index is None:
                return self._no_instruction(arguments[0])
            self._breakpoints.add(index)
        return (
            "".join(
                f"{line(self._program, index)}\n" for index in sorted(self._breakpoints) if index < len(self._program)
            )
            or "no breakpoints\n"
        )

    def _delete(self, arguments: list[str]) -> str:
        index = _index(arguments[0], len(self._program)) if arguments else None
        if index is None:
            return self._no_instruction(arguments[0] if arguments else "")
        self._breakpoints.discard(index)
        return self._break([])

    def _no_instruction(self, word: str) -> str:
        return f'"{word}" is not an instruction; the program has l0 to l{len(self._program) - 1}.\n'

    def _show(self, _: list[str]) -> str:
        return self._state()

    def _list(self, _: list[str]) -> str:
        at = self._at
        marks = (
            "->" if index == at.pc and at.verdict is None else " *" if index in self._breakpoints else "  "
            for index in range(len(self._program))
        )
        return "".join(f"{mark} {line(self._program, index)}\n" for index, mark in enumerate(marks))

    def _bytes(self, _: list[str]) -> str:
        data = self._at.data
        return "".join(
            f"{at:#06x}: {data[at : at + _BYTES_A_LINE].hex(' ')}\n" for at in range(0, len(data), _BYTES_A_LINE)
        )

    def _quit(self, _: list[str]) -> str:
        self.done = True
        return ""

    @property
    def _program(self) -> Program:
        return self._at.program

    @property
    def _at(self) -> Machine:
        assert self._machine is not None  # execute is not called when the first packet did not come
        return self._machine

    def _state(self) -> str:
        at = self._at
        cells = [f"M[{index}] {cell:#010x}" for index, cell in enumerate(at.memory) if cell]
        rows = [cells[start : start + _CELLS_A_LINE] for start in range(0, len(cells), _CELLS_A_LINE)]
        memory = "".join(f"{'  '.join(row)}\n" for row in rows)
        return f"A {at.a:#010x} ({at.a})  X {at.x:#010x} ({at.x})\n{memory}{self._place()}"

    def _place(self) -> str:
        at = self._at
        if at.verdict is not None:
            return f"returned {at.verdict:#x} ({at.verdict}): {'match' if at.verdict else 'no match'}\n"
        return f"{line(self._program, at.pc)}{self._outlook()}\n"

    def _outlook(self) -> str:
        """Return where a conditional jump will go."""
        at = self._at
        if not is_jump(self._program[at.pc].code):
            return ""
        ahead = Machine(at.program, at.data)
        ahead.a, ahead.x, ahead.pc = at.a, at.x, at.pc
        ahead.step()
        return f"  -> l{ahead.pc}"


def _count(arguments: list[str]) -> int | None:
    if not arguments:
        return 1
    return int(arguments[0]) if arguments[0].isascii() and arguments[0].isdigit() and len(arguments[0]) < 10 else None


def _index(word: str, count: int) -> int | None:
    digits = word.removeprefix("l")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 6):
        return None
    return int(digits) if int(digits) < count else None
