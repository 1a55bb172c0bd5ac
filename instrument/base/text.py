"""Text: every sentence a player reads, in French and English, from one catalogue. Below everything."""

from __future__ import annotations

import functools
import locale
import os
import tomllib
from collections.abc import Mapping
from importlib import resources

LANGUAGES = ("en", "fr")


@functools.cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """key -> language -> text, from text.toml beside this file."""
    data = resources.files("instrument.base").joinpath("text.toml").read_text(encoding="utf-8")
    return tomllib.loads(data)


def language_of(wanted: str = "auto") -> str:
    """``en`` or ``fr``: what was asked for, else what the system speaks, else English."""
    if wanted in LANGUAGES:
        return wanted
    for name in ("ROSIN_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name, ""):
            return "fr" if value.lower().startswith("fr") else "en"
    return "fr" if (locale.getlocale()[0] or "").lower().startswith("fr") else "en"


def say(key: str, language: str = "en", **values: object) -> str:
    """The sentence of ``key`` with ``{names}`` filled in. KeyError when there is no such sentence."""
    return catalogue()[key][language].format(**values)
