"""docs/man: pages of the manual, made of the help texts: pytc(8), and one for each object, like pytc-map(8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from docs.manual import roff
from pytc import __version__
from pytc.cli.examples import EXAMPLES
from pytc.cli.help_page import see_also
from pytc.cli.help_texts import Item, Prose, Verbatim, parts, wrap_grammar
from pytc.cli.usage import OPTIONS, topics, usage

if TYPE_CHECKING:
    from pytc.cli.help_texts import Part

_DOCS = Path(__file__).resolve().parents[1]
#: Of the last change that readers should know of.
DATE = "2026-11-21"

_DESCRIPTION = (
    "`pytc` shows and changes what Linux does with packets at network devices: queueing disciplines (qdiscs), their "
    "classes, filters and actions. Its words are those of `tc`, and so are output and exit status. It attaches "
    "programs to traffic control, to tcx and to cgroups, runs them on captured packets, and shows and changes their "
    "maps.",
    "Words may be abbreviated as tc abbreviates them. `help` is understood everywhere, and prints what stands below of "
    "the command. In it, braces and bars are for words of which one is chosen, brackets for what may be left out, dots "
    "for what may be repeated, capitals for what is to be put in, and braces behind an explanation say what holds "
    "without the word.",
)
#: Pages about objects: what NAME says, and the first words of their topics.
_OBJECTS = {
    "qdisc": ("queueing disciplines of devices", ("qdisc",)),
    "class": ("classes of qdiscs", ("class",)),
    "filter": ("filters of devices and blocks", ("filter",)),
    "chain": ("chains of filters", ("chain",)),
    "action": ("actions, by themselves and in filters", ("actions", "action")),
    "monitor": ("changes of traffic control, as they happen", ("monitor",)),
    "exec": ("maps of filters for shells and services", ("exec",)),
    "tcx": ("programs in order at a device, without a qdisc", ("tcx",)),
    "hooks": ("all that a packet meets at a device", ("hooks",)),
    "link": ("links of programs to hooks", ("link",)),
    "cgroup": ("programs of cgroups", ("cgroup",)),
    "netns": ("programs of network namespaces", ("netns",)),
    "map": ("elements of BPF maps, by their types", ("map",)),
    "prog": ("loaded programs, and test runs", ("prog",)),
    "apply": ("a file of commands as the desired state", ("apply",)),
    "export-state": ("the state of a device as a file for apply", ("export-state",)),
    "pins": ("pins of maps, programs and links", ("pins",)),
    "metrics": ("numbers for Prometheus", ("metrics",)),
    "object": ("what an object file holds, and what is wrong with it", ("object",)),
    "cbpf": ("classic BPF", ("cbpf",)),
    "completion": ("completion of words in bash, zsh and fish", ("completion",)),
}
#: Columns of a terminal, without the margins of a page.
_COLUMNS = 71
_STATUS = {
    "0": "All is done.",
    "1": "Something cannot be used: a device that is not there, a file that is no object, an option of a kind that "
    "makes no sense, a program that the verifier refuses. Of `prog run`: not all was as expected. Of a batch: a "
    "command failed.",
    "2": "The kernel refused a request.",
    "255": "The command line makes no sense.",
}
_ENVIRONMENT = {
    "TC_BPF_MNT": "Where the bpffs is, in place of /sys/fs/bpf.",
    "TC_BPF_UDS": "A socket that maps are exported to, where a command does not say `export`.",
    "TC_LIB_DIR": "Where tables of delays for `netem` are.",
    "PYTC_KERNEL_BTF": "A file with the kernel's types, in place of /sys/kernel/btf/vmlinux: raw BTF, or an ELF file "
    "with a section .BTF.",
    "PYTC_KERNEL_CONFIG": "A file with the kernel's CONFIG_ settings for .kconfig, packed with gzip or not, in place "
    "of those below /boot and /proc.",
    "PYTC_MAP_LAYOUT": "`bpf_elf_map` or `bpf_map_def`: what 20-byte definitions in section `maps` are.",
    "LISTEN_FDS, LISTEN_PID": "Set by a service manager that passes sockets to `exec bpf agent` (sd_listen_fds(3)).",
    "COLORFGBG": "Colours of the terminal, for `-color`: a dark background has brighter ones.",
    "NO_COLOR": "Where it is set, and not empty, there are no colours but with `-color=always`; nor with TERM=dumb.",
    "SHELL, HOME, XDG_DATA_HOME, XDG_CONFIG_HOME": "Where `completion install` writes a shell's script.",
    "BPF_NUM_MAPS, BPF_MAP<id>, BPF_MAP_<NAME>": (
        "Set by `exec bpf import` for its command: how many maps there are, and their descriptors, which `map` reads."
    ),
}
_FILES = {
    "/sys/fs/bpf/tc/globals": "Maps that are pinned for all objects; m:NAME is NAME in /sys/fs/bpf/tc.",
    "/etc/iproute2/bpf_pinning": "Numbers of pinning, and their directories; else /usr/share/iproute2/bpf_pinning.",
    "/etc/iproute2/tc_cls": "Names of classes, for `-names`.",
    "/run/netns": "Names of network namespaces, for `-netns`.",
    "/sys/kernel/tracing/trace_pipe": "What `exec bpf debug` reads.",
}
_SEE_ALSO = "tc(8), tc-bpf(8), bpftool(8), ip-netns(8), rtmon(8), bpf(2), pcap-filter(7)"


def pages() -> dict[str, str]:
    """Return the pages by the names of their files."""
    found = {"pytc.8": _page()}
    found |= {f"pytc-{name}.8": _object_page(name) for name in _OBJECTS}
    # A heading is followed by text without more ado.
    return {
        name: re.sub(r"^(\.S[HS] .*\n)\.PP\n", r"\1", "".join(lines), flags=re.MULTILINE)
        for name, lines in found.items()
    }


def _begin(name: str, about: str) -> Iterator[str]:
    yield '.\\" Made by "make docs" from the help texts of pytc.\n'
    yield f'.TH "{name.upper()}" 8 "{DATE}" "pytc {__version__}" "System Administration"\n.nh\n.ad l\n'
    yield roff.heading("NAME") + f"{roff.escaped(name)} \\- {about}\n"


def _page() -> Iterator[str]:
    general = list(parts(usage("")))
    yield from _begin("pytc", "traffic control with BPF")
    yield roff.heading("SYNOPSIS") + _shown(general[0])
    yield roff.heading("DESCRIPTION") + "".join(map(roff.paragraph, (*_of_help(general), *_DESCRIPTION)))
    yield roff.heading("COMMANDS")
    yield roff.paragraph("Each has a page: `pytc-qdisc(8)` and so on.")
    yield from (_shown(part) for part in general if isinstance(part, Item) and "--" not in part.term)
    yield roff.heading("OPTIONS")
    yield from map(_shown, [part for part in parts(usage("options")) if isinstance(part, Prose)])
    yield _items({term: f"{text}." for term, text in OPTIONS.items()})
    yield roff.paragraph("These are not tc's, and have to be spelled out:")
    yield from (_shown(part) for part in general if isinstance(part, Item) and "--" in part.term)
    yield roff.heading("EXIT STATUS") + _items(_STATUS)
    yield roff.heading("ENVIRONMENT") + _items(_ENVIRONMENT)
    yield roff.heading("FILES") + _items(_FILES)
    yield roff.heading("EXAMPLES") + "".join(_examples(""))
    yield roff.heading("DIFFERENCES FROM TC") + "".join(_differences())
    own = ", ".join(f"pytc-{name}(8)" for name in _OBJECTS)
    yield roff.heading("SEE ALSO") + roff.prose(f"{own}, {_SEE_ALSO}")


def _object_page(name: str) -> Iterator[str]:
    about, firsts = _OBJECTS[name]
    yield from _begin(f"pytc-{name}", about)
    of_object, *others = [topic for topic in topics() if topic.partition(" ")[0] in firsts]
    synopsis, *description = parts(usage(of_object))
    yield roff.heading("SYNOPSIS") + _shown(synopsis)
    yield roff.heading("DESCRIPTION") + "".join(map(_shown, description))
    if of_object in EXAMPLES:
        yield roff.heading("EXAMPLES") + "".join(_examples(of_object))
    for topic in others:
        yield roff.heading(f"pytc {topic}")
        yield from map(_shown, parts(usage(topic)))
        if topic in EXAMPLES:
            yield roff.heading("Examples", below=True) + "".join(_examples(topic))
    pages_of_tc = sorted({word for topic in others for word in see_also(topic) if word.startswith("tc")})
    yield roff.heading("SEE ALSO") + roff.prose(", ".join(["pytc(8)", *pages_of_tc]))


def _of_help(general: list[Part]) -> Iterator[str]:
    return (part.text for part in general if isinstance(part, Prose))


def _items(explained: dict[str, str]) -> str:
    return "".join(roff.item(term, text) for term, text in explained.items())


def _shown(part: Part) -> str:
    if isinstance(part, Verbatim):
        lines = [f"       {line[6:].lstrip()}" if line.startswith("Usage:") else line for line in part.lines]
        is_synopsis = lines != part.lines
        wrapped = wrap_grammar(lines, _COLUMNS + 7 * is_synopsis)
        return roff.verbatim([line[7:] if is_synopsis else line for line in wrapped], is_synopsis=is_synopsis)
    return roff.item(*part) if isinstance(part, Item) else roff.paragraph(part.text)


def _examples(topic: str) -> Iterator[str]:
    """The commands that the help on a topic shows, and what they do."""
    for line, text in EXAMPLES[topic]:
        yield roff.item(f"pytc {line}", f"{text}." if text else "")


def _differences() -> Iterator[str]:
    """What docs/tc.md lists."""
    text = (_DOCS / "tc.md").read_text()
    yield roff.paragraph("Words, output and exit status are those of tc, but for this:")
    text = re.sub(r" \(\[[^]]+\.md\]\([^)]*\)\)", "", text)  # to pages that are not installed
    for found in re.findall(r"^- (.*(?:\n  .*)*)", text, re.MULTILINE):
        yield roff.point(" ".join(found.split()))
