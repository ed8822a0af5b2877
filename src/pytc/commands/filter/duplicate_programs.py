"""Filters with an equal program, by name and tag, at the same hook."""

import sys
from collections.abc import Callable
from typing import NamedTuple

from pytc.commands.shared.context import Context
from pytc.commands.shared.program_descriptions import described
from pytc.errors import NetlinkError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.schema import split_attributes

#: Numbers of TCA_BPF_TAG and TCA_BPF_ID.
_TAG, _ID = 10, 11


class Hook(NamedTuple):
    """Where filters stand in a row, as messages about them have it: of a block, ``parent`` is its number."""

    ifindex: int
    parent: int
    chain: int


class Place(NamedTuple):
    """Of a filter at its hook."""

    pref: int
    handle: int


class FilterProgram(NamedTuple):
    """The BPF program of a filter: its id and, as bytes, its tag."""

    id: int
    tag: bytes


class EqualFilter(NamedTuple):
    """One that has an equal program; ``more`` is how many others there are."""

    place: Place
    program: int
    more: int


class KnownPrograms:
    """Finds an equal program in a time that does not grow with the number of those that are known.

    ``name_of`` says what the program with an id is called, None where nobody can tell: such a program equals no other.
    It is asked only about programs whose tags are looked for.
    """

    def __init__(self, name_of: Callable[[int], str | None]) -> None:
        self._name_of = name_of
        self._at: dict[Place, FilterProgram] = {}
        self._unnamed: dict[bytes, dict[Place, int]] = {}
        self._named: dict[tuple[str, bytes], dict[Place, int]] = {}
        self._groups: dict[Place, dict[Place, int]] = {}

    def put(self, place: Place, program: FilterProgram) -> None:
        """A program is at a place, where there may have been another one."""
        if self._at.get(place) == program:
            return
        self.remove(place)
        self._at[place] = program
        self._into(self._unnamed.setdefault(program.tag, {}), place, program.id)

    def remove(self, place: Place) -> None:
        """There is none at that place any more."""
        if self._at.pop(place, None) is not None and place in self._groups:
            del self._groups.pop(place)[place]

    def equal(self, name: str, tag: bytes, *, elsewhere: Place) -> EqualFilter | None:
        """The first that is known at another place."""
        for place, program in self._unnamed.pop(tag, {}).items():
            known = self._name_of(program)
            if known is None:
                del self._groups[place]
            else:
                self._into(self._named.setdefault((known, tag), {}), place, program)
        found = self._named.get((name, tag), {})
        more = len(found) - (elsewhere in found) - 1
        return next((EqualFilter(place, program, more) for place, program in found.items() if place != elsewhere), None)

    def _into(self, group: dict[Place, int], place: Place, program: int) -> None:
        group[place] = program
        self._groups[place] = group


class EqualPrograms:
    """The same of the kernel's filters. Those of a hook are asked for once; from then on they are followed, and what is
    found is asked for again before it is told, as it may be gone."""

    def __init__(self) -> None:
        self._hooks: dict[Hook, KnownPrograms] = {}

    def added(self, context: Context, hook: Hook, place: Place, program: FilterProgram) -> None:
        """A filter is there from now on. Raises NetlinkError."""
        self._known(context, hook).put(place, program)

    def find(self, context: Context, hook: Hook, place: Place, name: str, tag: bytes) -> EqualFilter | None:
        """A filter at another place of the hook; raises NetlinkError."""
        known = self._known(context, hook)
        while (found := known.equal(name, tag, elsewhere=place)) is not None:
            now = _program_at(context, hook, found.place)
            if now == FilterProgram(found.program, tag):
                return found
            known.remove(found.place)
            if now is not None:
                known.put(found.place, now)
        return None

    def _known(self, context: Context, hook: Hook) -> KnownPrograms:
        if hook not in self._hooks:
            known = KnownPrograms(name_of)
            for answer in context.session.dump(_question(hook)):
                if (program := program_of(answer)) is not None:
                    known.put(place_of(answer), program)
            self._hooks[hook] = known
        return self._hooks[hook]


def name_of(program: int) -> str | None:
    """The name of the program with an id; None where it is gone, or not to be seen without CAP_SYS_ADMIN."""
    about = described(program)
    return about.name if about is not None else None


def place_of(message: TcMessage) -> Place:
    """The place of the filter that a message is about."""
    return Place(message.info >> 16, message.handle)


def program_of(message: TcMessage) -> FilterProgram | None:
    """Of the filter that a message is about; None for other kinds and classic BPF, and before Linux 4.13."""
    if message.attributes.get("TCA_KIND") != "bpf":
        return None
    found = dict(split_attributes(message.attributes.get("TCA_OPTIONS", b"")))
    if not {_TAG, _ID} <= found.keys():
        return None
    return FilterProgram(int.from_bytes(found[_ID], sys.byteorder), found[_TAG])


def _program_at(context: Context, hook: Hook, place: Place) -> FilterProgram | None:
    question = _question(hook)
    question = question._replace(
        handle=place.handle, info=place.pref << 16, flags=c.ECHO, attributes={"TCA_KIND": "bpf", **question.attributes}
    )
    try:
        answers = context.session.request(question)
    except NetlinkError:
        return None
    return next((found for answer in answers if (found := program_of(answer)) is not None), None)


def _question(hook: Hook) -> TcMessage:
    return TcMessage(c.GETTFILTER, ifindex=hook.ifindex, parent=hook.parent, attributes={"TCA_CHAIN": hook.chain})
