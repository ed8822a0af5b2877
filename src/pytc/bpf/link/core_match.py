"""Compare types of the object with types of the kernel for CO-RE.

Rules: the kernel's documentation "BPF CO-RE" (Documentation/bpf/llvm_reloc.rst for the relocations) and the behaviour
of libbpf. The part of a name after ``___`` is a flavour, which does not count.
"""

from __future__ import annotations

from pytc.bpf.btf import types as b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.btf.types import Btf

_DEPTH = 32
_COMPOSITE = (b.STRUCT, b.UNION)
_ENUMS = (b.ENUM, b.ENUM64)


def without_flavour(name: str) -> str:
    """Return a name without its flavour."""
    end = name.rfind("___")
    return name[:end] if end > 0 and len(name) > end + 3 else name


def kinds_agree(local: int, target: int) -> bool:
    """Return whether two types have the same kind or are both enums."""
    return local == target or (local in _ENUMS and target in _ENUMS)


def fields_agree(local: Btf, local_id: int, target: Btf, target_id: int) -> bool:
    """Return whether a field of one type can stand in for one of the other: structures always, arrays by their
    elements, enums by name."""
    for _ in range(_DEPTH):
        local_id, target_id = local.resolve(local_id), target.resolve(target_id)
        kind, other = local.kind(local_id), target.kind(target_id)
        if kind in _COMPOSITE and other in _COMPOSITE:
            return True
        if not kinds_agree(kind, other):
            return False
        if kind in (b.PTR, b.FLOAT):
            return True
        if kind in (b.FWD, *_ENUMS):
            names = without_flavour(local.name(local_id)), without_flavour(target.name(target_id))
            return not all(names) or names[0] == names[1]
        if kind == b.INT:
            return not local.integer(local_id).bit_offset and not target.integer(target_id).bit_offset
        if kind != b.ARRAY:
            return False
        local_id, target_id = local.array(local_id).element, target.array(target_id).element
    return False


def types_agree(local: Btf, local_id: int, target: Btf, target_id: int, depth: int = _DEPTH) -> bool:
    """Return whether two types have the same shape, apart from names and members."""
    while depth > 0:
        depth -= 1
        local_id, target_id = local.resolve(local_id), target.resolve(target_id)
        kind = local.kind(local_id)
        if not kinds_agree(kind, target.kind(target_id)):
            return False
        if kind in (b.VOID, b.FWD, *_COMPOSITE, *_ENUMS):
            return True
        if kind == b.INT:
            return not local.integer(local_id).bit_offset and not target.integer(target_id).bit_offset
        if kind == b.PTR:
            local_id, target_id = local.referred(local_id), target.referred(target_id)
        elif kind == b.ARRAY:
            local_id, target_id = local.array(local_id).element, target.array(target_id).element
        elif kind == b.FUNC_PROTO:
            pairs = _parameters(local, local_id, target, target_id)
            if pairs is None or not all(types_agree(local, ours, target, theirs, depth) for ours, theirs in pairs):
                return False
            local_id, target_id = local.referred(local_id), target.referred(target_id)
        else:
            return False
    return False


def types_match(  # noqa: PLR0912 (a case for each kind of type)
    local: Btf, local_id: int, target: Btf, target_id: int, *, pointee: bool = False, depth: int = _DEPTH
) -> bool:
    """Return whether two types match strictly: names, members and their types, sizes of integers; structures behind a
    pointer by name only."""
    while depth > 0:
        depth -= 1
        local_id, target_id = local.resolve(local_id), target.resolve(target_id)
        if without_flavour(local.name(local_id)) != without_flavour(target.name(target_id)):
            return False
        kind, other = local.kind(local_id), target.kind(target_id)
        if kind in _ENUMS:
            return other in _ENUMS and _enumerators_match(local, local_id, target, target_id)
        if pointee and (kind in _COMPOSITE or kind == b.FWD):
            return _composite_kind(local, local_id) == _composite_kind(target, target_id)
        if kind != other:
            return False
        if kind == b.VOID:
            return True
        if kind == b.FWD:
            return local.flag(local_id) == target.flag(target_id)
        if kind in _COMPOSITE:
            return _members_match(local, local_id, target, target_id, depth)
        if kind == b.INT:
            return (local.size(local_id), local.is_signed(local_id)) == (
                target.size(target_id),
                target.is_signed(target_id),
            )
        if kind == b.PTR:
            pointee = True
            local_id, target_id = local.referred(local_id), target.referred(target_id)
        elif kind == b.ARRAY:
            (local_id, count), (target_id, other_count) = local.array(local_id), target.array(target_id)
            if count != other_count:
                return False
        elif kind == b.FUNC_PROTO:
            pairs = _parameters(local, local_id, target, target_id)
            if pairs is None or not all(
                types_match(local, ours, target, theirs, pointee=pointee, depth=depth) for ours, theirs in pairs
            ):
                return False
            local_id, target_id = local.referred(local_id), target.referred(target_id)
        else:
            return False
    return False


def _composite_kind(btf: Btf, type_id: int) -> int:
    """Return STRUCT or UNION, also for a forward declaration of one; the kind itself for any other type."""
    kind = btf.kind(type_id)
    if kind == b.FWD:
        return b.UNION if btf.flag(type_id) else b.STRUCT
    return kind


def _enumerators_match(local: Btf, local_id: int, target: Btf, target_id: int) -> bool:
    known = {without_flavour(name) for name, _ in target.enumerators(target_id)}
    return all(without_flavour(name) in known for name, _ in local.enumerators(local_id))


def _members_match(local: Btf, local_id: int, target: Btf, target_id: int, depth: int) -> bool:
    members = target.members(target_id)
    return local.vlen(local_id) <= len(members) and all(
        any(
            without_flavour(ours.name) == without_flavour(theirs.name)
            and types_match(local, ours.type_id, target, theirs.type_id, depth=depth)
            for theirs in members
        )
        for ours in local.members(local_id)
    )


def _parameters(local: Btf, local_id: int, target: Btf, target_id: int) -> list[tuple[int, int]] | None:
    ours, theirs = local.parameters(local_id), target.parameters(target_id)
    if len(ours) != len(theirs):
        return None
    return [(mine[1], other[1]) for mine, other in zip(ours, theirs, strict=True)]
