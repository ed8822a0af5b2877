"""The difference between a desired state and what exists: what has to be created, changed or removed."""

from __future__ import annotations

from pytc.netlink import constants as c
from pytc.tc.filters.records import decode_filter
from pytc.tc.filters.u32_tables import is_table
from pytc.tc.kinds import qdiscs
from pytc.tc.kinds.filters.bpf import BpfRecord
from pytc.transaction.kernel_state import removal
from pytc.transaction.restoring import place_of
from pytc.transaction.state_objects import content, depends_on, identity, program_ids
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from pytc.commands.shared.command import Command
    from pytc.netlink.messages import TcMessage
    from pytc.tc.kinds.interface import OpenedProgram
    from pytc.transaction.kernel_state import Identity

    State = Literal["created", "changed", "unchanged", "removed"]
#: Kinds of filters of which another can take the place at once: packets meet the one or the other.
_REPLACEABLE = ("bpf", "flower")
#: Kinds of which the filters of a preference run in the order in which they were added, or in its reverse.
_ORDERED = ("bpf", "basic", "flow")
#: Options that the kernel chooses at random, and the attributes that set them.
_CHOSEN_OPTIONS = {"seed": "TCA_NETEM_PRNG_SEED"}
_INGRESS_KINDS = ("clsact", "ingress")
_MINOR = 0xFFFF


class Desired(NamedTuple):
    """An object that a line of the file asks for: its command and request, and what the kernel makes of it in an empty
    place. ``programs`` are those that it would load, in the order of its description."""

    line: int
    command: Command
    request: TcMessage
    shown: TcMessage
    programs: tuple[OpenedProgram, ...] = ()

    @property
    def is_free(self) -> bool:
        """True for a filter without a preference: the kernel chooses its place."""
        return self.request.type == c.NEWTFILTER and not self.request.info >> 16


class Step(NamedTuple):
    """One difference, or none for what is ``unchanged``.

    ``present`` is what exists. ``is_anew``: it has to be removed before the desired object is created, as it cannot be
    changed into it. ``is_anywhere``: another filter has the place that the kernel would choose.
    """

    state: State
    desired: Desired | None
    present: TcMessage | None = None
    is_anew: bool = False
    is_anywhere: bool = False

    @property
    def message(self) -> TcMessage:
        """The object's description."""
        if self.present is not None:
            return self.present
        assert self.desired is not None
        return self.desired.shown


class Pruning(NamedTuple):
    """The objects that are removed besides: filters of an ``owner``; with ``everything``, all that the file does not
    name."""

    owner: str = ""
    everything: bool = False


class Comparison:
    """Compares a desired state with the objects that exist.

    ``is_loaded`` reports whether a loaded program, by its id, is what a file would load. Objects in ``tried`` that
    differ are removed and created again, as changing them has not helped.
    """

    def __init__(
        self,
        desired: Sequence[Desired],
        present: Mapping[Identity, TcMessage],
        is_loaded: Callable[[OpenedProgram, int], bool],
        *,
        owner: str,
        tried: Collection[Identity] = (),
    ) -> None:
        self._desired = desired
        self._present = present
        self._left = dict(present)
        self._is_loaded = is_loaded
        self._owner = owner
        self._tried = tried
        self._claimed = {identity(one.shown) for one in desired}
        self._gone: list[TcMessage] = []

    def steps(self, pruning: Pruning) -> list[Step]:
        """Return a step for each object of the file, in its order, then those for what is removed."""
        steps = [*self._in_order([self._step(one) for one in self._desired])]
        return [*steps, *self._removals(pruning)]

    def _in_order(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Yield the steps; a filter that would run out of the file's order if it stayed is to be made anew.

        What stays is older than what is created. So it has to be what the file names first, in that order.
        """
        positions = {key: number for number, key in enumerate(self._present)}
        last: dict[Identity, int] = {}
        for step in steps:
            if not _runs_in_order(step):
                yield step
                continue
            key = identity(step.message)
            preference, position = key._replace(number=0), positions.get(key, 0)
            if place_of(step.message) == "first":
                position = -position  # the kernel lists the newest first
            stays = step.present is not None and not step.is_anew and position >= last.get(preference, -len(positions))
            last[preference] = position if stays else len(positions)
            yield step if stays or step.present is None else step._replace(state="changed", is_anew=True)

    def _step(self, one: Desired) -> Step:
        key = identity(one.shown)
        here = self._left.get(key)
        if one.is_free and (here is None or not self._is_own(here)) and not self._is_equal(one, here):
            twin = self._twin(one)
            if twin is not None:
                return Step("unchanged", one, self._left.pop(identity(twin)))
            return Step("created", one, is_anywhere=here is not None)
        if here is None:
            return Step("created", one)
        del self._left[key]
        if self._is_equal(one, here):
            return Step("unchanged", one, here)
        is_anew = self._has_to_go(one, here)
        if here.type == c.NEWQDISC and (is_anew or not _stays(one, here)):
            for other in [*self._left.values()]:
                if depends_on(other, here, self._present):
                    self._gone.append(self._left.pop(identity(other)))
        return Step("changed", one, here, is_anew)

    def _twin(self, one: Desired) -> TcMessage | None:
        """Return an equal filter in another place of the same hook and chain, which the file does not name."""
        return next(
            (
                other
                for key, other in self._left.items()
                if key not in self._claimed
                and other.type == c.NEWTFILTER
                and (other.ifindex, other.parent) == (one.shown.ifindex, one.shown.parent)
                and self._is_equal(one, other)
            ),
            None,
        )

    def _is_equal(self, one: Desired, here: TcMessage | None) -> bool:
        if here is None:
            return False
        if one.request.type == c.NEWQDISC and one.request.handle not in (0, here.handle):
            return False
        wanted, existing = content(one.shown), content(here)
        for members in (wanted, existing):
            if one.is_free:
                members.pop("pref", None)
            for name in self._chosen_options(one):
                options = members.get("options")
                if isinstance(options, dict):
                    options.pop(name, None)
        ids = program_ids(here)
        return wanted == existing and len(ids) == len(one.programs) and all(map(self._is_loaded, one.programs, ids))

    def _chosen_options(self, one: Desired) -> Iterator[str]:
        """Yield the options whose values are the kernel's choice, as the request does not name them."""
        kind = qdiscs.find(one.request.attributes.get("TCA_KIND", "")) if one.request.type == c.NEWQDISC else None
        if kind is None:
            return
        sent = kind.schema.decode(one.request.attributes.get("TCA_OPTIONS", b""), kind.header)
        yield from (name for name, attribute in _CHOSEN_OPTIONS.items() if attribute not in sent)

    def _has_to_go(self, one: Desired, here: TcMessage) -> bool:
        kind, present = one.shown.attributes.get("TCA_KIND"), here.attributes.get("TCA_KIND")
        if here.type != c.NEWACTION and identity(here) in self._tried:
            return True
        if here.type == c.NEWTFILTER:
            same_protocol = one.shown.info & 0xFFFF == here.info & 0xFFFF
            return kind != present or not same_protocol or kind not in _REPLACEABLE
        if here.type == c.NEWQDISC:
            # The kernel puts another kind into a place, but not under the same handle.
            return kind != present and (one.request.handle == here.handle or present in _INGRESS_KINDS)
        if here.type == c.NEWTCLASS:
            return one.shown.parent != here.parent
        return here.type == c.NEWCHAIN

    def _is_own(self, here: TcMessage) -> bool:
        record = decode_filter(here)
        options = record.options if record is not None else None
        return isinstance(options, BpfRecord) and options.owner == self._owner

    def _removals(self, pruning: Pruning) -> Iterator[Step]:
        removed = [one for one in self._left.values() if self._is_pruned(one, pruning)]
        qdiscs = [one for one in removed if one.type == c.NEWQDISC]
        for one in self._gone:
            yield Step("removed", None, one)
        for one in removed:
            if not any(depends_on(one, qdisc, self._present) for qdisc in qdiscs):
                yield Step("removed", None, one, is_anew=True)

    def _is_pruned(self, one: TcMessage, pruning: Pruning) -> bool:
        if one.type == c.NEWCHAIN:
            return False
        return pruning.everything or (bool(pruning.owner) and one.type == c.NEWTFILTER and self._is_own(one))


def _runs_in_order(step: Step) -> bool:
    """Report whether a step is about a filter of the file whose place among others depends on when it is added."""
    message, desired = step.message, step.desired
    is_filter = desired is not None and message.type == c.NEWTFILTER and not desired.is_free
    return is_filter and message.attributes.get("TCA_KIND") in _ORDERED


def _stays(one: Desired, here: TcMessage) -> bool:
    """Report whether a request changes the qdisc that is there, and does not put another into its place."""
    return one.request.handle in (0, here.handle) and one.shown.attributes.get("TCA_KIND") == here.attributes.get(
        "TCA_KIND"
    )


def early_removals(steps: Sequence[Step]) -> list[TcMessage]:
    """Return the requests for what has to go before anything is created: filters, then the u32 tables that held
    them, and what is made anew."""
    order = (c.NEWTFILTER, c.NEWCHAIN, c.NEWTCLASS, c.NEWQDISC)
    chosen = [
        step.present
        for step in steps
        if step.present is not None and step.is_anew and (step.state == "changed" or step.present.type == c.NEWTFILTER)
    ]
    return [removal(message) for message in sorted(chosen, key=lambda one: (order.index(one.type), is_table(one)))]


def late_removals(steps: Sequence[Step]) -> list[TcMessage]:
    """Return the requests for qdiscs and classes that are not wanted any more: the lowest first, when no filter leads
    there."""
    chosen = [
        step.present
        for step in steps
        if step.present is not None and step.is_anew and step.state == "removed" and step.present.type != c.NEWTFILTER
    ]
    above = {(one.ifindex, one.handle): one.parent for one in chosen if one.type == c.NEWTCLASS}

    def depth(message: TcMessage) -> int:
        number, steps = message.parent, 0
        while (message.ifindex, number) in above and steps < len(above):
            number, steps = above[message.ifindex, number], steps + 1
        return steps + (message.type == c.NEWQDISC and message.parent & _MINOR != 0)

    is_root = {id(one): one.type == c.NEWQDISC and not one.parent & _MINOR for one in chosen}
    return [removal(one) for one in sorted(chosen, key=lambda one: (is_root[id(one)], -depth(one)))]
