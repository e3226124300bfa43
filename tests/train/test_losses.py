"""The losses of the paper against numbers computed by hand."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from unigs.face.mesh import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from unigs.losses.ssim import ssim_torch
from unigs.model.deltas import ATTRIBUTES, Deltas, NetworkDeltas, parse_attributes
from unigs.settings.dynamic import DynamicSettings
from unigs.settings.static import StaticSettings
from unigs.subject.labels import HAIR, MOUTH, TORSO
from unigs.train import losses
from unigs.train.dynamic_loss import DynamicLoss
from unigs.train.parts import Compared
from unigs.train.static import StaticTask

CPU = torch.device("cpu")
ROWS = {MOUTH: slice(0, 2), HAIR: slice(4, 9), TORSO: slice(12, 21)}
"""Rows of the picture of 32 that show each region."""
ERRORS = {MOUTH: 0.5, HAIR: 0.25, TORSO: 0.125}
"""What the rendered picture is too bright by in each region, and right elsewhere."""


def test_l1_and_region_loss_against_hand_computed_numbers():
    truth = torch.zeros(40, 40, 3)
    image = truth.clone()
    image[:10, :10] = 0.5
    mask = torch.zeros(40, 40, dtype=torch.bool)
    mask[:20, :20] = True
    assert losses.l1(image, truth).item() == pytest.approx(0.5 / 16)
    for over, share in (("frame", 16), ("region", 4)):
        terms = losses.l1_terms(image, truth, {"mouth": (mask, 3.0)}, over)
        assert list(terms) == ["l1", "mouth"]
        assert terms["l1"].item() == pytest.approx(0.5 / 16)
        assert terms["mouth"].item() == pytest.approx(3 * 0.5 / share)
        assert list(losses.l1_terms(image, truth, {}, over)) == ["l1"]


def test_a_region_of_next_to_nothing_does_not_outweigh_the_frame():
    """A shut mouth of three pixels counts as sixteen, one of none adds nothing."""
    truth, mask = torch.zeros(8, 8, 3), torch.zeros(8, 8, dtype=torch.bool)
    mask[0, :3] = True
    regions = {"mouth": (mask, 1.0), "hair": (torch.zeros_like(mask), 1.0)}
    terms = losses.l1_terms(truth + 0.5, truth, regions, "region")
    assert terms["mouth"].item() == pytest.approx(0.5 * 3 / 16) and terms["hair"].item() == 0


def test_motion_loss_counts_centimetres_and_only_what_is_deformed():
    deltas = Deltas(position=torch.full((4, 3), 0.01), scale=torch.full((4, 3), -0.5))
    assert losses.motion_loss(deltas).item() == pytest.approx(1.5)
    assert losses.motion_loss(Deltas()).item() == 0


@pytest.mark.parametrize(
    "deform", ["position,scale,rotation,opacity,color", "rotation,opacity", ""]
)
def test_motion_loss_of_a_network_is_that_of_the_deltas_it_makes(deform):
    """Value and gradient of the one pass over the outputs, against the deltas taken apart."""
    attributes = parse_attributes(deform)
    width = sum(ATTRIBUTES[name] for name in attributes)
    raw = torch.randn(50, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = []
    for apart in (False, True):
        leaf = raw.clone().requires_grad_()
        deltas = NetworkDeltas(leaf, attributes, (0.01, 0.1))
        if apart:
            deltas = Deltas(*(getattr(deltas, name) for name in ATTRIBUTES))
        loss = losses.motion_loss(deltas)
        if deform:
            loss.backward()
        found.append((loss.detach().double(), leaf.grad))
    assert not deform or found[0][0] > 0.1
    torch.testing.assert_close(*found)


def test_one_frame_is_its_own_mean_and_the_total_reaches_every_term():
    frames = [
        {"a": torch.tensor(1.0), "b": torch.tensor(2.0)},
        {"a": torch.tensor(4.0), "b": torch.tensor(5.0)},
    ]
    assert losses.mean_terms(frames) == {"a": 2.5, "b": 3.5}
    assert losses.mean_terms(frames[:1]) == frames[0]
    leaves = {
        name: torch.tensor(value, requires_grad=True) for name, value in (("a", 2.0), ("b", 3.0))
    }
    whole = losses.total(leaves)
    whole.backward()
    assert whole.item() == 5 and all(leaf.grad == 1 for leaf in leaves.values())


@pytest.fixture
def clip():
    """Regions and landmarks of two frames: the first shows nothing and has no face."""
    labels = torch.zeros(2, 32, 32, dtype=torch.uint8)
    for label, rows in ROWS.items():
        labels[1, rows] = label
    points = np.full((2, 478, 3), np.nan)
    points[1] = 16
    # Wider than high. The margins are 0.64 pixels, so that boxes end at the next whole pixel.
    for group, column in (((*RIGHT_EYE, *RIGHT_BROW), 3), ((*LEFT_EYE, *LEFT_BROW), 17)):
        points[1, group, 0] = np.linspace(column + 9, column, len(group))
        points[1, group, 1] = np.linspace(24, 28, len(group))
    return SimpleNamespace(
        size=32,
        landmarks=SimpleNamespace(points=points),
        shows=lambda frame, label: labels[frame] == label,
    )


@pytest.fixture
def pair():
    """A rendered picture with the errors of its regions, of an opacity of a quarter."""
    truth = 0.4 * torch.rand(32, 32, 3, generator=torch.Generator().manual_seed(0))
    image = truth.clone()
    for label, rows in ROWS.items():
        image[rows] += ERRORS[label]
    person = torch.zeros(32, 32, dtype=torch.bool)
    person[:8] = True
    return Compared(image, truth, torch.full((32, 32, 1), 0.25), person)


WEIGHTS = DynamicSettings(
    iterations=100, lambda_dssim=0.2, lambda_mouth=0.3, lambda_hair=0.5, lambda_torso=0.7,
    lambda_motion=0.5, lambda_alpha=0.8, lambda_lpips=0.0,
)  # fmt: skip
MOVED = Deltas(position=torch.full((4, 3), 0.01))
"""By a centimeter."""


def values(terms: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: value.item() for name, value in terms.items()}


def expected_ssim(pair: Compared) -> float:
    images = (x.permute(2, 0, 1).double() for x in (pair.image, pair.truth))
    return 0.2 * (1 - ssim_torch(*images).item())


@pytest.mark.parametrize("over", ["frame", "region"])
def test_the_loss_of_the_dynamic_stage_is_the_sum_that_equation_11_writes(clip, pair, over):
    terms = DynamicLoss(clip, replace(WEIGHTS, region_mean=over), CPU).terms(pair, MOVED, 1, 0)
    rows = {
        label: 32 if over == "frame" else {MOUTH: 2, HAIR: 5, TORSO: 9}[label] for label in ROWS
    }
    assert values(terms) == pytest.approx(
        {
            "l1": (2 * 0.5 + 5 * 0.25 + 9 * 0.125) / 32,
            "mouth": 0.3 * 2 * 0.5 / rows[MOUTH],
            "hair": 0.5 * 5 * 0.25 / rows[HAIR],
            "torso": 0.7 * 9 * 0.125 / rows[TORSO],
            "d_ssim": expected_ssim(pair),
            "motion": 0.5,
            "alpha": 0.8 * (0.25 * 0.75 + 0.75 * 0.25),
        },
        rel=1e-4,
    )
    assert losses.total(terms).item() == pytest.approx(sum(values(terms).values()))


def test_a_term_without_a_weight_is_left_out(clip, pair):
    none = {name: 0.0 for name in vars(WEIGHTS) if name.startswith("lambda")}
    terms = DynamicLoss(clip, replace(WEIGHTS, **none), CPU).terms(pair, MOVED, 1, 0)
    assert {name for name, value in values(terms).items() if value} == {"l1"}


def test_lpips_joins_with_its_weight_after_its_share_of_the_steps(clip, pair):
    settings = replace(WEIGHTS, lambda_lpips=0.2, lpips_model="", lpips_from=0.5)
    loss = DynamicLoss(clip, replace(settings, lambda_lpips=0.0), CPU)
    loss.settings, loss.perceptual = settings, lambda image, truth, center: torch.tensor(3.0)
    found = [values(loss.terms(pair, MOVED, 1, step)).get("lpips") for step in (0, 49, 50, 99)]
    assert found == [None, None, pytest.approx(0.6), pytest.approx(0.6)]


def test_the_eyes_weigh_in_boxes_around_their_landmarks(clip, pair):
    loss = DynamicLoss(clip, replace(WEIGHTS, lambda_eyes=0.9, region_mean="frame"), CPU)
    expected = torch.zeros(32, 32, dtype=torch.bool)
    for column in (3, 17):
        expected[23:29, column - 1 : column + 10] = True
    assert torch.equal(loss.eye_boxes.mask(1, CPU), expected)
    assert not loss.eye_boxes.mask(0, CPU).any(), "no face was found"
    bright = replace(pair, image=pair.truth + 0.25 * expected[..., None])
    terms = values(loss.terms(bright, MOVED, 1, 0))
    assert terms["eyes"] == pytest.approx(0.9 * 0.25 * 2 * 6 * 11 / 32**2, rel=1e-4)
    assert terms["mouth"] == pytest.approx(0, abs=1e-7)


def test_the_loss_of_the_static_stage_is_the_sum_that_equation_8_writes(pair):
    part = SimpleNamespace(compared=lambda rendering, frame: rendering)
    stage = SimpleNamespace(settings=StaticSettings(lambda_dssim=0.2, lambda_alpha=0.8))
    terms = StaticTask._losses(stage, part, pair, 1)
    assert values(terms) == pytest.approx(
        {
            "l1": (2 * 0.5 + 5 * 0.25 + 9 * 0.125) / 32,
            "d_ssim": expected_ssim(pair),
            "alpha": 0.8 * (0.25 * 0.75 + 0.75 * 0.25),
        },
        rel=1e-4,
    )
    stage.settings = StaticSettings(lambda_dssim=0.2)
    assert list(StaticTask._losses(stage, part, pair, 1)) == ["l1", "d_ssim"]
