"""What moves the field, and what may not."""

import pytest
import torch

from tests.support.portraits import (
    CONFIG,
    EYES,
    POSE,
    SPOKEN,
    moving_portrait,
    portrait,
    rotations,
)
from unigs.model.anchor import Body
from unigs.model.conditions import BODY_DIM, POSE_DIM
from unigs.model.motion import Motion

MOUTH = torch.tensor([0.0, 0.05, -0.07])
OUTWARDS = MOUTH + torch.tensor([[0.0, 0, 0], [0.01, 0, 0], [0, 0.03, 0], [0, 0.2, 0]])
"""Points from the mouth's center outwards."""


def gated(config: dict, points: torch.Tensor) -> tuple[Motion, list[torch.Tensor]]:
    """A field whose head is a box of 2 x 2 x 2 meters around zero, and its shapes at points."""
    motion = Motion(config)
    for plane in motion.planes:
        plane.low.fill_(-5)
        plane.high.fill_(5)
        torch.nn.init.normal_(plane.tables)
    if motion.torso_spares_head:
        motion.head_low.fill_(-1)
        motion.head_high.fill_(1)
    motion.mouth.copy_(MOUTH)
    with torch.no_grad():
        net, encoded = motion.deformation, motion.encode(points)
        shapes = net.shapes_at(net.fixed_part(encoded)).abs().sum(2)
    lips = len(net.face_shapes.basis)
    return motion, [shapes[:, lips : lips + POSE_DIM], shapes[:, lips + POSE_DIM :]]


def test_the_heads_shapes_leave_the_mouth_to_the_voice():
    """The head's pose drives no shape at the mouth's center, and all of it far away."""
    motion, (head, _) = gated(CONFIG, OUTWARDS)
    gate, _ = motion.pose_gates(OUTWARDS)
    assert gate[0] == 0 and gate[1] < 0.1 and 0.3 < gate[2] < 0.5 and gate[3] > 0.999
    assert (head[0] == 0).all() and (head[3] > 0).all()


def test_the_torsos_shapes_leave_the_head_to_its_own_pose():
    """Nothing of the torso's pose in the head, all of it from the border of its box on."""
    x = torch.tensor([0.0, 0.5, 0.97, 0.985, 1.0, 1.5])
    points = torch.stack([x, torch.zeros(6), torch.zeros(6)], 1)
    motion, (head, torso) = gated(CONFIG, points)
    expected = torch.tensor([0, 0, 0, 0.5, 1, 1])
    torch.testing.assert_close(motion.pose_gates(points)[1], expected, atol=1e-5, rtol=0)
    assert (torso[:2] == 0).all() and (torso[3:] > 0).all() and (head[1:] > 0).all()


def test_the_gates_are_constants_of_a_step():
    points = OUTWARDS.clone().requires_grad_()
    config = CONFIG | {"planes": CONFIG["planes"][:1], "torso_spares_head": False}
    (gate,) = Motion(config).encode(points).pose_gates
    assert not gate.requires_grad


def test_portraits_of_before_move_the_head_with_the_torso():
    """Such a portrait's file says nothing of it, and must look as it did."""
    new = ("body_blendshapes", "torso_spares_head")
    before = {key: value for key, value in CONFIG.items() if key not in new} | {"body_input": True}
    motion, (head, torso) = gated(before, OUTWARDS)
    (gate,) = motion.pose_gates(OUTWARDS)
    assert motion.deformation.pose_shapes.groups == (POSE_DIM + BODY_DIM,)
    for shapes in (head, torso):
        torch.testing.assert_close(shapes[2] > 0, torch.ones(shapes.shape[1], dtype=torch.bool))
        assert (shapes[0] == 0).all() and gate[0] == 0


def test_portraits_of_the_day_between_have_two_groups_and_hear_of_the_torso():
    """Their torso spared the head in its shapes, and was an input of the network."""
    between = {k: v for k, v in CONFIG.items() if k != "body_blendshapes"} | {"body_input": True}
    motion = Motion(between)
    assert motion.deformation.pose_shapes.groups == (POSE_DIM, BODY_DIM)
    assert motion.config == CONFIG | {"body_input": True}
    poses = POSE_DIM + BODY_DIM
    assert motion.deformation.input_conditions.in_features == motion.audio_dim + 6 + poses


@pytest.mark.parametrize("spares", [True, False])
def test_without_a_pose_there_is_no_shape_of_one(spares):
    config = CONFIG | {"pose_input": False, "body_blendshapes": False, "torso_spares_head": spares}
    _, shapes = gated(config, OUTWARDS)
    assert Motion(config).encode(OUTWARDS).pose_gates == () and not any(map(torch.numel, shapes))


def test_the_torsos_pose_moves_what_lies_outside_the_head_alone():
    """Neither shapes nor network tell the head where the torso is; the head's pose moves both."""
    made = moving_portrait()
    motion, points = made.motion, torch.tensor([[0.0, 0.01, 0.0], [0.0, 0.12, 0.0]])
    audio = motion.hear(SPOKEN[None])[0]
    R, t = POSE
    torsos = [Body(R @ turn, t) for turn in (torch.eye(3), rotations(2, seed=5)[1])]
    heads = [(R, t), (rotations(2, seed=6)[1], t)]

    def change(*frames):
        with torch.no_grad():
            encoded = motion.encode(points)
            a, b = (motion(encoded, *frame, audio, EYES) for frame in frames)
        return (a.outputs.raw - b.outputs.raw).abs().amax(1)

    torso = change((*heads[0], torsos[0]), (*heads[0], torsos[1]))
    assert torso[0] == 0 and torso[1] > 1e-4
    assert (change((*heads[0], torsos[0]), (*heads[1], torsos[0])) > 1e-4).all()


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


@pytest.mark.parametrize("noise", [0.1, 0.5])
def test_noise_is_put_on_the_poses_alone(noise):
    """On those of head and torso, where they are inputs and where they drive shapes."""
    made = moving_portrait()
    motion = Motion({**CONFIG, "body_input": True})
    inputs = [x.expand(4000, *x.shape) for x in (*POSE, made.body_R, made.body_t, EYES)]
    audio = made.motion.hear(SPOKEN[None])[0].expand(4000, -1)
    frames = *inputs[:2], Body(*inputs[2:4]), audio, inputs[4]
    torch.manual_seed(0)
    clean, noisy = motion.network_inputs(*frames), motion.network_inputs(*frames, noise)
    heard, face = audio.shape[1] + 6, 2 + 6
    for (a, b), first in zip(zip(clean, noisy, strict=True), (heard, face), strict=True):
        assert torch.equal(a[:, :first], b[:, :first])
        spread = (b - a)[:, first:].std(0)
        assert len(spread) == POSE_DIM + BODY_DIM
        torch.testing.assert_close(spread, torch.full_like(spread, noise), rtol=0.1, atol=0)


@pytest.mark.parametrize("by_shapes", [True, False])
@pytest.mark.parametrize("driver", ["speech", "eyes"])
def test_speech_alone_and_eyes_alone_move_the_field(driver, by_shapes):
    """By the network's inputs, and by blendshapes where the network is deaf and blind."""
    torch.manual_seed(0)
    points = torch.tensor([[0.0, 0.01, 0.0], [0.03, -0.02, 0.01]])
    motion, _ = gated({**CONFIG, "blendshapes": by_shapes}, points)
    net = motion.deformation
    torch.nn.init.normal_(net.output.weight, std=0.5)
    if by_shapes:
        torch.nn.init.normal_(net.face_shapes.basis)
        net.input_conditions.weight.data.zero_()
    body = Body(torch.eye(3), torch.tensor([0.0, 0.0, 0.6]))

    def raw(speech, eyes):
        with torch.no_grad():
            audio = motion.hear(speech[None])[0]
            return motion(motion.encode(points), *POSE, body, audio, eyes).outputs.raw

    still = raw(SPOKEN, EYES)
    assert torch.equal(raw(SPOKEN, EYES), still)
    moved = raw(-2 * SPOKEN, EYES) if driver == "speech" else raw(SPOKEN, EYES.flip(0))
    assert ((moved - still).abs().amax(1) > 1e-3).all()
