"""Audio files as mono float samples."""

import io
import logging
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from unigs.media import graphs
from unigs.media.ffmpeg import is_refused_format, last_line, refuse_missing, run_command
from unigs.stage.errors import UserError

log = logging.getLogger("unigs")

RATE = 16000
"""Samples per second of all sound that stages exchange (section 3.2 of the paper)."""
NO_STREAM = "matches no streams"
"""What ffmpeg says of a file without sound, followed by advice on flags that people do not type."""
LOUDEST = 1e3
"""Largest sample that can be sound: float files may exceed full scale (1), but not by 60 dB."""
LONGEST = 12
"""Hours of sound that are read, 3 GB of samples: silence packs so well that a file of a few
megabytes could fill any memory."""
SAMPLES_AT_ONCE = 2**20
"""Samples that are looked through at once."""
LARGEST_DAMAGE = 0.01
"""Share of samples that may be no sound; silence takes their place."""


def read_audio(path: Path, rate: int = RATE) -> np.ndarray:
    """Decode the first audio stream of any media file.

    Args:
        path: audio or video file.
        rate: samples per second to resample to.

    Returns:
        float32 [n], mono, full scale is 1. A few samples that are no sound (NaN, infinite, or
        absurdly large) are replaced by silence, and the log says so.

    Raises:
        UserError: the file is missing, has no audio that ffmpeg can read, lasts longer than
            `LONGEST`, or much of it is no sound.
    """
    refuse_missing(path, "audio")
    longest = round(LONGEST * 3600)
    command = graphs.command_of(graphs.samples(path, rate, longest + 1))
    done = subprocess.run(command, capture_output=True)
    complaints = done.stderr.decode(errors="replace")
    if is_refused_format(complaints):
        raise UserError(
            f"{path} is a play list or of another kind that is not read as sound: give the sound "
            "itself, or convert it first (ffmpeg -i IN OUT.wav)."
        )
    if NO_STREAM in complaints or not (done.returncode or done.stdout or complaints.strip()):
        raise UserError(f"{path} has no sound: give a file with an audio stream that is not empty.")
    if done.returncode or not done.stdout:
        reason = last_line(complaints)
        raise UserError(f"{path} has no audio that can be read: ffmpeg says: {reason}")
    if len(done.stdout) > longest * rate * np.float32().nbytes:
        raise UserError(f"{path} lasts longer than {LONGEST:g} hours: give a part of it.")
    return _mended(np.frombuffer(done.stdout, np.float32).copy(), path, rate)


def _mended(samples: np.ndarray, path: Path, rate: int) -> np.ndarray:
    """Samples [n] with silence in place of what is no sound; one NaN would spread to all frames."""
    # Not all at once: an hour of samples has no need of a second copy.
    parts = range(0, len(samples), SAMPLES_AT_ONCE)
    found = [
        k + np.flatnonzero(~(np.abs(samples[k : k + SAMPLES_AT_ONCE]) <= LOUDEST)) for k in parts
    ]
    broken = np.concatenate(found) if found else np.empty(0, int)
    if len(broken) > LARGEST_DAMAGE * len(samples):
        raise UserError(
            f"{path} is damaged: {100 * len(broken) / len(samples):.1f} % of its samples are no "
            "sound (not a number, or too large); export it anew."
        )
    if len(broken):
        log.warning(
            "%s holds %d samples that are no sound (not a number, or too large), the first at "
            "%.3f s: silence takes their place.",
            path, len(broken), broken[0] / rate,
        )  # fmt: skip
        samples[broken] = 0
    return samples


def decode_sound(path: Path, out: Path) -> None:
    """Write the first audio stream of any media file at its own rate and in all its channels.

    Args:
        path: audio or video file.
        out: file to write; the suffix chooses the format.

    Raises:
        UserError: ffmpeg fails.
    """
    command = graphs.command_of(graphs.whole_sound(path, out), overwrite=True)
    run_command(command, f"read the sound of {path}")


def cut_sound(
    path: Path, out: Path, start: float | None, stop: float | None, seconds: float
) -> str:
    """Write a part of a file's sound as 16-bit WAV, with silence where the source has none.

    An audio stream that begins later than the file is preceded by silence.

    Args:
        path: audio or video file.
        out: WAV file to write.
        start: first second; None: the beginning.
        stop: last second; None: the end.
        seconds: exact length of the WAV file.

    Returns:
        What ffmpeg complained of.

    Raises:
        UserError: ffmpeg fails.
    """
    graph = graphs.part_of_sound(path, out, start, stop, seconds)
    command = graphs.command_of(graph, overwrite=True)
    return run_command(command, f"cut out the audio of {path}")


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    """Write mono float samples [n] in [-1, 1] as 16-bit WAV."""
    content = io.BytesIO()  # libsndfile does not say why it cannot write; the system does
    soundfile.write(content, np.clip(samples, -1.0, 1.0), rate, subtype="PCM_16", format="WAV")
    Path(path).write_bytes(content.getbuffer())


def sounding(wav: Path) -> tuple[float, float]:
    """First and last second of a WAV file that is not complete silence; 0, 0 if all of it is."""
    first, last, count = None, 0, 0
    with soundfile.SoundFile(wav) as file:
        for block in file.blocks(blocksize=2**16, dtype="int16", always_2d=True):
            loud = np.flatnonzero(block.any(1))
            if len(loud):
                first = count + loud[0] if first is None else first
                last = count + loud[-1] + 1
            count += len(block)
        return (first or 0) / file.samplerate, last / file.samplerate
