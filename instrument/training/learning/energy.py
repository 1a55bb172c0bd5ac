"""Energy: what a training run costs, measured where the machine has a meter, else an estimate marked as such.

The processor's own counters (RAPL, Intel and AMD, under ``/sys/class/powercap``; mostly for root alone since 2020) give
all that the packages and their memory used meanwhile, whoever used it; NVML gives the same of one GPU. A counter wraps
round, within minutes on some machines: ``poll`` has to be called more often than that. Beside the loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
WATTS_PER_CORE = 15.0
"""An estimate: one busy core of a server or laptop with its share of memory and power supply."""
WATTS_PER_GPU = 350.0
"""An estimate: a busy GPU of the size that training is done on, half way between the common ones."""


@dataclass(frozen=True, slots=True)
class Energy:
    """``wh`` since training began, over all its runs; ``measured`` if every part of it was; ``how``: in words."""

    wh: float
    measured: bool
    how: str


class Rapl:
    """Joules of all processor packages and their memory. ``root`` is for tests."""

    def __init__(self, root: Path = POWERCAP) -> None:
        self.zones: list[tuple[Path, int]] = []
        for zone in sorted(root.glob("intel-rapl:*")):
            try:
                name = (zone / "name").read_text().strip()
                # cores and uncore are part of their package; psys is all of it again
                if name.startswith("package") or name == "dram":
                    self.zones.append((zone / "energy_uj", int((zone / "max_energy_range_uj").read_text())))
            except (OSError, ValueError):
                continue
        try:
            self._last = [self._read(path) for path, _ in self.zones]
        except (OSError, ValueError):
            self.zones, self._last = [], []

    @staticmethod
    def _read(path: Path) -> int:
        return int(path.read_text())

    def poll(self) -> float:
        """Joules since the last call. OSError or ValueError when the counters are taken away."""
        total = 0
        for i, (path, most) in enumerate(self.zones):
            now = self._read(path)
            total += now - self._last[i] if now >= self._last[i] else now + most - self._last[i]
            self._last[i] = now
        return 1e-6 * total


class Nvml:
    """Joules of one GPU. ``nvml``: the module pynvml, or a fake one. Raises whatever NVML does when there is none."""

    def __init__(self, nvml: Any, index: int = 0) -> None:
        self._nvml = nvml
        nvml.nvmlInit()
        self._handle = nvml.nvmlDeviceGetHandleByIndex(index)
        self._last = self._read()

    def _read(self) -> int:
        return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))

    def poll(self) -> float:
        """Joules since the last call; the driver counts in mJ from its own start."""
        now = self._read()
        spent, self._last = max(0, now - self._last), now
        return 1e-3 * spent


def gpu_meter(index: int) -> Nvml | None:
    """The meter of a GPU, None without the module (``pip install nvidia-ml-py``) or a driver that counts."""
    try:
        import pynvml

        return Nvml(pynvml, index)
    except Exception:  # NVML's errors are its own class, which is not there without the module
        return None


class EnergyMeter:
    """What this process and its part of the machine use. ``gpu``: whether it has one; ``cores``: how many are busy.

    ``cores`` 0: somebody else counts the processor.
    """

    def __init__(
        self,
        cores: int,
        gpu: bool = False,
        *,
        rapl: Rapl | None = None,
        nvml: Nvml | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cores, self.gpu, self._clock = cores, gpu, clock
        self._rapl = (rapl or Rapl()) if cores else None
        if self._rapl is not None and not self._rapl.zones:
            self._rapl = None
        self._nvml = nvml if gpu else None
        self._before = clock()

    @property
    def measured(self) -> bool:
        return (not self.cores or self._rapl is not None) and (not self.gpu or self._nvml is not None)

    @property
    def how(self) -> str:
        """How it is known, in words."""
        parts = []
        if self.cores:
            parts.append(
                "measured: all that the processor and its memory used meanwhile (RAPL)"
                if self._rapl
                else f"an estimate: {WATTS_PER_CORE:.0f} W for each of {self.cores} busy core(s)"
            )
        if self.gpu:
            parts.append("the GPU measured (NVML)" if self._nvml else f"{WATTS_PER_GPU:.0f} W guessed for the GPU")
        return ", ".join(parts)

    def poll(self) -> float:
        """Joules since the last call, or since the beginning."""
        now = self._clock()
        seconds, self._before = now - self._before, now
        joules = 0.0
        if self._rapl is not None:
            try:
                joules += self._rapl.poll()
            except (OSError, ValueError):
                self._rapl = None
        if self._rapl is None:
            joules += WATTS_PER_CORE * self.cores * seconds
        if self._nvml is not None:
            try:
                joules += self._nvml.poll()
            except Exception:
                self._nvml = None
        if self.gpu and self._nvml is None:
            joules += WATTS_PER_GPU * seconds
        return joules


def guessed(minutes: float, cores: int) -> Energy:
    """The estimate for a run of which only its length is known."""
    how = f"an estimate: {WATTS_PER_CORE:.0f} W for each of {cores} busy core(s)"
    return Energy(minutes / 60.0 * WATTS_PER_CORE * cores, False, how)
