"""The ``mirred`` action: packets go, or are copied, to another device (tc-mirred(8);
include/uapi/linux/tc_act/tc_mirred.h)."""

from __future__ import annotations

from pytc.errors import HelpRequested, InvalidOptionsError, UsageError
from pytc.render.documents import Field
from pytc.tc.kinds.action import DeclaredActionOptions, action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import U32, Declared, Form, Option, word_table
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.action_parts import PASS, PIPE, STOLEN, optional_control, optional_index, take_index
from pytc.words.engine import Cursor, find, matches, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytc.render.documents import Part
    from pytc.tc.kinds.interface import EncodeEnv, RenderEnv
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Word

#: TCA_EGRESS_REDIR and so on.
_NUMBERS = {("egress", "redirect"): 1, ("egress", "mirror"): 2, ("ingress", "redirect"): 3, ("ingress", "mirror"): 4}
_NAMES = {number: names for names, number in _NUMBERS.items()}


def _parse(cursor: Cursor) -> DeclaredActionOptions:
    """Read words up to a device or a block, a control where packets are copied, and an index.

    An index that comes first stands alone. Raises InvalidOptionsError, UsageError, HelpRequested.
    """
    values: Values = {}
    row = _find(cursor.peek() or cursor.take())
    if row is not None and row.into == "index":
        cursor.take()
        return DeclaredActionOptions(values, PASS, take_index(cursor))
    if row is None or row.into != "direction":
        raise InvalidOptionsError(f'mirred option not supported: "{cursor.peek()}"; egress, ingress or index expected')
    while "ifindex" not in values and "BLOCKID" not in values and cursor.peek() != "action":
        _read(cursor, values)
    if "BLOCKID" in values and not cursor.done and matches(cursor.peek(), "dev"):
        raise InvalidOptionsError("blockid and device are mutually exclusive.")
    control = {"redirect": STOLEN, "mirror": PIPE}.get(values.get("verb", ""), PASS)
    if control == PIPE:
        control = optional_control(cursor, PIPE)
    if "index" not in values:
        return DeclaredActionOptions(values, control, optional_index(cursor))
    number = values.pop("index")
    if not cursor.done and matches(cursor.peek(), "index"):
        raise InvalidOptionsError(f"mirred: Illegal double index: {number} was the first")
    return DeclaredActionOptions(values, control, number)


def _read(cursor: Cursor, values: Values) -> None:
    """Read one of the words up to the device, with what belongs to it."""
    word = cursor.take()
    row = _find(word)
    if row is None:
        raise UsageError(f'What is "{word}"? "egress redirect dev NAME" is expected, and a control behind that.')
    if row.into in values:
        raise InvalidOptionsError(row.twice.format(word))
    if row.into in ("ifindex", "BLOCKID") and "verb" not in values:
        raise UsageError(f'mirror or redirect expected before "{word}"')
    values[row.into] = row.value if row.read is None else row.read(cursor)


def _find(word: str) -> Word | None:
    row = find(word, _TABLE)
    if row is None and matches(word, "help"):
        raise HelpRequested("action mirred")
    return row


def _take_block(cursor: Cursor) -> int:
    word = cursor.take()
    try:
        number: int = unsigned(U32)(word)
    except ValueError:
        number = 0
    if not number:
        raise InvalidOptionsError(f'invalid block ID: "{word}"')
    return number


def _complete(values: Values, env: EncodeEnv) -> None:
    values["eaction"] = _NUMBERS.get((values.get("direction", ""), values.get("verb", "")), 0)


def _show(values: Values, view: RenderEnv) -> Iterable[Part]:
    number, index = values["eaction"], values["ifindex"]
    direction, verb = _NAMES.get(number, ("unknown", "unknown"))
    yield Field("mirred_action", verb, f"({direction} {verb}".title() if number in _NAMES else "(unknown")
    yield Field("direction", direction)
    if "BLOCKID" in values:
        yield Field("to_blockid", values["BLOCKID"], f" to blockid {values['BLOCKID']})")
    else:
        device = view.device_name(index) if index else "*"  # a device that is gone
        yield Field("to_dev", device, f" to device {device})")


_DIRECTION_TWICE = 'mirred: "{}" is a second direction: egress or ingress'
_VERB_TWICE = 'mirred: "{}" is a second verb: mirror or redirect'
_NAME = Form("NAME", read=Cursor.take, pack=lambda name, env: env.device_index(name))
_DECLARED = Declared(
    (
        Option("egress", "direction", Form(value="egress"), "packets go out of the device", twice=_DIRECTION_TWICE),
        Option("ingress", "direction", Form(value="ingress"), "packets come in at the device", twice=_DIRECTION_TWICE),
        Option("index", "index", Form("INDEX", read=take_index), twice='mirred: "{}" is a second index'),
        Option(
            "mirror",
            "verb",
            Form(value="mirror"),
            "copies packets; CONTROL is done with the packets themselves {pipe}",
            twice=_VERB_TWICE,
        ),
        Option(
            "redirect",
            "verb",
            Form(value="redirect"),
            "moves packets; nothing more is done with them here",
            twice=_VERB_TWICE,
        ),
        Option("dev", "ifindex", _NAME, "the device"),
        Option(
            "blockid",
            "BLOCKID",
            Form("BLOCK", read=_take_block),
            "all devices that share a block of filters, but for the packet's own; Linux 6.8",
        ),
    ),
    "PARMS BLOCKID",
    (_show, show_control(), show_closing("\t")),
    complete=_complete,
    exact=False,
    forms=(
        "action mirred { egress | ingress } { redirect | mirror } [ index INDEX ] { dev NAME | blockid BLOCK }\n"
        "                         [ CONTROL ] [ index INDEX ]",
        "action mirred index INDEX",
    ),
)
_TABLE = word_table(_DECLARED)

KIND = action(
    "mirred",
    _DECLARED,
    prefix="TCA_MIRRED",
    attributes=(
        ("TM", "cdata"),
        ("PARMS", parameters("iI", "eaction ifindex")),
        ("PAD", "cdata"),
        ("BLOCKID", "uint32"),
    ),
    parse=_parse,
    restoration=Restoration(replaces=True),
)
