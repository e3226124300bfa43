"""Skin, hair or cloth: color and place models that are learned from the clip itself.

Places where only one surface can be (cheeks; above the forehead; below the chin) give first color
models. Expectation maximization then alternates between labeling sampled frames and learning
histograms per surface: over color, and over place in the face frame. Where hair hangs down, colors
below the jaw are learned apart from those above it, since there the light is another one, and the
sampled frames are labeled with a look at what hangs from what (`unigs.prepare.regions.strands`).
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

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
from unigs.prepare.regions.color_models import BINS, ColorModel, color_bins, mixed, without
from unigs.prepare.regions.strands import favor_strands, steps_down

BODY_BEGINS, BODY_TRUST, BODY_REACH = 0.05, 0.5, 0.08
"""From this many meters below the origin of the face frame on, the weight of the position in the
picture against that in the face frame grows to its greatest value within so many meters."""
JAW_Y = 0.06
"""Meters below the origin of the face frame at which the colors below the jaw begin."""
HANGS, ELSEWHERE = 0.3, 0.05
"""Hair hangs down where its color makes up more than this share of a strip beside the mouth. Then
the colors of the other side of the jaw count so much, pixel by pixel."""
LEARN_SIZE = 192
"""Width in pixels that frames are reduced to for learning."""


class Surface(IntEnum):
    """What a pixel of the person shows: channel of the probabilities."""

    SKIN = 0
    HAIR = 1
    CLOTH = 2


class Sample(NamedTuple):
    """A sampled frame, reduced for learning."""

    image: np.ndarray
    """uint8 RGB [H,W,3]."""
    bins: np.ndarray
    """Color bins [H,W], from BINS**3 on below the jaw."""
    weight: np.ndarray
    """[H,W], what its colors count; 0 at eyes, brows and mouth."""
    inside: np.ndarray
    """Probability [H,W] that a pixel shows the person."""
    matrix: np.ndarray
    """Affine matrix [2,3] from pixels to map cells."""
    height: np.ndarray
    """Meters [H,W] below the origin of the face frame."""


class Surfaces:
    """Models of the three surfaces of a person in one clip.

    Args:
        frame: the clip's face frame.
    """

    def __init__(self, frame: FaceFrame) -> None:
        self.frame = frame
        self.samples: list[Sample] = []
        self.color = np.zeros((3, 2, BINS**3))  # above the jaw and below it
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
        matrix = self.frame.to_map(points)
        down = heights(matrix, *inside.shape)
        bins = below_jaw(color_bins(small), down)
        self.samples.append(Sample(small, bins, weight, inside, matrix, down))

    def learn(self, rounds: int) -> None:
        """Learn color and place models from the sampled frames, in `rounds` rounds of EM."""
        *colors, self.long_hair = self._first_colors()
        self.color = np.repeat(np.stack(colors)[:, None], 2, axis=1)
        seed = first_places(self.frame.oval_distance(), self.long_hair)
        self.place, self.screen = seed, None
        steps = None
        if max(self.long_hair) > HANGS:
            steps = [steps_down(sample.image, sample.inside) for sample in self.samples]
        for _ in range(rounds):
            self._round(seed, steps)

    def _gather(self, region: np.ndarray) -> np.ndarray:
        """Color density [BINS**3] of the person's pixels in a region [ROWS,COLUMNS] of the map."""
        model = ColorModel()
        for _, bins, weight, _, matrix, _ in self.samples:
            model.add(bins & (BINS**3 - 1), weight * map_to_image(region, matrix, *bins.shape))
        return model.density()

    def _first_colors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, float]]:
        """First colors of the surfaces by place, and how surely hair hangs down on each side."""
        x, y = map_axes()
        away = self.frame.oval_distance()
        skin = self._gather((away < -0.008) & (y > -0.045))
        # The mesh ends below the hairline: a forehead may reach 2 cm beyond it.
        crown = (away > 0.02) & (away < 0.07) & (y < -0.05)
        hair, _ = without(self._gather(crown), skin)
        # Hair that hangs down shows its colors beside the mouth, far from the crown's light.
        level = np.abs(y - 0.05) < 0.03
        strips = [0.07, 0.085, 0.1, 0.115, 0.13]
        regions = [level & (np.abs(x * s - at) < 0.0075) for s in (-1, 1) for at in strips]
        shares = self._shares(hair, skin, regions).reshape(2, -1).tolist()
        long = (max(shares[0]), max(shares[1]))
        for side, per_strip in zip((-1, 1), shares, strict=True):
            for at, share in zip(strips, per_strip, strict=True):
                if share > HANGS:
                    crown = crown | ((np.abs(x * side - at) < 0.0075) & (np.abs(y - 0.03) < 0.05))
        hair, _ = without(self._gather(crown), skin)
        below = self._gather((y > 0.11) & (np.abs(x) > 0.05))
        below, _ = without(below, skin)
        if max(long) > HANGS:
            below, _ = without(below, hair)
        return skin, hair, below, long

    def _shares(self, color: np.ndarray, skin: np.ndarray, regions: list[np.ndarray]) -> np.ndarray:
        """Shares [N] of N regions of the map that show person of a color rather than skin."""
        total, hits = np.zeros(len(regions)), np.zeros(len(regions))
        likely = (color > skin) & (color > 2 / BINS**3)
        for _, bins, _, inside, matrix, _ in self.samples:
            shown = (inside > 0.5) * likely[bins & (BINS**3 - 1)]
            for number, region in enumerate(regions):
                here = map_to_image(region, matrix, *bins.shape)
                # The map is continued beyond its border, the frame is not.
                total[number] += here.sum()
                hits[number] += (here * shown).sum()
        return np.divide(hits, total, out=np.zeros(len(regions)), where=total > 0)

    def _round(self, seed: np.ndarray, steps: list[np.ndarray] | None) -> None:
        """One round of expectation maximization.

        Args:
            seed: the prior of places [ROWS,COLUMNS,3].
            steps: where hair hangs down, what a strand's steps cost in each sample [3,H,W].
        """
        self._kept = None
        counts = np.zeros((3, 2 * BINS**3))
        places, screen = np.zeros((ROWS, COLUMNS, 4), np.float32), None
        for number, (_, bins, weight, inside, matrix, height) in enumerate(self.samples):
            shares = self._of_bins(bins, matrix, height)
            if steps is not None:
                shares = favor_strands(shares, steps[number], inside, height)
            shares = [cv2.GaussianBlur(p, (0, 0), 1.0) for p in shares]
            for count, share in zip(counts, shares, strict=True):
                count += np.bincount(bins.ravel(), (share * weight).ravel(), len(count))
            part = cv2.merge([*(share * inside for share in shares), inside])
            places += image_to_map(part, matrix)
            screen = part if screen is None else np.add(screen, part, out=screen)
        self._take_places(places, screen, seed)
        elsewhere = 1.0 if steps is None else ELSEWHERE
        self.color = np.stack([mixed(count.reshape(2, -1), elsewhere) for count in counts])
        self._kept = None

    def _take_places(self, places: np.ndarray, screen: np.ndarray, seed: np.ndarray) -> None:
        """Learn where surfaces are, from sums over the sampled frames.

        Args:
            places: of the three surfaces' probabilities and the person's, [ROWS,COLUMNS,4].
            screen: the same in the picture [H,W,4].
            seed: the prior of places [ROWS,COLUMNS,3].
        """
        places, counts = places[..., :3], places[..., 3:]
        prior = 0.3 * len(self.samples) + 1  # weight of the prior, in frames
        mean = (places + prior * seed) / (counts + prior)
        self.place = cv2.GaussianBlur(mean.astype(np.float32), (0, 0), 1.2)
        even = prior / 3
        screen = (screen[..., :3] + even) / (screen[..., 3:] + 3 * even)
        self.screen = cv2.GaussianBlur(screen.astype(np.float32), (0, 0), 2.0)

    def probabilities(self, image: np.ndarray, matrix: np.ndarray) -> list[np.ndarray]:
        """Probabilities [H,W] of skin, of hair and of cloth of every pixel that shows the person.

        Args:
            image: uint8 RGB [H,W,3].
            matrix: affine matrix [2,3] of the frame, from `FaceFrame.to_map`.
        """
        down = heights(matrix, *image.shape[:2])
        return self._of_bins(below_jaw(color_bins(image), down), matrix, down)

    def _of_bins(self, bins: np.ndarray, matrix: np.ndarray, down: np.ndarray) -> list[np.ndarray]:
        height, width = bins.shape
        place = cv2.split(map_to_image(self.place, matrix, height, width))
        # OpenCV's logarithms take a third of the time of NumPy's.
        planes = [cv2.log(np.clip(plane, 0.003, 1, out=plane)) for plane in place]
        colors, screen = self._logarithms(height, width)
        if screen is not None:
            # Below the chin the body hardly follows the head: there the position in the picture
            # is as informative as the position in the face frame.
            trust = body_trust(down)
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
        """Logarithms of the color models [3,2*BINS**3] and of three places in the picture [H,W].

        They are kept until the models change: a clip's frames have one size.
        """
        if self._kept is None or self._kept[0] != (height, width):
            colors = np.log(np.maximum(self.color, 1e-9)).astype(np.float32)
            colors = colors.reshape(3, -1)
            screen = None
            if self.screen is not None:
                wide = cv2.resize(self.screen, (width, height), interpolation=cv2.INTER_LINEAR)
                screen = [np.log(np.clip(plane, 0.003, 1)) for plane in cv2.split(wide)]
            self._kept = (height, width), colors, screen
        return self._kept[1:]


def below_jaw(bins: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Color bins [H,W] with BINS**3 added below the jaw.

    Args:
        bins: color bins [H,W].
        height: meters [H,W] below the origin of the face frame.
    """
    return bins + BINS**3 * (height > JAW_Y)


def body_trust(height: np.ndarray) -> np.ndarray:
    """Weight [H,W] of the position in the picture against that in the face frame.

    Args:
        height: meters [H,W] below the origin of the face frame.
    """
    trust = height - BODY_BEGINS
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
