"""Metrics: families of samples with labels, read from the kernel when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

from pytc.bpf.analyse.program_info import program_info
from pytc.bpf.maps.map import Map
from pytc.bpf.maps.typed import TypedMap
from pytc.bpf.object.names import kernel_map_names
from pytc.bpf.sys.constants import Command, MapType, map_type_name, program_type_name
from pytc.bpf.sys.info import ids, map_by_id
from pytc.commands.shared.maps import descriptor_facts
from pytc.commands.shared.named_programs import all_programs
from pytc.errors import BpfError, NetlinkError, PytcError
from pytc.handles import CLSACT, EGRESS, INGRESS, UNSPEC, Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.session import Session, interface_name
from pytc.tc.actions.records import action_index, decode_actions
from pytc.tc.actions.requests import action_table
from pytc.tc.classes.records import decode_class
from pytc.tc.filters.records import decode_filters
from pytc.tc.filters.requests import POINTS
from pytc.tc.filters.u32_tables import is_made, own_filters
from pytc.tc.kinds import actions as action_kinds
from pytc.tc.kinds.filters.bpf import BpfRecord
from pytc.tc.qdiscs.records import decode_qdisc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from pytc.tc.filters.records import FilterRecord
    from pytc.tc.statistics import QueueStatistics

#: Types of maps whose elements come and go; counting those of larger ones would take too long.
_COUNTED = frozenset(
    {
        MapType.HASH,
        MapType.PERCPU_HASH,
        MapType.LRU_HASH,
        MapType.LRU_PERCPU_HASH,
        MapType.LPM_TRIE,
        MapType.HASH_OF_MAPS,
    }
)
_MOST_COUNTED = 1 << 16
_NANOSECONDS = 1e9
_COUNTERS = ("bytes", "packets", "drops", "overlimits", "requeues")

if TYPE_CHECKING:
    Labels = dict[str, str]


def registry(maps: Iterable[str]) -> CollectorRegistry:
    """Return a registry that reads the kernel each time it is collected; raises PytcError without prometheus-client."""
    try:
        from prometheus_client import CollectorRegistry
    except ImportError:
        raise PytcError(
            "metrics need the Python package prometheus-client", hints=('pip install "pytc-bpf[metrics]" installs it',)
        ) from None
    made = CollectorRegistry()
    made.register(Collector(tuple(maps)))  # type: ignore[arg-type, unused-ignore]
    return made


class Collector:
    """Reads the metrics of the thread's network namespace and of all programs and maps; ``maps`` are the names of those
    whose values are read."""

    def __init__(self, maps: tuple[str, ...]) -> None:
        self._maps = maps
        self._lock = Lock()

    def describe(self) -> list[Metric]:
        """Return nothing: a registry would otherwise read everything when it is made."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; raises PytcError."""
        with self._lock, Session() as session:
            families = _Families()
            _add_queues(families, session)
            _add_actions(families, session)
            _add_programs(families)
            _add_maps(families, self._maps)
        yield from families.all()


class _Families:
    """Metrics by name, in the order in which they come up."""

    def __init__(self) -> None:
        self._by_name: dict[str, Metric] = {}

    def counter(self, name: str, help: str, labels: Labels, value: float) -> None:
        """Add a sample of what only rises."""
        from prometheus_client.core import CounterMetricFamily

        self._add(CounterMetricFamily, name, help, labels, value)

    def gauge(self, name: str, help: str, labels: Labels, value: float) -> None:
        """Add a sample of what rises and falls."""
        from prometheus_client.core import GaugeMetricFamily

        self._add(GaugeMetricFamily, name, help, labels, value)

    def _add(self, kind: Any, name: str, help: str, labels: Labels, value: float) -> None:
        if name not in self._by_name:
            self._by_name[name] = kind(name, help, labels=[*labels])
        self._by_name[name].add_metric([*labels.values()], value)  # type: ignore[attr-defined, unused-ignore]

    def all(self) -> Iterable[Metric]:
        return self._by_name.values()


def _add_queues(families: _Families, session: Session) -> None:
    places: list[tuple[int, int]] = []
    devices = set()
    for message in session.dump(TcMessage(c.GETQDISC)):
        qdisc = decode_qdisc(message)
        labels = {
            "device": interface_name(qdisc.ifindex),
            "kind": qdisc.kind,
            "handle": f"{qdisc.handle.major:x}:",
            "parent": POINTS.get(qdisc.parent, str(qdisc.parent)),
        }
        _add_statistics(families, "qdisc", labels, qdisc.statistics)
        if qdisc.handle != UNSPEC:
            devices.add(qdisc.ifindex)
            is_hook = qdisc.handle.major == CLSACT.major
            places += [(qdisc.ifindex, one.number) for one in ((INGRESS, EGRESS) if is_hook else (qdisc.handle,))]
    for ifindex in sorted(devices):
        for message in session.dump(TcMessage(c.GETTCLASS, ifindex=ifindex)):
            class_ = decode_class(message)
            labels = {"device": interface_name(ifindex), "kind": class_.kind, "classid": str(class_.handle)}
            _add_statistics(families, "class", labels, class_.statistics)
            places.append((ifindex, class_.handle.number))
    for ifindex, parent in places:
        answers = session.dump_existing(TcMessage(c.GETTFILTER, ifindex=ifindex, parent=parent))
        made = [one for one in own_filters(session, answers) if is_made(one)]
        _add_filters(families, interface_name(ifindex), parent, decode_filters(made))


def _add_statistics(families: _Families, sort: str, labels: Labels, statistics: QueueStatistics | None) -> None:
    if statistics is None:
        return
    for name in _COUNTERS:
        families.counter(f"pytc_{sort}_{name}", f"{name.capitalize()} of a {sort}.", labels, getattr(statistics, name))
    families.gauge(f"pytc_{sort}_backlog_bytes", f"Bytes that wait in a {sort}.", labels, statistics.backlog)
    families.gauge(f"pytc_{sort}_queue_length", f"Packets that wait in a {sort}.", labels, statistics.qlen)


def _add_filters(families: _Families, device: str, parent: int, records: Iterable[FilterRecord]) -> None:
    handle = Handle.from_number(parent)
    place = {"device": device, "parent": POINTS.get(handle, str(handle))}
    counts: dict[str, int] = {}
    for record in records:
        counts[record.kind] = counts.get(record.kind, 0) + 1
        options = record.options
        if not isinstance(options, BpfRecord) or not options.program_id:
            continue
        labels = {
            **place,
            "chain": str(record.chain or 0),
            "pref": str(record.pref),
            "handle": f"{record.handle:#x}",
            "program": options.program.name if options.program is not None else "",
            "owner": options.owner,
            "id": str(options.program_id),
        }
        families.gauge("pytc_filter_program", "Always 1: the program that a bpf filter runs.", labels, 1)
    for kind, count in counts.items():
        families.gauge("pytc_filters", "Filters of a place.", {**place, "kind": kind}, count)


def _add_actions(families: _Families, session: Session) -> None:
    for kind in action_kinds.names():
        question = TcMessage(
            c.GETACTION,
            attributes={"TCA_ROOT_TAB": action_table([(kind, 0)]), "TCA_ROOT_FLAGS": b"\x01\0\0\0\x01\0\0\0"},
        )
        try:
            answers = session.dump(question)
        except NetlinkError:
            continue  # the kernel does not have this kind
        for answer in answers:
            for record in decode_actions(answer.attributes.get("TCA_ROOT_TAB", b"")):
                labels = {"kind": record.kind, "index": str(action_index(record))}
                _add_statistics(families, "action", labels, record.statistics)


def _add_programs(families: _Families) -> None:
    try:
        for program in all_programs():
            info = program_info(program.fd)
            labels = {"id": str(info.id), "name": info.name, "type": program_type_name(info.type), "tag": info.tag}
            families.counter("pytc_program_runs", "Runs while kernel.bpf_stats_enabled is 1.", labels, info.run_count)
            seconds = info.run_time / _NANOSECONDS
            families.counter("pytc_program_run_seconds", "Time of these runs.", labels, seconds)
            misses = info.recursion_misses
            families.counter("pytc_program_recursion_misses", "Runs that a running program kept out.", labels, misses)
    except BpfError:
        return  # without CAP_SYS_ADMIN, there is no list of programs


def _add_maps(families: _Families, names: tuple[str, ...]) -> None:
    wanted = set[str]().union(*(kernel_map_names(name) for name in names))
    try:
        for number in ids(Command.MAP_GET_NEXT_ID):
            try:
                with Map(map_by_id(number)) as map:
                    _add_map(families, map, is_wanted=map.description.name in wanted)
            except BpfError:
                continue  # deleted meanwhile, or of a type that cannot be read
    except BpfError:
        return


def _add_map(families: _Families, map: Map, *, is_wanted: bool) -> None:
    about = map.description
    labels = {"id": str(about.id), "name": about.name, "type": map_type_name(about.type)}
    families.gauge("pytc_map_max_entries", "Elements that a map can hold.", labels, about.max_entries)
    memory = descriptor_facts(map).get("memlock", "")
    if memory.isdigit():
        families.gauge("pytc_map_memory_bytes", "Memory of a map.", labels, int(memory))
    if about.type in _COUNTED and about.max_entries <= _MOST_COUNTED:
        families.gauge("pytc_map_entries", "Elements that a map holds.", labels, sum(1 for _ in map))
    if is_wanted:
        _add_values(families, map)


def _add_values(families: _Families, map: Map) -> None:
    about = map.description
    for key, value in TypedMap(map).items():
        for field, cpu, number in _numbers(value, is_per_cpu=TypedMap(map).types.is_per_cpu):
            labels = {"id": str(about.id), "map": about.name, "key": _label(key), "field": field, "cpu": cpu}
            families.gauge("pytc_map_value", "A value of a map, or a member of it.", labels, number)


def _label(key: Any) -> str:
    """Return a key as a label: members of a structure as NAME=VALUE."""
    if isinstance(key, Mapping):
        return ",".join(f"{name}={_label(value)}" for name, value in key.items())
    return ",".join(map(_label, key)) if isinstance(key, (list, tuple)) else str(key)


def _numbers(value: Any, *, is_per_cpu: bool) -> Iterator[tuple[str, str, float]]:
    """Yield (member, CPU, number) of all numbers in a value; the CPU is empty for a map that is not per CPU."""
    for cpu, one in enumerate(value) if is_per_cpu else ((None, value),):
        for field, number in _members(one, ""):
            yield field, "" if cpu is None else str(cpu), number


def _members(value: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _members(member, f"{path}.{name}" if path else name)
    elif isinstance(value, (list, tuple)):
        for number, element in enumerate(value):
            yield from _members(element, f"{path}[{number}]")
    elif isinstance(value, (int, float)):
        yield path, float(value)
