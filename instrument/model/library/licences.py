"""Licences: which SPDX identifiers mean something here, and what they ask of whoever plays. Beside credits.

Not a lawyer's list: the licences that sounds and models are met under. Anything else is written LicenseRef-NAME, with
its text in the consent note (SPDX specification 2.3, annex D).
"""

from __future__ import annotations

import re

from instrument.base.text import say

_CC = [
    f"CC-{kind}-{version}"
    for kind in ("BY", "BY-SA", "BY-NC", "BY-ND", "BY-NC-SA", "BY-NC-ND")
    for version in ("1.0", "2.0", "2.5", "3.0", "4.0")
]

KNOWN = frozenset([
    *_CC, "CC0-1.0", "CC-PDDC", "Unlicense", "0BSD", "MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause",
    "ISC", "Zlib", "BSL-1.0", "WTFPL", "MPL-2.0", "EUPL-1.2", "Artistic-2.0", "OGL-UK-3.0", "etalab-2.0", "OFL-1.1",
    "FSFAP", "GFDL-1.3-only", "GFDL-1.3-or-later", "DRL-1.0", "DRL-1.1", "LAL-1.2", "LAL-1.3", "ODbL-1.0",
    "ODC-By-1.0", "PDDL-1.0",
    *(f"{name}-{version}-{tail}" for name, versions in
      (("GPL", ("2.0", "3.0")), ("LGPL", ("2.1", "3.0")), ("AGPL", ("3.0",))) for version in versions
      for tail in ("only", "or-later")),
    "CDLA-Permissive-2.0", "OpenRAIL-M-1.0",
])  # fmt: skip
"""Identifiers taken as they are."""

FREE = frozenset({"CC0-1.0", "CC-PDDC", "Unlicense", "0BSD", "MIT-0", "WTFPL", "PDDL-1.0"})
"""Those that ask for nothing: credit is given all the same."""

OWN, PUBLIC_DOMAIN = "LicenseRef-Own", "LicenseRef-PublicDomain"
"""One's own recordings, all rights kept; and what is in the public domain by somebody's word, given in the consent."""

_OWN = re.compile(r"LicenseRef-[A-Za-z0-9.-]{1,80}")


def mistake(licence: str, language: str = "en") -> str:
    """What is wrong with a licence, with the remedy; empty when nothing is. `A AND B` and `A OR B` are understood."""
    parts = re.split(r" (?:AND|OR) ", licence)
    unknown = [part for part in parts if part not in KNOWN and not _OWN.fullmatch(part)]
    if not unknown:
        return ""
    by_case = {known.lower(): known for known in KNOWN}
    said = unknown[0] if len(unknown[0]) <= 60 else unknown[0][:57] + "..."
    if near := by_case.get(unknown[0].strip().lower()):
        return say("licence.written", language, said=repr(said), near=near)
    return say("licence.unknown", language, said=repr(said))


def refusal_to_learn(licence: str) -> str:
    """Why nothing may be learned from sounds under a licence, with the remedy; empty when it may.

    Of `A OR B` one has to do, of `A AND B` both. Free licences do, and so do one's own sounds (LicenseRef-Own).
    """
    if said := mistake(licence):
        return said.replace(" or LicenseRef-NAME", f", or {OWN} for your own recordings")
    choices = [[_part_refusal(part) for part in choice.split(" AND ")] for choice in licence.split(" OR ")]
    wrong = [next(filter(None, choice), "") for choice in choices]
    return "" if "" in wrong else wrong[0]


def _part_refusal(part: str) -> str:
    if "-ND" in part:
        return f"{part} allows no changed versions, and a model is one; take the sound away or ask its author"
    if "-NC" in part or part.startswith("OpenRAIL"):
        return f"{part} is not free: it limits what others may do; take the sound away or ask its author"
    if part.startswith("LicenseRef-") and part not in (OWN, PUBLIC_DOMAIN):
        return (
            f"nobody here knows what {part} allows; write an SPDX licence, {OWN} for your own recordings, "
            "or take the sound away"
        )
    return ""


def asks(licence: str) -> tuple[str, ...]:
    """What a licence asks that one can trip over: ``no-commerce``, ``share-alike``, ``no-changes``, ``unknown``."""
    found = []
    if "-NC" in licence:
        found.append("no-commerce")
    if "-SA" in licence or "GPL" in licence:
        found.append("share-alike")
    if "-ND" in licence:
        found.append("no-changes")
    if "LicenseRef-" in licence:
        found.append("unknown")
    return tuple(found)


def may_be_passed_on(licence: str) -> bool:
    """Whether an excerpt of a sound may travel with a model: not under NC or ND, nor under what nobody here knows.

    One's own recordings, all rights kept, stay at home; of `A OR B` one has to allow it, of `A AND B` both.
    """
    if mistake(licence):
        return False
    kept = ("-NC", "-ND", "OpenRAIL", "LicenseRef-")
    parts = [choice.split(" AND ") for choice in licence.split(" OR ")]
    return any(all(p == PUBLIC_DOMAIN or not any(k in p for k in kept) for p in choice) for choice in parts)


def conflict(sound: str, model: str, language: str = "en") -> str:
    """Why a model may not simply be passed on under its licence, as it learned from a sound under another; or empty.

    Whether a model is a version of its sounds in the eyes of the law is open; what is promised to whoever plays it
    must not be more than the sounds' authors gave. Of `A OR B` the milder counts for a sound, any for a model.
    """
    said = [[_part_conflict(part, model, language) for part in choice.split(" AND ")] for choice in sound.split(" OR ")]
    first = [next(filter(None, choice), "") for choice in said]
    return "" if "" in first else first[0]


def _part_conflict(part: str, model: str, language: str) -> str:
    given = re.split(r" (?:AND|OR) ", model)
    asked = asks(part)
    if "no-changes" in asked:
        return say("licence.no_changes", language, part=part)
    if "no-commerce" in asked and not any("no-commerce" in asks(one) for one in given):
        return say("licence.no_commerce", language, part=part, model=model)
    if "share-alike" in asked and not any(_family(one) == _family(part) for one in given):
        return say("licence.share_alike", language, part=part, model=model)
    if part.startswith("CC-BY") and all(one in FREE for one in given):
        return say("licence.attribution", language, part=part, model=model)
    return ""


def _family(licence: str) -> str:
    """Without the version: later ones of a share-alike licence are as good as their own."""
    return re.sub(r"-\d[\d.]*.*$", "", licence)
