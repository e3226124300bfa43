"""PSNR, SSIM and regions against scikit-image, SciPy and closed forms."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_cdt
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from unigs.evaluate.image import ImageScores, psnr, squared_error, ssim_map
from unigs.evaluate.records import find, to_json
from unigs.evaluate.regions import REGIONS, band_mask, person_mask, region_masks
from unigs.subject.labels import BACKGROUND, FACE, HAIR, MOUTH, TORSO


@pytest.fixture(scope="module")
def pair():
    truth = data.astronaut()[:96, 150:246]
    noise = np.random.default_rng(0).normal(0, 12, truth.shape)
    return truth, np.clip(np.roll(truth, 1, 1) + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def labels():
    image = np.full((96, 96), BACKGROUND, np.uint8)
    image[20:60, 20:76] = HAIR
    image[30:60, 36:60] = FACE
    image[50:54, 42:54] = MOUTH
    image[60:, 10:86] = TORSO
    return image


def masks_of(labels):
    return region_masks(labels, band_share=1 / 32, erode_share=1 / 32)


def test_psnr_of_a_constant_offset_is_the_closed_form():
    truth = np.full((8, 9, 3), 100, np.uint8)
    assert psnr(squared_error(truth, truth + 5).mean()) == pytest.approx(20 * math.log10(255 / 5))


def test_psnr_does_not_wrap_around_in_8_bit():
    truth, render = np.full((4, 4, 3), 255, np.uint8), np.zeros((4, 4, 3), np.uint8)
    assert psnr(squared_error(truth, render).mean()) == pytest.approx(0)


def test_full_frame_figures_agree_with_scikit_image(pair, labels):
    truth, render = pair
    scores = ImageScores()
    scores.add(truth, render, masks_of(labels))
    rows = to_json(scores.records())
    assert find(rows, "psnr")["value"] == pytest.approx(
        peak_signal_noise_ratio(truth, render), abs=1e-4
    )
    reference = structural_similarity(
        truth, render, channel_axis=2, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip
    assert find(rows, "ssim")["value"] == pytest.approx(reference, abs=1e-6)


def test_ssim_map_agrees_with_scikit_image_where_the_window_fits(pair):
    _, reference = structural_similarity(
        *pair, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        full=True,
    )  # fmt: skip
    inside = np.s_[5:-5, 5:-5]
    np.testing.assert_allclose(ssim_map(*pair)[inside], reference.mean(axis=2)[inside], atol=1e-9)


def test_regional_figures_pool_over_frames(pair, labels):
    truth, render = pair
    shifted = np.roll(labels, 7, 1)
    scores = ImageScores()
    scores.add(truth, render, masks_of(labels))
    scores.add(truth, truth, masks_of(shifted))
    rows = to_json(scores.records())
    error = (truth.astype(float) - render) ** 2
    for region in ("hair", "band", "person", "mouth"):
        first, second = masks_of(labels)[region], masks_of(shifted)[region]
        pooled = error[first].mean() * first.sum() / (first.sum() + second.sum())
        expected = 10 * math.log10(255**2 / pooled)
        assert find(rows, "psnr", region)["value"] == pytest.approx(expected, abs=1e-4)
    assert find(rows, "ssim", "hair")["value"] < 1


def test_damage_in_one_region_leaves_the_others_alone(labels):
    truth = np.full((96, 96, 3), 90, np.uint8)
    render = truth.copy()
    render[labels == TORSO] += 20
    scores = ImageScores()
    scores.add(truth, render, masks_of(labels))
    rows = to_json(scores.records())
    assert find(rows, "psnr", "torso")["value"] == pytest.approx(
        20 * math.log10(255 / 20), abs=1e-4
    )
    for region in ("head", "face", "mouth", "hair"):
        row = find(rows, "psnr", region)
        assert row["value"] is None and "infinite" in row["reason"]
    assert find(rows, "psnr", "band")["value"] < 60


def test_absent_region_is_empty_with_its_reason(pair):
    labels = np.full((96, 96), TORSO, np.uint8)
    scores = ImageScores()
    scores.add(*pair, masks_of(labels))
    row = find(to_json(scores.records()), "psnr", "hair")
    assert row["value"] is None and "hair" in row["reason"] and row["frames"] == 0
    assert math.isnan(scores.rows[0]["psnr_hair"])


def test_all_regions_are_reported_once(pair, labels):
    scores = ImageScores()
    scores.add(*pair, masks_of(labels))
    keys = [(record.metric, record.region) for record in scores.records()]
    keys.remove(("ssim_padded", "full"))
    assert sorted(keys) == sorted((m, r) for m in ("psnr", "ssim") for r in REGIONS)


@pytest.mark.parametrize("reach", [1, 4])
def test_band_is_what_lies_near_both_hair_and_torso(labels, reach):
    to_hair = distance_transform_cdt(labels != HAIR, "chessboard")
    to_torso = distance_transform_cdt(labels != TORSO, "chessboard")
    expected = (to_hair <= reach) & (to_torso <= reach)
    assert expected.any()
    np.testing.assert_array_equal(band_mask(labels, reach), expected)


def test_person_mask_keeps_off_the_background_but_not_off_the_image_border(labels):
    mask = person_mask(labels, 3)
    assert mask[-1, 48] and not mask[-1, 12] and mask[-1, 13]
    far = distance_transform_cdt(labels != BACKGROUND, "chessboard") > 3
    np.testing.assert_array_equal(mask[20:-5, 8:-8], far[20:-5, 8:-8])


def test_head_is_hair_face_and_mouth(labels):
    masks = masks_of(labels)
    np.testing.assert_array_equal(masks["head"], masks["hair"] | masks["face"] | masks["mouth"])
    assert not (masks["head"] & masks["torso"]).any()


def test_padded_ssim_is_that_of_the_training_loss(pair, labels):
    from unigs.losses.ssim import ssim

    scores = ImageScores()
    scores.add(*pair, masks_of(labels))
    planes = [torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255 for image in pair]
    expected = float(ssim(*(plane.contiguous() for plane in planes)))
    assert find(to_json(scores.records()), "ssim_padded")["value"] == pytest.approx(
        expected, abs=1e-5
    )
