"""rosin bench decode|voices|latency|soak|stage|laws: figures of this machine, as ratios in one run, as one JSON object.

``laws`` measures no machine but the laws of friction and chance, and says whether they hold.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from rich.progress import BarColumn, Progress
from rich.table import Table

from instrument.base.console import console, words
from instrument.base.errors import RosinError
from instrument.commands.look import wide_console


def add(verbs: Any) -> None:
    """The verb's own arguments."""
    bench = verbs.add_parser("bench", help="measure this machine", epilog="example: rosin bench decode --json")
    what = bench.add_subparsers(dest="what", metavar="decode|voices|latency|soak|stage|laws", required=True)
    decode = what.add_parser(
        "decode", help="cost of the model, the knobs and the whole engine", epilog="example: rosin bench decode --json"
    )
    decode.add_argument("--patch", default="", help="the patch to measure; default the first")
    decode.add_argument("--blocks", type=int, default=8000, help="how many are timed (8000)")
    decode.add_argument(
        "--against-torchscript",
        action="store_true",
        help="also time the same models as TorchScript, block by block in turn (extra [train])",
    )
    decode.add_argument("--json", action="store_true", help="for programs")
    decode.set_defaults(run=run_decode)
    voices = what.add_parser(
        "voices", help="cost of one to sixteen voices and their fingers", epilog="example: rosin bench voices --json"
    )
    voices.add_argument("--patch", default="", help="the patch to measure; default consort")
    voices.add_argument("--blocks", type=int, default=4000, help="how many are timed (4000)")
    voices.add_argument("--json", action="store_true", help="for programs")
    voices.set_defaults(run=run_voices)
    latency = what.add_parser(
        "latency", help="from an OSC message to the sound, through JACK", epilog="example: rosin bench latency --json"
    )
    latency.add_argument("--patch", default="", help="the patch to measure; default the first")
    latency.add_argument("--messages", type=int, default=200, help="how many are sent (200)")
    latency.add_argument("--block", type=int, default=128, help="frames JACK asks for at a time (128)")
    latency.add_argument("--ahead", type=int, default=0, help="blocks computed ahead of the device (0)")
    latency.add_argument("--json", action="store_true", help="for programs")
    latency.set_defaults(run=run_latency)

    soak = what.add_parser(
        "soak", help="minutes under 1000 messages a second", epilog="example: rosin bench soak --minutes 10 --json"
    )
    soak.add_argument("--patch", default="", help="the patch to measure; default the first")
    soak.add_argument("--minutes", type=float, default=10.0, help="how long (10)")
    soak.add_argument("--block", type=int, default=128, help="frames JACK asks for at a time (128)")
    soak.add_argument("--ahead", type=int, default=0, help="blocks computed ahead of the device (0)")
    soak.add_argument("--json", action="store_true", help="for programs")
    soak.set_defaults(run=run_soak)

    stage = what.add_parser(
        "stage",
        help="what the picture costs the sound, and its frames a second",
        epilog="example: rosin bench stage --json",
    )
    stage.add_argument("--patch", default="", help="the patch to measure; default the first")
    stage.add_argument("--turns", type=int, default=6, help="stretches without and with the stage, 6 s each (6)")
    stage.add_argument("--size", metavar="WxH", default="1280x720", help="of the window, in pixels (1280x720)")
    stage.add_argument("--json", action="store_true", help="for programs")
    stage.set_defaults(run=run_stage)

    laws = what.add_parser(
        "laws", help="friction and chance against their laws, measured now", epilog="example: rosin bench laws --json"
    )
    laws.add_argument("--json", action="store_true", help="for programs")
    laws.set_defaults(run=run_laws)


def _show(found: dict[str, Any], as_json: bool, prefix: str = "") -> None:
    if as_json:
        print(json.dumps(found, indent=1))
        return
    for key, value in found.items():
        if isinstance(value, dict):
            print(f"{prefix}{key}")
            _show(value, False, prefix + "  ")
        else:
            print(f"{prefix}{key:32} {value:.4g}" if isinstance(value, float) else f"{prefix}{key:32} {value}")


def run_decode(args: argparse.Namespace) -> int:
    """See bench/decode.py."""
    from instrument.bench.decode import decode

    _show(decode(args.patch, args.blocks, args.against_torchscript), args.json)
    return 0


def run_voices(args: argparse.Namespace) -> int:
    """See bench/voices.py."""
    from instrument.bench.voices import voices

    _show(voices(args.patch, args.blocks), args.json)
    return 0


def run_latency(args: argparse.Namespace) -> int:
    """See bench/latency.py."""
    from instrument.bench.latency import latency

    _show(latency(args.patch, args.messages, args.block, args.ahead), args.json)
    return 0


def run_soak(args: argparse.Namespace) -> int:
    """See bench/soak.py."""
    from instrument.bench.soak import soak

    _show(soak(args.patch, args.minutes, args.block, ahead=args.ahead), args.json)
    return 0


def run_stage(args: argparse.Namespace) -> int:
    """See bench/stage.py."""
    from instrument.bench.stage import stage
    from instrument.stage.settings import size_of

    size = size_of(args.size)
    if size is None:
        raise RosinError(f"--size: {args.size} is no size of a window; give one such as 1280x720")
    if args.turns < 1:
        raise RosinError("--turns: at least 1")
    _show(stage(args.patch, args.turns, *size), args.json)
    return 0


def run_laws(args: argparse.Namespace) -> int:
    """See bench/laws/report.py. Exit 0 when every law holds, 1 when one does not."""
    from instrument.bench.laws.measure import Law
    from instrument.bench.laws.report import measures

    errors, work, found = console(stderr=True), measures(), list[Law]()
    with Progress(
        BarColumn(), words("{task.fields[what]}"), transient=True, disable=not errors.is_terminal, console=errors
    ) as progress:
        job = progress.add_task("", total=len(work), what="")
        for what, measure in work:
            progress.update(job, what=what)
            found += measure()
            progress.advance(job)
    if args.json:
        print(json.dumps({"bench": "laws", "laws": [law.row() for law in found]}, indent=1))
    else:
        shown = Table(box=None)
        for heading in ("law", "expected", "measured", "within", ""):
            shown.add_column(heading, justify="left" if heading in ("law", "") else "right", overflow="fold")
        for law in found:
            numbers = (f"{law.expected:.6g}", f"{law.measured:.6g}", f"{law.tolerance:.2g}")
            shown.add_row(law.name, *numbers, "holds" if law.holds else "DOES NOT HOLD")
        wide_console().print(shown)
        print(f"{sum(law.holds for law in found)} of {len(found)} hold")
    return 0 if all(law.holds for law in found) else 1
