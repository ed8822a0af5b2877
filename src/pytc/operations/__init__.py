"""One function for each command: load, attach, and undo in reverse when a step fails."""

from collections.abc import Callable, Iterable
from errno import EPERM
from functools import cache
from importlib import import_module

from pytc.commands import Command
from pytc.documents import Document, Stream
from pytc.errors import BpfError, BpfSyscallError
from pytc.operations.context import Context

Operation = Callable[[Context, Command], Iterable[Document] | Stream | None]

# Where the function for each command lives: imported when the command is run.
_HOMES = {
    "ModifyFilter": ("filters", "modify_filter"),
    "GetFilter": ("filter_show", "get_filter"),
    "ShowFilters": ("filter_show", "show_filters"),
    "ModifyChain": ("chains", "modify_chain"),
    "GetChain": ("chains", "get_chain"),
    "ShowChains": ("chains", "show_chains"),
    "ModifyQdisc": ("qdiscs", "modify_qdisc"),
    "ShowQdiscs": ("qdiscs", "show_qdiscs"),
    "ModifyClass": ("classes", "modify_class"),
    "ModifyActions": ("actions", "modify_actions"),
    "NamedActions": ("actions", "named_actions"),
    "ActionCommands": ("actions", "action_commands"),
    "ShowActions": ("actions", "show_actions"),
    "Monitor": ("monitor", "monitor"),
    "FlushActions": ("actions", "flush_actions"),
    "ShowClasses": ("classes", "show_classes"),
    "ShowObject": ("objects", "show_object"),
    "LintObject": ("objects", "lint_object"),
    "ConvertObject": ("objects", "convert_object"),
    "CompileExpression": ("cbpf", "compile_program"),
    "AssembleProgram": ("cbpf", "assemble_program"),
    "DisassembleProgram": ("cbpf", "disassemble_program"),
    "RunProgram": ("cbpf", "run_program"),
    "TranslateProgram": ("cbpf", "translate_program"),
    "ShowMaps": ("map_show", "show_maps"),
    "GetElement": ("map_elements", "get_element"),
    "SetElement": ("map_elements", "set_element"),
    "UpdateElements": ("map_load", "update_elements"),
    "DeleteElements": ("map_elements", "delete_elements"),
    "DumpMap": ("map_dump", "dump_map"),
    "LoadMap": ("map_load", "load_map"),
    "NextKey": ("map_elements", "next_key"),
    "WatchMap": ("map_watch", "watch_map"),
    "PinMap": ("map_pins", "pin_map"),
    "UnpinMap": ("map_pins", "unpin_map"),
    "PushValues": ("map_elements", "push_values"),
    "TakeValues": ("map_elements", "take_values"),
    "ReadEvents": ("map_events", "read_events"),
    "AttachTcx": ("tcx", "attach_tcx"),
    "ReplaceTcx": ("tcx", "replace_tcx"),
    "DetachTcx": ("tcx", "detach_tcx"),
    "ShowTcx": ("tcx_show", "show_tcx"),
    "ShowHooks": ("hooks", "show_hooks"),
    "AttachCgroup": ("cgroups", "attach_cgroup"),
    "DetachCgroup": ("cgroups", "detach_cgroup"),
    "ShowCgroup": ("cgroup_show", "show_cgroup"),
    "ShowCgroupTree": ("cgroup_show", "show_cgroup_tree"),
    "ShowLinks": ("links", "show_links"),
    "DetachLink": ("links", "detach_link"),
    "PinLink": ("links", "pin_link"),
    "UnpinLink": ("links", "unpin_link"),
    "UpdateLink": ("links", "update_link"),
    "RunOnPackets": ("prog_run", "run_on_packets"),
    "ShowPrograms": ("prog_show", "show_programs"),
    "DumpProgram": ("prog_dump", "dump_program"),
    "ProgramStatistics": ("prog_stats", "program_statistics"),
    "PinProgram": ("prog_pins", "pin_program"),
    "UnpinProgram": ("prog_pins", "unpin_program"),
    "ImportMaps": ("exec_import", "import_maps"),
    "FetchMaps": ("exec_import", "fetch_maps"),
    "ServeMaps": ("exec_agent", "serve_maps"),
    "ListKept": ("exec_agent", "list_kept"),
    "DropKept": ("exec_agent", "drop_kept"),
    "ReadTrace": ("exec_trace", "read_trace"),
    "GraftProgram": ("exec_graft", "graft_program"),
}


def run(context: Context, command: Command) -> Iterable[Document] | Stream | None:
    """Runs a command; returns what there is to show: a document for each object, which may be made only when its turn
    comes, or a stream, which has to be used before the context is closed; None for a command that shows nothing. Raises
    PytcError."""
    operation = _operation(type(command).__name__)
    if context.plan is not None:
        from pytc.operations.dry_run import planned

        return planned(context, command, operation)
    try:
        return operation(context, command)
    except BpfError as error:
        if error.errno == EPERM and not error.hints:
            from pytc.bpf.explain import permission_causes

            error.with_hints(*permission_causes(for_ids=_is_about_ids(error)))
        raise


@cache
def _operation(command: str) -> Operation:
    module, name = _HOMES[command]
    operation: Operation = getattr(import_module(f"{__name__}.{module}"), name)
    return operation


def _is_about_ids(error: BpfError) -> bool:
    refused = error if isinstance(error, BpfSyscallError) else error.__cause__
    return isinstance(refused, BpfSyscallError) and refused.command.endswith(("_GET_NEXT_ID", "_GET_FD_BY_ID"))
