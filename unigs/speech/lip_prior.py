"""What is known of lips before a person is seen: a linear map from speech to their shape.

The prior that the package ships is learned from synthetic voices whose phones are known
(`tools/lip_prior`). It belongs to one projection of one network's states.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.speech.closure_score import ClosureScore
from unigs.stage.errors import UserError
from unigs.stage.files import save_tensors

FOLDER = Path(__file__).parent / "priors"
"""Where the package keeps lip priors (.safetensors)."""
HALF = 5
"""Rows of features before and after a row that the maps hear: 100 ms each."""
NAMES = ("lips", "speech")
"""Tensors of every file."""
CLOSURE_NAMES = tuple(f"closure.{part}" for part in ClosureScore.PARTS)
"""Tensors of a closure score, which a file may lack."""
STRENGTH = 3.0
"""Strength of a prior whose file states none: of one learned from synthetic voices."""


@dataclass(frozen=True)
class LipPrior:
    """Linear maps from centered features to lips and to speech or silence."""

    lips: np.ndarray
    """Weights float32 [W,D,2] of opening and width, z-scored; the bias is the person's."""
    speech: np.ndarray
    """Weights float32 [W,D] of a score that is positive where someone speaks."""
    bias: float
    """Bias of that score."""
    projection: str
    """Digest of the projection that makes the features."""
    closure: ClosureScore | None = None
    """Score of p, b and m, for which the lips must meet; None: unknown."""
    strength: float = STRENGTH
    """Penalty of a fitted weight's distance from the prior, in units of the clip's mean variance of
    a feature, so that the prior weighs as much for a short clip as for a long one."""

    @classmethod
    def read(cls, path: Path) -> "LipPrior":
        """A prior from a file.

        Raises:
            UserError: the file is missing or damaged, or is no lip prior.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "np") as file:
                known, present = file.metadata() or {}, set(file.keys())
                lips, speech = map(file.get_tensor, NAMES)
                parts = [file.get_tensor(name) for name in CLOSURE_NAMES if present > set(NAMES)]
                closure = ClosureScore(*(np.float32(p) for p in parts)) if parts else None
                bias, strength = float(known["bias"]), float(known.get("strength", STRENGTH))
                made = cls(lips, speech, bias, known["projection"], closure, strength)
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise UserError(f"{path} is no lip prior ({error}): learn it anew.") from None
        window = (2 * HALF + 1, lips.shape[1] if lips.ndim == 3 else -1)
        shaped = lips.shape == (*window, 2) and speech.shape == window
        shaped &= closure is None or closure.fits(window)
        if not shaped or not made.is_finite or made.strength < 0:
            raise UserError(f"{path} is no lip prior (shape or values): learn it anew.")
        return made

    @property
    def is_finite(self) -> bool:
        """Whether all numbers of the maps are finite."""
        parts = self.lips, self.speech, self.bias, self.strength
        return all(bool(np.isfinite(part).all()) for part in parts)

    def write(self, path: Path) -> None:
        """Write the file as a whole or not at all."""
        tensors = {"lips": self.lips, "speech": self.speech}
        if self.closure:  # half the bytes: a thousandth of a weight is nothing to a score
            parts = (getattr(self.closure, part) for part in ClosureScore.PARTS)
            tensors |= {k: v.astype(np.float16) for k, v in zip(CLOSURE_NAMES, parts, strict=True)}
        numbers = {key: repr(getattr(self, key)) for key in ("bias", "strength")}
        save_tensors(path, tensors, numbers | {"projection": self.projection})

    def lips_of(self, windows: np.ndarray) -> np.ndarray:
        """Opening and width [n,2] that windows [n,W',D] of features announce, W' at least W."""
        return central(windows) @ self.lips.reshape(-1, 2)

    def speech_scores(self, rows: np.ndarray) -> np.ndarray:
        """Score [N] of each row of centered features [N,D]; positive where someone speaks."""
        return flat_windows(rows) @ self.speech.reshape(-1) + self.bias


def find_prior(projection: str) -> LipPrior | None:
    """The prior that the package holds for the features of a projection, if it does.

    Args:
        projection: digest of the projection; empty: there is none.
    """
    for path in sorted(FOLDER.glob("*.safetensors")):
        prior = LipPrior.read(path)
        if prior.projection == projection:
            return prior
    return None


def central(windows: np.ndarray) -> np.ndarray:
    """The rows of windows [n,W',D] that the maps hear, flat [n,W*D].

    Raises:
        UserError: the windows are too short.
    """
    extra = windows.shape[1] - (2 * HALF + 1)
    if extra < 0:
        raise UserError(
            f"speech windows of {windows.shape[1]} columns are shorter than the {2 * HALF + 1} "
            "that a lip prior hears: raise speech.context_ms, or set dynamic.lip_prior to none."
        )
    return windows[:, extra // 2 : extra // 2 + 2 * HALF + 1].reshape(len(windows), -1)


def flat_windows(rows: np.ndarray) -> np.ndarray:
    """The window around each row of features [N,D], flat float32 [N,W*D]; ends are repeated."""
    index = np.arange(len(rows))[:, None] + np.arange(-HALF, HALF + 1)
    return rows[index.clip(0, len(rows) - 1)].reshape(len(rows), -1).astype(np.float32)
