"""Sharpness: power of the fine detail, against closed forms."""

import cv2
import numpy as np
import pytest

from unigs.evaluate.records import find, to_json
from unigs.evaluate.regions import REGIONS
from unigs.evaluate.sharpness import CUT, OCTAVES, Sharpness, fine_power

SIZE = 256
EVERYWHERE = np.ones((SIZE, SIZE), bool)


def noise(seed, spread=20.0):
    return np.random.default_rng(seed).normal(128, spread, (SIZE, SIZE))


def picture(gray):
    return np.repeat(np.clip(np.rint(gray), 0, 255).astype(np.uint8)[..., None], 3, 2)


def masks(**own):
    return {region: own.get(region, EVERYWHERE) for region in REGIONS}


def sharpness(pairs, own=None, region="full"):
    scores = Sharpness()
    for truth, render in pairs:
        scores.add(fine_power(truth), render, masks(**(own or {})))
    return find(to_json(scores.records()), "sharpness", region)


def blurred_noise(sigma):
    """What a Gaussian blur leaves of white noise: the integral of |G|^2 over the filter's power.

    Taken over the square of frequencies on a fine grid, in cycles per px; G is the spectrum of the
    Gaussian sampled at whole pixels, as a blur has it.
    """
    f = (np.arange(1500) + 0.5) / 3000
    radius = np.hypot(f[:, None], f[None, :])
    octaves = np.log2(radius / (0.5 * CUT)) / OCTAVES
    power = np.sin(np.pi / 2 * np.clip(octaves + 0.5, 0, 1)) ** 2
    k = np.arange(-8, 9)
    kernel = np.exp(-(k**2) / (2 * sigma**2))
    along = (kernel / kernel.sum()) @ np.cos(2 * np.pi * k[:, None] * f)
    left = (along[:, None] * along[None, :]) ** 2
    return (power * left).sum() / power.sum()


@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.2])
def test_blurred_noise_keeps_what_its_spectrum_says(sigma):
    # A blur of 8-bit values would round them to noise of its own: its spread is large here.
    gray = noise(1, spread=30)
    soft = cv2.GaussianBlur(gray, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    found = sharpness([(picture(gray), picture(soft))])["value"]
    assert found == pytest.approx(blurred_noise(sigma), rel=0.05)


@pytest.mark.parametrize("period, counts", [(4, True), (32, False)])
def test_waves_count_by_their_length(period, counts):
    x = np.arange(SIZE) + 0.5
    wave = 40 * np.cos(2 * np.pi * x / period)[None, :] * np.ones((SIZE, 1))
    power = fine_power(picture(128 + wave)).mean()
    assert power == pytest.approx(800, rel=0.03) if counts else power < 1


def test_half_the_power_of_a_wave_at_the_cut_counts():
    x = np.arange(SIZE) + 0.5
    wave = 40 * np.cos(2 * np.pi * x * CUT / 2)[None, :] * np.ones((SIZE, 1))
    assert fine_power(picture(128 + wave)).mean() == pytest.approx(400, rel=0.02)


def test_a_brighter_render_is_as_sharp_and_noise_is_sharper():
    gray = noise(2, 10)
    assert sharpness([(picture(gray), picture(gray + 20))])["value"] == pytest.approx(1, abs=1e-3)
    noisy = gray + noise(3, 10) - 128
    assert sharpness([(picture(gray), picture(noisy))])["value"] == pytest.approx(2, rel=0.05)


def test_blur_in_one_region_leaves_the_others_alone():
    gray = noise(4)
    soft = gray.copy()
    soft[:, :128] = cv2.GaussianBlur(gray, (0, 0), 2)[:, :128]
    hair, torso = EVERYWHERE.copy(), EVERYWHERE.copy()
    hair[:, 120:], torso[:, :136] = False, False
    pair, own = [(picture(gray), picture(soft))], {"hair": hair, "torso": torso}
    assert sharpness(pair, own, "hair")["value"] < 0.1
    assert sharpness(pair, own, "torso")["value"] == pytest.approx(1, abs=0.02)


def test_an_outline_does_not_ring_into_its_neighborhood():
    step = np.full((SIZE, SIZE), 40.0)
    step[:, 128:] = 220
    power = fine_power(picture(step))
    assert power[:, 127].min() > 100 * power[:, 128 + 16 :].max()
    assert power[:, 0].max() < 1, "the border of the picture is no edge"


def test_frames_are_pooled_by_their_power():
    faint, strong = noise(5, 5), noise(6, 40)
    flat = picture(np.full((SIZE, SIZE), 128.0))
    found = sharpness([(picture(faint), flat), (picture(strong), picture(strong))])["value"]
    assert found == pytest.approx(40**2 / (5**2 + 40**2), rel=0.03)


def test_without_detail_or_pixels_there_is_a_reason():
    flat = picture(np.full((SIZE, SIZE), 128.0))
    row = sharpness([(flat, flat)], {"hair": ~EVERYWHERE}, "hair")
    assert row["value"] is None and "hair" in row["reason"]
