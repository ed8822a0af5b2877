"""The same program with ``.maps``: no installed tool loads legacy maps, but all load these."""

from __future__ import annotations

import re

_SECTION = r'__attribute__\(\(section\("{}"\), used\)\)'
_MAP = re.compile(
    r"(?:static )?struct (?:bpf_elf_map|bpf_map_def) "
    + _SECTION.format("maps")
    + r" (\w+)(?: __attribute__\(\(aligned\(\d+\)\)\))? = \{(.*?)\}\s*;",
    re.S,
)
_MAP_DEF = re.compile(r"struct (?:bpf_elf_map|bpf_map_def) " + _SECTION.format("maps"))
_TARGET = re.compile(_SECTION.format(r"(\w+)/(\w+)") + r" int (\w+)\(")
_FIELD = re.compile(r"\.(\w+)\s*=\s*([^,]+)")
_NAMES = {
    "type": "type",
    "size_key": "key_size",
    "key_size": "key_size",
    "size_value": "value_size",
    "value_size": "value_size",
    "max_elem": "max_entries",
    "max_entries": "max_entries",
    "flags": "map_flags",
    "map_flags": "map_flags",
}
_GLOBAL_NS = "2"
_NOT_FOR_LIBBPF = re.compile(r'section\("(?:\w+/\w+|cls)"\)')


def twin(source: str) -> str:
    """Preprocessed C with legacy maps to the same with BTF maps.

    What ``.maps`` cannot say is left out: ids, and pinning but in the global namespace, which is by name there.
    """
    maps = {name: dict(_FIELD.findall(body)) for name, body in _MAP.findall(source)}
    modern = _MAP.sub(lambda match: _modern(match.group(1), maps, source), source)
    assert not _MAP_DEF.search(modern), "a legacy map that was not understood"
    return _NOT_FOR_LIBBPF.sub('section("tc")', modern)


def _modern(name: str, maps: dict[str, dict[str, str]], source: str) -> str:
    fields = maps[name]
    lines = [f"int (*{_NAMES[field]})[{value}];" for field, value in fields.items() if field in _NAMES]
    if fields.get("pinning", "").strip() == _GLOBAL_NS:
        lines.append("int (*pinning)[1];")
    before = values = ""
    if "PROG_ARRAY" in fields["type"]:
        targets = [
            (_number(slot), function)
            for id, slot, function in _TARGET.findall(source)
            if _number(id) == _number(fields["id"])
        ]
        before = "".join(f"int {function}(struct __sk_buff *skb);\n" for _, function in targets)
        lines.append("int (*values[])(struct __sk_buff *);")
        values = _values(targets)
    elif "OF_MAPS" in fields["type"]:
        members = {inner: found for inner, found in maps.items() if _id(found) == _number(fields["inner_id"])}
        lines.append(f"struct definition_{next(iter(members))} *values[];")
        values = _values([(_number(found["inner_idx"]), inner) for inner, found in members.items()])
    body = "\n\t".join(lines)
    return (
        f"{before}struct definition_{name} {{\n\t{body}\n}};\n"
        f'struct definition_{name} __attribute__((section(".maps"), used)) {name}{values};'
    )


def _values(slots: list[tuple[int, str]]) -> str:
    filled = ", ".join(f"[{slot}] = &{name}" for slot, name in slots if slot >= 0)
    return f" = {{ .values = {{ {filled} }} }}" if filled else ""


def _id(fields: dict[str, str]) -> int:
    return _number(fields["id"]) if "id" in fields and "OF_MAPS" not in fields["type"] else -1


def _number(text: str) -> int:
    """A C number, or a difference of two."""
    first, _, second = text.replace("(__u32)", "").strip("() \n").partition(" - ")
    return int(first, 0) - int(second or "0", 0)
