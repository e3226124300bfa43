"""What moves the field, and what may not."""

import torch

from tests.support.portraits import CONFIG, EYES, POSE, SPOKEN, portrait
from unigs.model.motion import Motion


def test_pose_shapes_leave_the_mouth_to_the_voice():
    """p drives no shape at the mouth's center, and all of it far away."""
    motion = Motion(CONFIG)
    motion.mouth.copy_(torch.tensor([0.0, 0.05, -0.07]))
    points = motion.mouth + torch.tensor([[0.0, 0, 0], [0.01, 0, 0], [0, 0.03, 0], [0, 0.2, 0]])
    gate = motion.pose_gate(points)
    assert gate[0] == 0 and gate[1] < 0.1 and 0.3 < gate[2] < 0.5 and gate[3] > 0.999
    torch.nn.init.normal_(motion.planes[0].tables)
    encoded = motion.encode(points)
    torch.testing.assert_close(encoded.pose_gate, gate)
    fixed = motion.deformation.fixed_part(encoded)
    torch.testing.assert_close(fixed.pose, encoded.planes[0] * gate[:, None])


def test_a_fresh_deformation_moves_nothing():
    still = portrait()
    audio = still.motion.hear(SPOKEN[None])[0]
    with torch.no_grad():
        moved = still(*POSE, audio, EYES).image
        canonical = still(*POSE, deform=False).image
    torch.testing.assert_close(moved, canonical, atol=2e-3, rtol=0)


def test_the_face_plane_fades_towards_its_box_and_ends_there():
    motion = Motion(CONFIG)
    plane = motion.planes[1]
    torch.nn.init.normal_(plane.tables)
    depth = torch.linspace(-0.2, 1.2, 29)
    points = torch.stack([torch.full_like(depth, 0.5), depth, torch.full_like(depth, 0.5)], 1)
    reach = plane.reach(points)
    assert motion.planes[0].reach(points) is None
    nearest = torch.minimum(depth, 1 - depth)
    torch.testing.assert_close(reach, (10 * nearest).clamp(0, 1))
    encoded = motion.encode(points)
    assert (encoded.planes[1][nearest <= 0] == 0).all() and encoded.planes[1].abs().max() > 0.1
    assert encoded.reaches[0] is None and torch.equal(encoded.reaches[1], reach)
