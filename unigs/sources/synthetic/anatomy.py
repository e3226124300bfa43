"""The whole speaker: the parts put together, named points, and the pose in a frame."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from unigs.sources.synthetic import body as bodies
from unigs.sources.synthetic import eyes as eye_parts
from unigs.sources.synthetic import face as faces
from unigs.sources.synthetic.motion import SpeakerMotion
from unigs.sources.synthetic.parts import Part, join, make_part
from unigs.sources.synthetic.shapes import FrontDepth
from unigs.subject.labels import FACE

SLIDING = (-62, -50), (62, 108)
"""Corners of the front of the face that lids, brows and lashes slide on, mm."""


@dataclass
class Speaker:
    """Gaussians of the rest pose and named points that move with them.

    `right` and `left` in the names are the speaker's own: right is at x < 0, left in the picture.
    """

    part: Part
    """All Gaussians."""
    names: list[str]
    """Names [K] of the points."""
    points: Part
    """The K named points."""
    depth: FrontDepth
    """Front of the face, which lids, brows and lashes slide on."""


@dataclass
class Posed:
    """Gaussians of one frame in the world (the rest pose's head frame), meters."""

    means: np.ndarray
    """[N, 3]."""
    quats: np.ndarray
    """[N, 4] wxyz."""
    scales: np.ndarray
    """[N, 3]."""


def color(text: str) -> tuple[float, float, float]:
    """RGB in [0, 1] of '#rrggbb'.

    Raises:
        ValueError: the text is anything else.
    """
    if len(text) != 7 or text[0] != "#":
        raise ValueError(f"{text!r} is not a color like #6b3a1e")
    return tuple(int(text[k : k + 2], 16) / 255.0 for k in (1, 3, 5))


def build_speaker(hair: str, clothes: str, eyes: str, strands: int, seed: int) -> Speaker:
    """Make the Gaussians of a speaker.

    Args:
        hair: color as '#rrggbb'.
        clothes: color as '#rrggbb'.
        eyes: color as '#rrggbb'.
        strands: number of strands of hair.
        seed: of every random choice.
    """
    rng = np.random.default_rng([seed, 1])
    depth = FrontDepth(faces.head_sdf, *SLIDING)
    brows = tuple(0.62 * c for c in color(hair))
    parts = [faces.skin(rng), faces.mouth_skin(depth, rng), faces.mouth_inside(depth)]
    for side in (-1, 1):
        parts.append(eye_parts.build_eye(depth, side, color(eyes), rng))
        parts.append(eye_parts.brow(depth, side, brows, rng))
    parts += [
        bodies.build_neck(rng),
        bodies.build_clothes(color(clothes), rng),
        bodies.build_hair(color(hair), strands, rng),
    ]
    names, points = named_points(depth)
    return Speaker(join(parts), names, points, depth)


def named_points(depth: FrontDepth) -> tuple[list[str], Part]:
    """Points with known names, as a Part so that they move exactly as the Gaussians do."""
    names, rows = [], []

    def add(
        name: str, xy: tuple, front: float = 0.0, lower: bool = False, **motion: object
    ) -> None:
        at = np.array([[xy[0], xy[1], depth(np.array([xy]))[0] + front]])
        opening, widening = faces.mouth_motion(at, np.array([lower]))
        motion = {"opening": opening, "widening": widening} | motion
        names.append(name)
        rows.append(make_part(at, np.array([[0.0, 0.0, -1.0]]), 1.0, (0, 0, 0), FACE, **motion))

    add("nose_tip", (0.0, 41.0))
    add("chin", (0.0, 106.0), lower=True)
    line, edges = faces.lip_line, faces.lip_edges
    zero = np.zeros(1)
    add("upper_lip", (0.0, float(edges(zero)[0][0])))
    add("lower_lip", (0.0, float(edges(zero)[1][0])), lower=True)
    add("upper_lip_inner", (0.0, float(line(zero)[0])))
    add("lower_lip_inner", (0.0, float(line(zero)[0])), lower=True)
    for side, who in ((-1, "right"), (1, "left")):
        x = side * faces.LIP_HALF
        add(f"{who}_mouth_corner", (x, float(line(np.array([x]))[0])))
        _add_eye(add, side, who)
        for place, s in (("inner", 0.05), ("middle", 0.5), ("outer", 0.92)):
            at = eye_parts.brow_line(np.array([s]))[0]
            raise_ = np.array([eye_parts.brow_follow(s)])
            add(f"{who}_brow_{place}", (side * at[0], at[1]), brow=raise_, ride=zero)
    return names, join(rows)


def _add_eye(add: object, side: int, who: str) -> None:
    """Corners and lids of one eye, and its iris."""
    for place, u, rim in (
        ("eye_inner", -1.0, "shut"),
        ("eye_outer", 1.0, "shut"),
        ("upper_lid", 0.0, "upper"),
        ("lower_lid", 0.0, "lower"),
    ):
        c = eye_parts.lid_curves(np.array([u]))
        shut = (side * (faces.EYE_X + faces.EYE_HALF * u), faces.EYE_Y + float(c["shut"][0]))
        lid = np.array([[0.0, float(c[rim][0] - c["shut"][0])]])
        add(f"{who}_{place}", shut, lid=lid, ride=np.zeros(1))
    add(f"{who}_iris", (side * faces.EYE_X, faces.EYE_Y), eye=np.array([side], np.int8))


def express(
    part: Part,
    depth: FrontDepth,
    opening: float,
    width: float,
    brow: float,
    blink: float,
    gaze: np.ndarray,
) -> np.ndarray:
    """Points [N, 3] in mm of the head frame with one frame's expression, before the head moves.

    Args:
        part: the rest pose.
        depth: front of the face.
        opening: between the lips, mm.
        width: change of the mouth's width, mm.
        brow: brow raise, mm.
        blink: 0 open .. 1 shut.
        gaze: [2] yaw to the right and pitch down, rad.
    """
    p = part.means + opening * part.opening + width * part.widening
    p[:, 1] += brow * part.brow
    p[:, :2] += (1.0 - blink) * part.lid
    rides = ~np.isnan(part.ride)
    p[rides, 2] = depth(p[rides, :2]) + part.ride[rides]
    # Looking right turns -z toward +x: a negative angle about y; down is positive about x.
    turn = Rotation.from_euler("YX", [-gaze[0], gaze[1]]).as_matrix()
    for side in (-1, 1):
        center = np.array([side * faces.EYE_X, faces.EYE_Y, faces.EYE_Z])
        rows = part.eye == side
        p[rows] = (p[rows] - center) @ turn.T + center
    return p


def move(part: Part, p: np.ndarray, motion: SpeakerMotion, frame: int) -> np.ndarray:
    """Blend the motions of head, late hair and torso (linear blend skinning).

    Args:
        part: shares of the motions.
        p: [N, 3] points with the frame's expression, mm.
        motion: curves of the clip.
        frame: row of the curves.

    Returns:
        World points [N, 3], meters.
    """
    weights = blend_weights(part)
    moves = (
        (motion.head_R, motion.head_t),
        (motion.late_R, motion.late_t),
        (motion.body_R, motion.body_t),
    )
    meters = 1e-3 * p
    world = np.zeros_like(meters)
    for weight, (R, t) in zip(weights, moves, strict=True):
        world += weight[:, None] * (meters @ R[frame].T + t[frame])
    return world


def blend_weights(part: Part) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares [N] of head, late head and torso in each Gaussian's motion; they sum to 1."""
    return (1 - part.body) * (1 - part.lag), (1 - part.body) * part.lag, part.body


def pose(
    speaker: Speaker, motion: SpeakerMotion, frame: int, opening: float, width: float
) -> tuple[Posed, np.ndarray]:
    """Gaussians of a frame, and the named points [K, 3] in the world, meters.

    Args:
        speaker: the speaker in the rest pose.
        motion: curves of the clip.
        frame: row of the curves.
        opening: between the lips, mm.
        width: change of the mouth's width, mm.
    """
    face = (opening, width, motion.brow[frame], motion.blink[frame], motion.gaze[frame])
    part = speaker.part
    means = move(part, express(part, speaker.depth, *face), motion, frame)
    turns = [
        Rotation.from_matrix(R[frame]).as_quat()
        for R in (motion.head_R, motion.late_R, motion.body_R)
    ]
    turns = [np.roll(q, 1) * np.sign(q[3]) for q in turns]
    blend = sum(w[:, None] * q for w, q in zip(blend_weights(part), turns, strict=True))
    quats = quat_product(blend / np.linalg.norm(blend, axis=1, keepdims=True), part.quats)
    points = move(speaker.points, express(speaker.points, speaker.depth, *face), motion, frame)
    return Posed(means, quats, 1e-3 * part.scales), points


def quat_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product of quaternions [N, 4], wxyz: the rotation b, then a."""
    aw, av, bw, bv = a[:, :1], a[:, 1:], b[:, :1], b[:, 1:]
    vector = aw * bv + bw * av + np.cross(av, bv)
    return np.concatenate([aw * bw - np.sum(av * bv, 1, keepdims=True), vector], 1)
