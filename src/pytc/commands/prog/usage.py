"""Help texts of ``prog``, by topic."""

TEXTS: dict[str, str] = {
    "prog": """\
Usage: pytc prog show [ PROG ]
       pytc prog run { PROG | obj FILE ... } PACKETS ...
       pytc prog dump PROG [ xlated | jited ] ...
       pytc prog stats [ PROG ] [ on for TIME ]
       pytc prog pin PROG { PATH | m:NAME }
       pytc prog unpin { PATH | m:NAME }

PROG := { id NUMBER | pinned { PATH | m:NAME } | name NAME | tag TAG
        | dev NAME { ingress | egress | root | parent CLASSID } [ chain INDEX ] [ pref PREF ] [ handle HANDLE ] }

show   programs that are loaded
run    a program tested on captured packets, attached to nothing
dump   its instructions, with the lines of C that they come from
stats  how often it ran, and for how long

"pytc prog run help" and so on say more.
""",
    "prog show": """\
Usage: pytc prog { show | list } [ PROG ]

A program, or all programs of this machine: type, name, tag, license, maps, when and by whom it was loaded, runs while
statistics were on. With -d also the names of its maps, and which processes hold it. "pytc prog help" says what PROG is.
""",
    "prog run": """\
Usage: pytc prog run PROGRAM PACKETS [ ctx FIELDS ] [ EXPECT ] [ OUTPUT ] [ count NUMBER ] [ repeat NUMBER ]
                 [ direct-action | classid ] [ preset MAP { key KEY value VALUE } ... ] ...

PROGRAM := obj FILE [ section NAME ] [ program NAME ] [ type TYPE ] [ verbose ] [ set VARIABLE=VALUE ] ...
                    [ map NAME { max_entries NUMBER | pinned PATH } ] ...
         | { id NUMBER | pinned { PATH | m:NAME } | name NAME | tag TAG }
         | dev NAME { ingress | egress | root | parent CLASSID } [ chain INDEX ] [ pref PREF ] [ handle HANDLE ]
PACKETS := { pcap FILE | hex DIGITS | packet "WORDS" } ...
FIELDS := mark=N,priority=N,ifindex=DEV,ingress_ifindex=DEV,cb0=N .. cb4=N,tstamp=N,wire_len=N,gso_segs=N,gso_size=N
EXPECT := [ expect VERDICT[,VERDICT] ... ] [ expect-pcap FILE ] [ expect-ctx FIELDS ]
OUTPUT := [ summary ] [ write FILE ] [ junit FILE ] [ dump MAP ] ...

Runs the program on each packet and says what it returned, what it changed, and how long it took. Nothing is attached,
and the maps of an object are made for this run alone. FILE is pcap or pcapng; WORDS are headers with their fields, like
"eth ip src 10.0.0.1 dst 10.0.0.2 tcp dport 80 payload hex 00ff". The exit status is 1 where it is not as expected.

expect       a verdict for all packets, or one for each: OK, SHOT, XDP_DROP ..., a number, a class like 1:10
expect-pcap  the packets afterwards, byte for byte
expect-ctx   fields afterwards: mark, priority, cb0 .. cb4, tstamp
repeat       runs each packet so many times; the first counts, the others are timed
classid      the return value is a class, as for a filter without direct-action
write        a capture of the packets as the program left them
junit        a report for continuous integration
preset       sets elements of a map before, dump shows a map after
""",
    "prog dump": """\
Usage: pytc prog dump PROG [ xlated | jited ] [ opcodes ] [ lines ] [ write FILE ]

xlated  the instructions as the kernel translated them, in its own notation, with the C source where it is known
jited   the machine code of each function, by the lines of C that it comes from: instructions where objdump (binutils)
        is installed, else bytes
opcodes also the bytes of each instruction
lines   also file and line of the C source
write   the bare instructions into FILE
""",
    "prog stats": """\
Usage: pytc prog stats [ PROG ] [ on for TIME ]

How often programs ran, and how many nanoseconds a run took: since they were loaded, as far as statistics were on
(sysctl kernel.bpf_stats_enabled), or in a TIME for which they are switched on.
TIME := SECONDS[s] | MILLISECONDSms
""",
    "prog pin": "Usage: pytc prog pin PROG { PATH | m:NAME }\nm:NAME is NAME below tc's directory in the bpffs.\n",
    "prog unpin": "Usage: pytc prog unpin { PATH | m:NAME }\nThe program is gone when nothing else holds it.\n",
}
