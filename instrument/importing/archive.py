"""Archive: is a file TorchScript at all? The first look, in the player's own process: nothing is run or unpickled.

TorchScript is a zip that holds ``NAME/constants.pkl`` and ``NAME/code/``. A checkpoint has data.pkl alone.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.model.library.listed import sha256_of

PICKLE = b"\x80"


def checked(path: Path) -> str:
    """The sha256 of a file that looks like TorchScript. RosinError says what it is instead."""
    if not os.path.isfile(path):  # (Path.is_file fails on a long name)
        raise RosinError(f"there is no file {path}; give the path of a .ts file")
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if not zipfile.is_zipfile(path):
            if head.startswith(PICKLE):
                raise RosinError(
                    f"{path} is a pickle, which can do anything when opened and is never opened here; "
                    "ask for the TorchScript export (.ts) of the model"
                )
            raise RosinError(f"{path} is no TorchScript file (it is no zip); export the model again, or fetch it again")
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
    except RosinError:
        raise
    except Exception as error:  # zipfile has a dozen kinds for what is damaged
        said = " ".join(str(error).split())[:80] or type(error).__name__
        raise RosinError(f"{path} cannot be read ({said}); fetch it again") from None
    if "constants.pkl" not in names or not any(name.startswith("code/") for name in names):
        if "data.pkl" in names:
            raise RosinError(
                f"{path} is a checkpoint (weights without their program), which is never unpickled here; "
                "export it as TorchScript (for nn~, a .ts) and import that"
            )
        raise RosinError(f"{path} is a zip, but holds no TorchScript; give the .ts file of a model")
    try:
        return sha256_of(path)
    except OSError as error:
        raise RosinError(f"{path} cannot be read ({error.strerror or error}); fetch it again") from None
