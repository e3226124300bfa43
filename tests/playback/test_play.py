"""The players show what training saw."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.support.portraits import (
    EYES,
    POSE,
    SPOKEN,
    moving_portrait,
    one_frame,
    portrait,
    psnr,
    rotations,
)
from unigs.compute import threads
from unigs.model.anchor import Body
from unigs.model.portrait import Portrait
from unigs.playback.cues import cues
from unigs.playback.play import Playback
from unigs.playback.torch_player import GPU_PRECISION, TorchPlayer
from unigs.stage.errors import UserError
from unigs.subject.performance import Performance
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory


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


def test_the_plate_shows_where_nobody_is():
    made = portrait(motion=False)
    with torch.no_grad():
        made.gaussians.opacities.fill_(-20)
    np.testing.assert_array_equal(Playback(made).frame(one_frame(), 0), made.plate.numpy())


def test_a_window_is_that_part_of_the_whole():
    """Up to the clamp of the projection, which knows the window alone; the whole one stays."""
    made = portrait(motion=False)
    (cue,) = cues(made, one_frame(None, None, None))
    player = Playback(made).cpu_player
    whole, plate = player.render(cue)[0].copy(), player.plate
    rows, columns = slice(5, 30), slice(10, 31)
    part = player.window(rows, columns)
    np.testing.assert_allclose(part.render(cue)[0], whole[rows, columns], atol=1e-3)
    np.testing.assert_array_equal(part.plate, plate[rows, columns])
    np.testing.assert_array_equal(player.render(cue)[0], whole)
    assert part.play(cue).shape == (25, 21, 3)


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


@pytest.fixture(params=[1, 2, 3])
def kernel_threads(request, restored_threads):
    """Number of threads of the kernels."""
    return threads.set_threads(request.param)


def test_a_clip_is_its_frames(monkeypatch, kernel_threads):
    """Played in blocks of any size, side by side, with speech heard together, or one by one."""
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
    for cue, frame in zip(cues(made, clip), together, strict=True):
        np.testing.assert_array_equal(playback.cue(cue), frame)
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


@pytest.mark.parametrize(
    "speech, eyes, words",
    [
        (torch.zeros(9, 40), EYES, "9x5 speech features a frame, and the performance has 9x40"),
        (torch.zeros(17, 5), EYES, "9x5 speech features a frame, and the performance has 17x5"),
        (None, EYES, "9x5 speech features a frame, and the performance has none"),
        (SPOKEN, EYES[:4], "6 action units a frame, and the performance has 4: take those of"),
        (SPOKEN, None, "6 action units a frame, and the performance has none"),
    ],
)
def test_a_performance_of_another_kind_is_one_sentence(speech, eyes, words):
    """Heard by another back-end, say, after the portrait was trained."""
    with pytest.raises(UserError, match=words):
        Playback(portrait()).frame(one_frame(speech, eyes), 0)
    assert Playback(portrait(motion=False)).frame(one_frame(speech, eyes), 0).any()


def test_a_portrait_that_learned_no_smile_passes_over_that_of_a_performance():
    playback, smiling = Playback(portrait()), torch.cat([EYES, torch.tensor([5.0])])
    with_smile = playback.frame(one_frame(SPOKEN, smiling), 0)
    np.testing.assert_array_equal(with_smile, playback.frame(one_frame(SPOKEN, EYES), 0))
