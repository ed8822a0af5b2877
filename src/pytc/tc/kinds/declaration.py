"""Kinds as declarations, from which words, requests, output and help derive.

An option is declared once: its word, the attribute or the structure's member that holds its value, how the value is
written, and its help. What is known of a qdisc, from words or from the kernel, is a mapping of values: attributes under
their name without the kind's prefix (``LIMIT`` for ``TCA_FQ_CODEL_LIMIT``), members of structures under theirs (``r2q``
of ``struct tc_htb_glob``). tc has three orders, and a declaration has each of them: that of ``options`` decides what an
abbreviation means, that of ``sent`` is the one on the wire, and that of ``shown`` the one in print.

What does not fit is a function, named in the declaration.
"""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import HEADER, Schema
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.shared import fields
from pytc.tc.rates import parse_size, parse_time, parse_time64
from pytc.typing import NamedTuple
from pytc.value import Value
from pytc.words.engine import Table, Word, fill, read_options, signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from pytc.netlink.schema import Attributes, Type
    from pytc.render.documents import Display, Part
    from pytc.tc.kinds.interface import Encoded
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Converter, Cursor

U8, U16, U32, S32 = 0xFF, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF


class Form(NamedTuple):
    """The way in which the value of an option is written.

    ``name`` stands for it in help, empty for a flag. ``convert`` reads it from a word and raises ValueError, or
    ``read`` takes it from the words after the option's own; a flag sets ``value``. ``pack`` turns it into what is sent,
    given the :class:`~pytc.tc.kinds.interface.QdiscEnv`. ``show`` returns the field for (key, what the kernel says,
    display options); values in ``hidden`` are not printed.
    """

    name: str = ""
    convert: Converter | None = None
    show: Callable[[str, Any, Display], Part] = lambda key, value, display: fields.number(key, value)
    pack: Callable[[Any, Any], Any] | None = None
    read: Callable[[Cursor], Any] | None = None
    value: Any = 1
    hidden: tuple[Any, ...] = ()


NUMBER = Form("NUMBER", unsigned(U32))
DECIMAL = Form("NUMBER", unsigned(U32, 10))
SIGNED = Form("NUMBER", signed(S32))
PACKETS = Form("PACKETS", unsigned(U32), lambda key, value, display: fields.number(key, value, "p"))
SIZE = Form("BYTES", parse_size, lambda key, value, display: fields.size(key, value))
TIME = Form("TIME", parse_time, lambda key, value, display: fields.time(key, value))
TIME64 = Form("TIME", parse_time64, lambda key, value, display: fields.time64(key, value))
ON = Form(show=lambda key, value, display: fields.flag(key), hidden=(0, False))
OFF = Form(value=0, show=lambda key, value, display: fields.flag(key), hidden=(1, True))


class Option(NamedTuple):
    """An option of a kind.

    ``into`` names the attribute or member that holds the value, or several, for a value that is a tuple; a name that
    nothing on the wire has is for the kind's own functions. ``omit`` is what means the same as no option, and is not
    sent; values in ``hide`` are not printed, besides those that the form hides. ``exact`` says whether the word may be
    abbreviated, None that it is as with the other options. ``wrong`` is tc's name of the option in its message about a
    wrong value, ``twice`` its message about a second one; without a message, or with None, that replaces the first.
    ``key`` is the word in print, where it is another. With ``many``, the value is a tuple of those of all words. An
    option without help is another word for one that has the same ``into``; help does not name it where there is none.
    """

    word: str
    into: str
    form: Form
    help: str = ""
    omit: Any = None
    hide: tuple[Any, ...] = ()
    exact: bool | None = None
    wrong: str = ""
    twice: str | None = ""
    required: bool = False
    key: str = ""
    many: bool = False

    def row(self, declared: Declared) -> Word:
        """Return the row of the word table; what the option leaves open is as with the other options."""
        form, wrong = self.form, self.wrong or declared.wrong
        twice = "" if self.twice is None else self.twice or declared.twice
        return Word(
            self.word,
            self.into,
            form.convert,
            form.value,
            exact=declared.exact if self.exact is None else self.exact,
            wrong=wrong.replace("{word}", self.word),
            repeat=not twice,
            twice=twice.replace("{word}", self.word),
            read=form.read,
            many=self.many,
        )


if TYPE_CHECKING:
    #: A part of what is shown: words of options, or a function that is given the values, and what surrounds them.
    Shown = str | Callable[[Values, Any], Iterable[Part]]


class Declared(Value):
    """The options of a kind, or of its classes, and the attributes that are ``sent``, with blanks between.

    ``HEADER`` among those is the structure before them; ``*`` in place of all sends the values as they come. ``exact``
    says that words may not be abbreviated. ``unknown`` is tc's message about a word that is none of them, ``wrong`` and
    ``twice`` are those about values, where the options have none of their own; ``{word}`` in them stands for the
    option's word, and ``{value}`` in ``twice`` for its second value. ``check`` raises InvalidOptionsError for what does
    not go together, and may add values. ``complete`` adds the values that depend on the device or the clock, before
    they are sent. Where ``sends_nothing``, no TCA_OPTIONS is sent unless an option was given. In help, ``forms`` stand
    for the line of all options.
    """

    options: tuple[Option, ...] = ()
    sent: str = ""
    shown: tuple[Shown, ...] = ()
    check: Callable[[Values], None] | None = None
    complete: Callable[[Values, Any], None] | None = None
    exact: bool = True
    sends_nothing: bool = False
    unknown: str = 'What is "{}"?'
    wrong: str = ""
    twice: str = ""
    notes: str = ""
    synopsis: str = ""
    forms: tuple[str, ...] = ()


def rows(type: Type, names: str) -> tuple[tuple[str, Type], ...]:
    """Return attributes of one type, in order of their numbers."""
    return tuple((name, type) for name in names.split())


class Wire:
    """The attributes of a kind, and their structures."""

    def __init__(self, prefix: str, table: Sequence[tuple[str, Type | Layout]], header: Layout | None) -> None:
        self.prefix = f"{prefix}_"
        self.structures = {name: type for name, type in table if isinstance(type, Layout)}
        if header is not None:
            self.structures[HEADER] = header
        self.schema = Schema(
            (f"{prefix}_UNSPEC", "none"),
            *((f"{prefix}_{name}", "cdata" if isinstance(type, Layout) else type) for name, type in table),
        )

    def encode(self, sent: Iterable[str], values: Mapping[str, Any]) -> Encoded:
        """Return the attributes and structures of these names, as far as there are values for them.

        A structure is sent in any case, with the values of its members.
        """
        encoded: Encoded = []
        for name in sent:
            layout = self.structures.get(name)
            if layout is not None and name not in values:
                encoded.append((self.prefix + name if name else HEADER, layout.pack(values)))
            elif name in values:
                several = values[name] if isinstance(values[name], list) else (values[name],)
                encoded += [(self.prefix + name, value) for value in several]
        return encoded

    def decode(self, attributes: Attributes) -> Values:
        """Return attributes by their names without the prefix, and the members of structures."""
        values: Values = {}
        start = len(self.prefix)
        for name, value in attributes.items():
            short = name[start:] if name else HEADER
            layout = self.structures.get(short)
            if layout is None:
                values[short] = value
            else:
                values.update(layout.unpack(value))
        return values


def read_values(cursor: Cursor, table: Sequence[Word], declared: Declared, topic: str, *, all: bool = True) -> Values:
    """Return the values of a kind's words: of all that are left, or of those up to one that is not in the table.

    Raises InvalidOptionsError, UsageError, HelpRequested.
    """
    if all:
        values = read_options(cursor, table, topic, unknown=declared.unknown)
    else:
        values = fill(cursor, table, {}, topic=topic, error=InvalidOptionsError)
    for into in [into for into in values if " " in into]:
        values.update(zip(into.split(), values.pop(into), strict=False))
    if declared.check is not None:
        declared.check(values)
    return values


def word_table(declared: Declared) -> Table:
    """Return the table of a kind's words."""
    return Table(option.row(declared) for option in declared.options)


def helper(declared: Declared, synopsis: str, ending: str = "") -> Callable[[], str]:
    """Return what makes the help text, which few commands ask for."""

    def usage() -> str:
        from pytc.tc.kinds.shared.help import usage_text

        return usage_text(declared.synopsis or synopsis, declared.options, declared.notes, ending, declared.forms)

    return usage


def encoder(declared: Declared, wire: Wire) -> Callable[[Mapping[str, Any], Any], Encoded]:
    """Return what turns values into attributes, given what surrounds them."""
    options = declared.options
    packers = {option.into: option.form.pack for option in options if option.form.pack is not None}
    omitted = {option.into: option.omit for option in options if option.omit is not None}
    sent = [HEADER if name == "HEADER" else name for name in declared.sent.split()]

    def encode(given: Mapping[str, Any], env: Any) -> Encoded:
        values = {
            into: packers[into](value, env) if into in packers else value
            for into, value in given.items()
            if into not in omitted or value != omitted[into]
        }
        if declared.complete is not None:
            declared.complete(values, env)
        return wire.encode(values if sent == ["*"] else sent, values)

    return encode


def renderer(declared: Declared) -> Callable[[Values, Any], list[Part]]:
    """Return what shows values, given what surrounds them, which has display options as ``display``."""
    steps: list[Callable[[Values, Any], Iterable[Part]]] = []
    options = {option.word: option for option in declared.options}
    for part in declared.shown:
        steps += [_show_option(options[word]) for word in part.split()] if isinstance(part, str) else [part]

    def show(values: Values, view: Any) -> list[Part]:
        return [field for step in steps for field in step(values, view)]

    return show


def _show_option(option: Option) -> Callable[[Values, Any], Iterable[Part]]:
    into, key, show = option.into, option.key or option.word, option.form.show
    hidden = (None, *option.hide, *option.form.hidden)

    def shown(values: Values, view: Any) -> Iterable[Part]:
        value = values.get(into)
        return () if value in hidden else (show(key, value, view.display),)

    return shown
