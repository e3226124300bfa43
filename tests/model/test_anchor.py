"""The anchor: what rests with the body and what follows the head."""

import pytest
import torch
from scipy.spatial.transform import Rotation

from tests.support.portraits import POSE, rotations
from unigs.geometry.rotations import quaternion, quaternion_product
from unigs.model.anchor import Body, anchored, mean_pose


def test_mean_pose_of_turns_about_one_axis_is_the_middle_turn():
    R = torch.from_numpy(
        Rotation.from_euler("y", [[-10], [0], [40]], degrees=True).as_matrix()
    ).float()
    body = mean_pose(R, torch.tensor([[0.0, 0, 1], [0, 0, 2], [0, 0, 3]]))
    yaw = Rotation.from_matrix(body.R.numpy()).as_euler("yxz", degrees=True)[0]
    assert yaw == pytest.approx(10, abs=0.5)
    assert body.t.tolist() == [0, 0, 2]


def test_anchor_weight_one_rests_in_the_camera_and_zero_follows_the_head():
    """With weight 1 the camera position does not depend on the head's pose at all."""
    means, quats = torch.randn(5, 3) * 0.1, torch.randn(5, 4)
    body = Body(rotations(1, 7, 0.3)[0], torch.tensor([0.0, 0.1, 0.7]))
    R, t = POSE
    resting, turned = anchored(means, quats, torch.ones(5), R, t, body)
    torch.testing.assert_close(resting @ R.T + t, means @ body.R.T + body.t, atol=1e-6, rtol=0)
    in_camera = quaternion_product(quaternion(R), turned)
    expected = quaternion_product(quaternion(body.R), quats)
    cosine = torch.cosine_similarity(in_camera, expected).abs()
    torch.testing.assert_close(cosine, torch.ones(5), atol=1e-5, rtol=0)
    same, unturned = anchored(means, quats, torch.zeros(5), R, t, body)
    assert torch.equal(same, means) and torch.equal(unturned, quats)
