"""The field before the first step of training."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree

from unigs.face.mesh import CHIN, LIPS_INNER
from unigs.geometry.cameras import intrinsics, project
from unigs.model.anchor import Body, mean_pose
from unigs.model.gaussians import Gaussians
from unigs.settings.static import StaticSettings
from unigs.subject.dataset import Dataset
from unigs.subject.labels import BACKGROUND, FACE, HAIR, MOUTH, TORSO
from unigs.subject.series import evenly_spaced

PICTURE_MARGIN = 1.1
"""Width of the box of start points over that of the picture: the border is filled when the head
moves."""
DEPTH = (-0.07, 0.13)
"""Depths relative to the head's center between which hair, neck and shoulders lie, meters."""
PERSON_SHARE = 0.3
"""Least share of frames that show the person where a start point projects."""
ANCHOR_BELOW_CHIN = 0.03
"""Distance below the chin at which the anchors' initial weight is one half, meters."""
ANCHOR_SOFTNESS = 0.015
"""Distance over which the anchors' initial logits rise by one, meters."""
ANCHOR_LIMIT = 3.0
"""Largest absolute value of the anchors' initial logits."""
MOUTH_DEPTH = (0.005, 0.03)
"""Distances behind the lips between which Gaussians of the mouth's interior start, meters."""
MOUTH_COLOR = (0.16, 0.07, 0.07)
"""Initial RGB of the mouth's interior, in [0,1]."""
SAMPLE = 64
"""Training frames that say which part is where, and which color."""
FEWEST_POINTS = 50
"""Number of start points below which a layer cannot be learned."""


def start_field(dataset: Dataset, settings: StaticSettings) -> tuple[Gaussians, Body]:
    """The field before the first step, and the body's frame at rest.

    Random points (eq. 3's random cloud), optionally some on the face mesh and inside the mouth.
    """
    generator = np.random.default_rng(settings.seed)
    head, shape = dataset.performance.head[dataset.train], dataset.poses.shape
    body = mean_pose(torch.from_numpy(head.R), torch.from_numpy(head.t))
    on_mesh = int(settings.points * settings.mesh_share)
    free = settings.points - on_mesh
    if settings.init == "cube":
        points = generator.uniform(-settings.cube, settings.cube, (free, 3))
    else:
        points = frustum_points(dataset, body, free, generator, spare_face=on_mesh > 0)
    points = np.concatenate([points, mesh_points(shape, on_mesh, generator)])
    colors = picture_colors(dataset, body, points)
    if settings.mouth_points:
        inside = mouth_points(shape, settings.mouth_points, generator)
        points = np.concatenate([points, inside])
        colors = np.concatenate([colors, np.tile(MOUTH_COLOR, (len(inside), 1))])
    cloud = torch.from_numpy(points).float()
    spacing = cKDTree(points).query(points, 4)[0][:, 1:].mean(1)
    anchors = start_anchors(dataset, body, points) if settings.anchor else None
    field = Gaussians.from_points(
        cloud,
        torch.from_numpy(spacing) * 0.75,
        torch.from_numpy(colors),
        settings.sh_degree,
        anchors=anchors,
    )
    return field, body


def start_anchors(dataset: Dataset, body: Body, points: np.ndarray) -> torch.Tensor:
    """Logits [N] of the anchors' weights at start points [N,3].

    They rise from head to torso below the chin. Hair starts with the head however far it hangs.
    """
    chin = dataset.poses.shape[CHIN, 1]
    height = (points[:, 1] - chin - ANCHOR_BELOW_CHIN) / ANCHOR_SOFTNESS
    labels = _sampled_labels(dataset)
    row, column = _pixels(dataset, body, points)
    person, hair = (labels != BACKGROUND).sum(0), (labels == HAIR).sum(0)
    hangs = 2 * hair[row, column] > person[row, column]
    logits = np.where(hangs, -ANCHOR_LIMIT, height).clip(-ANCHOR_LIMIT, ANCHOR_LIMIT)
    return torch.from_numpy(logits).float()


def frustum_points(
    dataset: Dataset, body: Body, count: int, generator: np.random.Generator, spare_face: bool
) -> np.ndarray:
    """Uniform points [count,3] in the box seen at the head's depth, where the person mostly is."""
    person, face = _mean_masks(dataset)
    depth = float(body.t[2])
    half = dataset.size / 2 / dataset.poses.focal * depth * PICTURE_MARGIN
    chosen = np.zeros((0, 3))
    while len(chosen) < count:
        z = generator.uniform(*DEPTH, 4 * count)
        xy = generator.uniform(-1, 1, (4 * count, 2)) * half * (1 + z[:, None] / depth)
        camera = np.column_stack([xy, z + depth])
        points = (camera - body.t.numpy()) @ body.R.numpy()
        row, column = _pixels(dataset, body, points)
        good = person[row, column] > PERSON_SHARE
        if spare_face:
            good &= face[row, column] < 0.7
        chosen = np.concatenate([chosen, points[good]])
        if not good.any():
            raise ValueError("the person mask is empty: look at the label video")
    return chosen[:count]


def mesh_points(shape: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Points [count,3] on the face mesh [468,3], on lines between neighboring vertices."""
    if not count:
        return np.zeros((0, 3))
    neighbors = cKDTree(shape).query(shape, 6)[1][:, 1:]
    first = generator.integers(0, len(shape), count)
    second = neighbors[first, generator.integers(0, neighbors.shape[1], count)]
    share = generator.random((count, 1))
    return shape[first] * share + shape[second] * (1 - share)


def mouth_points(shape: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Points [count,3] in a small box behind the inner lips of the face mesh [468,3]."""
    lips = shape[list(LIPS_INNER)]
    low, high = lips.min(0), lips.max(0)
    unit = generator.random((count, 3))
    points = low + unit * (high - low)
    # The closed lips are a line: a mouth opens by about a third of its width.
    opening = (high[0] - low[0]) / 3
    points[:, 1] = lips[:, 1].mean() + (unit[:, 1] - 0.4) * opening
    points[:, 2] = high[2] + MOUTH_DEPTH[0] + unit[:, 2] * (MOUTH_DEPTH[1] - MOUTH_DEPTH[0])
    return points


def picture_colors(dataset: Dataset, body: Body, points: np.ndarray) -> np.ndarray:
    """Color [N,3] of the mean of up to `SAMPLE` training frames where each point projects."""
    sample = evenly_spaced(dataset.train, SAMPLE)
    mean = np.mean([dataset.frames[k] for k in sample], axis=0) / 255
    row, column = _pixels(dataset, body, points)
    return mean[row, column]


def split_field(dataset: Dataset, body: Body, field: Gaussians) -> list[Gaussians]:
    """The start points of one field, divided into those of the head and those of the torso.

    A point belongs to the torso where the training frames show the torso more often than the head
    at the place that it projects to at rest. So both fields start from the points of the one.

    Args:
        dataset: frames and regions.
        body: the body's frame at rest.
        field: the start points.

    Raises:
        ValueError: the label video shows hardly any torso, or hardly any head.
    """
    labels = _sampled_labels(dataset)
    torso = (labels == TORSO).mean(0)
    lower = torso > (labels != BACKGROUND).mean(0) - torso
    row, column = _pixels(dataset, body, field.means.detach().numpy())
    behind = torch.from_numpy(lower[row, column])
    for name, mask in (("torso", behind), ("head", ~behind)):
        if int(mask.sum()) < FEWEST_POINTS:
            raise ValueError(
                f"only {int(mask.sum())} start points lie in the {name}, too few for fields that "
                "are separate: take more points, or fields one"
            )
    return [field.part(~behind), field.part(behind)]


def _mean_masks(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Share of training frames in which a pixel is person, and is face or mouth, [H,W] each."""
    labels = _sampled_labels(dataset)
    return (labels != BACKGROUND).mean(0), ((labels == FACE) | (labels == MOUTH)).mean(0)


def _sampled_labels(dataset: Dataset) -> np.ndarray:
    """Labels [n,H,W] of up to `SAMPLE` training frames."""
    return np.stack([dataset.labels[k] for k in evenly_spaced(dataset.train, SAMPLE)])


def _pixels(dataset: Dataset, body: Body, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column [N] where points project at rest, limited to the image."""
    K = intrinsics(dataset.poses.focal, dataset.size)
    pixels = project(torch.from_numpy(points).float(), body.R, body.t, K).numpy()
    pixels = np.clip(np.floor(pixels), 0, dataset.size - 1).astype(int)
    return pixels[:, 1], pixels[:, 0]
