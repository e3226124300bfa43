"""The score of p, b and m."""

import numpy as np
import pytest

from unigs.speech.closure_score import ClosureScore

W, D, H = 11, 3, 4


def made(**other):
    rng = np.random.default_rng(0)
    shapes = {"hidden": (W, D, H), "hidden_bias": (H,), "out": (H,), "out_bias": (1,)}
    parts = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return ClosureScore(**(parts | other))


def test_the_score_is_that_of_units_that_answer_one_by_one():
    score, heard = made(), np.random.default_rng(1).normal(size=(5, W * D)).astype(np.float32)
    for row, found in zip(heard, score.scores(heard), strict=True):
        expected = float(score.out_bias[0])
        for unit in range(H):
            drive = sum(
                row[w * D + d] * score.hidden[w, d, unit] for w in range(W) for d in range(D)
            )
            expected += score.out[unit] * max(0.0, drive + score.hidden_bias[unit])
        assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden": np.zeros((W + 1, D, H), np.float32)},
        {"hidden": np.zeros((W, D), np.float32)},
        {"hidden_bias": np.zeros(H + 1, np.float32)},
        {"out": np.zeros((H, 1), np.float32)},
        {"out": np.zeros(0, np.float32)},
        {"out_bias": np.array([np.nan], np.float32)},
        {"out_bias": np.zeros((), np.float32)},
    ],
)
def test_other_shapes_and_no_numbers_do_not_fit(wrong):
    assert made().fits((W, D)) and not made().fits((W, D + 1))
    assert not made(**wrong).fits((W, D))
