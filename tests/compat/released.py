"""The kernel lets go of a filter's actions a while after the filter, and refuses to delete them until then.

A work queue does it, behind an RCU grace period (tcf_queue_work in net/sched/cls_api.c): seconds on a busy machine.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence

_SECONDS = 60
_BOUND = re.compile(r'\bbind"?:? ?[1-9]')


def wait_until_released(words: Sequence[str], shown: Callable[[list[str]], str]) -> None:
    """Before a command that is to delete actions, wait until no filter holds them.

    ``shown`` returns what a command prints. An action that a filter holds for good is left to the command.
    """
    until = time.monotonic() + _SECONDS
    for show in _shows(list(words)):
        while _BOUND.search(shown(show)) and time.monotonic() < until:
            time.sleep(0.05)


def _shows(words: list[str]) -> Iterator[list[str]]:
    """Yield commands that show what a command deletes."""
    if len(words) < 2 or not "actions".startswith(words[0]) or len(words[0]) < 2:
        return
    if "flush".startswith(words[1]):
        yield ["actions", "ls", *words[2:]]
    elif words[1] in ("del", "delete"):
        starts = [position for position, word in enumerate(words) if word == "action"]
        for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
            yield ["actions", "get", *words[start:end]]
