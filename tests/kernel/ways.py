"""Programs of tests/objects/tcx.c prove an order by packets: these carry the way that they came in their mark."""

from __future__ import annotations

from typing import Any

from pytc.bpf import Map, Program
from pytc.bpf.sys.info import program_map_ids
from tests.network import Network

IN = ("dev", "em1", "ingress")


def attach(network: Network, path: str, digit: int, *words: str, verdict: int = -1, hook: tuple[str, ...] = IN) -> str:
    """Attach a program; return what pytc writes to standard error."""
    done = network.pytc(
        "tcx",
        "attach",
        *hook,
        *words,
        "obj",
        path,
        "section",
        "tcx/ingress",
        "set",
        f"digit={digit}",
        "set",
        f"verdict={verdict}",
    )
    assert done.status == 0, done.err
    return done.err


def tcx_programs(network: Network, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = network.json("tcx", "show", *(words or IN), options=("-d",))
    return found


def ways(program: int) -> dict[int, int]:
    """Packets that a program has seen, by the mark that they had by then."""
    with Program.from_id(program) as found:
        for number in program_map_ids(found.fd):
            with Map.from_id(number) as one:
                if one.name == "ways":
                    return {
                        int.from_bytes(key, "little"): int.from_bytes(value, "little") for key, value in one.items()
                    }
    raise AssertionError("no map")
