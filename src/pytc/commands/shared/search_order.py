"""Filters that packets never get past: what they let go on does not meet the filters behind them.

The kernel asks the filters of a hook in the order of their preferences until one has a result (__tcf_classify of
net/sched/cls_api.c), and those of one preference in the order in which they were added.
"""

from __future__ import annotations

import struct
from itertools import islice

from pytc.bpf.insn.classic import unpack, whole
from pytc.errors import PytcError
from pytc.netlink import constants as c
from pytc.netlink.schema import split_attributes
from pytc.protocols import ALL
from pytc.tc.filters.requests import htons, selector_message
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds import filters
from pytc.tc.kinds.shared.filter_parts import SKIP_SW
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.analyse.returns import Returned
    from pytc.commands.shared.context import Context
    from pytc.handles import Handle
    from pytc.netlink.messages import TcMessage
    from pytc.netlink.schema import Attributes

#: Filters of a hook that are looked at: a command that adds one must not take long because there are thousands.
_MOST_FILTERS = 256
_RETURN_CONSTANT, _RETURN = 0x06, 0x06
_DIRECT_ACTION = 1
# TCA_ACT_KIND, TCA_ACT_OPTIONS, TCA_GACT_PARMS (struct tc_gen, whose third word is the verdict), TCA_GACT_PROB.
_ACT_KIND, _ACT_OPTIONS, _GACT_PARMS, _GACT_PROB = 1, 2, 2, 3
_GENERIC = struct.Struct("=IIi")
#: TC_ACT_OK, SHOT, STOLEN, QUEUED and TRAP.
_LAST_VERDICTS = frozenset({0, 2, 4, 5, 8})

if TYPE_CHECKING:
    #: The device, the parent, the chain and the block of a list of filters.
    _Hook = tuple[str, Handle, int, int]


class LastFilter(NamedTuple):
    """A filter that has a result for every packet of its protocol, by which the search ends."""

    pref: int
    handle: int
    protocol: int
    name: str = ""

    def __str__(self) -> str:
        return f"pref {self.pref} handle {self.handle:#x}" + (f" ({self.name})" if self.name else "")


class SearchOrder:
    """The last filters of the hooks that a run of commands adds filters to."""

    def __init__(self) -> None:
        self._hooks: dict[_Hook, list[LastFilter]] = {}
        self._reported: set[_Hook] = set()

    def before(self, context: Context, selector: FilterSelector) -> str:
        """Return the name of the last filter in front of one that is to be added, once for each hook; empty for none.

        Without a preference, the kernel puts the new one in front of all others.
        """
        hook = _hook(selector)
        if not selector.pref or hook in self._reported:
            return ""
        known = self._hooks.get(hook)
        if known is None or _in_front(known, selector) is not None:  # what was there may have been deleted
            try:
                known = self._hooks[hook] = [*_last_filters(context, *hook)]
            except PytcError:
                return ""
        return str(_in_front(known, selector) or "")

    def report(self, selector: FilterSelector) -> None:
        """Keep quiet about a hook from now on."""
        self._reported.add(_hook(selector))

    def added(self, selector: FilterSelector) -> None:
        """Remember a filter that never passes packets on."""
        hook = _hook(selector)
        if hook in self._reported or hook not in self._hooks:
            return
        if not selector.pref:
            del self._hooks[hook]
        else:
            self._hooks[hook].append(LastFilter(selector.pref, 0, selector.protocol or ALL))


def _hook(selector: FilterSelector) -> _Hook:
    return selector.device, selector.parent, selector.chain or 0, selector.block


def _in_front(known: list[LastFilter], selector: FilterSelector) -> LastFilter | None:
    for last in known:
        if last.protocol not in (ALL, selector.protocol):
            continue
        if last.pref < selector.pref or (last.pref == selector.pref and not selector.handle):
            return last
    return None


def _last_filters(context: Context, device: str, parent: Handle, chain: int, block: int) -> Iterator[LastFilter]:
    hook = FilterSelector(device, parent, chain=chain, block=block)
    question = selector_message(c.GETTFILTER, hook, hook.ifindex(context.device_index))
    for answer in islice(context.session.iter_dump(question), _MOST_FILTERS):
        kind = answer.attributes.get("TCA_KIND")
        if answer.type != c.NEWTFILTER or not answer.handle or kind not in _KINDS:
            continue
        name = _KINDS[kind](answer)
        if name is not None:
            yield LastFilter(answer.info >> 16, answer.handle, htons(answer.info & 0xFFFF), name)


def _options(answer: TcMessage) -> Attributes:
    kind = filters.find(answer.attributes["TCA_KIND"])
    assert kind is not None
    return kind.schema.decode(answer.attributes.get("TCA_OPTIONS", b""))


def _bpf_name(answer: TcMessage) -> str | None:
    """Return the name of a bpf filter that never passes on; None for any other."""
    options = _options(answer)
    if options.get("TCA_BPF_FLAGS_GEN", 0) & SKIP_SW:
        return None
    direct_action = bool(options.get("TCA_BPF_FLAGS", 0) & _DIRECT_ACTION)
    if not direct_action and ("TCA_BPF_ACT" in options or "TCA_BPF_POLICE" in options):
        return None
    from pytc.bpf.analyse.verdicts import never_passes_on  # most hooks have filters of other kinds, or none

    returned = _returned_by(options.get("TCA_BPF_ID", 0), whole(options.get("TCA_BPF_OPS", b"")))
    return options.get("TCA_BPF_NAME", "") if never_passes_on(returned, direct_action=direct_action) else None


def _returned_by(number: int, packed: bytes) -> Returned:
    """Return what a program returns, by its id, or its classic instructions."""
    if number:
        from pytc.commands.shared.program_results import returned_by_id

        return returned_by_id(number)
    from pytc.bpf.analyse.returns import Returned

    returns = [instruction for instruction in unpack(packed) if instruction.code & 7 == _RETURN]
    values = frozenset((instruction.k ^ 1 << 31) - (1 << 31) for instruction in returns)
    return Returned(values, all(instruction.code == _RETURN_CONSTANT for instruction in returns))


def _matchall_name(answer: TcMessage) -> str | None:
    """Return the name of a matchall filter that never passes on; None for any other."""
    options = _options(answer)
    if options.get("TCA_MATCHALL_FLAGS", 0) & SKIP_SW:
        return None
    actions = options.get("TCA_MATCHALL_ACT")
    return "matchall" if actions is None or _ends_search(actions) else None


def _ends_search(actions: bytes) -> bool:
    """Return whether the first of a filter's actions is one of gact with a result in any case."""
    first = dict(split_attributes(next((action for _, action in split_attributes(actions)), b"")))
    if first.get(_ACT_KIND, b"").rstrip(b"\0") != b"gact":
        return False
    options = dict(split_attributes(first.get(_ACT_OPTIONS, b"")))
    parameters = options.get(_GACT_PARMS, b"")
    return (
        _GACT_PROB not in options
        and len(parameters) >= _GENERIC.size
        and _GENERIC.unpack_from(parameters)[2] in _LAST_VERDICTS
    )


_KINDS = {"bpf": _bpf_name, "matchall": _matchall_name}
