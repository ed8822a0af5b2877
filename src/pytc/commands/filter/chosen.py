"""Find bpf filters by their owner or program, and delete just those."""

from __future__ import annotations

import errno
import os

from pytc.bpf.object.names import kernel_name
from pytc.errors import NetlinkError
from pytc.handles import CLSACT, EGRESS, INGRESS, UNSPEC
from pytc.netlink import constants as c
from pytc.tc.filters.records import check_block, decode_filter, decode_filters
from pytc.tc.filters.requests import selector_message
from pytc.tc.kinds.filters.bpf import BpfRecord
from pytc.tc.kinds.shared.ownership import owner_word, split_owner
from pytc.value import Value
from pytc.words.engine import Table, Word, text, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.commands.shared.context import Context
    from pytc.handles import Handle
    from pytc.netlink.messages import TcMessage
    from pytc.render.documents import Document
    from pytc.tc.filters.records import FilterRecord
    from pytc.tc.filters.selector import FilterSelector


class Criteria(Value):
    """Properties of a bpf filter: its owner, its program's name, the file of its object, the program's id. Those that
    are empty do not count."""

    owner: str = ""
    name: str = ""
    object: str = ""
    id: int = 0

    def match(self, record: FilterRecord) -> bool:
        """Report whether a filter has all of these properties."""
        options = record.options
        if not isinstance(options, BpfRecord):
            return False
        annotation, owner = split_owner(options.annotation)
        name = options.program.name if options.program is not None else ""
        return (
            self.owner in ("", owner)
            and (not self.name or kernel_name(self.name) == name)
            and os.path.basename(self.object) in ("", annotation.partition(":[")[0])
            and self.id in (0, options.program_id)
        )

    def __str__(self) -> str:
        return " ".join(f"{name} {value}" for name, value in self.__dict__.items() if value)


CRITERIA = Table(
    (
        Word("owner", "owner", owner_word, exact=True, wrong="invalid owner"),
        Word("name", "name", text, exact=True),
        Word("object", "object", text, exact=True),
        Word("id", "id", unsigned(0xFFFFFFFF), exact=True, wrong="invalid program id"),
    )
)


def delete_chosen(context: Context, selector: FilterSelector, criteria: Criteria) -> list[Document] | None:
    """Delete the filters of a place to which the criteria apply; with -echo, return what the kernel did.

    Raises DeviceNotFoundError, BlockNotFoundError, NetlinkError, also where there is none.
    """
    echo = context.display.echo
    answers: list[TcMessage] = []
    is_found = False
    for message in [*_find(context, selector, criteria)]:
        is_found = True
        which = {name: message.attributes[name] for name in ("TCA_KIND", "TCA_CHAIN") if name in message.attributes}
        removal = message._replace(type=c.DELTFILTER, flags=c.ECHO * echo, attributes=which)
        answers += context.session.request(removal)
    if not is_found:
        raise NetlinkError(errno.ENOENT, f"there is no bpf filter with {criteria}")
    if not echo:
        return None
    from pytc.tc.filters.documents import document

    return [document(record, context.display) for record in decode_filters(answers)]


def _find(context: Context, selector: FilterSelector, criteria: Criteria) -> Iterator[TcMessage]:
    check_block(context.session, selector)
    ifindex = selector.ifindex(context.device_index)
    places = [selector.parent] if selector.parent != UNSPEC or selector.block else _places(context, ifindex)
    for parent in places:
        question = selector_message(c.GETTFILTER, selector.replace(parent=parent), ifindex)
        for message in context.session.dump(question):
            record = decode_filter(message)
            if record is not None and record.handle and criteria.match(record):
                yield message


def _places(context: Context, ifindex: int) -> list[Handle]:
    """Return the parents of all filters of a device, but those of shared blocks."""
    from pytc.tc.classes.records import class_records
    from pytc.tc.qdiscs.records import qdisc_records

    places: list[Handle] = []
    for qdisc in qdisc_records(context.session, ifindex):
        if qdisc.handle.major == CLSACT.major:
            points = [INGRESS] if qdisc.kind == "ingress" else [INGRESS, EGRESS]
            blocks = [qdisc.ingress_block, qdisc.egress_block]
            places += [point for point, block in zip(points, blocks, strict=False) if not block]
        elif qdisc.handle != UNSPEC:
            places.append(qdisc.handle)
    return [*places, *(record.handle for record in class_records(context.session, ifindex))]
