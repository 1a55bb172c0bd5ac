"""Handover: what a sound leaves to the one that takes over from it, beside its last frame. Under the sound process.

What the sound knows, and what becomes of it when it is replaced:

    in the frame  patch, knobs, positions, seed, the place in its chance, panic, hands only, which scene was last
    in the rings  keys, pedal, bend and pushes that hands and stage hold down (link.pressed)
    in files      scenes and accidents that were kept, wear, the recording so far (the rest goes into another file)
    here          scenes as they are, also those that no file has; snapshots; blocks that were missed
    lost          what the model remembers, wells that were dug, what the tape holds, a neighbour that was being heard,
                  a scene or a bridge on its way: the hands stay where they were

Belongs to the process' main thread. Snapshots may be long, so they go through files of the show's own, by a thread.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.documents.patch import Scene
from instrument.engine.engine import Engine
from instrument.engine.snapshot import Snapshot
from instrument.ipc.health import Row
from instrument.ipc.memo import Memo
from instrument.storage.bank import Bank

WRITE_SECONDS = 0.5
"""Between two rounds of snapshots: who takes them by the hundred must not keep a disk busy."""


class SoundHandover:
    """``look`` often; ``take_up`` once, before the first block. ``folder`` of the show's own, or None."""

    def __init__(self, memo: Memo, bank: Bank, row: Row, folder: str) -> None:
        self._memo, self._bank, self._row = memo, bank, row
        self._folder = Path(folder) if folder else None
        self._seen: dict[int, bytes] = {}
        self._scenes: dict[str, dict[str, dict[str, float]]] = {}
        self._snapshots: dict[int, Snapshot] = {}
        self._scribe: threading.Thread | None = None
        self._write_at = 0.0
        self.xruns = 0
        """Blocks that were missed by the sounds before this one."""

    def take_up(self, engine: Engine) -> bool:
        """Scenes, accidents, wear, snapshots as the sound before left them. Whether it had told of scenes."""
        self.xruns = self._row.count("xruns")
        self._bank.refresh()
        self._scenes = json.loads(self._memo.read() or "{}")
        for layer in self._bank.layers:
            if (scenes := self._scenes.get(str(layer.index))) is not None:
                layer.scenes.hold({int(slot): Scene(knobs) for slot, knobs in scenes.items()}, layer.scenes.blend_ms)
        for slot, path in self._paths():
            try:
                snapshot = Snapshot.from_bytes(path.read_bytes())
            except (OSError, RosinError):
                continue
            engine.slots[slot] = self._snapshots[slot] = snapshot
        return bool(self._scenes)

    def look(self, engine: Engine, now: float) -> None:
        """Write down what is another than before."""
        layer = engine.layer
        scenes = layer.scenes.raw.tobytes() + layer.scenes.named.tobytes()
        if self._seen.get(layer.index) != scenes:
            self._seen[layer.index] = scenes
            self._scenes[str(layer.index)] = {str(slot): knobs for slot, knobs in layer.scenes.all_knobs().items()}
            self._memo.write(json.dumps(self._scenes))
        new = {i: s for i, s in enumerate(engine.slots) if s is not None and self._snapshots.get(i) is not s}
        busy = self._scribe is not None and self._scribe.is_alive()
        if new and self._folder is not None and not busy and now >= self._write_at:
            self._write_at = now + WRITE_SECONDS
            self._snapshots.update(new)
            self._scribe = threading.Thread(target=self._write, args=(self._folder, new), name="snapshots", daemon=True)
            self._scribe.start()

    def _paths(self) -> list[tuple[int, Path]]:
        if self._folder is None:
            return []
        return [(int(path.stem.removeprefix("slot-")), path) for path in sorted(self._folder.glob("slot-?.npz"))]

    @staticmethod
    def _write(folder: Path, snapshots: dict[int, Snapshot]) -> None:
        """A disk that will not have them costs a successor its snapshots, and nobody else anything."""
        for slot, snapshot in snapshots.items():
            try:
                half = folder / f"slot-{slot}.half"
                half.write_bytes(snapshot.to_bytes())
                half.replace(folder / f"slot-{slot}.npz")
            except OSError:
                continue
