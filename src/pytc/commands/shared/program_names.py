"""The words by which the program of a filter or action can be had again: its object file, or its pin."""

from __future__ import annotations

import os
from functools import cached_property

from pytc.bpf.object.names import kernel_name
from pytc.bpf.object.reader import read_object
from pytc.bpf.sys.program_lookup import lookup_program
from pytc.commands.shared.opened_programs import annotation, pinned_annotation
from pytc.commands.shared.references import read_pins
from pytc.errors import UnnamedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytc.bpf.object.spec import ObjectSpec
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.references import Pins


class ProgramNames:
    """Finds words for programs, among object files and the pins of the bpffs.

    Raises ObjectError for what is no object file.
    """

    def __init__(self, context: Context, paths: Sequence[str]) -> None:
        self._context = context
        self._objects = [
            (os.path.abspath(path), read_object(path, layout20=context.layout20)) for path in dict.fromkeys(paths)
        ]

    @cached_property
    def _pins(self) -> Pins:
        return read_pins(self._context)

    def words(self, name: str, number: int) -> Sequence[str]:
        """Return the words of the program with an id; ``name`` is that in dumps, without an owner.

        The name is what these words give it, too. Raises UnnamedError.
        """
        for path in self._pins.get(("prog", number), ()):
            if pinned_annotation(path) == name:
                return ["object-pinned", path]
        for path, spec in self._objects:
            for words in _of_object(spec, name, number):
                return ["object-file", path, *words]
        origin = name.partition(":[")[0] or "a file"
        if self._pins.get(("prog", number)) or any(spec.name == origin for _, spec in self._objects):
            raise UnnamedError(f'no words give its program the name "{name}"')
        raise UnnamedError(f'its program is of {origin}, whose path the kernel does not keep: add "object PATH"')


def _of_object(spec: ObjectSpec, name: str, number: int) -> Iterator[Sequence[str]]:
    """Yield the words behind an object file by which it gives a program with that name in dumps."""
    chosen = [program for program in spec.programs if annotation(spec.name, program.section) == name]
    if len(chosen) == 1:
        yield ["section", chosen[0].section]
        return
    loaded = lookup_program(number)
    for program in chosen:
        if loaded is not None and kernel_name(program.name) == loaded.name:
            yield ["section", program.section, "program", program.name]
