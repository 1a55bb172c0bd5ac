"""ISF: what an Interactive Shader Format file says of itself, and which knobs that makes. Before patch and the stage.

The format is https://github.com/mrRay/ISF_Spec, version 2.0; files of version 1 (PERSISTENT_BUFFERS, vv_ names) are
read too. A patch needs the inputs of a visual where there is no window, so the header is read here, below both; what
draws it is in ``instrument.stage.isf``.
"""

from __future__ import annotations

from instrument.isf.knobs import find_visual, knobs_of, value_of, visual_folders
from instrument.isf.parse import parse_header, read_header
from instrument.isf.shape import Header, InputKind, IsfInput, Pass, Value, one_line
from instrument.isf.source import decoded, read_text

__all__ = [
    "Header",
    "InputKind",
    "IsfInput",
    "Pass",
    "Value",
    "decoded",
    "find_visual",
    "knobs_of",
    "one_line",
    "parse_header",
    "read_header",
    "read_text",
    "value_of",
    "visual_folders",
]
