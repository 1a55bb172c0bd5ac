"""What a trained network makes of its held-out sounds, as pictures and figures, for docs/models.md.

    python scripts/hear_model.py runs/first-bow/checkpoint.pt corpus/bowed --out docs/img --name first-bow

writes NAME.png (originals above resynthesis) and NAME-knobs.png (what each named knob does), and prints the figures of
the held-out sounds as JSON. ``--untrained``: of the same network before its first step, to compare. ``--wav``: also
each shown pair as a sound file, to listen to. Needs the [train] extra and scripts/fetch_training_sounds.py.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from instrument.training.data.corpus import Corpus, read_corpus
from instrument.training.export.latent_stats import decode_of, portray
from instrument.training.export.naming import MANY_POINTS
from instrument.training.export.sweeps import sweep_picture
from instrument.training.learning.pictures import draw_spectrograms
from instrument.training.learning.trial import again, held_out_figures
from instrument.training.network.model import Network
from instrument.training.network.shape import shape_from

SHOWN = 3


def joined(folders: list[Path], rate_hz: int, ratio: int) -> Corpus:
    """One corpus of several."""
    parts = [read_corpus(folder, rate_hz, ratio) for folder in folders]
    return Corpus(tuple(clip for part in parts for clip in part.clips), rate_hz, ratio, ())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("sounds", type=Path, nargs="+")
    parser.add_argument("--name", required=True)
    parser.add_argument("--out", type=Path, default=Path("docs/img"))
    parser.add_argument("--wav", type=Path)
    parser.add_argument("--untrained", action="store_true")
    parser.add_argument("--no-knobs", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    kept = torch.load(args.checkpoint, weights_only=True, map_location="cpu")
    torch.manual_seed(0)
    network = Network(shape_from(kept["shape"])).eval()
    if not args.untrained:
        network.load_state_dict(kept["network"])
    shape = network.shape
    corpus = joined(args.sounds, shape.sample_rate, shape.ratio)
    corpus = corpus.at_first_partials() if shape.inharmonic else corpus
    print(json.dumps({"step": 0 if args.untrained else kept["step"], **held_out_figures(network, corpus)}, indent=1))
    args.out.mkdir(parents=True, exist_ok=True)
    long = [clip for clip in corpus.held_out if len(clip.audio) > shape.sample_rate] or list(corpus.held_out)
    chosen = [long[i] for i in np.linspace(0, len(long) - 1, SHOWN).round().astype(int)]
    pairs = [(clip.name, *again(network, clip)) for clip in chosen]
    words = (
        f"{args.name}: sounds it never learned from, {'before its first step' if args.untrained else 'resynthesised'}"
    )
    draw_spectrograms(args.out / f"{args.name}.png", pairs, shape.sample_rate, words)
    if args.wav:
        import soundfile

        args.wav.mkdir(parents=True, exist_ok=True)
        for name, original, own in pairs:
            for what, sound in (("original", original), ("resynthesis", own)):
                path = args.wav / f"{args.name}-{Path(name).stem.replace('#', '-')}-{what}.wav"
                soundfile.write(path, np.clip(sound, -1.0, 1.0), shape.sample_rate)
    if not args.no_knobs:
        portrait = portray(network, corpus, MANY_POINTS)  # puts the latents in the order of the model's card
        path, title = args.out / f"{args.name}-knobs.png", f"{args.name}: knobs by intervention"
        sweep_picture(decode_of(network), portrait.z, portrait.naming, path, title=title)


if __name__ == "__main__":
    main()
