"""Filters with an equal program, by name and tag, at the same hook."""

from __future__ import annotations

import sys

from pytc.bpf.sys.program_lookup import lookup_program
from pytc.errors import NetlinkError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.schema import split_attributes
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytc.commands.shared.context import Context

#: Numbers of TCA_BPF_TAG and TCA_BPF_ID.
_TAG, _ID = 10, 11


class Hook(NamedTuple):
    """A list of filters, as messages name it: of a block, ``parent`` is its number."""

    ifindex: int
    parent: int
    chain: int


class FilterKey(NamedTuple):
    """The numbers by which a filter is known at its hook."""

    pref: int
    handle: int


class FilterProgram(NamedTuple):
    """The BPF program of a filter: its id and, as bytes, its tag."""

    id: int
    tag: bytes


class DuplicateFilter(NamedTuple):
    """A filter with an equal program; ``additional`` is how many others there are."""

    key: FilterKey
    program: int
    additional: int


class KnownPrograms:
    """An index of programs, in which finding an equal one takes a time that does not grow with their number.

    ``name_of`` returns the name of the program with an id, None where nobody can tell: such a program equals no other.
    It is called only for programs whose tags are looked for.
    """

    def __init__(self, name_of: Callable[[int], str | None]) -> None:
        self._name_of = name_of
        self._programs: dict[FilterKey, FilterProgram] = {}
        self._unnamed: dict[bytes, dict[FilterKey, int]] = {}
        self._named: dict[tuple[str, bytes], dict[FilterKey, int]] = {}
        self._groups: dict[FilterKey, dict[FilterKey, int]] = {}

    def put(self, key: FilterKey, program: FilterProgram) -> None:
        """Add a filter's program, in place of an earlier one."""
        if self._programs.get(key) == program:
            return
        self.remove(key)
        self._programs[key] = program
        self._into(self._unnamed.setdefault(program.tag, {}), key, program.id)

    def remove(self, key: FilterKey) -> None:
        """Remove a filter."""
        if self._programs.pop(key, None) is not None and key in self._groups:
            del self._groups.pop(key)[key]

    def equal(self, name: str, tag: bytes, *, elsewhere: FilterKey) -> DuplicateFilter | None:
        """Return the first other filter with an equal program."""
        for key, program in self._unnamed.pop(tag, {}).items():
            filter_name = self._name_of(program)
            if filter_name is None:
                del self._groups[key]
            else:
                self._into(self._named.setdefault((filter_name, tag), {}), key, program)
        filters = self._named.get((name, tag), {})
        additional = len(filters) - (elsewhere in filters) - 1
        return next(
            (DuplicateFilter(key, program, additional) for key, program in filters.items() if key != elsewhere), None
        )

    def _into(self, group: dict[FilterKey, int], key: FilterKey, program: int) -> None:
        group[key] = program
        self._groups[key] = group


class DuplicatePrograms:
    """Finds existing filters that run the same program.

    Dumps a hook once, then follows what is added; re-reads a match before reporting it, as it may be gone since.
    """

    def __init__(self) -> None:
        self._hooks: dict[Hook, KnownPrograms] = {}

    def added(self, context: Context, hook: Hook, key: FilterKey, program: FilterProgram) -> None:
        """Follow a filter that was added; raises NetlinkError."""
        self._known(context, hook).put(key, program)

    def find(self, context: Context, hook: Hook, key: FilterKey, name: str, tag: bytes) -> DuplicateFilter | None:
        """Return another filter of the hook with an equal program; raises NetlinkError."""
        programs = self._known(context, hook)
        while (duplicate := programs.equal(name, tag, elsewhere=key)) is not None:
            now = _read_program(context, hook, duplicate.key)
            if now == FilterProgram(duplicate.program, tag):
                return duplicate
            programs.remove(duplicate.key)
            if now is not None:
                programs.put(duplicate.key, now)
        return None

    def _known(self, context: Context, hook: Hook) -> KnownPrograms:
        if hook not in self._hooks:
            programs = KnownPrograms(program_name)
            for answer in context.session.dump(_question(hook)):
                if (program := decode_program(answer)) is not None:
                    programs.put(filter_key(answer), program)
            self._hooks[hook] = programs
        return self._hooks[hook]


def program_name(program: int) -> str | None:
    """Return the name of the program with an id; None where it cannot be seen."""
    about = lookup_program(program)
    return about.name if about is not None else None


def filter_key(message: TcMessage) -> FilterKey:
    """Return the key of the filter that a message is about."""
    return FilterKey(message.info >> 16, message.handle)


def decode_program(message: TcMessage) -> FilterProgram | None:
    """Return the program of a message's filter; None for other kinds and classic BPF, and before Linux 4.13."""
    if message.attributes.get("TCA_KIND") != "bpf":
        return None
    attributes = dict(split_attributes(message.attributes.get("TCA_OPTIONS", b"")))
    if not {_TAG, _ID} <= attributes.keys():
        return None
    return FilterProgram(int.from_bytes(attributes[_ID], sys.byteorder), attributes[_TAG])


def _read_program(context: Context, hook: Hook, key: FilterKey) -> FilterProgram | None:
    question = _question(hook)
    question = question._replace(
        handle=key.handle, info=key.pref << 16, flags=c.ECHO, attributes={"TCA_KIND": "bpf", **question.attributes}
    )
    try:
        answers = context.session.request(question)
    except NetlinkError:
        return None
    return next((program for answer in answers if (program := decode_program(answer)) is not None), None)


def _question(hook: Hook) -> TcMessage:
    return TcMessage(c.GETTFILTER, ifindex=hook.ifindex, parent=hook.parent, attributes={"TCA_CHAIN": hook.chain})
