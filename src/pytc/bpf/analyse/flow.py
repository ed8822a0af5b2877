"""Follow what registers certainly hold through a linked program, to find what every kernel refuses.

Where paths meet, only what all of them agree on is kept. So a mistake that is found happens on every path to its
instruction; what depends on the path is left to the verifier.
"""

from __future__ import annotations

from pytc.bpf.insn import instructions as ins
from pytc.bpf.sys.constants import MapType, ProgramType
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytc.bpf.insn.instructions import Instruction
    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.object.spec import ObjectSpec

_FRAME, _REGISTERS, _ARGUMENTS = 10, 11, range(1, 6)
_ADD, _SUB, _MOVE = 0x00, 0x10, 0xB0
_MULTIPLY, _SHIFT_LEFT, _SHIFT_RIGHT = 0x20, 0x60, 0x70
_EQUAL, _NOT_EQUAL = 0x10, 0x50
_WIDTHS = {0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8}
# Helpers by number.
LOOKUP, RESERVE, SUBMIT, DISCARD, LOCK, UNLOCK = 1, 131, 132, 133, 93, 94
#: Helpers that make pointers into the packet invalid (bpf_helper_changes_pkt_data in net/core/filter.c).
PACKET_CHANGES = frozenset((9, 10, 11, 13, 18, 19, 31, 38, 39, 43, 44, 50, 54, 63, 65, 73, 74, 75, 76, 90, 91, 143))
#: Offsets of the packet's start and end in the context.
_PACKET: Mapping[int, tuple[int, int]] = {
    ProgramType.SCHED_CLS: (76, 80),
    ProgramType.SCHED_ACT: (76, 80),
    ProgramType.XDP: (0, 4),
}
_ARRAYS = (MapType.ARRAY, MapType.PERCPU_ARRAY)


class Value(NamedTuple):
    """The value of a register, as far as the instructions show it.

    It is ``ctx``, ``stack`` or ``packet``, with an offset where that is known; ``maybe`` (a pointer that may be NULL)
    or ``checked`` (one that is not); the packet's ``end``; ``free`` (any number, of 32 bits that ``offset`` has shifted
    to the left); ``wild`` (a pointer into a map's value to which any number was added); ``stale`` (a pointer into the
    packet from before the call in slot ``origin``); or a ``map`` by its name.
    """

    kind: str
    origin: int = -1
    offset: int = 0
    name: str = ""


class State(NamedTuple):
    """Registers and stack slots; whether a path may have compared with the packet's end; records and locks that every
    path holds, by the slot that took them."""

    registers: tuple[Value | None, ...]
    stack: Mapping[int, Value]
    compared: bool = False
    held: frozenset[int] = frozenset()


class Use(NamedTuple):
    """An instruction that will be refused: ``check`` says why, ``value`` what it uses."""

    check: str
    slot: int
    value: Value


class Flow:
    """Runs the analysis of one program."""

    def __init__(self, spec: ObjectSpec, linked: LinkedProgram, type: int) -> None:
        self._spec = spec
        self._packet = _PACKET.get(type, (-1, -1))
        self._code = dict(ins.decode_all(linked.code))
        self._starts = [part.start for part in linked.functions]
        self._maps = {reference.slot: reference.name for reference in linked.maps}
        self._externs = {use.slot for use in linked.externs}
        self._at: dict[int, State] = {}
        self._leaks: dict[int, frozenset[int]] = {}

    def map_argument(self, slot: int, argument: int) -> str:
        """Return the map that a call in a slot certainly gets as an argument; empty where that is not known."""
        state = self._at.get(slot)
        value = state.registers[argument] if state is not None else None
        return value.name if value is not None and value.kind == "map" else ""

    def uses(self) -> Iterator[Use]:
        """Yield what every path to an instruction does wrong, in the order of the instructions; nothing of instructions
        with registers that there are not."""
        if any(i.destination > _FRAME or i.source > _FRAME for i in self._code.values()):
            return
        for start in self._starts:
            registers: list[Value | None] = [None] * _REGISTERS
            registers[_FRAME] = Value("stack")
            if start == 0:
                registers[1] = Value("ctx")
            self._run(start, State(tuple(registers), {}))
        for slot in sorted(self._at):
            yield from self._wrong(slot, self._code[slot], self._at[slot])
        for slot, held in self._leaks.items():
            for taken in held:
                yield Use("unreleased", slot, Value("record", taken))

    def _run(self, start: int, state: State) -> None:
        self._at.setdefault(start, state)
        work = [start]
        for _ in range(200_000):
            if not work:
                return
            slot = work.pop()
            for following, after in self._step(slot, self._code[slot], self._at[slot]):
                if following not in self._code:
                    continue
                if self._ends_at(following):
                    self._leaks[slot] = after.held
                before = self._at.get(following)
                joined = after if before is None else _join(before, after)
                if joined != before:
                    self._at[following] = joined
                    work.append(following)
        self._at.clear()  # too large to be sure
        self._leaks.clear()

    def _ends_at(self, slot: int) -> bool:
        """Return whether the program does nothing any more from a slot on but to return a value."""
        for _ in range(8):
            i = self._code.get(slot)
            if i is None:
                return False
            if i.opcode == ins.OP_EXIT:
                return len(self._starts) == 1 or slot < self._starts[1]
            if i.opcode & 7 not in (ins.ALU, ins.ALU64):
                return False
            slot += 1
        return False

    def _step(self, slot: int, i: Instruction, state: State) -> Iterator[tuple[int, State]]:
        kind = i.opcode & 7
        if i.opcode == ins.OP_EXIT:
            return
        if i.opcode in (ins.OP_CALL, ins.OP_CALL_REGISTER):
            yield slot + 1, self._call(slot, i, state)
        elif i.opcode == ins.OP_LD_IMM64:
            name = self._maps.get(slot, "")
            is_data = i.source == ins.PSEUDO_MAP_VALUE
            known = Value("checked", slot, name=name) if is_data else Value("map", name=name)
            yield slot + 2, _put(state, i.destination, known if name else None)
        elif i.opcode in (ins.OP_GOTO, ins.OP_GOTO_LONG):
            yield slot + 1 + (i.immediate if i.opcode == ins.OP_GOTO_LONG else i.offset), state
        elif kind in (ins.JMP, ins.JMP32):
            yield from self._branch(slot, i, state)
        elif kind in (ins.ALU, ins.ALU64):
            yield slot + 1, _arithmetic(i, kind, state)
        elif kind == ins.LDX:
            yield slot + 1, _put(state, i.destination, self._load(slot, i, state))
        elif kind in (ins.ST, ins.STX):
            yield slot + 1, _store(i, kind, state)
        else:
            yield slot + 1, _put(state, 0, None)

    def _load(self, slot: int, i: Instruction, state: State) -> Value | None:
        base = state.registers[i.source]
        if base is None or i.opcode & ins.MODE != ins.MEM:
            return None
        width = _WIDTHS[i.opcode & 0x18]
        if base.kind == "ctx" and width == 4 and self._packet[1] > 0:
            start, end = self._packet
            return {start: Value("packet"), end: Value("end")}.get(base.offset + i.offset, Value("free", slot))
        value = state.stack.get(base.offset + i.offset) if base.kind == "stack" else None
        return value if value is not None and (width == 8) != (value.kind == "free") else None

    def _branch(self, slot: int, i: Instruction, state: State) -> Iterator[tuple[int, State]]:
        taken, on = slot + 1 + i.offset, slot + 1
        left = state.registers[i.destination]
        right = state.registers[i.source] if i.opcode & ins.FROM_REGISTER else None
        for value in (left, right):
            # Equal to a pointer that is not NULL, another is none either.
            if value is not None and (value.kind == "free" or (value.kind == "maybe" and i.opcode & ins.FROM_REGISTER)):
                state = _forget(state, value.origin)
        if i.opcode & ins.FROM_REGISTER:
            state = state._replace(compared=state.compared or _may_compare(left, right))
        elif left is not None and left.kind == "maybe" and i.immediate == 0:
            operation = i.opcode & 0xF0
            if operation in (_EQUAL, _NOT_EQUAL):
                null, checked = (
                    _resolved(state, left.origin, is_null=True),
                    _resolved(state, left.origin, is_null=False),
                )
                yield taken, null if operation == _EQUAL else checked
                yield on, checked if operation == _EQUAL else null
                return
            state = _forget(state, left.origin)
        elif left is not None and left.kind == "maybe":
            state = _forget(state, left.origin)
        yield taken, state
        yield on, state

    def _call(self, slot: int, i: Instruction, state: State) -> State:
        arguments = [state.registers[number] for number in _ARGUMENTS]
        stack, held, result = _without_passed(state.stack, arguments), state.held, None
        registers = state.registers
        if i.source != 0 or slot in self._externs or i.opcode == ins.OP_CALL_REGISTER:
            # A function of the program, or of the kernel, may release, check and change what it likes.
            registers, stack, held = tuple(_uncertain(value) for value in registers), {}, frozenset()
            state = state._replace(compared=True)
        elif i.immediate == LOOKUP:
            result = self._looked_up(slot, arguments[0], arguments[1], state)
        elif i.immediate == RESERVE:
            result, held = Value("maybe", slot), held | {slot}
        elif i.immediate in (SUBMIT, DISCARD):
            record = arguments[0]
            held = held - {record.origin} if record is not None and record.origin >= 0 else frozenset()
        elif i.immediate == LOCK:
            held |= {slot}
        elif i.immediate == UNLOCK:
            held = frozenset(taken for taken in held if self._code[taken].immediate != LOCK)
        elif i.immediate in PACKET_CHANGES:
            registers = tuple(_stale(value, slot) for value in registers)
            stack = {at: changed for at, value in stack.items() if (changed := _stale(value, slot)) is not None}
        return State((result, None, None, None, None, None, *registers[6:]), stack, state.compared, held)

    def _looked_up(self, slot: int, map: Value | None, key: Value | None, state: State) -> Value | None:
        """Return the result of a look-up. Since v6.15 the verifier knows that an array has an element with a constant
        key."""
        declared = self._spec.maps.get(map.name) if map is not None and map.kind == "map" else None
        if declared is None:
            return None
        if declared.type in _ARRAYS:
            index = state.stack.get(key.offset) if key is not None and key.kind == "stack" else None
            if index is None or index.kind != "free":
                return Value("checked", slot, name=declared.name)
        return Value("maybe", slot, name=declared.name)

    def _wrong(self, slot: int, i: Instruction, state: State) -> Iterator[Use]:
        kind = i.opcode & 7
        if kind not in (ins.LDX, ins.ST, ins.STX):
            return
        base = state.registers[i.source if kind == ins.LDX else i.destination]
        if i.opcode & ins.MODE == ins.ATOMIC and i.immediate == 0x100:
            base = state.registers[i.source]  # load_acquire
        if base is None:
            return
        if base.kind == "maybe":
            yield Use("null-check", slot, base)
        elif base.kind == "packet" and not state.compared:
            yield Use("packet-check", slot, base)
        elif base.kind == "wild":
            yield Use("unbounded-index", slot, base)
        elif base.kind == "stale":
            yield Use("packet-stale", slot, base)
        elif base.kind == "ctx" and kind != ins.LDX:
            yield Use("context-write", slot, base._replace(offset=base.offset + i.offset))


def _join(left: State, right: State) -> State:
    registers = tuple(a if a == b else None for a, b in zip(left.registers, right.registers, strict=True))
    stack = {at: value for at, value in left.stack.items() if right.stack.get(at) == value}
    return State(registers, stack, left.compared or right.compared, left.held & right.held)


def _put(state: State, register: int, value: Value | None) -> State:
    registers = list(state.registers)
    registers[register] = value
    return state._replace(registers=tuple(registers))


def _arithmetic(i: Instruction, kind: int, state: State) -> State:
    operation = i.opcode & 0xF0
    ours = state.registers[i.destination]
    theirs = state.registers[i.source] if i.opcode & ins.FROM_REGISTER else None
    if operation == _MOVE and kind == ins.ALU64 and i.opcode & ins.FROM_REGISTER and not i.offset:
        return _put(state, i.destination, theirs)
    if kind == ins.ALU64 and operation in (_ADD, _SUB):
        if ours is not None and not i.opcode & ins.FROM_REGISTER and ours.kind in ("ctx", "stack", "packet"):
            moved = ours.offset + (i.immediate if operation == _ADD else -i.immediate)
            return _put(state, i.destination, ours._replace(offset=0 if ours.kind == "packet" else moved))
        if i.opcode & ins.FROM_REGISTER and operation == _ADD:
            return _put(state, i.destination, _sum(ours, theirs))
    if ours is not None and ours.kind == "free" and kind == ins.ALU64 and not i.opcode & ins.FROM_REGISTER:
        return _put(state, i.destination, _shifted(ours, operation, i.immediate))
    if operation == _MOVE and theirs is not None and theirs.kind == "free" and not theirs.offset and not i.offset:
        return _put(state, i.destination, theirs)  # of 32 bits, which are all that it has
    return _put(state, i.destination, None)


def _shifted(number: Value, operation: int, by: int) -> Value | None:
    """Return a number of 32 bits after a shift or a multiplication, None if it may have a bound then."""
    if operation == _SHIFT_LEFT and 0 <= by <= 32 and number.offset + by <= 32:
        return number._replace(offset=number.offset + by)
    if operation == _SHIFT_RIGHT and 0 <= by <= number.offset:
        return number._replace(offset=number.offset - by)
    return number if operation == _MULTIPLY and 0 < by < 1 << 16 and not number.offset else None


def _sum(ours: Value | None, theirs: Value | None) -> Value | None:
    """Return what comes of the addition of two registers."""
    for pointer, number in ((ours, theirs), (theirs, ours)):
        if pointer is None or (number is not None and number.kind != "free"):
            continue
        if pointer.kind == "packet":
            return pointer
        if pointer.kind == "checked" and number is not None:
            return Value("wild", number.origin, name=pointer.name)
    return None


def _store(i: Instruction, kind: int, state: State) -> State:
    base = state.registers[i.destination]
    if i.opcode & ins.MODE == ins.ATOMIC:
        state = _put(_put(state, i.source, None), 0, None)
        return state._replace(stack={}) if base is None or base.kind == "stack" else state
    if base is None:
        return state._replace(stack={})  # it may be an address on the stack
    if base.kind != "stack":
        return state
    at, width = base.offset + i.offset, _WIDTHS[i.opcode & 0x18]
    stack = {other: value for other, value in state.stack.items() if other + 8 <= at or at + width <= other}
    value = state.registers[i.source] if kind == ins.STX else None
    if value is not None and (width == 8 or (width == 4 and value.kind == "free")):
        stack[at] = value
    return state._replace(stack=stack)


def _may_compare(left: Value | None, right: Value | None) -> bool:
    """Return whether a comparison may be one with the packet's end."""
    kinds = {value.kind for value in (left, right) if value is not None}
    return "end" in kinds or "packet" in kinds


def _resolved(state: State, origin: int, *, is_null: bool) -> State:
    """Return a state in which a pointer that may be NULL is, or is not."""

    def one(value: Value | None) -> Value | None:
        if value is None or value.kind != "maybe" or value.origin != origin:
            return value
        return None if is_null else value._replace(kind="checked")

    stack = {at: changed for at, value in state.stack.items() if (changed := one(value)) is not None}
    held = state.held - {origin} if is_null else state.held
    return State(tuple(map(one, state.registers)), stack, state.compared, held)


def _forget(state: State, origin: int) -> State:
    """Return a state that knows nothing of a pointer any more, after a comparison that is not one with NULL."""

    def one(value: Value | None) -> Value | None:
        return None if value is not None and value.origin == origin else value

    stack = {at: value for at, value in state.stack.items() if one(value) is not None}
    return State(tuple(map(one, state.registers)), stack, state.compared, state.held - {origin})


def _without_passed(stack: Mapping[int, Value], arguments: list[Value | None]) -> Mapping[int, Value]:
    """Return the stack without what a function may have written: all from the lowest address that it got on."""
    passed = [value.offset for value in arguments if value is not None and value.kind == "stack"]
    return {at: value for at, value in stack.items() if at + 8 <= min(passed)} if passed else stack


def _uncertain(value: Value | None) -> Value | None:
    """Return what is still known of a value after a call of a function that is not followed."""
    return value if value is not None and value.kind in ("ctx", "stack", "map", "checked") else None


def _stale(value: Value | None, slot: int) -> Value | None:
    if value is None or value.kind not in ("packet", "end"):
        return value
    return Value("stale", slot) if value.kind == "packet" else None
