"""The shape of the lips as a few numbers, read off face landmarks without the head's motion."""

from collections.abc import Sequence

import numpy as np

from unigs.face.mesh import (
    LEFT_EYE_CORNERS,
    LIPS,
    MOUTH_CORNERS,
    MOUTH_OPENING,
    RIGHT_EYE_CORNERS,
    RIGID,
)

OPENING = 0
"""Column of the mouth's opening in `lip_shape` and `lip_code`."""


def lip_shape(points: np.ndarray) -> np.ndarray:
    """Opening and width of the mouth, in units of the face's own size.

    Distances are taken in 3-D, so that nodding and turning change them little; the unit is the
    spread of the points that follow the skull.

    Args:
        points: landmarks [T,478,3] (x, y pixels, z in the same scale); NaN where no face.

    Returns:
        [T,2] opening (between the inner lips) and width (between the corners); NaN where no face.
    """
    points = np.asarray(points, np.float64)
    rigid = points[:, list(RIGID)]
    unit = np.sqrt(np.square(rigid - rigid.mean(1, keepdims=True)).sum(-1).mean(1))
    gaps = [np.linalg.norm(points[:, a] - points[:, b], axis=-1) for a, b in MOUTH_OPENING]
    corner, other = MOUTH_CORNERS
    width = np.linalg.norm(points[:, corner] - points[:, other], axis=-1)
    return np.stack([np.mean(gaps, 0) / unit, width / unit], 1)


def lip_points(points: np.ndarray) -> np.ndarray:
    """Lip landmarks [T,L,3] of every frame, moved into one common face frame (similarity fit)."""
    points = np.asarray(points, np.float64)
    rigid = points[:, list(RIGID)]
    found = np.isfinite(rigid).all((1, 2))
    if not found.any():
        return np.full((len(points), len(LIPS), 3), np.nan)
    return in_face_frame(points, RIGID, LIPS, normalized(rigid[found][0])[0])


def in_face_frame(
    points: np.ndarray, rigid: Sequence[int], chosen: Sequence[int], face: np.ndarray
) -> np.ndarray:
    """Some landmarks of every frame, moved with the head onto one face (similarity fit).

    Args:
        points: landmarks [T,P,C], C of 2 or 3; NaN where no face.
        rigid: landmarks that follow the skull, R of them.
        chosen: landmarks that are wanted, L of them.
        face: places [R,C] of the rigid landmarks in the common frame, from `normalized`.

    Returns:
        float64 [T,L,C] in units of the face's own size; NaN where no face.
    """
    points = np.asarray(points, np.float64)
    moved = np.full((len(points), len(chosen), points.shape[2]), np.nan)
    mirror = np.ones(points.shape[2])
    for k in np.flatnonzero(np.isfinite(points[:, list(rigid)]).all((1, 2))):
        source, center, scale = normalized(points[k, list(rigid)])
        # Kabsch: the rotation that best lays this face on the common one.
        u, _, vt = np.linalg.svd(source.T @ face)
        mirror[-1] = np.sign(np.linalg.det(u @ vt))
        moved[k] = (points[k, list(chosen)] - center) / scale @ (u * mirror @ vt)
    return moved


def normalized(face: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """A face's points [R,C] about their mean, in units of their spread; the mean, the spread."""
    center = face.mean(0)
    spread = float(np.sqrt(np.square(face - center).sum(-1).mean()))
    return (face - center) / spread, center, spread


def lip_code(points: np.ndarray, train: np.ndarray, extra: int = 0) -> np.ndarray:
    """What the speech network learns to predict: opening, width and `extra` principal shapes.

    The principal shapes are those of the lip points after opening and width are regressed out.

    Args:
        points: landmarks [T,478,3].
        train: frames [T] bool (or indices) that the scaling and the shapes are measured on.
        extra: number of principal shapes.

    Returns:
        float32 [T,2+extra], z-scored over the training frames; NaN where no face.
    """
    chosen = np.zeros(len(points), bool)
    chosen[train] = True
    shape = lip_shape(points)
    chosen &= np.isfinite(shape).all(1)
    shape = (shape - shape[chosen].mean(0)) / np.maximum(shape[chosen].std(0), 1e-6)
    if not extra:
        return shape.astype(np.float32)
    flat = lip_points(points).reshape(len(points), -1)
    flat = flat - flat[chosen].mean(0)
    explained, *_ = np.linalg.lstsq(shape[chosen], flat[chosen], rcond=None)
    rest = flat - shape @ explained
    _, _, axes = np.linalg.svd(rest[chosen], full_matrices=False)
    coordinates = rest @ axes[:extra].T
    coordinates /= np.maximum(coordinates[chosen].std(0), 1e-6)
    return np.concatenate([shape, coordinates], 1).astype(np.float32)


def without_smile(code: np.ndarray, smile: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Lip codes whose width and principal shapes are freed of what a smile explains of them.

    The opening stays as it is, since closed lips are closed in a smile, too.

    Args:
        code: from `lip_code`, [T,K].
        smile: AU12 [T]; NaN where no face.
        train: frames [T] bool (or indices) that the smile's share is measured on.

    Returns:
        float32 [T,K], z-scored over the training frames; NaN where no face.
    """
    chosen = np.zeros(len(code), bool)
    chosen[train] = True
    chosen &= np.isfinite(code).all(1) & np.isfinite(smile)
    smile = smile - smile[chosen].mean()
    share = smile[chosen] @ code[chosen] / max(float(np.square(smile[chosen]).sum()), 1e-6)
    share[OPENING] = 0.0
    rest = code - smile[:, None] * share
    return (rest / np.maximum(rest[chosen].std(0), 1e-6)).astype(np.float32)


def relative_opening(points: np.ndarray) -> np.ndarray:
    """Distance of the inner lips as a share of the distance of the eyes' outer corners.

    Args:
        points: landmarks [T,478,2|3], px.

    Returns:
        float [T].
    """
    upper, lower = np.array(MOUTH_OPENING).T
    gap = np.linalg.norm(points[:, upper] - points[:, lower], axis=-1).mean(1)
    eyes = points[:, RIGHT_EYE_CORNERS[0]] - points[:, LEFT_EYE_CORNERS[0]]
    return gap / np.linalg.norm(eyes, axis=-1)
