"""Arguments: the options of `rosin train`, and nothing else, so that --help works where there is no torch."""

from __future__ import annotations

import argparse
from pathlib import Path

MINUTES = 60.0
LISTEN_MINUTES = 10.0
SAVE_SECONDS = 30.0


AUTO = -1
"""Tones: as many as the sounds ask for."""


def tones(words: str) -> int:
    """``auto`` or how many."""
    if words == "auto":
        return AUTO
    try:
        count = int(words)
    except ValueError:
        count = -1
    if not 0 <= count <= 512:
        raise argparse.ArgumentTypeError("say auto, or how many: 0 to 512")
    return count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All of them; beside sounds, name and out, each under the name of its field of TrainOptions, None where unsaid."""
    parser.add_argument(
        "sounds",
        type=Path,
        nargs="+",
        help="folders of WAV, FLAC, OGG, MP3 or AIFF files with a credits.toml, single files out of such, SF2 or SF3",
    )
    parser.add_argument("--name", required=True, help="what the model is called; the folder it is written to")
    parser.add_argument("--title", nargs=2, metavar=("EN", "FR"), help="its title in both languages")
    parser.add_argument("--by", help="who trains it, for the credits")
    parser.add_argument("--licence", help="SPDX licence of the model (the sounds' own, when all agree)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("models"),
        help="where the model's folder goes (models, which is looked through when you play from here)",
    )
    parser.add_argument("--runs", type=Path, help="where checkpoints and pictures go (runs)")

    learning = parser.add_argument_group("how long")
    learning.add_argument("--minutes", type=float, help=f"of work ({MINUTES:.0f} when --steps is not given)")
    learning.add_argument("--steps", type=int, help="how many steps, instead of minutes")
    learning.add_argument("--resume", action="store_true", help="go on from the last checkpoint of this name")
    learning.add_argument(
        "--save-every",
        dest="save_every_s",
        type=float,
        default=SAVE_SECONDS,
        metavar="S",
        help=f"seconds between two checkpoints ({SAVE_SECONDS:.0f})",
    )
    learning.add_argument(
        "--listen",
        type=float,
        default=LISTEN_MINUTES,
        metavar="MIN",
        help="minutes between two listenings to sounds it does not learn from, with figures and "
        f"pictures ({LISTEN_MINUTES:.0f}; 0: at the end only)",
    )
    learning.add_argument("--no-pictures", dest="pictured", action="store_false", help="figures alone")

    network = parser.add_argument_group("what is learned")
    network.add_argument("--family", choices=("harmonic", "conv", "excited"), help="kind of decoder (harmonic)")
    network.add_argument(
        "--tones",
        type=tones,
        metavar="N",
        help="fixed tones beside the harmonics, for bells, skins and chords: auto or 0 to 512 (auto)",
    )
    network.add_argument("--latents", type=int, help="knobs that are learned (8)")
    network.add_argument("--width", type=int, help="channels of the decoder (128; conv and excited 160)")
    network.add_argument(
        "--adversarial",
        action=argparse.BooleanOptionalAction,
        help="a last part of the budget with judges (on for conv and excited on a GPU)",
    )
    network.add_argument("--seed", type=int, help="the same seed learns the same sounds in the same order (0)")

    machine = parser.add_argument_group("on what")
    machine.add_argument("--device", help="cpu, or cuda where there is one")
    machine.add_argument("--threads", type=int, help="cores to use (all)")
    machine.add_argument("--precision", choices=("bf16", "fp32"), help="of what has weights (bf16 on a GPU, else fp32)")
    machine.add_argument(
        "--compile", dest="compiled", action=argparse.BooleanOptionalAction, help="compile the network (on a GPU)"
    )
    machine.add_argument("--size", type=int, help="crops a step and process (8; 32 on a GPU)")
    machine.add_argument("--seconds", type=float, help="of each crop (0.43)")
