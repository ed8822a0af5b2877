"""Context managers of ``contextlib``, as light as they can be.

``contextlib`` imports ``collections`` and ``functools``, and the three take a third of the time in which a bare
interpreter starts. Type checkers see the originals.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import ExitStack as ExitStack
    from contextlib import closing as closing
    from contextlib import contextmanager as contextmanager
    from contextlib import suppress as suppress
else:

    def contextmanager(function):
        """Return a function whose results run a generator: up to its ``yield`` when a block begins, and then on."""

        def manager(*args, **named):
            return _GeneratorContext(function(*args, **named))

        for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
            setattr(manager, name, getattr(function, name))
        manager.__wrapped__ = function
        return manager

    class _GeneratorContext:
        def __init__(self, generator):
            self._generator = generator

        def __enter__(self):
            return next(self._generator)

        def __exit__(self, kind, error, traceback):
            if error is None:
                for _ in self._generator:
                    raise RuntimeError("the generator of a context manager yields twice")
                return False
            try:
                self._generator.throw(error)
            except StopIteration as end:
                return end is not error
            except BaseException as raised:
                # Python puts a RuntimeError in place of a StopIteration that a generator passes on (PEP 479).
                if raised is not error and not (isinstance(error, StopIteration) and raised.__cause__ is error):
                    raise
                error.__traceback__ = traceback
                return False
            raise RuntimeError("the generator of a context manager yields twice")

    class ExitStack:
        """Leaves the contexts that it has entered, the last first, whatever any of them raises."""

        def __init__(self):
            self._exits = []

        def enter_context(self, manager):
            result = manager.__enter__()
            self._exits.append(manager.__exit__)
            return result

        def callback(self, function):
            def leave(*_):
                function()

            self._exits.append(leave)

        def close(self):
            self.__exit__(None, None, None)

        def __enter__(self):
            return self

        def __exit__(self, kind, error, traceback):
            pending = error
            try:
                while self._exits:
                    leave = self._exits.pop()
                    try:
                        kind = None if pending is None else type(pending)
                        if leave(kind, pending, getattr(pending, "__traceback__", None)):
                            pending = None
                    except BaseException as raised:
                        pending = raised
                if pending is not None and pending is not error:
                    raise pending
                return error is not None and pending is None
            finally:
                del pending  # an error that holds this frame would live on

    class suppress:
        def __init__(self, *errors):
            self._errors = errors

        def __enter__(self):
            pass

        def __exit__(self, kind, error, traceback):
            return kind is not None and issubclass(kind, self._errors)

    class closing:
        def __init__(self, owner):
            self._owner = owner

        def __enter__(self):
            return self._owner

        def __exit__(self, *_):
            self._owner.close()
