"""The portrait: anchor, deformation, normalisation, storage."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from unigs.geometry.rotations import quaternion, quaternion_product, rotation_vector
from unigs.model.anchor import Body, anchored, mean_pose
from unigs.model.conditions import ZScore, body_vector
from unigs.model.deformation import DeformationNet, Encoded, parse_attributes
from unigs.model.gaussians import Gaussians
from unigs.model.motion import Motion
from unigs.model.portrait import Portrait
from unigs.model.storage import load_portrait, save_portrait
from unigs.playback.cues import cues
from unigs.playback.play import Playback
from unigs.playback.torch_player import GPU_PRECISION, TorchPlayer
from unigs.stage.errors import UserError
from unigs.subject.performance import Performance
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory

SPEECH = {"window": 9, "dim": 5, "feature_dim": 6, "lip_dim": 2, "members": 3, "hidden": 4}
PLANE = {"n_levels": 3, "features": 2, "base": 4, "finest": 8, "log2_entries": 12}
CONFIG = {
    "deform": "position,scale,rotation,color,opacity",
    "hidden": 64,
    "position_scale": 0.01,
    "other_scale": 0.1,
    "planes": [PLANE, {**PLANE, "fade": True}],
    "speech": SPEECH,
    "lip_code": True,
    "eyes": 6,
    "pose_input": True,
    "body_input": True,
    "blendshapes": True,
    "pose_blendshapes": True,
}


def rotations(count: int, seed: int = 0, limit: float = 3.0) -> torch.Tensor:
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    vectors *= np.linspace(1e-6, limit, count)[:, None] / np.linalg.norm(vectors, axis=1)[:, None]
    return torch.from_numpy(Rotation.from_rotvec(vectors).as_matrix()).float()


def field(count: int = 60, anchors: bool = True) -> Gaussians:
    torch.manual_seed(0)
    return Gaussians.from_points(
        torch.randn(count, 3) * 0.05,
        torch.full((count,), 0.01),
        torch.rand(count, 3),
        sh_degree=1,
        opacity=0.6,
        anchors=torch.linspace(-3, 3, count) if anchors else None,
    )


def portrait(motion: bool = True) -> Portrait:
    torch.manual_seed(1)
    plate = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
    body = Body(torch.eye(3), torch.tensor([0.0, 0.0, 0.6]))
    made = Motion(CONFIG) if motion else None
    if made:
        for plane in made.planes:
            plane.low.fill_(-0.15)
            plane.high.fill_(0.15)
    return Portrait(field(), plate, 96.0, 25.0, body, made, {"static": {"seconds": 3}})


POSE = rotations(1, seed=3, limit=0.2)[0], torch.tensor([0.01, 0.0, 0.58])
SPOKEN = torch.randn(9, 5, generator=torch.Generator().manual_seed(0))
EYES = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])


def test_rotation_vector_agrees_with_scipy():
    R = rotations(40)
    expected = Rotation.from_matrix(R.numpy()).as_rotvec()
    np.testing.assert_allclose(rotation_vector(R).numpy(), expected, atol=2e-4)


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


def test_zscore_normalises_keeps_constants_and_limits_strangers():
    norm = ZScore.of(np.array([[0.0, 7.0], [2.0, 7.0], [4.0, 7.0]]))
    torch.testing.assert_close(norm(torch.tensor([4.0, 7.0])), torch.tensor([1.0, 0.0]))
    assert norm(torch.tensor([1000.0, 7.0]))[0] == ZScore.LIMIT
    wide = ZScore.of(np.array([[0.0], [2.0], [4.0]]), limit=12.0)
    assert wide(torch.tensor([1000.0]))[0] == 12.0


def test_split_first_layer_equals_the_concatenation_of_the_paper():
    torch.manual_seed(0)
    net = DeformationNet(12, 7, ("position", "scale"), hidden=16)
    torch.nn.init.normal_(net.output.weight)
    features, conditions = torch.randn(9, 12), torch.randn(7)
    joined = torch.cat([features, conditions.expand(9, 7)], 1)
    weight = torch.cat([net.input_features.weight, net.input_conditions.weight], 1)
    hidden = torch.relu(joined @ weight.T + net.input_features.bias)
    expected = net.output(torch.relu(net.hidden(hidden)))
    encoded = Encoded([features[:, :8], features[:, 8:]])
    torch.testing.assert_close(net(encoded, conditions), expected)
    bias = net.input_conditions(conditions)
    torch.testing.assert_close(net.per_frame(net.fixed_part(encoded), bias), expected)


def test_shapes_are_linear_in_their_coefficients_and_stay_in_their_features():
    """Two lips' shapes on the last 3 features, four pose shapes on the first 5, MLP at zero."""
    torch.manual_seed(0)
    net = DeformationNet(8, 7, ("position",), 16, face_shapes=2, face_features=3, pose_shapes=4,
                         pose_features=5)  # fmt: skip
    features, conditions = Encoded([torch.randn(9, 5), torch.randn(9, 3)]), torch.randn(7)
    for k in range(6):
        one = torch.nn.functional.one_hot(torch.tensor(k), 6).float()
        moved = net(features, conditions, one)
        torch.testing.assert_close(moved, net.shapes_at(net.fixed_part(features))[:, k])
        torch.testing.assert_close(net(features, conditions, -2 * one), -2 * moved)
        blind = Encoded(list(features.planes))
        blind.planes[0 if k < 2 else 1] = torch.zeros(9, 5 if k < 2 else 3)
        torch.testing.assert_close(net(blind, conditions, one), moved)
    coefficients = torch.randn(6)
    together = torch.einsum("nsk,s->nk", net.shapes_at(net.fixed_part(features)), coefficients)
    torch.testing.assert_close(net(features, conditions, coefficients), together)


def test_pose_shapes_leave_the_mouth_to_the_voice():
    """p drives no shape at the mouth's centre, and all of it far away."""
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


@pytest.mark.parametrize("planes", [1, 2])
def test_one_compiled_pass_equals_the_layers_in_torch(planes):
    """Values and every gradient, with shapes of both kinds on planes of their own or on one."""
    torch.manual_seed(0)
    widths = (6, 9)[:planes]
    net = DeformationNet(sum(widths), 7, ("position", "scale"), 16, face_shapes=2,
                         face_features=widths[-1], pose_shapes=4, pose_features=6)  # fmt: skip
    torch.nn.init.normal_(net.output.weight)
    gate, weights = torch.rand(70), torch.randn(70, 6)

    def run(forward):
        g = torch.Generator().manual_seed(1)
        inputs = [torch.randn(70, width, generator=g).requires_grad_() for width in widths]
        driven = [torch.randn(n, generator=g).requires_grad_() for n in (7, 6)]
        net.zero_grad()
        out = forward(Encoded(inputs, gate), *driven)
        (out * weights).sum().backward()
        leaves = [*inputs, *driven, *net.parameters()]
        return [out.detach(), *(x.grad.clone() for x in leaves)]

    fused, layers = run(net), run(net.by_layer)
    for one, other in zip(fused, layers, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=2e-5)


def test_the_torso_is_told_by_its_turn_its_place_and_its_arms():
    rest = torch.tensor([0.1, 0.2, 0.9])
    told = body_vector(Body(torch.eye(3), rest, torch.tensor([0.03, -0.01])))
    torch.testing.assert_close(told, torch.tensor([1, 1, 0, 0.1, 0.2, 0.9, 0.03, -0.01]))
    assert body_vector(Body(torch.eye(3), rest))[6:].tolist() == [0, 0]


def test_a_fresh_deformation_moves_nothing():
    still = portrait()
    audio = still.motion.hear(SPOKEN[None])[0]
    with torch.no_grad():
        moved = still(*POSE, audio, EYES).image
        canonical = still(*POSE, deform=False).image
    torch.testing.assert_close(moved, canonical, atol=2e-3, rtol=0)


def test_unknown_attribute_is_named():
    assert parse_attributes("rotation, position") == ("position", "rotation")
    with pytest.raises(ValueError, match="colour"):
        parse_attributes("position,colour")


def one_frame(speech=SPOKEN, eyes=EYES, torso: Body | None = None) -> Performance:
    """The performance of a single frame at POSE."""

    def row(x):
        return None if x is None else x[None].numpy()

    track, arms = None, None
    if torso is not None:
        track, arms = AffineTrajectory(row(torso.R), row(torso.t)), row(torso.outline)
    return Performance(RigidTrajectory(*map(row, POSE)), track, arms, row(eyes), row(speech))


def seen_in_training(made: Portrait, speech, eyes, torso: Body | None) -> torch.Tensor:
    """The picture of the differentiable path."""
    with torch.no_grad():
        audio = None if speech is None else made.motion.hear(speech[None])[0]
        return made(*POSE, audio, eyes, torso).image


@pytest.mark.parametrize("moving", [False, True])
def test_the_player_shows_what_training_saw(moving):
    """Premultiplied image and alpha agree with the differentiable path within 1e-5."""
    made = portrait(motion=moving)
    speech = eyes = None
    if moving:
        torch.nn.init.normal_(made.motion.deformation.output.weight, std=0.5)
        torch.nn.init.normal_(made.motion.planes[0].tables, std=0.3)
        speech, eyes = SPOKEN, EYES
    made.follows_body = True
    arms = torch.tensor([0.3, -0.2])
    torso = Body(rotations(1, 11, 0.2)[0], torch.tensor([0.01, 0.02, 0.6]), arms)
    expected = seen_in_training(made, speech, eyes, torso)
    performance, playback = one_frame(speech, eyes, torso), Playback(made)
    (cue,) = cues(made, performance)
    image, alpha = playback.cpu_player.render(cue)
    composed = image + (1 - alpha) * made.plate_image.numpy()
    difference = np.abs(composed - expected.numpy())
    # A Gaussian on the threshold 1/255 may flip; everything else agrees.
    assert np.quantile(difference, 0.999) < 1e-5 and difference.max() < 0.02
    played = playback.frame(performance, 0).astype(float) / 255
    assert np.abs(played - expected.clamp(0, 1).numpy()).max() < 0.5 / 255 + 0.02


def test_saved_portrait_plays_the_same(tmp_path):
    original = portrait()
    torch.nn.init.normal_(original.motion.deformation.output.weight)
    frame = Playback(original).frame(one_frame(), 0)
    save_portrait(original, tmp_path / "portrait.safetensors")
    loaded = load_portrait(tmp_path / "portrait.safetensors")
    np.testing.assert_array_equal(Playback(loaded).frame(one_frame(), 0), frame)
    assert loaded.meta == original.meta and loaded.fps == 25.0 and loaded.has_dynamics


def test_the_plate_shows_where_nobody_is():
    made = portrait(motion=False)
    with torch.no_grad():
        made.gaussians.opacities.fill_(-20)
    np.testing.assert_array_equal(Playback(made).frame(one_frame(), 0), made.plate.numpy())


def test_a_file_that_is_no_portrait_gets_one_sentence(tmp_path):
    path = tmp_path / "portrait.safetensors"
    with pytest.raises(UserError, match="does not exist"):
        load_portrait(path)
    path.write_bytes(b"not a portrait")
    with pytest.raises(UserError, match="no UniGS portrait"):
        load_portrait(path)


def moving_portrait() -> Portrait:
    """A portrait whose Gaussians move by centimetres, as they do when someone speaks."""
    made = portrait()
    torch.nn.init.normal_(made.motion.deformation.output.weight, std=0.5)
    torch.nn.init.normal_(made.motion.planes[0].tables, std=0.3)
    made.follows_body = True
    return made


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * np.log10(np.mean((a - b) ** 2))


@pytest.mark.parametrize("motion", [False, True])
def test_playback_in_torch_is_that_of_the_kernels(motion):
    """The GPU's player, run on the CPU in single precision."""
    made = moving_portrait() if motion else portrait(motion=False)
    torso = Body(rotations(1, 11, 0.2)[0], torch.tensor([0.01, 0.02, 0.6]), torch.zeros(2))
    performance = one_frame(torso=torso)
    wanted = Playback(made).frame(performance, 0).astype(int)
    (cue,) = cues(made, performance)
    player = TorchPlayer(made, torch.float32)
    assert not motion or not player.fixed.product.requires_grad  # no graph is kept for its life
    played = player.play(cue)
    assert played.dtype == np.uint8
    assert np.abs(played - wanted).max() <= 1


def test_a_clip_is_its_frames(monkeypatch):
    """Played in blocks of any size, with speech heard together, or one frame at a time."""
    made = moving_portrait()
    poses, turns = rotations(5, 3, 0.1).numpy(), rotations(5, 4, 0.1).numpy()
    rng = np.random.default_rng(0)
    t, resting = (rng.normal([0, 0, 0.6], 0.01, (5, 3)).astype(np.float32) for _ in range(2))
    speech = rng.normal(size=(5, *SPOKEN.shape)).astype(np.float32)
    eyes, arms = rng.random((5, len(EYES))), rng.normal(0, 0.01, (5, 2))
    head, torso = RigidTrajectory(poses, t), AffineTrajectory(turns, resting)
    clip, playback = Performance(head, torso, arms, eyes, speech), Playback(made)
    together = np.stack(list(playback.clip(clip)))
    monkeypatch.setattr("unigs.playback.play.HEARD_AT_ONCE", 2)
    np.testing.assert_allclose(np.stack(list(playback.clip(clip))), together, atol=1)
    for k, frame in enumerate(together):
        np.testing.assert_allclose(playback.frame(clip, k), frame, atol=1)
    assert all(np.abs(a.astype(int) - b).max() > 5 for a, b in pairwise(together))


def test_half_precision_does_not_show():
    made = moving_portrait()
    (cue,) = cues(made, one_frame())
    images = [
        TorchPlayer(made, precision).image(cue).numpy()
        for precision in (torch.float32, GPU_PRECISION)
    ]
    still = made.splats(cue.R, cue.t, cue.torso)
    assert psnr(made.render([(still, None)])[0].image.detach().numpy(), images[0]) < 40
    assert psnr(*images) > 55
