"""The static stage."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from tests.support.stages import STATIC, STATIC_RESULTS
from unigs.face.mesh import CHIN
from unigs.geometry.rotations import rotation_matrix
from unigs.model.storage import load_portrait
from unigs.provenance.clip import INTENDED_USE
from unigs.render.harmonics import Y0
from unigs.stage.files import read_json
from unigs.subject.dataset import Dataset
from unigs.subject.features import HeadPoses
from unigs.subject.labels import HAIR, TORSO
from unigs.train.initial_points import start_field
from unigs.train.static import StaticTask, train_static


def test_static_stage_learns_the_subject(static_run):
    curve = pd.read_csv(static_run / "curve.csv")
    assert curve["psnr_train"].iloc[-1] > 24
    assert curve["loss"].is_monotonic_decreasing
    record = read_json(static_run / "run.json")
    assert record["settings"]["iterations"] == 120 and record["backends"]["pose"] == "test"
    assert not (static_run / "last.ckpt").exists()
    portrait = load_portrait(static_run / "portrait.safetensors")
    told = {"source": "rendered here", "license": "CC0 1.0"}
    assert record["provenance"] == portrait.meta["static"]["provenance"] == told
    assert record["intended_use"] == portrait.meta["static"]["intended_use"] == INTENDED_USE
    weights = portrait.gaussians.anchors.sigmoid()
    height = portrait.gaussians.means[:, 1]
    # What rests in the camera is low: the anchor must have found the torso.
    assert weights[height > 0.12].mean() > weights[height < 0.03].mean() + 0.3


def test_the_poses_that_the_field_was_trained_with_are_what_later_stages_read(
    files, tmp_path, monkeypatch
):
    """Refined ones, with all else of the pose file as it was."""
    turn, shift = rotation_matrix(torch.tensor([0.0, 0.02, 0.0])), torch.tensor([0.0, 0.01, 0.0])

    def refine(portrait, dataset, poses):
        poses.R, poses.t = turn @ poses.R, poses.t + shift

    monkeypatch.setattr("unigs.train.static.refine_poses", refine)
    settings = replace(STATIC, iterations=4, evaluate_every=4, refine_poses_at=0.5)
    train_static(files, *(tmp_path / name for name in STATIC_RESULTS), settings)
    before, after = (HeadPoses.read(path) for path in (files.pose, tmp_path / STATIC_RESULTS[1]))
    np.testing.assert_allclose(after.head.R, turn.numpy() @ before.head.R, atol=1e-6)
    np.testing.assert_allclose(after.head.t, before.head.t + shift.numpy(), atol=1e-6)
    np.testing.assert_array_equal(after.shape, before.shape)
    assert (after.focal, after.size) == (before.focal, before.size)


def test_the_means_alone_learn_slower_and_slower(files):
    """At the end of the schedule at a fiftieth of their first rate (3DGS)."""
    task = StaticTask(Dataset(files), STATIC, torch.device("cpu"))
    for progress in (0.0, 1.0):
        task.step(int(progress * STATIC.iterations))
        rates = {group["name"]: group["lr"] for group in task.adams[0].adam.param_groups}
        assert rates == {
            "means": pytest.approx(STATIC.lr_means * 0.02**progress),
            "log_scales": STATIC.lr_scales, "quats": STATIC.lr_quats,
            "opacities": STATIC.lr_opacities, "colors": STATIC.lr_colors,
            "harmonics": STATIC.lr_colors / 20, "anchors": STATIC.lr_anchor,
        }  # fmt: skip


def test_points_of_a_cube_fill_it_and_have_the_colors_of_their_places(files):
    """Red is the picture's column, green its row: a point's color says where it is seen."""
    dataset = Dataset(files)
    row, column = np.mgrid[0:64, 0:64]
    dataset.frames.frames[:] = np.stack([4 * column, 4 * row, 0 * row], -1)
    settings = replace(STATIC, init="cube", cube=0.1, points=4000)
    field, body = start_field(dataset, settings)
    points = field.means.detach().double()
    assert len(points) == 4000
    assert (points.amin(0) + 0.1).abs().max() < 1e-3 and (points.amax(0) - 0.1).abs().max() < 1e-3
    for axis in points.T:
        counts = torch.histc(axis, 8, -0.1, 0.1)
        assert counts.min() > 400 and counts.max() < 600
    camera = points @ body.R.double().T + body.t.double()
    seen = dataset.poses.focal * camera[:, :2] / camera[:, 2:] + 32
    inside = ((seen > 0) & (seen < 64)).all(1)
    assert inside.double().mean() > 0.8
    colors = (field.colors.detach().double() * Y0 + 0.5) * 255 / 4
    torch.testing.assert_close(colors[inside, :2] + 0.5, seen[inside], atol=0.51, rtol=0)


def test_hair_starts_with_the_head_however_far_it_hangs(files):
    """The left half of the frames shows hair, the right half cloth."""
    dataset = Dataset(files)
    dataset.labels.frames[:] = np.repeat([HAIR, TORSO], 32)
    field, body = start_field(dataset, replace(STATIC, init="cube", cube=0.2, points=2000))
    points, weights = field.means.detach(), field.anchors.detach().sigmoid()
    camera = points @ body.R.T.float() + body.t.float()
    column = dataset.poses.focal * camera[:, 0] / camera[:, 2] + 32
    chin = float(dataset.poses.shape[CHIN, 1])
    low, high = points[:, 1] > chin + 0.08, points[:, 1] < chin - 0.02
    left, right = column < 31, column > 33
    for place in (low & left, low & right, high & left, high & right):
        assert place.sum() > 50
    assert weights[low & left].max() < 0.05 and weights[high].max() < 0.05
    assert weights[low & right].min() > 0.9
