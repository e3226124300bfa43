"""Skin, hair and cloth from a segmentation network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from unigs.face.face_frame import CHIN_Y, map_axes, map_to_image
from unigs.prepare.regions.engines import ENGINES
from unigs.prepare.regions.surfaces import Surface
from unigs.pretrained.weights import weights_name
from unigs.settings.regions import RegionSettings
from unigs.stage.errors import UserError

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
OTHER = "other"
"""Name of classes that are none of the three surfaces: background, accessories."""
SURFACES = {"skin": Surface.SKIN, "hair": Surface.HAIR, "cloth": Surface.CLOTH}
"""Surfaces by the names that the setting regions.classes gives them."""
USUAL = {
    "onnx": ("skin,cloth,hair", "probabilities", "imagenet"),
    # background, hair, skin of the body, skin of the face, clothes, accessories
    "tflite": ("other,hair,skin,skin,cloth,other", "softmax", "unit"),
    # background, skin, brows, eyes, glasses, ears, earring, nose, mouth, lips, neck, necklace,
    # cloth, hair, hat
    "bisenet": (
        "other,skin,skin,skin,skin,skin,skin,skin,skin,other,skin,skin,skin,skin,skin,cloth,cloth,"
        "hair,hair",
        "softmax",
        "imagenet",
    ),
}
"""What `classes`, `scores` and `pixels` are where the settings leave them open, by back-end."""


class ParsingNetwork:
    """A network that gives every pixel a score for each of its classes.

    It replaces the color models of `unigs.prepare.regions.surfaces` and learns nothing.

    Args:
        settings: back-end, file, and what its classes are.

    Raises:
        UserError: no path, no such file, no package that runs it, another kind of network, or
            classes that are none.
    """

    def __init__(self, settings: RegionSettings) -> None:
        path, backend = settings.model, settings.backend
        if path is None or not Path(path).is_file():
            raise UserError(
                f"the {backend} back-end of segment_regions needs a network and {path} is no file: "
                "set regions.model to its path, or regions.backend to colours."
            )
        classes, scores, pixels = USUAL[backend]
        self.path = path
        self.classes = read_classes(settings.classes or classes)
        self.scores = scores if settings.scores == "usual" else settings.scores
        self.pixels = pixels if settings.pixels == "usual" else settings.pixels
        self.engine = ENGINES[backend](path)

    def add(self, image: np.ndarray, person: np.ndarray, points: np.ndarray) -> None:
        """Nothing is learned from sampled frames."""

    def learn(self, rounds: int) -> None:
        """Nothing is learned."""

    def surfaces(self, image: np.ndarray) -> list[np.ndarray]:
        """Probabilities [H,W] of skin, of hair and of cloth, as the network has them.

        Raises:
            UserError: it has another number of classes than the setting names.
        """
        height, width = image.shape[:2]
        small = cv2.resize(image, self.engine.size, interpolation=cv2.INTER_LINEAR)
        out = self.engine.run(scaled(small, self.pixels))
        if len(out) != len(self.classes):
            raise UserError(
                f"{self.path} has {len(out)} classes and regions.classes names "
                f"{len(self.classes)}: name as many, in the order of the network's output."
            )
        found = probabilities_of(out, self.scores)
        size = (width, height)
        return [
            cv2.resize(self._sum(found, surface), size, interpolation=cv2.INTER_LINEAR)
            for surface in Surface
        ]

    def probabilities(self, image: np.ndarray, matrix: np.ndarray) -> list[np.ndarray]:
        """Probabilities [H,W] of skin, of hair and of cloth of every pixel that shows the person.

        Args:
            image: uint8 RGB [H,W,3].
            matrix: affine matrix [2,3] of the frame, from `FaceFrame.to_map`.
        """
        height, width = image.shape[:2]
        skin, hair, cloth = self.surfaces(image)
        # Parsing networks see clothes on heads; and where none of the three is sure, a person is
        # hair above the chin and cloth below it.
        _, y = map_axes()
        low = map_to_image(np.clip((y - CHIN_Y) / 0.04 + 0.5, 0, 1), matrix, height, width)
        cloth = cloth * low + 0.1 * low
        hair = hair + 0.1 * (1 - low)
        total = np.maximum(skin + cloth + hair, 1e-6)
        return [skin / total, hair / total, cloth / total]

    def _sum(self, found: np.ndarray, surface: Surface) -> np.ndarray:
        """Probability [h,w] of a surface: that of all its classes."""
        rows = [k for k, named in enumerate(self.classes) if named == surface]
        return np.clip(found[rows].sum(0), 0, 1).astype(np.float32)


def backend_name(settings: RegionSettings) -> str:
    """Name of the back-end for records, with its network where it has one."""
    if settings.backend == "colours":
        return settings.backend
    return f"{settings.backend} ({weights_name(settings.model)})"


def read_classes(text: str) -> list[Surface | None]:
    """Surfaces of a network's classes, None for those that are none.

    Raises:
        UserError: a name is unknown, or a surface has no class.
    """
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in SURFACES and name != OTHER]
    lacking = [name for name in SURFACES if name not in names]
    if unknown or lacking:
        wrong = f"names {', '.join(unknown)}" if unknown else f"lacks {', '.join(lacking)}"
        raise UserError(
            f"regions.classes {wrong}: name each class of the network skin, hair, cloth or other, "
            "each of the first three at least once."
        )
    return [SURFACES.get(name) for name in names]


def scaled(picture: np.ndarray, pixels: str) -> np.ndarray:
    """A picture uint8 RGB [H,W,3] as a network wants it, float32 [H,W,3].

    Args:
        picture: the picture.
        pixels: imagenet, unit or symmetric, as the setting regions.pixels says.
    """
    unit = picture.astype(np.float32) / 255
    if pixels == "imagenet":
        return (unit - MEAN) / DEVIATION
    return unit if pixels == "unit" else 2 * unit - 1


def probabilities_of(out: np.ndarray, scores: str) -> np.ndarray:
    """Probabilities [C,h,w] of a network's output.

    Args:
        out: the output [C,h,w].
        scores: probabilities, softmax or sigmoid, as the setting regions.scores says.
    """
    if scores == "softmax":
        powers = np.exp(out - out.max(0))
        return powers / powers.sum(0)
    # Not exp(-out), which overflows.
    return 0.5 + 0.5 * np.tanh(0.5 * out) if scores == "sigmoid" else out
