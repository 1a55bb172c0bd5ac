"""Cli: the verbs. Each is a file in commands/ with ``add(verbs)`` and ``run(args)``; errors: a sentence, exit 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from instrument.base.errors import RosinError
from instrument.base.printable import printable, sentences
from instrument.base.streams import Streams


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are safe for a terminal, and no longer than one reads."""

    def error(self, message: str) -> NoReturn:
        """Usage, the mistake, exit 2."""
        super().error(printable(message, 400))


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
    from instrument.commands import bench, import_, look, play, render, train
    from instrument.commands.models import listing

    main = Parser(
        prog="rosin",
        description="Rosin: an instrument that pushes back. Hands, friction and chance on a neural model.",
        epilog="example: rosin play",
    )
    main.add_argument("--version", action=Version)
    verbs = main.add_subparsers(dest="verb", metavar="VERB")
    for verb in (play, render, look, listing, import_, train, bench):
        verb.add(verbs)
    return main


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb. 0: done; 1: a check did not hold; 2: something the player can mend, said in a sentence."""
    with Streams() as streams:
        try:
            done = _run(arguments)
        except SystemExit as end:  # --help, --version, and what argparse refuses
            if not streams.unwritten():
                raise
            done = int(end.code or 0) if isinstance(end.code, int | None) else 2
        if said := streams.unwritten():
            print(f"rosin: {said}", file=sys.stderr)
            return done or 2
        return done


def _run(arguments: Sequence[str] | None) -> int:
    whole = parser()
    args = whole.parse_args(arguments)
    if not getattr(args, "run", None):
        whole.print_help()
        return 2
    try:
        return int(args.run(args))
    except RosinError as error:
        print(sentences(error, "rosin: "), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
