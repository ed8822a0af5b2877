"""Two network namespaces for a test, with pytc, tc and ping in them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytc.netns_pair import NetnsPair
from tests.processes import SOURCE, Outcome, cannot, pytc, run

if TYPE_CHECKING:
    from pyroute2 import IPRoute

_MACS = ("02:00:00:00:09:01", "02:00:00:00:09:02")


class Network(NetnsPair):
    """Two namespaces with a veth pair: ``em1`` (10.9.0.1) here, ``em2`` (10.9.0.2) in the peer.

    ``env`` is the environment of commands: it names the test's bpffs, and where pytc is.
    """

    def __init__(self, name: str, mount: Path) -> None:
        super().__init__(name)
        self.env = {"TC_BPF_MNT": str(mount), **SOURCE}

    @property
    def name(self) -> str:
        return self.near

    @property
    def peer(self) -> str:
        return self.far

    def configure(self, route: IPRoute, index: int, *, far: bool) -> None:
        """Give the end fixed addresses, and the other end's: a filter that drops ARP must not delay a later ping."""
        mine, others = _MACS[::-1] if far else _MACS
        route.link("set", index=index, address=mine)
        other = self.near_address if far else self.far_address
        route.neigh("add", dst=other, lladdr=others, ifindex=index, state="permanent")
        super().configure(route, index, far=far)

    def __enter__(self) -> Network:
        try:
            self.make()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()

    def pytc(self, *words: str, options: tuple[str, ...] = (), env: dict[str, str] | None = None) -> Outcome:
        """Run ``pytc -n NAME`` as a command of its own."""
        return pytc(*options, "-n", self.name, *words, env={**self.env, **(env or {})})

    def ok(self, *words: str, options: tuple[str, ...] = (), env: dict[str, str] | None = None) -> str:
        """Run a ``pytc`` command that has to succeed; return its output."""
        outcome = self.pytc(*words, options=options, env=env)
        assert outcome.status == 0, f"pytc {' '.join(words)}: {outcome.err}"
        return outcome.out

    def json(self, *words: str, options: tuple[str, ...] = ()) -> Any:
        """Run ``pytc -j``, which has to succeed; return the document."""
        return json.loads(self.ok(*words, options=("-j", *options)))

    def tc(self, *words: str, options: tuple[str, ...] = ()) -> Outcome:
        """Run the real ``tc``."""
        if shutil.which("tc") is None:
            cannot("tc is not installed")
        return run("tc", *options, "-n", self.name, *words, env=self.env)

    def execute(self, *words: str, peer: bool = False) -> Outcome:
        """Run any command in a namespace."""
        return run("ip", "netns", "exec", self.peer if peer else self.name, *words, env=self.env)

    def ping(self, *, count: int = 1, peer: bool = False, mark: int = 0) -> bool:
        """Ping the other side; return whether an answer came."""
        if shutil.which("ping") is None:
            cannot("ping is not installed")
        marking = ("-m", str(mark)) if mark else ()
        target = self.near_address if peer else self.far_address
        words = ("ping", "-q", "-c", str(count), "-i", "0.01", "-W", "1", *marking, target)
        return self.execute(*words, peer=peer).status == 0

    def state(self) -> str:
        """Return what the real tc shows of em1, to see that nothing changed."""
        words = (("qdisc", "show"), ("class", "show"), ("filter", "show"))
        hooks: tuple[tuple[str, ...], ...] = ((), ("ingress",), ("egress",))
        return "\n".join(
            self.tc(*word, "dev", "em1", *hook).out
            for word in words
            for hook in (hooks if word[0] == "filter" else hooks[:1])
        )
