"""What is below and around the face: neck, clothes with a collar, and long hair over the shoulders.

Millimeters in the head frame of the rest pose (x right, y down, z away from the camera).
"""

import numpy as np

from unigs.sources.synthetic.face import SKIN, head_sdf
from unigs.sources.synthetic.parts import Part, join, make_part
from unigs.sources.synthetic.shapes import (
    Sdf,
    ambient_occlusion,
    capsule,
    ellipsoid,
    mirrored,
    normals,
    sample_surface,
    shade,
    smoothstep,
    union,
)
from unigs.subject.labels import HAIR, TORSO

STRAND_STEP = 11.5
"""Distance between the Gaussians of a strand, mm."""


def neck_sdf(p: np.ndarray) -> np.ndarray:
    """Signed distance of the neck, from inside the skull down into the chest."""
    return capsule(p, (0, 60, 18), (0, 215, 40), 47.0, 58.0)


def torso_sdf(p: np.ndarray) -> np.ndarray:
    """Signed distance of the dressed shoulders and chest."""
    q = mirrored(p)
    d = ellipsoid(q, (0, 350, 40), (165, 190, 92))
    d = union(d, capsule(q, (20, 172, 42), (150, 222, 48), 38.0, 50.0), 45)
    return union(d, capsule(q, (160, 235, 48), (205, 420, 45), 50.0, 45.0), 25)


def dressed_sdf(p: np.ndarray) -> np.ndarray:
    """Neck and clothes together: what the hair falls on."""
    return union(neck_sdf(p), torso_sdf(p), 25)


def build_neck(rng: np.random.Generator) -> Part:
    """Skin of the neck, which moves with the head at the top and with the torso at the collar."""
    p = sample_surface(neck_sdf, (-70, 85, -60), (70, 225, 40), 3.6, rng)
    n = normals(neck_sdf, p)
    body = smoothstep(70.0, 185.0, p[:, 1])

    def around(x: np.ndarray) -> np.ndarray:
        return np.minimum(dressed_sdf(x), head_sdf(x))

    shadow = 0.55 + 0.45 * smoothstep(105.0, 160.0, p[:, 1])
    albedo = SKIN * np.array([0.97, 0.94, 0.92]) * (1 + rng.normal(0, 0.012, (len(p), 1)))
    groove = np.exp(-(((np.abs(p[:, 0]) - 15) / 7.0) ** 2)) * smoothstep(170, 215, p[:, 1])
    albedo = albedo * (1 - 0.13 * groove[:, None])
    color = shade(albedo, n, 0.03, shadow * ambient_occlusion(around, p, n))
    return make_part(p, n, 2.9, color, TORSO, body=body)


def build_clothes(color: tuple, rng: np.random.Generator) -> Part:
    """A knitted pullover: ribs, a diamond pattern over the chest and a lighter round collar."""
    p = sample_surface(torso_sdf, (-235, 130, -120), (235, 400, 60), 5.6, rng)
    p = p[neck_sdf(p) > -2.0]
    n = normals(torso_sdf, p)
    x, y = p[:, 0], p[:, 1]
    rib = 0.09 * np.sin(2 * np.pi * x / 21.0)
    diamond = np.maximum(np.cos(np.pi * (x + y) / 27.0), np.cos(np.pi * (x - y) / 27.0))
    band = smoothstep(226, 233, y) * smoothstep(300, 293, y)
    pattern = smoothstep(0.82, 0.93, diamond) * band
    albedo = np.array(color) * (1 + rib + rng.normal(0, 0.05, len(p)))[:, None]
    albedo = albedo * (1 - pattern[:, None]) + np.array([0.83, 0.76, 0.6]) * pattern[:, None]
    color_lit = shade(albedo, n, 0.0, ambient_occlusion(dressed_sdf, p, n))
    shirt = make_part(p, n, 4.4, color_lit, TORSO, body=np.ones(len(p)))
    return join([shirt, _collar(color, rng)])


def _collar(color: tuple, rng: np.random.Generator) -> Part:
    """A rolled collar: a tilted ring around the base of the neck."""
    angle, tube = np.meshgrid(np.linspace(-2.2, 2.2, 110), np.linspace(-2.4, 1.6, 9))
    angle, tube = angle.ravel(), tube.ravel()
    spoke = np.column_stack([np.sin(angle), np.zeros(len(angle)), -np.cos(angle)])
    low = 0.5 + 0.5 * np.cos(angle)
    radius = np.column_stack([64 + 0 * low, 0 * low, 66 + 8 * low])
    ring = np.array([0, 172, 40]) + spoke * radius + np.array([0, 1, 0]) * (38 * low**1.5)[:, None]
    n = spoke * np.cos(tube)[:, None] + np.array([0, 1.0, 0]) * np.sin(tube)[:, None]
    p = ring + 7.5 * n
    rib = 1.0 + 0.12 * np.sin(angle * 32)
    albedo = (0.45 * np.array(color) + 0.5) * rib[:, None] * (1 + rng.normal(0, 0.03, (len(p), 1)))
    return make_part(p, n, 2.9, shade(albedo, n, 0.0, 0.92), TORSO, body=np.ones(len(p)))


def face_opening(y: np.ndarray) -> np.ndarray:
    """Smallest |x| that hair in front of the head may have at height y: the frame of the face."""
    ys = [-82, -74, -66, -57, -42, -22, 0, 40, 75, 105, 140, 180, 230, 330]
    xs = [0, 7, 20, 32, 46, 56, 61, 62, 57, 52, 50, 55, 62, 60]
    return np.interp(y, ys, xs)


def trace_strands(
    hull: Sdf, roots: np.ndarray, side: np.ndarray, back: np.ndarray, rng: np.random.Generator
) -> list:
    """Trace strands from the parting over the skull and down: gravity, projected on the hull.

    Args:
        hull: what hair may not enter.
        roots: [S, 3] starting points.
        side: [S] -1 or +1, the side of the parting.
        back: [S] 0 falls before the shoulder .. 1 falls behind it.
        rng: for the waves.

    Returns:
        S arrays [L, 3] of points STRAND_STEP apart.
    """
    count = len(roots)
    lift = rng.uniform(2.0, 11.0, count)
    bottom = rng.uniform(235.0, 320.0, count)
    phase = rng.uniform(0, 2 * np.pi, count)
    spread = 58.0 + 62.0 * np.clip(1.6 * back + rng.uniform(-0.1, 0.5, count), 0.0, 1.0)
    p, path, alive = roots.copy(), [], []
    for _ in range(2):
        p = p - (hull(p) - 0.25 * lift)[:, None] * normals(hull, p, 2.0)
    going = np.ones(count, bool)
    for step in range(50):
        path.append(p.copy())
        alive.append(going.copy())
        reach = np.clip(1.0 - np.abs(p[:, 0]) / 64.0, 0.0, 1.0) * (p[:, 1] < 0)
        flow = np.column_stack([side * 2.3 * reach * (1 - 0.8 * back), np.ones(count), 0.5 * reach])
        flow[:, 0] += 0.12 * np.sin(step * 0.55 + phase)
        low = smoothstep(110.0, 150.0, p[:, 1])
        flow[:, 2] += low * np.where(back > 0.75, 1.2, -1.1)
        n = normals(hull, p, 2.0)
        touching = hull(p) < lift + 4.0
        flow -= (touching * np.minimum(np.sum(flow * n, 1), 0.0))[:, None] * n
        aim = np.clip((spread - side * p[:, 0]) / 25.0, -1.0, 1.0)
        flow[:, 0] = (1.0 - low) * flow[:, 0] + low * (0.2 * flow[:, 0] + 0.55 * side * aim)
        p = p + STRAND_STEP * flow / np.linalg.norm(flow, axis=1, keepdims=True)
        for _ in range(2):
            gap = hull(p) - lift * min(1.0, 0.25 + 0.15 * step)
            pull = np.where(p[:, 1] < 0, gap, np.minimum(gap, 0.0))
            p = p - pull[:, None] * normals(hull, p, 2.0)
            edge = face_opening(p[:, 1]) + 0.8 * lift
            p[:, 0] = np.where(p[:, 2] < 8.0, side * np.maximum(side * p[:, 0], edge), p[:, 0])
        going &= p[:, 1] < np.where(back > 0.75, 190.0, bottom)
    kept, points = np.array(alive), np.array(path)
    return [points[kept[:, k], k] for k in range(count)]


def build_hair(color: tuple, strands: int, rng: np.random.Generator) -> Part:
    """Long hair with a center parting; lower parts rest on the torso and swing late."""

    def hull(p: np.ndarray) -> np.ndarray:
        return union(np.minimum(head_sdf(p), neck_sdf(p) + 8.0), torso_sdf(p) - 2.0, 30)

    side = np.where(np.arange(strands) % 2 == 0, -1.0, 1.0)
    along = rng.beta(0.9, 1.2, strands)
    angle = 0.60 + 1.75 * along
    back = smoothstep(0.45, 0.75, along)
    direction = np.column_stack(
        [(0.04 + 0.75 * back * rng.uniform(0, 1, strands)) * side, -np.sin(angle), -np.cos(angle)]
    )
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    roots = np.array([0.0, -33.0, 15.0]) + direction * np.array([72, 91, 101])
    paths = [p for p in trace_strands(hull, roots, side, back, rng) if len(p) > 3]
    tone = np.array(color) * rng.lognormal(-0.05, 0.3, (len(paths), 1))
    tangent = np.concatenate([np.gradient(p, axis=0) for p in paths])
    tone = np.repeat(tone, [len(p) for p in paths], axis=0)
    return _fibers(np.concatenate(paths), tangent, tone, hull)


def _fibers(p: np.ndarray, tangent: np.ndarray, tone: np.ndarray, hull: Sdf) -> Part:
    """Elongated Gaussians along strands, lit like fibers (bright across the light).

    Args:
        p: [N, 3] points of all strands.
        tangent: [N, 3] direction of the strand at each.
        tone: [N, 3] color before lighting.
        hull: what lies under the hair.
    """
    tangent = tangent / np.linalg.norm(tangent, axis=1, keepdims=True)
    n = normals(hull, p, 2.0)
    n = np.cross(np.cross(tangent, n), tangent)
    n /= np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-6)
    half = np.array([-0.25, -0.62, -0.75])
    gleam = (1.0 - (tangent @ half) ** 2) ** 14 * np.clip(-n[:, 2] * 0.7 - n[:, 1] * 0.6, 0, 1)
    y = p[:, 1]
    gleam *= 1.0 - 0.6 * smoothstep(90.0, 160.0, y)
    deep = smoothstep(0.0, 11.0, hull(p))
    dim = (0.5 + 0.5 * deep) * (1.0 - 0.22 * smoothstep(130.0, 190.0, y))
    # A strand is round: it shows a lit side to every camera, whatever the hair as a whole faces.
    front = 0.5 * n + 0.5 * np.array([0.0, -0.3, -0.95])
    front /= np.linalg.norm(front, axis=1, keepdims=True)
    color = shade(tone, front, 0.0, dim)
    color = np.clip(color * (1 + 0.9 * gleam[:, None]) + 0.05 * gleam[:, None], 0, 1)
    return make_part(
        p, n, (7.6, 2.5, 1.7), color, HAIR, tangent, 0.9,
        body=0.92 * smoothstep(95.0, 215.0, y), lag=smoothstep(10.0, 170.0, y),
    )  # fmt: skip
