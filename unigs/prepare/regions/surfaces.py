"""Skin, hair or cloth: color and place models that are learned from the clip itself.

Places where only one surface can be (cheeks; above the forehead; below the chin) give first color
models. Expectation maximization then alternates between labeling sampled frames and learning two
histograms per surface: over color, and over place in the face frame.
"""

from __future__ import annotations

from enum import IntEnum

import cv2
import numpy as np

from unigs.face import mesh
from unigs.face.face_frame import (
    CHIN_Y,
    COLUMNS,
    ROWS,
    FaceFrame,
    fill_ring,
    heights,
    image_to_map,
    map_axes,
    map_to_image,
)
from unigs.prepare.regions.color_models import BINS, ColorModel, color_bins, without

BODY_BEGINS, BODY_TRUST, BODY_REACH = 0.05, 0.5, 0.08
"""From this many meters below the origin of the face frame on, the weight of the position in the
picture against that in the face frame grows to its greatest value within so many meters."""
LEARN_SIZE = 192
"""Width in pixels that frames are reduced to for learning."""


class Surface(IntEnum):
    """What a pixel of the person shows: channel of the probabilities."""

    SKIN = 0
    HAIR = 1
    CLOTH = 2


class Surfaces:
    """Models of the three surfaces of a person in one clip.

    Args:
        frame: the clip's face frame.
    """

    def __init__(self, frame: FaceFrame) -> None:
        self.frame = frame
        self.samples: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self.color = np.zeros((3, BINS**3))
        self.place = np.zeros((ROWS, COLUMNS, 3), np.float32)
        self.screen: np.ndarray | None = None
        self._kept: tuple | None = None  # size and logarithms of the models, see `_logarithms`

    def add(self, image: np.ndarray, person: np.ndarray, points: np.ndarray) -> None:
        """Take a sampled frame [H,W,3] uint8, its person probability [H,W], landmarks [478,3]."""
        scale = min(1.0, LEARN_SIZE / image.shape[1])
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        inside = cv2.resize(person.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        points = points * scale
        # Eyes, brows and mouth are neither skin nor hair: nothing is learned from them.
        rings = (mesh.LIPS_OUTER, mesh.LEFT_EYE, mesh.RIGHT_EYE)
        rings += (mesh.LEFT_BROW, mesh.RIGHT_BROW)
        spots = np.any([fill_ring(points, ring, inside.shape) for ring in rings], axis=0)
        spots = cv2.dilate(spots.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        weight = np.where(spots, 0, np.clip((inside - 0.5) * 2, 0, 1))
        self.samples.append((color_bins(small), weight, inside, self.frame.to_map(points)))

    def learn(self, rounds: int) -> None:
        """Learn color and place models from the sampled frames, in `rounds` rounds of EM."""
        hair, cloth, long = self._first_colors()
        self.long_hair = long
        seed = first_places(self.frame.oval_distance(), long)
        self.place, self.screen = seed, None
        self.color[Surface.HAIR], self.color[Surface.CLOTH] = hair, cloth
        for _ in range(rounds):
            self._round(seed)

    def _gather(self, region: np.ndarray) -> np.ndarray:
        """Color density [BINS**3] of the person's pixels in a region [ROWS,COLUMNS] of the map."""
        model = ColorModel()
        for bins, weight, _, matrix in self.samples:
            model.add(bins, weight * map_to_image(region, matrix, *bins.shape))
        return model.density()

    def _first_colors(self) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
        """First colors of hair and cloth by place, and how surely hair hangs down on each side."""
        x, y = map_axes()
        away = self.frame.oval_distance()
        self.color[Surface.SKIN] = self._gather((away < -0.008) & (y > -0.045))
        # The mesh ends below the hairline: a forehead may reach 2 cm beyond it.
        crown = (away > 0.02) & (away < 0.07) & (y < -0.05)
        hair, _ = without(self._gather(crown), self.color[Surface.SKIN])
        # Hair that hangs down shows its colors beside the mouth, far from the crown's light.
        level = np.abs(y - 0.05) < 0.03
        strips = [0.07, 0.085, 0.1, 0.115, 0.13]
        shares = [
            [self._share(hair, level & (np.abs(x * side - at) < 0.0075)) for at in strips]
            for side in (-1, 1)
        ]
        long = (max(shares[0]), max(shares[1]))
        for side, per_strip in zip((-1, 1), shares, strict=True):
            for at, share in zip(strips, per_strip, strict=True):
                if share > 0.3:
                    crown = crown | ((np.abs(x * side - at) < 0.0075) & (np.abs(y - 0.03) < 0.05))
        hair, _ = without(self._gather(crown), self.color[Surface.SKIN])
        below = self._gather((y > 0.11) & (np.abs(x) > 0.05))
        below, _ = without(below, self.color[Surface.SKIN])
        if max(long) > 0.3:
            below, _ = without(below, hair)
        return hair, below, long

    def _share(self, color: np.ndarray, region: np.ndarray) -> float:
        """Share of a region of the map that shows person of the given color rather than skin."""
        total = hits = 0.0
        likely = (color > self.color[Surface.SKIN]) & (color > 2 / BINS**3)
        for bins, _, inside, matrix in self.samples:
            here = map_to_image(region, matrix, *bins.shape)
            # The map is continued beyond its border, the frame is not.
            total += here.sum()
            hits += (here * (inside > 0.5) * likely[bins]).sum()
        return float(hits / total) if total > 0 else 0.0

    def _round(self, seed: np.ndarray) -> None:
        """One round of expectation maximization, with `seed` as the prior of places."""
        self._kept = None
        models = [ColorModel() for _ in range(3)]
        places, screen = np.zeros((ROWS, COLUMNS, 4), np.float32), None
        for bins, weight, inside, matrix in self.samples:
            shares = [cv2.GaussianBlur(p, (0, 0), 1.0) for p in self._of_bins(bins, matrix)]
            for model, share in zip(models, shares, strict=True):
                model.add(bins, share * weight)
            part = cv2.merge([*(share * inside for share in shares), inside])
            places += image_to_map(part, matrix)
            screen = part if screen is None else np.add(screen, part, out=screen)
        places, counts = places[..., :3], places[..., 3:]
        prior = 0.3 * len(self.samples) + 1  # weight of the prior, in frames
        mixed = (places + prior * seed) / (counts + prior)
        self.place = cv2.GaussianBlur(mixed.astype(np.float32), (0, 0), 1.2)
        even = prior / 3
        screen = (screen[..., :3] + even) / (screen[..., 3:] + 3 * even)
        self.screen = cv2.GaussianBlur(screen.astype(np.float32), (0, 0), 2.0)
        self.color = np.stack([model.density() for model in models])
        self._kept = None

    def probabilities(self, image: np.ndarray, matrix: np.ndarray) -> list[np.ndarray]:
        """Probabilities [H,W] of skin, of hair and of cloth of every pixel that shows the person.

        Args:
            image: uint8 RGB [H,W,3].
            matrix: affine matrix [2,3] of the frame, from `FaceFrame.to_map`.
        """
        return self._of_bins(color_bins(image), matrix)

    def _of_bins(self, bins: np.ndarray, matrix: np.ndarray) -> list[np.ndarray]:
        height, width = bins.shape
        place = cv2.split(map_to_image(self.place, matrix, height, width))
        # OpenCV's logarithms take a third of the time of NumPy's.
        planes = [cv2.log(np.clip(plane, 0.003, 1, out=plane)) for plane in place]
        colors, screen = self._logarithms(height, width)
        if screen is not None:
            # Below the chin the body hardly follows the head: there the position in the picture
            # is as informative as the position in the face frame.
            trust = body_trust(matrix, height, width)
            for plane, here in zip(planes, screen, strict=True):
                plane += trust * (here - plane)
        # Plane by plane: numpy's reductions over a short last axis are slow.
        for plane, color in zip(planes, colors, strict=True):
            plane += color.take(bins)
        top = np.maximum(np.maximum(planes[0], planes[1]), planes[2])
        planes = [cv2.exp(np.subtract(plane, top, out=plane)) for plane in planes]
        total = planes[0] + planes[1] + planes[2]
        return [np.divide(plane, total, out=plane) for plane in planes]

    def _logarithms(self, height: int, width: int) -> tuple[np.ndarray, list[np.ndarray] | None]:
        """Logarithms of the color models [3,BINS**3] and of the three places in the picture [H,W].

        They are kept until the models change: a clip's frames have one size.
        """
        if self._kept is None or self._kept[0] != (height, width):
            colors = np.log(np.maximum(self.color, 1e-9)).astype(np.float32)
            screen = None
            if self.screen is not None:
                wide = cv2.resize(self.screen, (width, height), interpolation=cv2.INTER_LINEAR)
                screen = [np.log(np.clip(plane, 0.003, 1)) for plane in cv2.split(wide)]
            self._kept = (height, width), colors, screen
        return self._kept[1:]


def body_trust(matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """Weight [height,width] of the position in the picture against that in the face frame."""
    trust = heights(matrix, height, width)
    trust -= BODY_BEGINS
    trust *= BODY_TRUST / BODY_REACH
    return np.clip(trust, 0, BODY_TRUST, out=trust)


def first_places(away: np.ndarray, long: tuple[float, float]) -> np.ndarray:
    """Prior probabilities of skin, hair and cloth by place: [ROWS,COLUMNS,3], summing to 1.

    Args:
        away: signed distance to the face's outline in meters.
        long: probabilities, 0 to 1, that hair hangs down on the image's left and on its right.
    """
    x, y = map_axes()
    hangs = np.where(x < 0, *(np.clip((share - 0.1) / 0.2, 0, 1) for share in long))
    places = np.zeros((ROWS, COLUMNS, 3), np.float32)

    def put(region: np.ndarray, skin: float, hair: float | np.ndarray) -> None:
        hair = np.broadcast_to(hair, region.shape)[region]
        places[region] = np.stack([np.full_like(hair, skin), hair, 1 - skin - hair], -1)

    reach = np.clip(1.2 - (y - CHIN_Y) / 0.15, 0.15, 1) * np.clip(2 - np.abs(x) / 0.12, 0.08, 1)
    put(y >= CHIN_Y - 0.03, 0.05, 0.005 + 0.88 * hangs * reach)
    neck = (y >= CHIN_Y - 0.03) & (y < 0.16) & (np.abs(x) < 0.06)
    put(neck, 0.6, 0.005 + 0.25 * hangs * np.clip(np.abs(x) / 0.03 - 1, 0.1, 1))
    # Cloth hardly ever rises beside the face, except over shoulders far from it.
    side = (y < CHIN_Y - 0.03) & (y >= -0.03)
    put(side, 0.04, 0.94)
    put(side & (away < 0.03), 0.42, 0.56)
    put(side & (y > 0.02) & (np.abs(x) > 0.16), 0.04, 0.2 + 0.6 * hangs)
    put(y < -0.03, 0.04, 0.93)
    put((y < -0.03) & (away < 0.015), 0.45, 0.53)
    put((away < 0) & (y >= -0.055), 0.95, 0.03)
    put((away < 0) & (y < -0.055), 0.8, 0.18)
    return places
