"""Help texts, by topic."""

from pytc.commands.dispatch import OBJECTS, object_help, object_topics

OPTIONS = """\
OPTIONS: -V[ersion] | -h[elp] | -s[tatistics] | -d[etails] | -r[aw] | -j[son] | -p[retty] |
                  -o[neline] | -br[ief] | -N[umeric] | -iec | -graph | -n[etns] NAME | -t[imestamp] | -ts[hort] |
                  { -nm | -nam[es] } | { -cf | -conf } FILE | -color[={ always | auto | never }] | -force | -echo |
                  --create-clsact | --dry-run | --warn | --atomic
"""

_TEXTS: dict[str, str] = {
    "": """\
Usage: pytc [ OPTIONS ] OBJECT { COMMAND | help }
       pytc [ OPTIONS ] -b[atch] [ FILE ]
       pytc --install-alias DIR
where  OBJECT := { qdisc | class | filter | chain | action | monitor | exec | object | cbpf | map
                  | tcx | cgroup | link | hooks | prog | completion }
"""
    + "       "
    + OPTIONS
    + """\

A tc(8) for BPF: loads objects with struct bpf_elf_map and with BTF maps alike.

  pytc qdisc add dev em1 clsact                     a place for filters
  pytc filter add dev em1 ingress bpf da obj bpf.o  load and attach
  pytc filter show dev em1 ingress                  what is there
  pytc filter del dev em1 ingress                   take it away
  pytc exec bpf import /run/bpf.sock                a shell that holds the maps that a filter exports
  pytc object show bpf.o                            what a file holds; needs no privileges
  pytc cbpf compile 'tcp port 80'                   classic BPF: compile, assemble, run, translate
  pytc map dump name hits                           what a map holds
  pytc prog run obj bpf.o pcap in.pcap expect OK    a program tested on captured packets

--atomic         takes a batch back when one of its lines fails
--dry-run        says what would be loaded and sent; needs no privileges
--create-clsact  makes the qdisc that an ingress or egress filter needs, where it is missing
--warn           remarks on filters: equal programs, the root qdisc, programs of tcx before them
--install-alias  makes a link DIR/tc, by which tc is pytc

"pytc OBJECT help", "pytc filter add bpf help" and "pytc action add action bpf help" say more.
""",
    "exec": """\
Usage: pytc exec bpf { import | agent | debug | graft | help } ...

Works with the maps and programs of filters: "pytc exec bpf help".
""",
    "exec bpf": """\
Usage: pytc exec bpf import PATH [ OPTIONS ] [ run COMMAND [ WORDS ] ]
       pytc exec bpf import agent PATH [ object NAME ] [ ro ] [ run COMMAND [ WORDS ] ]
       pytc exec bpf agent PATH [ mode MODE ] [ user USER ]
       pytc exec bpf agent PATH { list | drop NAME }
       pytc exec bpf { debug | dbg }
       pytc exec bpf graft MAP [ key KEY ] PROGRAM

import  a shell, or another command, that holds the maps which a filter or action exports
agent   a process that keeps exported maps for any import
debug   what programs write with bpf_trace_printk
graft   puts a program into a slot of a program array that is in use

"pytc exec bpf import help" and so on say more.
""",
    "exec bpf import": """\
Usage: pytc exec bpf import PATH [ timeout SECONDS ] [ count NUMBER ] [ mode MODE ] [ user USER ] [ ro ]
                            [ run COMMAND [ WORDS ] ]
       pytc exec bpf import agent PATH [ object NAME ] [ ro ] [ run COMMAND [ WORDS ] ]

Makes a Unix socket at PATH, waits for "export PATH" of a filter or action, and becomes COMMAND {/bin/sh}, which
inherits the maps. Its environment has BPF_NUM_MAPS, the number of maps; BPF_MAP<id>, the descriptor of the map with
that id; and BPF_MAP_<NAME>, that of the map with that name. The second form takes them from an agent at once.

timeout  gives up after so many seconds {waits for ever}
count    waits for that many exports {1}
mode     permissions of the socket, octal {600}
user     a user, number or name, who may export besides root and the one who imports; the socket is given to them
ro       COMMAND can read the maps and not write them
object   only those of the object with that name, or number in the agent's list {all}
run      the last word; all that follows is the command
""",
    "exec bpf agent": """\
Usage: pytc exec bpf agent PATH [ mode MODE ] [ user USER ]
       pytc exec bpf agent PATH list
       pytc exec bpf agent PATH drop { NAME | NUMBER | all }

Makes Unix sockets at PATH and PATH.control, takes what filters and actions export to PATH, and keeps it until it is
dropped or the agent ends. "pytc exec bpf import agent PATH" asks it for the maps.

mode  permissions of the sockets, octal {600}
user  a user, number or name, who may export, import, list and drop besides root and the agent's own
list  what the agent keeps
drop  lets it forget an object, by the name of its file or the number in the list
""",
    "exec bpf debug": """\
Usage: pytc exec bpf { debug | dbg }

Prints what programs write with bpf_trace_printk, until Ctrl-C. Each line is read by one reader only. A tracefs is
mounted at /sys/kernel/tracing when there is none.
""",
    "exec bpf graft": """\
Usage: pytc exec bpf graft MAP [ key KEY ] { object-file | obj } FILE [ section NAME ] [ type TYPE ] [ verbose ]
       pytc exec bpf graft MAP [ key KEY ] { object-pinned | pinned } PROGRAM

Puts a program into slot KEY of the program array that is pinned at MAP, in one step; what runs through the array goes
on with the new program. Without KEY, the section says it: that of section "5/3" is 3.
MAP and PROGRAM are paths in a bpffs, or m:NAME, which is NAME below tc's directory there. "program", "set" and "map"
work as in "pytc filter add bpf help".
""",
    "monitor": """\
Usage: pytc [ -timestamp | -tshort ] monitor [ file FILE ]

Prints each change of a qdisc, class, filter, chain or action as it happens, until it is interrupted; or what FILE has,
which rtmon(8) has written. pytc -j prints an object on a line for each.
""",
}


def usage(topic: str) -> str:
    """The text for a topic like ``filter bpf``; that of its first word, or the general one, where it has none."""
    texts, first = _TEXTS, topic.partition(" ")[0]
    if first in OBJECTS and (text := object_help(topic)):
        return text
    if first == "map":
        from pytc.commands.map.usage import TEXTS

        texts = TEXTS
    if first == "prog":
        from pytc.commands.prog.usage import TEXTS as OF_PROGRAMS

        texts = OF_PROGRAMS
    if first in ("action", "actions"):
        from pytc.commands.action.usage import usage as of_actions

        return of_actions(topic)
    if first in ("filter", "chain"):
        from pytc.commands.filter.usage import usage as of_filters

        return of_filters(topic)
    if first in ("qdisc", "class"):
        from pytc.commands.qdisc.usage import usage as of_qdiscs

        return of_qdiscs(topic)
    return texts.get(topic) or texts.get(first) or _TEXTS[""]


def topics() -> list[str]:
    """Return all topics."""
    from pytc.commands.action import usage as action_usage
    from pytc.commands.filter import usage as filter_usage
    from pytc.commands.map import usage as map_usage
    from pytc.commands.prog import usage as prog_usage
    from pytc.commands.qdisc import usage as qdisc_usage

    return [
        *_TEXTS,
        *action_usage.topics(),
        *filter_usage.topics(),
        *map_usage.TEXTS,
        *qdisc_usage.topics(),
        *prog_usage.TEXTS,
        *object_topics(),
    ]
