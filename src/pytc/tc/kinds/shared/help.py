"""Help texts of kinds, made of what their options declare."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_WIDTH = 118
#: More words than fit in that stand above what they mean.
_LONGEST = 44


def usage_text(
    synopsis: str, options: Sequence[Any], notes: str = "", ending: str = "", forms: Sequence[str] = ()
) -> str:
    """Return a help text: a line of all options (those of a declaration), a line about each, and notes behind them.

    ``synopsis`` is what stands before the options, ``ending`` what stands behind them. Options that set the same value
    are alternatives, or other words for the same. ``forms`` stand for the line of all options, where not all of them go
    together; those that do not end with an index have ``ending`` behind them, too.
    """
    alternatives: dict[str, list[str]] = {}
    required = set()
    explained: list[tuple[list[str], str]] = []
    names: dict[str, list[str]] = {}
    for option in options:
        if option.help:
            names[option.into] = [option.word]
            explained.append((names[option.into], option.help))
        elif option.into in names:
            names[option.into].append(option.word)
        if option.required:
            required.add(option.into)
        if not option.help and option.into in alternatives and option.form.name:
            continue  # another word for the same option
        if not option.help and option.into not in names:
            continue  # a word that changes nothing, or that stands elsewhere in the line
        alternatives.setdefault(option.into, []).append(f"{option.word} {option.form.name}".rstrip())
    parts = [
        (f"{{ {' | '.join(words)} }}" if len(words) > 1 else words[0])
        if into in required
        else f"[ {' | '.join(words)} ]"
        for into, words in alternatives.items()
    ]
    parts += [ending] if ending else []
    start = f"Usage: ... {synopsis}"
    lines = [start]
    for part in parts:
        # An option of many words is broken between them.
        pieces = [part] if len(part) < _WIDTH - len(start) else part.replace(" | ", " |\n").split("\n")
        for number, piece in enumerate(pieces):
            if len(lines[-1]) + 1 + len(piece) > _WIDTH:
                lines.append(" " * (len(start) + 2 * bool(number)))
            lines[-1] += f" {piece}"
    if forms:
        complete = (" index INDEX", " index INDEX ]")
        endings = ["" if form.endswith(complete) else f" {ending}" for form in forms]
        lines = [f"       ... {form}{end}".rstrip() for form, end in zip(forms, endings, strict=True)]
        lines[0] = f"Usage: {lines[0].lstrip()}"
    rows = [(", ".join(words), text) for words, text in explained]
    width = max((len(words) for words, _ in rows if len(words) <= _LONGEST), default=0)
    meanings = [
        f"{words:<{width}}  {text}" if len(words) <= _LONGEST else f"{_wrapped(words)}\n{' ' * width}  {text}"
        for words, text in rows
    ]
    blocks = ["\n".join(lines), "\n".join(meanings), notes.strip("\n")]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _wrapped(words: str) -> str:
    lines = [""]
    for word in words.split(" "):
        if len(lines[-1]) + 1 + len(word) > _WIDTH:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".lstrip()
    return "\n".join(lines)
