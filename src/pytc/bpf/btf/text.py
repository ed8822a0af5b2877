"""Print BTF types as C: ``const volatile __u16 [4]``, ``int (*)(void *)``."""

from __future__ import annotations

from pytc.bpf.btf import types as b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.btf.types import Btf, Member

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
    return Declarations(btf).declare(type_id, name)


class Declarations:
    """Writes C declarations of the types of ``btf``.

    ``empty`` stands in the brackets of arrays without a length.

    ``most_bodies`` is how deep unnamed structures and parameters are shown, ``most_parts`` how many members or
    parameters of one.
    """

    empty = ""

    def __init__(self, btf: Btf, most_bodies: int = _MAX_BODIES, most_parts: int = _MAX_PARTS) -> None:
        self.btf = btf
        self._most_bodies, self._most_parts = most_bodies, most_parts

    def name(self, type_id: int) -> str:
        """Return the name of a type, empty for none."""
        return self.btf.name(type_id)

    def body(self, type_id: int, depth: int, bodies: int) -> str:
        """Return the members of an unnamed structure, or the enumerators of an unnamed enum, in a line."""
        if self.btf.kind(type_id) not in (b.STRUCT, b.UNION) or self._is_cut(type_id, bodies):
            return "{ ... }"
        members = (self.member(member, depth, bodies) for member in self.btf.members(type_id))
        return f"{{ {' '.join(members)} }}"

    def member(self, member: Member, depth: int = 0, bodies: int = 0) -> str:
        """Return the declaration of a member."""
        return self.declare(member.type_id, member.name, depth + 1, bodies + 1) + (
            f" : {member.bits};" if member.bits else ";"
        )

    def _is_cut(self, type_id: int, bodies: int) -> bool:
        return bodies >= self._most_bodies or self.btf.vlen(type_id) > self._most_parts

    def declare(self, type_id: int, inner: str, depth: int = 0, bodies: int = 0) -> str:
        """Return the declaration around ``inner``, the text so far: C declarations grow from the name outwards."""
        if depth > _MAX_DEPTH:
            return _joined("...", inner)
        btf = self.btf
        kind = btf.kind(type_id)
        if kind == b.PTR:
            return self.declare(btf.referred(type_id), "*" + inner, depth + 1, bodies)
        if kind == b.ARRAY:
            element, count = btf.array(type_id)
            return self.declare(element, f"{_grouped(inner)}[{count or self.empty}]", depth + 1, bodies)
        if kind == b.FUNC_PROTO:
            return self._function(type_id, _grouped(inner), depth, bodies)
        if kind in _QUALIFIERS:
            return self._qualified(type_id, inner, depth, bodies)
        if kind in (b.TYPE_TAG, b.VAR, b.FUNC):
            return self.declare(btf.referred(type_id), inner, depth + 1, bodies)
        return _joined(self._base(type_id, kind, depth, bodies), inner)

    def _qualified(self, type_id: int, inner: str, depth: int, bodies: int) -> str:
        """Return the declaration with a qualifier, which stands before a plain type, and after a pointer's ``*``."""
        btf = self.btf
        word, target = _QUALIFIERS[btf.kind(type_id)], btf.referred(type_id)
        below = target
        for _ in range(_MAX_DEPTH):
            if btf.kind(below) not in _QUALIFIERS and btf.kind(below) != b.TYPE_TAG:
                break
            below = btf.referred(below)
        if btf.kind(below) == b.PTR:
            return self.declare(target, f"{word} {inner}".rstrip(), depth + 1, bodies)
        text = self.declare(target, inner, depth + 1, bodies)
        return text if text.startswith(f"{word} ") else f"{word} {text}"  # an array that is const, of elements that are

    def _function(self, type_id: int, inner: str, depth: int, bodies: int) -> str:
        if self._is_cut(type_id, bodies):
            parameters = ["..."]
        else:
            parameters = [
                self.declare(of, name, depth + 1, bodies + 1) if of else "..."
                for name, of in self.btf.parameters(type_id)
            ]
        return self.declare(
            self.btf.referred(type_id), f"{inner}({', '.join(parameters) or 'void'})", depth + 1, bodies + 1
        )

    def _base(self, type_id: int, kind: int, depth: int, bodies: int) -> str:
        if kind == b.VOID:
            return "void"
        name = self.name(type_id)
        if kind == b.FWD:
            return f"{'union' if self.btf.flag(type_id) else 'struct'} {name}"
        keyword = _KEYWORDS.get(kind)
        if keyword is None:
            return name or "?"
        return f"{keyword} {name or self.body(type_id, depth, bodies)}"


def _grouped(inner: str) -> str:
    return f"({inner})" if inner.lstrip().startswith("*") else inner


def _joined(base: str, inner: str) -> str:
    inner = inner.strip()
    return f"{base} {inner}" if inner else base
