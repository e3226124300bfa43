"""Faces and palms found by single-shot detectors: anchors, scores, overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from unigs.face.litert.network import Network
from unigs.face.litert.windows import Window, direction, tensor

OVERLAP = 0.3
"""Share of intersection in union above which two boxes are of the same thing."""


@dataclass(frozen=True)
class Found:
    """A thing that a detector found."""

    box: np.ndarray
    """Left, top, right and bottom border, px."""
    points: np.ndarray
    """Its marks [K,2], px."""
    score: float
    """0 to 1."""

    def window(self, start: int, end: int, target: float) -> Window:
        """The box as a window that is turned with the thing.

        Args:
            start: mark at which a line begins.
            end: mark at which it ends.
            target: direction that the line has in the window, radians.
        """
        left, top, right, bottom = self.box
        angle = direction(self.points[start], self.points[end], target)
        return Window((left + right) / 2, (top + bottom) / 2, right - left, bottom - top, angle)


class BoxDetector:
    """A single-shot detector of one kind of thing.

    Args:
        network: takes a picture, gives boxes with marks [1,N,4+2K] and scores [1,N,1].
        strides: distance of the anchors in pixels of the network's picture, a layer each.
        anchors: anchors of each layer at each place.
        low: what the network takes for black; white is 1.
    """

    def __init__(
        self, network: Network, strides: Sequence[int], anchors: int, low: float = -1.0
    ) -> None:
        self.network, self.low = network, low
        self.side = network.shape[1]
        self.centers = anchor_centers(self.side, strides, anchors)

    def find(self, image: np.ndarray, least: float) -> list[Found]:
        """What an image uint8 [H,W,3] shows, the surest first.

        Args:
            image: the picture.
            least: least score, 0 to 1.
        """
        window = Window.whole(image).fitted(self.side, self.side)
        cut = window.cut(image, self.side, self.side, border=cv2.BORDER_CONSTANT)
        raw, logits = self.network(tensor(cut, self.low, 1.0))
        scores = 1 / (1 + np.exp(-np.clip(logits.ravel().astype(np.float64), -100, 100)))
        sure = np.flatnonzero(scores >= least)
        raw = raw[0, sure].astype(np.float64) / self.side
        center, size = raw[:, :2] + self.centers[sure], raw[:, 2:4]
        marks = raw[:, 4:].reshape(len(sure), raw.shape[1] // 2 - 2, 2)
        marks = marks + self.centers[sure][:, None]
        boxes = np.concatenate([center - size / 2, center + size / 2], axis=1)
        return [
            Found(window.place(box.reshape(2, 2)).ravel(), window.place(points), float(score))
            for box, points, score in merged(boxes, marks, scores[sure])
        ]


def anchor_centers(side: int, strides: Sequence[int], each: int) -> np.ndarray:
    """Centers [N,2] of a detector's anchors, 0 to 1 over its picture.

    Args:
        side: side of the picture, px.
        strides: distance of the anchors, a layer each; layers of one stride share their places.
        each: anchors of a layer at a place.
    """
    layers = []
    for stride in dict.fromkeys(strides):
        count = -(-side // stride)
        rows, columns = np.mgrid[:count, :count] + 0.5
        places = np.stack([columns, rows], axis=-1).reshape(-1, 2) / count
        layers.append(np.repeat(places, each * list(strides).count(stride), axis=0))
    return np.concatenate(layers)


def merged(
    boxes: np.ndarray, marks: np.ndarray, scores: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Boxes of which those that overlap are one: their mean, weighted by the scores.

    Args:
        boxes: [N,4], left, top, right, bottom.
        marks: [N,K,2].
        scores: [N].

    Returns:
        Box, marks and greatest score of each, the surest first.
    """
    left, found = list(np.argsort(-scores, kind="stable")), []
    while left:
        shares = overlaps(boxes[left[0]], boxes[left])
        same = [n for n, share in zip(left, shares, strict=True) if share > OVERLAP] or left[:1]
        weights = scores[same] / scores[same].sum()
        found.append(
            (weights @ boxes[same], np.tensordot(weights, marks[same], 1), scores[left[0]])
        )
        left = [n for n in left[1:] if n not in set(same)]
    return found


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union [N] of a box [4] with boxes [N,4]; 0 where both are empty."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared
    return np.divide(shared, union, out=np.zeros(len(boxes)), where=union > 0)
