"""The torso's motion refined through the rasterizer."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from tests.support.portraits import pictures
from tests.support.stages import STATIC, STATIC_RESULTS
from tests.support.subject import FRAMES
from unigs.geometry.rotations import rotation_matrix
from unigs.model.anchor import Body
from unigs.model.storage import load_portrait
from unigs.stage.errors import UserError
from unigs.subject.dataset import Dataset
from unigs.subject.features import TorsoMotion
from unigs.subject.labels import HAIR
from unigs.train.poses import PoseTensors
from unigs.train.refine_torso import TorsoFit, moved, refine_torso
from unigs.train.static import train_static


def test_a_body_turns_about_its_pivot():
    """The pivot moves by the shift alone; a point beside it moves as SciPy turns it."""
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(4, 3, generator=generator)
    body = Body(rotation_matrix(vectors[:1])[0], torch.tensor([0.1, 0.2, 1.0]))
    turn, shift, pivot = rotation_matrix(vectors[1:2])[0], vectors[2], vectors[3]
    R, t = moved(body, turn, shift, pivot)
    place = body.R @ pivot + body.t
    torch.testing.assert_close(R @ pivot + t, place + shift)
    arm = torch.tensor([0.3, -0.1, 0.2])
    turned = Rotation.from_matrix(turn.double().numpy()).apply((body.R @ arm).double().numpy())
    expected = (place + shift).double() + torch.from_numpy(turned)
    torch.testing.assert_close((R @ (pivot + arm) + t).double(), expected, atol=1e-5, rtol=1e-5)


@pytest.fixture
def rendered(files, static_run):
    """A portrait that follows its torso, frames that it rendered itself, and their true poses.

    The torso turns about all axes and leans.
    """
    dataset = Dataset(files)
    portrait = load_portrait(static_run / "portrait.safetensors")
    portrait.follows_body = True
    truth = PoseTensors(dataset.performance, torch.device("cpu"))
    phase = torch.arange(FRAMES)[:, None]
    turn = rotation_matrix(0.03 * torch.sin(phase * torch.tensor([0.05, 0.04, 0.06])))
    shift = 0.004 * torch.sin(phase * torch.tensor([0.06, 0.05, 0.03]))
    pivot = TorsoFit(portrait, dataset, truth).pivot.float()
    truth.torso = Body(*moved(truth.torso, turn, shift, pivot), truth.torso.outline)
    dataset.frames = pictures(portrait, truth)
    return dataset, portrait, truth, pivot


def registered(truth):
    """What a registration in the image plane would say: the shift, and neither turn nor lean."""
    flat = truth.torso.t.clone()
    flat[:, 2] = flat[0, 2]
    return Body(truth.torso.R[:1].expand(FRAMES, 3, 3).clone(), flat, truth.torso.outline)


def error(dataset, poses, truth, pivot):
    """Median distance in pixels between where points of the torso are and where they should be."""
    spread = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
    points = pivot + spread * torch.tensor([0.06, 0.03, 0.02])

    def seen(body):
        camera = points @ body.R.transpose(1, 2) + body.t[:, None]
        return camera[..., :2] / camera[..., 2:] * dataset.poses.focal

    return float((seen(poses.torso) - seen(truth.torso)).norm(dim=-1).median())


def test_turns_and_leaning_that_registration_cannot_see_are_found(rendered, monkeypatch):
    """So small a picture says little about turns: the prior for the registration is left out."""
    monkeypatch.setattr("unigs.train.pose_fit.PRIOR", 1e-6)
    dataset, portrait, truth, pivot = rendered
    poses = PoseTensors(dataset.performance, torch.device("cpu"))
    poses.torso = registered(truth)
    heads, before = poses.R.clone(), error(dataset, poses, truth, pivot)
    refine_torso(portrait, dataset, poses)
    assert error(dataset, poses, truth, pivot) < 0.2 * before
    assert torch.equal(poses.R, heads)
    torch.testing.assert_close(
        poses.torso.R @ poses.torso.R.mT, torch.eye(3).expand(FRAMES, 3, 3), atol=1e-5, rtol=0
    )


def test_a_torso_that_was_not_followed_is(rendered, monkeypatch):
    """Where hair covers most of it, registration leaves it at rest."""
    monkeypatch.setattr("unigs.train.pose_fit.PRIOR", 1e-6)
    dataset, portrait, truth, pivot = rendered
    poses = PoseTensors(dataset.performance, torch.device("cpu"))
    R, t = (x[:1].expand_as(x).clone() for x in (truth.torso.R, truth.torso.t))
    poses.torso = Body(R, t, truth.torso.outline)
    before = error(dataset, poses, truth, pivot)
    refine_torso(portrait, dataset, poses)
    assert error(dataset, poses, truth, pivot) < 0.2 * before


def test_where_no_torso_is_seen_nothing_moves(rendered):
    dataset, portrait, truth, _ = rendered
    dataset.labels = np.full((FRAMES, dataset.size, dataset.size), HAIR, np.uint8)
    poses = PoseTensors(dataset.performance, torch.device("cpu"))
    poses.torso = truth.torso
    refine_torso(portrait, dataset, poses)
    torch.testing.assert_close(poses.torso.R, truth.torso.R, atol=1e-6, rtol=0)
    torch.testing.assert_close(poses.torso.t, truth.torso.t, atol=1e-6, rtol=0)


def test_later_stages_read_the_motion_that_the_field_was_trained_with(files, tmp_path, monkeypatch):
    """Refined once, before the heads, with all else of the motion's file as it was."""
    calls, shift = [], torch.tensor([0.0, 0.01, 0.0])

    def refine(portrait, dataset, poses):
        calls.append("torso")
        poses.torso = replace(poses.torso, t=poses.torso.t + shift)

    monkeypatch.setattr("unigs.train.static.refine_poses", lambda *_: calls.append("head"))
    monkeypatch.setattr("unigs.train.static.refine_torso", refine)
    settings = replace(
        STATIC, iterations=4, evaluate_every=4, refine_poses_at=0.5, refine_torso=True
    )
    outputs = [tmp_path / name for name in STATIC_RESULTS]
    train_static(files, *outputs, settings, motion=tmp_path / "still.npz")
    assert calls == ["head"]  # follow_body is off
    settings = replace(settings, follow_body=True)
    train_static(files, *outputs, replace(settings, anchor=False))
    assert calls == ["head", "head"]  # nothing is anchored to the torso
    train_static(files, *outputs, settings, motion=tmp_path / "motion.npz")
    assert calls == ["head", "head", "torso", "head"]
    before, still, after = (
        TorsoMotion.read(path)
        for path in (files.body, tmp_path / "still.npz", tmp_path / "motion.npz")
    )
    np.testing.assert_allclose(after.torso.t, before.torso.t + shift.numpy(), atol=1e-6)
    np.testing.assert_array_equal(after.torso.R, before.torso.R)
    np.testing.assert_array_equal(after.outline, before.outline)
    np.testing.assert_array_equal(still.torso.t, before.torso.t)


def test_a_refined_torso_is_not_lost(files, tmp_path):
    """Later stages would read the motion of before beside a field of the refined one."""
    outputs = [tmp_path / name for name in STATIC_RESULTS]
    settings = replace(STATIC, refine_poses_at=0.5, refine_torso=True, follow_body=True)
    with pytest.raises(UserError, match="later stages need: give --motion"):
        train_static(files, *outputs, settings)
    assert not list(tmp_path.iterdir())


def test_a_motion_cannot_be_written_of_a_torso_that_was_not_tracked(files, tmp_path):
    outputs = [tmp_path / name for name in STATIC_RESULTS]
    settings = replace(STATIC, iterations=2, evaluate_every=2)
    with pytest.raises(UserError, match="where it was tracked: give --body"):
        train_static(replace(files, body=None), *outputs, settings, motion=tmp_path / "motion.npz")
