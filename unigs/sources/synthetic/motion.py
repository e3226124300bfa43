"""How the speaker moves: head, torso, late hair, blinks, brows and gaze, as smooth curves of time.

World: the head frame of the rest pose (x right, y down, z away from the camera), meters, radians.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

NECK = np.array([0.0, 0.090, 0.025])
"""Point that the head turns about."""
HIP = np.array([0.0, 0.480, 0.045])
"""Point that the torso sways about."""
BLINK_CLOSE, BLINK_HOLD, BLINK_OPEN = 0.08, 0.05, 0.11
"""Seconds that the lids close, stay shut, and open."""


@dataclass
class SpeakerMotion:
    """Curves with T rows. A rigid motion (R, t) takes rest points to the world: R x + t."""

    head_R: np.ndarray
    """Rotation of the head [T, 3, 3]."""
    head_t: np.ndarray
    """Translation of the head [T, 3], m."""
    late_R: np.ndarray
    """Rotation of the head as hanging hair follows it [T, 3, 3]."""
    late_t: np.ndarray
    """Translation of the head as hanging hair follows it [T, 3], m."""
    body_R: np.ndarray
    """Rotation of the torso [T, 3, 3]."""
    body_t: np.ndarray
    """Translation of the torso [T, 3], m."""
    blink: np.ndarray
    """Lid closure [T], 0 open .. 1 shut."""
    brow: np.ndarray
    """Brow raise [T], mm."""
    gaze: np.ndarray
    """Yaw to the right and pitch down of the eyeballs in the head [T, 2], rad."""


def wander(
    time: np.ndarray, low: float, high: float, rng: np.random.Generator, waves: int = 12
) -> np.ndarray:
    """Smooth random curve of time [T], band-limited to low..high Hz, with values within -1..1."""
    frequency = rng.uniform(low, high, waves)
    phase = rng.uniform(0.0, 2 * np.pi, waves)
    weight = rng.uniform(0.4, 1.0, waves)
    curve = np.sin(2 * np.pi * np.outer(time, frequency) + phase) @ (
        weight / np.linalg.norm(weight)
    )
    return np.tanh(0.9 * curve)


def blink_times(seconds: float, interval: float, rng: np.random.Generator) -> np.ndarray:
    """Starts of blinks [B], s: irregular, with one in the last eleventh of the clip.

    The last eleventh is the usual test part of a talking-head clip, and a test needs a blink.
    """
    forced = max(seconds * (10.0 / 11.0) + 0.3 * seconds / 11.0, 0.0)
    times, now = [], rng.uniform(0.4, 1.4)
    while now < seconds:
        times.append(now)
        now += interval * rng.uniform(0.6, 1.4)
    return np.sort(np.array([t for t in times if abs(t - forced) > 0.8] + [forced]))


def blink_curve(time: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Lid closure [T] in 0..1: cosine ramps down, a short hold, a slower ramp up."""
    shut = np.zeros(len(time))
    for start in starts:
        s = time - start
        closing = np.clip(s / BLINK_CLOSE, 0.0, 1.0)
        opening = np.clip((s - BLINK_CLOSE - BLINK_HOLD) / BLINK_OPEN, 0.0, 1.0)
        shut = np.maximum(shut, 0.5 * (np.cos(np.pi * opening) - np.cos(np.pi * closing)))
    return np.clip(shut, 0.0, 1.0)


def follow_late(
    values: np.ndarray, step: float, hertz: float = 1.4, damping: float = 0.45
) -> np.ndarray:
    """Curves as a damped spring follows them, at rest on the first row.

    Args:
        values: curves [T, D].
        step: time between rows, s.
        hertz: natural frequency of the spring.
        damping: ratio to critical damping.

    Returns:
        [T, D].
    """
    omega = 2 * np.pi * hertz
    position, speed = values[0].copy(), np.zeros(values.shape[1])
    out = np.empty_like(values)
    parts = max(1, int(np.ceil(step * 200)))
    for k, goal in enumerate(values):
        before = values[max(k - 1, 0)]
        for j in range(1, parts + 1):
            target = before + (goal - before) * j / parts
            force = omega**2 * (target - position) - 2 * damping * omega * speed
            speed = speed + force * step / parts
            position = position + speed * step / parts
        out[k] = position
    return out


def about(center: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Translation [T, 3] that makes rotations [T, 3, 3] turn about `center`."""
    return center - rotation @ center


def make_motion(
    time: np.ndarray,
    seconds: float,
    head: float,
    torso: float,
    sway: float,
    blink_interval: float,
    rng: np.random.Generator,
) -> SpeakerMotion:
    """All curves for the frames at `time` [T].

    Args:
        time: [T] s.
        seconds: length of the clip.
        head: largest yaw in degrees.
        torso: scale of the torso's motion.
        sway: 0..1, how late hanging hair follows.
        blink_interval: mean time between blinks, s.
        rng: source of the random curves.
    """
    yaw, pitch, roll = (wander(time, 0.06, f, rng) for f in (0.42, 0.5, 0.35))
    turn = np.radians(head) * np.column_stack([0.5 * pitch - 0.03, yaw, 0.33 * roll])
    push = np.column_stack([wander(time, 0.05, 0.4, rng) for _ in range(3)]) * [2e-3, 1e-3, 5e-3]
    lean = np.column_stack([wander(time, 0.04, 0.25, rng) for _ in range(3)])
    lean = torso * np.radians([1.0, 1.6, 0.8]) * lean
    slide = np.column_stack([wander(time, 0.04, 0.22, rng) for _ in range(3)]) * [6e-3, 1e-3, 8e-3]
    breath = 1.3e-3 * np.sin(2 * np.pi * 0.27 * time + rng.uniform(0, 6))
    slide = torso * (slide + breath[:, None] * [0.0, 1.0, -0.6])

    body_R = Rotation.from_rotvec(lean).as_matrix()
    body_t = about(HIP, body_R) + slide

    def on_body(turns: np.ndarray, shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        R = Rotation.from_rotvec(turns).as_matrix()
        t = about(NECK, R) + shifts
        return body_R @ R, np.einsum("tij,tj->ti", body_R, t) + body_t

    rate = time[1] - time[0] if len(time) > 1 else 0.04
    late = follow_late(np.column_stack([turn, push]), rate)
    late = (1 - sway) * np.column_stack([turn, push]) + sway * late
    late[:, 2] += sway * np.radians(0.7) * wander(time, 0.2, 0.6, rng)
    head_R, head_t = on_body(turn, push * min(1.0, head / 5.0))
    late_R, late_t = on_body(late[:, :3], late[:, 3:] * min(1.0, head / 5.0))
    raise_brow = 6.0 * np.clip(wander(time, 0.1, 0.7, rng), 0.0, 1.0)
    look = np.column_stack([wander(time, 0.1, 0.6, rng), wander(time, 0.1, 0.5, rng)])
    gaze = -0.7 * np.column_stack([turn[:, 1], -turn[:, 0]]) + np.radians([3.0, 2.0]) * look
    return SpeakerMotion(
        head_R, head_t, late_R, late_t, body_R, body_t,
        blink=blink_curve(time, blink_times(seconds, blink_interval, rng)),
        brow=raise_brow, gaze=gaze,
    )  # fmt: skip
