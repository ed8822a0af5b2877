"""Follow the path of a CO-RE access through a type of the object and through the kernel's.

An access string like ``0:1:2`` is: element 0 of an array of the root type, its member 1, of that the member (or
element) 2.
"""

from __future__ import annotations

from pytc.bpf.btf import types as b
from pytc.bpf.link.core_match import fields_agree
from pytc.errors import ObjectError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.btf.types import Btf, Member

_MAX_STEPS = 64
_COMPOSITE = (b.STRUCT, b.UNION)


class Step(NamedTuple):
    """A step of a path: member ``name``, number ``number``, of the structure ``type_id`` or, without a name, element
    ``number`` of an array whose elements have that type."""

    type_id: int
    number: int
    name: str = ""


class Access(NamedTuple):
    """A path through a type from ``root``; ``bit_offset`` counts from there."""

    root: int
    steps: tuple[Step, ...]
    bit_offset: int


def parse_indices(text: str) -> list[int]:
    """Return the numbers of an access string; raises ObjectError."""
    words = text.split(":")
    if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words) or len(words) > _MAX_STEPS:
        raise ObjectError(f'CO-RE: "{text[:80]}" is not an access string')
    return [int(word) for word in words]


def field_access(btf: Btf, root: int, indices: list[int]) -> Access:
    """Return the path that an access string means in the object's own types; raises ObjectError."""
    type_id = btf.resolve(root)
    steps = [Step(type_id, indices[0])]
    bit_offset = indices[0] * _size(btf, type_id) * 8
    for index in indices[1:]:
        type_id = btf.resolve(type_id)
        if btf.kind(type_id) in _COMPOSITE:
            member = btf.member(type_id, index)
            bit_offset += member.bit_offset
            if member.name:
                steps.append(Step(type_id, index, member.name))
            type_id = member.type_id
        elif btf.kind(type_id) == b.ARRAY:
            element, count = btf.array(type_id)
            if index >= count and not _is_flexible(btf, steps[-1], count):
                raise ObjectError(f"CO-RE: no element {index} in an array of {count}")
            type_id = btf.resolve(element)
            steps.append(Step(type_id, index))
            bit_offset += index * btf.size(type_id) * 8
        else:
            raise ObjectError(f"CO-RE: an access into type {type_id}, which has no members")
    return Access(root, tuple(steps), bit_offset)


def _size(btf: Btf, type_id: int) -> int:
    """Return the size of a type, 0 for a structure that is only declared: it needs none for element 0."""
    return 0 if btf.kind(type_id) in (b.FWD, b.VOID, b.FUNC, b.FUNC_PROTO) else btf.size(type_id)


def _is_flexible(btf: Btf, before: Step, count: int) -> bool:
    """Return whether an array is the last member of a structure and has no length."""
    return not count and bool(before.name) and before.number == btf.vlen(before.type_id) - 1


def match_access(local: Btf, access: Access, target: Btf, root: int) -> Access | None:
    """Return the access path for a type of the kernel; None if it lacks such members."""
    type_id, steps, bit_offset = root, list[Step](), 0
    for position, step in enumerate(access.steps):
        type_id = target.resolve(type_id)
        if step.name:
            member = local.member(step.type_id, step.number)
            match = _match_member(local, member, target, type_id)
            if match is None:
                return None
            matched, type_id, offset = match
            steps.append(matched)
            bit_offset += offset
            continue
        if position:
            if target.kind(type_id) != b.ARRAY:
                return None
            element, count = target.array(type_id)
            if step.number >= count and not _is_flexible(target, steps[-1], count):
                return None
            type_id = target.resolve(element)
        steps.append(Step(type_id, step.number))
        bit_offset += step.number * _size(target, type_id) * 8
    return Access(root, tuple(steps), bit_offset)


def _match_member(
    local: Btf, local_member: Member, target: Btf, type_id: int, depth: int = 16
) -> tuple[Step, int, int] | None:
    """Return (step, type of the member, its bit offset) of the member of that name, also inside unnamed members."""
    type_id = target.resolve(type_id)
    if target.kind(type_id) not in _COMPOSITE or depth <= 0:
        return None
    for index, member in enumerate(target.members(type_id)):
        if not member.name:
            match = _match_member(local, local_member, target, member.type_id, depth - 1)
            if match is not None:
                return match[0], match[1], match[2] + member.bit_offset
        elif member.name == local_member.name:
            if not fields_agree(local, local_member.type_id, target, member.type_id):
                return None
            return Step(type_id, index, member.name), member.type_id, member.bit_offset
    return None
