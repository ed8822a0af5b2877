"""Step through a program instruction by instruction, like bpf_dbg. Commands and results are text; no terminal."""

from __future__ import annotations

from pytc.bpf.insn.classic_check import is_jump
from pytc.cbpf.disassembler import line
from pytc.cbpf.interpreter import Machine
from pytc.cbpf.pcap import Programs, start
from pytc.errors import CaptureError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytc.cbpf.pcap import Program
    from pytc.packets.packet import Packet

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
    """A debugger of one program over the packets of a capture.

    Show ``greeting`` first; ``done`` turns true after ``quit``, and where the capture is empty. ``program`` may be a
    function that returns one for a LINKTYPE_ number. Raises what reading the packets raises.
    """

    def __init__(
        self,
        program: Program | Callable[[int], Program],
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
        """Execute a line and return the text to show; raises CaptureError for a damaged capture."""
        word, *arguments = text.split() or ["step"]
        command = next((command for command in self._commands if command.name.startswith(word)), None)
        return command.action(arguments) if command is not None else f'What is "{word}"? Try "help".\n'

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
        return f"packet {self._number}, {len(packet.data)}{cut} bytes\n{self._position()}"

    def _begin(self) -> None:
        assert self._packet is not None  # a command needs a machine, and that a packet
        program = self._programs.for_packet(self._packet)
        self._machine = start(program, self._packet, values=self._values, untagged=self._untagged)
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
        self._steps += self._running.verdict is None
        self._running.step()

    def _run(self, _: list[str]) -> str:
        machine = self._running
        while machine.verdict is None:
            self._forward()
            if machine.pc in self._breakpoints and machine.verdict is None:
                return f"breakpoint {machine.pc}\n{self._state()}"
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
        return f'"{word}" is not an instruction: l0 to l{len(self._program) - 1} are there.\n'

    def _show(self, _: list[str]) -> str:
        return self._state()

    def _list(self, _: list[str]) -> str:
        machine = self._running
        marks = (
            "->" if index == machine.pc and machine.verdict is None else " *" if index in self._breakpoints else "  "
            for index in range(len(self._program))
        )
        return "".join(f"{mark} {line(self._program, index)}\n" for index, mark in enumerate(marks))

    def _bytes(self, _: list[str]) -> str:
        data = self._running.data
        return "".join(
            f"{start:#06x}: {data[start : start + _BYTES_A_LINE].hex(' ')}\n"
            for start in range(0, len(data), _BYTES_A_LINE)
        )

    def _quit(self, _: list[str]) -> str:
        self.done = True
        return ""

    @property
    def _program(self) -> Program:
        return self._running.program

    @property
    def _running(self) -> Machine:
        assert self._machine is not None  # execute is not called when the first packet did not come
        return self._machine

    def _state(self) -> str:
        machine = self._running
        cells = [f"M[{index}] {cell:#010x}" for index, cell in enumerate(machine.memory) if cell]
        rows = [cells[start : start + _CELLS_A_LINE] for start in range(0, len(cells), _CELLS_A_LINE)]
        memory = "".join(f"{'  '.join(row)}\n" for row in rows)
        registers = f"A {machine.a:#010x} ({machine.a})  X {machine.x:#010x} ({machine.x})"
        return f"{registers}\n{memory}{self._position()}"

    def _position(self) -> str:
        machine = self._running
        if machine.verdict is not None:
            return f"returned {machine.verdict:#x} ({machine.verdict}): {'match' if machine.verdict else 'no match'}\n"
        return f"{line(self._program, machine.pc)}{self._jump_target()}\n"

    def _jump_target(self) -> str:
        """Return where a jump will go; empty for another instruction."""
        machine = self._running
        if not is_jump(self._program[machine.pc].code):
            return ""
        ahead = Machine(machine.program, machine.data)
        ahead.a, ahead.x, ahead.pc = machine.a, machine.x, machine.pc
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
