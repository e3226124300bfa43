"""Audio files as mono float samples."""

import subprocess
from pathlib import Path

import numpy as np
import soundfile

from unigs.media.ffmpeg import ffmpeg_exe, file_address, last_line
from unigs.stage.errors import UserError

RATE = 16000
"""Samples per second of all sound that stages exchange (section 3.2 of the paper)."""
NO_STREAM = "matches no streams"
"""What ffmpeg says of a file without sound, followed by advice on flags that people do not type."""


def read_audio(path: Path, rate: int = RATE) -> np.ndarray:
    """Decode the first audio stream of any media file.

    Args:
        path: audio or video file.
        rate: samples per second to resample to.

    Returns:
        float32 [n], mono, in [-1, 1].

    Raises:
        UserError: the file is missing or has no audio that ffmpeg can read.
    """
    if not Path(path).is_file():
        raise UserError(f"{path} does not exist: check the path of the audio.")
    command = [ffmpeg_exe(), "-v", "error", "-nostdin", "-i", file_address(path)]
    command += ["-map", "0:a:0", "-ac", "1", "-ar", f"{rate}", "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True)
    complaints = done.stderr.decode(errors="replace")
    if NO_STREAM in complaints or not (done.returncode or done.stdout or complaints.strip()):
        raise UserError(f"{path} has no sound: give a file with an audio stream that is not empty.")
    if done.returncode or not done.stdout:
        reason = last_line(complaints)
        raise UserError(f"{path} has no audio that can be read: ffmpeg says: {reason}")
    return np.frombuffer(done.stdout, np.float32).copy()


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    """Write mono float samples [n] in [-1, 1] as 16-bit WAV."""
    soundfile.write(path, np.clip(samples, -1.0, 1.0), rate, subtype="PCM_16", format="WAV")
