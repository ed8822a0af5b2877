"""``--dry-run``: what a command would load and send, in order, and neither of it done.

The words, the objects and the requests are made as they would be; the session notes what it would have sent, and in
place of open programs there are numbers that stand for them. The kernel is only asked. What depends on the state of the
machine (devices, pins) and cannot be seen is a remark and no error: the machine may be another one.
"""

from __future__ import annotations

import os
from errno import ENOENT

from pytc.bpf.analyse.dry_load import CREATED, UNSEEN, plan_load
from pytc.bpf.maps.pinning import PinRoot
from pytc.bpf.sys.constants import map_type_name, program_type_name
from pytc.bpf.sys.info import describe_program
from pytc.commands.shared.attacher import Choice
from pytc.commands.shared.opened_programs import OpenedPrograms, annotation
from pytc.commands.shared.pins import pin_path
from pytc.commands.shared.programs import file_identity, select_programs
from pytc.cpython import partial
from pytc.errors import BpfError, DeviceNotFoundError, UsageError, one_line
from pytc.netlink import constants as c
from pytc.netlink.messages import encode
from pytc.netlink.session import Session, interface_name
from pytc.render.documents import ArrayField, Field
from pytc.tc.kinds.interface import OpenedProgram
from pytc.tc.kinds.shared.programs import BYTECODE, BYTECODE_FILE, EXPRESSION, LOADED, PINNED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytc.bpf.analyse.dry_load import PlannedLoad, PlannedMap, PlannedProgram
    from pytc.bpf.object.spec import MapSpec, ObjectSpec, ProgramSpec
    from pytc.bpf.sys.descriptions import ProgramDescription
    from pytc.commands.shared.attach_words import Reference
    from pytc.commands.shared.attacher import Attacher, Hook, Order, Sharing, Target
    from pytc.commands.shared.command import Command
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.opened_programs import ProgramRequest
    from pytc.commands.shared.programs import FileIdentity
    from pytc.netlink.messages import TcMessage
    from pytc.render.documents import Document, Json, Part
    from pytc.tc.kinds.shared.programs import BpfSource

_QUESTIONS = (c.GETQDISC, c.GETTCLASS, c.GETTFILTER, c.GETACTION, c.GETCHAIN)
_FIRST_ABSENT = 0x70000000
_UNSEEN = "pytc cannot see from here whether it exists"


class Plan:
    """Records what a run of commands would do, the steps of one at a time.

    ``messages`` are the requests among them, ``lasting`` says what of them could not be undone besides requests. When
    it ``is_preflight``, for --atomic, a missing device is an error, and no steps are described: nobody reads them.
    """

    def __init__(self, *, is_preflight: bool = False) -> None:
        self.messages: list[TcMessage] = []
        self.lasting: list[str] = []
        self._is_preflight = is_preflight
        self._steps: list[Document] = []
        self._absent: dict[str, int] = {}
        self._pins: dict[str, MapSpec] = {}
        self._programs: dict[int, str] = {}
        self._descriptions: dict[int, ProgramDescription] = {}

    def session(self) -> Session:
        """Return a session that asks the kernel, and records what would change it."""
        return _PlanningSession(self)

    def attacher(self, context: Context) -> Attacher:
        """Return an attacher that records the changes to attached programs."""
        return _PlanningAttacher(context, self)

    def absent_device(self, device: str, note: Callable[[str], object]) -> int:
        """Return a number for a device that is not there; raises DeviceNotFoundError in a preflight."""
        if self._is_preflight:
            raise DeviceNotFoundError(device)
        if device not in self._absent:
            self._absent[device] = _FIRST_ABSENT + len(self._absent)
            note(f'Note: there is no device "{device}" here')
        return self._absent[device]

    def device_name(self, index: int) -> str:
        """Return the name of a device, whether it exists or not."""
        return next((name for name, number in self._absent.items() if number == index), "") or interface_name(index)

    def note(self, step: Callable[[], Document]) -> None:
        """Add a step, which is described where somebody reads it."""
        if not self._is_preflight:
            self._steps.append(step())

    def record_request(self, message: TcMessage) -> None:
        """Add a request; it is encoded, to find what does not fit."""
        encode(message, 1)
        self.messages.append(message)
        self.note(partial(self._request_document, message))

    def _request_document(self, message: TcMessage) -> Document:
        from pytc.transaction.request_text import request_document

        return request_document(message, self.device_name, self._programs)

    def reset(self) -> None:
        """Forget the steps of an earlier command, but for the pins that they would have made."""
        for of_command in (self.messages, self.lasting, self._steps, self._programs, self._descriptions):
            of_command.clear()

    def steps(self) -> list[Document]:
        """Return the steps of a command, in order."""
        return [*self._steps]

    def open_programs(self, context: Context, requests: Sequence[ProgramRequest]) -> OpenedPrograms:
        """Return stand-ins for the programs of a command: numbers in place of descriptors.

        Raises BpfError and its kin, InvalidOptionsError.
        """
        programs = OpenedPrograms(len(requests))
        files: dict[FileIdentity, list[int]] = {}
        for index, request in enumerate(requests):
            source = request.source
            if source is not None and source.mode in LOADED:
                programs[index] = self._loaded(context, source, request)
            elif source is not None and source.mode == EXPRESSION:
                programs[index] = self._expression(source, request)
            elif source is not None and source.mode not in (BYTECODE, BYTECODE_FILE):
                files.setdefault(file_identity(source.path), []).append(index)
        for places in files.values():
            for index, program in zip(places, self._load(context, [requests[index] for index in places]), strict=True):
                programs[index] = program
        return programs

    def description(self, number: int) -> ProgramDescription | None:
        """Return the kernel's description of a stand-in's program, None for one that has yet to be loaded."""
        return self._descriptions.get(number)

    def name_of(self, program: OpenedProgram) -> str:
        """Return the name of a stand-in's program."""
        return self._programs[program.fd]

    def _stand_in(
        self,
        name: str,
        words: str,
        type: int,
        attach_type: int | None = None,
        declaration: tuple[ObjectSpec, ProgramSpec] | None = None,
    ) -> OpenedProgram:
        number = len(self._programs) + 1
        self._programs[number] = name
        return OpenedProgram(number, words, type, attach_type, declaration)

    def _load(self, context: Context, requests: Sequence[ProgramRequest]) -> list[OpenedProgram]:
        source, spec, chosen = select_programs(context, requests)
        exports = [source.export] if source.export else []
        if not exports and (path := context.environment.get("TC_BPF_UDS")):
            exports = [path]
        # A preflight is followed by the load itself, in which the kernel says what is wrong.
        pins = PinRoot.unmounted(context.bpf_mount)
        load = plan_load(
            spec,
            chosen,
            pins,
            self._pins,
            used_only=not exports,
            lint=not self._is_preflight,
        )
        if not self._is_preflight and any(map.path and not map.spec.reuse for map in load.maps):
            context.notes += pins.remarks
        for map in load.maps:
            if map.path and not map.spec.reuse:
                self._pins.setdefault(map.path, map.spec)
            if map.is_written:
                self.lasting.append(f'the map pinned at "{map.path}" would be written to')
            if map.fate == UNSEEN:
                context.notes.append(_unseen_map(map))
        self.lasting += [f'maps would be exported to "{path}"' for path in exports]
        self.note(partial(_load_document, source.path, load, exports))
        return [
            self._stand_in(
                program.name,
                annotation(spec.name, program.section),
                type,
                program.expected_attach_type,
                (spec, program),
            )
            for program, type in chosen
        ]

    def _expression(self, source: BpfSource, request: ProgramRequest) -> OpenedProgram:
        from pytc.bpf.loader.program import select_program
        from pytc.commands.shared.expressions import expression_annotation, expression_object

        spec = expression_object(source)
        load = plan_load(spec, [(select_program(spec), request.type)], PinRoot.unmounted(), {})
        self.note(partial(_load_document, f'expression "{one_line(source.path)}"', load, []))
        declaration = spec, select_program(spec)
        name = load.programs[0].program.name
        return self._stand_in(name, expression_annotation(source), request.type, None, declaration)

    def _loaded(self, context: Context, source: BpfSource, request: ProgramRequest) -> OpenedProgram:
        from pytc.commands.shared.loaded_programs import loaded_annotation, open_loaded_program

        description = None
        is_pinned = source.mode == PINNED
        try:
            with open_loaded_program(context, source, request.type) as program:
                description = describe_program(program.fd)
        except BpfError as error:
            if error.errno is None:
                raise  # it exists, and is no such program
            what = f'pinned at "{source.path}"' if is_pinned else f"loaded with {source.mode} {source.path}"
            context.notes.append(
                f"Note: there is no program {what} here"
                if error.errno == ENOENT
                else f"Note: the program is {what}, and {_UNSEEN} ({error})"
            )
        path = pin_path(context, source.path) if is_pinned else source.path
        word = "pinned" if is_pinned else source.mode
        self.note(lambda: [Field("step", "open", "open "), Field(word, path, f"{word} {path}\n")])
        name = loaded_annotation(source, description.name if description is not None else source.path)
        stand_in = self._stand_in(f"pinned at {path}" if is_pinned else f"with {word} {path}", name, request.type)
        if description is not None:
            self._descriptions[stand_in.fd] = description
        return stand_in


class _PlanningSession(Session):
    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan

    def request(self, message: TcMessage) -> list[TcMessage]:
        """Ask the kernel, or record a request that would change it, to which there is no answer."""
        if message.type in _QUESTIONS:
            return super().request(message)
        self._plan.record_request(message)
        return []


class _PlanningAttacher:
    """The :class:`~pytc.commands.shared.attacher.Attacher` of a plan. It looks at no hook and no pin."""

    def __init__(self, context: Context, plan: Plan) -> None:
        self._context = context
        self._plan = plan

    def check(self, target: Target, link: str = "") -> None:
        pass

    def choose(self, target: Target, reference: Reference | None) -> Choice:
        return Choice(reference)

    def attach(
        self,
        hook: Hook,
        program: OpenedProgram,
        *,
        sharing: Sharing | None = None,
        order: Order | None = None,
        relative: Choice | None = None,
        revision: int = 0,
        link: str = "",
    ) -> Callable[[], None]:
        words = self._added(hook, program, sharing)
        words += [_word("order", order)] if order is not None else []
        words += [_choice_word("relative", relative)] if relative is not None else []
        words += [_word("revision", revision)] if revision else []
        words += [_word("link", pin_path(self._context, link))] if link else []
        self._note("attach", "BPF_LINK_CREATE" if link else "BPF_PROG_ATTACH", words)
        return lambda: None

    def replace(
        self, hook: Hook, old: Choice, program: OpenedProgram, *, sharing: Sharing | None = None, revision: int = 0
    ) -> None:
        words = [*self._added(hook, program, sharing), _choice_word("old", old)]
        self._note("replace", "BPF_PROG_ATTACH or BPF_LINK_UPDATE", words)

    def detach(self, target: Target, which: Choice, *, revision: int = 0) -> None:
        self._note("detach", "BPF_PROG_DETACH", [*target.words(), _choice_word("which", which)])

    def _added(self, hook: Hook, program: OpenedProgram, sharing: Sharing | None) -> list[Part]:
        words = [*hook.words(), _word("program", self._plan.name_of(program))]
        return words if sharing is None else [*words, _word("sharing", sharing)]

    def _note(self, step: str, command: str, words: Sequence[Part]) -> None:
        fields = [Field("step", step, f"{step} "), Field("command", command, command), *words, Field("", text="\n")]
        self._plan.note(lambda: fields)


def _unseen_map(map: PlannedMap) -> str:
    """Return the note about a pinned map that could not be looked at."""
    try:
        os.lstat(map.path)
    except FileNotFoundError:
        return f'Note: nothing is pinned at "{map.path}" here, which map "{map.spec.name}" is to be'
    except OSError:
        pass
    return f'Note: map "{map.spec.name}" is pinned at "{map.path}", and {_UNSEEN}'


def _word(key: str, value: Json) -> Part:
    return Field(key, value, f" {key} {value}")


def _choice_word(key: str, choice: Choice) -> Part:
    return _word(key, f"{choice.reference.kind} {choice.reference.text}" if choice.reference is not None else "all")


def _load_document(path: str, load: PlannedLoad, exports: Sequence[str]) -> Document:
    fields: list[Part] = [
        Field("step", "load", "load "),
        Field("object", path, f"{path}\n"),
        ArrayField("maps", [_map_document(planned) for planned in load.maps]),
        ArrayField("programs", [_program_document(planned) for planned in load.programs]),
    ]
    if exports:
        fields.append(Field("exports", [*exports], "".join(f"\texport {path}\n" for path in exports)))
    return fields


def _map_document(planned: PlannedMap) -> Document:
    spec, name = planned.spec, map_type_name(planned.spec.type)
    fields = [
        Field("name", spec.name, f"\tmap {spec.name}: "),
        Field("type", name, name),
        Field("key_size", spec.key_size, f", key {spec.key_size}"),
        Field("value_size", spec.value_size, f", value {spec.value_size}"),
        Field("max_entries", planned.entries, f", max_entries {planned.entries}"),
    ]
    if planned.path:
        fate = planned.fate if planned.fate != UNSEEN else f"{CREATED} or reused"
        fields += [Field("pinned", planned.path, f", pinned {planned.path}"), Field("pin", planned.fate, f" ({fate})")]
    return [*fields, Field("", text="\n")]


def _program_document(planned: PlannedProgram) -> Document:
    program, type = planned.program, program_type_name(planned.type)
    fields = [
        Field("name", program.name, f"\tprogram {program.name}: "),
        Field("section", program.section, f"section {program.section}"),
        Field("type", type, f", type {type}"),
        Field("instructions", planned.instructions, f", {planned.instructions} instructions"),
    ]
    if planned.slot:
        fields.append(Field("slot", planned.slot, f", for {planned.slot}"))
    return [*fields, Field("", text="\n")]


def plan_command(
    plan: Plan, context: Context, command: Command, run: Callable[[Context, Command], object]
) -> list[Document]:
    """Return the steps of a command; one that only asks has none, and its words are all that is checked.

    ``run`` carries out the command, with a session and an attacher that note what they are asked to change.
    Raises PytcError as the command would.
    """
    plan.reset()
    if command.effect == "asks":
        return [[Field("step", "none", "nothing is changed\n")]]
    if command.effect not in ("attaches", "requests"):
        raise UsageError(
            'Option "-dry-run" is for qdisc, class, filter, chain, action, tcx, cgroup and netns, and '
            "for commands that only show"
        )
    run(context, command)
    return plan.steps()
