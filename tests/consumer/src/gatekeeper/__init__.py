"""Keep some addresses out of a device, and say who tried."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import TracebackType

import pytc


@dataclass(frozen=True)
class Attempt:
    """A packet that was dropped."""

    source: str
    length: int


class Gate:
    """A firewall at a device, for as long as the block runs."""

    def __init__(self, path: str, device: str, *, pins: str | bool = False) -> None:
        self.firewall = pytc.load(path, pin=pins)
        self.device = device
        self.attachment: pytc.Attachment | None = None

    def __enter__(self) -> "Gate":
        self.firewall.maps.settings[0] = {"enabled": True}
        self.attachment = self.firewall.programs.firewall.attach_filter(self.device, "ingress", pref=1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.attachment is not None:
            self.attachment.detach()
        self.firewall.close()

    def keep_out(self, *addresses: str) -> int:
        """Drop packets from addresses; returns how many were not kept out before."""
        verdicts: pytc.Map = self.firewall.maps.verdicts
        new = [address for address in addresses if address not in verdicts]
        verdicts.update_many((address, {"action": "DROP"}) for address in new)
        return len(new)

    def kept_out(self) -> dict[str, int]:
        """Return how many packets came from each address."""
        return {address: value["packets"] for address, value in self.firewall.maps.verdicts.items()}

    def attempts(self, timeout: float = 0) -> Iterator[Attempt]:
        """Yield the dropped packets."""
        for event in self.firewall.maps.notices.events(timeout):
            yield Attempt(event.source, event.length)

    async def watch(self, timeout: float) -> AsyncIterator[Attempt]:
        """Yield the dropped packets as they come."""
        with self.firewall.maps.notices.events(timeout) as events:
            async for event in events:
                yield Attempt(event.source, event.length)

    @property
    def dropped(self) -> int:
        """How many packets were dropped."""
        return int(self.firewall.maps.passed_dropped.summed[1]["packets"])


def guarded_devices(devices: list[str]) -> dict[str, list[str]]:
    """Return the places of the firewall's programs at devices."""
    return {
        device: [
            hook.place for hook in pytc.hooks(device) if hook.program is not None and hook.program.name == "firewall"
        ]
        for device in devices
    }


def problem(path: str) -> str:
    """Return why an object cannot be loaded, empty where it can."""
    try:
        with pytc.load(path, pin=False, type="sched_cls", set={}, max_entries={"verdicts": 8}) as loaded:
            names = [program.name for program in loaded.programs.values()]
            print(loaded, names, list(loaded.variables), loaded.notes)
    except pytc.VerifierError as error:
        return f"{error.program}: {error.log}"
    except pytc.PytcError as error:
        return pytc.explain(error)
    return ""


def can_redirect_to_peers() -> bool:
    """Whether programs of this kernel may use bpf_redirect_peer."""
    return pytc.features.helper("sched_cls", "redirect_peer") and pytc.features.map_type("ringbuf")


async def collect(gate: Gate, timeout: float) -> list[Attempt]:
    """Return the dropped packets until none came for some seconds."""
    return [attempt async for attempt in gate.watch(timeout)]


def collected(gate: Gate, timeout: float) -> list[Attempt]:
    """Return the dropped packets, from code that is not asynchronous."""
    return asyncio.run(collect(gate, timeout))
