"""The options before the object."""

from __future__ import annotations

from errno import ENOENT

from pytc.errors import BatchError, UsageError
from pytc.typing import NamedTuple
from pytc.words.engine import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from pytc.errors import PytcError

    #: When to print colours; empty stands for auto.
    ColorMode = Literal["", "always", "auto", "never"]

#: The word behind a line, before the command during which it lasts.
HOLD = "hold"


class Options(NamedTuple):
    """The words before the object. ``batch`` is a file with commands, ``-`` for standard input, empty for none;
    ``install_alias`` a directory."""

    statistics: bool = False
    details: bool = False
    raw: bool = False
    graph: bool = False
    iec: bool = False
    json: bool = False
    pretty: bool = False
    oneline: bool = False
    brief: bool = False
    numeric: bool = False
    names: bool = False
    names_file: str = ""
    color: ColorMode = ""
    timestamp: bool = False
    short_timestamp: bool = False
    echo: bool = False
    netns: str = ""
    batch: str = ""
    force: bool = False
    version: bool = False
    help: bool = False
    create_clsact: bool = False
    install_alias: str = ""
    dry_run: bool = False
    atomic: bool = False
    warn: bool = False
    no_warn: bool = False
    replace_own: bool = False
    verbose: bool = False


class _Option(NamedTuple):
    """An option: the field that it sets, whether it takes the next word, and whether it has to be spelled out."""

    name: str
    field: str
    value: bool = False
    exact: bool = False


#: In the order in which tc tries them, which decides abbreviations: -c is -conf, -n is -netns.
OPTIONS = (
    _Option("graph", "graph"),
    _Option("stats", "statistics"),
    _Option("statistics", "statistics"),
    _Option("details", "details"),
    _Option("raw", "raw"),
    _Option("pretty", "pretty"),
    _Option("Version", "version"),
    _Option("iec", "iec"),
    _Option("help", "help"),
    _Option("force", "force"),
    _Option("batch", "batch", value=True),
    _Option("netns", "netns", value=True),
    _Option("Numeric", "numeric"),
    _Option("names", "names"),
    _Option("nm", "names", exact=True),
    _Option("cf", "names_file", value=True, exact=True),
    _Option("conf", "names_file", value=True),
    _Option("color", "color"),
    _Option("timestamp", "timestamp"),
    _Option("tshort", "short_timestamp"),
    _Option("ts", "short_timestamp", exact=True),
    _Option("json", "json"),
    _Option("oneline", "oneline"),
    _Option("brief", "brief"),
    _Option("echo", "echo"),
    # Options that tc does not have must be spelled out, so that an abbreviation always means one of tc's.
    _Option("create-clsact", "create_clsact", exact=True),
    _Option("atomic", "atomic", exact=True),
    _Option("dry-run", "dry_run", exact=True),
    _Option("warn", "warn", exact=True),
    _Option("no-warn", "no_warn", exact=True),
    _Option("replace-own", "replace_own", exact=True),
    _Option("install-alias", "install_alias", value=True, exact=True),
    _Option("verbose", "verbose", exact=True),
    _Option("v", "verbose", exact=True),
    # tc's spelling begins with a capital, which nobody expects behind two dashes.
    _Option("version", "version", exact=True),
    _Option("numeric", "numeric", exact=True),
)
#: Fields of options that are about a whole run, and make no sense behind an object's words.
_OF_THE_RUN = ("batch", "install_alias", "force", "atomic")
#: Options that each command takes behind its words, too, spelled with two dashes.
SHARED = tuple(row for row in OPTIONS if row.field not in _OF_THE_RUN and len(row.name) > 2 and row.name.islower())
_SHARED_WORDS = frozenset((*(f"--{row.name}" for row in SHARED), "-h"))
_COLORS = ("always", "auto", "never")
#: What may have a value behind "=": -c=never is of -color, though -c is -conf.
_OF_VALUE = tuple(row for row in OPTIONS if row.field == "color")
_WITH_VALUE = frozenset(row.name for row in OPTIONS if row.value)


def without_program(words: list[str]) -> list[str]:
    """Return the words of a line without ``tc``, or the path of one, in front, as in lines copied from a script."""
    return words[1:] if words and (words[0] == "tc" or words[0].endswith("/tc")) else words


def conventional(words: Sequence[str]) -> list[int]:
    """Return the positions of options behind an object in the spelling of other programs: ``--json``, ``-h``.

    tc has none there, so that its lines have none, but in text that may be anything: the command that ``exec bpf
    import ... run`` or ``... hold`` starts, and the string of an action ``simple``. Words behind ``--`` are no options.
    """
    found: list[int] = []
    for index, word in enumerate(words):
        if word[:1] != "-":
            if (word == "run" and matches(words[0], "exec")) or word == HOLD:
                break
            continue
        if word == "--":
            return [*found, index]
        if word.partition("=")[0] in _SHARED_WORDS and words[index - 1] != "sdata":
            found.append(index)
    return found


def parse_options(words: Sequence[str]) -> tuple[Options, list[str]]:
    """Return the options and the words after them; raises UsageError, BatchError."""
    fields: dict[str, object] = {}
    rest = without_program(list(words))
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
        if equals and word.startswith("--") and name in _WITH_VALUE:
            equals, rest = "", [value, *rest]
        table = _OF_VALUE if equals else OPTIONS
        row = next((row for row in table if matches(name, row.name, exact=row.exact)), None)
        if row is None or (equals and value not in ("", *_COLORS)):
            raise _unknown_option(word, name)
        if row.field == "color":
            fields["color"] = value or "always"
        elif row.field == "batch":
            fields["batch"] = rest.pop(0) if rest else "-"
        elif row.value and not rest:
            raise UsageError('Command line is not complete. Try option "help"')
        else:
            fields[row.field] = rest.pop(0) if row.value else True
    _refuse_contradictions(fields)
    return Options(**fields), rest  # type: ignore[arg-type]


def _refuse_contradictions(fields: dict[str, object]) -> None:
    """Raise UsageError, BatchError for options that make no sense together, or have no value."""
    if "atomic" in fields and "force" in fields:
        raise UsageError('Options "-atomic" and "-force" contradict each other: all or nothing, or as much as possible')
    if "atomic" in fields and "batch" not in fields:
        raise UsageError('Option "-atomic" needs -batch: a single command is all or nothing anyway')
    if "warn" in fields and "no_warn" in fields:
        raise UsageError('Options "-warn" and "-no-warn" contradict each other')
    for field, name in (("netns", "netns"), ("names_file", "conf"), ("install_alias", "install-alias")):
        if fields.get(field) == "":  # a script's variable that is not set: not this namespace, not the usual file
            raise UsageError(f'Option "-{name}": a name is needed, not ""')
    if fields.get("batch") == "":
        raise BatchError('Cannot open file "" for reading: No such file or directory', errno=ENOENT)


def _unknown_option(word: str, name: str) -> PytcError:
    from pytc.words.suggestions import suggestion

    error = UsageError(f'Option "{word}" is unknown, try "pytc -help".')
    letters = [next((row.name for row in OPTIONS if row.name[0] == letter), "") for letter in name]
    if not word.startswith("--") and len(name) > 1 and all(letters):
        meant = f'one letter each: "{" ".join(f"-{letter}" for letter in name)}"'
    else:
        meant = suggestion(name, [row.name for row in OPTIONS], quote="--{}")
    return error.with_hints(meant) if meant else error
