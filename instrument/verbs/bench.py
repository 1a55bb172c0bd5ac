"""rosin bench decode|latency|soak: figures of this machine, as ratios in one run, printed as one JSON object."""

from __future__ import annotations

import argparse
import json
from typing import Any


def add(verbs: Any) -> None:
    """The verb's own arguments."""
    bench = verbs.add_parser("bench", help="measure this machine", epilog="example: rosin bench decode --json")
    what = bench.add_subparsers(dest="what", metavar="decode|latency|soak", required=True)
    decode = what.add_parser(
        "decode", help="cost of the model, the knobs and the whole engine", epilog="example: rosin bench decode --json"
    )
    decode.add_argument("--patch", default="", help="the patch to measure; default the first")
    decode.add_argument("--blocks", type=int, default=8000)
    decode.add_argument("--json", action="store_true")
    decode.set_defaults(run=run_decode)
    latency = what.add_parser(
        "latency", help="from an OSC message to the sound, through JACK", epilog="example: rosin bench latency --json"
    )
    latency.add_argument("--patch", default="", help="the patch to measure; default the first")
    latency.add_argument("--messages", type=int, default=200)
    latency.add_argument("--block", type=int, default=128)
    latency.add_argument("--ahead", type=int, default=0)
    latency.add_argument("--json", action="store_true")
    latency.set_defaults(run=run_latency)

    soak = what.add_parser(
        "soak", help="minutes under 1000 messages a second", epilog="example: rosin bench soak --minutes 10 --json"
    )
    soak.add_argument("--patch", default="", help="the patch to measure; default the first")
    soak.add_argument("--minutes", type=float, default=10.0)
    soak.add_argument("--block", type=int, default=128)
    soak.add_argument("--ahead", type=int, default=0, help="blocks computed ahead of the device")
    soak.add_argument("--json", action="store_true")
    soak.set_defaults(run=run_soak)


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

    _show(decode(args.patch, args.blocks), args.json)
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
