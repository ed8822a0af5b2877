"""One function for each command: load, attach, and undo in reverse when a step fails."""

from collections.abc import Callable, Iterable
from errno import EPERM
from functools import cache
from importlib import import_module

from pytc.commands.shared.context import Context
from pytc.commands.values import Command
from pytc.errors import BpfError, BpfSyscallError
from pytc.render.documents import Document, Stream

Operation = Callable[[Context, Command], Iterable[Document] | Stream | None]

# Where the function for each command lives: imported when the command is run.
_HOMES = {
    "ModifyFilter": ("filter.modify", "modify_filter"),
    "GetFilter": ("filter.show", "get_filter"),
    "ShowFilters": ("filter.show", "show_filters"),
    "ModifyChain": ("chain.chains", "modify_chain"),
    "GetChain": ("chain.chains", "get_chain"),
    "ShowChains": ("chain.chains", "show_chains"),
    "ModifyQdisc": ("qdisc.qdiscs", "modify_qdisc"),
    "ShowQdiscs": ("qdisc.qdiscs", "show_qdiscs"),
    "ModifyClass": ("class_.classes", "modify_class"),
    "ModifyActions": ("action.actions", "modify_actions"),
    "NamedActions": ("action.actions", "named_actions"),
    "ActionCommands": ("action.actions", "action_commands"),
    "ShowActions": ("action.actions", "show_actions"),
    "Monitor": ("monitor.monitor", "monitor"),
    "FlushActions": ("action.actions", "flush_actions"),
    "ShowClasses": ("class_.classes", "show_classes"),
    "ShowObject": ("object.objects", "show_object"),
    "LintObject": ("object.objects", "lint_object"),
    "ConvertObject": ("object.objects", "convert_object"),
    "CompileExpression": ("cbpf.cbpf", "compile_program"),
    "AssembleProgram": ("cbpf.cbpf", "assemble_program"),
    "DisassembleProgram": ("cbpf.cbpf", "disassemble_program"),
    "RunProgram": ("cbpf.cbpf", "run_program"),
    "TranslateProgram": ("cbpf.cbpf", "translate_program"),
    "ShowMaps": ("map.show", "show_maps"),
    "GetElement": ("map.elements", "get_element"),
    "SetElement": ("map.elements", "set_element"),
    "UpdateElements": ("map.load", "update_elements"),
    "DeleteElements": ("map.elements", "delete_elements"),
    "DumpMap": ("map.dump", "dump_map"),
    "LoadMap": ("map.load", "load_map"),
    "NextKey": ("map.elements", "next_key"),
    "WatchMap": ("map.watch", "watch_map"),
    "PinMap": ("map.pins", "pin_map"),
    "UnpinMap": ("map.pins", "unpin_map"),
    "PushValues": ("map.elements", "push_values"),
    "TakeValues": ("map.elements", "take_values"),
    "ReadEvents": ("map.events", "read_events"),
    "AttachTcx": ("tcx.attach", "attach_tcx"),
    "ReplaceTcx": ("tcx.attach", "replace_tcx"),
    "DetachTcx": ("tcx.attach", "detach_tcx"),
    "ShowTcx": ("tcx.show", "show_tcx"),
    "ShowHooks": ("hooks.show", "show_hooks"),
    "AttachCgroup": ("cgroup.attach", "attach_cgroup"),
    "DetachCgroup": ("cgroup.attach", "detach_cgroup"),
    "ShowCgroup": ("cgroup.show", "show_cgroup"),
    "ShowCgroupTree": ("cgroup.show", "show_cgroup_tree"),
    "ShowLinks": ("link.links", "show_links"),
    "DetachLink": ("link.links", "detach_link"),
    "PinLink": ("link.links", "pin_link"),
    "UnpinLink": ("link.links", "unpin_link"),
    "UpdateLink": ("link.links", "update_link"),
    "RunOnPackets": ("prog.run", "run_on_packets"),
    "ShowPrograms": ("prog.show", "show_programs"),
    "DumpProgram": ("prog.dump", "dump_program"),
    "ProgramStatistics": ("prog.stats", "program_statistics"),
    "PinProgram": ("prog.pins", "pin_program"),
    "UnpinProgram": ("prog.pins", "unpin_program"),
    "ImportMaps": ("exec.import_", "import_maps"),
    "FetchMaps": ("exec.import_", "fetch_maps"),
    "ServeMaps": ("exec.agent", "serve_maps"),
    "ListKept": ("exec.agent", "list_kept"),
    "DropKept": ("exec.agent", "drop_kept"),
    "ReadTrace": ("exec.debug", "read_trace"),
    "GraftProgram": ("exec.graft", "graft_program"),
}


def run(context: Context, command: Command) -> Iterable[Document] | Stream | None:
    """Runs a command; returns what there is to show: a document for each object, which may be made only when its turn
    comes, or a stream, which has to be used before the context is closed; None for a command that shows nothing. Raises
    PytcError."""
    operation = _operation(type(command).__name__)
    if context.plan is not None:
        from pytc.transaction.plan import planned

        return planned(context, command, operation)
    try:
        return operation(context, command)
    except BpfError as error:
        if error.errno == EPERM and not error.hints:
            from pytc.bpf.loader.explain import permission_causes

            error.with_hints(*permission_causes(for_ids=_is_about_ids(error)))
        raise


@cache
def _operation(command: str) -> Operation:
    module, name = _HOMES[command]
    operation: Operation = getattr(import_module(f"pytc.commands.{module}"), name)
    return operation


def _is_about_ids(error: BpfError) -> bool:
    refused = error if isinstance(error, BpfSyscallError) else error.__cause__
    return isinstance(refused, BpfSyscallError) and refused.command.endswith(("_GET_NEXT_ID", "_GET_FD_BY_ID"))
