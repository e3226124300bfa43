"""A first guess of a person's face in meters, from the relative depth that landmarks carry.

Face-mesh landmarks come with a depth in the scale of the pixels: a shape under weak perspective.
The frontal frames of a clip, aligned and averaged, give a mesh that is good enough for bundle
adjustment to start from, so no canonical face file is needed.
"""

from __future__ import annotations

import numpy as np

from unigs.face import mesh
from unigs.geometry.rigid import Camera, Poses
from unigs.geometry.similarity import similarity

BIOCULAR_WIDTH = 0.089
"""Meters between the outer corners of the eyes: mean of adults (Farkas, "Anthropometry of the
head and face", 1994: about 88 to 91 mm). A single camera cannot see the scale."""
ORIGIN_BELOW_EYES = 0.027
"""Meters from the outer eye corners down to the origin of the head frame."""
ORIGIN_BEHIND_EYES = 0.032
"""Meters from the outer eye corners into the head."""


def vertices_to_head(vertices: np.ndarray) -> np.ndarray:
    """Rotation [...,3,3] whose rows are the head's axes: right, down, into the head.

    Right runs from the outer corner of the person's right eye to the outer corner of the left one
    (left to right in the image), down from the top of the forehead to the chin.
    """
    right_corner, left_corner = mesh.RIGHT_EYE_CORNERS[0], mesh.LEFT_EYE_CORNERS[0]
    right = vertices[..., left_corner, :] - vertices[..., right_corner, :]
    down = vertices[..., mesh.CHIN, :] - vertices[..., mesh.FOREHEAD, :]
    right = right / np.linalg.norm(right, axis=-1, keepdims=True)
    inward = np.cross(right, down)
    inward /= np.linalg.norm(inward, axis=-1, keepdims=True)
    return np.stack([right, np.cross(inward, right), inward], -2)


def to_head_frame(vertices: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation and shift that bring a mesh [468,3] into the metric head frame."""
    R = vertices_to_head(vertices)
    corners = vertices[[mesh.RIGHT_EYE_CORNERS[0], mesh.LEFT_EYE_CORNERS[0]]]
    scale = BIOCULAR_WIDTH / np.linalg.norm(corners[1] - corners[0])
    eyes = scale * (R @ corners.mean(0))
    return scale, R, np.array([0, -ORIGIN_BELOW_EYES, -ORIGIN_BEHIND_EYES]) - eyes


def average_shape(meshes: np.ndarray, rounds: int = 4) -> np.ndarray:
    """Mean face [468,3] in the metric head frame from landmark meshes [T,468,3] (x, y, depth).

    The half of the meshes that look most straight at the camera are aligned on the rigid points
    and averaged by the median; profiles, whose far side is a guess, are left out.
    """
    rigid = np.array(mesh.RIGID)
    facing = vertices_to_head(meshes)[:, 2, 2]
    frontal = meshes[facing >= np.median(facing)]
    shape = frontal[0]
    for _ in range(rounds):
        scale, R, shift = to_head_frame(shape)
        shape = scale * shape @ R.T + shift
        target = np.broadcast_to(shape[rigid], (len(frontal), len(rigid), 3))
        s, turn, move = similarity(frontal[:, rigid], target)
        aligned = s[:, None, None] * (frontal @ np.swapaxes(turn, 1, 2)) + move[:, None]
        shape = np.median(aligned, 0)
    scale, R, shift = to_head_frame(shape)
    return scale * shape @ R.T + shift


def rough_poses(shape: np.ndarray, meshes: np.ndarray, camera: Camera) -> Poses:
    """Poses under weak perspective: shape [P,3] in meters against meshes [T,P,3] in pixels."""
    scale, R, shift = similarity(shape, meshes)
    depth = camera.focal / scale
    t = np.concatenate([(shift[:, :2] - camera.center) / scale[:, None], depth[:, None]], 1)
    return Poses(R, t)
