"""What differs from one run to the next, and what is recorded in its place: a rule for each, and nothing else."""

from __future__ import annotations

import platform
import re
from functools import cache
from typing import NamedTuple

#: In requests, in place of the descriptor of a program, and of the index of a step's own device.
DESCRIPTOR, DEVICE = "<descriptor>", "D"


class Rule(NamedTuple):
    """``reason`` says why the text cannot be the same twice."""

    reason: str
    pattern: str
    replacement: str


_IDS = r"id|cgroup_id|map_ids|btf_id|prog_id|map_id|link_id|program_id|prog|map|link"
RULES = (
    Rule(
        "the kernel numbers programs, maps, links and BTF of the whole machine",
        rf"\b({_IDS})( |:)\d+(?:,\d+)*(?!\w)",
        r"\1\2N",
    ),
    Rule("the same in JSON", rf'"({_IDS})": ?(?:\d+|\[\d[\d,]*\])', r'"\1":N'),
    Rule("the same behind the names of maps", r"([\w.]+)\(\d+\)(?=,|$)", r"\1(N)"),
    Rule("descriptors depend on what is open", r"\b(BPF_MAP(?!S=)\w+)=\d+", r"\1=N"),
    Rule("actions have ages, which are not shown where they are 0", r" (installed|used|firstused) \d+ sec", ""),
    Rule("the same in JSON", r',"(installed|last_used|first_used)":\d+', ""),
    Rule("filters that are gone hold their actions for a while", r"\bref \d+ bind \d+", "ref N bind N"),
    Rule("the same in JSON", r'"(ref|bind)": ?\d+', r'"\1":N'),
    Rule("programs were loaded at some time", r"\b(load_time \d+|loaded_at \S+)", "TIME"),
    Rule("the same in JSON", r'"(load_time|loaded_at)": ?\d+', r'"\1":N'),
    Rule("processes have numbers", r"\b(from process) \d+", r"\1 N"),
    Rule("the same in JSON", r'"(pid)": ?\d+', r'"\1":N'),
    Rule("exports came at some time", r"\breceived \S+ \S+", "received TIME"),
    Rule("the same in JSON", r'"(received)": ?\d+', r'"\1":N'),
    Rule("a run takes its time", r"\b\d+ ns$", "N ns"),
    Rule("the same in a table", r"^((?:[A-Za-z]|\d+:)\S*(?: \(-?\d+\))? +\d+ +\d+) +\d+$", r"\1 N"),
    Rule("the same in JSON", r'"(duration_ns)": ?[\d.]+', r'"\1":N'),
    Rule("the verifier measures itself", r"(verification time) \d+ usec", r"\1 N usec"),
    Rule("the CPU's features decide on machine code", r"\b(jited) \d+", r"\1 N"),
    Rule("the same in JSON", r'"(bytes_jited)": ?\d+', r'"\1":N'),
    Rule("functions of the kernel have addresses", r"\b(call \w+#)\d+", r"\1N"),
    Rule("tags of functions cover addresses of helpers", r"\bbpf_prog_[0-9a-f]{16}_(?=\w)", "bpf_prog_TAG_"),
    Rule("a bucket that packets have emptied fills with time", r'\b(c?tokens"?: ?)-\d+', r"\1-N"),
    Rule("the kernel counts on the handles that it picks itself", r"\b8[0-9a-f]{3}:(?![0-9a-f]*:)", "8xxx:"),
    Rule("a kernel's release says who has built it", re.escape(platform.release()), "RELEASE"),
    Rule("the number of CPUs decides on the size of maps", r'\b(memlock"?:? ?)\d+', r"\1N"),
)
_CONTROL = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}
_COMPILED = tuple((re.compile(rule.pattern), rule.replacement) for rule in RULES)


#: Ages in pretty JSON have a line each.
_AGES = re.compile(r'\n *"(?:installed|last_used|first_used)": \d+,?(?=\n)')


def without_variations(text: str, device: str = "") -> str:
    """The text as it is recorded; ``device`` is the name of the step's own device, and of its peer but for a "p".

    Control characters are shown as the pictures that Unicode has of them: git takes files with NULs for binary.
    """
    if device:
        text = re.sub(rf"\b{device}(p?)\b", rf"{DEVICE}\1", text)
    return "\n".join(map(_line, _AGES.sub("", text).split("\n")))


@cache  # most lines are shown again and again
def _line(text: str) -> str:
    for pattern, replacement in _COMPILED:
        text = pattern.sub(replacement, text)
    return text.translate(_CONTROL)
