"""Index BTF types by id and by name.

Types follow one another, each as long as its kind and the number of its members make it: finding one by its id takes a
walk over all before it. A kernel has more than 100,000, and programs mostly use some of the first thousands, so the
walk goes no further than it has to.
"""

from __future__ import annotations

from bisect import bisect_left

from pytc.errors import ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

# Words (u32) of a type, by kind: those that each has, and those for each of its vlen members.
# INT 1, ARRAY 3, STRUCT 4, UNION 5, ENUM 6, FUNC_PROTO 13, VAR 14, DATASEC 15, DECL_TAG 17, ENUM64 19.
LAST_KIND = 19
_FIXED = [3] * (LAST_KIND + 1) + [1 << 40] * 12
_EACH = [0] * 32
for _kind, _words in ((1, 4), (3, 6), (14, 4), (17, 4)):
    _FIXED[_kind] = _words
for _kind, _words in ((4, 3), (5, 3), (6, 2), (13, 2), (15, 3), (19, 3)):
    _EACH[_kind] = _words

#: Searching for so few names is faster than a walk over all types, which takes twenty times as long as one search.
_FEW = 16
_CHUNK = 1024


class _Steps(dict[int, int]):
    """Words of a type by its second word, ``info``: computed once for each of the few thousand that there are."""

    def __missing__(self, info: int) -> int:
        kind = info >> 24 & 0x1F
        step = self[info] = _FIXED[kind] + _EACH[kind] * (info & 0xFFFF)
        return step


class TypeIndex:
    """An index of BTF types: ``types`` are their bytes, ``first`` is the id of the first.

    Raises ObjectError where it comes upon a type that is cut off or of an unknown kind.
    """

    def __init__(self, types: memoryview, first: int = 1) -> None:
        self.words = types.cast("I")
        self._types = types
        self._first = first
        #: The first word of each type that the walk has reached; it grows in place.
        self.first_words: list[int] = []
        self._steps = _Steps()
        self._next = 0

    def __len__(self) -> int:
        """Return the number of types."""
        self._walk(len(self.words))
        return len(self.first_words)

    def close(self) -> None:
        """Release the bytes."""
        self.words.release()

    def first_word(self, type_id: int) -> int:
        """Return the first word of a type; -1 where there are not so many types."""
        number = type_id - self._first
        if number >= len(self.first_words):
            self._walk(number + 1 - len(self.first_words))
            if number >= len(self.first_words):
                return -1
        return self.first_words[number]

    def each(self) -> Iterator[tuple[int, int]]:
        """Yield (type id, first word) of each type."""
        self._walk(len(self.words))
        return enumerate(self.first_words, self._first)

    def of_kind(self, kind: int) -> list[tuple[int, int]]:
        """Return (type id, offset of the name) of each type of a kind."""
        words = self.words
        return [(type_id, words[word]) for type_id, word in self.each() if words[word + 1] >> 24 & 0x1F == kind]

    def _walk(self, count: int) -> None:
        """Find at least ``count`` more types, or all that are left. May loop 130,000 times, hence the plain style."""
        words, steps, word, end = self.words, self._steps, self._next, len(self.words)
        add, last = self.first_words.append, len(self.first_words)
        try:
            for _ in range(max(count, _CHUNK)):
                step = steps[words[word + 1]]
                add(word)
                word += step
        except IndexError:
            pass
        if word > end or word + 1 == end:
            del self.first_words[last:]
            raise self._cut_off(last)
        self._next = word

    def _cut_off(self, number: int) -> ObjectError:
        """Return the error for the first malformed type from type ``number`` on."""
        word, end = self._next, len(self.words)
        while word + 1 < end:
            info = self.words[word + 1]
            if info >> 24 & 0x1F > LAST_KIND:
                return ObjectError(f".BTF: type {self._first + number} is of unknown kind {info >> 24 & 0x1F}")
            word += self._steps[info]
            if word > end:
                break
            number += 1
        return ObjectError(f".BTF: type {self._first + number} is cut off")

    def named(self, offsets: Mapping[int, str], kinds: Collection[int]) -> dict[str, list[int]]:
        """Return the ids of types of some kinds by name; ``offsets`` maps offsets of the string section to the
        names."""
        by_name: dict[str, list[int]] = {}
        words = self.words
        few = len(offsets) <= _FEW and self._next < len(words)
        for type_id, word in self._searched(offsets, kinds) if few else self.each():
            name = offsets.get(words[word])
            if name is not None and words[word + 1] >> 24 & 0x1F in kinds:
                by_name.setdefault(name, []).append(type_id)
        return {name: sorted(ids) for name, ids in by_name.items()}

    def _searched(self, offsets: Collection[int], kinds: Collection[int]) -> Iterator[tuple[int, int]]:
        """Yield (type id, first word) of the types whose name is at one of some offsets, and perhaps of others."""
        import re  # only now: most objects do without

        words, end = self.words, len(self.words)
        for offset in offsets:
            search = re.compile(re.escape(offset.to_bytes(4, "little"))).search
            match = search(self._types)
            while match is not None:
                word, rest = divmod(match.start(), 4)
                # A match may be a member rather than a type: also a name, with an offset or a value.
                if not rest and word + 2 < end and words[word + 1] >> 24 & 0x1F in kinds:
                    number = self._number(word)
                    if number >= 0:
                        yield self._first + number, word
                match = search(self._types, match.start() + 1)

    def _number(self, word: int) -> int:
        """Return the number of the type that begins with a word; -1 where none does."""
        while self._next <= word < len(self.words):
            self._walk(1)
        number = bisect_left(self.first_words, word)
        return number if number < len(self.first_words) and self.first_words[number] == word else -1


def name_offsets(strings: bytes, names: Collection[str]) -> dict[int, str]:
    """Return the offsets of strings with one of the names, with or without a flavour (the part after ``___``)."""
    texts = {name.encode(): name for name in names if name}
    if not texts:
        return {}
    import re  # only now: most objects do without

    either = b"(%s)(?=\0|___)" % b"|".join(map(re.escape, sorted(texts, key=len, reverse=True)))
    names_by_offset = {match.start(1): texts[match.group(1)] for match in re.finditer(b"\0" + either, strings)}
    first = re.match(either, strings)  # those of a module begin without a NUL
    if first is not None:
        names_by_offset[0] = texts[first.group()]
    # A name may be stored as the end of a longer one; today's compilers do not do that.
    missing = texts.keys() - {name.encode() for name in names_by_offset.values()}
    names_by_offset.update({offset: texts[text] for text in missing for offset in _endings(strings, text)})
    return names_by_offset


def _endings(strings: bytes, text: bytes) -> list[int]:
    offsets = []
    offset = strings.find(text)
    while offset >= 0:
        end = offset + len(text)
        if strings[end : end + 1] == b"\0" or strings[end : end + 3] == b"___":
            offsets.append(offset)
        offset = strings.find(text, offset + 1)
    return offsets
