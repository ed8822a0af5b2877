"""The ``flow`` filter: classes made of keys of a packet (tc-flow(8); net/sched/cls_flow.c).

The kernel does ((key & mask) ^ xor) >> rshift + addend, modulo the divisor, plus the baseclass.
"""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.handles import Handle, parse_classid
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import U32, Declared, Form, Option
from pytc.tc.kinds.filter import ACTION, POLICE, filter, show_actions_line, show_police
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.addresses import parse_ipv4_prefix, parse_ipv6_prefix
from pytc.tc.kinds.shared.ematch import MATCH, NOTES, names_nothing, show_ematches
from pytc.tc.kinds.shared.fields import hexadecimal
from pytc.words.engine import choose, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display, Part
    from pytc.tc.kinds.interface import FilterView
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

#: FLOW_KEY_*, in order of their numbers, which is that of abbreviations, too.
_KEYS = (
    "src", "dst", "proto", "proto-src", "proto-dst", "iif", "priority", "mark", "nfct", "nfct-src", "nfct-dst",
    "nfct-proto-src", "nfct-proto-dst", "rt-classid", "sk-uid", "sk-gid", "vlan-tag", "rxhash",
)  # fmt: skip
#: Keys to which an address may be added; the kernel's numbers let tc take one for proto-src, and none for nfct-*.
_ADDRESSES = sum(1 << _KEYS.index(key) for key in ("src", "dst", "proto-src", "nfct-src", "nfct-dst"))
#: FLOW_MODE_*.
_MAP, _HASH = 0, 1
_NUMBER = unsigned(U32)


def _take_keys(cursor: Cursor) -> tuple[int, int]:
    """Return the keys as bits, and how many were named."""
    keys = cursor.take()
    words = keys.split(",") if "," in keys else [keys]  # completion asks with a word of its own, which stays whole
    bits = 0
    for word in words:
        key = choose(word, _KEYS)
        if not key:
            raise InvalidOptionsError(f'Unknown flow key "{word}"', hints=(f"keys are {', '.join(_KEYS)}",))
        bits |= 1 << _KEYS.index(key)
    return bits, len(words)


def _and(word: str) -> tuple[int, int]:
    return _NUMBER(word), 0


def _or(word: str) -> tuple[int, int]:
    number = _NUMBER(word)
    return number ^ U32, number


def _xor(word: str) -> tuple[int, int]:
    return U32, _NUMBER(word)


def _addend(word: str) -> tuple[int, bool]:
    """Return a number modulo 2^32, and whether it was an address."""
    positive = word.removeprefix("-")
    number, is_address = 0, False
    try:
        number = _NUMBER(positive)
    except ValueError:
        if "/" in positive or positive.isalpha():
            raise
        is_address = True
        number = (parse_ipv6_prefix if ":" in positive else parse_ipv4_prefix)(positive)[0] & U32
    return (-number if positive != word else number) & U32, is_address


def _baseclass(word: str) -> Handle:
    handle = parse_classid(word)
    if not handle.minor:
        raise ValueError(word)
    return handle


def _check(values: Values) -> None:
    mode = values.setdefault("MODE", _MAP)
    if values.get("count", 0) > 1 and mode != _HASH:
        raise InvalidOptionsError('Invalid mode "map" for multiple keys', hints=('"hash" takes several',))
    if values.pop("is_address", False) and not values.get("KEYS", 0) & _ADDRESSES:
        raise InvalidOptionsError('Illegal "addend"', hints=("the key is no address",))
    mask, xor = U32, 0
    for kept, changed in values.pop("operations", ()):
        mask, xor = mask & kept, changed ^ xor & kept
    if mask != U32 or xor:
        values["MASK"], values["XOR"] = mask, xor


def _show_handle(values: Values, view: FilterView) -> list[Part]:
    fields: list[Part] = [Field("handle", hexadecimal(view.handle), f"handle {view.handle:#x} ")]
    if (name := {_MAP: "map", _HASH: "hash"}.get(values.get("MODE", -1))) is not None:
        fields.append(Field("mode", name, f"{name} "))
    return fields


def _show_operations(values: Values, view: FilterView) -> list[Part]:
    mask, changed = values.get("MASK", U32), values.get("XOR", 0)
    operations = (("and", mask, mask != U32), ("xor", mask & changed, True), ("or", changed & ~mask, True))
    return [
        Field(name, hexadecimal(number), f"{name} {number:#010x} ")
        for name, number, is_shown in operations
        if is_shown and (number or name == "and")
    ]


def _show_keys(values: Values, view: FilterView) -> list[Part]:
    if "KEYS" not in values:
        return []
    names = [name for number, name in enumerate(_KEYS) if values["KEYS"] >> number & 1]
    return [Field("keys", [*names], f"keys {','.join(names)} ")]


def _show_addend(values: Values, view: FilterView) -> list[Part]:
    if "ADDEND" not in values:
        return []
    return [Field("addend", hexadecimal(values["ADDEND"]), f"addend {values['ADDEND']:#x} ")]


def _show_class(key: str, number: int, display: Display) -> Field:
    name = display.class_name(Handle.from_number(number))
    return Field(key, name, f"{key} {name} ")


_PLAIN = Form("NUMBER", _NUMBER)
_ADDEND = Form("NUMBER", _addend)
_BASECLASS = Form("CLASSID", _baseclass, _show_class, pack=lambda handle, env: handle.number)
_SECONDS = Form("SECONDS", _NUMBER, lambda key, value, display: Field(key, value, f"{key} {value}sec "))
_OPTIONS = (
    Option("map", "MODE", Form(value=_MAP), "a key makes the class, as it is {map}"),
    Option("hash", "MODE", Form(value=_HASH), "a hash of the keys makes it"),
    Option("keys", "KEYS count", Form("KEY[,KEY] ...", read=_take_keys), "what of a packet counts"),
    Option("and", "operations", Form("NUMBER", _and), "map: bits of the key that count", wrong="mask", many=True),
    Option("or", "operations", Form("NUMBER", _or), many=True),
    Option("xor", "operations", Form("NUMBER", _xor), many=True),
    Option("rshift", "RSHIFT", _PLAIN, "map: by how many bits it is shifted to the right {0}"),
    Option("addend", "ADDEND is_address", _ADDEND, "map: what is added to it, also an address, also with - {0}"),
    Option("divisor", "DIVISOR", _PLAIN, "the number of classes"),
    Option("baseclass", "BASECLASS", _BASECLASS, "the first of them {1 of the qdisc}"),
    Option("perturb", "PERTURB", _SECONDS, "hash: after how long another hash is taken {never}"),
    POLICE,
    ACTION,
    MATCH,
)
#: What the kernel leaves out of dumps.
_ABSENT = {
    "TCA_FLOW_MASK": U32,
    **dict.fromkeys(
        ("TCA_FLOW_XOR", "TCA_FLOW_RSHIFT", "TCA_FLOW_ADDEND", "TCA_FLOW_DIVISOR", "TCA_FLOW_BASECLASS"), 0
    ),
    "TCA_FLOW_EMATCHES": None,
}

KIND = filter(
    "flow",
    Declared(
        _OPTIONS,
        "KEYS MODE BASECLASS RSHIFT ADDEND MASK XOR DIVISOR EMATCHES PERTURB",
        (
            _show_handle,
            _show_keys,
            _show_operations,
            "rshift",
            _show_addend,
            "divisor baseclass perturb",
            show_ematches,
            show_police,
            show_actions_line,
        ),
        check=_check,
        exact=False,
        notes=f"""
KEY := {{ {" | ".join(_KEYS[:9])} |
         {" | ".join(_KEYS[9:])} }}
The operations "and", "or" and "xor" may come several times, and are done in their order.
{NOTES}""",
    ),
    prefix="TCA_FLOW",
    attributes=(
        ("KEYS", "uint32"),
        ("MODE", "uint32"),
        ("BASECLASS", "uint32"),
        ("RSHIFT", "uint32"),
        ("ADDEND", "uint32"),
        ("MASK", "uint32"),
        ("XOR", "uint32"),
        ("DIVISOR", "uint32"),
        ("ACT", "cdata"),
        ("POLICE", "cdata"),
        ("EMATCHES", "cdata"),
        ("PERTURB", "uint32"),
    ),
    actions="ACT",
    police="POLICE",
    follows_from_words=names_nothing,
    sends_always=True,
    restoration=Restoration(unset=_ABSENT, place="last"),
)
