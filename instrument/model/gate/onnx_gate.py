"""Gate: an ONNX file is looked through before ONNX Runtime sees it. After sizing, before opening.

The runtime believes a file: it loads weights from other files, folds constants of any size while it opens, and runs
a loop for as long as that says. What passes here is a plain file with its weights inside, of known operations, whose
every value has a bounded size and whose call takes a bounded time.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.reading import NotPlain, open_plain
from instrument.model.gate.onnx_file import GraphRefused, read_onnx
from instrument.model.gate.sizing import Sizes
from instrument.model.gate.wire import ProtoMalformed, ProtoMessage
from instrument.model.library.listed import FILE_MOST


def check_graph(path: Path, named: Mapping[str, int]) -> Sizes:
    """``named``: what the symbolic sizes of the file are set to. RosinError, one sentence, for what is not opened."""
    try:
        with open_plain(path, FILE_MOST) as file:
            # Mapped, as most of it are weights that are not looked at. It is let go of with the last view into it.
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return Sizes(read_onnx(ProtoMessage(data)), named)
    except NotPlain as why:
        raise RosinError(f"{path}: {why.strerror}, so it is no part of a model; fetch the model again") from None
    except FileNotFoundError:
        raise RosinError(f"{path} is missing; fetch the model again") from None
    except OSError as error:
        raise RosinError(f"{path} cannot be read ({error.strerror or error}); fetch the model again") from None
    except GraphRefused as why:
        raise RosinError(f"{path} is not opened: {why}; export it again without, or fetch the model again") from None
    except (ProtoMalformed, ValueError):  # (an empty file cannot be mapped)
        raise RosinError(f"{path} is not an ONNX file; fetch the model again") from None
