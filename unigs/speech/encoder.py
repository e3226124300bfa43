"""From sound to one window of speech features for each video frame."""

import functools
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from unigs.media.audio import RATE
from unigs.settings.speech import SpeechSettings
from unigs.speech.backends import make_backend
from unigs.speech.lip_prior import LipPrior, find_prior
from unigs.speech.loudness import active_columns, normalize_level
from unigs.speech.model_file import find_again, record
from unigs.stage.bounds import fault
from unigs.stage.errors import UserError

__all__ = ["SpeechEncoder"]


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
        self.mean, self.std, self.profile = mean, std, profile
        self.backend = make_backend(settings)
        # What was left open is settled: another day it might be settled in another way.
        self.settings = self.backend.settings
        quiet = self.backend.columns(np.zeros(RATE, np.float32))
        self.quiet = quiet[len(quiet) // 4 : 3 * len(quiet) // 4 + 1].mean(0)

    @classmethod
    def from_json(cls, text: str, path: Path) -> "SpeechEncoder":
        """The encoder that a features file describes.

        Args:
            text: JSON of `to_dict`, as `unigs.subject.features.SpeechFeatures.encoder` holds it.
            path: the file, for the message.

        Raises:
            UserError: the text was written by another version or is damaged, the model that it
                names is not there, or the features came from another system, which is not here.
        """
        try:
            described = json.loads(text)
            if is_given(text):
                raise UserError(
                    f"{path} holds speech features of an imported {described['given']}, which "
                    "cannot be made of other recordings here: import the folder anew with "
                    "--speech ours and train anew."
                )
            return cls.from_dict(described, str(path))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            raise UserError(
                f"{path} was written by another version, or is damaged: run encode_speech anew."
            ) from None

    @classmethod
    def from_dict(cls, data: dict, owner: str = "the speech") -> "SpeechEncoder":
        """The encoder that `to_dict` described.

        Args:
            data: JSON values.
            owner: what was encoded with it, for messages.

        Raises:
            UserError: the model that it names is not there, or is another one.
            ValueError: a number cannot be, or there are more or fewer than features.
        """
        mean, std = (np.asarray(data[k], np.float32) for k in ("mean", "std"))
        profile = data["colour"] and SpectralProfile(
            **{k: np.asarray(v, np.float32) for k, v in data["colour"].items()}
        )
        settings, known = SpeechSettings(**data["settings"]), data.get("model")
        if wrong := fault(SpeechSettings, settings, "settings"):
            raise ValueError(wrong)
        if known:
            settings = find_again(settings, known, owner)
        made = cls(settings, mean, std, profile)
        if known and made.backend.projection != known["projection"]:
            raise UserError(
                f"{owner} was encoded by another version, which keeps other numbers of "
                f"{known['file']}: run encode_speech anew, and train anew."
            )
        for row in (mean, std, *vars(profile or SimpleNamespace()).values()):
            if row.shape != made.quiet.shape or not np.isfinite(row).all():
                raise ValueError("other numbers than one for each feature")
        if not (std > 0).all():
            raise ValueError("deviations that are not positive")
        return made

    def to_dict(self) -> dict:
        """JSON values that rebuild the encoder."""
        profile = self.profile and {k: v.tolist() for k, v in vars(self.profile).items()}
        return {
            "settings": asdict(self.settings),
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
            "colour": profile,
            "model": self.backend.model
            and record(self.settings) | {"projection": self.backend.projection},
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
        return self.match(self.columns(samples), samples)

    def match(self, columns: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """The second half of `foreign_columns`: features [N,D] moved into the profile.

        Args:
            columns: raw features of the recording, which may be another encoder's of the same
                settings.
            samples: the recording [n] at RATE.
        """
        active = active_columns(samples, len(columns), self.settings.step_ms)
        if self.profile is None or not active.any():
            return columns
        if self.backend.spectral or self.backend.projection:
            columns = columns + self.profile.mean - columns[active].mean(0)
        return columns.clip(self.profile.low, self.profile.high)

    def speech_scores(self, columns: np.ndarray, frames: int, fps: float) -> np.ndarray | None:
        """Score of each video frame [frames], positive where someone speaks.

        Args:
            columns: raw features [N,D] of a recording, from `foreign_columns`.
            frames: number of video frames.
            fps: frames per second.

        Returns:
            None where the features do not tell.
        """
        prior = self.prior
        if prior is None or self.profile is None:
            return None
        scores = prior.speech_scores((columns - self.profile.mean).astype(np.float32))
        middle = (np.arange(frames) + 0.5) / fps * 1000 / self.settings.step_ms
        return scores[np.floor(middle + 0.5).astype(int).clip(0, len(scores) - 1)]

    def learn_profile(self, samples: np.ndarray, columns: np.ndarray) -> None:
        """Measure the profile of the training clip.

        Args:
            samples: sound of the clip [n] at RATE.
            columns: raw features [N,D] of the clip.
        """
        active = active_columns(samples, len(columns), self.settings.step_ms)
        mean = columns[active].mean(0) if active.any() else columns.mean(0)
        self.profile = SpectralProfile(mean, *np.quantile(columns, [0.01, 0.99], axis=0))

    @functools.cached_property
    def prior(self) -> LipPrior | None:
        """What the package knows of lips from these features; None: nothing."""
        return find_prior(self.backend.projection)

    def windows(
        self,
        columns: np.ndarray,
        frames: int,
        fps: float,
        offset: float = 0,
        outside: np.ndarray | None = None,
    ) -> np.ndarray:
        """Raw windows [frames,W,D] of features, one for each video frame.

        The window of frame k is centered on (k + 1/2) / fps seconds, the middle of the exposure.

        Args:
            columns: features [N,D] every `step_ms`, the first at 0 s.
            frames: number of video frames.
            fps: frames per second.
            offset: frames by which the sound comes later than the picture; need not be whole.
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
        if self.backend.projection:
            # Scaled for everybody: maps from them hold for every person.
            self.std = np.ones_like(self.std)
        # A constant coefficient carries no information; it stays at zero.
        self.std = np.where(self.std > 1e-6, self.std, 1.0)

    def normalize(self, windows: np.ndarray) -> np.ndarray:
        """(x - mean) / std per coefficient, float32."""
        return ((windows - self.mean) / self.std).astype(np.float32)

    def encode(self, samples: np.ndarray, frames: int, fps: float) -> np.ndarray:
        """Normalized windows [frames,W,D] of another recording [n] at RATE."""
        return self.normalize(self.windows(self.foreign_columns(samples), frames, fps))


def is_given(text: str) -> bool:
    """Whether the JSON of an encoder says that another system made the features."""
    return "given" in json.loads(text)


def projection_of(text: str) -> str:
    """Digest of the projection in the JSON of an encoder; empty: its features have none."""
    return (json.loads(text).get("model") or {}).get("projection", "")


def centered(columns: np.ndarray, samples: np.ndarray, step_ms: float = 20.0) -> np.ndarray:
    """Features [N,D] less their mean over active speech, by which one voice differs from another.

    Args:
        columns: raw features of a recording.
        samples: the recording [n] at RATE.
        step_ms: milliseconds from one row to the next.
    """
    active = active_columns(samples, len(columns), step_ms)
    return columns - (columns[active] if active.any() else columns).mean(0)
