"""Print BTF types as C: ``const volatile __u16 [4]``, ``int (*)(void *)``."""

from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf

_KEYWORDS = {b.STRUCT: "struct", b.UNION: "union", b.ENUM: "enum", b.ENUM64: "enum"}
_QUALIFIERS = {b.CONST: "const", b.VOLATILE: "volatile", b.RESTRICT: "restrict"}
# Types of an object that somebody made by hand may refer to themselves, and to many others many times.
_MAX_DEPTH = 32
_MAX_BODIES = 3
_MAX_PARTS = 16


def type_text(btf: Btf, type_id: int, name: str = "") -> str:
    """Return the C declaration of ``name`` with a type, or the type alone without a name.

    Unnamed structures show their members. Raises ObjectError for BTF that makes no sense.
    """
    return _declare(btf, type_id, name, 0, 0)


def _declare(btf: Btf, type_id: int, inner: str, depth: int, bodies: int) -> str:
    """Return the declaration around ``inner``, the text so far: C declarations grow from the name outwards."""
    if depth > _MAX_DEPTH:
        return _joined("...", inner)
    kind = btf.kind(type_id)
    if kind == b.PTR:
        return _declare(btf, btf.referred(type_id), "*" + inner, depth + 1, bodies)
    if kind == b.ARRAY:
        element, count = btf.array(type_id)
        return _declare(btf, element, f"{_grouped(inner)}[{count or ''}]", depth + 1, bodies)
    if kind == b.FUNC_PROTO:
        return _function(btf, type_id, _grouped(inner), depth, bodies)
    if kind in _QUALIFIERS:
        return _qualified(btf, type_id, inner, depth, bodies)
    if kind in (b.TYPE_TAG, b.VAR, b.FUNC):
        return _declare(btf, btf.referred(type_id), inner, depth + 1, bodies)
    return _joined(_base(btf, type_id, kind, depth, bodies), inner)


def _qualified(btf: Btf, type_id: int, inner: str, depth: int, bodies: int) -> str:
    """Return the declaration with a qualifier, which stands before a plain type and after the ``*`` of a pointer."""
    word, target = _QUALIFIERS[btf.kind(type_id)], btf.referred(type_id)
    below = target
    for _ in range(_MAX_DEPTH):
        if btf.kind(below) not in _QUALIFIERS and btf.kind(below) != b.TYPE_TAG:
            break
        below = btf.referred(below)
    if btf.kind(below) == b.PTR:
        return _declare(btf, target, f"{word} {inner}".rstrip(), depth + 1, bodies)
    return f"{word} {_declare(btf, target, inner, depth + 1, bodies)}"


def _grouped(inner: str) -> str:
    return f"({inner})" if inner.lstrip().startswith("*") else inner


def _joined(base: str, inner: str) -> str:
    inner = inner.strip()
    return f"{base} {inner}" if inner else base


def _function(btf: Btf, type_id: int, inner: str, depth: int, bodies: int) -> str:
    if bodies >= _MAX_BODIES or btf.vlen(type_id) > _MAX_PARTS:
        parameters = ["..."]
    else:
        parameters = [
            _declare(btf, of, name, depth + 1, bodies + 1) if of else "..." for name, of in btf.parameters(type_id)
        ]
    return _declare(btf, btf.referred(type_id), f"{inner}({', '.join(parameters) or 'void'})", depth + 1, bodies + 1)


def _base(btf: Btf, type_id: int, kind: int, depth: int, bodies: int) -> str:
    if kind == b.VOID:
        return "void"
    name = btf.name(type_id)
    if kind == b.FWD:
        return f"{'union' if btf.flag(type_id) else 'struct'} {name}"
    keyword = _KEYWORDS.get(kind)
    if keyword is None:
        return name or "?"
    if name:
        return f"{keyword} {name}"
    if kind not in (b.STRUCT, b.UNION) or bodies >= _MAX_BODIES or btf.vlen(type_id) > _MAX_PARTS:
        return f"{keyword} {{ ... }}"
    members = (
        _declare(btf, m.type_id, m.name, depth + 1, bodies + 1) + (f" : {m.bits}" if m.bits else "") + ";"
        for m in btf.members(type_id)
    )
    return f"{keyword} {{ {' '.join(members)} }}"
