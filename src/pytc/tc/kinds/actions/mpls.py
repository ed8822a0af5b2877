"""The ``mpls`` action: MPLS headers come, go and change (tc-mpls(8); include/uapi/linux/tc_act/tc_mpls.h)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError, UsageError
from pytc.protocols import format_protocol, parse_protocol
from pytc.render.documents import Field
from pytc.tc.kinds.action import action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.action_parts import PASS, or_usage_error
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.netlink.schema import Attributes
    from pytc.tc.kinds.action import DeclaredActionOptions
    from pytc.tc.kinds.interface import RenderEnv
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Converter

#: TCA_MPLS_ACT_*, in the order in which abbreviations are tried.
_VERBS = {"pop": 1, "push": 2, "modify": 3, "mac_push": 5, "dec_ttl": 4}
_NAMES = {number: name for name, number in _VERBS.items()}
_PUSHING = ("push", "mac_push")
_VERB_HELP = "what is done with the outer header; mac_push puts one before that of Ethernet"
_MAX_LABEL, _MAX_CLASS, _MAX_TTL = 0xFFFFF, 7, 0xFF
_PROTOCOLS = (0x8847, 0x8848)
_PARAMETERS = parameters("i", "m_action")
#: Which verbs take which attributes, and how tc says it.
_HEADER = (("push", "mac_push", "modify"), "push, mac_push and modify")
_ETHERTYPE = (("push", "mac_push", "pop"), "push, mac_push and pop")
_FITTING = {"label": _HEADER, "tc": _HEADER, "ttl": _HEADER, "bos": _HEADER, "protocol": _ETHERTYPE}


def _ttl(word: str) -> int:
    number: int = unsigned(_MAX_TTL)(word)
    if not number:
        raise ValueError(word)
    return number


def _check_words(values: Values) -> None:
    """Leave one verb, and see that the others fit it; raises UsageError, InvalidOptionsError."""
    names, verbs = list(values), values.pop("verbs", ())
    if len(verbs) > 1:
        raise InvalidOptionsError(f'Error: got "{verbs[1]}" but action already set to "{verbs[0]}"')
    behind = names[names.index("verbs") :] if verbs else ()
    for option in _OPTIONS:
        if option.word in _FITTING and option.into in values:
            fitting, text = _FITTING[option.word]
            if option.into not in behind or verbs[0] not in fitting:
                raise UsageError(f'Error: argument "{option.word}" is wrong: only valid for {text}, and behind that')
    if verbs:
        values["m_action"] = _VERBS[verbs[0]]


def _check(options: DeclaredActionOptions, first: str) -> None:
    values = options.values
    verb = _NAMES[values["m_action"]] if "m_action" in values else ""
    if not verb and first != "index":
        raise UsageError('Command line is not complete. Try option "help"')
    protocol = values.get("PROTO", 0)
    if verb == "push" and "LABEL" not in values:
        raise UsageError('Error: argument "label" is required')
    if verb in _PUSHING and protocol and protocol not in _PROTOCOLS:
        raise InvalidOptionsError(f'invalid {verb} protocol "{protocol:#06x}" - use mpls_(uc|mc)')
    if verb == "pop" and not protocol:
        raise UsageError('Error: argument "protocol" is required')


def _complete(values: Values, env: object) -> None:
    if "m_action" not in values:
        values["action"] = PASS  # as tc does: the existing action stays as it is


def _show_verb(values: Values, view: RenderEnv) -> list[Field]:
    number = values["m_action"]
    name = _NAMES.get(number, str(number))
    fields = [Field("mpls_action", name, f" {name}")]
    protocol = values.get("PROTO")
    if protocol is not None and name in _ETHERTYPE[0]:
        text = f"[{protocol}]" if view.display.numeric else format_protocol(protocol)
        fields.append(Field("protocol", text, f" protocol {text}"))
    return fields


def _show_header(values: Values, view: RenderEnv) -> list[Field]:
    if _NAMES.get(values["m_action"]) not in _HEADER[0]:
        return []
    named = (("label", "LABEL"), ("tc", "TC"), ("bos", "BOS"), ("ttl", "TTL"))
    return [Field(name, values[into], f" {name} {values[into]}") for name, into in named if into in values]


def _number(name: str, convert: Converter, message: str) -> Form:
    return Form(name, or_usage_error(convert, f'Error: argument "{{}}" is wrong: {message}'))


_OPTIONS = (
    *(Option(verb, "verbs", Form(value=verb), _VERB_HELP if verb == "pop" else "", many=True) for verb in _VERBS),
    Option("label", "LABEL", _number("LABEL", unsigned(_MAX_LABEL), "label must be <=0xFFFFF"), "the label"),
    Option("tc", "TC", _number("CLASS", unsigned(_MAX_CLASS), "tc field is 3 bits max"), "the traffic class {0}"),
    Option("ttl", "TTL", _number("TTL", _ttl, "ttl must be >0 and <=255"), "the time to live {that of the IP header}"),
    Option("bos", "BOS", _number("BOS", unsigned(1), "bos must be 0 or 1"), "whether it is the last {computed}"),
    Option(
        "protocol",
        "PROTO",
        _number("PROTOCOL", parse_protocol, "protocol is invalid"),
        "what comes behind a header that is removed; mpls_uc or mpls_mc otherwise {mpls_uc}",
    ),
)


def _refuse_protocol(present: Attributes, requested: Attributes | None) -> str:
    """Refuse verbs that take no protocol, with which the kernel shows one."""
    verb = _NAMES.get(_PARAMETERS.unpack(present["TCA_MPLS_PARMS"])["m_action"], "")
    return "" if verb in _ETHERTYPE[0] else "the kernel shows a protocol that it would not take"


KIND = action(
    "mpls",
    Declared(
        _OPTIONS,
        "PARMS LABEL PROTO TC TTL BOS",
        (_show_verb, _show_header, show_control(), show_closing()),
        check=_check_words,
        complete=_complete,
        exact=False,
        notes="push needs a label, pop a protocol. An index alone names an existing action. CONTROL is {pipe}.",
    ),
    prefix="TCA_MPLS",
    attributes=(
        ("TM", "cdata"),
        ("PARMS", _PARAMETERS),
        ("PAD", "cdata"),
        ("PROTO", "be16"),
        ("LABEL", "uint32"),
        ("TC", "uint8"),
        ("TTL", "uint8"),
        ("BOS", "uint8"),
    ),
    check=_check,
    restoration=Restoration(replaces=True, refuse=_refuse_protocol),
)
