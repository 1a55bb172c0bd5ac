"""The bench of the laws: what it prints; its rows are measured and not remembered; a broken law is noticed."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instrument.bench.laws import bearing, chance, friction, report, sound
from instrument.bench.laws.measure import Law, differing_bits, kolmogorov
from instrument.bench.laws.report import measures
from instrument.chance.drift import Drift
from instrument.cli import main
from instrument.friction.law import trace

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def printed() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "instrument", "bench", "laws", "--json"],
        capture_output=True, text=True, timeout=150, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""  # no bar in a pipe
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_law_holds_and_says_by_which_numbers(printed: dict[str, Any]) -> None:
    assert printed["bench"] == "laws"
    rows = printed["laws"]
    assert len(rows) >= 60
    assert len({row["name"] for row in rows}) == len(rows)
    for row in rows:
        assert list(row) == ["name", "expected", "measured", "tolerance", "holds"]
        assert row["holds"] is True, row
        assert abs(row["measured"] - row["expected"]) <= row["tolerance"]


@pytest.mark.parametrize(
    "word",
    ["Stribeck", "presliding, elastic 0:", "presliding, elastic 0.7", "break-away", "jump", "period at 375 Hz",
     "memory", "under a bias", "passivity", "play operator", "Kramers", "friction of amount 0",
     "Philox", "drift: variance", "drift: autocorrelation", "pink: slope", "even law: KS", "fresh throws",
     "distinct values", "bridge: ends", "bridge: variance", "logistic", "Lorenz", "habit, along", "habit, against",
     "holes", "coarse", "worn tape at 1 %", "temperature 0", "bending", "wear", "hazard 0"],
)  # fmt: skip
def test_every_row_of_the_two_tables_is_there(printed: dict[str, Any], word: str) -> None:
    assert any(word in row["name"] for row in printed["laws"])


@pytest.mark.parametrize("page", ["friction.md", "chance.md"])
def test_the_figures_on_the_pages_are_what_the_bench_measures(printed: dict[str, Any], page: str) -> None:
    written = (ROOT / "docs" / page).read_text(encoding="utf-8").partition("<!-- laws")[2].partition("<!-- end")[0]
    rows = [line.strip("| ").split(" | ") for line in written.splitlines() if line.startswith("|")][2:]
    by_name = {row["name"]: row for row in printed["laws"]}
    assert len(rows) >= 20
    for name, expected, measured, tolerance in rows:
        row = by_name[name]
        assert float(expected) == pytest.approx(row["expected"], rel=1e-5)
        assert float(tolerance) == pytest.approx(row["tolerance"], rel=0.05)
        assert abs(float(measured) - row["expected"]) <= row["tolerance"]
        assert float(measured) == pytest.approx(row["measured"], rel=0.02, abs=1e-3), "write down what the bench says"


def test_every_row_is_on_a_page(printed: dict[str, Any]) -> None:
    text = "".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("friction.md", "chance.md"))
    assert [row["name"] for row in printed["laws"] if f"| {row['name']} |" not in text] == []


def test_a_law_holds_within_its_tolerance_and_no_number_holds_nothing() -> None:
    law = Law("any", 1.0, 1.05, 0.05 + 1e-9)
    assert law.holds
    assert not replace(law, measured=1.06).holds
    for measured in (math.nan, math.inf):
        assert not replace(law, measured=measured, tolerance=math.inf).holds


def test_a_law_that_does_not_hold_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def some() -> Iterator[Law]:
        yield Law("good [m]", 1.0, 1.0, 0.0)
        yield Law("bad", 1.0, 2.0, 0.5)

    monkeypatch.setattr(report, "measures", lambda: (("some", some),))
    assert main(["bench", "laws"]) == 1
    said = capsys.readouterr().out
    assert "good [m]" in said
    assert said.count("DOES NOT HOLD") == 1
    assert "1 of 2 hold" in said
    assert main(["bench", "laws", "--json"]) == 1
    assert [row["holds"] for row in json.loads(capsys.readouterr().out)["laws"]] == [True, False]


# --- measured, not remembered: each of these breaks a kernel and looks whether a row says so


def broken(measure: report.Measure) -> int:
    return sum(not law.holds for law in measure())


def test_a_bearing_that_rubs_two_per_cent_more_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def harder(law: Any, *rest: Any, **more: Any) -> Any:
        return trace(law._replace(stick=1.02 * law.stick, slide=1.02 * law.slide), *rest, **more)

    assert broken(friction.stribeck) == broken(friction.break_away) == 0
    monkeypatch.setattr(friction, "trace", harder)
    assert broken(friction.stribeck) == 3
    assert broken(friction.break_away) > 0


def test_a_law_that_gives_energy_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def lively(*rest: Any, **more: Any) -> Any:
        path = trace(*rest, **more)
        path[:, 2] *= 1.1  # the bristle
        return path

    monkeypatch.setattr(friction, "trace", lively)
    assert broken(friction.passivity) == 1
    monkeypatch.setattr(friction, "trace", lambda *rest, **more: np.full_like(trace(*rest, **more), np.nan))
    assert broken(friction.passivity) == 1


def test_an_amount_that_is_read_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    params = bearing.FrictionParams

    class Off(params):  # type: ignore[misc, valid-type]
        def set(self, **amounts: float) -> Any:
            return super().set(**{name: amount * 1.05 for name, amount in amounts.items()})

    for module in (bearing, friction):
        monkeypatch.setattr(module, "FrictionParams", Off)
    assert broken(bearing.play) == 1
    assert broken(bearing.slow) >= 4


def test_a_drift_of_another_width_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wide(Drift):
        def step(self, first_tick: int, ticks: int, sigma: Any, tau_s: Any, out: Any) -> None:
            super().step(first_tick, ticks, sigma * np.float32(1.05), tau_s * np.float32(1.2), out)

    assert broken(chance.drift) == 0
    monkeypatch.setattr(chance, "Drift", Wide)
    assert broken(chance.drift) == 2


def test_a_meter_that_reads_a_fifth_too_much_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    worn = sound.worn_tone
    monkeypatch.setattr(sound, "worn_tone", lambda percent, seconds: worn(1.2 * percent, 12))
    assert broken(sound.tape) == 3


# --- the tools


def test_the_ks_distance_knows_its_own_law_from_another() -> None:
    x = np.random.default_rng(1).random(5000)
    distance, most = kolmogorov(x, lambda at: at)
    assert distance < most == pytest.approx(0.023, abs=1e-3)
    distance, most = kolmogorov(x, lambda at: at**1.15)
    assert distance > most
    assert kolmogorov(np.full(1000, 0.5), lambda at: at)[0] == pytest.approx(0.5)


def test_bits_differ_where_numbers_do_not() -> None:
    one = np.array([0.0, 1.0, np.nan], np.float32)
    assert differing_bits(one, one.copy()) == 0
    assert differing_bits(one, np.array([-0.0, 1.0, np.nan], np.float32)) == 1


def test_every_measure_has_a_name_for_the_bar() -> None:
    names = [name for name, _ in measures()]
    assert len(set(names)) == len(names) >= 20


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "img").glob("[fc]*-*.png")), ids=lambda path: path.stem)
def test_pictures_are_as_wide_as_a_page_and_light(path: Path) -> None:
    if path.stem.startswith(("friction-", "chance-")):
        head = path.read_bytes()[:24]
        assert int.from_bytes(head[16:20], "big") == 1200
        assert path.stat().st_size < 120_000
        assert path.name in (ROOT / "docs" / f"{path.stem.partition('-')[0]}.md").read_text(encoding="utf-8")
