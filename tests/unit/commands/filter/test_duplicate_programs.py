"""The programs of a hook, found by name and tag: beside a list of them that is searched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytc.commands.filter.duplicate_programs import DuplicateFilter, FilterKey, FilterProgram, KnownPrograms

NAMES = {1: "a", 2: "a", 3: "b", 4: "b", 5: None, 6: ""}
TAGS = {1: b"x", 2: b"x", 3: b"x", 4: b"y", 5: b"x", 6: b"y"}
places = st.builds(FilterKey, st.integers(1, 3), st.integers(1, 2))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), places, st.sampled_from(sorted(NAMES))),
        st.tuples(st.just("remove"), places, st.just(0)),
        st.tuples(st.just("find"), places, st.sampled_from(sorted(NAMES))),
    ),
    max_size=30,
)


@given(steps)
def test_it_finds_what_a_search_finds(steps: list[tuple[str, FilterKey, int]]) -> None:
    known, listed = KnownPrograms(lambda number: NAMES[number]), dict[FilterKey, int]()
    for verb, place, program in steps:
        if verb == "put":
            known.put(place, FilterProgram(program, TAGS[program]))
            listed[place] = program
        elif verb == "remove":
            known.remove(place)
            listed.pop(place, None)
        elif (name := NAMES[program]) is not None:
            found = known.equal(name, TAGS[program], elsewhere=place)
            expected = {
                at: one
                for at, one in listed.items()
                if at != place and (NAMES[one], TAGS[one]) == (name, TAGS[program])
            }
            assert (found is None) == (not expected)
            if found is not None:
                assert found == DuplicateFilter(found.key, expected[found.key], len(expected) - 1)


def test_names_are_asked_for_once_and_of_the_tags_that_count() -> None:
    asked = []

    def name_of(program: int) -> str:
        asked.append(program)
        return "name"

    known = KnownPrograms(name_of)
    for number in range(1, 1001):
        known.put(FilterKey(number, 1), FilterProgram(number, b"tag" if number <= 100 else b"other"))
    for number in range(2001, 2101):
        assert known.equal("name", b"tag", elsewhere=FilterKey(number, 1)) is not None
        known.put(FilterKey(number, 1), FilterProgram(number, b"tag"))
    assert asked == [*range(1, 101), *range(2001, 2100)]
