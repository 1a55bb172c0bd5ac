"""Trial: a trained network heard on sounds it never learned from, in figures. After training, into the card."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from instrument.training.data.corpus import Clip, Corpus
from instrument.training.data.listener import LOWEST_NOTE, listener
from instrument.training.network.model import Network

Doubles = npt.NDArray[np.float64]

FLOOR = 1e-4
LONGEST_S = 4.0
SAME_CENTS = 30.0
STFT_SIZES = (2048, 1024, 512, 256, 128)


@torch.no_grad()
def again(network: Network, clip: Clip, own_pitch: bool = True, seed: int = 0) -> tuple[Doubles, Doubles]:
    """The clip and what the network makes of it. ``own_pitch``: by its own ear, else by the offline tracker's."""
    shape = network.shape
    frames = min(len(clip.note), int(LONGEST_S * shape.sample_rate / shape.ratio))
    audio = torch.from_numpy(clip.audio[None, : frames * shape.ratio])
    z, _ = network.encoder.encode(audio)
    if not own_pitch:
        z[:, 0] = torch.from_numpy(clip.note[None, :frames])
    noise = torch.randn(audio.shape, generator=torch.Generator().manual_seed(seed))
    return audio[0].double().numpy(), network.decoder.play(z, noise)[0].double().numpy()


def magnitudes(x: Doubles, size: int, hop: int) -> Doubles:
    """Hann magnitudes, a sine of amplitude a gives a. Shape: [frames, bins]."""
    x = np.pad(x, (0, max(0, size - len(x))))
    rows = np.lib.stride_tricks.sliding_window_view(x, size)[::hop]
    return np.abs(np.fft.rfft(rows * np.hanning(size), axis=1)) * (4.0 / size)


def spectral_distance_db(a: Doubles, b: Doubles) -> float:
    """Log-spectral distance: root mean square over bins, mean over frames, above -80 dB."""
    x, y = (20.0 * np.log10(np.maximum(magnitudes(s, 1024, 256), FLOOR)) for s in (a, b))
    return float(np.sqrt(((x - y) ** 2).mean(1)).mean())


def stft_distance(a: Doubles, b: Doubles) -> float:
    """Multi-scale STFT distance of b from a: relative linear error plus mean log error in nepers, mean of five sizes.

    As Engel et al. 2020, section 4.2, have it, and as the loss has it, above -90 dB. 0 for the same sound.
    """
    total = 0.0
    for size in STFT_SIZES:
        x, y = magnitudes(a, size, size // 4), magnitudes(b, size, size // 4)
        total += np.abs(x - y).sum() / (x.sum() + 1e-9) + np.abs(np.log(x + 3e-5) - np.log(y + 3e-5)).mean()
    return float(total / len(STFT_SIZES))


def loudness_curve(x: Doubles, size: int = 1024, hop: int = 256) -> Doubles:
    """Root mean square over windows of 21 ms (at 48 kHz), every 5 ms."""
    rows = np.lib.stride_tricks.sliding_window_view(np.pad(x, (size - hop, hop)), size)[::hop]
    level: Doubles = np.sqrt((rows**2).mean(1))
    return level


def loudness_correlation(a: Doubles, b: Doubles) -> float:
    x, y = loudness_curve(a), loudness_curve(b)
    return float(np.corrcoef(x, y)[0, 1]) if x.std() > 1e-9 and y.std() > 1e-9 else 0.0


def envelope(x: Doubles, hop: int = 256) -> Doubles:
    whole = len(x) // hop * hop
    level: Doubles = np.sqrt((x[:whole].reshape(-1, hop) ** 2).mean(1))
    return level


def envelope_correlation(a: Doubles, b: Doubles) -> float:
    x, y = envelope(a), envelope(b)
    if len(x) < 3 or x.std() < 1e-9 or y.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def _strongest_hz(x: Doubles, rate_hz: int) -> tuple[Doubles, Doubles]:
    m = magnitudes(x, 8192, 2048)
    log = np.log(m + 1e-9)
    k = np.clip(m[:, 2:-2].argmax(1) + 2, 2, m.shape[1] - 3)
    rows = np.arange(len(k))
    left, here, right = log[rows, k - 1], log[rows, k], log[rows, k + 1]
    shift = 0.5 * (left - right) / np.minimum(left - 2 * here + right, -1e-9)
    return (k + shift) * rate_hz / 8192, m.max(1)


def partial_share(a: Doubles, b: Doubles, rate_hz: int) -> float:
    """Share of the frames whose strongest partial is the same within 30 cents."""
    (x, level), (y, _) = _strongest_hz(a, rate_hz), _strongest_hz(b, rate_hz)
    heard = level > 0.05 * level.max()
    apart = 1200.0 * np.log2(np.maximum(y[heard], 1.0) / np.maximum(x[heard], 1.0))
    return float((np.abs(apart) < SAME_CENTS).mean())


def pitch_share(network: Network, clip: Clip) -> float:
    """Share of the sure frames in which the network's ear agrees with the tracker within half a semitone."""
    shape = network.shape
    frames = min(len(clip.note), int(LONGEST_S * shape.sample_rate / shape.ratio))
    with torch.no_grad():
        z, _ = network.encoder.encode(torch.from_numpy(clip.audio[None, : frames * shape.ratio]))
    sure = clip.sure[:frames] > 0.7
    return float((np.abs(z[0, 0].numpy() - clip.note[:frames])[sure] < 0.5).mean()) if sure.any() else 1.0


def same_pitch(real: Doubles, other: Doubles, rate_hz: int, note: float | None = None) -> tuple[int, int]:
    """(frames within SAME_CENTS, frames with a pitch) of a tonal sound, by the independent ear; (0, 0) of another.

    ``note``: the sound's own, where it is known. Of one too low for that ear it hears nothing but overtones: (0, 0).
    """
    listen = listener()
    if listen is None or (note is not None and note < LOWEST_NOTE):
        return 0, 0
    first = listen(real, rate_hz)
    if not first.tonal:
        return 0, 0
    cents = np.abs(1200.0 * np.log2(listen(other, rate_hz).hz[first.voiced] / first.hz[first.voiced]))
    return int((cents < SAME_CENTS).sum()), int(first.voiced.sum())


def held_out_figures(network: Network, corpus: Corpus, most: int = 60) -> dict[str, float]:
    """Means over the clips kept for the test; names carry their units.

    ``tracked``: with the pitch of the offline tracker, as when a hand or a key plays it, in the place of the network's
    own ear. ``pitch_30_cents_share``: of all voiced frames of tonal clips within the independent ear's reach; left out
    where there is no such ear.
    """
    rate = network.shape.sample_rate
    rows, pitch = [], np.zeros((2, 2))
    for clip in corpus.held_out[:most]:
        real, own = again(network, clip)
        _, guided = again(network, clip, own_pitch=False)
        note = clip.credit.get("note")
        pitch += [same_pitch(real, own, rate, note), same_pitch(real, guided, rate, note)]
        rows.append(
            {
                "spectral_distance_db": spectral_distance_db(real, own),
                "spectral_distance_tracked_db": spectral_distance_db(real, guided),
                "stft_distance": stft_distance(real, own),
                "loudness_correlation": loudness_correlation(real, own),
                "envelope_correlation": envelope_correlation(real, own),
                "strongest_partial_share": partial_share(real, own, rate),
                "strongest_partial_tracked_share": partial_share(real, guided, rate),
                "pitch_half_semitone_share": pitch_share(network, clip),
            }
        )
    figures = {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]}
    if pitch[0, 1]:
        figures["pitch_30_cents_share"] = round(float(pitch[0, 0] / pitch[0, 1]), 4)
        figures["pitch_30_cents_tracked_share"] = round(float(pitch[1, 0] / pitch[1, 1]), 4)
        figures["pitch_frames"] = float(pitch[0, 1])
    return figures
