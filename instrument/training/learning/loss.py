"""Loss: how far the network's sound is from the real one, and what its latents owe to order. Used by train.py alone.

Spectra at six resolutions, linear and log (DDSP, Engel et al. 2020, section 4.2), and how much each bin moves in
time, without which nothing random would pay and many players would sound like one; a KL term that keeps the latents
about unit normal; attribute regularisation (AR-VAE, Pati & Lerch 2021) that makes the first latents rise with
attributes of the sound (steering.py sees to the way back); cross-entropy for the pitch head.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from instrument.training.network.sureness import sureness

SIZES = (8192, 2048, 1024, 512, 256, 128)
"""The longest tells partials 25 Hz apart from each other, the next 100 Hz; crops too short for one go without."""
TEXTURE_SIZES = (2048, 512)
LOW_SIZE, LOW_HZ_SHARE = 8192, 1.0 / 240.0
"""At this size a bin's log error counts by how low it is, evenly below so much of half the rate (100 Hz): as an ear
hears. Counted evenly, the four bins of a bass string's strongest partial would be a thousandth of the loss."""
FLOOR = 3e-5
"""Log magnitudes below -90 dB are not compared."""


def spectra(audio: Tensor, size: int) -> Tensor:
    """Magnitudes scaled so that a sine of amplitude a gives a. Shape: [B, N] -> [B, bins, frames]."""
    window = torch.hann_window(size, device=audio.device)
    bins = torch.stft(audio, size, size // 4, window=window * (4.0 / size), center=False, return_complex=True)
    parts = torch.view_as_real(bins)
    return torch.sqrt(parts[..., 0] ** 2 + parts[..., 1] ** 2 + 1e-12)


def _by_pitch(bins: Tensor) -> Tensor:
    """Weights of mean 1 that fall as the pitch of a bin rises. Shape: [B, bins, frames] -> [bins, 1]."""
    place = torch.linspace(0.0, 1.0, bins.shape[1], device=bins.device)[:, None]
    weight = 1.0 / (place + LOW_HZ_SHARE)
    return weight / weight.mean()


def spectral_loss(sound: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Two numbers: how far the spectra are apart frame by frame, and how far their textures are.

    The first is the mean over the resolutions of the relative linear error and the mean log error (nepers). Alone it
    would still every flutter: a random swell that is not the recorded one costs twice. So the second compares, per
    bin, mean and deviation over time of the log magnitude.
    """
    near, texture = torch.zeros((), device=sound.device), torch.zeros((), device=sound.device)
    sizes = [size for size in SIZES if size <= sound.shape[1]]
    for size in sizes:
        a, b = spectra(sound, size), spectra(target, size)
        linear = (a - b).abs().sum((1, 2)) / (b.sum((1, 2)) + 1e-2)
        log_a, log_b = torch.log(a + FLOOR), torch.log(b + FLOOR)
        away = (log_a - log_b).abs()
        near = near + linear.clamp(max=10.0).mean() + (away * _by_pitch(away) if size == LOW_SIZE else away).mean()
        if size in TEXTURE_SIZES:
            middle = (log_a.mean(2) - log_b.mean(2)).abs().mean()
            moving = (
                ((log_a.var(2, correction=0) + 1e-4).sqrt() - (log_b.var(2, correction=0) + 1e-4).sqrt()).abs().mean()
            )
            texture = texture + middle + moving
    return near / len(sizes), texture / len(TEXTURE_SIZES)


def divergence(mean: Tensor, log_std: Tensor) -> Tensor:
    """KL to the unit normal, a number per dimension (nats a frame). Shape: [B, L, F] -> [L]."""
    return (0.5 * (mean**2 + torch.exp(2.0 * log_std) - 1.0) - log_std).mean((0, 2))


def attributes(target: Tensor, sure: Tensor, note: Tensor, ratio: int) -> Tensor:
    """What the named latents should rise with (steering.STEERED), of the real sound. Shape: [B, 4, F].

    Log centroid; lack of period; odd against even harmonics above the first; how much the spectrum moves.
    """
    frames = sure.shape[1]
    window = torch.hann_window(2048, device=target.device)
    padded = functional.pad(target, (2048 - ratio, 0))
    power = torch.stft(padded, 2048, ratio, window=window, center=False, return_complex=True).abs()[..., :frames]
    bins = power.shape[1]
    hz = torch.linspace(0.0, 1.0, bins, device=target.device)[:, None]
    centroid = torch.log((power * hz).sum(1) / (power.sum(1) + 1e-6) + 1e-4)
    f0 = 440.0 * torch.exp2((note - 69.0) / 12.0) / 24000.0 * (bins - 1)
    ranks = torch.arange(2, 12, device=target.device)[:, None]
    at = (f0[:, None] * ranks).round().long().clamp(max=bins - 1)
    lines = power.gather(1, at) ** 2
    hollow = torch.log((lines[:, 1::2].sum(1) + 1e-8) / (lines[:, 0::2].sum(1) + 1e-8))
    before = functional.pad(power, (16, 0))[..., :frames]
    flux = torch.log((power - before).abs().sum(1) / (power.sum(1) + before.sum(1) + 1e-6) + 1e-3)
    return torch.stack([centroid, 1.0 - sure, hollow, flux], 1)


def order_loss(mean: Tensor, wanted: Tensor, loud: Tensor, every: int = 16) -> Tensor:
    """Pairs of frames must differ in the first latents the way they differ in the attributes.

    Shapes: [B, L, F], [B, 4, F], [B, F] (True where there is sound).
    """
    heard = loud[:, ::every].flatten()
    total = torch.zeros((), device=mean.device)
    for i in range(min(wanted.shape[1], mean.shape[1])):
        z, a = mean[:, i, ::every].flatten()[heard], wanted[:, i, ::every].flatten()[heard]
        if len(z) > 1:
            scale = a.std() + 1e-4
            total = total + (torch.tanh(z[:, None] - z) - torch.tanh(2.0 * (a[:, None] - a) / scale)).abs().mean()
    return total


def pitch_loss(scores: Tensor, note: Tensor, sure: Tensor, notes: Tensor) -> Tensor:
    """Cross-entropy with the tracker's note, blurred by a third of a semitone. Shapes: [B, notes, F], [B, F]."""
    weight = sureness(sure)
    wanted = torch.softmax(-0.5 * ((notes[None, :, None] - note[:, None]) / 0.35) ** 2, 1)
    entropy = -(wanted * torch.log_softmax(scores, 1)).sum(1)
    return (entropy * weight).sum() / (weight.sum() + 1.0)
