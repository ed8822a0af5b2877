"""Tell how a program came to the instruction that was refused: three to eight lines of C, the last one last."""

from __future__ import annotations

import re

from pytc.bpf.insn.instructions import JMP32
from pytc.bpf.verifier import names, trail
from pytc.errors import one_line
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytc.bpf.verifier.categories import Category
    from pytc.bpf.verifier.places import Place, Places
    from pytc.bpf.verifier.trail import Event, Step

#: Helpers after which pointers into the packet are no longer valid (bpf_helper_changes_pkt_data in net/core/filter.c).
PACKET_CHANGES = frozenset(
    "bpf_skb_store_bytes bpf_l3_csum_replace bpf_l4_csum_replace bpf_skb_vlan_push bpf_skb_vlan_pop "
    "bpf_skb_change_proto bpf_skb_change_tail bpf_skb_change_head bpf_skb_pull_data bpf_skb_adjust_room "
    "bpf_clone_redirect bpf_xdp_adjust_head bpf_xdp_adjust_meta bpf_xdp_adjust_tail bpf_msg_pull_data "
    "bpf_msg_push_data bpf_msg_pop_data bpf_lwt_push_encap bpf_lwt_seg6_store_bytes bpf_lwt_seg6_adjust_srh "
    "bpf_lwt_seg6_action bpf_store_hdr_opt".split()
)
_MOST_LINES = 8
_FEW_LINES = 3
#: What a line says only where there is nothing better to say of it.
_WEAK = (
    "",
    "moved",
    "moved back",
    "calculated",
    "compared here",
    "the jump is taken here",
    "the jump is not taken here",
)
_LOAD = re.compile(r"[rw](\d+) = \*\(([us]\d+) \*\)\(r(\d+) ([+-]\d+)\)")
#: Where contexts hold the packet's addresses: start, end and metadata, of __sk_buff and of xdp_md.
_SKB_DATA, _SKB_END, _SKB_META, _XDP_DATA, _XDP_END, _XDP_META = "+76", "+80", "+140", "+0", "+4", "+8"
_DATA = {_SKB_DATA: "the start of the packet", _SKB_END: "the end of the packet", _SKB_META: "the packet's metadata"}
_XDP = {_XDP_DATA: "the start of the packet", _XDP_END: "the end of the packet", _XDP_META: "the packet's metadata"}
_READABLE = re.compile(r"\br=(\d+)")
_OPERATORS = {
    "&=": "limited by a mask",
    "%=": "limited by a remainder",
    ">>=": "shifted right",
    "<<=": "multiplied by a power of two",
    "+=": "moved",
    "-=": "moved back",
}


class Line(NamedTuple):
    """A line of the path: a place, what happened there, and where in the log; a lower ``order`` is earlier."""

    place: Place
    note: str
    order: int

    def __str__(self) -> str:
        source = one_line(self.place.text) if self.place.text else self.place.instruction
        where = self.place.where.rpartition("/")[2]
        return f"{where}: {source}  <- {self.note}" if self.note else f"{where}: {source}"


class Narrative:
    """Writes paths from the steps of a log."""

    def __init__(self, steps: list[Step], places: Places, groups: Mapping[str, str], message: str) -> None:
        self._steps = steps
        self._places = places
        self._groups = groups
        self._message = message

    def lines(self, category: Category, place: Place | None, events: list[Event]) -> tuple[str, ...]:
        """Return the path; empty where nothing is known of it."""
        found = [line for event in reversed(events) if (line := self._of_event(event)) is not None]
        if category.name == "reference-leak" and "insn" in self._groups:
            slot = int(self._groups["insn"])
            found = [Line(self._places.at(slot), "the reference is taken here", -1)]
        if category.name == "packet-bounds":
            found += self._packet_check()
        if category.name == "stale-packet-pointer":
            found += self._changes()
        if category.name in ("unbounded-index", "map-value-bounds", "memory-bounds", "stack-bounds"):
            index = self.index_events(events, self._steps)
            found = [line for event in reversed(index) if (line := self._of_event(event)) is not None] + found
        if len(found) < _FEW_LINES - 1:
            found = self._branches(_FEW_LINES - 1 - len(found)) + found
        found.sort(key=lambda line: line.order)
        if place is not None and place.slot >= 0:
            found.append(Line(place, "refused here", 0))
        return tuple(str(line) for line in _shortened(self._callers() + _once_each(found)))

    def _of_event(self, event: Event) -> Line | None:
        note = self._note(event)
        slot = event.step.instruction.slot
        return Line(self._places.at(slot), note, event.step.instruction.line) if note else None

    def _note(self, event: Event) -> str:
        if event.act == trail.CALL:
            return self._call_note(event)
        if event.act == trail.LOAD:
            return self._load_note(event)
        if event.act == trail.TEST:
            is_narrow = event.step.instruction.opcode & 7 == JMP32
            return "compared here, in its lower 32 bits only" if is_narrow else "compared here"
        if event.act == trail.ADDRESS:
            name = self._places.map_at(event.step.instruction.slot)
            stack = "the address of a variable on the stack"
            return stack if event.detail == "stack" else f"the address of {name}" if name else "an address"
        return {
            trail.CHANGE: _OPERATORS.get(event.detail, "calculated"),
            trail.STORE: "saved on the stack",
            trail.CONSTANT: "set to a number",
            trail.ARGUMENT: "passed to the function",
        }.get(event.act, "")

    def _call_note(self, event: Event) -> str:
        name = event.detail.partition("#")[0]
        if event.place != "R0":
            return f"{name}() leaves {event.place} without a value"
        map_name = self.map_name([event])
        return f"returned by {name}()" + (f" of map {map_name}" if map_name else "")

    def _load_note(self, event: Event) -> str:
        match = _LOAD.match(event.step.instruction.text)
        if match is None:
            return "read from memory"
        if match[3] == "10":
            return "read back from the stack"
        text = self._places.at(event.step.instruction.slot).text
        known = self._packet_word(match[4], match[2], text)
        if known:
            return known
        base = trail.history(self._steps, f"R{match[3]}", self._steps.index(event.step) + 1)
        is_context = bool(base) and base[-1].act == trail.ENTRY and base[-1].place == "R1"
        return "read from the context" if is_context else "read from memory"

    def _packet_word(self, offset: str, size: str, text: str) -> str:
        if size != "u32":
            return ""
        if offset in _DATA:
            return _DATA[offset]
        return _XDP.get(offset, "") if "data" in text else ""

    def is_packet_load(self, text: str, events: list[Event]) -> bool:
        """Return whether an instruction reads the address of the packet from the context."""
        match = _LOAD.match(text)
        if match is None or not events:
            return False
        source = self._places.at(events[-1].step.instruction.slot).text
        return bool(self._packet_word(match[4], match[2], source))

    def packet_end_name(self) -> str:
        """Return the variable that holds the end of the packet."""
        for step in self._steps:
            match = _LOAD.match(step.instruction.text)
            if match is None or match[2] != "u32" or match[4] not in (_SKB_END, _XDP_END):
                continue
            text = self._places.at(step.instruction.slot).text
            if "data_end" in text:
                return names.assigned_name(text) or "data_end"
        return ""

    def map_name(self, events: list[Event]) -> str:
        """Return the map that the call looks into from which a value came."""
        call = next((event for event in events if event.act == trail.CALL), None)
        if call is None:
            return ""
        index = self._steps.index(call.step)
        loads = trail.history(self._steps, "R1", index + 1)
        return next((name for e in loads if (name := self._places.map_at(e.step.instruction.slot))), "")

    def index_events(self, events: list[Event], steps: list[Step]) -> list[Event]:
        """Return what happened to the number that was added to a pointer."""
        for event in events:
            match = re.match(r"r\d+ [+-]= r(\d+)$", event.step.instruction.text)
            if event.act == trail.CHANGE and match is not None:
                return trail.history(steps, f"R{match[1]}", steps.index(event.step) + 1)
        return []

    def scale(self, index: list[Event]) -> int:
        """Return by what the index was multiplied."""
        scale = 1
        for event in index:
            match = re.match(r"[rw]\d+ (<<=|\*=) (\d+)$", event.step.instruction.text)
            if event.act == trail.CHANGE and match is not None:
                scale *= 1 << int(match[2]) if match[1] == "<<=" else int(match[2])
        return scale

    def _packet_check(self) -> list[Line]:
        """Return the last comparison with the packet's end, if there was one."""
        end = self.packet_end_name()
        readable = _READABLE.search(self._message)
        for step in self._steps:
            text = step.instruction.text
            place = self._places.at(step.instruction.slot)
            if text.startswith("if ") and end and end in names.words(place.text):
                known = f": {readable[1]} bytes are known to be there" if readable else ""
                return [Line(place, f"the packet's length is checked here{known}", step.instruction.line)]
        return []

    def _changes(self) -> list[Line]:
        for step in self._steps:
            name = step.instruction.text.removeprefix("call ").partition("#")[0]
            if name in PACKET_CHANGES:
                note = f"{name}() makes pointers into the packet invalid"
                return [Line(self._places.at(step.instruction.slot), note, step.instruction.line)]
        return []

    def _branches(self, count: int) -> list[Line]:
        """Return the last branches on the way."""
        found: list[Line] = []
        for earlier, later in zip(self._steps[1:], self._steps, strict=False):
            slot = earlier.instruction.slot
            if len(found) == count:
                break
            if not earlier.instruction.text.startswith("if "):
                continue
            place = self._places.at(slot)
            if place.text and place.where not in [line.place.where for line in found]:
                jumped = later.instruction.slot != slot + 1
                note = "the jump is taken here" if jumped else "the jump is not taken here"
                found.append(Line(place, note, earlier.instruction.line))
        return found

    def _callers(self) -> list[Line]:
        """Return where the function is called that was verified alone, or that the last instruction belongs to."""
        linked = self._places.linked
        if linked is None or not self._steps:
            return []
        from pytc.bpf.insn import instructions as ins

        name = self._places.function(self._steps[0].instruction.slot)
        if any(step.depth != self._steps[0].depth for step in self._steps) or self._steps[-1].instruction.slot == 0:
            return []
        start = next((part.start for part in linked.functions if part.function.name == name), 0)
        for slot, i in ins.decode_all(linked.code):
            if i.opcode == ins.OP_CALL and i.source == ins.PSEUDO_CALL and start and slot + 1 + i.immediate == start:
                return [Line(self._places.at(slot), f"calls {name}(), which is verified alone", -1)]
        return []

    def stack_chain(self) -> list[tuple[str, int]]:
        """Return the functions of the deepest chain of calls, each with its bytes of stack."""
        if self._places.linked is None:
            return []
        from pytc.bpf.link.stack import deepest_chain, function_stacks

        return [(one.name, one.size) for one in deepest_chain(function_stacks(self._places.linked))]

    def deepest_call(self) -> int | None:
        """Return the instruction that calls the function of the deepest chain with the most stack; None for none."""
        linked = self._places.linked
        if linked is None:
            return None
        from pytc.bpf.insn import instructions as ins
        from pytc.bpf.link.stack import deepest_chain, function_stacks

        chain = deepest_chain(function_stacks(linked))
        target = max(chain[1:], key=lambda one: one.size, default=None)
        for slot, i in ins.decode_all(linked.code):
            is_call = i.opcode == ins.OP_CALL and i.source == ins.PSEUDO_CALL
            if target is not None and is_call and slot + 1 + i.immediate == target.start:
                return slot
        return 0


def _once_each(lines: list[Line]) -> list[Line]:
    """Return lines once each: of several notes about one line of C, the last that says something."""
    by_place: dict[str, Line] = {}
    for line in lines:
        known = by_place.pop(line.place.where, None)
        if known is not None and line.note in _WEAK and known.note:
            by_place[line.place.where] = known
            continue
        is_last = known is not None and line.note == "refused here" and known.note not in ("", "compared here")
        by_place[line.place.where] = line._replace(note=f"{known.note}; {line.note}") if known and is_last else line
    return list(by_place.values())


def _shortened(lines: list[Line]) -> list[Line]:
    """Return at most eight lines: the first, where the value came from, and the last ones."""
    return lines if len(lines) <= _MOST_LINES else [lines[0], *lines[-_MOST_LINES + 1 :]]
