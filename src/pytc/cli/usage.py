"""Help texts, by topic."""

from __future__ import annotations

from pytc.commands.dispatch import object_help, object_name, object_topics

#: Options that tc has, and what they mean.
OPTIONS = {
    "-V, --version": "prints the version",
    "-h, --help": "prints a summary, or the help of the command whose words follow or precede it",
    "-s, --stats, --statistics": "shows counters, too",
    "-d, --details": "shows more of each: of programs, when they were loaded and by whom; of maps, pins and users",
    "-r, --raw": "shows handles and other numbers as the kernel has them",
    "-j, --json": "prints JSON",
    "-p, --pretty": "indents JSON, and shows what `u32` matches in words",
    "-o, --oneline": "prints each record on a line; in place of line ends stands a backslash",
    "-br, --brief": "shows filters without their options",
    "-N, --numeric": "shows numbers of protocols and priorities in place of their names",
    "-iec, --iec": "shows rates in powers of 1024 (Ki, Mi ...)",
    "-g, --graph": "draws classes as a tree",
    "-n, --netns NAME": "works in that network namespace: a name of ip-netns(8), or a path",
    "-b, --batch [FILE]": "takes commands from a file, one a line; from standard input without FILE, or for -",
    "-force, --force": "goes on with the next command when one of a batch fails",
    "-t, --timestamp": "puts the time before each change that `monitor` prints",
    "-ts, --tshort": "does that in a short form",
    "-nm, --names": "shows classes with their names",
    "-cf, --conf FILE": "takes names of classes from FILE, and not from /etc/iproute2/tc_cls",
    "--color[=WHEN]": "prints in colours: always, auto (on a terminal, unless NO_COLOR is set) or never; alone: always",
    "-echo, --echo": "prints what the kernel says of a change",
}
_OPTIONS_HELP = """\
Usage: pytc [ OPTIONS ] OBJECT WORDS [ OPTIONS ]

Options stand before the object, where they can be abbreviated as in tc. Behind its words they have two dashes, and are
spelled out: "pytc map dump name hits --json". After "--" all words belong to the command.

"""

GENERAL = """\
Usage: pytc [ OPTIONS ] OBJECT { COMMAND | help } [ OPTIONS ]
       pytc [ OPTIONS ] OBJECT COMMAND hold PROGRAM [ ARGUMENTS ]
       pytc [ OPTIONS ] -b[atch] [ FILE ]
       pytc --install-alias DIR

A tc(8) for BPF: attach, inspect, test and debug BPF programs in Linux traffic control. All of tc's lines work.

qdisc, class    queueing disciplines of devices, and their classes
filter, chain   filters of devices and blocks: bpf, flower, u32 and all others
action          actions, in filters and by themselves
tcx, hooks      programs in order at a device, without a qdisc; all that a packet meets there
cgroup, netns   programs of cgroups, and of network namespaces
link            links of programs to hooks
map             elements of maps by their types: get, set, dump, watch, load, events
prog            programs: run them on captured packets, show, dump, measure
object          object files: what they hold, what is wrong with them; needs no privileges
cbpf            classic BPF: compile expressions of tcpdump, assemble, run, translate
pins            what is pinned in the bpffs
apply           a file of commands is the desired state: only what differs is changed
export-state    the state of a device as such a file
exec            maps of filters for shells and services; what programs print
metrics         counters of all of these for Prometheus
monitor         changes of traffic control, as they happen
completion      words for Tab in bash, zsh and fish

hold behind a line that adds or attaches runs PROGRAM, and takes back what the line did when PROGRAM has ended.

--create-clsact  makes the qdisc that an ingress or egress filter needs, where it is missing
--replace-own    "filter replace" without a handle replaces the filter of the same owner and program
--dry-run        says what would be loaded and sent; needs no privileges
--atomic         takes a batch back when one of its lines fails
--warn           remarks on filters: equal programs, the root qdisc, programs of tcx before them
--no-warn        no warnings of filters that do not do what they appear to do
--install-alias  makes a link DIR/tc, by which tc is pytc
-v, --verbose    reports each step on standard error, with the time that it took

"pytc help map", "pytc help map dump" and "pytc help filter bpf" say more, "pytc help options" what options mean,
"pytc help verifier" why the verifier refuses programs.
"""


def usage(topic: str) -> str:
    """Return the text for a topic like ``filter bpf``: its own, that of its object, or else the general one.

    ``verifier`` has a page for each kind of mistake that the verifier refuses.
    """
    if topic == "options":
        return _OPTIONS_HELP + "".join(f"{term}  {text.replace('`', '')}\n" for term, text in OPTIONS.items())
    if topic.partition(" ")[0] == "verifier":
        from pytc.bpf.verifier.pages import help_text

        return help_text(topic.partition(" ")[2])
    return (object_help(topic) if object_name(topic.partition(" ")[0]) else "") or GENERAL


def topics() -> list[str]:
    """Return all topics, the general one (an empty string) first."""
    return ["", "options", *object_topics()]
