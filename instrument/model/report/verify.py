"""Verify: what can be known of a model before an evening with it. After library, for `rosin models verify`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError
from instrument.base.text import say
from instrument.model.atlas.atlas import Atlas, read_atlas
from instrument.model.library import licences
from instrument.model.library.card import CARD, CREDITS, Card, read_card
from instrument.model.library.credit_lines import credits_line
from instrument.model.library.credits import gate, read_credits
from instrument.model.library.finder import ancestors, called, unpacked
from instrument.model.library.sealing import check_files
from instrument.model.report.check_result import CheckResult, CheckTeller, Grade, refused
from instrument.model.report.probe import BLOWUP, LOUD, heard
from instrument.model.report.reference import REFERENCE, check_reference
from instrument.model.runtime.providers import Wanted
from instrument.model.runtime.voice import QUANTUM, NoiseSource

__all__ = ["BLOWUP", "LOUD", "CheckResult", "Grade", "findings", "verify"]

EQUAL, ALIKE = 1e-5, 1e-4
"""Of full scale, or of a knob's range: what export asks for, and -80 dB, which another processor's rounding may cost.
"""
LIGHTER_DB = 6.0
"""Of a light copy's distance from the original, how much it may be worse here than where it was measured."""
SHIPPED_MB = 12.0
FINDS_ITSELF = 0.99
"""Of an atlas' anchors, how many have to find their own sound among their neighbours."""


def _files(card: Card, folder: Path, tell: CheckTeller) -> Iterator[CheckResult]:
    check_files(card, folder)
    yield tell("good", "files", "verify.files", count=len(card.files))
    extra = sorted(p.name for p in folder.iterdir() if p.name != CARD and p.name not in card.files)
    if extra:
        yield tell("warn", "files", "verify.files_extra", files=", ".join(extra[:5]))


def _credits(
    card: Card, folder: Path, allow_uncredited: bool, shipped: bool, tell: CheckTeller
) -> Iterator[CheckResult]:
    """The gate, and what the licences of model and sounds ask; of a shipped model, nothing may be left open."""
    doubt: Grade = "bad" if shipped else "warn"
    if said := licences.mistake(card.licence, tell.language):
        yield tell(doubt, "licence", "verify.licence_of_model", said=said)
    if CREDITS not in card.files and not (folder / CREDITS).exists() and not shipped:
        yield (
            tell("warn", "credits", "verify.uncredited")
            if allow_uncredited
            else tell("held", "credits", "verify.uncredited_held")
        )
        return
    credits = gate(card, folder)
    assert credits is not None
    yield CheckResult("good", "credits", credits_line(credits, tell.language))
    against = {licence: licences.conflict(licence, card.licence, tell.language) for licence in credits.licences}
    for said in filter(None, against.values()):
        yield CheckResult(doubt, "licence", said)
    asked = {what: name for name in (*credits.licences, card.licence) for what in licences.asks(name)}
    for what, name in asked.items():
        yield CheckResult("warn", "licence", say(f"verify.asks.{what}", tell.language, name=name))


def _line(card: Card, given: Sequence[Path], tell: CheckTeller) -> Iterator[CheckResult]:
    """What it was made from: who of them is here, and whether they say the same."""
    if not card.derived_from:
        return
    line = ancestors(card, given)
    here = [called(path) for _, path in line if path]
    said = tell.words("verify.lineage_from").join(one.name or f"{one[:12]}..." for one, _ in line)
    yield tell("good", "lineage", "verify.lineage", line=said, here=", ".join(here) or tell.words("verify.none"))
    parent = line[0][1]
    rest = card.derived_from[1:]
    if parent and rest and rest != (told := read_card(unpacked(parent)).derived_from):
        before = ", ".join(one[:12] for one in told) or tell.words("verify.nothing")
        yield tell("warn", "lineage", "verify.lineage_odd", parent=called(parent), said=rest[0][:12], told=before)


def _equality(card: Card, folder: Path, tell: CheckTeller) -> Iterator[CheckResult]:
    """The sound that torch made at export, made again here."""
    likeness = check_reference(folder, card)
    if likeness is None:
        yield tell("warn", "equality", "verify.no_reference", file=REFERENCE)
        return
    off, ear = likeness.decode, likeness.encode
    said = tell.words("verify.equality", frames=likeness.frames, off=tell.number(off, ".1e"))
    light = card.training.get("eco_snr_db")
    if isinstance(light, (int, float)):
        said += tell.words("verify.equality_light", db=f"{likeness.snr_db:.0f}", card=f"{light:.0f}")
        yield CheckResult("good" if likeness.snr_db >= light - LIGHTER_DB else "bad", "equality", said)
        return
    worst = max(off, ear or 0.0)
    if ear is not None:
        said += tell.words("verify.equality_ear", off=tell.number(ear, ".1e"))
    yield CheckResult("good" if worst <= EQUAL else "warn" if worst <= ALIKE else "bad", "equality", said)


def _size(folder: Path, card: Card, shipped: bool, tell: CheckTeller) -> CheckResult:
    size = sum((folder / file).stat().st_size for file in card.files) / 1e6
    if shipped and size > SHIPPED_MB:
        return tell("bad", "size", "verify.size_large", size=tell.number(size, ".1f"), most=f"{SHIPPED_MB:g}")
    return tell("good", "size", "verify.size", size=tell.number(size, ".1f"))


def _atlas(card: Card, folder: Path, shipped: bool, tell: CheckTeller) -> Iterator[CheckResult]:
    try:
        credits = read_credits(folder)
    except RosinError:
        credits = None
    atlas = read_atlas(folder, card, credits)
    if atlas is None:
        yield tell("bad" if shipped else "warn", "atlas", "verify.no_atlas")
        return
    yield _neighbours(atlas, tell)


def _neighbours(atlas: Atlas, tell: CheckTeller) -> CheckResult:
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
        return tell("bad", "atlas", "verify.atlas_odd", count=odd)
    share = hits / len(own)
    said = tell.words("verify.atlas", anchors=len(own), clips=atlas.clips, share=tell.number(100 * share, ".1f"))
    if share < FINDS_ITSELF:
        return tell("bad", "atlas", "verify.atlas_few", said=said, share=f"{100 * FINDS_ITSELF:.0f}")
    return CheckResult("good", "atlas", said)


def findings(
    path: Path,
    noise: NoiseSource,
    *,
    blocks: int = 200,
    providers: Wanted = "cpu",
    allow_uncredited: bool = False,
    shipped: bool = False,
    given: Sequence[Path] = (),
    language: str = "en",
) -> Iterator[CheckResult]:
    """One finding after the other on a model's folder or bundle; never an exception: what would raise one is ``bad``.

    ``shipped``: of a model that comes with the instrument more is asked (size, atlas, reference, clear licences). What
    refuses a model altogether is said as the error says it, in English.
    """
    tell = CheckTeller(language)
    try:
        folder = unpacked(path)
        if folder != path:
            yield tell("good", "bundle", "verify.bundle", file=path.name)
        card = read_card(folder)
    except RosinError as error:
        yield from refused(error)
        return
    yield CheckResult("good", "card", f"{card.name}, sha256 {card.sha256}")
    try:
        yield from _files(card, folder, tell)
        yield _size(folder, card, shipped, tell)
    except RosinError as error:
        yield from refused(error)
        try:  # what is not whole is not played; who is credited is looked at all the same
            yield from _credits(card, folder, allow_uncredited, shipped, tell)
        except RosinError as more:
            yield from refused(more)
        return
    parts = (
        _credits(card, folder, allow_uncredited, shipped, tell),
        _line(card, given, tell),
        _atlas(card, folder, shipped, tell),
        _equality(card, folder, tell),
        heard(folder, noise, blocks, providers, QUANTUM, tell),
    )
    for part in parts:
        try:
            yield from part
        except RosinError as error:
            yield from refused(error)


def verify(path: Path, noise: NoiseSource, **more: Any) -> list[CheckResult]:
    """All ``findings`` at once; further arguments as there."""
    return list(findings(path, noise, **more))
