"""The face: skin, eyes with lids, brows, lips, teeth and the dark mouth, as Gaussians with their motion.

Millimetres in the head frame of the rest pose (x right, y down, z away from the camera; the origin lies
between the eyes, inside the head). Sizes follow textbook proportions of an adult face: pupils 63 mm
apart, eyes half-way between crown and chin, the mouth a third of the way from nose to chin.
"""

import numpy as np

from unigs.demo.parts import Part, join, make_part
from unigs.demo.shapes import (
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
from unigs.media.labels import FACE, MOUTH

EYE_X, EYE_Y, EYE_Z, EYEBALL = 31.5, 0.5, -66.0, 12.2  # centre (mirrored) and radius of the eyeball
EYE_HALF = 16.3  # half the length of the lid slit
LINE_Y, LIP_HALF = 71.0, 25.0  # height of the closed lips' line, half the mouth's width
EYE_PATCH = (21.0, 14.0, 12.0)  # half width, above, below the eye's centre
MOUTH_PATCH = (33.0, 54.0, 90.0)  # half width, top, bottom
SKIN = np.array([0.88, 0.67, 0.56])
LIP = np.array([0.74, 0.34, 0.34])



def head_sdf(p: np.ndarray) -> np.ndarray:
    """Signed distance of the head with shut lids and closed lips, without hair and neck."""
    q = mirrored(p)
    d = ellipsoid(q, (0, -33, 15), (71, 86, 96))
    d = union(d, ellipsoid(q, (0, 29, -22), (61, 82, 60)), 30)
    d = union(d, ellipsoid(q, (13, 77, -28), (29, 33, 40)), 22)
    d = union(d, ellipsoid(q, (0, 101, -67), (16, 13, 16)), 24)
    d = union(d, ellipsoid(q, (37, 27, -57), (19, 16, 18)), 24)
    d = union(d, capsule(q, (12, -17, -80), (44, -18, -64), 7, 6), 14)
    d = carve(d, ellipsoid(q, (31, 3, -90), (19, 12, 14)), 9)
    d = union(d, ellipsoid(q, (EYE_X, EYE_Y, EYE_Z), (14.6, 13.6, 13.6)), 5)
    d = union(d, capsule(q, (0, -12, -80), (0, 34, -99), 4.6, 6.8), 11)
    d = union(d, ellipsoid(q, (0, 40.5, -100), (9, 8, 9.5)), 8)
    d = union(d, ellipsoid(q, (10.2, 44.0, -90), (6.2, 6.0, 8.5)), 8)
    d = union(d, ellipsoid(q, (0, 69, -70), (33, 24, 22)), 14)
    d = union(d, ellipsoid(q, (6, 66.5, -88), (14, 5.0, 6.5)), 6)
    d = union(d, ellipsoid(q, (0, 76.5, -87.5), (17, 5.6, 7.0)), 5)
    return carve(d, capsule(q, (0, LINE_Y, -97.5), (16, LINE_Y + 0.5, -92), 2.0), 3)


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
    """Displacement per mm of opening and per mm of width of face points p [N, 3].

    `lower` says which points belong to the jaw's side of the lip line. The gap is a lens over the
    mouth's width; downwards it turns into the jaw's motion, four fifths of the opening.
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


def lid_curves(u: np.ndarray) -> dict[str, np.ndarray]:
    """Heights relative to the eye's centre along the slit; u = -1 at the nose, +1 at the temple."""
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
    """Slit coordinate u and height above the eye's centre of points near the eye on `side` (+-1)."""
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


def skin_albedo(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Skin colour before lighting: blush, warm nose, darker rings and nostrils, faint mottling."""
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
        parts.append(
            make_part(p, np.tile(back, (len(p), 1)), size, color, MOUTH, opening=move)
        )

    add(arch((-25, 58), (25, 82), 2.0, 13.0, 0.012), 1.5, (0.13, 0.035, 0.035), 0.3)
    tongue = arch((-15, 75), (15, 84), 1.8, 11.5, 0.015)
    add(tongue, 1.3, np.array([0.48, 0.2, 0.2]) * (0.5 + 0.5 * np.exp(-(tongue[:, :1] / 11) ** 2)), 0.72)
    for low, high, behind, follow, light in ((62, 70.6, 6.0, -0.05, 0.95), (71.2, 78, 7.5, 0.8, 0.8)):
        p = arch((-19, low), (19, high), 1.0, behind, 0.022)
        gaps = 0.12 * np.exp(-(((p[:, 0] + 4.25) % 8.5 - 4.25) / 0.55) ** 2)
        fade = light * np.exp(-((p[:, 0] / 21.0) ** 2)) - gaps
        add(p, 0.7, np.array([0.93, 0.9, 0.83]) * fade[:, None], follow)
    return join(parts)


def eye_parts(depth: FrontDepth, side: int, iris: tuple, rng: np.random.Generator) -> Part:
    """One eye: ball with iris and pupil, both lids, lashes and the crease above."""
    wide, above, below = EYE_PATCH
    centre = np.array([side * EYE_X, EYE_Y, EYE_Z])
    xy = hex_grid((-wide, -above), (wide, below), 1.1) + centre[:2]
    p = np.column_stack([xy, depth(xy)])
    n = normals(head_sdf, p)
    u, y = eye_local(p, side)
    c = lid_curves(u)
    edge = np.exp(-(((y - c["shut"]) / 0.8) ** 2)) * (np.abs(u) < 1)
    albedo = skin_albedo(p, rng) * (1.0 - 0.25 * edge[:, None])
    color = shade(albedo, n, 0.03, ambient_occlusion(head_sdf, p, n))
    lids = make_part(p, n, 0.78, color, FACE, lid=lid_motion(p, side), ride=np.zeros(len(p)))
    return join([lids, _lashes(depth, side), _eyeball(centre, iris)])


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
        rows.append(
            make_part(p, normal, size, color, FACE, opacity=opacity, lid=lid, ride=ride)
        )
    return join(rows)


def _eyeball(centre: np.ndarray, iris: tuple) -> Part:
    """Front of the eyeball with sclera, iris and pupil, and a glint that stays with the head."""
    side = int(np.sign(centre[0]))
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
    ball = make_part(centre + local, local / EYEBALL, 0.6, color, FACE, eye=turn)
    spot = centre + np.array([[-2.2, -2.6, -EYEBALL - 0.3]])
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


def build_face(
    depth: FrontDepth, iris: tuple, brow_color: tuple, rng: np.random.Generator
) -> Part:
    """All Gaussians of the face."""
    pairs = [eye_parts(depth, side, iris, rng) for side in (-1, 1)]
    pairs += [brow(depth, side, brow_color, rng) for side in (-1, 1)]
    return join([skin(rng), mouth_skin(depth, rng), mouth_inside(depth), *pairs])
