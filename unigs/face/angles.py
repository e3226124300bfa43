"""A rough head direction straight from mesh landmarks, for stages that come before the pose fit."""

from __future__ import annotations

import numpy as np

RIGHT_SIDE = (33, 127, 234, 162)
LEFT_SIDE = (263, 356, 454, 389)
UPPER = (10, 151, 9, 67, 297)
LOWER = (2, 164, 98, 327)
"""Base of the nose, which does not move with the jaw."""


def head_to_camera(points: np.ndarray) -> np.ndarray:
    """Rotation from head to camera axes.

    Args:
        points: landmarks [...,478,3] in pixels, z in the scale of x (smaller is nearer).

    Returns:
        [...,3,3]; the columns are the head's axes right (in the image), down, forward (into the
        image), in the camera's axes. NaN where the landmarks are NaN.
    """
    points = np.asarray(points, np.float64)
    across = points[..., LEFT_SIDE, :].mean(-2) - points[..., RIGHT_SIDE, :].mean(-2)
    down = points[..., LOWER, :].mean(-2) - points[..., UPPER, :].mean(-2)
    x = across / np.linalg.norm(across, axis=-1, keepdims=True)
    y = down - (down * x).sum(-1, keepdims=True) * x
    y = y / np.linalg.norm(y, axis=-1, keepdims=True)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def head_angles(points: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll of the head, straight from landmarks.

    Pitch has an offset that depends on the face's profile: use differences.

    Args:
        points: landmarks [...,478,3] in pixels, z in the scale of x.

    Returns:
        Angles [...,3] in degrees, with the signs of `yaw_pitch_roll`; NaN where no face is.
    """
    return yaw_pitch_roll(head_to_camera(points))


def yaw_pitch_roll(rotations: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll of head rotations.

    Yaw is positive when the face turns to the image's right, pitch when it looks down, roll when
    it tilts clockwise in the image.

    Args:
        rotations: R of x_cam = R x + t, [...,3,3].

    Returns:
        Angles [...,3] in degrees.
    """
    forward = rotations[..., :, 2]  # out of the back of the head: the face looks along -forward
    yaw = np.degrees(np.arctan2(-forward[..., 0], forward[..., 2]))
    pitch = np.degrees(np.arcsin(np.clip(-forward[..., 1], -1.0, 1.0)))
    roll = np.degrees(np.arctan2(rotations[..., 1, 0], rotations[..., 0, 0]))
    return np.stack([yaw, pitch, roll], axis=-1)
