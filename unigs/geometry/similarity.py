"""The best similarity transform between two sets of points."""

import numpy as np


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, ...]:
    """Least-squares similarity of two point sets: target = scale R source + shift.

    Closed form of Umeyama, "Least-squares estimation of transformation parameters between two
    point patterns", 1991.

    Args:
        source: points [P,3] or [...,P,3].
        target: the corresponding points [...,P,3].

    Returns:
        Scale [...], rotation R [...,3,3] and shift [...,3].
    """
    a = source - source.mean(-2, keepdims=True)
    b = target - target.mean(-2, keepdims=True)
    U, D, Vt = np.linalg.svd(np.swapaxes(b, -1, -2) @ a)
    sign = np.ones_like(D)
    sign[..., 2] = np.sign(np.linalg.det(U @ Vt))
    R = (U * sign[..., None, :]) @ Vt
    scale = (D * sign).sum(-1) / (a**2).sum((-1, -2))
    turned = (R @ source.mean(-2)[..., None])[..., 0]
    return scale, R, target.mean(-2) - scale[..., None] * turned
