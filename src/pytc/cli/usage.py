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
    from pytc.commands.qdisc import usage as qdisc_usage

    return [
        *_TEXTS,
        *action_usage.topics(),
        *filter_usage.topics(),
        *qdisc_usage.topics(),
        *object_topics(),
    ]
