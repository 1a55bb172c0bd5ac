"""The glossary: every knob of the panel stands in it, with both its names."""

from __future__ import annotations

from pathlib import Path

import pytest

from instrument.knobs import PARAMETERS

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "glossary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("knob", PARAMETERS, ids=lambda knob: knob.id)
def test_a_knob_of_the_panel_has_its_line(knob) -> None:
    (line,) = [line for line in PAGE.splitlines() if f"`{knob.id}`" in line]
    english, french = (cell.strip() for cell in line.split("|")[1:3])
    assert knob.label.en.split()[-1] in english
    assert knob.label.fr.split()[0] in french


def test_no_word_has_two_lines() -> None:
    words = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")]
    named = [word for word in words if word not in ("English", "---", "wear", "scene")]
    assert len(named) == len(set(named))
