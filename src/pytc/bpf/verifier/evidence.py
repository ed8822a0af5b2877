"""Collect what the log and the object say about one refusal: names, places, bounds, and the way of a value."""

from __future__ import annotations

import re
from functools import cached_property

from pytc.bpf.sys.constants import ProgramType
from pytc.bpf.verifier import names, trail
from pytc.bpf.verifier.categories import CATEGORIES
from pytc.bpf.verifier.narrative import PACKET_CHANGES, Narrative

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytc.bpf.object.spec import MapSpec
    from pytc.bpf.verifier.categories import Category
    from pytc.bpf.verifier.log import Log
    from pytc.bpf.verifier.places import Place, Places
    from pytc.bpf.verifier.trail import Event, Step

#: What gives back what a function returned, by a part of its name.
_RELEASES = {
    "ringbuf_reserve": "bpf_ringbuf_submit() or bpf_ringbuf_discard()",
    "sk_lookup": "bpf_sk_release()",
    "skc_lookup": "bpf_sk_release()",
    "task_acquire": "bpf_task_release()",
    "task_from": "bpf_task_release()",
    "cgroup": "bpf_cgroup_release()",
    "obj_new": "bpf_obj_drop()",
    "kptr_xchg": "the release function of the type, or bpf_kptr_xchg()",
    "skb_ct": "bpf_ct_release()",
    "xdp_ct": "bpf_ct_release()",
}
#: What a program of a type returns to leave the packet alone.
_VERDICTS = {
    ProgramType.SCHED_CLS: "TC_ACT_OK",
    ProgramType.SCHED_ACT: "TC_ACT_OK",
    ProgramType.XDP: "XDP_PASS",
    ProgramType.CGROUP_SKB: "1",
    ProgramType.CGROUP_SOCK: "1",
    ProgramType.CGROUP_SOCK_ADDR: "1",
}
#: The verifier's names of types (reg_type_str in kernel/bpf/log.c).
_TYPES = {
    "ctx": "the context",
    "fp": "an address on the stack",
    "pkt": "a pointer into the packet",
    "pkt_end": "the end of the packet",
    "map_ptr": "a map",
    "map_value": "a map's value",
    "map_key": "a map's key",
    "mem": "memory of a known size",
    "scalar": "a number",
    "inv": "a number",
    "map_value_or_null": "a map's value that may be NULL",
    "ringbuf_mem": "a record of a ring buffer",
    "sock": "a socket",
}
_SHOWN_TYPES = 3
_REGISTER = re.compile(r"R\d+$")
_RANGE = re.compile(r"should have been in ([(\[][^)\]]*[)\]])")
_VALUE_SIZE = re.compile(r"vs=(\d+)")


class Evidence:
    """The facts of a refusal, for the texts of its category."""

    def __init__(
        self, log: Log, steps: list[Step], places: Places, message: str, groups: Mapping[str, str], type: int
    ) -> None:
        self._log = log
        self._steps = steps
        self._places = places
        self._message = message
        self._groups = groups
        self._type = type

    def collect(self, category: Category) -> tuple[Category, dict[str, str]]:
        """Return the category, which may be narrower than the message's, and the values of its texts."""
        change = self._packet_change() if category.name == "not-a-pointer" else None
        if change is not None:
            category = CATEGORIES["stale-packet-pointer"]
        texts = {"verdict": _VERDICTS.get(ProgramType(self._type), "0") if self._is_known_type() else "0"}
        texts["access"] = self._access()
        place = self.place(category)
        if place is not None and place.line:
            texts["line"] = f"line {place.line}"
        if place is not None and place.function:
            texts["function"] = f"{place.function}()"
        texts |= self._pointer()
        texts |= self._call()
        if change is not None:
            texts["call"] = f"{change.instruction.text.removeprefix('call ').partition('#')[0]}()"
            texts["call_line"] = self._line_of(change.instruction.slot)
        if category.name in _SPECIAL:
            texts |= _SPECIAL[category.name](self)
        return category, {name: value for name, value in texts.items() if value}

    def _is_known_type(self) -> bool:
        return self._type in ProgramType._value2member_map_

    def place(self, category: Category) -> Place | None:
        """Return where the refusal is."""
        slot = self._groups.get("insn") if category.name in ("infinite-loop", "unreachable-code") else None
        if slot is not None:
            return self._places.at(int(slot))
        if category.name in ("stack-size", "call-depth") and not self._steps:
            chain = self.narrative.deepest_call()
            return self._places.at(chain) if chain is not None else None
        if not self._steps:
            return None
        return self._places.at(self._steps[0].instruction.slot)

    def path(self, category: Category, place: Place | None) -> tuple[str, ...]:
        """Return the way of the value that the refusal is about, the last line of C last."""
        return self.narrative.lines(category, place, self.events)

    @cached_property
    def narrative(self) -> Narrative:
        """The writer of paths."""
        return Narrative(self._steps, self._places, self._groups, self._message)

    @cached_property
    def register(self) -> str:
        """The register that the message is about: its own word, or the base of the access."""
        named = self._groups.get("register", "")
        if _REGISTER.match(named):
            return named
        if not self._steps:
            return ""
        return trail.base_register(self._steps[0].instruction.text)

    @cached_property
    def events(self) -> list[Event]:
        """The events of that register, the last first."""
        if not self._steps or not self.register or self.register == "R10":
            return []
        return trail.history(self._steps, self.register)

    def _line_of(self, slot: int) -> str:
        place = self._places.at(slot)
        return f"line {place.line}" if place.line else f"instruction {slot}"

    def _access(self) -> str:
        text = self._steps[0].instruction.text if self._steps else ""
        if text.startswith("call "):
            return f"{text.removeprefix('call ').partition('#')[0]}() may reach"
        if "indirect" in self._groups:
            return "a helper would read bytes"
        return "may write" if text.startswith(("*(", "lock ")) else "may read" if "= *(" in text else "an access may go"

    def _pointer(self) -> dict[str, str]:
        """Return the user's name of the pointer that is followed, and where it came from."""
        texts: dict[str, str] = {}
        name = self.pointer_name
        texts["pointer"] = f"`{name}`" if name else self.register
        texts["pointer_name"] = name
        origin = next((event for event in reversed(self.events) if event.act == trail.CALL), None)
        if origin is not None:
            texts["origin"] = f"{origin.detail.partition('#')[0]}()"
            texts["origin_line"] = self._line_of(origin.step.instruction.slot)
        return texts

    @cached_property
    def pointer_name(self) -> str:
        """The variable that holds the pointer: one that a line of its way assigns and the failing line uses."""
        if not self._steps:
            return ""
        failing = self._places.at(self._steps[0].instruction.slot)
        used = names.dereferenced_names(failing.text, failing.column)
        all_words = names.words(failing.text)
        assigned = [names.assigned_name(self._places.at(event.step.instruction.slot).text) for event in self.events]
        for name in assigned:
            if name and name in used:
                return name
        for name in assigned:
            if name and name in all_words:
                return name
        return used[0] if used and not self._steps[0].instruction.text.startswith("call ") else ""

    def _call(self) -> dict[str, str]:
        text = self._steps[0].instruction.text if self._steps else ""
        if not text.startswith("call "):
            return {}
        name = text.removeprefix("call ").partition("#")[0]
        name = "the function" if name.startswith("pc") else f"{name}()"
        return {"callee": name, "helper": name}

    def _packet_change(self) -> Step | None:
        """Return the call that made a pointer into the packet invalid; None where that is not what happened."""
        if not self.events:
            return None
        first = self.events[-1]
        if first.act != trail.LOAD or not self.narrative.is_packet_load(first.step.instruction.text, self.events):
            return None
        for step in self._steps:
            if step is first.step:
                return None
            text = step.instruction.text
            if text.startswith("call ") and text.removeprefix("call ").partition("#")[0] in PACKET_CHANGES:
                return step
        return None

    def _packet_bounds(self) -> dict[str, str]:
        name = self.pointer_name
        end = self.narrative.packet_end_name()
        texts = {"end": end}
        if not end:
            context = "ctx" if self._type == ProgramType.XDP else "skb"
            texts["end_declared"] = f", with void *data_end = (void *)(long){context}->data_end;"
        failing = self._places.at(self._steps[0].instruction.slot) if self._steps else None
        size = int(self._groups.get("size", 0) or 0)
        off = int(self._groups.get("off", 0) or 0)
        index = names.index_expression(failing.text) if failing is not None else ""
        if name and index and failing is not None and f"{name}[" in failing.text:
            texts["bound"] = f"(void *)(&{name}[{index}] + 1)"
        elif name and failing is not None and re.search(rf"\b{name}\s*->", failing.text):
            texts["bound"] = f"(void *)({name} + 1)"
        elif name and size:
            texts["bound"] = f"(void *){name} + {off + size}"
        return texts

    def _null_pointer(self) -> dict[str, str]:
        if "or_null" not in self._message or "origin" in self._pointer() or not self._steps:
            return {}
        function = self._places.function(self._steps[0].instruction.slot)
        if not function or self._steps[-1].instruction.slot == 0:
            return {"null_where": f"before {self._line_of(self._steps[0].instruction.slot)}"}
        return {
            "null_reason": f"{function}() is a global function, verified alone: its caller may pass NULL",
            "null_where": f"at the beginning of {function}()",
        }

    def _map_value_bounds(self) -> dict[str, str]:
        return {"limit": self._groups.get("limit", "") or self._value_size()}

    def _value_size(self) -> str:
        if not self._steps or not self.register:
            return ""
        state = self._log.state_before(self._steps[0].instruction.line)
        match = _VALUE_SIZE.search(state.get(self.register, ""))
        if match:
            return match[1]
        declared = self._map_of_value()
        return str(declared.value_size) if declared is not None else ""

    def _map_of_value(self) -> MapSpec | None:
        name = self.narrative.map_name(self.events)
        return self._places.map_spec(name) if name else None

    def _unbounded_index(self) -> dict[str, str]:
        texts = {"missing": "lower" if "negative" in self._message else "upper"}
        index = self.narrative.index_events(self.events, self._steps)
        failing = self._places.at(self._steps[0].instruction.slot) if self._steps else None
        name = names.index_expression(failing.text) if failing is not None else ""
        if not name:
            assigned = (names.assigned_name(self._places.at(event.step.instruction.slot).text) for event in index)
            name = next((one for one in assigned if one), "")
        texts |= {"index": f"`{name}`" if name else "the index", "index_name": name}
        size = self._value_size()
        scale = self.narrative.scale(index)
        if size and int(size) // scale > 0:
            count = int(size) // scale
            texts |= {"comparison": f">= {count}"}
            if not count & (count - 1):
                texts["mask"] = hex(count - 1)
        return texts

    def _unbounded_size(self) -> dict[str, str]:
        assigned = (names.assigned_name(self._places.at(event.step.instruction.slot).text) for event in self.events)
        name = next((one for one in assigned if one), "")
        return {"size_name": name} if name else {}

    def _uninitialised_stack(self) -> dict[str, str]:
        if not self._steps:
            return {}
        place = self._places.at(self._steps[0].instruction.slot)
        addressed = [name for name in names.addressed_names(place.text) if name not in self._all_maps()]
        call = self._call().get("helper", "")
        return {"variable": addressed[0] if addressed else "", "reader": f"{call} would read" if call else ""}

    def _all_maps(self) -> set[str]:
        linked = self._places.linked
        return {reference.name for reference in linked.maps} if linked is not None else set()

    def _reference_leak(self) -> dict[str, str]:
        if "insn" not in self._groups:
            return {}
        slot = int(self._groups["insn"])
        place = self._places.at(slot)
        function = place.instruction.removeprefix("call ").partition("#")[0] if place.instruction else ""
        release = next((text for part, text in _RELEASES.items() if part in function), "")
        return {
            "origin": f"{function}()" if function else "",
            "origin_line": self._line_of(slot),
            "release": release,
            "pointer_name": names.assigned_name(place.text) or "the pointer",
        }

    def _stack_size(self) -> dict[str, str]:
        chain = self.narrative.stack_chain()
        if not chain:
            return {"stack": f"{self._groups.get('bytes', '')} bytes of 512".strip()}
        shares = ", ".join(f"{name}() {size}" for name, size in chain)
        return {"stack": f"{self._groups.get('bytes', '')} bytes of 512", "stack_functions": f"{shares} bytes"}

    def _context_field(self) -> dict[str, str]:
        text = self._steps[0].instruction.text if self._steps else ""
        is_write = text.startswith(("*(", "lock "))
        return {"access": "a write" if is_write else "a read", "verb": "write" if is_write else "read"}

    def _return_value(self) -> dict[str, str]:
        match = _RANGE.search(self._message)
        return {"return_range": match[1]} if match else {}

    def _kfunc_unavailable(self) -> dict[str, str]:
        text = self._steps[0].instruction.text if self._steps else ""
        name = self._groups.get("kfunc", "")
        return {"kfunc": name or text.removeprefix("call ").partition("#")[0]}

    def _helper_unavailable(self) -> dict[str, str]:
        return {"helper": f"{self._groups['helper']}()"} if "helper" in self._groups else {}

    def _argument_type(self) -> dict[str, str]:
        texts = {name: _type_words(self._groups[name]) for name in ("found", "wanted") if self._groups.get(name)}
        if (self._groups.get("found"), self._groups.get("wanted")) == ("map_value", "map_ptr"):
            texts["argument_reason"] = (
                'the program gives a variable where a map is expected: only variables in SEC(".maps") (or SEC("maps"), '
                "for struct bpf_elf_map and struct bpf_map_def) are maps"
            )
        return texts

    def _global_function(self) -> dict[str, str]:
        if not self._message.startswith("Arg#"):
            return {}
        return {
            "global_reason": "before Linux 5.13, the arguments of a global function can be numbers and the context; a "
            "static one is checked where it is called"
        }

    def _read_only(self) -> dict[str, str]:
        addresses = (self._places.map_at(event.step.instruction.slot) for event in self.events)
        name = next((name for name in addresses if name), "")
        return {"pointer": name} if name else {}


def _type_words(types: str) -> str:
    """Return the verifier's names of types as words, of many the first ones."""
    found = [_TYPES.get(name, name) for name in types.replace(" or ", ", ").strip(" ,").split(", ")]
    words = list(dict.fromkeys(found))[:_SHOWN_TYPES]
    return " or ".join(words)


#: What the texts of a category need besides.
_SPECIAL: dict[str, Callable[[Evidence], dict[str, str]]] = {
    "packet-bounds": Evidence._packet_bounds,
    "null-pointer": Evidence._null_pointer,
    "map-value-bounds": Evidence._map_value_bounds,
    "unbounded-index": Evidence._unbounded_index,
    "unbounded-size": Evidence._unbounded_size,
    "uninitialised-stack": Evidence._uninitialised_stack,
    "reference-leak": Evidence._reference_leak,
    "stack-size": Evidence._stack_size,
    "context-field": Evidence._context_field,
    "return-value": Evidence._return_value,
    "kfunc-unavailable": Evidence._kfunc_unavailable,
    "helper-unavailable": Evidence._helper_unavailable,
    "argument-type": Evidence._argument_type,
    "global-function": Evidence._global_function,
    "read-only": Evidence._read_only,
}
