"""Load an object into the kernel: maps, programs, slots. All or nothing.

All maps of an object are created, but only the programs that the caller names and those that their tail calls reach are
submitted: real objects hold programs that do not load on every kernel.

:func:`load` takes visible steps; each leaves what it made with :class:`Loaded`. A failure closes and unpins all of it.
"""

from __future__ import annotations

import errno

from pytc.bpf.kernel.features import Features
from pytc.bpf.link.linker import calls_modules, patch
from pytc.bpf.link.prepare import Prepared, prepare, wanted_maps
from pytc.bpf.link.tail_calls import type_of
from pytc.bpf.loader.btf_upload import kernel_image, upload
from pytc.bpf.loader.prog_load import submit
from pytc.bpf.loader.program import Program
from pytc.bpf.maps.map import create_map, explain_types
from pytc.bpf.maps.pin_compat import open_pinned
from pytc.bpf.maps.pinning import PinRoot, check_pin
from pytc.bpf.object.names import kernel_map_name
from pytc.bpf.object.spec import DATA, KCONFIG, PIN_NONE
from pytc.bpf.sys.constants import MapType, ProgramType
from pytc.bpf.sys.info import program_by_id
from pytc.closing import Closing
from pytc.contexts import ExitStack
from pytc.errors import BpfSyscallError, MapDefinitionError, ObjectError, PinError, VerifierError, strerror
from pytc.typing import TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytc.bpf.loader.object_cache import ObjectCache
    from pytc.bpf.maps.map import Map
    from pytc.bpf.object.spec import FunctionSpec, MapSpec, ObjectSpec, ProgramSpec

# Errors that say nothing of a map: the same call can succeed the next time.
_SHORTAGES = (errno.EINTR, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOSPC)
_Owned = TypeVar("_Owned", bound=Closing)


class Loaded(Closing):
    """Loaded programs with their maps; owns all descriptors. Close it, or use it in a ``with`` block.

    ``programs`` are those that the caller named, in that order, and ``logs`` the verifier's words about each;
    ``program`` and ``log`` are the first. ``maps`` are by name, ``notes`` say what a user should know.

    Closing keeps pins; :meth:`undo` removes those that this load created, for callers whose next step failed.
    :meth:`commit` moves pins of program arrays that existed before to the arrays of this load, once the new program is
    in its place: until then, a running program keeps its old targets. It also ends the lock of pins, and with it undo.
    """

    def __init__(self, spec: ObjectSpec, pins: PinRoot) -> None:
        self.spec = spec
        self.programs: list[Program] = []
        self.logs: list[str] = []
        self.maps: dict[str, Map] = {}
        self.notes: list[str] = []
        self._pins = pins
        self._owned = ExitStack()
        self._moves: dict[str, Map] = {}

    @property
    def program(self) -> Program:
        """The first program; raises ObjectError where none is loaded."""
        if not self.programs:
            raise ObjectError("no program is loaded")
        return self.programs[0]

    @property
    def log(self) -> str:
        """The verifier's log of the first program; empty without ``verbose``."""
        return self.logs[0] if self.logs else ""

    def __repr__(self) -> str:
        return f"<Loaded {self.spec.name!r} programs {self.programs!r} maps {', '.join(self.maps) or 'none'}>"

    def own(self, item: _Owned) -> _Owned:
        """Take over a map, a program or another descriptor; returns it."""
        self._owned.callback(item.close)
        return item

    def close(self) -> None:
        """Close every descriptor; pinned and attached objects live on."""
        self._pins.release()
        self._owned.close()

    def commit(self) -> None:
        """Move the pins of program arrays, and let other loads look at pins; a second call does nothing.

        Raises PinError where a rename(2) fails; then the new array stays pinned beside the old one.
        """
        failure = None
        while self._moves:
            path, _ = self._moves.popitem()
            try:
                self._pins.move(path)
            except PinError as error:
                failure = failure or error
        self._pins.release()
        if failure is not None:
            raise failure

    @property
    def moves(self) -> dict[str, Map]:
        """The pins that :meth:`commit` would move, each with its new map."""
        return dict(self._moves)

    @property
    def pins(self) -> tuple[str, ...]:
        """The pins that this load created, and the directories and links for them, in the order of their creation."""
        return self._pins.created

    def undo(self, error: BaseException | None = None) -> None:
        """Remove the pins that this load made; for callers whose next step failed with ``error``."""
        self._pins.undo(error)


def load(
    spec: ObjectSpec,
    program: ProgramSpec,
    *,
    type: ProgramType = ProgramType.UNSPEC,
    pins: PinRoot | None = None,
    verbose: bool = False,
    kernel_btf: str = "",
    commit: bool = True,
    stays_open: bool = False,
    features: Features | None = None,
    cache: ObjectCache | None = None,
) -> Loaded:
    """Load a program, the programs that its tail calls reach, and all maps of its object.

    Arguments: ``type`` overrides the type that the section's name implies. ``pins`` is the bpffs for pinned maps, by
    default :class:`PinRoot`'s. ``verbose`` fetches the verifier's log also on success, into ``Loaded.log``.
    ``kernel_btf`` names a file with the kernel's types where /sys/kernel/btf/vmlinux is missing. With ``commit`` False,
    the caller calls :meth:`Loaded.commit` after it has put the program into its place; until then, other loads
    wait for its pins. ``stays_open`` says that the result stays open while the program runs, so that tail calls work
    without pins: nothing is to be noted about them. ``features`` carries knowledge of the kernel from one load to the
    next, ``cache`` knowledge of the object.

    Returns the loaded programs and maps, for the caller to close. Raises BpfSyscallError, MapMismatchError, PinError,
    VerifierError or ObjectError; then nothing is left behind.
    """
    return load_programs(
        spec,
        [(program, type)],
        pins=pins.fresh() if pins is not None else None,
        verbose=verbose,
        kernel_btf=kernel_btf,
        commit=commit,
        stays_open=stays_open,
        features=features,
        cache=cache,
    )


def load_programs(
    spec: ObjectSpec,
    programs: Sequence[tuple[ProgramSpec, ProgramType]],
    *,
    pins: PinRoot | None = None,
    verbose: bool = False,
    kernel_btf: str = "",
    commit: bool = True,
    used_only: bool = False,
    stays_open: bool = False,
    features: Features | None = None,
    cache: ObjectCache | None = None,
) -> Loaded:
    """Load several programs of an object, which then share its maps.

    Each program comes with its type, UNSPEC for the type that the section's name implies. One that is named twice with
    the same type is loaded once. With ``used_only``, a map that none of the programs uses and that is not pinned is
    left out. ``pins`` are for this load alone: a caller that a signal may interrupt before it has the result removes by
    them what the load has pinned. Other arguments, results and errors are those of :func:`load`.
    """
    loaded = Loaded(spec, pins if pins is not None else PinRoot())
    loading = _Loading(loaded, verbose=verbose, features=features, cache=cache)
    try:
        typed_programs = [(program, type_of(program, type)) for program, type in programs]
        loading.prepare(typed_programs, kernel_btf)
        loading.load_btf()
        loading.make_maps(used_only=used_only)
        loading.fill_data_maps()
        loading.load_programs(typed_programs)
        loading.fill_slots()
        if not stays_open:
            loading.note_lost_slots()
        if commit:
            loaded.commit()
    except BaseException as error:
        loaded.undo(error)
        loaded.close()
        if isinstance(error, (VerifierError, BpfSyscallError)) and loading.btf_refusal:
            error.with_hints(
                f"the kernel refused the object's type information, so nothing has types: {loading.btf_refusal}"
            )
        raise
    return loaded


class _Loading:
    """The steps of one load, and what they pass on."""

    def __init__(self, loaded: Loaded, *, verbose: bool, features: Features | None, cache: ObjectCache | None) -> None:
        self._loaded = loaded
        self._spec = loaded.spec
        self._verbose = verbose
        self._cache = cache
        self._features = features if features is not None else cache.features if cache is not None else Features()
        self._prepared = Prepared([], [], [], {}, [], is_cacheable=False)
        self._modules: dict[int, int] = {}
        self._btf_fd = 0
        #: What the kernel said of the object's BTF, if it refused it.
        self.btf_refusal = ""
        self._programs: dict[tuple[FunctionSpec, ProgramType], Program] = {}

    def prepare(self, programs: Sequence[tuple[ProgramSpec, ProgramType]], kernel_btf: str) -> None:
        """Link the programs, and find what they use of the kernel."""
        make = prepare if self._cache is None else self._cache.prepared
        self._prepared = make(self._spec, programs, kernel_btf, self._open_module)

    def _open_module(self, number: int) -> int:
        """Return the descriptor of a module's types by their id; the same one each time."""
        if number not in self._modules:
            from pytc.bpf.sys.info import btf_by_id

            self._modules[number] = self._loaded.own(btf_by_id(number)).fd
        return self._modules[number]

    def load_btf(self) -> None:
        """Upload the object's BTF. A kernel that refuses it may still take the program: that is a note, not an
        error."""
        if self._spec.btf is None or "btf" in self._features.missing:
            return
        try:
            fd = self._cache.btf(self._spec) if self._cache is not None else None
            if fd is None:
                own = upload(kernel_image(self._spec, self._spec.btf), self._features)
                fd = own.fd
                self._loaded.own(own)
        except BpfSyscallError as error:
            if error.errno != errno.EPERM:
                self.btf_refusal = error.hints[0] if error.hints else strerror(error.errno or 0)
            what = "".join(f": {sentence}" for sentence in error.hints)
            self._loaded.notes.append(f"{error}{what}; going on without type information")
            return
        self._btf_fd = fd

    def make_maps(self, *, used_only: bool) -> None:
        """Open or create the object's maps.

        The kernel may refuse one that no loaded program uses; with ``used_only``, that is created only for its pin.
        """
        # A command that attaches creates only maps that are used, pinned or exported: nobody would ever see the others.
        used = self._prepared.used
        specs = self._in_order()
        for spec in wanted_maps(specs, used) if used_only else specs:
            if spec.problem:
                if spec.name in used:
                    raise MapDefinitionError(spec.problem)
                self._loaded.notes.append(f"{spec.problem}; no loaded program uses it")
                continue
            try:
                self._loaded.maps[spec.name] = self._loaded.own(self._open_or_create(spec))
            except BpfSyscallError as error:
                if spec.name in used or error.errno in _SHORTAGES:
                    raise
                cause = f" ({error.hints[0]})" if error.hints else ""
                self._loaded.notes.append(f"{error}{cause}; no loaded program uses it")
        self._loaded.notes += self._loaded._pins.remarks

    def _in_order(self) -> list[MapSpec]:
        """Return the maps in the object's order, but a map-in-map after the others: it needs its template first."""
        specs = list(self._spec.maps.values())
        return [s for s in specs if s.inner is None] + [s for s in specs if s.inner is not None]

    def _open_or_create(self, spec: MapSpec, attempts: int = 5) -> Map:
        if spec.reuse:
            check_pin(spec.reuse)
            reused = open_pinned(spec, spec.reuse)
            if reused is None:
                raise PinError(f'map "{spec.name}": nothing is pinned at "{spec.reuse}"', errno=errno.ENOENT)
            return reused
        path = self._loaded._pins.path_for(spec, self._spec) if spec.pinning != PIN_NONE else ""
        if path:
            self._loaded._pins.lock()
            self._loaded._pins.check(path)
        pinned = open_pinned(spec, path) if path else None
        if pinned is not None and spec.name not in self._filled_arrays():
            return pinned
        if pinned is not None:
            with pinned:
                return self._renew(spec, path, pinned)
        created = self._create(spec)
        try:
            if path:
                self._pin(spec, created, path)
        except BaseException as error:
            created.close()
            if isinstance(error, PinError) and error.errno == errno.EEXIST and attempts > 1:
                return self._open_or_create(spec, attempts - 1)  # another process was faster: use its map
            raise
        return created

    def _pin(self, spec: MapSpec, map: Map, path: str) -> None:
        try:
            self._loaded._pins.pin(path, map.fd)
        except BpfSyscallError as error:
            raise PinError(f'map "{spec.name}": {error}', errno=error.errno) from error

    def _filled_arrays(self) -> set[str]:
        """Return the names of the program arrays that this load puts programs into."""
        return {call.map_name for call, _ in self._prepared.tail_calls}

    def _renew(self, spec: MapSpec, path: str, old: Map) -> Map:
        """Create a program array in place of a pinned one, with its contents in the slots that this load does not fill.

        The pinned one stays as it is: packets that run through it now keep their targets.
        """
        array = self._create(spec)
        filled = {call.slot for call, _ in self._prepared.tail_calls if call.map_name == spec.name}
        try:
            for key, value in old.items():
                if int.from_bytes(key, "little") not in filled:
                    with program_by_id(int.from_bytes(value, "little")) as program:
                        array.update(key, program.fd.to_bytes(4, "little"))
            self._loaded._pins.pin_beside(path, array.fd)
        except BaseException:
            array.close()
            raise
        self._loaded._moves[path] = array
        return array

    def _create(self, spec: MapSpec) -> Map:
        if spec.inner is not None:
            with self._make(spec.inner._replace(pinning=0)) as template:
                return self._make(spec, template.fd)
        created = self._make(spec)
        if spec.type == MapType.ARENA:
            try:
                created.fill_arena(spec.contents)
            except BaseException:
                created.close()
                raise
        return created

    def _make(self, spec: MapSpec, inner_fd: int = 0) -> Map:
        name = kernel_map_name(spec, self._spec.name)
        try:
            return create_map(spec, name, btf_fd=self._btf_fd, inner_fd=inner_fd, features=self._features)
        except BpfSyscallError as error:
            explain_types(error, spec, self._spec.btf if self._btf_fd else None)
            raise

    def fill_data_maps(self) -> None:
        """Put the bytes of data sections into their maps, and freeze the read-only ones."""
        for map in self._loaded.maps.values():
            spec = map.spec
            if spec is None or spec.origin != DATA:
                continue
            contents = self._settings(spec) if spec.name == KCONFIG else spec.contents
            if contents:
                map.update(bytes(4), contents)
            if spec.frozen:
                _freeze(map)

    def _settings(self, spec: MapSpec) -> bytes:
        from pytc.bpf.kernel.kconfig import kernel_settings

        references = (reference for program in self._prepared.programs for reference in program.maps)
        used = frozenset(reference.offset for reference in references if reference.name == KCONFIG)
        return kernel_settings(self._spec, spec.value_size, self._features, used)

    def load_programs(self, programs: Iterable[tuple[ProgramSpec, ProgramType]]) -> None:
        """Submit each program to the verifier."""
        fds = {name: map.fd for name, map in self._loaded.maps.items()}
        numbers = {extern.name: extern.number for extern in self._spec.externs.values()}
        logs: dict[tuple[FunctionSpec, ProgramType], str] = {}
        for linked, type in zip(self._prepared.programs, self._prepared.types, strict=True):
            modules = self._prepared.module_fds if calls_modules(linked, self._prepared.externs) else []
            code = patch(linked, fds, self._prepared.externs, numbers)
            key = linked.program.function, type
            descriptor, logs[key] = submit(
                self._spec,
                linked,
                code,
                type,
                btf_fd=self._btf_fd,
                module_fds=modules,
                verbose=self._verbose,
                features=self._features,
            )
            self._programs[key] = self._loaded.own(Program(descriptor, linked.program))
        for program, type in programs:
            self._loaded.programs.append(self._programs[program.function, type])
            self._loaded.logs.append(logs[program.function, type])

    def fill_slots(self) -> None:
        """Put programs into program arrays, and maps into maps-in-maps."""
        for call, type in self._prepared.tail_calls:
            self._fill(
                call.map_name,
                call.slot,
                self._programs[call.program.function, type].fd,
                f'program "{call.program.name}"',
            )
        for map in self._loaded.maps.values():
            spec = map.spec
            if spec is None or spec.inner is None:
                continue
            for index, name in spec.slots:
                member = self._loaded.maps.get(name)
                if member is None:
                    raise ObjectError(f'map "{spec.name}" wants map "{name}" in slot {index}; there is no such map')
                self._fill(spec.name, index, member.fd, f'map "{name}"', member.spec)

    def _fill(self, map_name: str, index: int, fd: int, what: str, member: MapSpec | None = None) -> None:
        target = self._loaded.maps[map_name]
        try:
            target.update(index.to_bytes(4, "little"), fd.to_bytes(4, "little"))
        except OverflowError:
            raise ObjectError(f'map "{map_name}": slot {index} is out of range') from None
        except BpfSyscallError as error:
            from pytc.bpf.loader.circumstances import slot_refusal

            raise slot_refusal(error, target, index, what, member) from error

    def note_lost_slots(self) -> None:
        """Note program arrays that are emptied once the load is closed."""
        for name in sorted(self._filled_arrays()):
            spec = self._spec.maps[name]
            if not spec.pinning and not spec.reuse:
                self._loaded.notes.append(
                    f'program array "{name}" is not pinned: the kernel empties it when the last descriptor is '
                    "closed, and its tail calls then fall through"
                )


def _freeze(map: Map) -> None:
    try:
        map.freeze()
    except BpfSyscallError as error:
        # v5.2 brought BPF_MAP_FREEZE (commit 87df15de441b); before it, nothing keeps user space from writing.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
