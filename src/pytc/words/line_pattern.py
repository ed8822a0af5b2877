"""Lines that differ in some values only: the text around the values."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_BETWEEN_WORDS = " \t'\""


class LinePattern:
    """A line with gaps where its values stand; ``spans`` are the first and the last index of each, in order."""

    def __init__(self, text: str, spans: Sequence[tuple[int, int]]) -> None:
        starts, ends = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)]
        self._begin, *self._behind = (text[start:end] for start, end in zip(starts, ends, strict=True))

    def values(self, text: str) -> list[str] | None:
        """Return what stands in the gaps of a line, whatever it is; None for a line that has another text around
        them."""
        if not text.startswith(self._begin):
            return None
        values, start = [], len(self._begin)
        for between in self._behind:
            end = text.find(between, start)
            if end < 0:
                return None
            values.append(text[start:end])
            start = end + len(between)
        return values if start == len(text) else None


def word_spans(text: str, words: Sequence[str]) -> list[tuple[int, int]] | None:
    """Return where the words of a line start and end in its text, quotes not included.

    The words may lack the first of the line. Returns None where something else than blanks and quotes separates them.
    """
    spans, end = [], text.find(words[0]) if words else 0
    for word in words:
        start = text.find(word, end)
        if start < 0 or text[end:start].strip(_BETWEEN_WORDS):
            return None
        end = start + len(word)
        spans.append((start, end))
    return spans
