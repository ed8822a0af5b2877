"""Help texts, by topic."""

from pytc.commands.dispatch import object_help, object_name, object_topics

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
    if object_name(first) and (text := object_help(topic)):
        return text
    if first == "map":
        from pytc.commands.map.usage import TEXTS

        texts = TEXTS
    if first in ("tcx", "hooks", "cgroup"):
        from pytc.commands.shared.attach_usage import TEXTS

        texts = TEXTS
    if first == "prog":
        from pytc.commands.prog.usage import TEXTS as OF_PROGRAMS

        texts = OF_PROGRAMS
    if first == "completion":
        from pytc.commands.completion.words import TEXTS as OF_COMPLETION

        texts = OF_COMPLETION
    return texts.get(topic) or texts.get(first) or _TEXTS[""]


def topics() -> list[str]:
    """Return all topics."""
    from pytc.commands.map import usage as map_usage
    from pytc.commands.prog import usage as prog_usage
    from pytc.commands.shared import attach_usage

    return [
        *_TEXTS,
        *map_usage.TEXTS,
        *attach_usage.TEXTS,
        *prog_usage.TEXTS,
        *object_topics(),
        "completion",
    ]
