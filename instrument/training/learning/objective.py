"""Objective: one forward pass and all that is asked of it, in two phases. Between the crops and the optimiser.

In the first phase everything learns from spectra; in the second the encoder stays as it is and an adversary's
judgement joins (RAVE, Caillon & Esling 2021, section 3.2: two stages, the latent space fixed in the second).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from instrument.training.learning import beside, loss, steering
from instrument.training.learning.adversary import Adversary
from instrument.training.learning.ranks import Ranks
from instrument.training.network import strings
from instrument.training.network.chance import Chance
from instrument.training.network.model import Network
from instrument.training.network.sureness import sureness

WARM_FRAMES = 28
"""Frames at the head of a crop that are not compared: the network's memory is still empty there."""
KL_WEIGHT = 0.001
KL_WARM_UP = 0.15
"""Share of the budget in which it comes in."""
TEXTURE_WEIGHT = 0.7
ORDER_WEIGHT = 0.05
ORDER_EVERY = 16
PITCH_WEIGHT = 0.3
EAR_WEIGHT = 0.3
"""Of the pitch in other colours (batches.ear_batch)."""
STEERING_WEIGHT = 0.3
STIFFNESS_WEIGHT = 0.2
BESIDE_WEIGHT = 0.5
SPECTRA, ADVERSARY = 1, 2
"""The phases."""
ADVERSARIAL_WEIGHT = 0.2
MATCHING_WEIGHT = 1.0
JUDGES_WARM_UP = 0.1
"""Share of the second phase in which its judgement comes in: judges that know nothing yet only disturb."""


class Crop(NamedTuple):
    """Crops of sounds: ``audio`` [B, F * ratio], ``note``, ``sure`` [B, F], ``stiff`` [B]: the strings' B."""

    audio: Tensor
    note: Tensor
    sure: Tensor
    stiff: Tensor


class Objective(nn.Module):
    """A network and what it is to learn. Its own module so that gradients of several processes can be averaged."""

    def __init__(self, network: Network, ranks: Ranks) -> None:
        super().__init__()
        self.network, self.ranks = network, ranks

    def heard(self, audio: Tensor, frozen: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if not frozen:
            return self.network.encoder(audio)  # type: ignore[no-any-return]
        with torch.no_grad():
            return self.network.encoder(audio)  # type: ignore[no-any-return]

    def fair(self, own: Tensor) -> Tensor | float:
        """By what a loss that was divided by ``own`` is to be weighted for the mean over the ranks to be right."""
        ranks = self.ranks
        return 1.0 if ranks.world == 1 else ranks.world * (own + 1.0) / (ranks.total(own) + 1.0)

    def forward(
        self,
        crops: Crop,
        chance: Chance,
        spent: float,
        judges: Adversary | None = None,
        joined: float = 0.0,
        ears: Crop | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(total loss, its parts [5]: spectral, KL, pitch, adversarial, matching; the sound that was compared).

        ``spent``: of the budget; ``judges``: in the second phase, ``joined`` (0..1) being how much of their judgement
        counts; ``ears``: what is heard for the pitch alone.
        """
        audio, note, sure, stiff = crops
        network, shape = self.network, self.network.shape
        loudness, mean, log_std, scores = self.heard(audio, judges is not None)
        drawn = mean + log_std.exp() * chance.white(*mean.shape)
        z = torch.cat([note[:, None], loudness[:, None], drawn], 1)
        sound = network.decoder.learn(z, chance, *([stiff] if shape.inharmonic else []))
        warm = WARM_FRAMES * shape.ratio
        spectral, texture = loss.spectral_loss(sound[:, warm:], audio[:, warm:])
        nats = loss.divergence(mean, log_std).sum()
        order = self.order(mean, loss.attributes(audio, sure, note, shape.ratio), loudness > -60.0)
        pitch = self.pitch(scores, note, sure)
        total = spectral + TEXTURE_WEIGHT * texture + ORDER_WEIGHT * order + PITCH_WEIGHT * pitch
        if ears is not None and judges is None:
            total = total + EAR_WEIGHT * self.pitch(network.encoder(ears.audio)[3], ears.note, ears.sure)
        total = total + KL_WEIGHT * min(1.0, spent / KL_WARM_UP) * nats
        if shape.family == "harmonic":
            total = total + self.of_lines(z, sure, stiff, chance)
        judged = [torch.zeros_like(spectral)] * 2
        if judges is not None:
            judged = list(judges.generator_loss(audio[:, warm:], sound[:, warm:]))
            total = total + joined * (ADVERSARIAL_WEIGHT * judged[0] + MATCHING_WEIGHT * judged[1])
        parts = torch.stack([each.detach() for each in (spectral, nats, pitch, *judged)])
        return total, parts, sound[:, warm:]

    def of_lines(self, z: Tensor, sure: Tensor, stiff: Tensor, chance: Chance) -> Tensor:
        """What is asked of harmonics and tones beside their sound: knobs that steer, tuning, stiffness of strings."""
        decoder, shape = self.network.decoder, self.network.shape
        loud = z[:, 1] > -60.0
        steered = steering.steering_loss(decoder, z, chance)
        total = STEERING_WEIGHT * steered * self.fair(loud[:, :: steering.EVERY].float().sum())
        if shape.tones:
            pull = beside.beside_loss(decoder, z, sure)
            total = total + BESIDE_WEIGHT * pull * self.fair(beside.counted(z, sure).sum())
        if shape.inharmonic:
            said = decoder.stiffness.log(z * decoder.z_scale + decoder.z_shift)
            stray = strings.loss(said, stiff, sure)
            total = total + STIFFNESS_WEIGHT * stray * self.fair(strings.told(stiff, sure).sum())
        return total

    def pitch(self, scores: Tensor, note: Tensor, sure: Tensor) -> Tensor:
        """Loss of the pitch head, the same whichever process has the frames that have a pitch."""
        own = loss.pitch_loss(scores, note, sure, self.network.encoder.notes)
        return own * self.fair(sureness(sure).sum())

    def order(self, mean: Tensor, wanted: Tensor, heard: Tensor) -> Tensor:
        """The order of all crops of a step, those of other processes too: it is pairs that are compared."""
        few = [part[..., ::ORDER_EVERY] for part in (mean, wanted, heard.float())]
        mean, wanted, loud = (self.ranks.gathered(part) for part in few)
        return loss.order_loss(mean, wanted, loud > 0.5, every=1)
