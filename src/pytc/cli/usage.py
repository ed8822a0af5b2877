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
    "object": """\
Usage: pytc object show FILE
       pytc object lint FILE [ for KERNEL ] [ type TYPE ]
       pytc object convert FILE

show     what a BPF object holds, and what it asks of a kernel
lint     what is wrong with it, or may be
convert  its maps of section "maps" as C source for section ".maps"

None of them needs privileges, or a kernel with BPF. "pytc object show help" and so on say more.
""",
    "object show": """\
Usage: pytc object show FILE

Sections with code; programs with their maps, helpers, subprograms and externs; maps with all attributes; global
variables with their values; and the features that a kernel must have, by the version that brought them.
pytc -d shows long values whole, pytc -j prints JSON.
""",
    "object lint": """\
Usage: pytc object lint FILE [ for KERNEL ] [ type TYPE ]

for   finds what that kernel lacks, too: helpers, map types, instructions and others; KERNEL is a version like 5.4
type  what programs are loaded as whose section does not say it: sched_cls, sched_act, xdp ...

A finding is an error (it does not load), a warning (it may not do what is meant) or a note. The exit status is 1 when
there is an error.
""",
    "object convert": """\
Usage: pytc object convert FILE

Prints C declarations for section ".maps" of all maps that FILE declares in section "maps" (struct bpf_elf_map and
struct bpf_map_def), with comments for what they cannot say.
""",
    "cbpf": """\
Usage: pytc cbpf compile [ as FORM ] [ snaplen NUMBER ] [ dev NAME ] [ DLT ] EXPRESSION
       pytc cbpf asm FILE [ as FORM ]
       pytc cbpf disasm PROGRAM [ as FORM ]
       pytc cbpf run CAPTURE PROGRAM [ set NAME=NUMBER ] ... [ untagged ] [ count NUMBER ] [ summary ]
                     [ write CAPTURE ] [ step ]
       pytc cbpf to-ebpf PROGRAM [ verdict VERDICT ] write FILE

PROGRAM := FILE | 'N,c t f k,...'
         | expression EXPRESSION [ dlt DLT ]
         | from dev NAME [ ingress | egress | parent CLASSID ] [ pref PREF ] [ handle HANDLE ] ...
FORM    := tc | tcpdump | c | asm
DLT     := EN10MB | RAW | LINUX_SLL | ...

FILE holds bytecode ('N,c t f k,...', the lines of tcpdump -ddd, or C), or the language of bpf_asm; - is the standard
input. EXPRESSION is tcpdump's (pcap-filter(7)), and needs libpcap. "pytc cbpf compile help" and so on say more.
""",
    "cbpf compile": """\
Usage: pytc cbpf compile [ as FORM ] [ snaplen NUMBER ] [ dev NAME ] [ DLT ] EXPRESSION

Prints the program of a tcpdump expression, as libpcap compiles it.

as       tc: 'N,c t f k,...' for bytecode {tc}; tcpdump: the same in lines; c: struct sock_filter; asm: bpf_asm's
snaplen  what a match returns {4294967295: the class that the filter names}; tcpdump -ddd has 262144
dev      takes the link type of this device, and finds VLAN tags that the kernel keeps beside the packet
DLT      what packets begin with {EN10MB: an Ethernet header}; RAW: an IP header
""",
    "cbpf asm": """\
Usage: pytc cbpf asm FILE [ as FORM ]

Assembles FILE, which is in the language of bpf_asm: labels, comments after ; and in /* */, and the instructions
  ld ldh ldb   [k]  [x + k]  #EXTENSION; ld also #k  M[k]  #len
  ldx  #k  M[k]  #len  4*([k]&0xf)            ldi ldxi  #k             st stx  M[k]
  jmp LABEL                                   jeq jgt jge jset  #k|x, LABEL [, LABEL for no]
  jne jlt jle  #k|x, LABEL                    add sub mul div mod and or xor lsh rsh  #k|x
  neg tax txa                                 ret  #k|a
EXTENSION := proto | type | poff | ifidx | nla | nlan | mark | queue | hatype | rxhash | cpu | vlan_tci | vlan_avail
             | vlan_tpid | rand
""",
    "cbpf disasm": """\
Usage: pytc cbpf disasm PROGRAM [ as FORM ]

Prints PROGRAM in the language of bpf_asm, or in another form. All filters of classic BPF that "from" finds are shown.
""",
    "cbpf run": """\
Usage: pytc cbpf run CAPTURE PROGRAM [ set NAME=NUMBER ] ... [ untagged ] [ count NUMBER ] [ summary ]
                 [ write CAPTURE ] [ step ]

Runs PROGRAM over the packets of a pcap or pcapng file (- is the standard input), as the kernel would.

set       what an extension gives: proto, type, ifidx, mark, queue, hatype, rxhash, cpu, vlan_tci, vlan_avail,
          vlan_tpid, rand; those that packets tell themselves are known
untagged  takes the VLAN tag out of the packet, as the kernel does before filters on ingress
count     reads only so many packets
summary   prints only how many there were
write     writes the packets that match to a file
step      goes through the program instruction by instruction; "help" lists the commands
""",
    "cbpf to-ebpf": """\
Usage: pytc cbpf to-ebpf PROGRAM [ verdict VERDICT ] write FILE

Writes an object file with PROGRAM as eBPF in section "classifier", which pytc and tc load.

verdict  for direct-action: what a match returns: ok | pass | drop | shot | stolen | trap; no match goes on with the
         next filter. Without it, the program returns what the classic one returns.
""",
}


def usage(topic: str) -> str:
    """The text for a topic like ``filter bpf``; that of its first word, or the general one, where it has none."""
    texts, first = _TEXTS, topic.partition(" ")[0]
    if first in OBJECTS and (text := object_help(topic)):
        return text
    if first in ("tcx", "hooks", "cgroup"):
        from pytc.commands.shared.attach_usage import TEXTS

        texts = TEXTS
    if first == "completion":
        from pytc.commands.completion.words import TEXTS as OF_COMPLETION

        texts = OF_COMPLETION
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
    from pytc.commands.shared import attach_usage

    return [
        *_TEXTS,
        *action_usage.topics(),
        *filter_usage.topics(),
        *qdisc_usage.topics(),
        *attach_usage.TEXTS,
        *object_topics(),
        "completion",
    ]
