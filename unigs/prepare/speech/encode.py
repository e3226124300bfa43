"""encode_speech: one window of speech features for each video frame."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from unigs.media.audio import read_audio
from unigs.prepare.speech.extract import RATE
from unigs.settings.speech import SpeechSettings
from unigs.speech.backends import make_backend
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.subject.features import Landmarks, SpeechFeatures
from unigs.subject.frame_table import TRAIN, read_frame_table

LEVEL_BLOCK = RATE // 25
"""Samples per block of the loudness measurement: 40 ms, short enough to tell speech from pauses."""
PAUSE_DB = 25.0
"""Decibels below the 95th percentile of the block levels under which a block is a pause."""
ACTIVE_DB = 15.0
"""Decibels below the 95th percentile of the block levels within which a block is active speech."""
SILENT_DB = -90.0
"""Level in dB of full scale below which a recording holds no sound at all."""


@dataclass(frozen=True)
class SpectralProfile:
    """How the training clip sounds, in raw features: voice, microphone, room."""

    mean: np.ndarray
    """Mean [D] of the columns of active speech."""
    low: np.ndarray
    """1 % quantile [D] of all columns."""
    high: np.ndarray
    """99 % quantile [D] of all columns."""


class SpeechEncoder:
    """Turns any recording into windows of features, always in the same way.

    A portrait's encoder is kept (`to_dict`), so a foreign recording is normalized with the
    training clip's mean and standard deviation, never with its own.

    Args:
        settings: back-end and window.
        mean: mean [D] of the features over the training frames; None until `fit`.
        std: standard deviation [D] of the features over the training frames; None until `fit`.
        profile: sound of the training clip that foreign recordings are matched to; None until
            `learn_profile`.
    """

    def __init__(
        self,
        settings: SpeechSettings,
        mean: np.ndarray | None = None,
        std: np.ndarray | None = None,
        profile: SpectralProfile | None = None,
    ) -> None:
        self.settings, self.mean, self.std, self.profile = settings, mean, std, profile
        self.backend = make_backend(settings)
        quiet = self.backend.columns(np.zeros(RATE, np.float32))
        self.quiet = quiet[len(quiet) // 4 : 3 * len(quiet) // 4 + 1].mean(0)

    @classmethod
    def from_dict(cls, data: dict) -> "SpeechEncoder":
        """The encoder that `to_dict` described."""
        mean, std = (np.asarray(data[k], np.float32) for k in ("mean", "std"))
        profile = data["colour"] and SpectralProfile(
            **{k: np.asarray(v, np.float32) for k, v in data["colour"].items()}
        )
        return cls(SpeechSettings(**data["settings"]), mean, std, profile)

    def to_dict(self) -> dict:
        """JSON values that rebuild the encoder."""
        profile = self.profile and {k: v.tolist() for k, v in vars(self.profile).items()}
        return {
            "settings": asdict(self.settings),
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
            "colour": profile,
        }

    @property
    def width(self) -> int:
        """Columns of a window (odd, so that one is the frame's own)."""
        return 2 * round(self.settings.context_ms / self.settings.step_ms / 2) + 1

    @property
    def silence(self) -> np.ndarray:
        """The window [W,D] of complete silence, normalized."""
        column = ((self.quiet - self.mean) / self.std).astype(np.float32)
        return np.tile(column, (self.width, 1))

    def columns(self, samples: np.ndarray) -> np.ndarray:
        """Raw features [N,D] of samples [n] at RATE, one row every `step_ms`."""
        return self.backend.columns(normalize_level(samples, self.settings.level_db))

    def foreign_columns(self, samples: np.ndarray) -> np.ndarray:
        """Raw features [N,D] of another recording, matched to the training clip's profile.

        Another voice, microphone or room shifts every band; to a network that knows one clip, the
        shift looks like silence or like shouting. The mean of the active speech is therefore moved
        to the mean of the profile, and features are clipped to the range of the profile. Features
        of a network are only clipped, because a shift of a network's outputs has no meaning.
        """
        columns = self.columns(samples)
        active = active_columns(samples, len(columns), self.settings.step_ms)
        if self.profile is None or not active.any():
            return columns
        if self.backend.spectral:
            columns = columns + self.profile.mean - columns[active].mean(0)
        return columns.clip(self.profile.low, self.profile.high)

    def learn_profile(self, samples: np.ndarray, columns: np.ndarray) -> None:
        """Measure the profile of the training clip.

        Args:
            samples: sound of the clip [n] at RATE.
            columns: raw features [N,D] of the clip.
        """
        active = active_columns(samples, len(columns), self.settings.step_ms)
        mean = columns[active].mean(0) if active.any() else columns.mean(0)
        self.profile = SpectralProfile(mean, *np.quantile(columns, [0.01, 0.99], axis=0))

    def windows(
        self,
        columns: np.ndarray,
        frames: int,
        fps: float,
        offset: int = 0,
        outside: np.ndarray | None = None,
    ) -> np.ndarray:
        """Raw windows [frames,W,D] of features, one for each video frame.

        The window of frame k is centered on (k + 1/2) / fps seconds, the middle of the exposure.

        Args:
            columns: features [N,D] every `step_ms`, the first at 0 s.
            frames: number of video frames.
            fps: frames per second.
            offset: frames by which the sound comes later than the picture.
            outside: column [D] that fills windows beyond the recording's ends; None: silence.
        """
        half = self.width // 2
        center = (np.arange(frames) + offset + 0.5) / fps * 1000 / self.settings.step_ms
        index = np.floor(center + 0.5).astype(int)[:, None] + np.arange(-half, half + 1)
        inside = (index >= 0) & (index < len(columns))
        picked = columns[index.clip(0, len(columns) - 1)]
        return np.where(
            inside[..., None], picked, self.quiet if outside is None else outside
        ).astype(np.float32)

    def fit(self, windows: np.ndarray) -> None:
        """Measure mean and standard deviation per coefficient over raw windows [n,W,D]."""
        flat = windows.reshape(-1, windows.shape[-1]).astype(np.float64)
        self.mean, self.std = flat.mean(0), flat.std(0)
        # A constant coefficient carries no information; it stays at zero.
        self.std = np.where(self.std > 1e-6, self.std, 1.0)

    def normalize(self, windows: np.ndarray) -> np.ndarray:
        """(x - mean) / std per coefficient, float32."""
        return ((windows - self.mean) / self.std).astype(np.float32)

    def encode(self, samples: np.ndarray, frames: int, fps: float) -> np.ndarray:
        """Normalized windows [frames,W,D] of another recording [n] at RATE."""
        return self.normalize(self.windows(self.foreign_columns(samples), frames, fps))


def normalize_level(samples: np.ndarray, level_db: float) -> np.ndarray:
    """Scale samples [n] so that their speech (not their pauses) has an RMS of `level_db`.

    A recording without sound is returned as it is.
    """
    level = speech_level(samples)
    if level is None:
        return samples.astype(np.float32)
    return (samples * 10 ** ((level_db - level) / 20)).astype(np.float32)


def speech_level(samples: np.ndarray) -> float | None:
    """RMS of the active blocks in dB of full scale, or None if there is no sound."""
    blocks = block_levels(samples)
    loud = np.percentile(blocks, 95)
    if loud < SILENT_DB:
        return None
    active = blocks[blocks > loud - PAUSE_DB]
    return float(10 * np.log10(np.mean(10 ** (active / 10))))


def block_levels(samples: np.ndarray) -> np.ndarray:
    """RMS of every 40 ms in dB of full scale (at least one value, at least -120)."""
    padded = np.pad(samples, (0, -len(samples) % LEVEL_BLOCK or (not len(samples)) * LEVEL_BLOCK))
    power = np.square(padded.reshape(-1, LEVEL_BLOCK).astype(np.float64)).mean(1)
    return 10 * np.log10(np.maximum(power, 1e-12))


def active_columns(samples: np.ndarray, count: int, step_ms: float) -> np.ndarray:
    """Which of `count` columns are active speech by the loudness around them, bool [count]."""
    blocks = block_levels(samples)
    if blocks.max() < SILENT_DB:
        return np.zeros(count, bool)
    index = (np.arange(count) * step_ms / 1000 * RATE / LEVEL_BLOCK).astype(int)
    loud = blocks > np.percentile(blocks, 95) - ACTIVE_DB
    return loud[np.minimum(index, len(blocks) - 1)]


def encode_speech(
    audio: Path,
    frames: Path,
    out: Path,
    settings: SpeechSettings,
    landmarks: Path | None = None,
) -> None:
    """Encode the sound of the clip: row k of the result is the speech window of frame k.

    Args:
        audio: sound of the clip (.wav), as long as the clip.
        frames: frame table of the clip (.csv).
        out: file to write (.npz): features [T,W,D] (normalized), mean [D], std [D], backend, rate
            (columns per second), silence [W,D], offset (frames), encoder (JSON, for foreign
            recordings).
        settings: back-end and window.
        landmarks: landmarks of the clip (.npz), by which a delay between sound and picture is found
            and undone. None: the clip is taken to be in sync.

    Raises:
        UserError: the sound and the frame table differ in length, or the back-end cannot run.
    """
    table = read_frame_table(frames)
    fps = table.fps
    samples = read_audio(audio, RATE)
    check_length(audio, len(samples), frames, len(table), fps)
    encoder = SpeechEncoder(settings)
    columns = encoder.columns(samples)
    train = table.keep & (table.split == TRAIN)
    train = train if train.any() else np.ones(len(table), bool)
    # A clip is cut out of speech that goes on: unknown is nearer to the average than to silence,
    # which would close the mouth on the first and last frames.
    average = columns.mean(0)
    raw = encoder.windows(columns, len(table), fps, outside=average)
    encoder.fit(raw[train])
    offset = 0
    if landmarks is not None and settings.max_offset:
        # Imported here: without landmarks the stage needs no network.
        from unigs.prepare.speech.offset import find_offset

        marks = Landmarks.read(landmarks)
        table.check_rows(landmarks, marks)
        offset = find_offset(encoder.normalize(raw), marks.points, train, settings.max_offset)
        raw = encoder.windows(columns, len(table), fps, offset, average)
        encoder.fit(raw[train])
    encoder.learn_profile(samples, columns)
    SpeechFeatures(
        encoder.normalize(raw),
        encoder.mean,
        encoder.std,
        settings.backend,
        1000 / settings.step_ms,
        encoder.silence,
        offset,
        json.dumps(encoder.to_dict()),
    ).write(out)


def check_length(audio: Path, samples: int, frames: Path, count: int, fps: float) -> None:
    """Refuse a recording that is not as long as the clip, to within one frame.

    Args:
        audio: file of the recording, for the message.
        samples: length of the recording at RATE.
        frames: frame table of the clip, for the message.
        count: number of frames of the clip.
        fps: frames per second of the clip.

    Raises:
        UserError: the lengths differ.
    """
    heard = samples * fps / RATE
    if abs(heard - count) > 1:
        raise UserError(
            f"{audio} lasts {heard:.1f} frames ({samples / RATE:.2f} s) but {frames} has {count}: "
            "they are not of the same clip; run extract_audio again."
        )


if __name__ == "__main__":
    cli.run(encode_speech)
