"""What is shown of a frame is what the player draws; movements have closed forms."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.portraits import (
    POSE,
    layered_portrait,
    moving_portrait,
    one_frame,
    portrait,
    rotations,
)
from tests.support.view import REMOVED, TESTED, brightness, make_speaker
from unigs.model.anchor import Body
from unigs.model.storage import load_portrait
from unigs.playback.cpu_player import make_player
from unigs.playback.cues import cues
from unigs.playback.play import Playback
from unigs.playback.torch_player import TorchPlayer
from unigs.stage.errors import UserError
from unigs.subject.frame_table import read_frame_table
from unigs.subject.labels import TORSO
from unigs.subject.performance import read_performance
from unigs.subject.trajectory import RigidTrajectory
from unigs.view.clip import read_clip
from unigs.view.coloring import ANCHOR, DEFORMATION, OPACITY, REGION, colors_of
from unigs.view.colors import by_number, by_region
from unigs.view.field import Field, load_field, shown_of
from unigs.view.files import files_of

TORSO_FRAME = Body(
    rotations(1, seed=5, limit=0.1)[0], torch.tensor([0.02, 0.01, 0.61]), torch.zeros(2)
)


def shown(made, performance):
    [cue] = cues(made, performance)
    return shown_of(TorchPlayer(made, torch.float32), cue), cue


@pytest.fixture(scope="module")
def speaker(tmp_path_factory):
    return make_speaker(tmp_path_factory.mktemp("view"))


@pytest.fixture(scope="module")
def clip(speaker):
    return read_clip(files_of(speaker.variant, "unigs_plus"))


@pytest.fixture(scope="module")
def field(clip):
    return load_field(clip, "cpu")


@pytest.mark.parametrize("make", [moving_portrait, layered_portrait, lambda: portrait(False)])
def test_points_are_the_gaussians_that_the_compiled_player_poses(make):
    made = make()
    found, cue = shown(made, one_frame(torso=TORSO_FRAME))
    player, start = make_player(made), 0
    player.play(cue)
    while player is not None:
        count = len(player.field.means)
        part = slice(start, start + count)
        means, quats, scales, opacities, colors = player.posed
        np.testing.assert_allclose(found.centers[part], means, atol=1e-6)
        unit = quats / np.linalg.norm(quats, axis=1)[:, None]
        np.testing.assert_allclose(found.quats[part], unit, atol=1e-5)
        np.testing.assert_allclose(found.scales[part], scales, rtol=1e-5)
        np.testing.assert_allclose(found.opacities[part], opacities, atol=1e-6)
        np.testing.assert_allclose(found.colors[part], colors, atol=1e-5)
        np.testing.assert_allclose(found.anchor[part], player.field.anchors, atol=1e-6)
        player, start = player.behind, start + count
    assert start == len(found.centers) == made.count


def test_nothing_moves_at_the_canonical_conditions():
    made = portrait(motion=False)
    frame = one_frame()
    pose = RigidTrajectory(made.body_R[None].numpy(), made.body_t[None].numpy())
    found, _ = shown(made, replace(frame, head=pose))
    assert (found.deformation == 0).all() and found.movement.max() < 1e-7


def test_a_head_that_turns_moves_what_is_anchored_to_the_torso():
    """Closed form: x' - x = w (R^T (R_body x + t_body - t) - x), and the network has no part."""
    made = portrait(motion=False)
    found, _ = shown(made, one_frame())
    (R, t), x = POSE, made.gaussians.means.detach()
    resting = (x @ made.body_R.T + made.body_t - t) @ R
    w = made.gaussians.anchors.detach().sigmoid()
    np.testing.assert_allclose(found.movement, w * (resting - x).norm(dim=1), atol=1e-6)
    assert found.movement.max() > 0.005 and (found.deformation == 0).all()


def test_the_deformation_is_the_length_of_what_the_network_adds():
    made = portrait()
    network = made.motion.deformation
    for shapes in (network.face_shapes, network.pose_shapes):
        torch.nn.init.zeros_(shapes.basis)
    with torch.no_grad():
        network.output.bias[:3] = torch.tensor([3.0, 0.0, -4.0])
    found, _ = shown(made, one_frame())
    np.testing.assert_allclose(found.deformation, 5 * network.position_scale, rtol=1e-5)


def test_a_frame_is_rendered_as_the_player_does(speaker, clip, field):
    files = clip.files
    own = read_performance(
        read_frame_table(files.frame_table), files.pose, files.body, files.eyes, files.speech
    )
    playback = Playback(load_portrait(files.portrait))
    for frame in (0, TESTED):
        moment = field.moment(frame, {})
        np.testing.assert_array_equal(moment.render, playback.frame(own, frame))
        np.testing.assert_allclose(moment.R, own.head.R[frame], atol=1e-7)


def test_lips_that_are_held_stand_in_for_the_predicted_ones(clip, field):
    """Against the portrait's own forward pass, which training uses."""
    frame, made = 5, field.portrait
    own = field.moment(frame, {})
    held = {("lips", "opening"): 3.0, ("eyes", "AU45"): 0.5}
    moment = field.moment(frame, held)
    one = field.performance[frame : frame + 1]
    code = torch.tensor([[3.0, float(field.lips[frame, 1])]])
    eyes = torch.from_numpy(one.eyes[0]).clone()
    eyes[5] = 0.5
    R, t = torch.from_numpy(one.head.R[0]), torch.from_numpy(one.head.t[0])
    body = Body(*(torch.from_numpy(x[0]) for x in (one.torso.R, one.torso.t, one.outline)))
    with torch.no_grad():
        audio = made.motion.hear(torch.from_numpy(one.speech), code)[0]
        image = made(R, t, audio, eyes, body).image.clamp(0, 1).numpy() * 255
    assert np.abs(moment.render - image).max() < 2
    assert np.abs(moment.render.astype(int) - own.render).max() > 10
    kept = field.moment(frame, {("lips", name): field.numbers["lips", name][frame]
                                for name in ("opening", "width")})  # fmt: skip
    assert np.abs(kept.render.astype(int) - own.render).max() <= 1


def test_the_sliders_are_those_that_the_portrait_hears(clip, field):
    groups = {control.group for control in field.controls}
    assert groups == {"lips", "eyes", "head", "torso"}
    still = load_portrait(clip.files.portrait)
    still.motion, still.follows_body = None, False
    assert {control.group for control in Field(still, clip).controls} == {"head"}


def test_colors_are_by_region_and_by_number(clip, field):
    found = field.moment(TESTED, {}).shown
    assert set(np.unique(field.regions)) <= set(range(5)) and len(set(field.regions)) > 1
    np.testing.assert_array_equal(colors_of(REGION, found, field), by_region(field.regions))
    expected = by_number(found.anchor, 0, 1)
    np.testing.assert_array_equal(colors_of(ANCHOR, found, field), expected)
    expected = by_number(found.opacities, 0, 1)
    np.testing.assert_array_equal(colors_of(OPACITY, found, field), expected)
    # The scale of the clip: almost no Gaussian lies beyond its end.
    beyond = (found.deformation > field.scale[DEFORMATION]).mean()
    assert found.deformation.max() > 0 and beyond < 0.05


def test_the_layer_behind_is_the_torso(clip):
    layered = layered_portrait()
    made = load_portrait(clip.files.portrait)
    made.behind = layered.behind
    field = Field(made, clip)
    assert (field.regions[len(made.gaussians) :] == TORSO - 1).all()
    assert len(field.moment(0, {}).shown.centers) == made.count == len(field.regions)


def test_frames_are_told_by_part_and_shown_by_number(clip):
    assert clip.parts["test"][0] == TESTED and REMOVED not in clip.parts["train"]
    assert REMOVED in clip.parts["all"] and len(clip.parts["all"]) == len(clip.table)
    assert "removed (hands)" in clip.told(REMOVED)
    assert "test" in clip.told(TESTED) and "training" in clip.told(0)
    for frame in (0, 17, TESTED):
        assert abs(clip.truth[frame].mean() - brightness(frame)) < 2


def test_a_portrait_of_another_size_or_without_its_speech_is_refused(clip):
    made = load_portrait(clip.files.portrait)
    with pytest.raises(UserError, match="renders 96x96 but .*video.mp4 is 48x48"):
        Field(made.resized(96), clip)
    silent = replace(clip, files=replace(clip.files, speech=None))
    with pytest.raises(UserError, match="moves with speech: name the file with --speech"):
        Field(made, silent)
