"""rosin import: a RAVE or nn~ file becomes a model. Only a door: the room behind it starts a process with torch."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError
from instrument.base.printable import printable
from instrument.base.text import language_of, say
from instrument.documents.rig import read_rig
from instrument.importing.run import BLOCKS, RACE, TOLERANCE, ImportOptions, import_file
from instrument.model.library.finder import user_folder


def add(verbs: Any) -> None:
    """The verb's own arguments."""
    parser = verbs.add_parser(
        "import",
        help="make a model of a RAVE or nn~ file (.ts)",
        description="Turn a TorchScript file exported for nn~ into a model folder, prove that both sound the same, "
        "and say what is known of it (needs the extra: pip install 'rosin[train]'). The file is loaded in a process "
        "of its own; even so, import only from people you would take a program from.",
        epilog="example: rosin import darbouka.ts --author 'A. Musician' --licence CC-BY-NC-4.0",
    )
    parser.add_argument("file", type=Path, metavar="FILE.ts")
    parser.add_argument("--name", default="", help="what the model is called (the file's name)")
    parser.add_argument("--author", default="", help="who trained it, if you know")
    parser.add_argument("--licence", default="", help="its SPDX licence, if you know: ask its author")
    parser.add_argument("--credits", type=Path, metavar="FILE", help="a credits.toml: whose sounds it learned from")
    parser.add_argument("--out", type=Path, help="folder of model folders (the rig's, or your own)")
    parser.add_argument("--rate", type=int, default=0, help="sample rate in Hz, where the file does not say it")
    parser.add_argument("--blocks", type=int, default=BLOCKS, help=f"how many blocks are compared ({BLOCKS})")
    parser.add_argument(
        "--race", type=int, default=RACE, help=f"how many blocks are timed against the file itself ({RACE}; 0: none)"
    )
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=f"largest difference ({TOLERANCE:g})")
    parser.add_argument("--forward", action="store_true", help="also write its forward as forward.onnx")
    parser.add_argument("--force", action="store_true", help="replace a model of that name")
    parser.set_defaults(run=run)


def _check(args: argparse.Namespace) -> None:
    """What is out of range is said before anything is opened."""
    if not 1 <= args.blocks <= 100000:
        raise RosinError(f"--blocks {args.blocks} is out of range; give 1 to 100000")
    if not 0 <= args.race <= 100000:
        raise RosinError(f"--race {args.race} is out of range; give 0 to 100000")
    if not 0.0 < args.tolerance <= 1.0:
        raise RosinError(f"--tolerance {args.tolerance:g} is out of range; give more than 0 and up to 1")
    if args.rate and not 8000 <= args.rate <= 192000:
        raise RosinError(f"--rate {args.rate} is no rate a sound card has; give 8000 to 192000")


def run(args: argparse.Namespace) -> int:
    """Import, then tell: the proof, the delay, the speed, the knobs, and whose it is."""
    rig = read_rig()
    language = language_of(rig.language)
    _check(args)
    out = args.out or (Path(rig.folders.models) if rig.folders.models else user_folder())
    options = ImportOptions(
        args.name,
        args.author,
        args.licence,
        args.credits,
        args.rate,
        args.blocks,
        args.tolerance,
        args.race,
        args.forward,
        args.force,
    )
    done = import_file(args.file, out, options)
    card = done.card
    print(printable(say("import.done", language, folder=done.folder)))
    for method, part in done.parts.items():
        real_time = part["block_ms"] / (1000.0 * part["samples"] / card.sample_rate)
        print(
            say(
                "import.proof",
                language,
                method=method,
                error=f"{part['error']:.1e}",
                blocks=part["blocks"],
                states=part["states"],
            )
        )
        print(
            say(
                "import.speed",
                language,
                method=method,
                ms=f"{part['block_ms']:.2f}",
                samples=part["samples"],
                factor=f"{real_time:.3f}",
            )
        )
        if race := part.get("race"):
            print(
                say(
                    "import.race",
                    language,
                    method=method,
                    times=f"{race['ratio'][1]:.2f}",
                    low=f"{race['ratio'][0]:.2f}",
                    high=f"{race['ratio'][2]:.2f}",
                    file=f"{race['file_ms'][1]:.2f}",
                    graph=f"{race['graph_ms'][1]:.2f}",
                    blocks=race["blocks"],
                )
            )
    print(
        say(
            "import.shape",
            language,
            latents=len(card.latents),
            rate=card.sample_rate,
            ratio=card.ratio,
            channels=card.channels,
            delay=f"{1000.0 * card.delay_samples / card.sample_rate:.1f}",
        )
    )
    if "fidelity_of_latents" in card.training:
        print(say("import.fidelity", language, percent=f"{100.0 * card.training['fidelity_of_latents']:.1f}"))
    if settings := card.training["attributes"]:
        told = ", ".join(f"{key} = {value}" for key, value in settings.items())
        print(printable(say("import.attributes", language, attributes=told)))
    for note, words in (("encode", "import.no_ears"), ("whole", "import.whole"), ("deaf", "import.deaf")):
        if note in done.notes:
            print(say(words, language))
    if done.shared:
        print(printable(say("import.shared", language, memory=", ".join(done.shared[:3]))))
    if any(part["clicking"] for part in done.parts.values()):
        print(say("import.clicks", language))
    for finding in done.findings:
        if finding.about in ("sound", "speed", "silence") and finding.grade != "good":
            print(printable(f"{finding.about}: {finding.text}"))
    author = ", ".join(card.authors) or say("import.nobody", language)
    print(printable(say("import.whose", language, author=author, licence=card.licence)))
    if not done.credited:
        print(say("import.uncredited", language))
    print(say("import.patch", language))
    print(f'  [model]\n  name = "{card.name}"\n  sha256 = "{card.sha256}"')
    return 0
