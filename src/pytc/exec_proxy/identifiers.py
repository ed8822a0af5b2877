"""Numbers and names by which maps are told apart. Pure."""

from collections.abc import Iterable, Sequence


def assign_ids(wanted: Sequence[int | None], taken: Iterable[int] = ()) -> list[int]:
    """An id for each map: the one that it wants (None: any), unless an earlier one or ``taken`` has it.

    Whoever has none gets the smallest that nobody wants. (In tc two maps without an id both become BPF_MAP0.)
    """
    used = set(taken)
    result: list[int | None] = []
    for number in wanted:
        free = number is not None and number not in used
        result.append(number if free else None)
        if free and number is not None:
            used.add(number)
    following = 0
    for at, number in enumerate(result):
        if number is None:
            while following in used:
                following += 1
            used.add(following)
            result[at] = following
    return [number for number in result if number is not None]


def shell_name(name: str) -> str:
    """A name as part of a shell variable's: ``[A-Za-z0-9_]``, anything else becomes ``_``."""
    return "".join(character if character.isascii() and character.isalnum() else "_" for character in name)
