"""Fourteen networks in nn~'s form, each built another way, through the real command: the model is the file.

Each is compared twice: by the import itself, from memories full of rubbish, and here, by the voice that the engine
plays against the network before it was scripted.
"""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

import import_zoo as zoo

from instrument.importing import convert as convert_room
from instrument.importing import verification
from instrument.importing.chance import Given
from instrument.importing.convert import convert
from instrument.importing.facts import facts, load
from instrument.importing.run import TOLERANCE
from instrument.importing.signals import sounds, wandering
from instrument.model.library.card import read_card
from instrument.model.library.listed import sha256_of
from instrument.model.runtime.session import OnnxVoice

BLOCKS = 200
KINDS = (zoo.Strided, zoo.Delayed, zoo.Noisy, zoo.Recurrent, zoo.Stereo, zoo.Normed, zoo.Principal, zoo.Spectral,
         zoo.Oscillating, zoo.Split, zoo.Folded, zoo.Indexed, zoo.Angular, zoo.Forgetful)  # fmt: skip


@pytest.fixture(autouse=True)
def one_core() -> None:
    torch.set_num_threads(1)


class NoNoise:
    """A source of zeros."""

    def uniform(self, stream: int, first: int, out: np.ndarray) -> None:
        out.fill(0.0)

    normal = uniform


def rosin(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The command as a player gives it, on a machine of its own."""
    environment = {**os.environ, "ROSIN_RIG": str(home / "rig.toml"), "XDG_DATA_HOME": str(home / "data"),
                   "ROSIN_LANGUAGE": "en", "PYTHONPATH": str(Path(__file__).parent.parent)}  # fmt: skip
    return subprocess.run([sys.executable, "-m", "instrument", *arguments], env=environment, cwd=home, text=True,
                          capture_output=True, timeout=120, check=False)  # fmt: skip


def at_rest(module: torch.nn.Module) -> torch.nn.Module:
    """The network with empty memories."""
    for name, buffer in module.named_buffers():
        if name.rpartition(".")[2] in ("pad", "rest", "ring", "cell", "phase", "count"):
            buffer.zero_()
    if isinstance(module, zoo.Recurrent):
        module.h = torch.zeros_like(module.h)
    return module


def silent(shape: tuple[int, ...], kind: str) -> torch.Tensor:
    return torch.zeros(shape)


@pytest.fixture(scope="module")
def menagerie(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[type[zoo.Exported], tuple[Any, Any, Path]]]:
    """Every network, imported by the command: (the network, what the command said in the end, its home)."""
    with ThreadPoolExecutor(2) as two:  # processes, each on one core
        found = {}
        for kind in KINDS:
            home = tmp_path_factory.mktemp(kind.__name__)
            path = home / f"{kind.__name__}.ts"
            module = at_rest(zoo.saved(kind, path))
            told = two.submit(rosin, "import", str(path), "--out", "models", "--race", "30", home=home)
            found[kind] = (module, told, home)
        yield found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_model_is_the_file(kind: type[zoo.Exported], menagerie: dict[type[zoo.Exported], Any]) -> None:
    module, future, home = menagerie[kind]
    path = home / f"{kind.__name__}.ts"
    done = future.result()
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    folder = home / "models" / kind.__name__
    card = read_card(folder)
    assert card.derived_from == (sha256_of(path),)
    assert card.derived_from[0].name == path.name  # type: ignore[attr-defined]
    assert card.derived_from[0].licence == "", "that nobody knows it is no licence"  # type: ignore[attr-defined]
    assert card.sample_rate == zoo.RATE
    assert card.licence == "licence unknown: ask its author"
    assert "--allow-uncredited" in done.stdout
    assert card.sha256 in done.stdout
    assert ("gain = 0.5" in done.stdout) == (kind is not zoo.Forgetful)
    assert "none" not in done.stdout.lower()
    assert ("entries of codebooks" in done.stdout) == (kind is zoo.Indexed)
    assert ("no number for silence" in done.stdout) == (kind is zoo.Angular)
    assert f"{card.training['ratio_to_file']:.2f} times as fast as the file itself" in done.stdout
    assert ("will click" in done.stdout) == (kind in (zoo.Split, zoo.Forgetful))
    differences = card.training["largest_difference"]
    methods = [m for m in ("encode", "decode") if m in module._methods] or ["forward"]
    assert sorted(differences) == sorted(methods)
    assert card.training["blocks_compared"] == BLOCKS
    assert all(0.0 <= value <= TOLERANCE for value in differences.values()), differences

    voice = OnnxVoice(folder, NoNoise(), providers="cpu", allow_uncredited=True)
    assert all(spec.role == "latent" for spec in voice.latents)
    play = getattr(module, "decode" if "decode" in module._methods else "forward")
    z = wandering(len(voice.latents), BLOCKS * voice.frames, seed=3)
    if kind is zoo.Indexed:
        assert all(spec.high > 20.0 for spec in voice.latents)
        z = wandering(len(voice.latents), BLOCKS * voice.frames, 3, (np.zeros(3), np.full(3, 99.0)))
    out = np.zeros((voice.channels, voice.frames * voice.ratio), np.float32)
    worst = loudest = 0.0
    with torch.no_grad(), Given(silent):
        for i in range(BLOCKS):
            part = np.ascontiguousarray(z[:, :, i * voice.frames : (i + 1) * voice.frames])
            voice.decode(part[0], out)
            real = play(torch.from_numpy(part))[0].numpy()
            worst, loudest = max(worst, float(np.abs(out - real).max())), max(loudest, float(np.abs(real).max()))
        assert loudest > 0.01
        assert worst <= 1e-5
        assert voice.can_encode == ("encode" in module._methods)
        if voice.can_encode:
            step = voice.frames * voice.ratio
            x = sounds(1, BLOCKS * step, zoo.RATE, seed=4)
            mean = np.zeros((len(voice.latents), voice.frames), np.float32)
            for i in range(BLOCKS):
                part = np.ascontiguousarray(x[:, :, i * step : (i + 1) * step])
                voice.encode(np.repeat(part[0], voice.channels, 0), mean)
                real = module.encode(torch.from_numpy(part))[0].numpy()
                if kind is zoo.Angular:
                    start = np.array([[spec.start] for spec in voice.latents], np.float32)
                    real = np.where(np.isfinite(real), real, start)
                np.testing.assert_allclose(mean, real, atol=1e-5, rtol=1e-5)


@pytest.fixture(scope="module")
def principal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zoo") / "Principal.ts"
    zoo.saved(zoo.Principal, path)
    return path


def converted(path: Path, other: Path | None = None, method: str = "decode") -> convert_room.Converted:
    """One method of ``path``, proven against ``other``."""
    module = load(path)
    names = ("z", "audio") if method == "decode" else ("audio", "mean")
    known = facts(module)
    ratio = known.methods["decode"].ratio_in
    return convert(other or path, module, known.methods[method], names, ratio, known.rate, 20)


def test_the_proof_notices_another_network(principal: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.ts"
    zoo.saved(zoo.Principal, other, seed=1)
    assert converted(principal).proof.error <= 1e-6
    assert converted(principal, other).proof.error > 1e-3


def test_the_proof_notices_a_memory_that_is_not_the_same(principal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = verification.poison

    def forgetful(*arguments: object) -> None:
        whole(*arguments)  # type: ignore[arg-type]
        arguments[2].reset()  # type: ignore[attr-defined]

    monkeypatch.setattr(verification, "poison", forgetful)
    assert converted(principal).proof.error > 1e-3


def test_noise_says_what_it_is_for(principal: Path, tmp_path: Path) -> None:
    assert converted(principal).noises == {"noise.fill0": "normal"}
    assert converted(principal, method="encode").noises == {"noise.posterior0": "normal"}
    path = tmp_path / "Noisy.ts"
    zoo.saved(zoo.Noisy, path)
    assert converted(path).noises == {"noise.air0": "uniform"}


def test_one_row_of_memory_is_kept(principal: Path) -> None:
    """Of 64 rows of 8 x 2, 8 x 16 and 1 x 16 numbers."""
    assert converted(principal).state_bytes == 4 * (8 * 2 + 8 * 16 + 1 * 16)


def test_the_delay_is_what_the_network_waits(tmp_path: Path) -> None:
    """Upward is heard at once; a straight line of delays 7 later."""
    path = tmp_path / "Late.ts"
    zoo.saved(zoo.Late, path)
    assert verification.delay(converted(path).played(), 4, 1) == 40


def test_forward_is_written_when_it_is_asked_for_and_credits_let_it_play(tmp_path: Path) -> None:
    path = tmp_path / "my model (v2).ts"
    zoo.saved(zoo.Strided, path)
    (tmp_path / "credits.toml").write_text(
        'format = 1\nmodel = "whatever"\n[made]\nby = "A. Musician"\ndate = "2024-05-01"\n[[sounds]]\ntitle = "Rain"\n'
        'author = "B. Listener"\nsource = "recorded"\nlicence = "CC-BY-4.0"\nconsent = "given"\nseconds = 60.0\n'
        f'sha256 = "{"0" * 64}"\n'
    )
    done = rosin("import", str(path), "--credits", "credits.toml", "--forward", home=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "data" / "rosin" / "models" / "my-model-v2"
    card = read_card(folder)
    assert (card.authors, card.licence) == (("A. Musician",), "CC-BY-4.0")
    assert set(card.training["largest_difference"]) == {"encode", "decode", "forward"}
    assert {"forward.onnx", "credits.toml"} <= set(card.files)
    assert "--allow-uncredited" not in done.stdout
    (tmp_path / "p.toml").write_text(
        f'schema = 1\nname = "p"\nvoice.sounds = "always"\n[model]\nname = "my-model-v2"\nsha256 = "{card.sha256}"\n'
    )
    played = rosin("render", "./p.toml", "-o", "a.wav", "--seconds", "0.5", "--set", "z1=0.9", home=tmp_path)
    assert played.returncode == 0, played.stderr
    assert (tmp_path / "a.wav").stat().st_size > 0.5 * zoo.RATE * 4
