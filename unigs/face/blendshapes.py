"""52 blendshapes of a face, and the action units that they stand for.

The network is that of `face_landmarker.task` (Apache-2.0). It sees landmarks, not pictures, and was
trained on other people's faces: no clip calibrates it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unigs.face.litert.files import read_networks
from unigs.face.litert.network import Network
from unigs.media.gaussian import smooth_parts
from unigs.pretrained.auto import LANDMARKER

# fmt: off
POINTS = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66,
    67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144,
    145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173,
    176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284,
    285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332,
    334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386,
    387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473,
    474, 475, 476, 477,
)
"""Landmarks that the network sees, in its order."""
NAMES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft",
    "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft",
    "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft",
    "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft",
    "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft",
    "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft",
    "noseSneerRight",
)
"""What the network's outputs are called (the names of ARKit)."""
# fmt: on


def read_blendshapes(path: Path) -> Network:
    """The network.

    Args:
        path: file of `face_landmarker.task`'s networks (.safetensors), as the catalogue fetches it.

    Raises:
        UserError: the file is missing or another one, or LiteRT is not installed.
    """
    return Network(read_networks(path, LANDMARKER)["face_blendshapes"], "face_blendshapes")


def blendshapes(network: Network, points: np.ndarray) -> np.ndarray:
    """Scores of a clip.

    Args:
        network: from `read_blendshapes`.
        points: landmarks [T,478,3] in pixels, NaN in frames without a face.

    Returns:
        float32 [T,52], 0 to 1 in the order of `NAMES`; NaN in frames without a face.
    """
    seen = np.ascontiguousarray(points[:, POINTS, :2], np.float32)
    scores = np.full((len(points), len(NAMES)), np.nan, np.float32)
    for row in np.flatnonzero(np.isfinite(seen).all((1, 2))):
        (found,) = network(seen[row : row + 1])
        scores[row] = found.ravel()
    return scores


UNITS = {
    "AU01": (("browInnerUp",), 0.4),
    "AU04": (("browDownLeft", "browDownRight"), 0.3),
    "AU05": (("eyeWideLeft", "eyeWideRight"), 0.03),
    "AU07": (("eyeSquintLeft", "eyeSquintRight"), 0.3),
    "AU45": (("eyeBlinkLeft", "eyeBlinkRight"), 0.5),
}
"""Action unit -> blendshapes whose mean says how strong it is, and the least rise above the
person's usual face that full strength 5 stands for; a person who moves farther gets a larger one.
AU06 is not among them: the network's cheekSquint is 0 whatever the cheeks do."""
AWAKE = 0.7
"""Quantile of the blink's score up to which an eye counts as open."""


def blendshape_units(
    scores: np.ndarray,
    smooth: float = 1.0,
    usable: np.ndarray | None = None,
    parts: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Action units of a clip.

    Args:
        scores: [T,52] from `blendshapes`, NaN in frames without a face.
        smooth: standard deviation in frames of the Gaussian over all but AU45.
        usable: frames [T] bool that set the scale; None: all frames that show a face.
        parts: number of every frame's part [T], within which units are smoothed; None: all frames
            are one part.

    Returns:
        Unit of `UNITS` -> [T] float64, 0 (the person's usual face) to 5, NaN without a face.
    """
    known = np.isfinite(scores).all(1)
    scale = known if usable is None or not (known & usable).any() else known & usable
    units = {}
    for name, (scored, full) in UNITS.items():
        columns = [NAMES.index(score) for score in scored]
        value = scores[:, columns].astype(np.float64).mean(1)
        blinks = name == "AU45"
        usual = np.quantile(value[scale], AWAKE if blinks else 0.5)
        rise = np.full(len(scores), np.nan)
        rise[known] = np.maximum(value[known] - usual, 0)
        if not blinks:
            within = None if parts is None else parts[known]
            rise[known] = smooth_parts(rise[known], smooth, within)
        strongest = max(float(np.quantile(rise[scale], 0.995)), full)
        units[name] = np.clip(5 * rise / strongest, 0, 5)
    return units
