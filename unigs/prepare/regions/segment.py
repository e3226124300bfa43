"""segment_regions: background, face, mouth, hair and torso of every frame, and the plate.

The first pass goes through sampled frames and learns the background plate and the clip's surfaces
(skin, hair, cloth); the second labels every frame. Memory does not grow with the clip.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from unigs.face import mesh
from unigs.face.detectors import open_detectors
from unigs.face.face_frame import (
    CELL,
    EAR_LOBE_Y,
    FaceFrame,
    fill_ring,
    heights,
)
from unigs.media.guided_filter import GuidedFilter
from unigs.media.images import write_png
from unigs.media.video import probe, read_video
from unigs.prepare.regions.engines import ENGINES
from unigs.prepare.regions.label_cleaning import clean, fill_unassigned, solid_person
from unigs.prepare.regions.parsing_network import ParsingNetwork, backend_name
from unigs.prepare.regions.plate import Background, Plate
from unigs.prepare.regions.surfaces import Surfaces
from unigs.settings.regions import RegionSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic
from unigs.stage.progress import progress
from unigs.subject.features import Landmarks
from unigs.subject.frame_table import read_frame_table
from unigs.subject.labels import MOUTH, NAMES, write_labels
from unigs.subject.series import evenly_spaced

log = logging.getLogger("unigs")

FACE_REACH = 0.05
"""Meters beyond the landmarks' outline of a face up to which skin above the ear lobes is face."""


class Labeler:
    """Learns a clip and labels its frames.

    Args:
        points: landmarks [T,478,3] in pixels, without gaps.
        found: [T] bool, frames that show the face.
        cuts: [T] bool, first frames after jump cuts.
        height: of the frames in pixels.
        width: of the frames in pixels.
        settings: back-end, margins and smoothing.
    """

    def __init__(
        self, points: np.ndarray, found: np.ndarray, cuts: np.ndarray, height: int, width: int,
        settings: RegionSettings,
    ) -> None:  # fmt: skip
        self.points, self.found, self.cuts, self.settings = points, found, cuts, settings
        self.detectors = open_detectors(settings.detectors, settings.detectors_model)
        self.shape, self.speck = (height, width), max(4, height * width // 3000)
        self.edge = max(2, round(settings.edge_radius * width))
        self.lips = max(1, round(settings.mouth_margin * width))
        self.heights: dict[int, np.ndarray] = {}
        """Meters [H,W] of the pixels below the origin of the face frame, of the last frames."""
        self.sampled: dict[int, np.ndarray] = {}
        """Person masks of the frames that the first pass sampled: the second does not find them
        again."""

    def learn(self, video: Path, usable: np.ndarray) -> None:
        """First pass: plate and surfaces from sampled frames.

        Args:
            video: the clip.
            usable: [T] bool, frames to learn from.
        """
        rows = np.flatnonzero(usable)
        self.frame = FaceFrame(self.points[evenly_spaced(rows, 200)][:, : mesh.VERTICES])
        plate = Plate(max(1, round(self.settings.plate_margin * self.shape[1])))
        self.surfaces = make_surfaces(self.frame, self.settings)
        for_plate = set(evenly_spaced(rows, self.settings.plate_frames).tolist())
        for_models = set(evenly_spaced(rows, self.settings.model_frames).tolist())
        with self.detectors.person() as masks:
            for index, image in enumerate(read_video(video)):
                if index in for_plate or index in for_models:
                    person = self.sampled[index] = masks.find(image)
                    if index in for_plate:
                        plate.add(image, person)
                    if index in for_models:
                        self.surfaces.add(image, person, self.points[index])
        self.plate, self.hole, noise = plate.solve()
        self.background = Background(self.plate, self.hole, noise)
        self.surfaces.learn(self.settings.rounds)

    def label(self, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Second pass: labels uint8 [H,W] of every frame, in order."""
        window: deque[tuple[int, np.ndarray, list[np.ndarray]]] = deque(maxlen=3)
        with self.detectors.person() as masks:
            for index, image in enumerate(images):
                if index >= len(self.points):
                    raise UserError("the video has more frames than its landmarks: make both anew.")
                person = self.sampled.pop(index, None)
                person = masks.find(image) if person is None else person
                window.append((index, image, self._evidence(index, image, person)))
                if index > 0:
                    yield self._decide(list(window), index - 1)
            if window:
                yield self._decide(list(window), window[-1][0])

    def _evidence(self, index: int, image: np.ndarray, person: np.ndarray) -> list[np.ndarray]:
        """Probabilities [H,W] of person, of face and of hair from one frame alone.

        The torso's is what face and hair leave of 1.
        """
        matrix = self.frame.to_map(self.points[index])
        skin, hair, _ = self.surfaces.probabilities(image, matrix)
        skin *= self._face_area(index, matrix)
        return [self.background.sharpen(image, person), skin, hair]

    def _face_area(self, index: int, matrix: np.ndarray) -> np.ndarray:
        """Pixels [H,W] bool whose skin is face (forehead, ears), not neck or hands."""
        oval = fill_ring(self.points[index], mesh.FACE_OVAL, self.shape).astype(np.uint8)
        pixel = CELL * np.linalg.norm(matrix[0, :2])  # meters
        area = np.zeros(self.shape, bool)
        near = _box_around(oval, int(FACE_REACH / pixel) + 2)
        away = cv2.distanceTransform(1 - oval[near], cv2.DIST_L2, 5)
        away *= pixel
        self.heights[index] = heights(matrix, *self.shape)
        self.heights.pop(index - 3, None)
        above = self.heights[index][near] < EAR_LOBE_Y
        area[near] = (away <= 0.003) | (above & (away <= FACE_REACH))
        return area

    def _decide(self, window: list[tuple[int, np.ndarray, list]], index: int) -> np.ndarray:
        """Labels of frame `index` from the evidence of frame and neighbors in the shot."""
        image = next(picture for at, picture, _ in window if at == index)
        smooth = GuidedFilter(image, self.edge, 1e-3)
        person, face, hair = (smooth(plane) for plane in self._over_time(window, index))
        core, mouth = self._certain_face(index)
        person = person > 0.5
        if self.found[index]:
            person = person | core | mouth
        person = solid_person(person, self.speck)
        face[core], hair[core] = 1, 0
        scores = np.moveaxis(np.stack([face, hair, 1 - face - hair]), 0, 2)
        labels = fill_unassigned(np.zeros(self.shape, np.uint8), person, scores)
        labels = clean(labels, scores, self.heights[index], self.speck)
        labels[mouth & person] = MOUTH
        return labels

    def _over_time(
        self, window: list[tuple[int, np.ndarray, list]], index: int
    ) -> list[np.ndarray]:
        """Evidence of a frame: the weighted mean of its own and of its neighbors' in the shot."""
        total, weights = [np.zeros(self.shape, np.float32) for _ in range(3)], 0.0
        for at, _, evidence in window:
            first, last = min(at, index), max(at, index)
            if self.cuts[first + 1 : last + 1].any():
                continue
            weight = 1.0 if at == index else self.settings.temporal
            total = [cv2.scaleAdd(e, weight, t) for e, t in zip(evidence, total, strict=True)]
            weights += weight
        return [plane / weights for plane in total]

    def _certain_face(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Bool masks [H,W]: the middle of the face with eyes and brows, and the mouth."""
        points = self.points[index][:, :2]
        ring = points[list(mesh.FACE_OVAL)]
        inner = points.copy()
        inner[list(mesh.FACE_OVAL)] = ring.mean(0) + 0.8 * (ring - ring.mean(0))
        core = fill_ring(inner, mesh.FACE_OVAL, self.shape)
        brow = points[[*mesh.RIGHT_BROW_UPPER, *mesh.LEFT_BROW_UPPER], 1].min()
        core[: max(0, int(brow))] = False
        mouth = fill_ring(points, mesh.LIPS_OUTER, self.shape).astype(np.uint8)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * self.lips + 1,) * 2)
        return core, cv2.dilate(mouth, disc) > 0


def _box_around(mask: np.ndarray, room: int) -> tuple[slice, slice]:
    """Rows and columns of a uint8 mask [H,W] that hold all of it, and `room` pixels more."""
    x, y, width, height = cv2.boundingRect(mask)
    rows, columns = (y, y + height), (x, x + width)
    return tuple(slice(max(0, low - room), high + room) for low, high in (rows, columns))


BACKENDS = {
    "colours": lambda frame, settings: Surfaces(frame),
    **dict.fromkeys(ENGINES, lambda frame, settings: ParsingNetwork(settings)),
}
"""Every way to tell skin, hair and cloth apart, by the name that the setting regions.backend gives
it; each is made from the clip's face frame and the settings."""


def make_surfaces(frame: FaceFrame, settings: RegionSettings) -> Surfaces | ParsingNetwork:
    """The chosen back-end that tells skin, hair and cloth apart."""
    return BACKENDS[settings.backend](frame, settings)


def bridge_landmarks(points: np.ndarray, found: np.ndarray, path: Path) -> np.ndarray:
    """Landmarks [T,478,3] with missing frames interpolated between their neighbors.

    Raises:
        UserError: no frame shows a face.
    """
    if not found.any():
        raise UserError(f"{path} holds no face at all: choose another clip.")
    rows, known = np.arange(len(points)), np.flatnonzero(found)
    after = np.minimum(np.searchsorted(known, rows), len(known) - 1)
    before = np.maximum(np.searchsorted(known, rows, side="right") - 1, 0)
    gap = np.maximum(known[after] - known[before], 1)
    part = np.clip((rows - known[before]) / gap, 0, 1)[:, None, None].astype(np.float32)
    return (1 - part) * points[known[before]] + part * points[known[after]]


def checked(
    labels: Iterable[np.ndarray], count: int, video: Path, landmarks: Path
) -> Iterator[np.ndarray]:
    """Pass labels on.

    Raises:
        UserError: there are not `count` of them.
    """
    seen = 0
    for image in labels:
        seen += 1
        yield image
    if seen != count:
        raise UserError(
            f"{video} has {seen} frames but {landmarks} has {count}: "
            "they belong to different clips; make both anew."
        )


def tally(labels: Iterable[np.ndarray], counts: np.ndarray) -> Iterator[np.ndarray]:
    """Pass labels on and add up their pixels in `counts` [5]."""
    for image in labels:
        counts += [np.count_nonzero(image == label) for label in range(5)]
        yield image


def shares(counts: np.ndarray) -> str:
    """Shares of the regions as text for the log, from pixel counts [5]."""
    part = counts / max(counts.sum(), 1)
    return ", ".join(f"{name} {value:.3f}" for name, value in zip(NAMES, part, strict=True))


def segment_regions(
    video: Path, landmarks: Path, frame_table: Path, out: Path, background: Path, hole: Path,
    settings: RegionSettings,
) -> None:  # fmt: skip
    """Label every frame of a clip and find the background behind the person in training frames.

    Args:
        video: the clip.
        landmarks: landmarks of the clip (.npz).
        frame_table: frame table of the clip (.csv).
        out: label video to write (.mkv).
        background: background plate to write (.png).
        hole: mask of the pixels that never show the background, to write (.png).
        settings: back-end, margins and smoothing.
    """
    cv2.setNumThreads(1)  # at this size OpenCV's threads take more time than they give
    marks, table = Landmarks.read(landmarks), read_frame_table(frame_table)
    table.check_rows(landmarks, marks)
    found, cuts = marks.found, table.jump_cuts
    points = bridge_landmarks(marks.points, found, landmarks)
    # Test frames teach nothing: a wall that they alone show would stand in the portrait's plate.
    usable = table.teaches & found
    if not usable.any():
        raise UserError(f"{frame_table} keeps no training frame with a face: choose another clip.")
    info = probe(video)
    labeler = Labeler(points, found, cuts, info.height, info.width, settings)
    labeler.learn(video, usable)
    write_png(background, labeler.plate)
    write_png(hole, labeler.hole.astype(np.uint8) * 255)
    images = progress(read_video(video), total=len(points), label="segment_regions")
    counts = np.zeros(5)
    with atomic(out) as temporary:
        labels = tally(checked(labeler.label(images), len(points), video, landmarks), counts)
        write_labels(temporary, labels, info.width, info.height, info.fps, backend_name(settings))
    log.info("regions: %s, plate unseen %.3f", shares(counts), labeler.hole.mean())


if __name__ == "__main__":
    cli.run(segment_regions)
