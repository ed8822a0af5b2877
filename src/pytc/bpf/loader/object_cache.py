"""Cache objects, linked programs and types for repeated loads."""

from __future__ import annotations

from pytc.bpf.kernel.features import Features
from pytc.bpf.link.prepare import prepare
from pytc.bpf.loader.btf_upload import kernel_image, upload
from pytc.bpf.object import elf
from pytc.bpf.object.reader import read_object_bytes
from pytc.closing import Closing
from pytc.errors import ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytc.bpf.link.prepare import Prepared
    from pytc.bpf.loader.replay import Replay
    from pytc.bpf.object.spec import ObjectSpec, ProgramSpec
    from pytc.bpf.sys.constants import ProgramType
    from pytc.bpf.sys.descriptor import OwnedFd

_MOST_OBJECTS = 16
_MOST_LINKED = 64


class ObjectCache(Closing):
    """A cache for repeated loads: objects, their linked programs, and their types in the kernel. Close it, or use it in
    a ``with`` block.

    A file is read each time, and its cache entry serves as long as the bytes are the same: size and times can stay
    where contents do not. Each load creates its own maps and programs. Parameters (:mod:`pytc.bpf.object.parameters`)
    may differ from load to load. Results that depend on which modules the kernel has loaded are not cached.

    >>> with ObjectCache() as cache:
    ...     for port in 80, 443:
    ...         spec = parameterise(cache.read("bpf.o"), Parameters({"port": port}))
    ...         load(spec, select_program(spec), cache=cache)
    """

    def __init__(self) -> None:
        self.features = Features()
        self._objects: dict[tuple[str, str], CachedObject] = {}

    def read(self, path: str, *, layout20: str = "") -> ObjectSpec:
        """Read an object like :func:`pytc.bpf.read_object`, with the same errors."""
        data = elf.read_file(path)
        cached = self._objects.get((path, layout20))
        if cached is not None and cached.spec.image == data:
            return cached.spec
        spec = read_object_bytes(data, path, layout20=layout20)
        self._forget((path, layout20))
        if len(self._objects) >= _MOST_OBJECTS:
            self._forget(next(iter(self._objects)))
        self._objects[path, layout20] = CachedObject(spec)
        return spec

    def prepared(
        self,
        spec: ObjectSpec,
        programs: Sequence[tuple[ProgramSpec, ProgramType]],
        kernel_btf: str,
        open_module: Callable[[int], int],
    ) -> Prepared:
        """Prepare an object like :func:`pytc.bpf.link.prepare.prepare`."""
        cached, key = self._entry_of(spec), (tuple(programs), kernel_btf)
        if cached is not None and key in cached.prepared:
            return cached.prepared[key]
        result = prepare(spec, programs, kernel_btf, open_module)
        if cached is not None and result.is_cacheable and len(cached.prepared) < _MOST_LINKED:
            cached.prepared[key] = result
        return result

    def btf(self, spec: ObjectSpec) -> int | None:
        """Return the descriptor of an object's types in the kernel, which the cache owns; None for an object it did not
        read.

        Raises BpfSyscallError.
        """
        cached = self._entry_of(spec)
        if cached is None or spec.btf is None:
            return None
        if cached.btf is None:
            cached.btf = upload(kernel_image(spec, spec.btf), self.features)
        return cached.btf.fd

    def store_replay(
        self, choice: object, spec: ObjectSpec, programs: Sequence[tuple[ProgramSpec, ProgramType]], layout20: str = ""
    ) -> None:
        """Store the replay of a successful load: that of ``choice`` in an object in the form it was read, with its
        parameters."""
        cached = self._objects.get((spec.path, layout20))
        if (
            cached is not None
            and spec is cached.spec
            and choice not in cached.replays
            and len(cached.replays) < _MOST_LINKED
        ):
            cached.replays[choice] = self._replay(cached, programs)

    def find_replay(self, path: str, choice: object, layout20: str = "") -> CachedReplay | None:
        """Return the replay of a choice; None if it must be loaded from scratch."""
        cached = self._objects.get((path, layout20))
        return None if cached is None else cached.replays.get(choice)

    def _replay(self, cached: CachedObject, programs: Sequence[tuple[ProgramSpec, ProgramType]]) -> CachedReplay | None:
        from pytc.bpf.loader.replay import replay_of

        prepared = cached.prepared.get((tuple(programs), ""))
        if prepared is None or len(programs) != 1:
            return None
        replay = replay_of(cached.spec, prepared, cached.btf.fd if cached.btf is not None else 0, self.features)
        return None if replay is None else CachedReplay(cached, replay, *programs[0])

    def _entry_of(self, spec: ObjectSpec) -> CachedObject | None:
        """Return the cache entry of the object that a spec was made from."""
        return next((cached for cached in self._objects.values() if cached.is_of(spec)), None)

    def _forget(self, key: tuple[str, str]) -> None:
        cached = self._objects.pop(key, None)
        if cached is not None:
            cached.close()

    def close(self) -> None:
        """Forget everything, and close the descriptors of types."""
        while self._objects:
            self._forget(next(iter(self._objects)))


class CachedObject:
    """An object, and the results of work on it."""

    def __init__(self, spec: ObjectSpec) -> None:
        self.spec = spec
        self.prepared: dict[object, Prepared] = {}
        self.replays: dict[object, CachedReplay | None] = {}
        self.btf: OwnedFd | None = None
        self.is_closed = False
        self._maps = _shapes(spec)

    def close(self) -> None:
        """Close the descriptor of its types; replays of it are void."""
        self.is_closed = True
        # Each replay refers to this object. The cycle would hold megabytes until the garbage collector runs, and
        # commands have it run rarely (pytc.cli.main).
        self.replays.clear()
        if self.btf is not None:
            self.btf.close()

    def is_of(self, spec: ObjectSpec) -> bool:
        """Return whether everything that linking and types depend on is the same."""
        own = self.spec
        if spec is own:
            return True
        return (
            spec.image is own.image
            and spec.sections is own.sections
            and spec.programs is own.programs
            and spec.externs is own.externs
            and spec.btf is own.btf
            and spec.btf_ext is own.btf_ext
            and _shapes(spec) == self._maps
        )


class CachedReplay:
    """A replay of a program's load, valid as long as its file does not change."""

    def __init__(self, cached: CachedObject, replay: Replay, program: ProgramSpec, type: ProgramType) -> None:
        self._object = cached
        self._replay = replay
        self.program = program
        self.type = type

    @property
    def spec(self) -> ObjectSpec:
        """The object of the program."""
        return self._object.spec

    def load(self) -> OwnedFd | None:
        """Load the program; returns its descriptor, or None where the file has changed or the kernel refuses something.

        A load from scratch then finds the reason.
        """
        if self._object.is_closed:
            return None
        try:
            if elf.read_file(self.spec.path) != self.spec.image:
                return None
        except ObjectError:
            return None
        return self._replay.load()


def _shapes(spec: ObjectSpec) -> list[tuple[object, ...]]:
    return [
        (declared.name, declared.type, declared.id, declared.slots, declared.value_size)
        for declared in spec.maps.values()
    ]
