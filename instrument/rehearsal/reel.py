"""Reel: pictures and sound to one file, through ffmpeg. After film; knows no picture's contents.

Pictures go down a pipe as they are drawn and sound into a file beside, so that memory stays the same however long the
film is; at the end ffmpeg joins them, copying the pictures. (Two pipes into one ffmpeg would save the second file, but
which of them it reads first is its own affair: with one writer that can be a wait without end.) All of it happens in a
hidden folder beside the film, and only a finished film gets its name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from instrument.base.errors import RosinError

REMEDY = "pip install 'rosin[video]'"
# Dark pictures with soft light: bits go to the dark (aq-mode 3), or its gradients fall into bands.
H264 = ("-c:v", "libx264", "-preset", "medium", "-crf", "16", "-x264-params", "aq-mode=3")
VP9 = ("-c:v", "libvpx-vp9", "-crf", "24", "-b:v", "0", "-deadline", "good", "-cpu-used", "4", "-row-mt", "1")
COLOUR = (
    "-vf",
    "scale=in_range=full:out_range=limited:out_color_matrix=bt709:flags=accurate_rnd+full_chroma_int,"
    "format=yuv420p,setparams=range=limited:colorspace=bt709:color_primaries=bt709:color_trc=bt709",
)
FASTSTART = ("-movflags", "+faststart")
# RF64 is WAV without its limit of 4 GB, which is three hours.
WAV, FLAC = ("sound.wav", "RF64", "FLOAT"), ("sound.flac", "FLAC", "PCM_24")
KINDS: dict[str, tuple[Sequence[str], Sequence[str], tuple[str, str, str]]] = {
    ".mp4": (H264, ("-c:a", "aac", "-b:a", "320k", *FASTSTART), WAV),
    ".mov": (H264, ("-c:a", "pcm_f32le", *FASTSTART), WAV),
    ".mkv": (H264, ("-c:a", "copy"), FLAC),
    ".webm": (VP9, ("-c:a", "libopus", "-b:a", "256k", "-ar", "48000"), WAV),
}
"""How the pictures and the sound of each kind of film are written, and in what file the sound waits. The sound of a
.mov is the render's samples bit for bit, that of an .mkv those of a .flac."""


def find_ffmpeg() -> str:
    """The path of ffmpeg: the one of imageio-ffmpeg, else the system's. RosinError with the remedy."""
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):  # not installed; or installed without a program, and none elsewhere
        if (found := shutil.which("ffmpeg")) is not None:
            return found
    raise RosinError(f"a film needs ffmpeg; install it with: {REMEDY}")


class Reel:
    """One film being made: ``sound`` and ``picture`` as they come, then ``finish``, or ``discard``.

    RosinError where ffmpeg is missing or fails, OSError or soundfile.SoundFileError where the disk refuses the sound.
    """

    def __init__(
        self, out: Path, fps: int, size: tuple[int, int], rate: int, channels: int, tags: Mapping[str, str]
    ) -> None:
        self._out, self._fps, self._tags = out, fps, tags
        self._program = find_ffmpeg()
        width, height = size
        video, self._join, (name, kind, subtype) = KINDS[out.suffix.lower()]
        self.pictures = 0
        self._kept = False
        self._folder = Path(tempfile.mkdtemp(prefix=".rosin-film-", dir=out.parent))
        self._video, self._audio = self._folder / "pictures.mp4", self._folder / name
        self._process: subprocess.Popen[bytes] | None = None
        self._sound: Any = None
        try:
            self._sound = soundfile.SoundFile(self._audio, "w", rate, channels, subtype, format=kind)
            raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "pipe:0")
            self._process = self._start(*raw, *COLOUR, *video, str(self._video), stdin=subprocess.PIPE)
        except BaseException:
            self.discard()
            raise

    def sound(self, samples: NDArray[np.float32]) -> None:
        """f32 [n, channels]."""
        self._sound.write(samples)

    def picture(self, pixels: NDArray[np.uint8]) -> None:
        """[height, width, 3] of 8-bit RGB, top row first, C order."""
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(pixels.data)
        except OSError:
            self._wait(self._process)  # its reason is better than ours
            raise RosinError(f"{self._out} cannot be written (ffmpeg ended early)") from None
        self.pictures += 1

    def finish(self, out: Path | None = None) -> Path:
        """Join what there is into the film, under its name or another; returns it.

        Nothing else is left, but where joining fails (it takes the room of the pictures once more) both parts are.
        """
        out = out or self._out
        try:
            assert self._process is not None
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):  # an ffmpeg that is gone tells why below
                self._process.stdin.close()
            self._wait(self._process)
            self._sound.close()
        except BaseException:
            self.discard()
            raise
        try:
            os.replace(self._joined(), out)
        except (RosinError, OSError) as error:
            self._kept = True
            raise RosinError(f"{error}; its pictures and its sound are kept in {self._folder}") from None
        except BaseException:
            self.discard()
            raise
        self.discard()
        return out

    def _joined(self) -> Path:
        joined = self._folder / f"film{self._out.suffix.lower()}"
        tags = [word for name, text in self._tags.items() if text for word in ("-metadata", f"{name}={text}")]
        length = f"{self.pictures / self._fps:.6f}"  # less than the sound only where the film was ended early
        try:
            self._wait(
                self._start(
                    "-i", str(self._video), "-i", str(self._audio), "-map", "0:v", "-map", "1:a", "-map_metadata", "-1",
                    "-c:v", "copy", *self._join, *tags, "-t", length, str(joined),
                )
            )  # fmt: skip
        except RosinError:
            joined.unlink(missing_ok=True)
            raise
        return joined

    def discard(self) -> None:
        """Leave nothing behind, but what ``finish`` said it keeps; twice does no harm."""
        if self._kept:
            return
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        if self._sound is not None:
            with contextlib.suppress(OSError, soundfile.SoundFileError):
                self._sound.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, *words: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        command = [self._program, "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *words]
        with (self._folder / "said").open("wb") as said:
            try:
                # A session of its own: Ctrl-C is for us, and ffmpeg ends when its pipe does.
                return subprocess.Popen(
                    command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
                )
            except OSError as error:
                why = error.strerror or error
                raise RosinError(f"{self._program} does not start ({why}); install another: {REMEDY}") from None

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Until ffmpeg has ended; RosinError in its own words when it failed."""
        if process.wait() == 0:
            return
        said = (self._folder / "said").read_text(encoding="utf-8", errors="replace").splitlines()
        why = next((line for line in said if "No space" in line or "File too large" in line), None)
        why = why or next((line.split("] ")[-1] for line in said if line.strip()), f"code {process.returncode}")
        if "nknown encoder" in why:
            raise RosinError(f"{self._program} cannot write such a film ({why}); install another: {REMEDY}")
        raise RosinError(f"{self._out} cannot be written (ffmpeg: {why.strip()}); choose a folder with room")
