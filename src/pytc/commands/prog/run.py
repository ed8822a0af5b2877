"""``prog run``: a program on packets, by BPF_PROG_TEST_RUN."""

from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice

from pytc.bpf.run.test_run import Runner
from pytc.bpf.run.verdicts import Verdicts
from pytc.commands.prog.expectations import Checked, Expectations, Tally, field_values
from pytc.commands.prog.inputs import packets
from pytc.commands.prog.report import document, junit
from pytc.commands.prog.targets import Subject, map_of, open_subject
from pytc.commands.prog.values import Preset, RunOnPackets
from pytc.commands.shared.context import Context
from pytc.packets.capture import Packet
from pytc.render.documents import Document


def run_on_packets(context: Context, command: RunOnPackets) -> list[Document]:
    """Runs, compares with what is expected, and reports; the exit status says whether all was as expected. Raises
    PytcError."""
    subject = open_subject(context, command.target)
    runner = Runner(subject.program.fd, field_values(context, command.context))
    classes = subject.classes if command.classes is None else command.classes
    verdicts = Verdicts(runner.type, classes=classes)
    expected = Expectations(context, command, verdicts, runner.type)
    for name in command.dumps:
        map_of(subject, name)
    for preset in command.presets:
        _set(context, subject, preset)
    tally = _run(context, command, runner, verdicts, expected)
    failures = expected.missing(tally.packets)
    if runner.padded:
        context.notes.append(
            f"packets shorter than the kernel takes in a test run ({runner.padded} of them) were "
            f"filled up with zeros to {runner.minimum} bytes"
            + (" or to the end of their IP header" if runner.wants_ip_headers else "")
        )
    if command.junit:
        junit(command.junit, subject.name, tally.kept, failures)
    if failures or tally.failed:
        context.has_failed = True
    return [document(context, command, subject, tally, failures, expects=expected.any)]


def _run(context: Context, command: RunOnPackets, runner: Runner, verdicts: Verdicts, expected: Expectations) -> Tally:
    was = field_values(context, command.context)
    tally = Tally(keep_all=bool(command.junit) or not command.summary)
    with ExitStack() as stack:
        write = _writer(stack, command.write)
        source = context.own(packets(context, command.packets))
        for number, packet in enumerate(islice(source, command.limit or None), 1):
            run = runner.run(packet.data, repeat=command.repeat)
            tally.add(
                Checked(
                    number,
                    runner.unchanged(packet.data),
                    run,
                    verdicts.name(run.verdict),
                    was,
                    tuple(expected.check(number, run)),
                )
            )
            write(packet._replace(data=run.packet, length=len(run.packet), interface=0))
            context.progress(number, 0)
    return tally


def _writer(stack: ExitStack, path: str) -> Callable[[Packet], object]:
    if not path:
        return lambda packet: None
    from pytc.commands.shared.output_files import replacing
    from pytc.packets.link_types import ETHERNET
    from pytc.packets.writer import PcapWriter

    return PcapWriter(stack.enter_context(replacing(path)), ETHERNET).write


def _set(context: Context, subject: Subject, preset: Preset) -> None:
    from pytc.commands.map.elements import encoded, for_all_cpus
    from pytc.commands.map.refusals import refusals
    from pytc.commands.map.targets import key_bytes, with_types

    typed = with_types(context, map_of(subject, preset.map), key=preset.key_type, value=preset.value_type)
    for key_words, value_words in preset.entries:
        key = key_bytes(typed, key_words)
        data = encoded(typed.types.whole, for_all_cpus(typed, value_words), f'preset of map "{preset.map}": value')
        with refusals(typed, key):
            typed.map.update(key, data)
