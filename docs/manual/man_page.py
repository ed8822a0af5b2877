"""docs/pytc.8: the help texts of all commands, and what a manual page has besides."""

import re
from collections.abc import Iterator
from pathlib import Path

from docs.manual import roff
from docs.manual.help_texts import Item, Part, Prose, Verbatim, parts
from pytc import __version__
from pytc.cli.usage import topics, usage

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
#: Options of tc; pytc's own are explained by its help.
_OPTIONS = {
    "-V, -Version": "prints the version.",
    "-h, -help": "prints a summary.",
    "-s, -stats, -statistics": "shows counters, too.",
    "-d, -details": "shows more of each: of programs, when they were loaded, and by whom.",
    "-r, -raw": "shows handles and other numbers as the kernel has them.",
    "-j, -json": "prints JSON.",
    "-p, -pretty": "indents JSON, and shows what `u32` matches in words.",
    "-o, -oneline": "prints each record on a line; in place of line ends stands a backslash.",
    "-br, -brief": "shows filters without their options.",
    "-N, -Numeric": "shows numbers of protocols and priorities in place of their names.",
    "-iec": "shows rates in powers of 1024 (Ki, Mi ...).",
    "-g, -graph": "draws classes as a tree.",
    "-n NAME, -netns NAME": "works in that network namespace: a name of ip-netns(8), or a path.",
    "-b FILE, -batch FILE": "takes commands from a file, one a line; from standard input without FILE, or for -.",
    "-force": "goes on with the next command when one of a batch fails.",
    "-t, -timestamp": "puts the time before each change that `monitor` prints.",
    "-ts, -tshort": "does that in a short form.",
    "-nm, -nam, -names": "shows classes with their names.",
    "-cf FILE, -conf FILE": "takes names of classes from FILE, and not from /etc/iproute2/tc_cls.",
    "-color": "prints in colours: `-color=always`, or `-color=auto` on a terminal only, or `-color=never`.",
    "-echo": "prints what the kernel says of a change.",
}
#: Sections, and what their topics begin with.
_SECTIONS = {
    "QDISCS": ("qdisc",),
    "CLASSES": ("class",),
    "FILTERS": ("filter", "chain"),
    "ACTIONS": ("actions", "action"),
    "MONITOR": ("monitor",),
    "EXEC": ("exec",),
    "TCX, HOOKS AND LINKS": ("tcx", "hooks", "link"),
    "CGROUPS": ("cgroup",),
    "MAPS": ("map",),
    "PROGRAMS": ("prog",),
    "DEPLOYMENT": ("apply", "pins", "metrics"),
    "OBJECT FILES": ("object",),
    "CLASSIC BPF": ("cbpf",),
    "COMPLETION": ("completion",),
}
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
    "PYTC_MAP_LAYOUT": "`bpf_elf_map` or `bpf_map_def`: what 20-byte definitions in section `maps` are.",
    "COLORFGBG": "Colours of the terminal, for `-color`: a dark background has brighter ones.",
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


def page() -> str:
    """The whole page."""
    # A heading is followed by text without more ado.
    return re.sub(r"^(\.S[HS] .*\n)\.PP\n", r"\1", "".join(_page()), flags=re.MULTILINE)


def _page() -> Iterator[str]:
    general = list(parts(usage("")))
    yield '.\\" Made by "make docs" from the help texts of pytc.\n'
    yield f'.TH PYTC 8 "{DATE}" "pytc {__version__}" "System Administration"\n.nh\n.ad l\n'
    yield roff.heading("NAME") + "pytc \\- traffic control with BPF\n"
    yield roff.heading("SYNOPSIS") + _shown(general[0])
    yield roff.heading("DESCRIPTION") + "".join(map(roff.paragraph, (*_of_help(general), *_DESCRIPTION)))
    yield roff.heading("OPTIONS") + _items(_OPTIONS)
    yield roff.paragraph("These are not tc's, and have to be spelled out:")
    yield from (_shown(part) for part in general if isinstance(part, Item))
    for section, firsts in _SECTIONS.items():
        yield roff.heading(section)
        for topic in topics():
            if topic.partition(" ")[0] in firsts:
                yield roff.heading(topic, below=True)
                yield from map(_shown, parts(usage(topic)))
    yield roff.heading("EXIT STATUS") + _items(_STATUS)
    yield roff.heading("ENVIRONMENT") + _items(_ENVIRONMENT)
    yield roff.heading("FILES") + _items(_FILES)
    yield roff.heading("EXAMPLES") + "".join(map(_shown, _examples(general)))
    yield roff.heading("DIFFERENCES FROM TC") + "".join(_differences())
    yield roff.heading("SEE ALSO") + roff.prose(_SEE_ALSO)


def _of_help(general: list[Part]) -> Iterator[str]:
    return (part.text for part in general if isinstance(part, Prose))


def _items(explained: dict[str, str]) -> str:
    return "".join(roff.item(term, text) for term, text in explained.items())


def _shown(part: Part) -> str:
    if isinstance(part, Verbatim):
        return roff.verbatim(part.lines)
    return roff.item(*part) if isinstance(part, Item) else roff.paragraph(part.text)


def _examples(general: list[Part]) -> Iterator[Part]:
    """The commands of the general help, and what they do."""
    for part in general[1:]:
        for line in part.lines if isinstance(part, Verbatim) else ():
            command, _, text = line.strip().partition("  ")
            yield Item(command, f"{text.strip()}.")


def _differences() -> Iterator[str]:
    """What docs/tc.md lists."""
    text = (_DOCS / "tc.md").read_text()
    yield roff.paragraph("Words, output and exit status are those of tc, but for this:")
    text = re.sub(r" \(\[[^]]+\.md\]\([^)]*\)\)", "", text)  # to pages that are not installed
    for found in re.findall(r"^- (.*(?:\n  .*)*)", text, re.MULTILINE):
        yield roff.point(" ".join(found.split()))
