"""Eyes with lids and lashes, and the brows above them.

Millimeters in the head frame of the rest pose (x right, y down, z away from the camera), where the
lids are shut.
"""

import numpy as np

from unigs.sources.synthetic.face import (
    EYE_HALF,
    EYE_PATCH,
    EYE_X,
    EYE_Y,
    EYE_Z,
    EYEBALL,
    head_sdf,
    skin_albedo,
)
from unigs.sources.synthetic.parts import Part, join, make_part
from unigs.sources.synthetic.shapes import (
    FrontDepth,
    ambient_occlusion,
    hex_grid,
    normals,
    shade,
    smoothstep,
)
from unigs.subject.labels import FACE


def lid_curves(u: np.ndarray) -> dict[str, np.ndarray]:
    """Heights relative to the eye's center along the slit; u = -1 at the nose, +1 at the temple."""
    arch = np.clip(1.0 - u**2, 0.0, None)
    tilt = -0.9 * u
    upper = tilt - 6.9 * arch**0.75 * (1.0 - 0.1 * u)
    lower = tilt + 4.5 * arch**0.85 * (1.0 + 0.15 * u)
    return {
        "upper": upper,
        "lower": lower,
        "shut": tilt + 0.72 * (lower - tilt),
        "crease": upper - 4.2 - 1.2 * arch,
        "bag": lower + 6.0,
    }


def eye_local(p: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Slit coordinate u and height below the eye's center of points near the eye on `side`."""
    return (side * p[:, 0] - EYE_X) / EYE_HALF, p[:, 1] - EYE_Y


def lid_motion(p: np.ndarray, side: int) -> np.ndarray:
    """Displacement in x, y [N, 2] that opens the lids, for points p of the shut eye."""
    u, y = eye_local(p, side)
    c = lid_curves(u)
    above = np.clip((c["shut"] - y) / (c["shut"] - c["crease"]), 0.0, 1.0)
    below = np.clip((y - c["shut"]) / (c["bag"] - c["shut"]), 0.0, 1.0)
    dy = np.where(
        y < c["shut"],
        (1.0 - above) * (c["upper"] - c["shut"]),
        (1.0 - below) * (c["lower"] - c["shut"]),
    )
    return np.column_stack([np.zeros(len(p)), np.where(np.abs(u) < 1.0, dy, 0.0)])


def build_eye(depth: FrontDepth, side: int, iris: tuple, rng: np.random.Generator) -> Part:
    """One eye: ball with iris and pupil, both lids, lashes and the crease above."""
    wide, above, below = EYE_PATCH
    center = np.array([side * EYE_X, EYE_Y, EYE_Z])
    xy = hex_grid((-wide, -above), (wide, below), 1.1) + center[:2]
    p = np.column_stack([xy, depth(xy)])
    n = normals(head_sdf, p)
    u, y = eye_local(p, side)
    c = lid_curves(u)
    edge = np.exp(-(((y - c["shut"]) / 0.8) ** 2)) * (np.abs(u) < 1)
    albedo = skin_albedo(p, rng) * (1.0 - 0.25 * edge[:, None])
    color = shade(albedo, n, 0.03, ambient_occlusion(head_sdf, p, n))
    lids = make_part(p, n, 0.78, color, FACE, lid=lid_motion(p, side), ride=np.zeros(len(p)))
    return join([lids, _lashes(depth, side), _eyeball(center, iris)])


def _lashes(depth: FrontDepth, side: int) -> Part:
    """Dark line of the upper lid, fainter ones on the lower lid and in the crease."""
    u = np.linspace(-0.97, 1.06, 46)
    inner = np.clip(u, -1, 0.999)
    c = lid_curves(inner)
    rows = []
    for name, shift, size, opacity, color in (
        ("upper", -0.4, 0.75, 0.9, (0.1, 0.07, 0.07)),
        ("lower", 0.2, 0.42, 0.45, (0.3, 0.18, 0.16)),
        ("crease", 0.4, 0.55, 0.35, (0.42, 0.25, 0.21)),
    ):
        start = c[name] if name == "crease" else c["shut"]
        xy = np.column_stack([side * (EYE_X + EYE_HALF * u), EYE_Y + start + shift])
        lid = np.column_stack([np.zeros(len(u)), c[name] - start])
        normal = np.tile([0.0, 0.0, -1.0], (len(u), 1))
        ride = np.full(len(u), -0.9)
        p = np.column_stack([xy, depth(xy)])
        rows.append(make_part(p, normal, size, color, FACE, opacity=opacity, lid=lid, ride=ride))
    return join(rows)


def _eyeball(center: np.ndarray, iris: tuple) -> Part:
    """Front of the eyeball with sclera, iris and pupil, and a glint that stays with the head."""
    side = int(np.sign(center[0]))
    disc = hex_grid((-11.4, -11.4), (11.4, 11.4), 0.85)
    r = np.linalg.norm(disc, axis=1)
    disc, r = disc[r < 11.3], r[r < 11.3]
    local = np.column_stack([disc, -np.sqrt(EYEBALL**2 - r**2)])
    iris_color = np.array(iris) * (0.75 + 0.5 * smoothstep(2.0, 5.0, r))[:, None]
    iris_color = iris_color * (1.0 - 0.65 * smoothstep(4.9, 5.9, r))[:, None]
    white = np.array([0.93, 0.9, 0.88]) * (1.0 - 0.3 * smoothstep(5.5, 11.0, r))[:, None]
    out = smoothstep(5.6, 6.2, r)[:, None]
    pupil = smoothstep(2.5, 1.9, r)[:, None]
    color = (iris_color * (1 - out) + white * out) * (1 - pupil) + 0.03 * pupil
    turn = np.full(len(disc), side, np.int8)
    ball = make_part(center + local, local / EYEBALL, 0.6, color, FACE, eye=turn)
    spot = center + np.array([[-2.2, -2.6, -EYEBALL - 0.3]])
    glint = make_part(spot, np.array([[0.0, 0.0, -1.0]]), 0.8, (1.0, 1.0, 1.0), FACE, opacity=0.85)
    return join([ball, glint])


def brow_line(s: np.ndarray) -> np.ndarray:
    """Middle line [N, 2] of the brow at x > 0; s runs from 0 at the nose to 1 at the temple."""
    arch = np.sin(np.pi * (0.08 + 0.66 * s))
    return np.column_stack([11.5 + 39.0 * s, -15.5 - 7.5 * arch + 2.5 * s**2])


def brow_follow(s: np.ndarray) -> np.ndarray:
    """How far the brow at s moves (mm downwards) per mm of raise."""
    return -(1.0 - 0.35 * s)


def brow(depth: FrontDepth, side: int, color: tuple, rng: np.random.Generator) -> Part:
    """Short hairs along an arch that slides on the forehead."""
    n = 260
    s = rng.uniform(0.0, 1.0, n)
    thick = 3.0 * (1.0 - s) ** 0.5 * (0.55 + 0.45 * smoothstep(0.0, 0.15, s))
    xy = brow_line(s) + np.column_stack([np.zeros(n), rng.uniform(-1.0, 1.0, n) * thick])
    xy[:, 0] *= side
    p = np.column_stack([xy, depth(xy)])
    direction = np.column_stack([np.full(n, float(side)), -0.5 + 0.9 * s, np.zeros(n)])
    tone = np.array(color) * rng.uniform(0.75, 1.25, (n, 1))
    motion = {"brow": brow_follow(s), "ride": np.full(n, -1.0)}
    return make_part(
        p, normals(head_sdf, p), (2.0, 0.55, 0.4), tone, FACE, direction, 0.75, **motion
    )
