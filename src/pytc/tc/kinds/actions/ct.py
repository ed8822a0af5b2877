"""The ``ct`` action: packets go through connection tracking (tc-ct(8); include/uapi/linux/tc_act/tc_ct.h)."""

from __future__ import annotations

from pytc.errors import HelpRequested, InvalidOptionsError, UsageError
from pytc.render.documents import Field
from pytc.tc.kinds.action import action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import U16, U32, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.addresses import format_address, parse_address
from pytc.tc.kinds.shared.ip_protocols import ip_protocol_name, parse_ip_protocol
from pytc.typing import NamedTuple
from pytc.words.engine import choose, matches, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display
    from pytc.tc.kinds.interface import RenderEnv
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

#: TCA_CT_ACT_*.
_COMMIT, _FORCE, _CLEAR, _NAT, _NAT_SRC, _NAT_DST = 1, 2, 4, 8, 16, 32
_LABELS_SIZE = 16
_ALL_LABELS = b"\xff" * _LABELS_SIZE
#: AF_INET and AF_INET6, which connection tracking helpers are for.
_FAMILIES = {"ipv4": 2, "ipv6": 10}
_MOST_OF_HELPER = 31
_END_NAMES = {_NAT_SRC: "src", _NAT_DST: "dst"}


class _Nat(NamedTuple):
    """An address translation; addresses and ports are the first and the last, empty for none."""

    flags: int = _NAT
    addresses: tuple[bytes, ...] = ()
    ports: tuple[int, ...] = ()


def _mark(word: str) -> tuple[int, int]:
    value, slash, mask = word.partition("/")
    number = unsigned(U32)
    return number(value), number(mask) if slash else U32


def _labels(word: str) -> tuple[bytes, bytes]:
    value, slash, mask = word.partition("/")
    if max(len(value), len(mask)) > 2 * _LABELS_SIZE:
        raise UsageError(f'Error: argument "{value}" is wrong: {len(value)} Max allowed size {2 * _LABELS_SIZE}')
    return _hex(value, "labels"), _hex(mask, "labels mask") if slash else _ALL_LABELS


def _hex(digits: str, name: str) -> bytes:
    """Return bytes; as in tc, a last digit without its second one does not count."""
    try:
        int(digits or "0", 16)
        return bytes.fromhex(digits[: len(digits) // 2 * 2])
    except ValueError:
        raise UsageError(f'Error: argument "{digits}" is wrong: ct: {name} must be a hex string') from None


def _helper(word: str) -> tuple[int, int, str]:
    family, protocol, name, *_ = [*word.split("-"), "", ""]
    if family not in _FAMILIES or not name or len(word) > _MOST_OF_HELPER:
        raise ValueError(word)
    return _FAMILIES[family], parse_ip_protocol(protocol), name


def _take_nat(cursor: Cursor) -> _Nat:
    """Take what follows ``nat``; raises HelpRequested, InvalidOptionsError, AddressError, UsageError."""
    end = choose(cursor.peek(), ("src", "dst"))
    if not end:
        return _Nat()
    cursor.take()
    flags = _NAT | (_NAT_SRC if end == "src" else _NAT_DST)
    word = cursor.take()
    if matches(word, "help"):
        raise HelpRequested("action ct")
    if not matches(word, "addr"):
        raise UsageError(f'Error: "addr" is expected behind "nat {end}", not "{word}".')
    addresses = _addresses(cursor.take())
    if cursor.done or not matches(cursor.peek(), "port"):
        return _Nat(flags, addresses)
    cursor.take()
    first, dash, last = cursor.take().partition("-")
    try:
        number = unsigned(U16, 10)
        return _Nat(flags, addresses, (number(first), number(last) if dash else number(first)))
    except ValueError:
        raise InvalidOptionsError("ct: Illegal nat port range") from None


def _addresses(word: str) -> tuple[bytes, bytes]:
    first, dash, last = word.partition("-")
    low = parse_address(first)
    return low, parse_address(last, len(low)) if dash else low


def _check_words(values: Values) -> None:
    """Turn words into flags and attributes; raises InvalidOptionsError."""
    nats: tuple[_Nat, ...] = values.pop("nats", ())
    flags = values.pop("commit", 0) | values.pop("force", 0) | values.pop("clear", 0)
    for nat in nats:
        flags |= nat.flags
        if nat.addresses:
            family = 4 if len(nat.addresses[0]) == 4 else 6
            values[f"NAT_IPV{family}_MIN"], values[f"NAT_IPV{family}_MAX"] = nat.addresses
        if nat.ports:
            values["NAT_PORT_MIN"], values["NAT_PORT_MAX"] = nat.ports
    ends = flags & (_NAT_SRC | _NAT_DST)
    if flags & _CLEAR and flags != _CLEAR:
        raise InvalidOptionsError("ct: clear can only be used alone")
    if ends == _NAT_SRC | _NAT_DST:
        raise InvalidOptionsError("ct: src and dst nat can't be used together")
    if flags & _COMMIT and flags & _NAT and not ends:
        raise InvalidOptionsError("ct: commit and nat must set src or dst")
    if ends and not flags & _COMMIT:
        raise InvalidOptionsError("ct: src or dst is only valid if commit is set")
    values["ACTION"] = flags


def _show_verb(values: Values, view: RenderEnv) -> list[Field]:
    flags = values.get("ACTION", 0)
    name = ("commit force" if flags & _FORCE else "commit") if flags & _COMMIT else "clear" if flags & _CLEAR else ""
    return [Field("action", name, f" {name}")] if name else []


def _show_mark(values: Values, view: RenderEnv) -> list[Field]:
    if "MARK" not in values:
        return []
    mark, mask = values["MARK"], values.get("MARK_MASK", U32)
    fields = [Field("mark", mark, f" mark {mark}")]
    return [*fields, Field("mark_mask", mask, f"/{mask:#x}")] if mask != U32 else fields


def _show_labels(values: Values, view: RenderEnv) -> list[Field]:
    labels, mask = values.get("LABELS"), values.get("LABELS_MASK", _ALL_LABELS)
    if labels is None:
        return []
    text = labels.hex() if mask == _ALL_LABELS and len(labels) == _LABELS_SIZE else f"{labels.hex()}/{mask.hex()}"
    return [Field("label", text, f" label {text}")]


def _show_helper(values: Values, view: RenderEnv) -> list[Field]:
    if not {"HELPER_FAMILY", "HELPER_PROTO", "HELPER_NAME"} <= values.keys():
        return []
    family = "ipv4" if values["HELPER_FAMILY"] == _FAMILIES["ipv4"] else "ipv6"
    protocol = ip_protocol_name(values["HELPER_PROTO"], numeric=view.display.numeric)
    text = f"{family}-{protocol}-{values['HELPER_NAME']}"
    return [Field("helper", text, f" helper {text}")]


def _show_nat(values: Values, view: RenderEnv) -> list[Field]:
    flags = values.get("ACTION", 0)
    if not flags & _NAT:
        return []
    end = next((name for flag, name in _END_NAMES.items() if flags & flag), "")
    text = end
    for family in (4, 6) if end else ():
        if f"NAT_IPV{family}_MIN" in values:
            low = values[f"NAT_IPV{family}_MIN"]
            high = values.get(f"NAT_IPV{family}_MAX") or low
            text += f" addr {format_address(low)}" + (f"-{format_address(high)}" if high != low else "")
    if end and (port := values.get("NAT_PORT_MIN")) is not None:
        last = values.get("NAT_PORT_MAX", port)
        text += f" port {port}" + (f"-{last}" if last != port else "")
    return [Field("nat", text, f" nat {text}".rstrip())]


def _show_zone(key: str, number: int, display: Display) -> Field:
    return Field(key, number, f" {key} {number}")


_OPTIONS = (
    Option("zone", "ZONE", Form("ZONE", unsigned(U16), _show_zone), "the zone {0}", wrong='ct: Illegal "zone" {}'),
    Option(
        "nat",
        "nats",
        Form("[ { src | dst } addr ADDRESS[-ADDRESS] [ port PORT[-PORT] ] ]", read=_take_nat),
        "translates as the connection says; with src or dst, what a committed one says",
        many=True,
    ),
    Option("clear", "clear", Form(value=_CLEAR), "forgets the packet's connection"),
    Option("commit", "commit", Form(value=_COMMIT), "adds the connection to the table"),
    Option("force", "force", Form(value=_FORCE), "makes this direction the original one"),
    Option("index", "index", Form("INDEX", unsigned(U32, 10)), wrong='ct: Illegal "index" {}'),
    Option(
        "mark", "MARK MARK_MASK", Form("MARK[/MASK]", _mark), "a committed connection's", wrong='ct: Illegal "mark" {}'
    ),
    Option("label", "LABELS LABELS_MASK", Form("HEX[/HEX]", _labels), "a committed connection's, up to 16 bytes"),
    Option(
        "helper",
        "HELPER_FAMILY HELPER_PROTO HELPER_NAME",
        Form("FAMILY-PROTOCOL-NAME", _helper),
        "the helper that follows a committed connection, like ipv4-tcp-ftp",
        exact=True,
        wrong='ct: Illegal "helper" {}',
    ),
)

KIND = action(
    "ct",
    Declared(
        _OPTIONS,
        "NAT_IPV4_MIN NAT_IPV4_MAX NAT_IPV6_MIN NAT_IPV6_MAX NAT_PORT_MIN NAT_PORT_MAX ZONE MARK MARK_MASK LABELS "
        "LABELS_MASK HELPER_FAMILY HELPER_PROTO HELPER_NAME ACTION PARMS",
        (_show_verb, _show_mark, "zone", _show_labels, _show_helper, _show_nat, show_control(), show_closing()),
        check=_check_words,
        exact=False,
        notes="Sends packets to connection tracking, which sets their state. clear goes alone. CONTROL is {pipe}.",
    ),
    prefix="TCA_CT",
    attributes=(
        ("PARMS", parameters()),
        ("TM", "cdata"),
        ("ACTION", "uint16"),
        ("ZONE", "uint16"),
        ("MARK", "uint32"),
        ("MARK_MASK", "uint32"),
        ("LABELS", "cdata"),
        ("LABELS_MASK", "cdata"),
        ("NAT_IPV4_MIN", "cdata"),
        ("NAT_IPV4_MAX", "cdata"),
        ("NAT_IPV6_MIN", "cdata"),
        ("NAT_IPV6_MAX", "cdata"),
        ("NAT_PORT_MIN", "be16"),
        ("NAT_PORT_MAX", "be16"),
        ("PAD", "cdata"),
        ("HELPER_NAME", "asciiz"),
        ("HELPER_FAMILY", "uint8"),
        ("HELPER_PROTO", "uint8"),
    ),
    bare=True,
    heading=(Field("kind", "ct", "ct"),),
    restoration=Restoration(replaces=True),
)
