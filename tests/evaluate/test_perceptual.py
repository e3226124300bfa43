"""LPIPS of whole frames and of mouths, by the article's formula and by what it must not see."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from tests.losses.test_lpips import random_weights, reference
from unigs.evaluate.flicker import Flicker
from unigs.evaluate.image import ImageScores
from unigs.evaluate.judge import Judge
from unigs.evaluate.perceptual import MOUTH_SIZE, NO_FACE, LpipsScores, mouth_square
from unigs.evaluate.records import FULL
from unigs.evaluate.regions import REGIONS
from unigs.evaluate.sharpness import Sharpness
from unigs.face.mesh import LIPS
from unigs.losses.lpips import NO_WEIGHTS

METHODS = ("portrait", "static", "mean_frame")
SIZE = 160  # a quarter of it is 40 px, which become 128


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "lpips.safetensors"
    save_file(random_weights(), path)
    return str(path)


def marks(*middles):
    """Landmarks of a frame each, whose lips lie around a place; None: no face."""
    points = np.full((len(middles), 478, 3), np.nan)
    for frame, middle in zip(points, middles, strict=True):
        if middle is not None:
            frame[list(LIPS), :2] = middle
    return points


def smooth(rng, count):
    """Random pictures without sharp edges, which two kinds of enlarging might treat differently."""
    coarse = torch.from_numpy(rng.random((count, 3, 8, 8)))
    big = F.interpolate(coarse, size=(SIZE, SIZE), mode="bicubic", align_corners=False)
    return (big.clamp(0, 1) * 255).round().permute(0, 2, 3, 1).to(torch.uint8).numpy()


def values(scores, name):
    return {record.region: record for record in scores.records(name)}


def test_each_methods_own_picture_is_compared(weights):
    """Mean over the frames of the article's formula: on the frame, on the enlarged mouth."""
    rng = np.random.default_rng(0)
    scores = LpipsScores(weights, "cpu", marks((80, 100), (60, 90)), SIZE, METHODS)
    expected = {(region, name): [] for region in (FULL, "mouth") for name in METHODS}
    for x, y in ((80, 100), (60, 90)):
        real, *pictures = smooth(rng, 4)
        scores.add(real, dict(zip(METHODS, pictures, strict=True)))
        square = np.s_[y - 20 : y + 20, x - 20 : x + 20]
        for name, picture in zip(METHODS, pictures, strict=True):
            expected[FULL, name].append(reference(random_weights(), real, picture))
            mouths = (enlarged(image[square]) for image in (real, picture))
            expected["mouth", name].append(reference(random_weights(), *mouths))
    for (region, name), wanted in expected.items():
        record = values(scores, name)[region]
        assert (record.metric, record.method, record.frames) == ("lpips", name, 2)
        assert record.value == pytest.approx(np.mean(wanted), rel=1e-4 if region == FULL else 0.02)
        drawn = scores.statistics()["lpips", region, name](np.array([[2.0, 0.0], [0.0, 2.0]]))
        assert drawn == pytest.approx(wanted, rel=1e-4 if region == FULL else 0.02)
    assert np.ptp([values(scores, name)["mouth"].value for name in METHODS]) > 1e-3


def enlarged(square):
    """A square to 128 px by torch's cubic interpolation."""
    image = torch.from_numpy(square).permute(2, 0, 1)[None].float()
    image = F.interpolate(image, size=(MOUTH_SIZE,) * 2, mode="bicubic", align_corners=False)
    return image.round().clamp(0, 255)[0].permute(1, 2, 0).to(torch.uint8).numpy()


def test_the_mouth_sees_the_mouth_alone(weights):
    (real,) = smooth(np.random.default_rng(1), 1)
    hair, lips = real.copy(), real.copy()
    hair[:40] = 255 - hair[:40]
    lips[90:110, 70:90] = 255 - lips[90:110, 70:90]
    scores = LpipsScores(weights, "cpu", marks((80, 100)), SIZE, ("portrait", "static"))
    scores.add(real, {"portrait": hair, "static": lips})
    changed, spoken = values(scores, "portrait"), values(scores, "static")
    assert changed["mouth"].value < 1e-7 < changed[FULL].value
    assert spoken["mouth"].value > spoken[FULL].value > 0


def test_frames_without_a_face_have_no_mouth(weights):
    real, other = smooth(np.random.default_rng(2), 2)
    scores = LpipsScores(weights, "cpu", marks((80, 100), None), SIZE, ("portrait",))
    for _ in range(2):
        scores.add(real, {"portrait": other})
    found = values(scores, "portrait")
    assert (found[FULL].frames, found["mouth"].frames) == (2, 1)
    columns = scores.columns("portrait")
    assert np.isfinite(columns["lpips"]).all() and np.isnan(columns["lpips_mouth"][1])
    nobody = LpipsScores(weights, "cpu", marks(None), SIZE, ("portrait",))
    nobody.add(real, {"portrait": other})
    assert values(nobody, "portrait")["mouth"].reason == NO_FACE


def test_without_weights_both_figures_say_so():
    scores = LpipsScores("", "cpu", marks((80, 100)), SIZE, ("portrait",))
    scores.add(np.zeros((4, 4, 3), np.uint8), {"portrait": np.zeros((4, 4, 3), np.uint8)})
    assert {record.reason for record in scores.records("portrait")} == {NO_WEIGHTS}
    assert scores.statistics() == {} and scores.columns("portrait") == {}


def test_a_render_of_a_part_is_judged_on_the_same_square(weights):
    """Another system's picture may show less of the frame: a mouth is as large in it."""
    real, other = smooth(np.random.default_rng(3), 2)
    whole = LpipsScores(weights, "cpu", marks((80, 100)), SIZE, ("portrait",))
    whole.add(real, {"portrait": other})
    part = LpipsScores(weights, "cpu", marks((50, 60)), SIZE, ("portrait",))
    part.add(real[40:150, 30:140], {"portrait": other[40:150, 30:140]})
    assert values(part, "portrait")["mouth"].value == values(whole, "portrait")["mouth"].value
    assert values(part, "portrait")[FULL].value != values(whole, "portrait")[FULL].value


@pytest.mark.parametrize(
    ("middle", "corner"), [((3, 3), (0, 0)), ((157, 80), (120, 60)), ((80, 158), (60, 120))]
)
def test_a_mouth_at_the_border_keeps_its_size(middle, corner):
    ramp = np.broadcast_to(np.arange(SIZE, dtype=np.uint8), (SIZE, SIZE))
    picture = np.stack([ramp, ramp.T, ramp], -1)
    square = mouth_square(picture, np.array(middle, float), 40)
    assert square.shape == (MOUTH_SIZE, MOUTH_SIZE, 3)
    for channel, first in enumerate(corner):
        assert abs(int(square[..., channel].min()) - first) <= 1
        assert abs(int(square[..., channel].max()) - first - 39) <= 1


def test_a_judge_compares_every_picture_once(weights):
    """What it adds, it writes for each method, and says how it is drawn."""
    real, one, other = smooth(np.random.default_rng(4), 3)
    names = ("portrait", "static")
    judge = Judge(
        *({name: kind() for name in names} for kind in (ImageScores, Sharpness)),
        {"truth": Flicker()}, {}, LpipsScores(weights, "cpu", marks((80, 100)), SIZE, names),
        SimpleNamespace(add=lambda real, rendered: None, points68=dict),
    )  # fmt: skip
    masks = dict.fromkeys(REGIONS, np.ones((SIZE, SIZE), bool))
    judge.add(real, {"portrait": one, "static": other}, masks, follows=False)
    alone = LpipsScores(weights, "cpu", marks((80, 100)), SIZE, names)
    alone.add(real, {"portrait": one, "static": other})
    assert judge.perceptual.values == alone.values
    assert alone.values[FULL, "portrait"] != alone.values[FULL, "static"]
    truth = SimpleNamespace(points=marks((80, 100)), nearest=None)
    statistics = judge.statistics(truth, SIZE)
    assert {("lpips", region, name) for region in (FULL, "mouth") for name in names} <= set(
        statistics
    )
