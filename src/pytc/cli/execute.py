"""Runs a parsed command and prints its outcome."""

from __future__ import annotations

import os
import sys
from errno import EPERM

from pytc.cli import streams
from pytc.cli.exit_status import UNUSABLE
from pytc.cli.output import say, show, show_stream
from pytc.closing import Closing
from pytc.commands.dispatch import is_own, run
from pytc.commands.shared.context import Cache, Connection, Context
from pytc.errors import NamespaceError, UsageError
from pytc.render.documents import Display, Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.bpf.loader.object_cache import ObjectCache
    from pytc.cli.command_line import Options
    from pytc.cli.progress import Bar
    from pytc.commands.filter.warnings import FilterWarnings
    from pytc.commands.shared.command import Command, Outcome
    from pytc.errors import PytcError
    from pytc.render.documents import Document
    from pytc.transaction.journal import Journal
    from pytc.transaction.plan import Plan

_LAYOUTS = ("", "bpf_elf_map", "bpf_map_def")


def execute(options: Options, command: Command) -> int:
    """Run one command, and return the exit status; raises PytcError."""
    with Runner(options) as runner:
        return runner.run(command)


def _enter(netns: str) -> None:
    from pytc.netlink.namespaces import enter_namespace

    try:
        enter_namespace(netns)
    except NamespaceError as error:
        if error.errno == EPERM:
            from pytc.bpf.kernel.permissions import administration_causes

            error.with_hints(*administration_causes(f'entering "{netns}"'))
        raise


class Runner(Closing):
    """Runs commands one after another, on one netlink socket. Raises UsageError and NamespaceError when made."""

    def __init__(
        self,
        options: Options,
        *,
        plan: Plan | None = None,
        is_atomic: bool = False,
        objects: ObjectCache | None = None,
        keeps_objects: bool = False,
    ) -> None:
        layout = os.environ.get("PYTC_MAP_LAYOUT", "")
        if layout not in _LAYOUTS:
            raise UsageError(f'PYTC_MAP_LAYOUT is "{layout}"; bpf_elf_map or bpf_map_def expected')
        if options.netns:
            _enter(options.netns)
        self._options = options
        self._bar = _bar()
        self._plan = plan or _plan(options)
        self.journal = _journal() if is_atomic else None
        self.context = Context(
            Connection(self._plan, self.journal),
            _shown(options),
            Cache(objects, _warnings(options), keeps_objects=keeps_objects),
            environment=dict(os.environ),  # os.environ decodes a variable each time that it is asked
            progress=self._bar,
            say=lambda remark: say([remark], as_json=options.json, color=options.color),
            write=streams.write_bytes,
            ask=streams.ask,
            create_clsact=options.create_clsact,
            warns=not options.no_warn,
            replaces_own=options.replace_own,
        )

    def set_location(self, location: str) -> None:
        """Set FILE:LINE of the command that is run next, for warnings."""
        self.context.location = location

    def run(self, command: Command) -> int:
        """Runs a command and prints its outcome; returns the exit status. Raises PytcError."""
        context, documents = self.context, None
        context.has_failed = False
        try:
            documents = self._run(command)
            if isinstance(documents, Stream):
                if self._bar is not None and sys.stdout.isatty():
                    self._bar.mute()  # the output shows the progress
                show_stream(documents, self._options)
                documents = None
        finally:
            self.finish()
        if documents is not None:
            show(documents, self._options, line_each=is_own(command))
        return UNUSABLE if context.has_failed else 0

    def send(self, filters: Sequence[object]) -> tuple[int, PytcError | None]:
        """Send the first of some prepared filters, or several, see :func:`pytc.commands.filter.prepared.send`."""
        from pytc.commands.filter.prepared import send

        try:
            return send(self.context, filters)
        finally:
            self.finish()

    def plan(self, command: Command) -> list[Document]:
        """Return the steps of a command without its remarks; raises PytcError as the command would."""
        from pytc.transaction.plan import plan_command

        assert self._plan is not None
        try:
            return plan_command(self._plan, self.context, command, run)
        finally:
            self.context.release()
            self.context.notes.clear()

    def _run(self, command: Command) -> Outcome:
        if self._plan is None:
            return run(self.context, command)
        from pytc.transaction.plan import plan_command

        return plan_command(self._plan, self.context, command, run)

    def finish(self) -> None:
        """End a command: release what it opened, and print its remarks."""
        if self._bar is not None:
            self._bar.restart()
        self.context.release()
        if self.context.notes:
            say(self.context.notes, as_json=self._options.json, color=self._options.color)
            self.context.notes.clear()

    def close(self) -> None:
        self.context.close()


def _plan(options: Options) -> Plan | None:
    if not options.dry_run:
        return None
    from pytc.transaction.plan import Plan

    return Plan()


def _warnings(options: Options) -> FilterWarnings | None:
    if not options.warn:
        return None
    from pytc.commands.filter.warnings import FilterWarnings

    return FilterWarnings()


def _journal() -> Journal:
    from pytc.transaction.journal import Journal

    return Journal()


def _shown(options: Options) -> Display:
    names = {}
    if options.names:
        from pytc.cli.class_names import read_class_names

        names = read_class_names(options.names_file)
    return Display(
        options.details,
        options.statistics,
        options.brief,
        options.raw,
        options.graph,
        options.iec,
        options.numeric,
        names,
        options.pretty,
        "short" if options.short_timestamp else "long" if options.timestamp else "",
        options.echo,
        sys.stdout.isatty(),
    )


def _bar() -> Bar | None:
    """Return a progress bar where standard error is a terminal."""
    if not sys.stderr.isatty():
        return None
    from pytc.cli.progress import Bar

    return Bar(sys.stderr)
