"""The same program with ``.maps``: no installed tool loads legacy maps, but all load these."""

from __future__ import annotations

import re

_MAP = re.compile(r'struct (?:bpf_elf_map|bpf_map_def) SEC\("maps"\) (\w+) = \{(.*?)\n\};', re.S)
_FIELD = re.compile(r"\.(\w+)\s*=\s*([^\n]+),")
_NAMES = {"type": "type", "size_key": "key_size", "key_size": "key_size", "size_value": "value_size",
          "value_size": "value_size", "max_elem": "max_entries", "max_entries": "max_entries", "flags": "map_flags",
          "map_flags": "map_flags"}
_MANY = re.compile(r"#define MAP\(number\).*?\n\n", re.S)
_ONE_OF_MANY = """#define MAP(number) struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(key_size, 4); \\
    __uint(value_size, 8); __uint(max_entries, 1); } map_##number SEC(".maps")
#define TEN(tens) MAP(tens##0); MAP(tens##1); MAP(tens##2); MAP(tens##3); MAP(tens##4); MAP(tens##5); \\
    MAP(tens##6); MAP(tens##7); MAP(tens##8); MAP(tens##9)

"""
_TAIL = re.compile(r'SEC\("(0x2a|42)/(\d)"\) int (\w+)\(')


def twin(source: str) -> str:
    """C source with legacy maps to the same with BTF maps; pinning, which is not by name there, is left out."""
    source = _MANY.sub(lambda _: _ONE_OF_MANY, source).replace("static struct bpf_elf_map", "struct bpf_elf_map")
    source = _MAP.sub(lambda match: _modern(match.group(1), match.group(2), source), source)
    return re.sub(r'SEC\("(?:0x2a|42|7)/\d"\)', 'SEC("tc")', source)


def _modern(name: str, body: str, source: str) -> str:
    fields = dict(_FIELD.findall(body))
    lines = [f"\t__uint({_NAMES[field]}, {value});" for field, value in fields.items() if field in _NAMES]
    if "OF_MAPS" in fields["type"]:
        return _outer(name, lines, fields, source)
    if "PROG_ARRAY" in fields["type"]:
        targets = [(slot, function) for _, slot, function in _TAIL.findall(source)]
        declared = "\n".join(f"int {function}(struct __sk_buff *skb);" for _, function in targets)
        values = ", ".join(f"[{slot}] = &{function}" for slot, function in targets)
        return (f"{declared}\nstruct {{\n{_joined(lines)}\n\t__array(values, int(struct __sk_buff *));\n}} {name} "
                f'SEC(".maps") = {{ .values = {{ {values} }} }};')
    return f"struct definition_{name} {{\n{_joined(lines)}\n}};\nstruct definition_{name} {name} SEC(\".maps\");"


def _outer(name: str, lines: list[str], fields: dict[str, str], source: str) -> str:
    members = {inner: dict(_FIELD.findall(body)) for inner, body in _MAP.findall(source)}
    template, found = next((inner, found) for inner, found in members.items() if found["id"] == fields["inner_id"])
    filled = "" if found["inner_idx"] == "NOWHERE" else f" = {{ .values = {{ [{found['inner_idx']}] = &{template} }} }}"
    return (f"struct {{\n{_joined(lines)}\n\t__array(values, struct definition_{template});\n}} {name} "
            f'SEC(".maps"){filled};')


def _joined(lines: list[str]) -> str:
    return "\n".join(lines)
