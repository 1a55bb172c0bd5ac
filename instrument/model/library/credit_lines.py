"""Credit lines: credits in words - one line, a sound, an author, who trained it, the roll. Above credits.

The line on the stage, the metadata of recordings, the roll and the pages of a model all take their words from here.
"""

from __future__ import annotations

from collections.abc import Sequence

from instrument.base.text import say
from instrument.base.units import number_in
from instrument.model.library.credits import Credits, Made, Sound


def _and(names: Sequence[str], language: str, shown: int = 3) -> str:
    """`A, B and 4 others`."""
    link = say("credits.and", language)
    if len(names) > shown:
        rest = len(names) - shown
        names = (*names[:shown], say("credits.others" if rest > 1 else "credits.other", language, count=rest))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {link} {names[-1]}" if names else ""


def credits_line(credits: Credits | None, language: str = "en") -> str:
    """One line for the stage: from how many recordings, by whom, under which licences. None: a voice that plays
    uncredited, which stays marked."""
    if credits is None:
        return say("credits.none", language)
    if not credits.sounds:
        return say("credits.computed", language)
    count = len(credits.sounds)
    by, under = _and(credits.authors, language), ", ".join(credits.licences)
    return say("credits.line" if count > 1 else "credits.line_one", language, count=count, by=by, under=under)


def sound_line(sound: Sound) -> str:
    """One recording: what, by whom, under which licence, from where."""
    return f"{sound.title} · {sound.author} · {sound.licence} · {sound.source}"


def energy_words(made: Made, language: str = "en") -> str:
    """`1.2 kWh (measured)`, or empty when nobody knows."""
    if made.energy_wh <= 0.0:
        return ""
    kilo = made.energy_wh >= 1000
    size = f"{made.energy_wh / 1000:.2g} kWh" if kilo else f"{made.energy_wh:.3g} Wh"
    how = say("credits.measured" if made.energy_measured else "credits.estimated", language)
    return f"{number_in(language, size)} ({how})"


def trained_words(made: Made, language: str = "en") -> str:
    """Who trained it, and when."""
    return say("credits.trained", language, by=made.by, date=made.date)


def roll(credits: Credits, language: str = "en") -> tuple[str, ...]:
    """The credits roll: a line per author with licence and titles (first three), then who trained it."""
    if not credits.sounds:
        return (credits_line(credits, language),)
    lines = [credits_line(credits, language), ""]
    for author in credits.authors:
        own = credits.sounds_of(author)
        length = number_in(language, f"{sum(sound.seconds for sound in own) / 60:.1f}")
        titles = _and([sound.title for sound in own], language)
        lines.append(f"{author} · {credits.licences_of(author)} · {length} min · {titles}")
    made = credits.made
    length = f"{made.hours:.3g} h" if made.hours >= 1 else f"{made.hours * 60:.3g} min" if made.hours > 0 else ""
    facts = (trained_words(made, language), number_in(language, length), made.machine, energy_words(made, language))
    lines += ["", " · ".join(filter(None, (*facts, made.note)))]
    return tuple(lines)
