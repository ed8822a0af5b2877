"""``--dry-run`` of tcx and cgroups: which bpf(2) commands there would be."""

from pytc.bpf.sys.cgroups import ATTACH_TYPES
from pytc.bpf.sys.constants import ProgramType
from pytc.commands.cgroup.attach import type_of
from pytc.commands.shared.attach_values import (
    AttachCgroup,
    AttachTcx,
    CgroupPlace,
    DetachCgroup,
    DetachTcx,
    Reference,
    ReplaceTcx,
)
from pytc.commands.shared.command import Command
from pytc.commands.shared.context import Context
from pytc.commands.shared.opened_programs import Wanted
from pytc.commands.shared.pins import pin_path
from pytc.commands.shared.programs import resolved
from pytc.commands.tcx.attach import SECTIONS
from pytc.render.documents import Field, Json, Part
from pytc.transaction.plan import Plan


def plan_attachment(context: Context, plan: Plan, command: Command) -> None:
    """Notes the steps of a command. Raises PytcError for words and objects that do not do."""
    if isinstance(command, (AttachTcx, ReplaceTcx, DetachTcx)):
        _tcx(context, plan, command)
    elif isinstance(command, (AttachCgroup, DetachCgroup)):
        _cgroup(context, plan, command)


def _tcx(context: Context, plan: Plan, command: AttachTcx | ReplaceTcx | DetachTcx) -> None:
    context.device_index(command.device)
    kind = "tcx" if command.hook in ("ingress", "egress") else "netkit"
    where = [_word("dev", command.device), Field("hook", command.hook, f" {kind} {command.hook}")]
    if isinstance(command, DetachTcx):
        _note(plan, "detach", "BPF_PROG_DETACH", [*where, *_which("which", command.which)])
        return
    wanted = Wanted(resolved(command.source), ProgramType.SCHED_CLS, SECTIONS[command.hook])
    program = plan.name_of(plan.program(context, wanted))
    if isinstance(command, ReplaceTcx):
        _note(
            plan,
            "replace",
            "BPF_PROG_ATTACH or BPF_LINK_UPDATE",
            [*where, _word("program", program), *_which("old", command.old)],
        )
        return
    order = command.order
    _note(
        plan,
        "attach",
        "BPF_LINK_CREATE" if command.link else "BPF_PROG_ATTACH",
        [
            *where,
            _word("program", program),
            _word("order", order.where),
            *(_which("relative", order.reference) if order.reference is not None else ()),
            *([_word("revision", command.revision)] if command.revision else ()),
            *_link(context, command.link),
        ],
    )


def _cgroup(context: Context, plan: Plan, command: AttachCgroup | DetachCgroup) -> None:
    where = [_place(command.place)]
    if isinstance(command, DetachCgroup):
        attach = [_word("type", command.attach)] if command.attach else []
        _note(plan, "detach", "BPF_PROG_DETACH", [*where, *attach, *_which("which", command.which)])
        return
    known = ATTACH_TYPES.get(command.attach)
    wanted = Wanted(resolved(command.source), ProgramType.UNSPEC, ())
    if known is not None:
        wanted = Wanted(wanted.source, known.program, known.sections, known.number)
    program = plan.program(context, wanted)
    type = known or type_of(program)
    how = "BPF_LINK_CREATE" if command.link else "BPF_PROG_ATTACH"
    _note(
        plan,
        "replace" if command.old is not None else "attach",
        how,
        [
            *where,
            _word("type", type.word),
            _word("program", plan.name_of(program)),
            _word("sharing", command.sharing),
            *(_which("old", command.old) if command.old is not None else ()),
            *_link(context, command.link),
        ],
    )


def _note(plan: Plan, step: str, command: str, words: list[Part]) -> None:
    plan.note([Field("step", step, f"{step} "), Field("command", command, command), *words, Field("", text="\n")])


def _word(key: str, value: Json) -> Part:
    return Field(key, value, f" {key} {value}")


def _place(place: CgroupPlace) -> Part:
    return _word("pid", place.pid) if place.pid else _word("cgroup", place.path)


def _which(key: str, reference: Reference | None) -> list[Part]:
    return [_word(key, f"{reference.kind} {reference.text}" if reference is not None else "all")]


def _link(context: Context, path: str) -> list[Part]:
    return [_word("link", pin_path(context, path))] if path else []
