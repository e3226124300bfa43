"""Head poses refined through the rasterizer."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from tests.support.portraits import pictures
from tests.support.subject import FRAMES
from unigs.geometry.rotations import rotation_matrix
from unigs.model.storage import load_portrait
from unigs.stage.files import load_npz
from unigs.subject.dataset import Dataset
from unigs.train.pose_fit import PoseWindow
from unigs.train.poses import PoseTensors
from unigs.train.refine_poses import HeadFit, refine_poses


def test_refined_poses_come_nearer_to_the_truth(files, static_run):
    """PoseTensors that drift by some millimeters are pulled back by the field, inside the head."""
    dataset = Dataset(files)
    portrait = load_portrait(static_run / "portrait.safetensors")
    poses = PoseTensors(dataset.performance, torch.device("cpu"))
    truth = poses.t.clone()
    phase = torch.arange(FRAMES)[:, None] * torch.tensor([0.31, 0.23, 0.0])
    poses.t = truth + 0.004 * torch.sin(phase)
    points = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 0.03

    def seen(R: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Where points of the head appear in each frame, pixels [T,50,2]."""
        camera = points @ R.transpose(1, 2) + t[:, None]
        return camera[..., :2] / camera[..., 2:] * dataset.poses.focal

    expected = seen(poses.R, truth)
    before = (seen(poses.R, poses.t) - expected).norm(dim=-1).mean()
    refine_poses(portrait, dataset, poses)
    after = (seen(poses.R, poses.t) - expected).norm(dim=-1).mean()
    assert after < 0.6 * before
    assert len(load_npz(static_run / "pose.npz", "R", "t", "focal")["R"]) == FRAMES


@pytest.fixture
def rendered(files, static_run):
    """A data set whose frames are the field's own pictures, the portrait, and the true poses."""
    dataset = Dataset(files)
    portrait = load_portrait(static_run / "portrait.safetensors")
    truth = PoseTensors(dataset.performance, torch.device("cpu"))
    dataset.frames = pictures(portrait, truth)
    return dataset, portrait, truth


def drifted(dataset):
    """Poses that wander slowly by half a degree and some millimeters around the true ones."""
    poses = PoseTensors(dataset.performance, torch.device("cpu"))
    phase = torch.arange(FRAMES)[:, None]
    poses.R = rotation_matrix(0.008 * torch.sin(phase * torch.tensor([0.05, 0.04, 0.06]))) @ poses.R
    poses.t = poses.t + 0.003 * torch.sin(phase * torch.tensor([0.07, 0.05, 0.0]))
    return poses


def test_no_pose_that_is_trained_with_depends_on_a_test_frame(rendered):
    """Corrections are smoothed in time, and each frame begins at its neighbor's."""
    dataset, portrait, _ = rendered
    first, again = drifted(dataset), drifted(dataset)
    refine_poses(portrait, dataset, first)
    for frame in dataset.test:
        dataset.frames[frame] = 255 - dataset.frames[frame]
    refine_poses(portrait, dataset, again)
    for one, other in ((first.R, again.R), (first.t, again.t)):
        assert torch.equal(one[dataset.train], other[dataset.train])
        assert not torch.equal(one[dataset.test], other[dataset.test])


def degrees(a, b):
    """Angles between rotations [T,3,3]."""
    return Rotation.from_matrix(a.double() @ b.double().mT).magnitude() * 180 / np.pi


def test_known_offsets_are_recovered(rendered, monkeypatch):
    """Where the field made the frames itself, nothing but the pose differs.

    So small a picture says little about turns: the prior for the landmarks' pose is left out.
    """
    monkeypatch.setattr("unigs.train.pose_fit.PRIOR", 1e-6)
    dataset, portrait, truth = rendered
    poses = drifted(dataset)
    refine_poses(portrait, dataset, poses)
    assert degrees(drifted(dataset).R, truth.R).max() > 0.5
    assert np.median(degrees(poses.R, truth.R)) < 0.05
    assert (poses.t - truth.t).norm(dim=1).median() < 1e-4


def test_a_jacobian_that_serves_again_finds_the_same_poses(rendered, monkeypatch):
    """Reference: a fresh Jacobian for every step, until nothing moves."""
    dataset, portrait, _ = rendered
    ours, reference = drifted(dataset), drifted(dataset)
    refine_poses(portrait, dataset, ours)
    for name, value in {"JACOBIAN_REACH": 0.0, "SMALL_STEP": 0.01, "STEPS": 12}.items():
        monkeypatch.setattr(f"unigs.train.pose_fit.{name}", value)
    refine_poses(portrait, dataset, reference)
    assert np.percentile(degrees(ours.R, reference.R), 95) < 0.05
    assert (ours.t - reference.t).norm(dim=1).quantile(0.95) < 3e-4


def test_a_pose_that_fits_costs_one_jacobian(rendered, monkeypatch):
    """One picture at the start, six for the Jacobian, one that shows that nothing moves."""
    dataset, portrait, truth = rendered
    fit, pictures, render = HeadFit(portrait, dataset, truth), [], PoseWindow.render
    monkeypatch.setattr(PoseWindow, "render", lambda *args: pictures.append(args) or render(*args))
    assert np.abs(fit.correction(20, np.zeros(6))).max() < 0.5
    assert len(pictures) == 8
