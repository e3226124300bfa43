"""Do lips and sound belong together? The judgment of a network that finds speakers in films.

Light-ASD scores how much a face looks as if it said a sound. Of the test frames' own sound it is
taken at zero offset and at +-15 frames, and once with a wrong sound, the recording rolled by half
its length. It is a coarse ruler: its peak is 2 frames broad, and there are clips whose true
pictures with their true sound lose against the wrong one. So the true frames' own scores stand
beside the portrait's, and a difference of less than half a point says nothing.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from unigs.evaluate.light_asd import BACKEND, ROWS, SIZE, LightASD, in_chunks
from unigs.evaluate.records import PORTRAIT, Record, measured
from unigs.face.squares import cut_square
from unigs.speech.cepstra import cepstra

SIDE, DOWN = 3.1, 1.3
"""Square of `unigs.face.squares` that the network is shown: the inner half of a face detector's
box, enlarged by 40 % and downward, as in its training."""
OUTSIDE = 110
"""Gray level of what lies outside the picture, as in its training."""
REACH = 15
"""Largest offset, frames."""
MARGIN = 10
"""Frames at either end that do not count: there the network lacks context."""
FEWEST = 25
"""Least number of test frames: one second."""
TOGETHER = 8
"""Offsets that are scored at once."""
NO_WEIGHTS = "the weights of Light-ASD are not there: light-asd.safetensors, or evaluate.sync_model"
"""Why the figures are empty without weights."""
TOO_SHORT = f"fewer than {FEWEST} test frames, or no face in any"
"""Why the figures are empty where there is nothing to judge."""


@dataclass(frozen=True)
class Scores:
    """What the network says of a stream of test frames."""

    curve: np.ndarray
    """Mean score at the offsets -REACH to REACH, [31]."""
    wrong: float
    """Mean score with the recording rolled by half its length."""
    frames: int
    """Frames that entered the means."""

    @property
    def at_zero(self) -> float:
        """Mean score at zero offset."""
        return float(self.curve[REACH])

    @property
    def offset(self) -> int:
        """Frames by which the sound is late, where the score is highest."""
        return int(self.curve.argmax()) - REACH


def gray_face(image: np.ndarray, square: np.ndarray) -> np.ndarray:
    """The face of a picture as the network sees it, uint8 [112,112]."""
    return cv2.cvtColor(cut_square(image, square, SIZE, OUTSIDE), cv2.COLOR_RGB2GRAY)


def encode_recording(network: LightASD, samples: np.ndarray) -> torch.Tensor:
    """Encoded sound of a whole recording, [N,128], one row per frame at 25 frames a second.

    Args:
        network: Light-ASD.
        samples: float [n] in [-1,1] at 16 kHz.
    """
    rows = cepstra(samples)
    rows = np.pad(rows, ((0, -len(rows) % ROWS), (0, 0)), mode="edge")
    return in_chunks(network.encode_sound, rows, ROWS, network.speaks.weight.device)


@torch.no_grad()
def score(network: LightASD, faces: np.ndarray, sound: torch.Tensor, frames: np.ndarray) -> Scores:
    """Score a stream of test frames against the recording.

    Args:
        network: Light-ASD.
        faces: uint8 [n,112,112] of `gray_face`, n >= FEWEST.
        sound: the whole recording from `encode_recording`, [N,128].
        frames: numbers of the test frames in the recording, [n].
    """
    device, total = network.speaks.weight.device, len(sound)
    seen = in_chunks(network.encode_faces, faces, 1, device).to(device)
    heard = [np.clip(frames + k, 0, total - 1) for k in range(-REACH, REACH + 1)]
    heard.append((np.clip(frames, 0, total - 1) + total // 2) % total)
    inside = slice(MARGIN, -MARGIN) if len(frames) > 4 * MARGIN else slice(None)
    means: list[float] = []
    for first in range(0, len(heard), TOGETHER):
        rows = np.stack(heard[first : first + TOGETHER])
        said = network(seen.expand(len(rows), -1, -1), sound[rows].to(device))
        means += said[:, inside].mean(dim=1).tolist()
    return Scores(np.array(means[:-1]), means[-1], len(frames[inside]))


def sync_asd_records(found: Scores | None, missing: str, method: str = PORTRAIT) -> list[Record]:
    """Records of score, offset and score of the wrong sound.

    Args:
        found: what Light-ASD said; None where it was not asked.
        missing: why it was not.
        method: what was judged.
    """
    labels = {"region": "mouth", "backend": BACKEND, "method": method}
    labels["frames"] = 0 if found is None else found.frames
    coarse = "coarse: the peak is 2 frames broad, half a point is noise"
    return [
        measured(
            "sync_asd", found and found.at_zero, missing,
            how=f"mean score of face and sound at zero offset; {coarse}", **labels,
        ),
        measured(
            "sync_asd_offset", found and float(found.offset), missing, unit="frames",
            how="where the score is highest within +-15 frames; positive: the sound is late",
            **labels,
        ),
        measured(
            "sync_asd_wrong", found and found.wrong, missing,
            how="mean score with the recording rolled by half its length", **labels,
        ),
    ]  # fmt: skip
