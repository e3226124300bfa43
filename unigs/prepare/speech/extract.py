"""extract_audio: the clip's sound as 16 kHz mono, exactly as long as its picture."""

from pathlib import Path

import numpy as np

from unigs.media.audio import RATE, read_audio, write_wav
from unigs.media.video import frame_count, probe
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic

QUIETEST = 1e-3
"""Loudest sample, as a share of full scale, below which a recording holds no voice (-60 dB)."""


def extract_audio(video: Path, out: Path) -> None:
    """Write the sound of a cropped clip as a WAV file (paper section 3.2: 16 kHz).

    The result has exactly `frames / fps` seconds: containers often carry a little more or less
    sound than picture, and every later stage counts on frame k being heard at k / fps.

    Args:
        video: the cropped clip.
        out: WAV file to write, 16 kHz, mono, 16 bit.

    Raises:
        UserError: the clip has no sound, or only silence.
    """
    info = probe(video)
    if not info.has_audio:
        raise UserError(
            f"{video} has no audio track: tracking works without one, but a talking portrait "
            "needs the voice; use a clip with sound."
        )
    frames = frame_count(video)
    samples = fit_length(read_audio(video, RATE), round(frames * RATE / info.fps))
    if np.abs(samples - samples.mean()).max(initial=0) < QUIETEST:
        raise UserError(
            f"{video} has an audio track without any sound: a talking portrait needs the voice; "
            "use a clip with sound."
        )
    with atomic(out) as temporary:
        write_wav(temporary, samples, RATE)


def fit_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Cut samples [n] to `length`, or append silence up to it."""
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


if __name__ == "__main__":
    cli.run(extract_audio)
