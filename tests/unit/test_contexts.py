"""Context managers: those of contextlib and pytc's own do the same, whatever is raised."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from pytc import contexts


class Failure(Exception):
    """What a block raises."""


def nothing() -> None:
    pass


def fails() -> None:
    raise Failure("in the block")


def stops() -> None:
    raise StopIteration


def is_interrupted() -> None:
    raise KeyboardInterrupt


def outcome(of: ModuleType, run: Callable[[ModuleType, list[str]], None]) -> tuple[list[str], str]:
    """What happened in which order, and what was raised."""
    happened: list[str] = []
    try:
        run(of, happened)
    except BaseException as error:
        return happened, repr(error)
    return happened, ""


def generator(of: ModuleType, happened: list[str], name: str, leaving: str) -> contextlib.AbstractContextManager[str]:
    @of.contextmanager  # type: ignore[untyped-decorator]
    def manager() -> Iterator[str]:
        happened.append(f"enter {name}")
        try:
            yield name
        except Failure as error:
            happened.append(f"{name}: {error}")
            if leaving == "suppresses":
                return
            if leaving == "raises another":
                raise ValueError(name) from None
            raise
        finally:
            happened.append(f"leave {name}")
            if leaving == "fails at the end":
                raise OSError(name)
        if leaving == "yields twice":
            yield name

    made: contextlib.AbstractContextManager[str] = manager()
    return made


_LEAVING = ("passes on", "suppresses", "raises another", "fails at the end", "yields twice")


@pytest.mark.parametrize("block", [nothing, fails, stops, is_interrupted])
@pytest.mark.parametrize("leaving", _LEAVING)
def test_generators(block: Callable[[], None], leaving: str) -> None:
    def run(of: ModuleType, happened: list[str]) -> None:
        with generator(of, happened, "only", leaving) as value:
            happened.append(value)
            block()

    ours, theirs = outcome(contexts, run), outcome(contextlib, run)
    assert ours[0] == theirs[0]
    assert ours[1].split("(")[0] == theirs[1].split("(")[0]


@pytest.mark.parametrize("block", [nothing, fails, is_interrupted])
@pytest.mark.parametrize("first", _LEAVING[:-1])
@pytest.mark.parametrize("second", _LEAVING[:-1])
def test_stacks(block: Callable[[], None], first: str, second: str) -> None:
    def run(of: ModuleType, happened: list[str]) -> None:
        with of.ExitStack() as stack:
            stack.enter_context(generator(of, happened, "first", first))
            stack.callback(lambda: happened.append("called"))
            stack.enter_context(generator(of, happened, "second", second))
            block()

    assert outcome(contexts, run) == outcome(contextlib, run)


def test_a_stack_that_is_closed_leaves_once() -> None:
    happened: list[str] = []
    stack = contexts.ExitStack()
    stack.callback(lambda: happened.append("called"))
    stack.close()
    stack.close()
    assert happened == ["called"]


@pytest.mark.parametrize("errors", [(Failure,), (OSError, Failure), (OSError,), ()])
@pytest.mark.parametrize("block", [nothing, fails, is_interrupted])
def test_suppressed_errors(errors: tuple[type[Exception], ...], block: Callable[[], None]) -> None:
    def run(of: ModuleType, happened: list[str]) -> None:
        with of.suppress(*errors):
            block()
        happened.append("after")

    assert outcome(contexts, run) == outcome(contextlib, run)


def test_closing() -> None:
    class Owner:
        def close(self) -> None:
            happened.append("closed")

    def run(of: ModuleType, happened: list[str]) -> None:
        with of.closing(Owner()):
            fails()

    happened: list[str] = []
    assert outcome(contexts, run) == outcome(contextlib, run)
    assert happened == ["closed", "closed"]


def test_a_decorated_function_keeps_its_name_and_signature() -> None:
    @contexts.contextmanager
    def named(path: str) -> Iterator[str]:
        """Its text."""
        yield path

    assert (named.__name__, named.__doc__, str(inspect.signature(named))) == (
        "named",
        "Its text.",
        "(path: 'str') -> 'Iterator[str]'",
    )
