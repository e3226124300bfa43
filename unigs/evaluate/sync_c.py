"""Sync-C and Sync-D as the field reports them: LSE-C and LSE-D of SyncNet v2.

The published protocol: the test video with its own sound, 25 frames a second, faces cut to 224
pixels; every five frames and the 20 columns of cepstra from the same instant give a point each;
the distances of each frame's point to those of the sound at -15 to +15 frames are averaged over the
frames. Sync-D is the least of these 31 means, Sync-C the median minus the least. As in the
published code, sound before the beginning and after the end is a point at zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from unigs.evaluate.records import PORTRAIT, Record, measured
from unigs.evaluate.syncnet import BACKEND, COLUMNS, FRAMES, SIZE, SyncNet
from unigs.face.squares import cut_square
from unigs.speech.cepstra import cepstra

SIDE, DOWN = 6.2, 1.3
"""Square of `unigs.face.squares` that the network is shown: a face detector's box, enlarged by 40 %
and downward, as the published pipeline cuts it."""
OUTSIDE = 110
"""Gray level of what lies outside the picture, as in the published pipeline."""
REACH = 15
"""Largest offset, frames."""
ROWS = 4
"""Columns of cepstra per frame."""
SAMPLES = 640
"""Samples of sound per frame."""
BATCH = 8
"""Groups of five frames that are encoded at once."""
NO_WEIGHTS = (
    "the weights of SyncNet v2 are not there (syncnet_v2.model, for research alone; "
    "evaluate.syncnet_model); see sync_asd and lmd_256_gain for whether the mouth follows the voice"
)
"""Why Sync-C is empty without weights."""
TOO_SHORT = "fewer than 6 test frames, or no face in any"
"""Why Sync-C is empty where there is nothing to judge."""


@dataclass
class SyncReader:
    """Turns the test frames of one stream into points, five at a time, as they come."""

    network: SyncNet
    _last: list[np.ndarray] = field(default_factory=list)
    _waiting: list[np.ndarray] = field(default_factory=list)
    _points: list[Tensor] = field(default_factory=list)

    def read(self, image: np.ndarray, square: np.ndarray) -> None:
        """Take the next frame.

        Args:
            image: uint8 RGB [H,W,3].
            square: where its face is, from `unigs.face.squares.face_squares` with SIDE and DOWN.
        """
        face = cut_square(image, square, SIZE, OUTSIDE)[..., ::-1]
        self._last = [*self._last[-(FRAMES - 1) :], face]
        if len(self._last) == FRAMES:
            self._waiting.append(np.stack(self._last))
        if len(self._waiting) == BATCH:
            self._encode()

    def points(self) -> Tensor:
        """Points [n-4,1024] of all n frames that were read."""
        if self._waiting:
            self._encode()
        return torch.cat(self._points) if self._points else torch.zeros(0, 1)

    @torch.no_grad()
    def _encode(self) -> None:
        device = next(self.network.parameters()).device
        batch = torch.from_numpy(np.stack(self._waiting)).to(device)
        self._points.append(self.network.encode_faces(batch.permute(0, 4, 1, 2, 3).float()).cpu())
        self._waiting = []


@torch.no_grad()
def sound_points(network: SyncNet, samples: np.ndarray) -> Tensor:
    """Points [n,1024] of the sound of the test frames, one for each frame that has 20 columns.

    Args:
        network: SyncNet.
        samples: float [m] in [-1,1] at 16 kHz.
    """
    device = next(network.parameters()).device
    columns = torch.from_numpy(cepstra(samples).T.copy()).to(device)
    starts = range(0, columns.shape[1] - COLUMNS + 1, ROWS)
    found = [
        network.encode_sound(torch.stack([columns[None, :, s : s + COLUMNS] for s in batch])).cpu()
        for batch in _batches(starts)
    ]
    return torch.cat(found) if found else torch.zeros(0, 1)


def _batches(starts: range) -> Iterator[range]:
    for first in range(0, len(starts), 16 * BATCH):
        yield starts[first : first + 16 * BATCH]


def mean_distances(faces: Tensor, sound: Tensor, reach: int = REACH) -> np.ndarray:
    """Mean distance of faces to the sound at each offset.

    Args:
        faces: points [n,D].
        sound: points [n,D] of the same instants.
        reach: largest offset, frames.

    Returns:
        float [2 reach + 1]: entry reach + k is for sound that is taken k frames later.
    """
    padded = torch.nn.functional.pad(sound, (0, 0, reach, reach))
    return np.array(
        [
            float(torch.nn.functional.pairwise_distance(faces, padded[k : k + len(faces)]).mean())
            for k in range(2 * reach + 1)
        ]
    )


@dataclass(frozen=True)
class Confidence:
    """What SyncNet says of a video."""

    confidence: float
    """Sync-C: median minus least of the mean distances."""
    distance: float
    """Sync-D: the least mean distance."""
    offset: int
    """Frames by which the sound is late; the published code prints the negative."""


def confidence(faces: Tensor, sound: Tensor) -> Confidence | None:
    """Sync-C, Sync-D and offset; None where there are no five frames with sound.

    Args:
        faces: points [n,D] of the pictures.
        sound: points [m,D] of the sound; what is longer is cut.
    """
    count = min(len(faces), len(sound))
    if count < 1:
        return None
    curve = mean_distances(faces[:count], sound[:count])
    best = int(curve.argmin())
    return Confidence(float(np.median(curve) - curve[best]), float(curve[best]), best - REACH)


def sync_c_records(
    found: Confidence | None, frames: int, missing: str = TOO_SHORT, method: str = PORTRAIT
) -> list[Record]:
    """Records of Sync-C, Sync-D and offset.

    Args:
        found: what SyncNet said; None where it was not asked.
        frames: test frames.
        missing: why it was not.
        method: what was judged.
    """
    labels = {"region": "mouth", "frames": frames, "backend": BACKEND, "method": method}
    how = "mean L2 distance of face and sound over the frames, offsets of +-15 frames"
    return [
        measured(
            "sync_c", found and found.confidence, missing,
            how=f"LSE-C: median minus least {how}", **labels,
        ),
        measured(
            "sync_d", found and found.distance, missing, how=f"LSE-D: least {how}", **labels
        ),
        measured(
            "sync_offset", found and float(found.offset), missing, unit="frames",
            how="where that distance is least; positive: the sound is late", **labels,
        ),
    ]  # fmt: skip
