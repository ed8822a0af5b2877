"""Objects of traffic control as the kernel shows them, to be compared: what they are called, and what is in them.

What is compared is what tc shows, without what the kernel counts or chooses: two objects with the same content do the
same.
"""

from __future__ import annotations

from pytc.handles import CLSACT, EGRESS, INGRESS, Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.render.documents import ArrayField, Display, Field, Group
from pytc.render.json import as_object
from pytc.tc.actions.documents import answer_documents
from pytc.tc.classes.documents import class_document, class_parts
from pytc.tc.classes.records import decode_class
from pytc.tc.clock import read_clock
from pytc.tc.filters.documents import document as filter_document
from pytc.tc.filters.records import decode_filter
from pytc.tc.filters.u32_tables import CHOSEN_TABLE, is_made, number_in_table, own_filters, shared_parent, table_number
from pytc.tc.qdiscs.documents import qdisc_document
from pytc.tc.qdiscs.records import decode_qdisc
from pytc.transaction.kernel_state import Identity, identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytc.netlink.session import Session
    from pytc.render.documents import Document, Json, Part

#: Members of JSON that differ between equal objects: counters, references, numbers that the kernel chooses, hardware.
_VOLATILE = frozenset(
    (
        "index", "ref", "bind", "stats", "prog", "tag", "refcnt", "direct_packets_stat", "level", "leaf", "in_hw",
        "in_hw_count", "not_in_hw", "used_hw_stats", "offloaded", "fh", "handle", "total acts",
    )
)  # fmt: skip
_DETAILED, _PLAIN = Display(details=True), Display()
#: Kinds whose classes are made by commands; those of others come and go with their qdisc.
_MADE_CLASSES = ("htb", "drr", "hfsc", "qfq")
_MAJOR, _MINOR = 0xFFFF0000, 0xFFFF

if TYPE_CHECKING:
    Objects = Mapping[Identity, TcMessage]


def identity(message: TcMessage) -> Identity:
    """Return what tells an object of a description from others: for a qdisc its place, whatever is there."""
    if message.type == c.NEWQDISC:
        return Identity("qdisc", message.ifindex, message.parent)
    named = identities(message)[0]
    if message.type == c.NEWTFILTER and message.attributes.get("TCA_KIND") == "u32":
        if table_number(message) >= CHOSEN_TABLE:
            return named._replace(number=number_in_table(message))
        # a table with a number of its own is the qdisc's: each of its places lists it
        return named._replace(parent=shared_parent(message.ifindex, message.parent), chain=0)
    return named


def read_objects(session: Session, ifindexes: Iterable[int], blocks: Iterable[int] = ()) -> dict[Identity, TcMessage]:
    """Return the qdiscs, classes, filters and chains of devices and shared blocks, without those that are there by
    default; raises NetlinkError."""
    objects: dict[Identity, TcMessage] = {}
    chosen = {*ifindexes}
    qdiscs = [one for one in session.dump(TcMessage(c.GETQDISC)) if one.ifindex in chosen and one.handle]
    places: list[tuple[int, int]] = [(c.BLOCK, block) for block in blocks]
    for qdisc in qdiscs:
        objects[identity(qdisc)] = qdisc
        places += _filter_places(qdisc)
    for ifindex in sorted({qdisc.ifindex for qdisc in qdiscs}):
        for class_ in session.dump(TcMessage(c.GETTCLASS, ifindex=ifindex)):
            if class_.attributes.get("TCA_KIND") in _MADE_CLASSES and class_.handle & _MINOR:
                objects[identity(class_)] = class_
                places.append((ifindex, class_.handle))
    filters = [
        one
        for ifindex, parent in places
        for one in session.dump_existing(TcMessage(c.GETTFILTER, ifindex=ifindex, parent=parent))
    ]
    objects.update((identity(one), one) for one in own_filters(session, filters) if is_made(one))
    for ifindex, parent in places:
        for chain in session.dump_existing(TcMessage(c.GETCHAIN, ifindex=ifindex, parent=parent)):
            placed = chain._replace(parent=parent)  # the kernel says the qdisc, and not the hook (v6.18)
            objects[identity(placed)] = placed
    return objects


def _filter_places(qdisc: TcMessage) -> Iterator[tuple[int, int]]:
    if qdisc.handle & _MAJOR != Handle(CLSACT.major, 0).number:
        yield qdisc.ifindex, qdisc.handle
        return
    if not qdisc.attributes.get("TCA_INGRESS_BLOCK"):
        yield qdisc.ifindex, INGRESS.number
    if qdisc.attributes.get("TCA_KIND") == "clsact" and not qdisc.attributes.get("TCA_EGRESS_BLOCK"):
        yield qdisc.ifindex, EGRESS.number


def content(message: TcMessage) -> dict[str, Json]:
    """Return what the kernel shows of an object, but for its number and what differs between equal objects."""
    members = {key: _stable(value) for key, value in _shown(message).items() if key not in _VOLATILE}
    printed = " ".join(" ".join(map(_unnamed_text, _documents(message))).split())
    return {**members, "printed": printed} if printed else members


def program_ids(message: TcMessage) -> list[int]:
    """Return the ids of the programs of an object and its actions, in order."""
    return [*_programs(_shown(message))]


def _shown(message: TcMessage) -> dict[str, Json]:
    members: dict[str, Json] = {}
    for document in _documents(message):
        members.update(as_object(document))
    return members


def _documents(message: TcMessage) -> Iterable[Document]:
    if message.type == c.NEWQDISC:
        return [qdisc_document(decode_qdisc(message), _DETAILED, read_clock())]
    if message.type == c.NEWTCLASS:
        return [class_document(class_parts(decode_class(message), _DETAILED, read_clock()))]
    if message.type == c.NEWACTION:
        return answer_documents(message, _PLAIN)
    record = decode_filter(message)
    return [filter_document(record, _PLAIN)] if record is not None else []


def _unnamed_text(document: Document) -> str:
    """Return the values that tc's JSON lacks, like the rates of police: they are text without a name."""
    texts = [
        part.text if isinstance(part, Field) and not part.key and any(map(str.isdigit, part.text)) else _inner(part)
        for part in document
    ]
    return "".join(texts)


def _inner(part: Part) -> str:
    if isinstance(part, Group):
        return _unnamed_text(part.fields)
    return "".join(map(_unnamed_text, part.documents)) if isinstance(part, ArrayField) else ""


def _stable(value: Json) -> Json:
    if isinstance(value, dict):
        return {
            key: _stable(member)
            for key, member in value.items()
            if key not in _VOLATILE and not _is_chosen(key, member)
        }
    return [_stable(element) for element in value] if isinstance(value, list) else value


def _is_chosen(key: str, value: Json) -> bool:
    """Report whether a member is the number of a hash table of u32 that the kernel has chosen."""
    return key == "key_ht" and isinstance(value, str) and int(value, 16) >= CHOSEN_TABLE


def _programs(value: Json) -> Iterator[int]:
    if isinstance(value, dict):
        program = value.get("prog")
        if isinstance(program, dict) and isinstance(number := program.get("id"), int):
            yield number
        for member in value.values():
            yield from _programs(member)
    elif isinstance(value, list):
        for element in value:
            yield from _programs(element)


def depends_on(inner: TcMessage, qdisc: TcMessage, objects: Objects) -> bool:
    """Report whether an object goes when a qdisc does: what is below it, at any depth."""
    majors, added = {qdisc.handle & _MAJOR}, True
    while added:
        below = {
            other.handle & _MAJOR
            for other in objects.values()
            if other.type == c.NEWQDISC and other.ifindex == qdisc.ifindex and other.parent & _MAJOR in majors
        }
        added = not below <= majors
        majors |= below
    number = inner.handle if inner.type == c.NEWTCLASS else inner.parent
    return inner.ifindex == qdisc.ifindex and number & _MAJOR in majors and inner is not qdisc
