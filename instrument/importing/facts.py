"""Facts: what a scripted module says of itself, by the names that nn~'s exports use. After archive, before slots.

``get_methods()`` names methods, a buffer ``<method>_params`` of four numbers says [channels in, samples a frame in,
channels out, samples a frame out]; ``get_attributes()`` and ``get_<name>()`` are settings.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from instrument.base.errors import RosinError
from instrument.importing.state_buffers import attributes

RATES = ("sampling_rate", "sample_rate", "samplerate", "sr", "fs", "target_sr")
"""Names under which files keep their sample rate, in the order they are believed."""


@dataclass(frozen=True)
class Method:
    """One method: channels and samples a frame on either side."""

    name: str
    channels_in: int
    ratio_in: int
    channels_out: int
    ratio_out: int


@dataclass
class Facts:
    """What the file says. ``rate`` 0: it does not say."""

    methods: dict[str, Method]
    rate: int
    attributes: dict[str, str]
    parameters: int
    fidelity: list[float] = field(default_factory=list)


def load(path: Path) -> Any:
    """The scripted module, at rest on the CPU."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch.jit.load(str(path), map_location="cpu")
    except Exception as error:
        raise RosinError(
            f"{path.name} is not loaded by torch {torch.__version__} ({said(error)}); "
            "fetch it again, or export it again with a newer torch"
        ) from None
    module.eval()
    return module


def said(error: BaseException) -> str:
    """The last line of what torch said."""
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    return lines[-1][:160] if lines else type(error).__name__


def _numbers(value: Any) -> list[int]:
    if isinstance(value, torch.Tensor) and value.numel() <= 16:
        return [int(v) for v in value.flatten().tolist()]
    if isinstance(value, (list, tuple)) and all(isinstance(v, (int, float)) for v in value):
        return [int(v) for v in value]
    return [int(value)] if isinstance(value, (int, float)) else []


def _called(module: Any, name: str) -> Any:
    return getattr(module, name)() if module._c._has_method(name) else None


def facts(module: Any) -> Facts:
    """Read it all. RosinError when nothing here can be played."""
    held = list(attributes(module, (*RATES, "fidelity")))
    own = {name: value for _, name, path, value in held if "." not in path}
    listed = _called(module, "get_methods")
    names = list(listed) if listed is not None else [k.removesuffix("_params") for k in own if k.endswith("_params")]
    methods = {}
    for name in names:
        params = _numbers(own.get(f"{name}_params"))
        if len(params) == 4 and module._c._has_method(name):
            methods[name] = Method(name, *params)
    if not methods:
        raise RosinError(
            "it offers no methods in nn~'s convention (get_methods and <method>_params of four numbers); "
            "export the model for nn~, with torch.jit.script"
        )
    fidelity = next((v for _, n, _, v in held if n == "fidelity" and isinstance(v, torch.Tensor)), None)
    return Facts(
        methods,
        _rate(module, held),
        _settings(module),
        sum(p.numel() for p in module.parameters()),
        [round(float(v), 6) for v in fidelity.flatten().tolist()] if fidelity is not None else [],
    )


def _rate(module: Any, held: list[tuple[Any, str, str, Any]]) -> int:
    found: dict[str, tuple[int, int]] = {}
    for _, name, path, value in held:
        numbers = _numbers(value)
        if name in RATES and len(numbers) == 1 and 8000 <= numbers[0] <= 192000:
            depth = path.count(".")
            if name not in found or depth < found[name][0]:
                found[name] = (depth, numbers[0])
    for name in RATES:
        numbers = _numbers(_called(module, f"get_{name}")) if module._c._has_method(f"get_{name}") else []
        if len(numbers) == 1 and 8000 <= numbers[0] <= 192000:
            return numbers[0]
    return min(((depth, RATES.index(name), rate) for name, (depth, rate) in found.items()), default=(0, 0, 0))[2]


def _settings(module: Any) -> dict[str, str]:
    """Attributes and their values now, as words."""
    found = {}
    for name in _called(module, "get_attributes") or []:
        if not module._c._has_method(f"get_{name}"):  # "none", which stands for an empty list
            continue
        try:
            value = _called(module, f"get_{name}")
        except Exception as error:
            value = f"not told ({said(error)})"
        found[str(name)] = str(value)[:200]
    return found
