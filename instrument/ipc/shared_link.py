"""The link itself: all that the processes share, laid out in one memory. Between hands, sound and stage.

show:   with Link.create() as link: subprocess.Popen([..., link.token], pass_fds=link.fds)
child:  link = Link.attach(token)
"""

from __future__ import annotations

from types import TracebackType
from zlib import crc32

from instrument.base.errors import RosinError
from instrument.ipc.health import COUNTERS, ROW_BYTES, TEXTS, Health
from instrument.ipc.memo import Memo
from instrument.ipc.memory import SharedMemory
from instrument.ipc.names import Names
from instrument.ipc.records import FRAME, GESTURE
from instrument.ipc.rings import CACHE_LINE, FrameRing, GestureRing
from instrument.ipc.texts import TextRing

GESTURES = 4096
FRAMES = 64
NAMES = 256
MEMOS = ("bindings", "hands", "sound", "patchbay")
"""What is written down for a successor: what the hands have learned, what else they know, what the sound knows, how
its ports are connected."""
_MARK = int.from_bytes(b"rosin 1\n", "little")
# Two versions of the program must not read each other's memory; the child is started by the parent, so it is rare.
_SIZES = (GESTURES, FRAMES, ROW_BYTES, GestureRing.HEAD, Memo.size(), MEMOS, NAMES)
_LAYOUT = crc32(repr((_SIZES, GESTURE.format, FRAME.descr, COUNTERS, TEXTS)).encode())


class Link:
    """``hands``, ``stage``, ``shows``: gesture rings, one per process that makes gestures; ``sound`` pops all three.
    ``names``: those of which the hands' gestures carry the numbers. ``frames``: what sound publishes. ``health``: a
    row per process. ``memos``: by name, what each process leaves to the one that takes over from it."""

    def __init__(self, memory: SharedMemory) -> None:
        self._memory = memory
        at = CACHE_LINE
        rings = []
        for _ in range(3):
            rings.append(GestureRing(memory, at, GESTURES))
            at += GestureRing.size(GESTURES)
        self.hands, self.stage, self.shows = rings
        self.frames = FrameRing(memory, at, FRAMES)
        at += FrameRing.size(FRAMES)
        self.health = Health(memory.bytes, memory.words, at)
        at += Health.size()
        self.memos = {name: Memo(memory, at + i * Memo.size()) for i, name in enumerate(MEMOS)}
        self.names = Names(TextRing(memory.bytes, memory.words, at + len(MEMOS) * Memo.size(), NAMES))

    @staticmethod
    def size() -> int:
        rings = 3 * GestureRing.size(GESTURES) + FrameRing.size(FRAMES)
        return CACHE_LINE + rings + Health.size() + len(MEMOS) * Memo.size() + TextRing.size(NAMES)

    @classmethod
    def create(cls) -> Link:
        memory = SharedMemory.create(cls.size())
        memory.words[0], memory.words[1] = _MARK, _LAYOUT
        return cls(memory)

    @classmethod
    def attach(cls, token: str) -> Link:
        """RosinError if this process was not given the memory, or another version of the program laid it out."""
        return cls._checked(SharedMemory.attach(token))

    @classmethod
    def _checked(cls, memory: SharedMemory) -> Link:
        if memory.size < cls.size() or (memory.words[0], memory.words[1]) != (_MARK, _LAYOUT):
            memory.close()
            raise RosinError("the link was made by another version of Rosin; stop every `rosin` and start again")
        return cls(memory)

    @property
    def token(self) -> str:
        """Text for a child's command line; it is of use only with ``fds``."""
        return self._memory.token

    @property
    def fds(self) -> tuple[int, ...]:
        """Give it to subprocess.Popen as ``pass_fds``."""
        return self._memory.fds

    def close(self) -> None:
        """Let go of the memory; twice does no harm. The rings are of no more use here; other processes go on."""
        self._memory.close()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        return Link._checked, (self._memory,)
