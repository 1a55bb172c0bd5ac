"""Bank: the patches of a show, each loaded and warm before it is wanted: a change is a crossfade and no wait."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.paths import accident_folder, data_home, scene_file
from instrument.base.text import say
from instrument.chance.noise import Noise
from instrument.documents.patch import Patch, mistakes_against, read_patch, scene_mistakes, table_of
from instrument.documents.scene_file import with_own_scenes
from instrument.engine.layer import Layer
from instrument.knobs import KnobTable
from instrument.model.atlas.atlas import read_atlas
from instrument.model.library.cards import credits_line_of, folder_of, given_folders
from instrument.model.library.finder import open_voice
from instrument.model.runtime.providers import NO_DRIVER, NOT_STARTED, Wanted
from instrument.model.runtime.rows import open_rows
from instrument.model.runtime.voice import Voice
from instrument.storage.wear_store import WearStore

KEPT = 24
"""Parts kept ready; of longer lists the rest is loaded when asked for (some ten ms a model, beside the sound)."""
SPARE = 4
"""Of that rest so many stay open, so that the last few are at hand."""


class Bank:
    """``patches``: paths in program order. Parts are opened on demand, or all by ``fill``, and kept."""

    def __init__(
        self,
        patches: Sequence[Path],
        *,
        provider: Wanted = "auto",
        models: str = "",
        allow_uncredited: bool = False,
        seed: int | None = None,
        language: str = "en",
    ) -> None:
        self.paths = tuple(patches)
        self.seed = seed
        self.rate = 0
        """In Hz; the first layer opened sets it, and the device and every other layer follow."""
        self._provider = provider
        self._models = models
        self._allow_uncredited = allow_uncredited
        self._language = language
        self._layers: dict[int, Layer] = {}
        self._scenes_at: dict[int, tuple[int, ...]] = {}
        self.wear_store = WearStore(data_home(), language)
        self.wrong: list[str] = []
        """What could not be read beside the patches (kept accidents), a sentence each."""
        self._untold: dict[int, list[str]] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def layer(self, index: int) -> Layer:
        """The layer of a patch, opened and warmed. RosinError or ValidationErrors: it stays out, the rest plays on."""
        if not 0 <= index < len(self.paths):
            raise RosinError(f"there is no patch number {index + 1}; the list has {len(self.paths)}")
        if index not in self._layers:
            self._layers[index] = self._open(index)
        return self._layers[index]

    def opened(self, index: int) -> Layer | None:
        """The layer of one patch if it is open; opens nothing."""
        return self._layers.get(index)

    def trim(self, needed: Callable[[Layer], bool]) -> None:
        """Let go of layers beyond what is kept, the first opened first; not of those that are ``needed``."""
        excess = len(self._layers) - KEPT - SPARE
        for index, layer in list(self._layers.items()):
            if excess > 0 and not needed(layer):
                excess -= 1
                del self._layers[index]
                self.wear_store.let_go(layer.voice)

    def _open(self, index: int) -> Layer:
        patch = read_patch(self.paths[index])
        self._scenes_at[index] = _changed_at(patch)
        layer = open_part(
            patch,
            index,
            provider=self._provider,
            models=self._models,
            allow_uncredited=self._allow_uncredited,
            seed=self.seed,
        )
        self.rate = self.rate or layer.voice.sample_rate
        if layer.voice.sample_rate != self.rate:
            raise RosinError(
                f"the model {patch.model!r} plays at {layer.voice.sample_rate} Hz and this show at {self.rate} Hz; "
                f"play it by itself: rosin play {self.paths[index]}"
            )
        layer.warm()
        known = len(self.wrong)
        if layer.wrong:
            self.wrong.append(layer.wrong)
        if missing := [line.split(":")[0] for line in scene_mistakes(layer.patch, layer.table)]:
            names = ", ".join(missing)
            self.wrong.append(say("scene.unknown", self._language, patch=patch.name, model=patch.model, names=names))
        self.wrong += layer.learn_all(accident_folder(patch.name))
        if (said := self._not_as_asked(layer.voice)) and said not in self.wrong:
            self.wrong.append(said)
        self.wear_store.adopt(layer.voice)
        if patch.chance.get("bend") and not layer.voice.can_bend:
            self.wrong.append(say("cannot_bend", self._language, patch=patch.name, model=patch.model))
        if patch.many and (patch.chance.get("bend") or patch.chance.get("wear")):
            self.wrong.append(say("many_as_they_are", self._language, patch=patch.name))
        self._untold[index] = self.wrong[known:]
        return layer

    def untold(self, index: int) -> list[str]:
        """What of ``wrong`` is this patch's and was not asked for before: told when somebody goes to it."""
        return self._untold.pop(index, [])

    def _not_as_asked(self, voice: Voice) -> str:
        """What runs the model when it is not what was asked for, and why; once, however many models there are."""
        if voice.notice:
            known = {NO_DRIVER: "provider.no_driver", NOT_STARTED: "provider.not_started"}
            return say(known[voice.notice], self._language) if voice.notice in known else voice.notice
        if self._provider == "cuda" and "CUDA" not in voice.where and not self._layers:
            return say("provider.computed", self._language, model=voice.card.name)
        return ""

    def fill(self, before: Callable[[Path], None] = lambda path: None) -> list[tuple[Path, str]]:
        """Open every patch there is room for, saying which to ``before``; returns those that failed, and why."""
        failed = []
        for index in range(min(len(self.paths), KEPT)):
            before(self.paths[index])
            try:
                self.layer(index)
            except RosinError as error:
                failed.append((self.paths[index], str(error)))
        return failed

    def refresh(self) -> None:
        """What another process has kept since the patches were opened. Not while they are played."""
        self._refresh_scenes()
        for layer in self.layers:
            layer.learn_all(accident_folder(layer.patch.name), known=True)
        self.wear_store.refresh()

    def _refresh_scenes(self) -> None:
        for index, layer in self._layers.items():
            now = _changed_at(layer.patch)
            if now != self._scenes_at.get(index):
                self._scenes_at[index] = now
                with contextlib.suppress(RosinError):
                    patch, _ = with_own_scenes(read_patch(self.paths[index]))
                    layer.scenes.hold(patch.scenes, patch.blend_ms)

    def also_here(self, layer: Layer) -> str:
        """One line naming the other models of this show, for a recording in which any of them may come to sound."""
        own = layer.voice.card.name
        others = {p.voice.card.name: p.credits for p in self._layers.values() if p.voice.card.name != own}
        return "; ".join(f"also in this show: {name}, {credits}" for name, credits in sorted(others.items()))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Those that are open."""
        return tuple(self._layers.values())

    def load_excerpts(self) -> list[str]:
        """What can be heard of the neighbours of every open layer: half a second a model, so from a thread of its own.

        Returns what is wrong with them, a sentence each.
        """
        wrong = []
        for layer in self.layers:
            try:
                if layer.place is not None:
                    layer.place.load_excerpts()
            except RosinError as error:
                wrong.append(str(error))
        return sorted(set(wrong))

    def table(self, index: int) -> KnobTable:
        return self.layer(index).table


def _changed_at(patch: Patch) -> tuple[int, ...]:
    """When the files in which a patch's scenes stand were last written, ns; 0 for one that is not there."""
    found = []
    for path in (Path(patch.path), scene_file(patch.name)):
        try:
            found.append(path.stat().st_mtime_ns)
        except OSError:
            found.append(0)
    return tuple(found)


def open_part(
    patch: Patch,
    index: int = 0,
    *,
    provider: Wanted = "auto",
    models: str = "",
    allow_uncredited: bool = False,
    seed: int | None = None,
) -> Layer:
    """Patch and model put together: the one place where a voice is opened. ValidationErrors if they do not fit."""
    given = given_folders(models)

    def another() -> Voice:
        # One noise source for a voice; the seed is mixed into its streams by the voice itself (reseed).
        return open_voice(
            patch.model,
            patch.model_sha256,
            noise=Noise(0),
            providers=provider,
            given=given,
            allow_uncredited=allow_uncredited,
        )

    voice = another()
    folder = folder_of(patch, given)
    if wrong := mistakes_against(patch, table_of(patch, voice.latents)):
        raise ValidationErrors(patch.path or patch.name, wrong)
    rows = open_rows(voice, folder, patch.voices, Noise(0), another, provider) if patch.many else None
    patch, wrong_scenes = with_own_scenes(patch)
    layer = Layer(patch, voice, index, seed, credits_line_of(patch, "en", given), rows)
    layer.wrong = wrong_scenes
    layer.place = read_atlas(folder, voice.card, voice.lineage) if folder else None
    return layer
