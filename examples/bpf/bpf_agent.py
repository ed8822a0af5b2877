"""An agent for bpf.c in Python: prints what its maps count, in a shell that holds them.

    bpf_agent.py [SECONDS [TIMES]]    print each SECONDS (1), TIMES times (for ever)
    bpf_agent.py one-in PROTOCOL N    have action-rand drop one in N of a protocol

Does the same as bpf_agent.c, with pytc's library instead of bpf(2).

Use:     pytc exec bpf imp /tmp/bpf
         (in another terminal, a filter with bpf.o and exp /tmp/bpf: see bpf.c)
         python3 bpf_agent.py
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack

from pytc.bpf import Map, TypedMap
from pytc.errors import BpfError

# What bpf.c declares, by the ids of its maps.
VALUES = {
    0: ("proto", "{u64 packets, u64 bytes, u64 marked}"),
    1: ("queue", "{u64 packets, u64 bytes}"),
    2: ("drops", "{u64 seen, u64 dropped, u64 one_in}"),
}


def shared_map(number: int, stack: ExitStack) -> TypedMap:
    """The map whose descriptor the environment names."""
    name = f"BPF_MAP{number}"
    if name not in os.environ:
        sys.exit(f'bpf_agent.py: no {name}: start me in a shell of "pytc exec bpf import"')
    found = stack.enter_context(Map.from_fd(int(os.environ[name])))
    _, value = VALUES[number]
    return TypedMap(found, key="u32", value=value)


def show(maps: list[TypedMap]) -> None:
    """Prints what is not zero."""
    for (name, _), one in zip(VALUES.values(), maps, strict=True):
        for key, value in one.items():
            if isinstance(value, dict) and any(value.values()):
                print(name, key, *(f"{member} {number}" for member, number in value.items()))
    print(flush=True)


def main(words: list[str]) -> None:
    """The agent."""
    with ExitStack() as stack:
        maps = [shared_map(number, stack) for number in VALUES]
        if words[:1] == ["one-in"]:
            protocol, one_in = words[1:]
            maps[2].change(int(protocol), ".one_in", int(one_in))
            return
        seconds, times = [*map(int, words), *(1, 0)[len(words) :]]
        while True:
            show(maps)
            times -= 1
            if not times:
                return
            time.sleep(seconds)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (BpfError, KeyError) as error:
        sys.exit(f"bpf_agent.py: {error}")
    except ValueError:
        sys.exit(__doc__)
    except KeyboardInterrupt:
        sys.exit(130)
