"""Lists of actions, as they stand behind the word ``action``."""

from __future__ import annotations

from pytc.errors import HelpRequested, InvalidOptionsError, UsageError
from pytc.tc.actions.action import Action
from pytc.tc.kinds import actions as kinds
from pytc.tc.kinds.shared.action_parts import is_control, unknown_action
from pytc.words.engine import choose, matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from pytc.words.engine import Cursor

#: What ends a list of actions: words of the filter, and of the next command.
_ENDS = ("flowid", "classid")
_MAX_COOKIE = 16
#: TCA_ACT_FLAGS_*: NO_PERCPU_STATS, SKIP_HW, SKIP_SW.
_FLAGS = {"no_percpu": 1, "skip_sw": 4, "skip_hw": 2}
#: TCA_ACT_HW_STATS_*.
_HW_STATS = {"immediate": 1, "delayed": 2, "disabled": 0}


def parse_actions(cursor: Cursor, verbs: Sequence[str] = ()) -> tuple[Action, ...]:
    """Parse one or more actions; the cursor is after the first ``action``.

    A word that means one of ``verbs`` ends them, and there may be none before it. Raises InvalidOptionsError,
    UsageError, HelpRequested.
    """
    actions: list[Action] = []
    expected = True
    while not cursor.done and cursor.peek() not in _ENDS:
        if cursor.peek() == "action":
            cursor.take()
            expected = True
            continue
        if cursor.peek() == "help":
            raise HelpRequested("action")
        if choose(cursor.peek(), verbs):
            expected = expected and bool(actions)
            break
        actions.append(_action(cursor))
        expected = False
    if expected and cursor.done and not actions:
        cursor.take()  # raises UsageError: the line has ended
    if expected:
        where = f'before "{cursor.peek()}"' if not cursor.done else 'behind the last "action"'
        raise InvalidOptionsError('Illegal "action"', hints=(f"there is none {where}",))
    return tuple(actions)


def parse_kind(name: str, cursor: Cursor) -> Any:
    """Parse the options of a kind of action that the caller knows to exist."""
    kind = kinds.find(name)
    assert kind is not None
    return kind.parse(cursor)


def _action(cursor: Cursor) -> Action:
    """Parse a kind with its options, or a control alone; then the options of any action."""
    name = "gact" if is_control(cursor.peek()) else cursor.take()
    kind = kinds.find(name)
    if kind is None:
        raise unknown_action(name)
    if cursor.peek() == "help":
        raise HelpRequested(f"action {name}")
    options = kind.parse(cursor)
    return Action(name, options, _cookie(cursor), hw_stats=_hw_stats(cursor), flags=_flags(cursor))


def _cookie(cursor: Cursor) -> bytes:
    if cursor.peek() != "cookie":
        return b""
    cursor.take()
    word = cursor.take()
    if len(word) > 2 * _MAX_COOKIE:
        raise UsageError(f'Error: argument "{word}" is wrong: {len(word)} digits; {2 * _MAX_COOKIE} are the most')
    try:
        if len(word) % 2 or word != word.strip() or not word.isalnum():
            raise ValueError(word)
        return bytes.fromhex(word)
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: cookie must be a hex string') from None


def _hw_stats(cursor: Cursor) -> int | None:
    if cursor.done or not matches(cursor.peek(), "hw_stats"):
        return None
    cursor.take()
    word = cursor.take()
    name = choose(word, tuple(_HW_STATS))
    if not name:
        raise UsageError(f'Error: argument "{word}" is wrong: {", ".join(_HW_STATS)} expected')
    return _HW_STATS[name]


def _flags(cursor: Cursor) -> int:
    """Parse TCA_ACT_FLAGS_*, in the order in which tc reads them."""
    flags = 0
    for word, flag in _FLAGS.items():
        if cursor.peek() == word:
            cursor.take()
            flags |= flag
    return flags
