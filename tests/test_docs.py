"""Docs: what is written down is true. Made pages are up to date, commands exist, links lead somewhere, TOML fits."""

from __future__ import annotations

import argparse
import ast
import re
import runpy
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from instrument.cli import parser
from instrument.documents.patch import patch_from
from instrument.documents.rig import rig_from

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)
WORDS = (  # of a README or of a --help: a name in capitals stands for one of the reader's
    ("PATCH", "glass"),
    ("NAME", "first-bow"),
)


def script(name: str) -> dict[str, Any]:
    if str(ROOT / "scripts") not in sys.path:
        sys.path.insert(0, str(ROOT / "scripts"))  # as for a script that is run
    return runpy.run_path(str(ROOT / "scripts" / name))


def ids(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


# --- made from the code


@pytest.mark.parametrize("name", ["patches.md", "osc.md"])
def test_a_made_page_is_what_the_code_says_now(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert script("make_docs.py")["made"](name, text) == text, "run: python scripts/make_docs.py"


def test_the_picture_of_the_house_is_what_its_script_draws() -> None:
    drawn = script("draw_house.py")["drawing"]()
    assert (ROOT / "docs" / "img" / "house.svg").read_text(encoding="utf-8") == drawn, (
        "run: python scripts/draw_house.py"
    )


def test_a_page_that_lacks_its_place_is_an_error_and_not_a_page() -> None:
    with pytest.raises(SystemExit, match="has no part"):
        script("make_docs.py")["made"]("osc.md", "nothing made here")


def test_make_docs_finds_what_is_out_of_date() -> None:
    made: Callable[[str, str], str] = script("make_docs.py")["made"]
    text = (ROOT / "docs" / "osc.md").read_text(encoding="utf-8")
    stale = text.replace("`/rosin/panic`", "`/rosin/calm`")
    assert stale != text
    assert made("osc.md", stale) == text


# --- commands


def command_lines() -> Iterator[tuple[str, str]]:
    """(page, command) for every `rosin ...` of a page: indented blocks and inline code."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^    (?:.*&& )?((?:\.venv/bin/)?rosin .*)$", text, re.MULTILINE)
        inline = re.findall(r"`((?:\.venv/bin/)?rosin [^`]+)`", text)
        for line in (*blocks, *inline):
            # what follows two spaces, or a >, is a remark
            said = " ".join(re.split(r"\s{2,}|#| > ", line)[0].split()).removeprefix(".venv/bin/")
            yield page.name, said


def verb_parsers() -> dict[str, argparse.ArgumentParser]:
    actions = [a for a in parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(actions[0].choices)


@pytest.mark.parametrize(("page", "line"), sorted(set(command_lines())))
def test_every_command_that_is_written_down_is_one(page: str, line: str) -> None:
    for word, given in WORDS:
        line = line.replace(word, given)
    words = shlex.split(line)[1:]
    if len(words) == 1 and words[0] in verb_parsers():
        return  # the verb alone, as a name for itself
    try:
        parsed = parser().parse_args(words)
    except SystemExit:
        pytest.fail(f"{page}: `{line}` is no command")
    assert callable(parsed.run)


def test_every_verb_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    missing = [verb for verb in verb_parsers() if f"rosin {verb}" not in readme and f"`{verb}`" not in changelog]
    assert missing == []


def test_every_example_in_a_help_text_is_a_command() -> None:
    def epilogs(one: argparse.ArgumentParser) -> Iterator[str]:
        yield one.epilog or ""
        for action in one._actions:
            if isinstance(action, argparse._SubParsersAction):
                for below in action.choices.values():
                    yield from epilogs(below)

    for epilog in epilogs(parser()):
        assert epilog.startswith("example: rosin "), epilog
        assert callable(parser().parse_args(shlex.split(epilog)[2:]).run)


def test_make_targets_that_are_written_down_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        # at a line's beginning or as code; "make" is also a word
        for target in re.findall(r"(?:^    |`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


# --- links and names


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_files_that_are_named_exist(page: Path) -> None:
    named = re.findall(r"`?((?:scripts|examples|instrument|tests|docs)/[\w./-]+\.(?:py|md|svg|png|jsonl|toml))`?",
                       page.read_text(encoding="utf-8"))  # fmt: skip
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_patch_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [p.stem for p in (ROOT / "patches").glob("*.toml") if f"| `{p.stem}` |" not in readme] == []


# --- code on the pages


def fences(language: str) -> list[str]:
    return [
        block
        for page in PAGES
        for block in re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]


@pytest.mark.parametrize("block", fences("toml"), ids=lambda block: block.splitlines()[0])
def test_toml_on_a_page_is_whole(block: str) -> None:
    table = tomllib.loads(block)
    if block.startswith("# a patch"):
        assert patch_from(table, "docs").name
    elif block.startswith("# a rig"):
        assert rig_from(table, "docs").midi.bindings
    else:
        assert {"file", "title", "author", "source", "licence", "consent"} <= set(table["sounds"][0])


def test_the_readme_s_five_lines_are_the_example_s() -> None:
    (block,) = fences("python")
    example = (ROOT / "examples" / "render_patch.py").read_text(encoding="utf-8")
    assert ast.dump(ast.parse(block)) in ast.dump(ast.parse(example)) or block.strip() in example
    assert len([line for line in block.splitlines() if line]) <= 5
