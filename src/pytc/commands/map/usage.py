"""Help texts of ``map``, by topic."""

TEXTS: dict[str, str] = {
    "map": """\
Usage: pytc map show [ MAP ]
       pytc map { get | set | update-many | delete | next } MAP key KEY ...
       pytc map { dump | load | watch } MAP ...
       pytc map { push | pop | peek } MAP ...
       pytc map events MAP ...
       pytc map pin MAP PATH
       pytc map unpin PATH

MAP := { fd NUMBER | map { NUMBER | NAME } | pinned { PATH | m:NAME } | id NUMBER | name NAME } [ TYPES ]
TYPES := [ keytype FORMAT ] [ valuetype FORMAT ]
FORMAT := u8 .. u64 | s8 .. s64 | be16 | be32 | be64 | bool | char | f32 | f64 | ip4 | ip6 | mac | hex | str
        | FORMAT[N] | { FORMAT NAME, ... } | the name of a type in the map's BTF

"map 1" is the descriptor in $BPF_MAP1, "map NAME" that in $BPF_MAP_NAME, which "exec bpf import" sets.
Without TYPES, the map's own are used (BTF); where it has none, numbers for 1, 2, 4 and 8 bytes, hex for other sizes.
"pytc map get help" and so on say more. The exit status is 2 where the kernel refuses, as for a key that is not there.
""",
    "map show": """\
Usage: pytc map { show | list } [ MAP ]

A map, or all maps of this machine: type, name, sizes, memory, types of keys and values.
"pytc map help" says what MAP is.
""",
    "map get": """\
Usage: pytc map get MAP key KEY [ value.MEMBER ] [ sum ] [ lock ]
       pytc map get MAP value VALUE

Prints the value, or only a part of it like value.packets or value.ports[2].
sum adds up the values of all CPUs, lock holds the value's spin lock. A bloom filter is asked for a VALUE.
KEY and VALUE are as in "pytc map set help". The exit status is 2 when there is no such element.
""",
    "map set": """\
Usage: pytc map set MAP key KEY value VALUE [ any | noexist | exist ] [ lock ]
       pytc map set MAP key KEY { value | value.MEMBER } OPERATOR VALUE ...

VALUE := NUMBER | TEXT | ADDRESS | { NAME VALUE ... } | [ VALUE ... ] | hex BYTES | JSON
OPERATOR := = | += | -= | |= | &= | ^=

KEY is a VALUE; of an LPM trie PREFIX/LENGTH. Members that are not named are zero. An array with one element needs no
key. noexist only makes a new element, exist only replaces one. The second form reads, changes and writes the element:
not atomic, programs may write meanwhile. With lock, each of reading and writing holds the value's spin lock.
A single value of a per-CPU map is for all CPUs, [ VALUE ... ] has one for each.
Maps and programs as values: id, pin (/PATH, m:NAME), fd:N, name:NAME, map:NAME; devices: their names.
""",
    "map update-many": """\
Usage: pytc map update-many MAP key KEY value VALUE [ key KEY value VALUE ] ... [ any | noexist | exist ] [ lock ]

Several elements at once, "pytc map set help" says what KEY and VALUE are. Those before one that is refused are set.
""",
    "map delete": """\
Usage: pytc map delete MAP { key KEY [ key KEY ] ... | all }
""",
    "map dump": """\
Usage: pytc map dump MAP [ sum ] [ csv ] [ lock ]

All elements: as lines "key KEY value VALUE", with -j as JSON [{"key":KEY,"value":VALUE},...], or as CSV with a header.
A per-CPU map has "values" with one for each CPU, in CSV a line for each; sum adds them up.
""",
    "map load": """\
Usage: pytc map load MAP FILE [ csv | json ] [ any | noexist | exist ] [ lock ]

Sets the elements that FILE lists ("-": standard input), in the layouts that dump prints: CSV with a header, or JSON as
[{"key":KEY,"value":VALUE},...], {KEY: VALUE, ...}, or an object on each line. Elements that FILE does not list stay.
Those before one that is wrong may be set.
""",
    "map next": """\
Usage: pytc map next MAP [ key KEY ]

The key behind KEY in the map's own order, the first key without. The exit status is 2 at the end.
""",
    "map watch": """\
Usage: pytc map watch MAP [ interval TIME ] [ count NUMBER ] [ sum ]

All elements, then those that are new, changed or deleted, looked at every TIME {1s}, NUMBER times {for ever}.
TIME := SECONDS[s] | MILLISECONDSms. With -j, a JSON object on each line.
""",
    "map pin": "Usage: pytc map pin MAP { PATH | m:NAME }\nm:NAME is NAME below tc's directory in the bpffs.\n",
    "map unpin": "Usage: pytc map unpin { PATH | m:NAME }\nThe map is gone when nothing else holds it.\n",
    "map push": """\
Usage: pytc map push MAP value VALUE [ value VALUE ] ... [ exist ]

For queues, stacks and bloom filters. exist: in a full queue or stack, the oldest value makes room.
""",
    "map pop": "Usage: pytc map pop MAP [ count NUMBER | all ]\nTakes values out of a queue or stack.\n",
    "map peek": "Usage: pytc map peek MAP\nPrints the value that pop would take.\n",
    "map events": """\
Usage: pytc map events MAP [ type FORMAT ] [ object FILE ] [ count NUMBER ] [ timeout TIME ]

Events from a ring buffer or a perf event array as they come; NUMBER of them, or until none came for TIME {for ever}.
FORMAT is as in "pytc map help"; names of types are looked up in FILE, or in the programs that use the map.
TIME := SECONDS[s] | MILLISECONDSms. With -j, a JSON object on each line.
""",
}
