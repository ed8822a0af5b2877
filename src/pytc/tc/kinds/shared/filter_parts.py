"""Parts of all kinds of filters: actions and police as words, TCA_CLS_FLAGS_* (include/uapi/linux/pkt_cls.h)."""

from __future__ import annotations

from pytc.cpython import lru_cache
from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.words.engine import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from pytc.handles import Handle
    from pytc.render.documents import Display
    from pytc.tc.actions.action import Action
    from pytc.words.engine import Cursor

SKIP_HW, SKIP_SW, IN_HW, NOT_IN_HW = 1, 2, 4, 8


def take_actions(cursor: Cursor) -> tuple[Action, ...]:
    """Take the actions behind one word ``action``; raises InvalidOptionsError, UsageError, HelpRequested."""
    from pytc.tc.kinds.shared.action_words import parse_actions

    return parse_actions(cursor)


def take_police(cursor: Cursor) -> Any:
    """Take the options behind ``police``; raises InvalidOptionsError, UsageError, HelpRequested."""
    from pytc.tc.kinds.shared.action_words import parse_kind

    return parse_kind("police", cursor)


ACTION = Word("action", "actions", read=take_actions, many=True)
POLICE = Word("police", "police", read=take_police, repeat=True)
SKIP_HARDWARE = Word("skip_hw", "skip_hw", exact=True, repeat=True)
SKIP_SOFTWARE = Word("skip_sw", "skip_sw", exact=True, repeat=True)


def all_actions(fields: dict[str, Any]) -> tuple[Action, ...]:
    """Return the actions of all words ``action``, in one tuple."""
    return tuple(action for group in fields.get("actions", ()) for action in group)


def skip_flags(fields: dict[str, Any]) -> int:
    """Remove the words for TCA_CLS_FLAGS_SKIP_* from the fields, and return the flags; raises InvalidOptionsError."""
    flags: int = SKIP_HW * fields.pop("skip_hw", False) | SKIP_SW * fields.pop("skip_sw", False)
    if flags == SKIP_HW | SKIP_SW:
        raise InvalidOptionsError("skip_hw and skip_sw are mutually exclusive")
    return flags


def class_field(classid: Handle | None, display: Display, name: str = "flowid", before: str = "") -> list[Field]:
    """Return a field for the class to which packets go; nothing without one."""
    if classid is None:
        return []
    if display.names:
        spelled = display.class_name(classid)
        return [Field(name, spelled, f"{before}{name} {spelled} ")]
    return [_class_field(classid, name, before)]


@lru_cache(maxsize=64)  # a list has few, thousands of times
def _class_field(classid: Handle, name: str, before: str) -> Field:
    spelled = str(classid)
    return Field(name, spelled, f"{before}{name} {spelled} ")


@lru_cache(maxsize=64)
def flag_fields(flags: int | None, before: str = "", after: str = " ") -> Sequence[Field]:
    """Return TCA_CLS_FLAGS_* as tc prints them, each between these texts; nothing where the kernel sends none."""
    if flags is None:
        return ()
    names = [name for bit, name in ((SKIP_HW, "skip_hw"), (SKIP_SW, "skip_sw")) if flags & bit]
    names += [name for bit, name in ((IN_HW, "in_hw"), (NOT_IN_HW, "not_in_hw")) if flags & bit][:1]
    return tuple(Field(name, True, f"{before}{name}{after}") for name in names)
