"""The real tc and pytc side by side, each in a network namespace of its own that it has to itself."""

from __future__ import annotations

import ctypes
import json
import os
import re
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute

from pytc.netns_pair import wait_until_up
from tests.compat.lines import words_of
from tests.needs import missing
from tests.processes import Outcome, pytc_here, run

_NEW_NETWORK = 0x40000000
#: What differs by nature: ages, ids, and when a program was loaded.
_MASKS = (
    (r" *\b(installed|used|firstused) \d+ sec", ""),
    (r"(?m)(?<=bind \d) $", ""),  # behind it are the ages of police, unless they are 0
    (r"\bid \d+ name", "id N name"),
    (r"load_time \d+", "load_time N"),
    (r"btf_id \d+", "btf_id N"),
)
_MASKED = ("id", "load_time", "btf_id")
#: Ages come only when they are not 0.
_AGES = ("installed", "last_used", "first_used")

OPTIONS = [
    (),
    ("-s",),
    ("-d",),
    ("-s", "-d"),
    ("-br",),
    ("-s", "-br"),
    ("-j",),
    ("-j", "-s", "-d"),
    ("-j", "-br"),
    ("-j", "-p"),
]

Run = Callable[..., Outcome]


def tc(*words: str) -> Outcome:
    return run("tc", *words)


def new_network() -> None:
    """Puts this process into an empty namespace with the pair em1 and em2."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(_NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
    Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")  # it sends packets by itself
    script = "link set lo up\nlink add em1 type veth peer name em2\nlink set em1 up\nlink set em2 up\n"
    subprocess.run(["ip", "-batch", "-"], input=script, check=True, capture_output=True, text=True)
    with IPRoute() as route:
        for device in ("em1", "em2"):
            wait_until_up(route, socket.if_nametoindex(device))
    assert tc("qdisc", "add", "dev", "em1", "clsact").status == 0


def masked_text(text: str) -> str:
    for pattern, instead in _MASKS:
        text = re.sub(pattern, instead, text)
    return text


def masked(text: str) -> Any:
    """Parsed JSON. tc's own is mended first where it is none: police statistics print text into the middle, and police
    has the same name for both of its controls."""
    return _mask(
        json.loads(re.sub(r" Sent \d+ bytes \d+ pkts \([^)]*\) ", "", text) or "[]", object_pairs_hook=_members)
    )


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found["conform_action" if key == "control_action" and key in found else key] = value
    return found


def _mask(value: object) -> object:
    if isinstance(value, dict):
        return {key: "N" if key in _MASKED else _mask(member) for key, member in value.items() if key not in _AGES}
    return [_mask(element) for element in value] if isinstance(value, list) else value


def run_all(run: Run, lines: Sequence[str]) -> list[int]:
    """The exit status of each line."""
    return [run(*words_of(line)).status for line in lines]


def alike(line: str, more: Sequence[tuple[str, ...]] = ()) -> None:
    """pytc prints what tc prints, with each of the options."""
    for options in (*OPTIONS, *more):
        if line.startswith("actions") and "-br" in options and missing(("terse_actions",)):
            continue
        if line.startswith("filter") and "-br" in options:
            continue  # 6.1 cannot dump bpf filters in brief
        expected, shown = tc(*options, *line.split()), pytc_here(*options, *line.split())
        assert shown.status == expected.status, (options, line, shown.err)
        if "-j" in options:
            assert masked(shown.out) == masked(expected.out), (options, line)
            json.loads(shown.out)
        else:
            assert masked_text(shown.out) == masked_text(expected.out), (options, line)
