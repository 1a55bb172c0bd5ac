"""Verify: what can be known of a model before an evening with it. After library, for `rosin models verify`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from instrument.errors import RosinError
from instrument.model import licences
from instrument.model.atlas import Atlas, read_atlas
from instrument.model.card import CARD, CREDITS, Card, read_card
from instrument.model.credits import credits_line, gate, read_credits
from instrument.model.hearing import BLOWUP, LOUD, Finding, Grade, heard
from instrument.model.library import ancestors, called, unpacked
from instrument.model.providers import Wanted
from instrument.model.reference import REFERENCE, check_reference
from instrument.model.session import check_files
from instrument.model.voice import QUANTUM, NoiseSource

__all__ = ["BLOWUP", "LOUD", "Finding", "Grade", "findings", "verify"]

EQUAL, ALIKE = 1e-5, 1e-4
"""Of full scale, or of a knob's range: what export asks for, and -80 dB, which another processor's rounding may cost.
"""
LIGHTER_DB = 6.0
"""Of a light copy's distance from the original, how much it may be worse here than where it was measured."""
SHIPPED_MB = 12.0
FINDS_ITSELF = 0.99
"""Of an atlas' anchors, how many have to find their own sound among their neighbours."""


def _files(card: Card, folder: Path) -> Iterator[Finding]:
    check_files(card, folder)
    yield Finding("good", "files", f"all {len(card.files)} files are those its card was written for")
    extra = sorted(p.name for p in folder.iterdir() if p.name != CARD and p.name not in card.files)
    if extra:
        yield Finding("warn", "files", f"the card does not name {', '.join(extra[:5])}; they are not part of the model")


def _credits(card: Card, folder: Path, allow_uncredited: bool, shipped: bool) -> Iterator[Finding]:
    """The gate, and what the licences of model and sounds ask; of a shipped model, nothing may be left open."""
    doubt: Grade = "bad" if shipped else "warn"
    if said := licences.mistake(card.licence):
        yield Finding(doubt, "licence", f"of the model: {said}")
    if CREDITS not in card.files and not (folder / CREDITS).exists() and not shipped:
        said = "it has none, so nobody knows whose sounds it learned from: "
        if allow_uncredited:
            yield Finding("warn", "credits", f"{said}it stays marked while it plays")
        else:
            yield Finding("held", "credits", f"{said}it plays only with --allow-uncredited, and stays marked")
        return
    credits = gate(card, folder)
    assert credits is not None
    yield Finding("good", "credits", credits_line(credits))
    against = {licence: licences.conflict(licence, card.licence) for licence in credits.licences}
    for said in filter(None, against.values()):
        yield Finding(doubt, "licence", said)
    words = {
        "no-commerce": "forbids playing it for money",
        "share-alike": "asks that what is made of it carries the same licence",
        "no-changes": "forbids changed versions",
        "unknown": "is not a common one: read it",
    }
    asked = {what: name for name in (*credits.licences, card.licence) for what in licences.asks(name)}
    for what, name in asked.items():
        yield Finding("warn", "licence", f"{name} {words[what]}")


def _line(card: Card, given: Sequence[Path]) -> Iterator[Finding]:
    """What it was made from: who of them is here, and whether they say the same."""
    if not card.derived_from:
        return
    line = ancestors(card, given)
    here = [called(path) for _, path in line if path]
    said = ", from ".join(one.name or f"{one[:12]}..." for one, _ in line)
    yield Finding("good", "lineage", f"made from {said}; here of these: {', '.join(here) or 'none'}")
    parent = line[0][1]
    rest = card.derived_from[1:]
    if parent and rest and rest != (told := read_card(unpacked(parent)).derived_from):
        before = ", ".join(one[:12] for one in told) or "nothing"
        yield Finding("warn", "lineage", f"it says that {called(parent)} was made from {rest[0][:12]}..., and that "
                      f"says {before}")  # fmt: skip


def _equality(card: Card, folder: Path) -> Iterator[Finding]:
    """The sound that torch made at export, made again here."""
    likeness = check_reference(folder, card)
    if likeness is None:
        said = f"it carries no {REFERENCE}: that it sounds as it was trained is not proven here"
        yield Finding("warn", "equality", said)
        return
    off, ear = likeness.decode, likeness.encode
    said = f"{likeness.frames} frames as its network made them: off by {off:.1e} of full scale"
    light = card.training.get("eco_snr_db")
    if isinstance(light, (int, float)):
        said += f", {likeness.snr_db:.0f} dB below the sound; its card says {light:.0f} dB for this light copy"
        yield Finding("good" if likeness.snr_db >= light - LIGHTER_DB else "bad", "equality", said)
        return
    worst = max(off, ear or 0.0)
    if ear is not None:
        said += f"; heard again, off by {ear:.1e} of a knob's range"
    yield Finding("good" if worst <= EQUAL else "warn" if worst <= ALIKE else "bad", "equality", said)


def _size(folder: Path, card: Card, shipped: bool) -> Finding:
    size = sum((folder / file).stat().st_size for file in card.files) / 1e6
    if shipped and size > SHIPPED_MB:
        return Finding("bad", "size", f"{size:.1f} MB, more than the {SHIPPED_MB:g} MB of a shipped model")
    return Finding("good", "size", f"{size:.1f} MB")


def _atlas(card: Card, folder: Path, shipped: bool) -> Iterator[Finding]:
    try:
        credits = read_credits(folder)
    except RosinError:
        credits = None
    atlas = read_atlas(folder, card, credits)
    if atlas is None:
        yield Finding(
            "bad" if shipped else "warn",
            "atlas",
            "it has none: no neighbouring sounds, and nothing is known or unknown",
        )
        return
    yield _neighbours(atlas)


def _neighbours(atlas: Atlas) -> Finding:
    """Every anchor looked up: whether it finds its own sound, and whether what is said there adds up."""
    places, own = atlas.places(), atlas.chart.sound
    hits, odd = 0, 0
    for z, sound in zip(places, own, strict=True):
        atlas.look(z)
        hits += bool((own[atlas.nearest[atlas.nearest >= 0]] == sound).any())
        sums = (atlas.weight.sum(), atlas.share.sum() if atlas.authors else 1.0)
        within = 0.0 <= atlas.unknown <= 1.0 and 0.0 <= atlas.known <= 1.0
        odd += not (within and all(abs(total - 1.0) < 1e-3 for total in sums))
    if odd:
        return Finding("bad", "atlas", f"at {odd} of its anchors the shares do not add up; fetch the model again")
    share = hits / len(own)
    said = f"{len(own)} anchors in {atlas.clips} sounds; {100 * share:.1f} % find their own sound among 8 neighbours"
    if share < FINDS_ITSELF:
        return Finding("bad", "atlas", f"{said}, fewer than {100 * FINDS_ITSELF:.0f} %; train it again")
    return Finding("good", "atlas", said)


def findings(
    path: Path,
    noise: NoiseSource,
    *,
    blocks: int = 200,
    providers: Wanted = "cpu",
    quantum: int = QUANTUM,
    allow_uncredited: bool = False,
    shipped: bool = False,
    given: Sequence[Path] = (),
) -> Iterator[Finding]:
    """One finding after the other on a model's folder or bundle; never an exception: what would raise one is ``bad``.

    ``shipped``: of a model that comes with the instrument more is asked (size, atlas, reference, clear licences).
    """
    try:
        folder = unpacked(path)
        if folder != path:
            yield Finding("good", "bundle", f"{path.name} holds what it says, and nothing else")
        card = read_card(folder)
        yield Finding("good", "card", f"{card.name}, sha256 {card.sha256}")
        yield from _files(card, folder)
        yield _size(folder, card, shipped)
    except RosinError as error:
        yield Finding("bad", "refused", " ".join(str(error).splitlines()))
        return
    parts = (
        _credits(card, folder, allow_uncredited, shipped), _line(card, given), _atlas(card, folder, shipped),
        _equality(card, folder), heard(folder, noise, blocks, providers, quantum),
    )  # fmt: skip
    for part in parts:
        try:
            yield from part
        except RosinError as error:
            yield Finding("bad", "refused", " ".join(str(error).splitlines()))


def verify(path: Path, noise: NoiseSource, **more: Any) -> list[Finding]:
    """All ``findings`` at once; further arguments as there."""
    return list(findings(path, noise, **more))
