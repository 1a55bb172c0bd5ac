"""The adversary: it learns to tell, teaches only whom it should, and goes on where it was."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

import io

import pytest

torch = pytest.importorskip("torch")

from instrument.base.errors import RosinError
from instrument.training.learning.adversary import LARGE, Adversary, discriminator_loss, generator_loss


@pytest.fixture(autouse=True)
def one_core() -> None:
    torch.set_num_threads(1)


def tones(seed: int, count: int = 2) -> torch.Tensor:
    """Steady tones of any phase, two harmonics. Shape: [count, 8192]."""
    draw = torch.Generator().manual_seed(seed)
    phase = 6.28 * torch.rand(count, 1, generator=draw)
    turn = 2 * torch.pi * 300.0 * torch.arange(8192) / 48000 + phase
    return 0.1 * (torch.sin(turn) + 0.5 * torch.sin(2 * turn))


def noise(seed: int, count: int = 2) -> torch.Tensor:
    return 0.1 * torch.randn(count, 8192, generator=torch.Generator().manual_seed(seed))


def test_hinge_and_feature_matching_are_their_formulas() -> None:
    layer, verdict = torch.tensor([2.0, -2.0]), torch.tensor([0.5, 3.0])
    real = [[layer, verdict], [layer, verdict]]
    fake = [[layer * 0.5, -verdict], [layer, -verdict]]
    assert float(discriminator_loss(real, fake)) == pytest.approx(0.25 + 0.25)
    adversarial, matching = generator_loss(real, fake)
    assert float(adversarial) == pytest.approx(1.75)
    assert float(matching) == pytest.approx(0.25, rel=1e-3)
    assert float(generator_loss(real, real)[1]) == 0.0


def test_it_learns_to_tell_tones_from_noise() -> None:
    adversary = Adversary(1)
    losses = [adversary.learn(tones(i), noise(i)) for i in range(25)]
    assert losses[0] == pytest.approx(2.0, abs=0.4)
    assert losses[-1] < 0.75 * losses[0]
    with torch.no_grad():
        for real, fake in zip(adversary(tones(99)), adversary(noise(99)), strict=True):
            assert float(real[-1].mean()) > float(fake[-1].mean())


def test_a_sound_led_by_its_judgement_grows_more_real() -> None:
    adversary = Adversary(1)
    for i in range(20):
        adversary.learn(tones(i), noise(i))
    fake, real = noise(50).requires_grad_(), tones(50)
    optimiser = torch.optim.Adam([fake], 1e-2)
    costs = []
    for _ in range(15):
        adversarial, matching = adversary.generator_loss(real, fake)
        costs.append((float(adversarial.detach()), float(matching.detach())))
        optimiser.zero_grad()
        (adversarial + matching).backward()
        optimiser.step()
    assert costs[-1][0] < costs[0][0]
    assert costs[-1][1] < costs[0][1]


def test_each_loss_reaches_only_whom_it_teaches() -> None:
    adversary = Adversary(2)
    fake, real = noise(1).requires_grad_(), tones(1)
    sum(adversary.generator_loss(real, fake)).backward()
    assert fake.grad is not None
    assert fake.grad.abs().max() > 0
    assert all(p.grad is None and p.requires_grad for p in adversary.parameters())
    fake.grad = None
    adversary.discriminator_loss(real, fake).backward()
    assert fake.grad is None
    assert all(p.grad is not None for p in adversary.parameters())


def test_soft_playing_is_judged_as_loud_playing_is() -> None:
    adversary = Adversary(2)
    with torch.no_grad():
        loud = adversary.discriminator_loss(tones(1), noise(1))
        soft = adversary.discriminator_loss(tones(1) * 0.03, noise(1) * 0.03)
        silent = adversary.generator_loss(torch.zeros(1, 8192), torch.zeros(1, 8192))
    assert float(soft) == pytest.approx(float(loud), rel=1e-4)
    assert all(torch.isfinite(part) for part in silent)


def test_the_seed_sets_the_weights_and_nothing_else_is_drawn_from() -> None:
    torch.manual_seed(7)
    undisturbed = torch.rand(1)
    torch.manual_seed(7)
    first = Adversary(5)
    assert torch.equal(torch.rand(1), undisturbed)
    second, other = Adversary(5), Adversary(6)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_it_goes_on_exactly_where_it_was() -> None:
    whole, first = Adversary(3), Adversary(3)
    for i in range(4):
        whole.learn(tones(i), noise(i))
    for i in range(2):
        first.learn(tones(i), noise(i))
    kept = io.BytesIO()
    torch.save(first.table(), kept)
    kept.seek(0)
    second = Adversary(4)
    second.load(torch.load(kept, weights_only=True))
    for i in range(2, 4):
        second.learn(tones(i), noise(i))
    for a, b in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_large_one_has_judges_of_spectra_and_of_periods() -> None:
    adversary = Adversary(1, LARGE)
    assert [type(judge).__name__ for judge in adversary.judges] == ["SpectrumJudge"] * 5 + ["PeriodJudge"] * 5
    with torch.no_grad():
        judged = adversary(tones(1, 1))
    assert len(judged) == 10
    assert all(torch.isfinite(layer).all() for layers in judged for layer in layers)


def test_what_does_not_fit_is_refused_in_a_sentence() -> None:
    with pytest.raises(RosinError, match="small or large"):
        Adversary(1, "huge")
    kept = Adversary(1).table()
    with pytest.raises(RosinError, match="large"):
        Adversary(1).load({**kept, "size": LARGE})
    for damaged in ({}, {**kept, "judges": {}}, {**kept, "optimiser": {}}):
        with pytest.raises(RosinError, match="damaged"):
            Adversary(1).load(damaged)
