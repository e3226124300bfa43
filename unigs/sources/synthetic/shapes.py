"""Signed distance functions, surface samples and shading, from which the speaker is modeled.

All lengths in this module are millimeters in the rest pose of the head frame (x right, y down, z
away from the camera). A signed distance function (SDF) takes points [N, 3] and returns [N],
negative inside.
"""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

Sdf = Callable[[np.ndarray], np.ndarray]

KEY_LIGHT = np.array([-0.48, -0.62, -0.62])
"""Direction toward the main light, in the head frame of the rest pose."""
FILL_LIGHT = np.array([0.75, -0.05, -0.66])
"""Direction toward the second light, in the head frame of the rest pose."""
AMBIENT, KEY, FILL = 0.46, 0.52, 0.14
"""Strengths of the ambient, main and second light."""


def ellipsoid(p: np.ndarray, center: tuple, radii: tuple) -> np.ndarray:
    """Signed distance of an axis-aligned ellipsoid, exact to first order at its surface."""
    q = (p - np.array(center)) / np.array(radii)
    scaled = q / np.array(radii)
    length = np.sqrt(np.einsum("ij,ij->i", q, q))
    gradient = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    return length * (length - 1.0) / np.maximum(gradient, 1e-6)


def capsule(
    p: np.ndarray, a: tuple, b: tuple, radius_a: float, radius_b: float | None = None
) -> np.ndarray:
    """Signed distance of a capsule from `a` to `b`, whose radius may change linearly."""
    start, axis = np.array(a, float), np.array(b, float) - np.array(a, float)
    along = np.clip((p - start) @ axis / (axis @ axis), 0.0, 1.0)
    radius = radius_a + along * ((radius_a if radius_b is None else radius_b) - radius_a)
    return np.linalg.norm(p - start - along[:, None] * axis, axis=1) - radius


def mirrored(p: np.ndarray) -> np.ndarray:
    """Points folded onto the right half (x >= 0), so that a shape at +x appears on both sides."""
    return np.column_stack([np.abs(p[:, 0]), p[:, 1:]])


def union(a: np.ndarray, b: np.ndarray, blend: float) -> np.ndarray:
    """Smooth union of two distances; `blend` is the width of the fillet in mm."""
    h = np.maximum(blend - np.abs(a - b), 0.0) / blend
    return np.minimum(a, b) - 0.25 * blend * h * h


def carve(a: np.ndarray, b: np.ndarray, blend: float) -> np.ndarray:
    """Smooth removal of shape b from shape a."""
    return -union(-a, b, blend)


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """Cubic step from 0 at `low` to 1 at `high` (either order)."""
    s = np.clip((x - low) / (high - low), 0.0, 1.0)
    return s * s * (3.0 - 2.0 * s)


def normals(sdf: Sdf, p: np.ndarray, step: float = 0.6) -> np.ndarray:
    """Outward unit normals [N, 3] from four samples at the corners of a tetrahedron."""
    corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], float)
    gradient = sum(c * sdf(p + step * c)[:, None] for c in corners)
    return gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-9)


def thin(p: np.ndarray, spacing: np.ndarray | float) -> np.ndarray:
    """Indices of a Poisson-disk subset: points are taken in order, each removes its neighbors."""
    radius = np.broadcast_to(spacing, len(p))
    neighbors = cKDTree(p).query_ball_point(p, radius)
    alive = np.ones(len(p), bool)
    taken = []
    for k, near in enumerate(neighbors):
        if alive[k]:
            taken.append(k)
            alive[near] = False
    return np.array(taken, int)


def sample_surface(
    sdf: Sdf, low: tuple, high: tuple, spacing: float, rng: np.random.Generator
) -> np.ndarray:
    """Even points [N, 3] on the zero surface inside a box, about `spacing` mm apart.

    Random points near the surface are projected onto it, thinned to Poisson disks, and pushed
    apart a few times, which closes the holes that thinning leaves.
    """
    cell = max(2.0 * spacing, 6.0)
    axes = [np.arange(a, b, cell) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3) + 0.5 * cell
    grid = grid[np.abs(sdf(grid)) < 0.9 * cell]
    copies = int(np.ceil(3.0 * (cell / spacing) ** 2))
    p = np.repeat(grid, copies, axis=0)
    p = p + rng.uniform(-0.5, 0.5, p.shape) * cell
    for _ in range(2):
        p = p - sdf(p)[:, None] * normals(sdf, p)
    p = p[np.all((p >= np.array(low)) & (p <= np.array(high)), axis=1)]
    p = p[thin(p, 0.85 * spacing)]
    for _ in range(4):
        p = _push_apart(p, 1.1 * spacing)
        p = p - sdf(p)[:, None] * normals(sdf, p)
    return p[np.abs(sdf(p)) < 0.3]


def _push_apart(p: np.ndarray, reach: float) -> np.ndarray:
    """Move every point away from its neighbors closer than `reach`."""
    distance, index = cKDTree(p).query(p, k=7)
    away = p[:, None] - p[index[:, 1:]]
    distance = np.maximum(distance[:, 1:, None], 1e-6)
    return p + 0.35 * np.sum(away / distance * np.clip(reach - distance, 0.0, None), axis=1)


def hex_grid(low: tuple, high: tuple, spacing: float) -> np.ndarray:
    """Hexagonal grid [N, 2] over the rectangle low..high (x, y)."""
    row = spacing * np.sqrt(3.0) / 2.0
    ys = np.arange(low[1], high[1], row)
    xs = np.arange(low[0], high[0], spacing)
    x = xs[None] + 0.5 * spacing * (np.arange(len(ys)) % 2)[:, None]
    return np.column_stack([x.ravel(), np.repeat(ys, len(xs))])


class FrontDepth:
    """Depth z of the surface that a camera in front sees at (x, y): a bilinear lookup table.

    Args:
        sdf: the surface.
        low: corner (x, y) of the table's rectangle, mm.
        high: the opposite corner (x, y), mm.
        step: distance between rays, mm.
        start: z at which the rays start, mm.
    """

    def __init__(self, sdf: Sdf, low: tuple, high: tuple, step: float = 1.0, start: float = -120.0):
        """Sphere-trace the SDF along +z."""
        self.low, self.step = np.array(low, float), step
        xs = np.arange(low[0], high[0] + step, step)
        ys = np.arange(low[1], high[1] + step, step)
        x, y = np.meshgrid(xs, ys)
        p = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, start)])
        for _ in range(30):
            p[:, 2] += 0.9 * np.clip(sdf(p), -4.0, 12.0)
        self.table = p[:, 2].reshape(x.shape)

    def __call__(self, xy: np.ndarray) -> np.ndarray:
        """Depth [N] at points xy [N, 2] (clamped to the table's rectangle)."""
        column = (xy[:, 0] - self.low[0]) / self.step
        row = (xy[:, 1] - self.low[1]) / self.step
        return map_coordinates(self.table, [row, column], order=1, mode="nearest")


def shade(
    albedo: np.ndarray,
    normal: np.ndarray,
    gloss: np.ndarray | float = 0.0,
    occlusion: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Color [N, 3] of a surface under two lights: wrapped diffuse, a soft highlight, occlusion.

    Args:
        albedo: [N, 3] RGB in [0, 1].
        normal: [N, 3] outward unit normals.
        gloss: strength of the highlight, one number or [N].
        occlusion: factor of the diffuse light, one number or [N].
    """
    eye = np.array([0.0, 0.0, -1.0])
    light = np.full(len(normal), AMBIENT)
    shine = np.zeros(len(normal))
    for direction, strength in ((KEY_LIGHT, KEY), (FILL_LIGHT, FILL)):
        direction = direction / np.linalg.norm(direction)
        light += strength * np.clip((normal @ direction + 0.15) / 1.15, 0.0, None)
        half = (direction + eye) / np.linalg.norm(direction + eye)
        shine += strength * np.clip(normal @ half, 0.0, None) ** 24
    return np.clip(albedo * (light * occlusion)[:, None] + (gloss * shine)[:, None], 0.0, 1.0)


def ambient_occlusion(sdf: Sdf, p: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Factor [N] in (0, 1]: how open the space above each point is (distances sampled outwards)."""
    blocked = np.zeros(len(p))
    for height, weight in ((3.0, 0.35), (8.0, 0.3), (18.0, 0.25)):
        blocked += weight * np.clip(1.0 - sdf(p + height * normal) / height, 0.0, 1.0)
    return np.clip(1.0 - blocked, 0.25, 1.0)


def frames(normal: np.ndarray, tangent: np.ndarray | None = None) -> np.ndarray:
    """Unit quaternions [N, 4] (wxyz) whose local z is `normal` and local x lies along `tangent`."""
    if tangent is None:
        tangent = np.where(np.abs(normal[:, :1]) < 0.8, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    x = tangent - np.sum(tangent * normal, 1, keepdims=True) * normal
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    rotation = np.stack([x, np.cross(normal, x), normal], -1)
    return matrix_to_quat(rotation)


def matrix_to_quat(rotation: np.ndarray) -> np.ndarray:
    """Rotation matrices [N, 3, 3] to unit quaternions [N, 4], wxyz."""
    return np.roll(Rotation.from_matrix(rotation).as_quat(), 1, axis=1)
