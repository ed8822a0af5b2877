"""Help texts of ``tcx``, ``hooks``, ``cgroup`` and ``link``, by topic."""

PROGRAM = """\
PROGRAM := { object-file | obj } FILE [ section NAME ] [ program NAME ] [ export PATH ] [ verbose ]
           [ set VARIABLE=VALUE ] ... [ map NAME { max_entries NUMBER | pinned PATH } ] ...
         | { object-pinned | pinned } { PATH | m:NAME }
"""
_REFERENCE = """\
REF := id NUMBER | name NAME | pinned PATH | link { NUMBER | PATH }
"""
_PLACE = "HOOK := ingress | egress, or of a netkit device primary | peer\n"

TEXTS: dict[str, str] = {
    "tcx": """\
Usage: pytc tcx attach dev NAME HOOK [ first | last | { before | after } REF ] [ revision NUMBER ] [ link PATH ] PROGRAM
       pytc tcx replace dev NAME HOOK [ old REF ] [ revision NUMBER ] PROGRAM
       pytc tcx detach dev NAME HOOK { all | REF } [ revision NUMBER ]
       pytc tcx show [ dev NAME ] [ HOOK ]

"""
    + _PLACE
    + _REFERENCE
    + PROGRAM
    + """\

Programs of tcx (Linux 6.6) run in their order and before the filters of clsact. TCX_NEXT (-1) goes on with the next
program, and behind the last with those filters; TCX_PASS (0), TCX_DROP (2) and TCX_REDIRECT (7) end the way there.
"pytc tcx attach help" and so on say more, "pytc filter add bpf help" explains the words of PROGRAM.
""",
    "tcx attach": """\
Usage: pytc tcx attach dev NAME HOOK [ first | last | { before | after } REF ] [ revision NUMBER ] [ link PATH ] PROGRAM

"""
    + _PLACE
    + _REFERENCE
    + PROGRAM
    + """\

first, last, before, after  where in the order {last}
revision  only while the hook has this revision, which "show" tells and each change counts up
link      by a link, pinned at PATH (m:NAME is below tc's directory); it ends when the pin is removed
Without a section, that of the hook (tcx/ingress, tcx/egress, netkit/primary, netkit/peer), "classifier" or "tc" is
taken, or the only program of the object.
""",
    "tcx replace": """\
Usage: pytc tcx replace dev NAME HOOK [ old REF ] [ revision NUMBER ] PROGRAM

"""
    + _PLACE
    + _REFERENCE
    + PROGRAM
    + """\

Puts PROGRAM into the place of another, in one step: each packet meets the one or the other. Where the old one has a
link, the link stays and goes on with PROGRAM.

old       which program; needed where the hook has more than one
revision  only while the hook has this revision; not for links
""",
    "tcx detach": """\
Usage: pytc tcx detach dev NAME HOOK { all | REF } [ revision NUMBER ]

"""
    + _PLACE
    + _REFERENCE
    + """\

A link that is named by its pin loses the pin, too. Another pin keeps a link that has no place any more: "pytc link
show" shows it as defunct, "pytc link unpin" removes it.
""",
    "tcx show": """\
Usage: pytc tcx show [ dev NAME ] [ HOOK ]

Programs in the order in which they run, then the filters of clsact that follow them. pytc -d also says where links are
pinned; run_cnt and run_time are shown once kernel.bpf_stats_enabled is 1.
""",
    "hooks": """\
Usage: pytc hooks [ show ] dev NAME

All programs and filters that packets meet at a device, in order. Coming in: XDP, tcx, clsact (or ingress). Leaving:
tcx, clsact, the filters of classful qdiscs and of their classes from the root on, netkit. Filters of a shared block are
shown where a qdisc of the device uses it. run_cnt and run_time are shown once kernel.bpf_stats_enabled is 1.
""",
    "cgroup": """\
Usage: pytc cgroup attach CGROUP [ TYPE ] [ multi | override | exclusive ] [ link PATH ] [ replace REF ] PROGRAM
       pytc cgroup detach CGROUP [ TYPE ] { all | REF }
       pytc cgroup show CGROUP [ TYPE ] [ effective ]
       pytc cgroup tree [ CGROUP ] [ effective ]

CGROUP := PATH | pid NUMBER
TYPE := sock_ops | ingress | egress | sock_create | sock_release | device | sysctl | getsockopt | setsockopt
      | { bind | post_bind | connect | sendmsg | recvmsg | getpeername | getsockname } { 4 | 6 }
      | { connect | sendmsg | recvmsg | getpeername | getsockname } _unix
"""
    + _REFERENCE
    + PROGRAM
    + """\

PATH is a directory of cgroup2. "pytc cgroup attach help" and so on say more.
""",
    "cgroup attach": """\
Usage: pytc cgroup attach CGROUP [ TYPE ] [ multi | override | exclusive ] [ link PATH ] [ replace REF ] PROGRAM

CGROUP := PATH | pid NUMBER
"""
    + _REFERENCE
    + PROGRAM
    + """\

TYPE is known from sections like sockops, cgroup_skb/ingress and cgroup/connect4; "pytc cgroup help" lists them.
Without a section, that of TYPE is taken, or the only program of the object.

multi      beside other programs, here and in the cgroups above and below {multi}
override   alone here; a cgroup below may have one in its place
exclusive  alone here, and none in the cgroups below; takes the place of one that is there
link       by a link, pinned at PATH; always multi
replace    takes the place of another program, in one step; of one with a link: the link goes on with PROGRAM
""",
    "cgroup detach": """\
Usage: pytc cgroup detach CGROUP [ TYPE ] { all | REF }

CGROUP := PATH | pid NUMBER
"""
    + _REFERENCE
    + """\

Without TYPE, a REF is looked for in all types. A link that is named by its pin loses the pin, too.
""",
    "cgroup show": """\
Usage: pytc cgroup show CGROUP [ TYPE ] [ effective ]

CGROUP := PATH | pid NUMBER

effective  what runs for the sockets of this cgroup, with what the cgroups above have attached
""",
    "cgroup tree": """\
Usage: pytc cgroup tree [ CGROUP ] [ effective ]

All cgroups with programs, from CGROUP down {the whole of cgroup2}.
""",
}
