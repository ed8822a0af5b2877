"""The filters ``rsvp`` and ``rsvp6``, which differ in the length of addresses (include/uapi/linux/pkt_cls.h)."""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError
from pytc.handles import Handle
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import U16, U32, Declared, Form, Option
from pytc.tc.kinds.filter import ACTION, CLASSID, FLOWID, POLICE, filter, show_actions, show_police
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.shared.addresses import parse_ipv4_prefix, parse_ipv6_prefix
from pytc.tc.kinds.shared.fields import hexadecimal
from pytc.typing import NamedTuple
from pytc.words.engine import is_one_of, signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pytc.render.documents import Part
    from pytc.tc.kinds.interface import FilterKind, FilterView
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

_AH, _ESP = 51, 50  # IPPROTO_*
_SIZES = {"u32": 4, "u16": 2, "u8": 1}
#: As in tc, the masks of u32 and u16 that are not given are mixed up.
_MASKS = {"u32": 0xFFFF, "u16": U32, "u8": 0xFF}
#: Before the header: where IPv6's flow label is.
_LABEL_MASK, _LABEL_OFFSET = 0x000FFFFF, -40
#: struct tc_rsvp_gpi: key and mask in network byte order, offset.
_KEYS, _OFFSET = struct.Struct(">II"), struct.Struct("=i")
#: struct tc_rsvp_pinfo: dpi, spi, protocol, tunnelid, tunnelhdr.
_PINFO = Layout("12s12sBBBx", "dpi spi protocol tunnelid tunnelhdr")


class _Identifier(NamedTuple):
    """A general port identifier: 32 bits at an offset behind the IP header; ``protocol`` is one that it implies."""

    key: int = 0
    mask: int = 0
    offset: int = 0
    protocol: int = 0

    def pack(self) -> bytes:
        return _KEYS.pack(self.key, self.mask) + _OFFSET.pack(self.offset)

    @classmethod
    def unpack(cls, raw: bytes) -> _Identifier:
        return cls(*_KEYS.unpack_from(raw), *_OFFSET.unpack_from(raw, _KEYS.size))


def _reader(name: str, *, is_ipv6: bool) -> Callable[[Cursor], tuple[bytes, _Identifier]]:
    """Return what takes the words behind ``session`` or ``sender``: an address, and a port or another identifier."""

    def read(cursor: Cursor) -> tuple[bytes, _Identifier]:
        word = cursor.take()
        address, slash, port = word.partition("/")
        try:
            packed = _address(address, is_ipv6=is_ipv6)
            if slash:
                number = int(unsigned(U16)(port))
                # the ports are the first 32 bits behind the header, that of the sender before the other
                return packed, _Identifier(number, 0xFFFF) if name == "session" else _Identifier(
                    number << 16, 0xFFFF0000
                )
            return packed, _take_identifier(cursor, is_ipv6=is_ipv6)
        except ValueError as error:
            raise InvalidOptionsError(f'Illegal "{name}"', hints=(f'the value is "{error}"',)) from None

    return read


def _address(word: str, *, is_ipv6: bool) -> bytes:
    number, length = (parse_ipv6_prefix if is_ipv6 else parse_ipv4_prefix)(word)
    if not length:
        raise ValueError(word)
    return number.to_bytes(16 if is_ipv6 else 4, "big")


def _take_number(cursor: Cursor, convert: Callable[[str], Any]) -> int:
    word = cursor.take()
    try:
        return int(convert(word))
    except ValueError:
        raise ValueError(word) from None


def _take_identifier(cursor: Cursor, *, is_ipv6: bool) -> _Identifier:
    word = cursor.peek()
    number = unsigned(U32)
    if is_one_of(word, ("spi/ah", "gpi/ah")):
        cursor.take()
        return _Identifier(_take_number(cursor, number), U32, 4, _AH)
    if is_one_of(word, ("spi/esp", "gpi/esp")):
        cursor.take()
        return _Identifier(_take_number(cursor, number), U32, 0, _ESP)
    if word == "flowlabel":
        cursor.take()
        label = _take_number(cursor, number)
        if not is_ipv6:
            raise ValueError("flowlabel")
        return _Identifier(label & _LABEL_MASK, _LABEL_MASK, _LABEL_OFFSET)
    if not is_one_of(word, _SIZES):
        return _Identifier()
    cursor.take()
    key, mask, offset = _take_number(cursor, number), _MASKS[word], 0
    if cursor.peek() == "mask":
        cursor.take()
        mask = _take_number(cursor, unsigned(U32, 16))
    if cursor.peek() == "at":
        cursor.take()
        offset = _take_number(cursor, signed(0x7FFFFFFF))
    place = offset & 3
    # as in tc, a byte at place 2 is taken for the last one, and one at place 3 for the one before it
    shift = {"u8": (24, 16, 0, 8)[place], "u16": 16 * (not place), "u32": 0}[word]
    mask = mask << shift & U32
    return _Identifier(key << shift & mask, mask, offset & ~3)


def _take_tunnel(cursor: Cursor) -> tuple[int, int]:
    """Return the identifier of a tunnel, and how many bytes its header has."""
    numbers = []
    for name in ("tunnel", "skip"):
        if name == "skip" and cursor.peek() == "skip":
            cursor.take()
        try:
            numbers.append(_take_number(cursor, unsigned(U32)))
        except ValueError as error:
            raise InvalidOptionsError(f'Illegal "{name}"', hints=(f'the value is "{error}"',)) from None
    return numbers[0], numbers[1] & 0xFF


def _protocol(word: str) -> int:
    from socket import getprotobyname

    try:
        return int(unsigned(0xFF)(word))
    except ValueError:
        try:
            return getprotobyname(word)
        except OSError:
            raise ValueError(word) from None


def _protocol_name(number: int, *, numeric: bool) -> str:
    """Return the name of /etc/protocols, as getprotobynumber(3) would."""
    if not numeric:
        try:
            with open("/etc/protocols") as file:
                for line in file:
                    words = line.partition("#")[0].split()
                    if len(words) > 1 and words[1] == str(number):
                        return words[0]
        except (OSError, UnicodeDecodeError):
            pass
    return f"ipproto-{number}" if not numeric else str(number)


def _check(values: Values) -> None:
    """Join what struct tc_rsvp_pinfo has; as in tc, the protocol is that of an identifier unless one is given."""
    session, sender = values.pop("session", _Identifier()), values.pop("sender", _Identifier())
    if "tunnel" in values:
        values["CLASSID"] = Handle.from_number(values.pop("tunnel"))
    protocol = values.get("protocol", 0) or session.protocol or sender.protocol
    if session.mask or sender.mask or protocol or values.keys() & {"protocol", "tunnelid", "tunnelhdr"}:
        values["PINFO"] = _PINFO.pack({**values, "dpi": session.pack(), "spi": sender.pack(), "protocol": protocol})


def _identifier_text(raw: bytes, port_mask: int, port_shift: int) -> str:
    key, mask, offset, _ = _Identifier.unpack(raw)
    if not mask:
        return ""
    if offset == 0 and mask == port_mask:
        return f"/{key >> port_shift}"
    if offset == 0 and mask == U32:
        return f" spi/esp {key:#010x}"
    if offset == 4 and mask == U32:
        return f" spi/ah {key:#010x}"
    if offset == _LABEL_OFFSET and mask == _LABEL_MASK:
        return f" flowlabel {key:#07x}"
    return f" u32 {key:#010x} mask {mask:08x} at {offset}"


def _show(values: Values, view: FilterView) -> list[Part]:
    values = {**values, **_PINFO.unpack(values.get("PINFO", b""))}
    handle, header, classid = view.handle, values["tunnelhdr"], values.get("CLASSID")
    fields: list[Part] = [Field("fh", hexadecimal(handle), f"fh {handle:#010x} ")] if handle else []
    if header:
        tunnel = "[BAD]" if classid is None else classid
        fields += [Field("tunnel", tunnel, f"tunnel {tunnel} "), Field("skip", header, f"skip {header} ")]
    elif classid is not None:
        name = view.display.class_name(Handle.from_number(classid))
        fields.append(Field("flowid", name, f"flowid {name} "))
    fields.append(_place("session", values.get("DST"), _identifier_text(values["dpi"], 0xFFFF, 0)))
    if protocol := values["protocol"]:
        name = _protocol_name(protocol, numeric=view.display.numeric)
        fields.append(Field("ipproto", name, f"ipproto {name} "))
    if number := values["tunnelid"]:
        fields.append(Field("tunnelid", number, f"tunnelid {number} "))
    identifier = _identifier_text(values["spi"], 0xFFFF0000, 16)
    if "SRC" in values or identifier:
        fields.append(_place("sender", values.get("SRC"), identifier))
    return fields


def _place(key: str, address: bytes | None, identifier: str) -> Field:
    from socket import AF_INET, AF_INET6, inet_ntop

    if address is None:
        name = "[NONE]" if identifier or key == "sender" else "NONE"
    elif len(address) in (4, 16):
        name = inet_ntop(AF_INET if len(address) == 4 else AF_INET6, address)
    else:
        name = "[BAD]"
    blank = " " if key == "sender" and address is not None else ""  # as in tc
    return Field(key, name + identifier, f"{key} {blank}{name}{identifier} ")


def rsvp(name: str, *, is_ipv6: bool) -> FilterKind[Any, Any]:
    """Return the filter for one version of IP."""
    endpoint = Form("ADDRESS[/PORT | IDENTIFIER]")
    session = endpoint._replace(read=_reader("session", is_ipv6=is_ipv6))
    sender = endpoint._replace(read=_reader("sender", is_ipv6=is_ipv6))
    number = Form("NUMBER", unsigned(U32), pack=lambda value, env: value & 0xFF)
    options = (
        Option("session", "DST session", session, "where packets go to", exact=False),
        Option("sender", "SRC sender", sender, "where they come from", exact=False),
        Option("flowspec", "SRC sender", sender, exact=False),
        Option("ipproto", "protocol", Form("PROTOCOL", _protocol), "their protocol, a name or a number", exact=True),
        CLASSID,
        FLOWID,
        Option("tunnelid", "tunnelid", number._replace(convert=unsigned(0xFF)), "the tunnel that they came through"),
        Option(
            "tunnel", "tunnel tunnelhdr", Form("NUMBER skip BYTES", read=_take_tunnel),
            "packets are those of a tunnel: the filters are asked again, for what is behind its header",
        ),
        ACTION,
        POLICE,
    )  # fmt: skip
    return filter(
        name,
        Declared(
            options,
            "DST SRC CLASSID PINFO",
            (_show, show_actions, show_police),
            check=_check,
            notes="""
IDENTIFIER := { spi/ah SPI | spi/esp SPI | flowlabel LABEL | { u32 | u16 | u8 } VALUE [ mask MASK ] [ at OFFSET ] }
Kernels before Linux 6.3 have this filter.
""",
        ),
        prefix="TCA_RSVP",
        attributes=(
            ("CLASSID", "uint32"),
            ("DST", "cdata"),
            ("SRC", "cdata"),
            ("PINFO", "cdata"),
            ("POLICE", "cdata"),
            ("ACT", "cdata"),
        ),
        actions="ACT",
        police="POLICE",
    )
