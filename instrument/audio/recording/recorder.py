"""Recorder: what was heard, on disk, whatever happens. Beside the device: after the guard, never in its way.

The callback copies each block into a ring of 10 s (``push``: no lock, no allocation, no disk); a thread writes it every
70 ms as 24-bit WAV and renews the header with each piece. So after a crash, a kill or a full disk the file opens
everywhere with all but the last piece. At 3.9 GB, before WAV's 4 GB are full, the take goes on without a gap in
``sound-part2.wav``: plain WAV opens in every reader, RF64 does not. What a disk that is 10 s behind makes it lose is
silence in the file, in its place (gaps.py): the sound stays as long as the take, and in time with its gestures.

Credits go first: title, artist, copyright and licence, comment are written into the INFO chunk before the first sample.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.audio.recording.gaps import Gaps
from instrument.audio.recording.words import free_below, info, plain, readable, reason, room
from instrument.base.errors import RosinError
from instrument.documents.take_folder import SOUND

RING_S = 10.0
PIECE_S = 0.070
BYTES_PER_SAMPLE = 3
PART_BYTES = 3_900_000_000
STOP_S = 1.0
FULL_BYTES = 1 << 20
REMEDY = "make room on that disk, or choose another folder for takes in the rig file, and record again"
_HEADER_NOW, _HEADER_AUTO = 0x1060, 0x1061  # libsndfile's SFC_UPDATE_HEADER_NOW, SFC_SET_UPDATE_HEADER_AUTO


class Recorder:
    """One output's recorder. ``start`` and ``stop`` as often as wanted, but not in the callback: they touch the disk.

    ``metadata``: title, artist, copyright, licence, comment, album, genre; other keys become lines of the comment.
    ``error``: one sentence for the player once a recording has stopped by itself, else empty.
    """

    def __init__(
        self,
        rate: int,
        channels: int,
        folder: str | Path,
        metadata: Mapping[str, str] | None = None,
        ring_s: float = RING_S,
        part_bytes: int = PART_BYTES,
        floor_bytes: int = 0,
    ) -> None:
        """``floor_bytes``: what is left free on the disk (a tenth of it, if that is less); the recording ends before
        it takes that too."""
        self.rate = int(rate)
        self.channels = channels
        self.folder = Path(folder)
        self.metadata = dict(metadata or {})
        self.take: Path | None = None
        """The folder of this take, or of the last one."""
        self.path: Path | None = None
        """The sound that is being written, or the last one."""
        self.paths: list[Path] = []
        """All parts of this take."""
        self.closed = threading.Event()
        """Of this take: nothing is written into its sound any more."""
        self.error = ""
        self.lost_samples = 0
        """Frames that did not fit into the ring because the disk was slower than the music: silence in the file."""
        self._size = int(rate * ring_s)
        self._ring = np.zeros((self._size, channels), np.float32)
        self._ring.fill(0.0)  # touch the pages now: no page faults in the callback
        self._pushed = 0  # by the callback only
        self._saved = 0  # by the thread only, and without the silence in gaps
        self._silent = 0  # by the thread only
        self._gaps = Gaps()
        self._running = False
        self._armed = False
        self._floor = floor_bytes
        self._checked = 0
        self._part_frames = part_bytes // (BYTES_PER_SAMPLE * channels)
        self._in_part = 0
        self._file: Any = None
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def recording(self) -> bool:
        return self._running

    @property
    def seconds(self) -> float:
        """Length of the take so far."""
        return (self._pushed + self.lost_samples if self._running else self.passed) / self.rate

    @property
    def passed(self) -> int:
        """Samples of the take that are on disk, the silence for those that were lost on the way counted too."""
        return self._saved + self._silent

    def go(self) -> None:
        """From the callback: what is pushed from now on is recorded, when ``start`` was told to wait for that."""
        self._armed = False

    def push(self, audio: NDArray[np.float32]) -> None:
        """From the callback: float32 [channels, n]. Does nothing when not recording; when the ring is full, counts."""
        if not self._running or self._armed:
            return
        # No room: what is lost is noted, and becomes silence in its place.
        n = audio.shape[1]
        if n > self._size - (self._pushed - self._saved) or not self._gaps.may_end(self._pushed):
            self._gaps.lose(self._pushed, n)
            self.lost_samples += n
            return
        # Into the ring, in two pieces where it ends. ``_pushed`` last: the thread sees whole blocks alone.
        start = self._pushed % self._size
        first = min(n, self._size - start)
        self._ring[start : start + first] = audio[:, :first].T
        if first < n:
            self._ring[: n - first] = audio[:, first:].T
        self._pushed += n

    def start(self, name: str = "take", metadata: Mapping[str, str] | None = None, armed: bool = False) -> Path:
        """Make ``folder/name-YYYYMMDD-HHMMSS``, never one that was there, and begin. Returns the path of its sound.

        ``metadata`` replaces what was given before. ``armed``: begin when ``go`` says. RosinError if the folder can't
        be written to, or its disk is nearly full: nothing is left there then.
        """
        self.stop()
        if self._thread is not None:  # it still writes on the last one
            raise RosinError(f"the disk under {self.folder} is still busy with the last recording; record again later")
        if metadata is not None:
            self.metadata = dict(metadata)
        now = datetime.datetime.now()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.paths = []
            if below := free_below(self.folder, self._floor):
                raise RosinError(f"can't record into {self.folder} ({room(below)}); {REMEDY}")
            self.take = self._new_folder(f"{plain(name)}-{now:%Y%m%d-%H%M%S}")
            self._open(self.take / SOUND, now)
        except (OSError, RuntimeError) as error:
            raise RosinError(
                f"can't record into {self.folder} ({reason(error)}); "
                "make the folder writable or choose another one for takes in the rig file"
            ) from None
        self.error = ""
        self.lost_samples = 0
        self._pushed = self._saved = self._silent = self._checked = 0
        self._gaps = Gaps()
        self._armed = armed
        self.closed = threading.Event()
        self._wake.clear()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._running = True
        self._thread.start()
        assert self.path is not None
        return self.path

    def stop(self) -> Path | None:
        """Finish: everything pushed so far is on disk when this returns, within a second. Returns the file's path."""
        thread = self._thread
        self._running = False
        if thread is not None and thread is not threading.current_thread():
            self._wake.set()
            thread.join(timeout=STOP_S)
            if thread.is_alive():
                self.error = f"the disk under {self.folder} does not answer; what was written so far is in {self.path}"
            else:
                self._thread = None
        return self.path

    def _run(self) -> None:
        try:
            while self._running:
                self._wake.wait(PIECE_S)
                self._save()
                self._look_at_room()
            self._save()
        except Exception as error:  # whatever the disk did, the sound goes on and the player hears of it
            kept = f"the {self.passed // self.rate} s so far are kept in {self.path}"
            self.error = f"recording stopped ({self._fault(error)}); {kept}; {REMEDY}"
            self._running = False  # last: who sees that it is over finds the reason
        finally:
            self._close()
            self.closed.set()

    def _save(self) -> None:
        """Write what there is, in pieces that end where the ring, the part or a gap ends."""
        end, gaps = self._pushed, self._gaps
        while True:
            # A part that is full goes on in the next one.
            if self._in_part >= self._part_frames and (gaps.due(self._saved) or self._saved < end):
                self._close()
                assert self.take is not None
                part = Path(SOUND).with_stem(f"{Path(SOUND).stem}-part{len(self.paths) + 1}")
                self._open(self.take / part, datetime.datetime.now())
            most = min(self._part_frames - self._in_part, self.rate)
            # Silence for what the disk was too slow for, in its place.
            if due := gaps.due(self._saved):
                count = min(due, most)
                self._file.write(np.zeros((count, self.channels), np.float32))
                self._silent += count
                gaps.filled(count)
            # Sound up to the next gap, the ring's end or the part's, a second at most.
            elif (left := gaps.next_at(end) - self._saved) > 0:
                start = self._saved % self._size
                count = min(left, self._size - start, most)
                self._file.write(self._ring[start : start + count])
                self._saved += count
            elif gaps.pass_by(self._saved, end):
                continue
            else:
                return
            self._in_part += count

    def _look_at_room(self) -> None:
        """Once a second: is there still room. OSError when the floor is reached."""
        if self._floor and self.passed - self._checked >= self.rate:
            self._checked = self.passed
            if below := free_below(self.folder, self._floor):
                raise OSError(errno.ENOSPC, room(below))

    def _fault(self, error: BaseException) -> str:
        """libsndfile only says "system error": look at the disk oneself."""
        if isinstance(error, OSError) and error.errno == errno.ENOSPC and self._floor:
            return str(error.strerror)
        try:
            if shutil.disk_usage(self.folder).free < FULL_BYTES:
                return "the disk is full"
        except OSError:
            return "the folder is gone"
        return reason(error)

    def _new_folder(self, stem: str) -> Path:
        """A new, empty folder of that name; made at once, so that no one else takes the name."""
        number = 1
        while True:
            path = self.folder / (stem if number == 1 else f"{stem}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                number += 1
                continue
            return path

    def _open(self, path: Path, now: datetime.datetime) -> None:
        import soundfile  # late: nobody pays for it who does not record

        try:
            self._begin_file(soundfile, path, now)
        except BaseException:
            self._close()
            with contextlib.suppress(OSError):
                if not path.exists() or not readable(path):  # no header found room: an empty name is no take
                    path.unlink(missing_ok=True)
                    path.parent.rmdir()  # of a further part it is not empty, and stays
            raise

    def _begin_file(self, soundfile: Any, path: Path, now: datetime.datetime) -> None:
        self._file = soundfile.SoundFile(path, "w", self.rate, self.channels, "PCM_24", format="WAV")
        self.path = path
        self.paths.append(path)
        self._in_part = 0
        for key, text in info(self.metadata, now).items():
            setattr(self._file, key, text)
        soundfile._snd.sf_command(self._file._file, _HEADER_AUTO, soundfile._ffi.NULL, 1)
        soundfile._snd.sf_command(self._file._file, _HEADER_NOW, soundfile._ffi.NULL, 0)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except RuntimeError:  # a full disk, told of already; the header is that of the last whole piece
                pass
