"""The face: skin, eyes with lids, brows, lips, teeth and the dark mouth, and how they move.

Millimeters in the head frame of the rest pose (x right, y down, z away from the camera; the
origin lies between the eyes, inside the head). Sizes follow textbook proportions of an adult
face: pupils 63 mm apart, eyes halfway between crown and chin, the mouth a third of the way from
nose to chin.
"""

import numpy as np

from unigs.sources.synthetic.parts import Part, join, make_part
from unigs.sources.synthetic.shapes import (
    FrontDepth,
    ambient_occlusion,
    capsule,
    carve,
    ellipsoid,
    hex_grid,
    mirrored,
    normals,
    sample_surface,
    shade,
    smoothstep,
    union,
)
from unigs.subject.labels import FACE, MOUTH

EYE_X, EYE_Y, EYE_Z, EYEBALL = 31.5, 0.5, -63.5, 12.2
"""Center (mirrored) and radius of the eyeball."""
EYE_HALF = 16.3
"""Half the length of the lid slit."""
LINE_Y, LIP_HALF = 71.0, 25.0
"""Height of the line between the closed lips, and half the mouth's width."""
EYE_PATCH = (21.0, 14.0, 12.0)
"""Half width of the eye's skin patch, and its reach above and below the eye's center."""
MOUTH_PATCH = (33.0, 54.0, 90.0)
"""Half width, top and bottom of the skin patch around the mouth."""
SKIN = np.array([0.88, 0.67, 0.56])
LIP = np.array([0.74, 0.34, 0.34])


def head_sdf(p: np.ndarray) -> np.ndarray:
    """Signed distance of the head with shut lids and closed lips, without hair and neck."""
    q = mirrored(p)
    d = ellipsoid(q, (0, -33, 15), (71, 86, 96))
    d = union(d, ellipsoid(q, (0, 29, -22), (61, 82, 60)), 30)
    d = union(d, ellipsoid(q, (0, -38, -43), (57, 44, 50)), 24)
    d = union(d, ellipsoid(q, (13, 77, -28), (29, 33, 40)), 22)
    d = union(d, ellipsoid(q, (0, 101, -71), (16, 13, 16)), 24)
    d = union(d, ellipsoid(q, (36, 31, -60), (20, 19, 18)), 24)
    d = union(d, capsule(q, (10, -17, -84), (44, -18, -66), 7, 6), 14)
    d = carve(d, ellipsoid(q, (31, 3, -90), (19, 12, 14)), 9)
    d = union(d, ellipsoid(q, (EYE_X, EYE_Y, EYE_Z), (14.6, 13.6, 13.6)), 5)
    d = union(d, capsule(q, (0, -12, -86), (0, 34, -107), 4.6, 6.8), 11)
    d = union(d, ellipsoid(q, (0, 40.5, -107), (9, 8, 9.5)), 8)
    d = union(d, ellipsoid(q, (10.2, 44.0, -95), (6.2, 6.0, 9.5)), 8)
    d = union(d, ellipsoid(q, (0, 68, -79), (34, 24, 22)), 14)
    d = union(d, ellipsoid(q, (6, 66.5, -96.5), (14, 5.0, 6.5)), 6)
    d = union(d, ellipsoid(q, (0, 76.5, -95), (17, 5.6, 7.5)), 5)
    return carve(d, capsule(q, (0, LINE_Y, -106), (16, LINE_Y + 0.5, -100.5), 2.0), 3)


def lip_line(x: np.ndarray) -> np.ndarray:
    """Height y of the line between the closed lips."""
    u = np.clip(np.abs(x) / LIP_HALF, 0.0, 1.0)
    return LINE_Y - 0.5 * np.exp(-((u / 0.35) ** 2)) - 1.3 * u**2


def lip_edges(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heights of the upper and the lower border of the red of the lips."""
    u = np.clip(np.abs(x) / LIP_HALF, 0.0, 1.0)
    upper = 7.6 * (1 - u**1.7) - 1.5 * np.exp(-((u / 0.12) ** 2))
    return lip_line(x) - upper, lip_line(x) + 9.2 * (1 - u**2.2) ** 0.8


def mouth_motion(p: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Displacement of face points per mm of lip opening and per mm of mouth width.

    The gap is a lens over the mouth's width; downward it turns into the jaw's motion, four fifths
    of the opening.

    Args:
        p: face points [N, 3], mm.
        lower: [N] bool, points on the jaw's side of the lip line.

    Returns:
        Displacements [N, 3] per mm of opening, and [N, 3] per mm of width.
    """
    x, y = p[:, 0], p[:, 1]
    u = np.abs(x) / LIP_HALF
    lens = np.clip(1.0 - u**2.4, 0.0, None)
    drop = np.clip(y - lip_line(x), 0.0, None)
    to_jaw = smoothstep(0.0, 34.0, drop)
    jaw = np.exp(-((np.abs(x) / 60.0) ** 4)) * smoothstep(-5.0, -45.0, p[:, 2])
    low = np.where(lower, lens * (1 - to_jaw) + jaw * to_jaw, 0.0)
    up = np.where(lower, 0.0, lens * (1.0 - smoothstep(0.0, 18.0, lip_line(x) - y)))
    opening = np.column_stack([np.zeros(len(p)), 0.8 * low - 0.2 * up, 0.22 * low * to_jaw])
    pull = np.where(u < 1, x / LIP_HALF, np.sign(x) * np.exp(-(np.abs(x) - LIP_HALF) / 15.0))
    band = np.exp(-(((y - LINE_Y) / 17.0) ** 2))
    pout = 0.2 * np.exp(-((x / 19.0) ** 2)) * np.exp(-(((y - LINE_Y) / 12.0) ** 2))
    return opening, np.column_stack([0.5 * pull * band, np.zeros(len(p)), pout])


def skin_albedo(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Skin color before lighting: blush, warm nose, darker rings and nostrils, faint mottling."""
    q = mirrored(p)

    def spot(x: float, y: float, rx: float, ry: float) -> np.ndarray:
        return np.exp(-(((q[:, 0] - x) / rx) ** 2) - ((q[:, 1] - y) / ry) ** 2)[:, None]

    tone = np.ones((len(p), 3))
    tone *= 1.0 - spot(43, 34, 17, 13) * np.array([0.02, 0.16, 0.14])
    tone *= 1.0 - spot(0, 42, 11, 10) * np.array([0.0, 0.09, 0.08])
    tone *= 1.0 - spot(31, 11, 15, 4) * np.array([0.07, 0.1, 0.05])
    tone *= 1.0 - spot(31, -8, 15, 4) * np.array([0.08, 0.13, 0.12])
    tone *= 1.0 - spot(0, 88, 14, 4) * 0.1
    under = smoothstep(-0.5, 1.0, q[:, 1] - 46.5)[:, None]
    tone *= 1.0 - 0.72 * spot(5.6, 48.7, 3.0, 2.0) * under
    return SKIN * tone * (1.0 + rng.normal(0.0, 0.012, (len(p), 1)))


def skin(rng: np.random.Generator) -> Part:
    """Skin of the front of the head except the eye and mouth patches, finer on the nose."""

    def on_nose(p: np.ndarray) -> np.ndarray:
        return (np.abs(p[:, 0]) < 19) & (p[:, 1] > 16) & (p[:, 1] < 58) & (p[:, 2] < -68)

    coarse = sample_surface(head_sdf, (-80, -100, -125), (80, 130, 5), 2.6, rng)
    fine = sample_surface(head_sdf, (-20, 15, -125), (20, 59, -66), 1.6, rng)
    coarse, fine = coarse[~on_nose(coarse)], fine[on_nose(fine)]
    p = np.concatenate([coarse, fine])
    size = 0.8 * np.repeat([2.6, 1.6], [len(coarse), len(fine)])
    front = p[:, 2] < -40
    eye = (np.abs(np.abs(p[:, 0]) - EYE_X) < EYE_PATCH[0] - 0.7) & (
        np.abs(p[:, 1] - EYE_Y + 1.0) < EYE_PATCH[2]
    )
    mouth = (np.abs(p[:, 0]) < MOUTH_PATCH[0] - 0.7) & (np.abs(p[:, 1] - 72) < 17.3)
    size = size[~(front & (eye | mouth))]
    p = p[~(front & (eye | mouth))]
    n = normals(head_sdf, p)
    color = shade(skin_albedo(p, rng), n, 0.05, ambient_occlusion(head_sdf, p, n))
    opening, widening = mouth_motion(p, p[:, 1] > lip_line(p[:, 0]))
    return make_part(p, n, size, color, FACE, opening=opening, widening=widening)


def mouth_skin(depth: FrontDepth, rng: np.random.Generator) -> Part:
    """Lips and the skin around them, split along the lip line."""
    half, top, bottom = MOUTH_PATCH
    xy = hex_grid((-half, top), (half, bottom), 1.3)
    p = np.column_stack([xy, depth(xy)])
    n = normals(head_sdf, p)
    line = lip_line(xy[:, 0])
    upper, lower = lip_edges(xy[:, 0])
    wide = LIP_HALF + 0.5 - np.abs(xy[:, 0])
    red = np.clip(np.minimum(np.minimum(xy[:, 1] - upper, lower - xy[:, 1]), wide) + 0.5, 0.0, 1.0)
    crease = np.exp(-(((xy[:, 1] - line) / 0.9) ** 2)) * smoothstep(-0.5, 4.0, wide)
    tint = LIP * np.where(xy[:, 1:] < line[:, None], 0.9, 1.06)
    albedo = skin_albedo(p, rng) * (1 - red[:, None]) + tint * red[:, None]
    albedo *= 1.0 - 0.6 * crease[:, None]
    color = shade(albedo, n, 0.05 + 0.07 * red, ambient_occlusion(head_sdf, p, n))
    opening, widening = mouth_motion(p, xy[:, 1] > line)
    part = make_part(p, n, 0.9, color, FACE, opening=opening, widening=widening)
    part.labels[red > 0.5] = MOUTH
    return part


def mouth_inside(depth: FrontDepth) -> Part:
    """Dark cavity, tongue and both rows of teeth behind the lips."""
    back = np.array([0.0, 0.0, -1.0])
    lip_z = float(depth(np.array([[0.0, LINE_Y]]))[0])
    parts = []

    def arch(low: tuple, high: tuple, step: float, behind: float, bend: float) -> np.ndarray:
        xy = hex_grid(low, high, step)
        return np.column_stack([xy, lip_z + behind + bend * xy[:, 0] ** 2])

    def add(p: np.ndarray, size: float, color: np.ndarray | tuple, follow: float) -> None:
        move = np.zeros((len(p), 3))
        move[:, 1] = follow
        parts.append(make_part(p, np.tile(back, (len(p), 1)), size, color, MOUTH, opening=move))

    add(arch((-25, 58), (25, 82), 2.0, 13.0, 0.012), 1.5, (0.13, 0.035, 0.035), 0.3)
    tongue = arch((-15, 75), (15, 84), 1.8, 11.5, 0.015)
    add(
        tongue,
        1.3,
        np.array([0.48, 0.2, 0.2]) * (0.5 + 0.5 * np.exp(-((tongue[:, :1] / 11) ** 2))),
        0.72,
    )
    for low, high, behind, follow, light in (
        (62, 70.6, 6.0, -0.05, 0.95),
        (71.2, 78, 7.5, 0.8, 0.8),
    ):
        p = arch((-19, low), (19, high), 1.0, behind, 0.022)
        gaps = 0.12 * np.exp(-((((p[:, 0] + 4.25) % 8.5 - 4.25) / 0.55) ** 2))
        fade = light * np.exp(-((p[:, 0] / 21.0) ** 2)) - gaps
        add(p, 0.7, np.array([0.93, 0.9, 0.83]) * fade[:, None], follow)
    return join(parts)
