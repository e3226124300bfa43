"""A head before a torso of its own: the picture is the closed form, and the torso hears nothing."""

import numpy as np
import pytest
import torch

from tests.support.portraits import EYES, POSE, SPOKEN, layered_portrait, one_frame, rotations
from unigs.model.anchor import Body
from unigs.model.gaussians import Gaussians
from unigs.model.motion import Motion
from unigs.model.portrait import Portrait
from unigs.model.storage import load_portrait, save_portrait
from unigs.playback.cues import cues
from unigs.playback.play import Playback
from unigs.playback.torch_player import TorchPlayer

TORSO = Body(rotations(1, 11, 0.2)[0], torch.tensor([0.01, 0.02, 0.6]), torch.tensor([0.1, -0.1]))


def seen(made: Portrait, speech=SPOKEN, eyes=EYES, torso=TORSO) -> torch.Tensor:
    """The picture of the differentiable path."""
    with torch.no_grad():
        return made(*POSE, made.motion.hear(speech[None])[0], eyes, torso).image


def sheet(color: list[float], opacity: float, depth: float) -> Gaussians:
    """One Gaussian so large that its opacity hardly falls off around its middle."""
    return Gaussians.from_points(
        torch.tensor([[0.0, 0.0, depth]]), torch.tensor([0.1]), torch.tensor([color]), 0, opacity
    )


def test_the_head_is_laid_over_the_torso_and_both_over_the_plate():
    """In the middle of two sheets of known opacity a pixel is a closed form."""
    plate = np.full((33, 33, 3), 51, np.uint8)
    view = plate, 33.0, 25.0, Body(torch.eye(3), torch.tensor([0.0, 0.0, 1.0]))
    # The torso is nearer to the camera: layers are not sorted by depth.
    torso = Portrait(sheet([0.0, 1.0, 0.0], 0.6, -0.1), *view)
    head = Portrait(sheet([1.0, 0.0, 0.0], 0.25, 0.0), *view, behind=torso)
    image = head(view[3].R, view[3].t).image[16, 16]
    behind = 0.6 * torch.tensor([0.0, 1.0, 0.0]) + 0.4 * 0.2
    expected = 0.25 * torch.tensor([1.0, 0.0, 0.0]) + 0.75 * behind
    torch.testing.assert_close(image, expected, atol=2e-3, rtol=0)
    assert head.count == 2 and head.layers == [head, torso]
    played = Playback(head.requires_grad_(False)).frame(one_frame(None, None), 0)
    assert played.shape == (33, 33, 3)


def test_the_torso_moves_with_its_pose_and_not_with_speech_or_eyes():
    made, loud = layered_portrait(), SPOKEN.flip(0) * 3

    def torso(speech, eyes, body):
        with torch.no_grad():
            audio = made.motion.hear(speech[None])[0]
            return made.behind(*POSE, audio, eyes, body).image

    still = torso(SPOKEN, EYES, TORSO)
    assert torch.equal(torso(loud, EYES.flip(0), TORSO), still)
    moved = Body(TORSO.R, TORSO.t + torch.tensor([0.02, 0.0, 0.0]), TORSO.outline)
    assert (torso(SPOKEN, EYES, moved) - still).abs().max() > 0.1
    assert (seen(made, loud, EYES.flip(0)) - seen(made)).abs().max() > 0.02


def test_both_players_show_the_layers_as_training_saw_them():
    made = layered_portrait()
    expected = seen(made).clamp(0, 1).numpy()
    assert np.abs(expected - seen_alone(made)).max() > 0.1, "the torso must show"
    performance = one_frame(torso=TORSO)
    played = Playback(made).frame(performance, 0).astype(float) / 255
    assert np.quantile(np.abs(played - expected), 0.999) < 0.6 / 255
    (cue,) = cues(made, performance)
    in_torch = TorchPlayer(made.requires_grad_(False), torch.float32).play(cue)
    assert np.abs(in_torch - played * 255).max() <= 1


def seen_alone(made: Portrait) -> np.ndarray:
    """The head alone over the plate."""
    behind, made.behind = made.behind, None
    try:
        return seen(made).clamp(0, 1).numpy()
    finally:
        made.behind = behind


def test_a_backdrop_takes_the_place_of_the_torso():
    """Where the head is transparent the picture is the backdrop to the bit."""
    made = layered_portrait()
    backdrop = np.random.default_rng(0).integers(0, 256, made.plate.shape, np.uint8)
    performance = one_frame(torso=TORSO)
    (image,) = Playback(made).clip(performance, iter([backdrop]))
    (cue,) = cues(made, performance)
    alpha = Playback(made).cpu_player.render(cue)[1][..., 0]
    free = alpha == 0
    assert free.mean() > 0.2 and (alpha > 0.9).any()
    np.testing.assert_array_equal(image[free], backdrop[free])
    in_torch = TorchPlayer(made.requires_grad_(False), torch.float32)
    other = in_torch.play(cue, backdrop.astype(np.float32) / 255)
    assert np.abs(other.astype(int) - image).max() <= 1


def test_a_window_of_layers_is_that_part_of_the_whole():
    made = layered_portrait()
    (cue,) = cues(made, one_frame(torso=TORSO))
    player, rows, columns = Playback(made).cpu_player, slice(5, 30), slice(10, 31)
    whole = player.over_plate(cue)
    part = player.window(rows, columns).over_plate(cue)
    np.testing.assert_allclose(part, whole[rows, columns], atol=3e-3)
    assert made.resized(24).behind.size == 24


def test_a_camera_of_half_the_size_sees_everything_at_half_its_place():
    made = layered_portrait()
    made.plate.copy_(torch.arange(256).repeat(27)[: 48 * 48 * 3].reshape(48, 48, 3))
    made.plate_image.copy_(made.plate / 255)
    small = made.resized(24)
    audio = made.motion.hear(SPOKEN[None])[0]
    for whole, half in zip(made.layers, small.layers, strict=True):
        with torch.no_grad():
            rendered = [
                layer.render([layer.pose(*POSE, audio, EYES, TORSO)])[0] for layer in (whole, half)
            ]
        places = [rendering.meta["means2d"] for rendering in rendered]
        assert places[0].std(0).min() > 3
        torch.testing.assert_close(places[1], places[0] / 2, atol=1e-4, rtol=0)
    blocks = made.plate.double().reshape(24, 2, 24, 2, 3).mean((1, 3))
    torch.testing.assert_close(small.plate.double(), blocks, atol=0.51, rtol=0)


def test_layers_on_disk_play_the_same(tmp_path):
    made = layered_portrait()
    save_portrait(made, tmp_path / "portrait")
    save_portrait(made, tmp_path / "again")
    assert (tmp_path / "portrait").read_bytes() == (tmp_path / "again").read_bytes()
    loaded = load_portrait(tmp_path / "portrait")
    assert loaded.count == made.count == 100 and len(loaded.layers) == 2
    frame = one_frame(torso=TORSO)
    expected = Playback(made).frame(frame, 0)
    np.testing.assert_array_equal(Playback(loaded).frame(frame, 0), expected)


def test_a_field_that_hears_nothing_has_no_lips():
    config = layered_portrait().behind.motion.config
    with pytest.raises(ValueError, match="hears nothing has no lip code"):
        Motion({**config, "lip_code": True})
