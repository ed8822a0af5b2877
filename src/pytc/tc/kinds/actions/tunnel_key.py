"""The ``tunnel_key`` action: what a tunnel device is told about a packet (tc-tunnel_key(8);
include/uapi/linux/tc_act/tc_tunnel_key.h).

TCA_TUNNEL_KEY_ENC_OPTS holds the options of one protocol: any number of TCA_TUNNEL_KEY_ENC_OPTS_GENEVE, or one of
TCA_TUNNEL_KEY_ENC_OPTS_VXLAN or TCA_TUNNEL_KEY_ENC_OPTS_ERSPAN.
"""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import Schema, join_attributes, mark_inner, mark_nested, split_attributes
from pytc.render.documents import ArrayField, Field
from pytc.tc.kinds.action import action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import U8, U16, U32, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.addresses import format_address, parse_address
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytc.render.documents import Json, Part
    from pytc.tc.kinds.interface import RenderEnv
    from pytc.tc.kinds.layout import Values

#: TCA_TUNNEL_KEY_ACT_*.
_SET, _RELEASE = 1, 2
_VERBS = {"unset": _RELEASE, "set": _SET}
_NAMES = {number: name for name, number in _VERBS.items()}
_GENEVE, _VXLAN, _ERSPAN = 1, 2, 3
_GENEVE_CLASS = 1
_GENEVE_OPTION = Schema(("none", "none"), ("class", "be16"), ("type", "uint8"), ("data", "cdata"))
_VXLAN_OPTION = Schema(("none", "none"), ("gbp", "uint32"))
_ERSPAN_OPTION = Schema(("none", "none"), ("ver", "uint8"), ("index", "be32"), ("dir", "uint8"), ("hwid", "uint8"))


def _option(number: int, schema: Schema, forms: dict[str, Callable[[str], object]], word: str) -> bytes:
    """Return an option of a tunnel from its parts, with colons between; raises ValueError.

    As in tc, parts may be missing at the end: the kernel knows which ones it needs.
    """
    parts = [part for part in word.split(":") if part]
    if len(parts) > len(forms):
        raise ValueError(word)
    values = [(name, convert(part)) for (name, convert), part in zip(forms.items(), parts, strict=False)]
    return join_attributes([(number, schema.encode(values))])


def _geneve(word: str) -> bytes:
    forms = {"class": unsigned(U16, 16), "type": unsigned(U8, 16), "data": _hex}
    return b"".join(_option(_GENEVE, _GENEVE_OPTION, forms, part) for part in word.split(",") if part)


def _hex(word: str) -> bytes:
    if not word.isalnum():  # fromhex() skips blanks
        raise ValueError(word)
    return bytes.fromhex(word)


def _vxlan(word: str) -> bytes:
    return _option(mark_nested(_VXLAN), _VXLAN_OPTION, {"gbp": unsigned(U32)}, word)


def _erspan(word: str) -> bytes:
    forms = {"ver": unsigned(U8), "index": unsigned(U32), "dir": unsigned(U8), "hwid": unsigned(U8)}
    return _option(mark_nested(_ERSPAN), _ERSPAN_OPTION, forms, word)


def _byte(word: str) -> int:
    """Return a number that is decimal, or else hexadecimal, with or without 0x."""
    try:
        return int(unsigned(U8, 10)(word))
    except ValueError:
        return int(unsigned(U8, 16)(word))


def _check_words(values: Values) -> None:
    """Leave one verb, and name addresses by their family; raises InvalidOptionsError."""
    verbs = values.pop("verbs", ())
    if len(verbs) > 1:
        raise InvalidOptionsError(f'unexpected "{verbs[1]}" - action already specified')
    if verbs == ("set",) and not {"SRC", "DST"} <= values.keys():
        raise InvalidOptionsError("set needs tunnel_key parameters: src_ip and dst_ip")
    if verbs:
        values["t_action"] = _VERBS[verbs[0]]
    for end in ("SRC", "DST"):
        if address := values.pop(end, b""):
            values[f"ENC_IPV{4 if len(address) == 4 else 6}_{end}"] = address
    for protocol in [name for name in values if name in ("GENEVE", "VXLAN", "ERSPAN")]:
        values["ENC_OPTS"] = values.pop(protocol)
    values.setdefault("NO_CSUM", 0)


def _show(values: Values, view: RenderEnv) -> list[Part]:
    name = _NAMES.get(values["t_action"], "")
    parts: list[Part] = [Field("mode", name, f" {name}")] if name else []
    if name != "set":
        return parts
    for family in (4, 6):
        for key, end in (("src_ip", "SRC"), ("dst_ip", "DST")):
            if raw := values.get(f"ENC_IPV{family}_{end}"):
                parts.append(_line(key, format_address(raw)))
    parts += [_line(key, values[into]) for key, into in _NUMBERS if into in values]
    parts += _show_options(values.get("ENC_OPTS", b""))
    if "NO_CSUM" in values:
        flag = "nocsum" if values["NO_CSUM"] else "csum"
        parts.append(Field("flag", flag, f"\n\t{flag}"))
    fragments = "NO_FRAG" not in values
    parts.append(Field("nofrag", not fragments, "" if fragments else "\tnofrag"))
    if tos := values.get("ENC_TOS"):
        parts.append(Field("tos", tos, f"\n\ttos {tos:#x}"))
    if ttl := values.get("ENC_TTL"):
        parts.append(_line("ttl", ttl))
    return parts


def _line(key: str, value: Json) -> Field:
    return Field(key, value, f"\n\t{key} {value}")


def _geneve_options(raw: bytes) -> list[Values]:
    """Return the options of Geneve; the kernel puts all of them into one attribute, each beginning with its class."""
    options: list[Values] = []
    for number, value in split_attributes(raw):
        if number == _GENEVE_CLASS or not options:
            options.append({"class": 0, "type": 0, "data": b""})
        options[-1].update(_GENEVE_OPTION.decode(join_attributes([(number, value)])))
    return options


def _show_options(raw: bytes) -> list[Part]:
    options = list(split_attributes(raw))
    if not options:
        return []
    number = options[0][0]
    if number == _GENEVE:
        shown = [option for _, nested in options for option in _geneve_options(nested)]
        texts = ",".join(f"{one['class']:04x}:{one['type']:02x}:{one['data'].hex()}" for one in shown)
        documents = [
            (Field("class", one["class"]), Field("type", one["type"]), Field("data", [*one["data"]])) for one in shown
        ]
        return [Field("", text=f"\n\tgeneve_opts {texts}"), ArrayField("geneve_opts", documents)]
    if number == _VXLAN:
        return [_one_option("vxlan_opts", _VXLAN_OPTION.decode(options[0][1]))]
    values = _ERSPAN_OPTION.decode(options[0][1])
    unused = ("dir", "hwid") if values.get("ver") == 1 else ("index",)
    return [_one_option("erspan_opts", {name: 0 if name in unused else values.get(name, 0) for name in _ERSPAN_NAMES})]


_ERSPAN_NAMES = ("ver", "index", "dir", "hwid")


def _one_option(key: str, values: dict[str, int]) -> ArrayField:
    before = (f"\n\t{key} ", *(":" for _ in values))
    return ArrayField(
        key,
        [[Field(name, value, f"{text}{value}") for text, (name, value) in zip(before, values.items(), strict=False)]],
    )


_NUMBERS = (("key_id", "ENC_KEY_ID"), ("dst_port", "ENC_DST_PORT"))
_ADDRESS = Form("ADDRESS", parse_address)
_OPTIONS = (
    Option("unset", "verbs", Form(value="unset"), "what is done with the tunnel's metadata", many=True),
    Option("set", "verbs", Form(value="set"), many=True),
    Option("src_ip", "SRC", _ADDRESS, "the outer source address"),
    Option("dst_ip", "DST", _ADDRESS, "the outer destination address"),
    Option("id", "ENC_KEY_ID", Form("ID", unsigned(U32, 10)), "the tunnel's key, like the VNI of VXLAN"),
    Option("dst_port", "ENC_DST_PORT", Form("PORT", unsigned(U16, 10)), "the outer UDP port", wrong="dst port"),
    Option("geneve_opts", "GENEVE", Form("CLASS:TYPE:DATA[,...]", _geneve), "options of Geneve, in hexadecimal"),
    Option("vxlan_opts", "VXLAN", Form("GBP", _vxlan), "the group policy of VXLAN"),
    Option(
        "erspan_opts", "ERSPAN", Form("VERSION:INDEX:DIR:HWID", _erspan), "options of ERSPAN; version 2 has no index"
    ),
    Option("tos", "ENC_TOS", Form("TOS", _byte), "the outer type of service {0}"),
    Option("ttl", "ENC_TTL", Form("TTL", _byte), "the outer time to live {the device's}"),
    Option("csum", "NO_CSUM", Form(value=0), "whether the outer UDP header has a checksum {csum}"),
    Option("nocsum", "NO_CSUM", Form(value=1)),
    Option("nofrag", "NO_FRAG", Form(), "outer packets may not be fragmented", exact=True),
)

KIND = action(
    "tunnel_key",
    Declared(
        _OPTIONS,
        "ENC_IPV4_SRC ENC_IPV4_DST ENC_IPV6_SRC ENC_IPV6_DST ENC_KEY_ID ENC_DST_PORT ENC_OPTS ENC_TOS ENC_TTL "
        "NO_CSUM NO_FRAG PARMS",
        (_show, show_control(), show_closing()),
        check=_check_words,
        exact=False,
        notes="set needs both addresses. CONTROL is {pipe}.",
    ),
    prefix="TCA_TUNNEL_KEY",
    attributes=(
        ("TM", "cdata"),
        ("PARMS", parameters("i", "t_action")),
        ("ENC_IPV4_SRC", "cdata"),
        ("ENC_IPV4_DST", "cdata"),
        ("ENC_IPV6_SRC", "cdata"),
        ("ENC_IPV6_DST", "cdata"),
        ("ENC_KEY_ID", "be32"),
        ("PAD", "cdata"),
        ("ENC_DST_PORT", "be16"),
        ("NO_CSUM", "uint8"),
        ("ENC_OPTS", "nested"),
        ("ENC_TOS", "uint8"),
        ("ENC_TTL", "uint8"),
        ("NO_FRAG", "flag"),
    ),
    restoration=Restoration(replaces=True, resent={"TCA_TUNNEL_KEY_ENC_OPTS": mark_inner}),
)
