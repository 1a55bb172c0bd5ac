"""Recording: starts, watches and ends takes. After player, before the files (recorder.py, take_files.py).

Belongs to the process' main thread, which never waits for a disk here: what comes from outside (``ask``) is done by a
thread, and not more often than a disk should have to bear. The newest wish counts: who switches it on and off all the
time gets the last of it, a little later.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from pathlib import Path

from instrument.audio.callback import Callback
from instrument.audio.recording.attribution_meter import AttributionMeter
from instrument.audio.recording.recorder import Recorder
from instrument.audio.recording.take_files import TakeFiles
from instrument.base.errors import RosinError
from instrument.base.rate import Allowance
from instrument.base.text import say
from instrument.engine.layer import Layer
from instrument.ipc import Flags
from instrument.ipc.health import Row
from instrument.model.atlas.attribution import Attribution
from instrument.storage.bank import Bank

END_SECONDS = 3.0
"""A disk that has not taken the rest of a take by then gets it later, or the take is short of it."""
CLOSE_SECONDS = 3.5
"""So long a show that ends waits for a take in all, also for the hashes of its sound: it is killed after 5."""
FLOOR_BYTES = 200 << 20
"""Room on a disk that no recording takes: the system, the patch and the next set need some."""
AT_ONCE, EVERY_SECONDS = 4, 10.0
"""Takes that are begun as fast as they are asked for; and one more every so often."""


class TakeRecording:
    """Starts, watches and ends recordings of one player."""

    def __init__(self, player: Callback, bank: Bank, row: Row, folder: Path, language: str) -> None:
        self.player, self.bank, self.row, self.language = player, bank, row, language
        self.recorder = Recorder(player.rate, player.channels, folder, floor_bytes=FLOOR_BYTES)
        player.recorder = self.recorder
        self._files: TakeFiles | None = None
        self._thread: threading.Thread | None = None
        """That writes the last take's files, or did."""
        self._meter = AttributionMeter(tuple)
        self._began: Layer | None = None
        self._said: deque[str] = deque()
        self._wanted: bool | None = None
        self._switch: threading.Thread | None = None
        self._allowance = Allowance(AT_ONCE, EVERY_SECONDS)
        self._asked_too_often = False
        self._slow = False
        self._fault_told = False
        self._hurry = threading.Event()

    # --- from outside

    def ask(self, on: bool) -> None:
        """What somebody wishes; done at one of the next looks, by a thread."""
        self._wanted = on

    def look(self) -> None:
        """Tell how long the take is; notice a disk that is full. Never waits for one."""
        player, recorder = self.player, self.recorder
        self._look_at_request(time.monotonic())
        player.record_seconds = recorder.seconds if recorder.recording else 0.0
        if recorder.recording:
            player.extra_flags |= Flags.RECORDING
        else:
            player.extra_flags &= ~Flags.RECORDING
        if recorder.recording and recorder.lost_samples and not self._slow:
            self._slow = True
            self._said.append(say("record_slow", self.language, folder=recorder.folder))
        self._look_at_fault()
        self._tell()

    def _look_at_fault(self) -> None:
        """A take that ended by itself is told once, and what was written beside it is finished."""
        recorder, files = self.recorder, self._files
        if recorder.recording or not recorder.error or self._fault_told:
            return
        self._fault_told = True
        self.row.add("files_failed")
        self._said.append(recorder.error)
        self._say_missing()
        if files is not None and not files.ended.is_set():
            self._settle(files)
            files.finish_at(recorder.passed)

    def _look_at_request(self, now: float) -> None:
        if self._wanted is None or (self._switch is not None and self._switch.is_alive()):
            return
        if self._wanted == self.recorder.recording:
            self._wanted, self._asked_too_often = None, False
            return
        if self._wanted and not self._allowance.take(now):
            if not self._asked_too_often:
                self._asked_too_often = True
                seconds = f"{self._allowance.wait_s(now):.0f}"
                self._said.append(say("record_often", self.language, seconds=seconds))
            return
        on, self._wanted, self._asked_too_often = self._wanted, None, False
        self._switch = threading.Thread(target=self._record, args=(on,), name="switch", daemon=True)
        self._switch.start()

    def coming(self, layer: Layer) -> None:
        """Before a layer is handed to the engine."""
        if (files := self._files) is not None and not files.ended.is_set():
            files.coming(layer)

    # --- at once, for who may wait

    def record(self, on: bool) -> None:
        """Start or finish a recording, and return when that is done."""
        self._record(on)
        self._tell()

    def close(self) -> None:
        """No more wishes; a recording is finished."""
        begin, self._wanted = time.monotonic(), None
        if self._switch is not None:
            self._switch.join(timeout=2.0 * END_SECONDS)
        self._look_at_fault()
        self.record(False)
        self._end()  # one that ended by itself may still be writing
        self._hurry.set()
        if self._thread is not None:
            self._thread.join(timeout=max(0.0, CLOSE_SECONDS - (time.monotonic() - begin)))
        self._tell()

    def _record(self, on: bool) -> None:
        if not on and self.recorder.recording:
            self.recorder.stop()
            if self._files is not None and not self._files.ended.is_set():
                self._settle(self._files)
                self._files.finish_at(self.recorder.passed)
            self._end()
            self.player.extra_flags &= ~Flags.RECORDING
            if self.recorder.error:  # the disk does not answer
                self._look_at_fault()
                return
            self.row.add("files_recorded")
            seconds = f"{self.recorder.seconds:.1f} s"
            self._said.append(say("recorded", self.language, seconds=seconds, path=self.recorder.take))
            self._say_missing()
        elif on and not self.recorder.recording:
            self._begin()

    def _begin(self) -> None:
        layer = self.player.engine.layer
        try:
            notes = layer.recording_notes(self.bank.also_here(layer))
            busy = not self._end()
            self.recorder.start(layer.patch.name, notes, armed=not busy)
        except RosinError as error:
            self.row.add("files_failed")
            self._said.append(str(error))
            return
        assert self.recorder.take is not None
        folder = self.recorder.take
        self._meter, self._began, self._slow = AttributionMeter(self._layers), layer, False
        self._fault_told = False
        if busy:  # the last take's files are still its own: the disk has not taken them yet
            self._said.append(say("log_failed", self.language, why="the disk is still busy with the last one"))
        else:
            files = self._files = TakeFiles(self.player, self.recorder, folder, self.language, self._said, self._hurry)
            self._thread = threading.Thread(target=files.run, name="take files", daemon=True)
            self._thread.start()
            self.player.begin = files.begin
        self.player.extra_flags |= Flags.RECORDING
        self.row.set_text("state", str(folder))
        self._said.append(say("recording_to", self.language, path=folder))

    def _layers(self) -> tuple[Layer, ...]:
        """Every layer that may come to sound."""
        found = (*self.bank.layers, self.player.engine.layer)
        return tuple({id(layer): layer for layer in found}.values())

    def _settle(self, files: TakeFiles) -> None:
        """What was heard in the take that ends now, for its credits."""
        began = () if self._began is None else (self._began,)
        heard: list[Attribution] = files.heard
        heard[:] = self._meter.heard((*began, self.player.engine.layer))

    def _say_missing(self) -> None:
        """How much of what was heard the disk was too slow for."""
        recorder = self.recorder
        if recorder.lost_samples:
            seconds = f"{recorder.lost_samples / recorder.rate:.1f} s"
            self._said.append(say("record_missing", self.language, seconds=seconds, path=recorder.path))

    def _end(self) -> bool:
        """The take has ended: wait a while for the rest to be written; whether it is."""
        self.player.begin = None
        return self._files is None or self._files.written.wait(END_SECONDS)

    def _tell(self) -> None:
        while self._said:
            self.row.say(self._said.popleft())
