"""Intervals: how often they hold the truth, and what they are made of."""

import numpy as np
import pytest

from unigs.evaluate.interval import (
    DRAWS,
    block_length,
    decibels,
    draw_frames,
    few_blocks,
    interval,
    mean,
    pearson,
    pooled,
    read_draws,
    with_intervals,
    write_draws,
)
from unigs.evaluate.records import Record
from unigs.stage.errors import UserError


def correlated(seed, count, share=0.8):
    """A curve whose neighbors are alike (mean 0, deviation 1)."""
    noise = np.random.default_rng(seed).normal(size=count)
    curve = [noise[0]]
    for value in noise[1:]:
        curve.append(share * curve[-1] + np.sqrt(1 - share**2) * value)
    return np.array(curve)


def test_an_interval_of_correlated_frames_holds_the_truth_nearly_as_often_as_it_says():
    held, held_alone = 0, 0
    for seed in range(150):
        curve = correlated(seed, 500)
        low, high = interval(mean(curve)(draw_frames(np.arange(500) + 500 * seed, 25)))
        held += low < 0 < high
        half = 1.96 * curve.std() / np.sqrt(500)
        held_alone += abs(curve.mean()) < half
    assert held / 150 > 0.87, "blocks know that neighbors are alike"
    assert held_alone / 150 < 0.7, "frames drawn one by one would not"


@pytest.mark.parametrize("count", [66, 115])
def test_an_interval_of_few_blocks_holds_the_truth_nearly_as_often_as_it_says(count):
    """A test part of three to five seconds, as an eleventh of a minute has it."""
    held, held_plain, key = 0, 0, ("psnr", "full", "portrait")
    for seed in range(200):
        curve, frames = correlated(seed, count), np.arange(count) + count * seed
        record = Record("psnr", float(curve.mean()))
        (record,), _ = with_intervals([record], {key: mean(curve)}, frames, 25)
        held += record.low < 0 < record.high
        low, high = interval(mean(curve)(draw_frames(frames, 25)))
        held_plain += low < 0 < high
    assert held / 200 > 0.9, "there are but four blocks"
    assert held_plain / 200 < 0.85, "the draws alone know nothing of it"


def test_many_blocks_need_no_allowance_and_four_take_student_s():
    assert few_blocks(250_000, 25) == pytest.approx(1, abs=1e-3)
    assert few_blocks(100, 25) == pytest.approx(3.1824 / 1.95996 * (4 / 3) ** 0.5, abs=1e-4)


def test_the_interval_of_a_correlation_ends_at_one():
    """Curves that part in one of four blocks: the draws without it are alike."""
    curve, key = correlated(5, 60), ("opening_correlation", "mouth", "portrait")
    near = np.where(np.arange(60) < 45, curve, curve + correlated(6, 60))
    record = Record(key[0], float(np.corrcoef(curve, near)[0, 1]), region="mouth")
    (found,), draws = with_intervals([record], {key: pearson(curve, near)}, np.arange(60), 25)
    assert found.high == 1 < interval(draws[key])[1]


@pytest.mark.parametrize(
    ("metric", "bend", "least", "most"),
    [
        ("lmd_256", lambda x: x, 0, np.inf),
        ("ssim", lambda x: 1 - x / 90, -1, 1),
        ("vmaf", lambda x: 100 - x, 0, 100),
        ("lmd_256_gain", lambda x: x - 1.8, -np.inf, np.inf),
    ],
)
def test_no_interval_reaches_beyond_what_a_figure_can_be(metric, bend, least, most):
    curve = bend(np.where(np.arange(66) < 50, 0.6, 6.0))
    record, key = Record(metric, float(curve.mean())), (metric, "full", "portrait")
    (found,), draws = with_intervals([record], {key: mean(curve)}, np.arange(66), 25)
    low, high = interval(draws[key])
    assert (found.low, found.high) == pytest.approx((max(low, least), min(high, most)), abs=1e-5)
    inside = least < low and high < most
    assert inside == (least == -np.inf), "the draws of the others do go beyond"


def test_all_frames_are_drawn_equally_often_and_as_many_as_there_are():
    drawn = draw_frames(np.arange(110), 25)
    assert drawn.shape == (DRAWS, 110) and (drawn.sum(1) == 110).all()
    assert drawn.mean(0) == pytest.approx(1, abs=0.25)


def test_blocks_are_a_second_long_and_shorter_where_the_test_part_is_short():
    assert block_length(500, 25) == 25 and block_length(46, 25) == 11 and block_length(8, 25) == 2
    drawn = draw_frames(np.arange(500), 25)
    joined = (drawn[:, 1:] > 0) == (drawn[:, :-1] > 0)
    assert joined.mean() > 0.94, "neighbors are drawn together"


def test_the_same_frames_give_the_same_draws_and_others_others():
    first, again = draw_frames(np.arange(60), 25), draw_frames(np.arange(60), 25)
    np.testing.assert_array_equal(first, again)
    assert (first != draw_frames(np.arange(1, 61), 25)).any()


def test_statistics_of_every_frame_once_are_the_plain_figures():
    once = np.ones((1, 40))
    a, b = correlated(1, 40), correlated(2, 40)
    error, pixels = np.abs(a) / 50, np.arange(40.0)
    assert mean(a)(once)[0] == pytest.approx(a.mean())
    assert pearson(a + 1000, b)(once)[0] == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert pooled(error * pixels, pixels, decibels)(once)[0] == pytest.approx(
        -10 * np.log10((error * pixels).sum() / pixels.sum())
    )
    gap = np.where(np.arange(40) < 5, np.nan, a)
    assert mean(gap)(once)[0] == pytest.approx(a[5:].mean())
    assert pearson(gap, b)(once)[0] == pytest.approx(np.corrcoef(a[5:], b[5:])[0, 1])


def test_a_region_that_most_draws_lack_has_no_interval():
    only = np.zeros(100)
    only[50] = 1
    assert interval(pooled(only, only)(draw_frames(np.arange(100), 25))) is None
    assert np.isnan(pearson(np.ones(9), np.arange(9.0))(np.ones((1, 9)))[0])


def test_records_get_intervals_where_they_have_a_statistic():
    values = correlated(3, 100)
    records = [Record("psnr", float(values.mean())), Record("fps", 3.0)]
    key = ("psnr", "full", "portrait")
    (first, second), draws = with_intervals(records, {key: mean(values)}, np.arange(100), 25)
    assert first.low < first.value < first.high
    assert second.low is None and set(draws) == {key}
    few, none = with_intervals(records, {key: mean(values[:5])}, np.arange(5), 25)
    assert few[0].low is None and none == {}


def test_draws_come_back_from_their_file(tmp_path):
    draws = {("psnr", "full", "portrait"): np.arange(4, dtype=np.float32)}
    write_draws(tmp_path / "draws.npz", draws)
    found = read_draws(tmp_path / "draws.npz")
    content = dict(np.load(tmp_path / "draws.npz"))
    del content["layout"]
    np.savez(tmp_path / "earlier.npz", **content)
    assert read_draws(tmp_path / "earlier.npz") == {}, "these were moved away from nothing"
    assert list(found) == list(draws) and found["psnr", "full", "portrait"].tolist() == [0, 1, 2, 3]


def test_a_file_that_holds_no_draws_is_told(tmp_path):
    path = tmp_path / "draws.npz"
    with pytest.raises(UserError, match="draws.npz does not exist"):
        read_draws(path)
    write_draws(path, {("psnr", "full", "portrait"): np.zeros(1000, np.float32)})
    whole = path.read_bytes()
    for content in (b"no", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(UserError, match="draws.npz is damaged, .*: delete it and make it anew"):
            read_draws(path)
    np.savez(path, names=np.array(["psnr/full/portrait"]))
    with pytest.raises(UserError, match="draws.npz lacks values"):
        read_draws(path)
    np.savez(path, names=np.array(["psnr/full/portrait"]), values=np.zeros((2, 5)))
    with pytest.raises(UserError, match="draws.npz holds no draws: run evaluate anew"):
        read_draws(path)
