"""A made-up subject in the real file formats, so that the real stages can be timed on it.

What counts is the amount of work: image size, Gaussians, blended pairs, regions of a plausible
size. The frames show a few views of the portrait-like scene of `benchmarks.scenes`; landmarks,
speech and eye units are random, with a mouth that opens.
"""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch
import yaml

from benchmarks.scenes import DISTANCE, Scene, portrait
from tests.support.subject import (
    LOWER_LIP,
    subject_files,
    write_features,
    write_pictures,
    write_table,
    yaw_matrix,
)
from unigs.face.mesh import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from unigs.geometry.cameras import view_matrix
from unigs.model.anchor import Body
from unigs.model.gaussians import Gaussians
from unigs.model.portrait import Portrait, PosedField
from unigs.render.harmonics import Y0
from unigs.render.rasterize import rasterize
from unigs.settings.dynamic import DynamicSettings
from unigs.settings.static import StaticSettings
from unigs.subject.dataset import Dataset, SubjectFiles
from unigs.subject.labels import FACE, HAIR, MOUTH, TORSO
from unigs.train.dynamic import DynamicTask
from unigs.train.static import StaticTask

VARIANT = "unigs_plus"
FRAMES, VIEWS = 150, 10
WINDOW, COEFFICIENTS = 17, 13
SHIFT = (0.0, -0.09, DISTANCE)
CPU = torch.device("cpu")
CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"


def settings() -> tuple[StaticSettings, DynamicSettings]:
    """Both stages' settings of the variant that carries the product."""
    variant = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["variants"][VARIANT]
    static = StaticSettings(**variant["static"], device="cpu")
    return static, DynamicSettings(**variant["dynamic"], device="cpu")


@cache
def subject(size: int) -> Dataset:
    """The subject in images of size x size pixels; its files live as long as the process."""
    folder = tempfile.mkdtemp(prefix="unigs-benchmark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Dataset(write_subject(Path(folder), size))


def write_subject(folder: Path, size: int) -> SubjectFiles:
    """Render and write everything that training reads; images of size x size pixels."""
    files = subject_files(folder, video="video.mkv")
    yaw = 0.2 * np.sin(2 * np.pi * np.arange(FRAMES) / VIEWS)
    R = np.stack([yaw_matrix(a) for a in yaw])
    t = np.tile(np.array(SHIFT, np.float32), (FRAMES, 1))
    pictures, labels = zip(*(_view(size, R[k], t[k]) for k in range(VIEWS)), strict=True)
    pictures, labels = ([rows[k % VIEWS] for k in range(FRAMES)] for rows in (pictures, labels))
    write_pictures(files, pictures, labels, size, quality="lossless")
    write_table(files.frame_table, FRAMES)
    _write_features(files, size, R, t)
    return files


def field(count: int) -> Gaussians:
    """The scene's Gaussians as raw parameters, with anchors and harmonics of degree 1."""
    scene, g = portrait(count, 128), torch.Generator().manual_seed(2)
    return Gaussians(
        means=scene.means,
        log_scales=scene.scales.log(),
        quats=scene.quats,
        opacities=scene.opacities.clamp(0.02, 0.98).logit(),
        colors=(scene.colors - 0.5) / Y0,
        harmonics=0.1 * torch.randn(count, 3, 3, generator=g),
        anchors=((scene.means[:, 1] - 0.13) / 0.03).clamp(-3, 3),
    )


def static_portrait(dataset: Dataset, count: int) -> Portrait:
    """What the static stage of the variant would hand on."""
    plate = (dataset.plate * 255).round().astype("uint8")
    body = Body(torch.eye(3), torch.tensor(SHIFT))
    return Portrait(field(count), plate, dataset.poses.focal, dataset.fps, body, follows_body=True)


def dynamic_task(dataset: Dataset, count: int) -> DynamicTask:
    """The dynamic stage with `count` Gaussians.

    Its lip networks get few steps of their own training, which is over before the first step.
    """
    torch.manual_seed(0)
    return DynamicTask(dataset, static_portrait(dataset, count), settings()[1], CPU, lip_steps=3)


def static_task(dataset: Dataset, count: int) -> StaticTask:
    """The static stage at the end of its densification: as many Gaussians as it may have."""
    torch.manual_seed(0)
    static = settings()[0]
    task = StaticTask(dataset, static, CPU)
    task.replace_field(field(count))
    return task


def moving_portrait(dataset: Dataset, count: int) -> Portrait:
    """What the dynamic stage would hand on: the deformation is random, and moves everything."""
    made = dynamic_task(dataset, count).portrait
    torch.manual_seed(1)
    torch.nn.init.normal_(made.motion.deformation.output.weight, std=0.05)
    for plane in made.motion.planes:
        torch.nn.init.normal_(plane.tables, std=0.3)
    return made.requires_grad_(False)


def scene_of(portrait: Portrait, posed: PosedField) -> Scene:
    """A frame over black, as the renderers of the benchmarks take it."""
    splats, size = posed[0], portrait.size
    *gaussians, _ = vars(splats).values()
    return Scene(*gaussians, portrait.K, size, size, torch.zeros(splats.colors.shape[1]))


def _view(size: int, R: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Picture [H,W,3] and label image [H,W] of a coarse portrait, uint8."""
    scene = portrait(3_000, size)
    scene.viewmat = view_matrix(torch.from_numpy(R), torch.from_numpy(t))
    scene.background = torch.full((3,), 0.5)
    image, alpha, _ = rasterize(*scene.arguments())
    y, x = np.mgrid[0:size, 0:size] / size
    label = np.where(y > 0.55, TORSO, HAIR)
    label[((x - 0.5) / 0.15) ** 2 + ((y - 0.35) / 0.2) ** 2 < 1] = FACE
    label[((x - 0.5) / 0.05) ** 2 + ((y - 0.45) / 0.025) ** 2 < 1] = MOUTH
    label[alpha[..., 0].numpy() < 0.5] = 0
    return (image.clamp(0, 1) * 255).round().byte().numpy(), label.astype(np.uint8)


def _write_features(files: SubjectFiles, size: int, R: np.ndarray, t: np.ndarray) -> None:
    """Poses, landmarks, speech and eyes."""
    rng = np.random.default_rng(0)
    shape = rng.uniform(-1, 1, (468, 3)) * (0.07, 0.1, 0.03) - (0, 0, 0.06)
    wander = 0.005 * np.sin(np.arange(FRAMES) * 0.3)[:, None] * np.array([1.0, 0.3, 0.0])
    points = np.zeros((478, 3))
    points[:, :2] = rng.uniform((0.36, 0.2), (0.64, 0.5), (478, 2))
    for group, x in (((*RIGHT_EYE, *RIGHT_BROW), 0.43), ((*LEFT_EYE, *LEFT_BROW), 0.57)):
        points[list(group), :2] = (x, 0.3) + rng.uniform(-0.03, 0.03, (len(group), 2))
    points = np.repeat(size * points[None], FRAMES, 0)
    opening = np.abs(np.sin(np.arange(FRAMES) * 0.7))
    points[:, LOWER_LIP, 1] += 0.05 * size * opening[:, None]
    points += rng.normal(0, 1e-3 * size, points.shape)
    speech = rng.normal(0, 0.2, (FRAMES, WINDOW, COEFFICIENTS))
    speech[:, WINDOW // 2] += (opening - opening.mean())[:, None]
    write_features(
        files, FRAMES, size=size, focal=2.0 * size, head=(R, t), shape=shape,
        torso=(np.tile(np.eye(3, dtype=np.float32), (FRAMES, 1, 1)), t + wander),
        outline=rng.normal(0, 0.005, (FRAMES, 2)), points=points, speech=speech,
        eyes=rng.uniform(0, 5, (FRAMES, 7)), backend="made up",
    )  # fmt: skip
