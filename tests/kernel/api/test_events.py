"""Events as typed values: in loops, in asyncio, by callbacks; and what was lost."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Iterator

import pytest

import pytc
from pytc.errors import BpfError, ClosedError, CodecError
from tests.conftest import Compiler

pytestmark = pytest.mark.kernel

PACKET = "eth ip src 192.0.2.7 udp"
#: A ring buffer, and a perf event array, which needs CONFIG_PERF_EVENTS.
BUFFERS = ["notices", pytest.param("samples", marks=pytest.mark.needs("perf_events"))]


@pytest.fixture
def firewall(root: None, build: Compiler) -> Iterator[pytc.Object]:
    """A program that sends an event for each packet from 192.0.2.7, to a ring buffer and as a perf event."""
    with pytc.load(build("typed_values"), pin=False) as loaded:
        loaded.maps.settings[0] = {"enabled": True}
        loaded.maps.verdicts["192.0.2.7"] = {"action": "DROP", "note": "scanner"}
        yield loaded


def send(firewall: pytc.Object, count: int = 1) -> None:
    for _ in range(count):
        assert firewall.program.run(PACKET).verdict == "TC_ACT_SHOT"


@pytest.mark.parametrize("name", BUFFERS)
def test_events_are_typed(firewall: pytc.Object, name: str) -> None:
    with firewall.maps[name].events(timeout=0) as events:
        send(firewall, 2)
        assert events.type == "struct event"  # which a pointer keeps in the object
        seen = list(events)
        assert [(event.address, event.action, event["note"]) for event in seen] == [
            ("192.0.2.7", "DROP", "scanner")
        ] * 2
        assert {"address", "length", "action", "note"} <= {*dir(seen[0])}
        assert repr(seen[0]).startswith("<Event { address 192.0.2.7 length ")
        assert (seen[0].cpu >= 0) is (name == "samples")
        with pytest.raises(AttributeError, match="no member 'adress'; its members: address, length"):
            assert seen[0].adress
        assert list(events) == []
        send(firewall)
        assert len(list(events)) == 1  # a loop may be repeated
        assert repr(events) == f"<EventStream {name!r} struct event>"
    with pytest.raises(ClosedError):
        list(events)


def test_other_types(firewall: pytc.Object) -> None:
    notices = firewall.maps.notices
    with notices.events(timeout=0, type="") as events:
        send(firewall)
        (event,) = events
        assert (event.value, len(event.data)) == (event.data.hex(), 28)
    with notices.events(timeout=0, type="{be32 address, u32 length}") as events:
        send(firewall)
        (event,) = events
        assert (event.address, event.length) == (0xC0000207, event["length"])
    with pytest.raises(CodecError, match="unknown type"):
        notices.events(type="struct nothing")
    with pytest.raises(BpfError, match="not a ring buffer or a perf event array"):
        firewall.maps.verdicts.events()


def test_callbacks_and_descriptors(firewall: pytc.Object) -> None:
    with firewall.maps.notices.events(timeout=0) as events:
        assert select.select([events], [], [], 0)[0] == []
        send(firewall, 3)
        assert select.select([events], [], [], 60)[0] == [events]
        addresses: list[str] = []
        assert events.poll(lambda event: addresses.append(event.address)) == 3
        assert addresses == ["192.0.2.7"] * 3
        assert list(events.available()) == []


@pytest.mark.needs("perf_events")
def test_lost_events_are_counted(firewall: pytc.Object) -> None:
    with firewall.maps.samples.events(timeout=0, pages=1) as events:
        send(firewall, 200)  # 4096 bytes hold fewer
        list(events)
        send(firewall)  # the kernel tells with the next one
        list(events)
        assert events.lost > 0


@pytest.mark.parametrize("name", BUFFERS)
def test_asyncio(firewall: pytc.Object, name: str) -> None:
    """Another task runs while one waits for events, and the end of the events ends the loop."""

    async def watch(events: pytc.EventStream) -> list[str]:
        return [event.note async for event in events]

    async def both() -> list[str]:
        with firewall.maps[name].events(timeout=0.5) as events:
            task = asyncio.create_task(watch(events))
            for _ in range(3):
                await asyncio.sleep(0.01)
                send(firewall)
            return await task

    assert asyncio.run(both()) == ["scanner"] * 3


@pytest.mark.needs("perf_events")
def test_events_of_a_run(firewall: pytc.Object) -> None:
    send(firewall)  # the events of an earlier run are not this one's
    result = firewall.program.run(PACKET, events=[firewall.maps.notices, firewall.maps.samples])
    assert [event.address for event in result.events["notices"]] == ["192.0.2.7"]
    assert [event.note for event in result.events["samples"]] == ["scanner"]
    assert firewall.program.run(PACKET).events == {}


def test_a_cancelled_task_leaves_nothing_behind(firewall: pytc.Object) -> None:
    async def wait(events: pytc.EventStream) -> None:
        async for _ in events:
            pass

    async def cancel() -> int:
        with firewall.maps.notices.events() as events:
            task = asyncio.create_task(wait(events))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            send(firewall)
            return len(list(events.available()))

    assert asyncio.run(cancel()) == 1
