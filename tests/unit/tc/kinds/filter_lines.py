"""Filters as lines of words, and as what is shown of them, without a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytc.commands.dispatch import parse_words
from pytc.render.documents import Display
from pytc.render.json import as_object
from pytc.render.text import render
from pytc.tc.kinds import filters as kinds
from pytc.tc.kinds.interface import FilterView
from pytc.tc.kinds.shared.u32_selector import Key


def parse(line: str) -> Any:
    """Return the command of a line."""
    return parse_words(line.split())


def options_of(line: str) -> Any:
    """Return the options of a filter."""
    return parse(f"filter add dev em1 {line}").options


def u32(line: str) -> Any:
    """Return the options of a u32 filter."""
    return options_of(f"u32 {line}")


def keys(line: str) -> tuple[Key, ...]:
    """Return the keys of a u32 filter."""
    found: tuple[Key, ...] = u32(line).values["SEL"].keys
    return found


def described(
    name: str,
    options: object,
    *,
    handle: int = 0,
    protocol: int = 3,
    about: Display | None = None,
    more: tuple[tuple[str, Any], ...] = (),
) -> tuple[str, dict[str, Any]]:
    """Return text and JSON of a filter that the kernel gives back as it came, with more attributes."""
    kind = kinds.find(name)
    assert kind is not None
    attributes = kind.schema.decode(kind.schema.encode([*kind.encode(options, None), *more]))
    view = FilterView(handle, protocol, about or Display())
    document = kind.document(kind.decode(attributes, lambda number: None), view)
    return render([document]), as_object(document)


def raises_value_error(call: Callable[[], object]) -> bool:
    """Return whether a call raises ValueError."""
    try:
        call()
    except ValueError:
        return True
    return False
