"""Passivity over the whole panel: whatever is turned on, the hands put in more than there is to get back."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.friction.bearing import Friction
from instrument.friction.params import NAMES, FrictionParams
from instrument.knobs import PARAMETERS

Array = np.ndarray


# --- what the knobs hold, worked out a second time from their state


def spline(wells: Array, x: float) -> float:
    """Cubic B-spline of 64 coefficients over 0..1, node by node."""
    away = np.abs(x * 61 - (np.arange(64) - 1))
    weight = np.where(away < 1, 4 - 6 * away**2 + 3 * away**3, np.maximum(2 - away, 0) ** 3) / 6
    return float(wells @ weight)


def well_scale(dig: float) -> float:
    return dig * np.sqrt(np.e) * np.hypot(0.02, 1 / 61 / np.sqrt(3))


def places(amounts: FrictionParams, k: int, listed: list[float] | None = None) -> Array:
    if listed:
        return np.sort(np.array(listed, float))
    count = max(1, int(np.floor(amounts.detents[k] + 0.5)))
    return np.linspace(0, 1, count) if count > 1 else np.array([0.5])


def detent_energy(amounts: FrictionParams, k: int, x: float, held: float, listed: list[float] | None = None) -> float:
    """In the well of detent ``held`` (-1: the nearest)."""
    at = places(amounts, k, listed)
    place = at[int(held)] if held >= 0 else at[np.argmin(np.abs(at - x))]
    reach = float(amounts.snap_point[k]) * (np.diff(at).min() if len(at) > 1 else 1.0)
    top = 2 * reach * float(amounts.detent_strength[k]) / np.pi
    away = abs(x - place)
    return top / 2 * (1 - np.cos(np.pi * away / reach)) if away < reach else top


def stored(
    amounts: FrictionParams,
    state: dict[str, Array],
    correlation: Array | None = None,
    home: Array | None = None,
    lists: list[list[float] | None] | None = None,
) -> float:
    """Everything the knobs, their bristles, springs, detents, ends and wells hold, in travel^2 of the hand's spring."""
    total = 0.0
    for k, x in enumerate(state["pos"]):
        a = {name: float(getattr(amounts, name)[k]) for name in amounts.__slots__ if name != "rows"}
        mass = 1 / (2 * np.pi * a["weight"]) ** 2 if a["weight"] > 0 else 0.0
        worn = 1 + a["fatigue"] * (1 - state["budget"][k])
        total += mass * state["speed"][k] ** 2 / 2 + (state["play"][k] - x) ** 2 / 2
        total += worn * a["stick"] * a["pre"] * state["bristle"][k] ** 2 / 2
        if a["detents"] > 0 and a["detent_strength"] > 0:
            total += detent_energy(amounts, k, x, state["detent"][k], lists[k] if lists else None)
        inside = max(0.0, 0.05 - x) + max(0.0, x - 0.95)
        total += a["endstop_strength"] * inside**2 / 0.1
        total -= well_scale(a["dig"]) * spline(state["wells"][k], x)
    if correlation is not None:
        root = np.sqrt(amounts.coupling.astype(float))
        e = state["pos"] - home
        for i in range(len(e)):
            for j in range(i):
                c = correlation[i, j]
                total += abs(c) * root[i] * root[j] * (e[i] - np.sign(c) * e[j]) ** 2 / 2
    return float(total)


# --- anywhere on the panel

RANGES = {k.id.removeprefix("friction."): (k.low, k.high) for k in PARAMETERS if k.group == "friction"}
LOW, HIGH = (np.array([RANGES[name][side] for name in NAMES]) for side in (0, 1))


def somewhere(random: np.random.Generator, knobs: int, off: float = 0.25) -> FrictionParams:
    """Anywhere in the box of the 21 amounts, on its corners and edges too; some switched off."""
    amounts = FrictionParams(knobs)
    shape = amounts.rows.shape
    low, high = LOW[:, None], HIGH[:, None]
    share = np.clip(random.uniform(-0.2, 1.2, shape), 0, 1)
    spread = np.where(low > 0, low * (high / np.where(low > 0, low, 1)) ** share, low + (high - low) * share)
    amounts.rows[:] = spread
    amounts.weight[random.random(knobs) < 0.3] = 0.0
    for name in ("stick", "visc", "play", "detents", "endstop_strength", "dig", "fatigue", "known", "coupling"):
        getattr(amounts, name)[random.random(knobs) < off] = 0.0
    amounts.slide[:] = np.minimum(amounts.slide, amounts.stick)
    return amounts


def some_hands(random: np.random.Generator, ticks: int, knobs: int, tick_hz: float) -> np.ndarray:
    t = np.arange(ticks)[:, None] / tick_hz
    hand = 0.5 + random.uniform(0, 0.6, knobs) * np.sin(t * random.uniform(0, 200, knobs) + random.uniform(0, 6, knobs))
    hand += random.choice([0.0, 0.1]) * random.normal(0, 1, hand.shape)
    hand[random.random(ticks) < 0.02] = random.random(knobs)
    hand[int(ticks * random.random()) :] = random.random(knobs)  # and then they rest
    return np.clip(hand, 0, 1).astype(np.float32)


def some_correlation(random: np.random.Generator, knobs: int) -> np.ndarray:
    return np.clip(np.corrcoef(random.normal(size=(knobs, knobs + 1))), -1, 1)


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**32), tick_hz=st.one_of(st.sampled_from([375.0, 1500.0, 48000.0]), st.floats(375, 48000)))
def test_it_never_gives_back_more_than_was_put_in(seed: int, tick_hz: float) -> None:
    random = np.random.default_rng(seed)
    knobs, ticks = 4, 300
    amounts = somewhere(random, knobs)
    hand, push = (
        some_hands(random, ticks, knobs, tick_hz),
        random.normal(0, random.choice([0, 0.1, 1.0]), (ticks, knobs)),
    )
    push = push.astype(np.float32)
    friction = Friction(knobs, tick_hz)
    correlation, home = some_correlation(random, knobs), random.random(knobs).astype(np.float32)
    friction.couple(correlation, home)
    lists = None
    if seed % 2:
        lists = [
            sorted(random.choice(np.linspace(0, 1, 65), random.integers(1, 9), replace=False)) for _ in range(knobs)
        ]
        friction.set_detents(lists)
    friction.known[:] = random.random(knobs)
    friction.reset(hand[0])
    if seed % 3:
        before = friction.state()
        before["wells"][:] = np.abs(random.normal(0, 0.5, before["wells"].shape))
        friction.set_state(before)
    state, pos, work, turned = friction.state(), np.empty((1, knobs), np.float32), 0.0, 0.0
    begun = stored(amounts, state, correlation, home, lists)
    weight = amounts.weight.astype(float)
    omega = 2 * np.pi * weight
    damper = np.where(weight > 0, 2 * amounts.zeta / np.where(weight > 0, omega, 1), 0.0)
    for t in range(ticks):
        friction.step(hand[t : t + 1], amounts, push[t : t + 1], pos)
        after = friction.state()
        led, moved = after["play"] - state["play"], after["pos"] - state["pos"]
        pull = after["play"] - after["pos"] + damper * (led - moved) * tick_hz
        work += float(np.sum(pull * led + push[t] * moved))
        turned += float(np.sum(np.abs(pull * led)) + np.sum(np.abs(push[t] * moved)))
        now = stored(amounts, after, correlation, home, lists)
        assert np.isfinite(now)
        assert work >= now - begun - 1e-11 * (1 + turned), t
        assert np.all((pos >= 0) & (pos <= 1))
        state = after


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), block=st.integers(1, 97))
def test_any_cutting_into_blocks_and_any_kept_state_give_the_same_bits(seed: int, block: int) -> None:
    random = np.random.default_rng(seed)
    knobs, ticks = 5, 400
    amounts, hand = somewhere(random, knobs), some_hands(random, ticks, knobs, 1500.0)
    push = random.normal(0, 0.05, hand.shape).astype(np.float32)
    correlation = some_correlation(random, knobs)

    def fresh() -> Friction:
        friction = Friction(knobs, 1500.0)
        friction.couple(correlation, np.full(knobs, 0.4, np.float32))
        friction.known[:] = np.linspace(0, 1, knobs)
        return friction

    whole, cut, one, other = fresh(), fresh(), np.empty_like(hand), np.empty_like(hand)
    whole.step(hand, amounts, push, one)
    for first in range(0, ticks, block):
        part = slice(first, first + block)
        cut.step(hand[part], amounts, push[part], other[part])
        if first // block % 3 == 1:
            kept, cut = cut.state(), fresh()
            cut.set_state(kept)
    assert one.tobytes() == other.tobytes()
    assert all(whole.state()[name].tobytes() == cut.state()[name].tobytes() for name in whole.state())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_neutral_knob_among_others_is_its_hand_bit_for_bit(seed: int) -> None:
    random = np.random.default_rng(seed)
    amounts, hand = somewhere(random, 4, off=0.1), random.random((200, 4), np.float32)
    for name in ("stick", "visc", "weight", "play", "detent_strength", "endstop_strength", "dig", "coupling"):
        getattr(amounts, name)[1:3] = 0.0
    friction = Friction(4, 1500.0)
    friction.couple(some_correlation(random, 4))
    friction.known[:] = 1.0
    pos = np.empty_like(hand)
    friction.step(hand, amounts, None, pos)
    assert pos[:, 1:3].tobytes() == hand[:, 1:3].tobytes()
    assert friction.force[1] == friction.lead[1] == 0.0
    assert friction.budget[1] == 1.0
