"""Cli: the verbs. Each is a file in verbs/ with ``add(verbs)`` and ``run(args)``; errors are a sentence and exit 2."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from instrument.errors import RosinError


class Version(argparse.Action):
    """``--version``; the package's metadata are read only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="say which version this is, and end")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"rosin {version('rosin')}")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    from instrument.verbs import bench, import_, look, models, play, render, train

    main = argparse.ArgumentParser(
        prog="rosin",
        description="Rosin: an instrument that pushes back. Hands, friction and chance on a neural model.",
        epilog="example: rosin play",
    )
    main.add_argument("--version", action=Version)
    verbs = main.add_subparsers(dest="verb", metavar="VERB")
    for verb in (play, render, look, models, import_, train, bench):
        verb.add(verbs)
    return main


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb. 0: done; 1: a check did not hold; 2: something the player can mend, said in a sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a bar or an accent on a console that has none is no reason to end
            stream.reconfigure(errors="backslashreplace")
    whole = parser()
    args = whole.parse_args(arguments)
    if not getattr(args, "run", None):
        whole.print_help()
        return 2
    try:
        done = int(args.run(args))
        sys.stdout.flush()  # here, where a reader that left can still be met
        return done
    except RosinError as error:
        print(f"rosin: {error}" if "\n" not in str(error) else error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output left (`rosin knobs | head`): point stdout elsewhere so that exit does not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
