"""Player: what the window shows from moment to moment - takes frames in, keeps layouts, words and history, paints.

Between link and scene. Needs an open window (GL); ``take`` and ``paint`` are all there is to it. Two views: the stage,
and the rehearsal with the stage picture in its corner. While a controller is learned the stage is shown in either.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from instrument.base.text import say
from instrument.ipc import Flags, Frame, Gesture
from instrument.ipc.health import Health
from instrument.ipc.learn_protocol import BOUND, bound_of
from instrument.stage.data.figures import binding
from instrument.stage.data.history import History
from instrument.stage.data.mappings import Mappings
from instrument.stage.data.meter import LevelMeter
from instrument.stage.data.patch_labels import PatchLabels
from instrument.stage.gpu.scene import StagePicture, StageWords
from instrument.stage.input.gestures import StageInput
from instrument.stage.isf.backdrop import Backdrop
from instrument.stage.settings import StageSettings
from instrument.stage.views.control_view import ControlView
from instrument.stage.views.layout import Layout
from instrument.stage.views.overlays import Overlays
from instrument.stage.views.panel import PanelFacts
from instrument.stage.views.rehearsal import Rehearsal
from instrument.stage.views.writing import Writing

BACKDROP = 0.5
"""Of the window's resolution, at most, for the visual of a patch."""
GONE_S = 1.0
"""Without a new frame for so long the window says that the sound is gone."""
LOOK_S = 0.5
"""Between two looks at ports and bindings."""
FADE_S, CALM_FADE_S = 0.3, 1.0
"""The black picture comes and goes in this time: no reversal of the whole picture is sudden. Slower in calm mode."""


class StagePlayer:
    """``take(frames)`` what came, ``paint(width, height, scale)`` a picture of it.

    ``health``: the rows of the processes, set by whoever has a link; without them no ports are told.
    """

    def __init__(self, settings: StageSettings, labels: Sequence[PatchLabels]) -> None:
        self.settings = settings
        self.labels = list(labels)
        self.history = History()
        self.frame = Frame()
        self.frame.patch = settings.index
        self.layout = Layout(settings.stage.width, settings.stage.height, 0)
        self.input = StageInput(self.layout)
        self.scene = StagePicture(settings.stage.calm)
        self.backdrop = Backdrop(settings.patches, settings.models, settings.language, settings.stage.calm)
        self.health: Health | None = None
        self._writing: Writing | None = None
        self._control_view: ControlView | None = None
        self._overlays: Overlays | None = None
        self._meter = LevelMeter()
        self._mappings = Mappings(settings.rig)
        self._around = PanelFacts()
        self._around_at = float("-inf")
        self._shown = 1.0
        self._made: tuple[int, ...] = ()
        self._labels = PatchLabels("")

    def take(self, frames: Sequence[Frame]) -> None:
        """New frames, oldest first. A frozen picture goes on hearing them for the input's sake only."""
        if not frames:
            return
        self.input.see(frames[-1])
        if not self.input.requests.frozen:
            for frame in frames:
                self.history.push(frame)
                self._meter.push(frame)
            self.backdrop.take(frames)
            self.frame = frames[-1]

    def close(self) -> None:
        """Before the window goes."""
        self.backdrop.close()

    def paint(self, width: int, height: int, scale: float, elapsed_s: float = 1.0, age_s: float = 0.0) -> list[Gesture]:
        """One picture. ``age_s``: how old the newest frame is. Returns gestures if a change of patch let go of keys."""
        gestures = self._fit(width, height)
        assert self._writing is not None
        step = elapsed_s / (CALM_FADE_S if self.settings.stage.calm else FADE_S)
        self._shown = max(0.0, self._shown - step) if self.input.requests.black else min(1.0, self._shown + step)
        requests, status = self.input.requests, self.status(age_s)
        control_view = self._rehearse(width, height, status) if requests.rehearsal and not requests.learn else None
        layout = self.layout if control_view is None else control_view.layout
        if self.input.layout is not layout:  # the other view: what the mouse held is elsewhere now
            self.input.drop()
            self.input.layout = layout
        fine = min(BACKDROP, scale)
        self.backdrop.draw(round(width * fine), round(height * fine))
        self.scene.draw(
            self.frame,
            self.history,
            layout,
            StageWords(self._writing, status, requests.focus),
            scale,
            self._shown,
            control_view,
            self.backdrop,
        )
        assert self._overlays is not None
        self._overlays.draw(requests, self.frame, self._labels, self.health)
        return gestures

    def _rehearse(self, width: int, height: int, status: str) -> ControlView:
        """The control view of the rehearsal, made when it is first asked for, with its words as they are now."""
        plays = self.input.requests.letters[1]
        if self._control_view is not None and self._control_view.plays != plays:
            self._control_view.delete()
            self._control_view = None
        if self._control_view is None:
            still = self.settings.stage.calm
            layout = Rehearsal(width, height, self.frame.playable, self.settings.type_scale)
            self._control_view = ControlView(layout, self._labels, self.settings.language, self._meter, still, plays)
            self._around_at = float("-inf")
        self._look_around()
        if self._overlays is not None:
            self._control_view.waiting = self._overlays.memory.learn_client.reach
        self._control_view.update(self.frame, self.input.requests.focus, status, self._around)
        return self._control_view

    def _look_around(self) -> None:
        """Twice a second: ports, clients and bindings."""
        now = time.monotonic()
        if now - self._around_at < LOOK_S:
            return
        self._around_at = now
        self._mappings.look(now)
        ids = [knob.id for knob in self._labels.table.playable]
        row = None if self.health is None else self.health.row("hands")
        told = {} if row is None else bound_of(row.text(BOUND), self.frame.patch)
        bound: dict[int, tuple[str, ...]] = {i: (said,) for i, said in told.items()}
        for i, id in enumerate(ids):
            if rows := self._mappings.of(id):
                bound[i] = tuple(binding(one) for one in rows)
        self._around = PanelFacts(
            "" if row is None else row.text("ports"),
            "" if row is None or not row.pid else self._osc(row.count("osc_clients")),
            bound,
            {i: self._mappings.address(id) for i, id in enumerate(ids)},
        )

    def _osc(self, clients: int) -> str:
        """Where OSC is heard, and by how many clients."""
        port = (self.settings.listen or self._mappings.rig.osc.listen).rpartition(":")[2]
        if not port.isdecimal():
            return ""
        language = self.settings.language
        if clients == 1:
            return say("rehearsal.osc.client", language, port=port)
        if clients:
            return say("rehearsal.osc.clients", language, port=port, count=clients)
        return say("rehearsal.osc.alone", language, port=port)

    def status(self, age_s: float) -> str:
        """The line under the title: only what the player has to know now."""
        language, flags = self.settings.language, Flags(self.frame.flags)
        said = []
        if self.frame.seq == 0:
            return say("stage.waiting", language)
        if age_s > GONE_S:
            return say("stage.gone", language, seconds=f"{age_s:.0f}")
        if flags & Flags.PANICKED:
            said.append(say("stage.silent", language))
        if self.input.requests.frozen:
            said.append(say("stage.frozen", language))
        if flags & Flags.NO_DEVICE:
            said.append(say("stage.no_device", language))
        if flags & Flags.RECORDING:
            seconds = int(self.frame.record_seconds)
            said.append(say("stage.recording", language, time=f"{seconds // 60}:{seconds % 60:02d}"))
        if self.backdrop.sentence:
            said.append(self.backdrop.sentence)
        return " · ".join(said)

    def _fit(self, width: int, height: int) -> list[Gesture]:
        """Layout and words for this size, patch and number of knobs, made anew only when one of them changed."""
        wanted = (width, height, self.frame.patch, self.frame.playable)
        if wanted == self._made:
            return []
        self._made = wanted
        known = self.frame.patch < len(self.labels)
        self._labels = labels = self.labels[self.frame.patch] if known else PatchLabels("")
        if self._control_view is not None:
            self._control_view.delete()
        self._control_view = None
        self.layout = Layout(width, height, self.frame.playable)
        self._writing = Writing(self.layout, labels, self.settings.language, self.settings.type_scale)
        wants = self.settings
        self._overlays = Overlays(
            self.layout, labels, wants.language, wants.type_scale, wants.stage.calm, self._overlays
        )
        return self.input.resize(self.layout, labels.starts)


def stamped(gestures: Sequence[Gesture]) -> list[Gesture]:
    """The gestures, with the time of now."""
    now = time.monotonic()
    return [gesture._replace(time=now) for gesture in gestures]
