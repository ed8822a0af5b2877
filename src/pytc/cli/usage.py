"""Help texts, by topic."""

from pytc.commands.dispatch import object_help, object_name, object_topics

OPTIONS = """\
OPTIONS: -V[ersion] | -h[elp] | -s[tatistics] | -d[etails] | -r[aw] | -j[son] | -p[retty] |
                  -o[neline] | -br[ief] | -N[umeric] | -iec | -graph | -n[etns] NAME | -t[imestamp] | -ts[hort] |
                  { -nm | -nam[es] } | { -cf | -conf } FILE | -color[={ always | auto | never }] | -force | -echo |
                  --create-clsact | --replace-own | --dry-run | --warn | --no-warn | --atomic
"""

GENERAL = (
    """\
Usage: pytc [ OPTIONS ] OBJECT { COMMAND | help }
       pytc [ OPTIONS ] -b[atch] [ FILE ]
       pytc --install-alias DIR
where  OBJECT := { qdisc | class | filter | chain | action | monitor | exec | object | cbpf | map
                  | tcx | cgroup | link | hooks | prog | pins | apply | metrics
                  | completion }
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
  pytc apply em1.state                              what differs from a desired state is changed
  pytc prog run obj bpf.o pcap in.pcap expect OK    a program tested on captured packets

--atomic         takes a batch back when one of its lines fails
--dry-run        says what would be loaded and sent; needs no privileges
--create-clsact  makes the qdisc that an ingress or egress filter needs, where it is missing
--replace-own    "filter replace" without a handle replaces the filter of the same owner and program
--warn           remarks on filters: equal programs, the root qdisc, programs of tcx before them
--no-warn        no warnings of filters that do not do what they appear to do
--install-alias  makes a link DIR/tc, by which tc is pytc

"pytc OBJECT help", "pytc filter add bpf help" and "pytc action add action bpf help" say more.
"""
)


def usage(topic: str) -> str:
    """Return the text for a topic like ``filter bpf``: its own, that of its object, or else the general one.

    ``verifier`` has a page for each kind of mistake that the verifier refuses.
    """
    if topic.partition(" ")[0] == "verifier":
        from pytc.bpf.verifier.pages import help_text

        return help_text(topic.partition(" ")[2])
    return (object_help(topic) if object_name(topic.partition(" ")[0]) else "") or GENERAL


def topics() -> list[str]:
    """Return all topics, the general one (an empty string) first."""
    return ["", *object_topics()]
