"""What is known of lips before a person is seen."""

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from unigs.speech.closure_score import ClosureScore
from unigs.speech.lip_prior import FOLDER, HALF, LipPrior, central, find_prior, flat_windows
from unigs.speech.projection import FOLDER as PROJECTIONS
from unigs.stage.checksum import checksum
from unigs.stage.errors import UserError

W, D = 2 * HALF + 1, 3


def made(**other):
    rng = np.random.default_rng(0)
    parts = {
        "lips": rng.normal(size=(W, D, 2)).astype(np.float32),
        "speech": rng.normal(size=(W, D)).astype(np.float32),
        "bias": 0.25,
        "projection": "abc",
    }
    return LipPrior(**(parts | other))


def closure(**other):
    rng = np.random.default_rng(1)
    shapes = {"hidden": (W, D, 2), "hidden_bias": (2,), "out": (2,), "out_bias": (1,)}
    parts = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return ClosureScore(**(parts | other))


def test_a_prior_comes_back_from_its_file(tmp_path):
    prior, path = made(), tmp_path / "prior.safetensors"
    prior.write(path)
    back = LipPrior.read(path)
    assert np.array_equal(back.lips, prior.lips) and np.array_equal(back.speech, prior.speech)
    assert (back.bias, back.projection) == (0.25, "abc") and back.closure is None
    turned = np.asfortranarray(closure().hidden)
    closing = made(closure=closure(hidden=turned), strength=10.0)
    closing.write(path)
    back = LipPrior.read(path)
    assert back.strength == 10
    for part in ClosureScore.PARTS:
        np.testing.assert_allclose(getattr(back.closure, part), getattr(closure(), part), rtol=1e-3)


def test_a_closure_score_without_one_of_its_arrays_is_refused(tmp_path):
    path = tmp_path / "prior.safetensors"
    made(closure=closure()).write(path)
    with safe_open(path, "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys() if "out_bias" not in name}
        metadata = file.metadata()
    save_file(tensors, path, metadata)
    with pytest.raises(UserError, match="is no lip prior"):
        LipPrior.read(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lips": np.zeros((W, D, 3), np.float32)},
        {"lips": np.full((W, D, 2), np.nan, np.float32)},
        {"speech": np.zeros((W, D + 1), np.float32)},
        {"bias": float("inf")},
        {"closure": closure(hidden=np.zeros((W + 1, D, 2), np.float32))},
        {"closure": closure(hidden=np.full((W, D, 2), np.inf, np.float32))},
        {"closure": closure(out_bias=np.full(1, np.nan, np.float32))},
        {"strength": -1.0},
    ],
)
def test_a_prior_of_other_shape_or_without_numbers_is_refused(tmp_path, wrong):
    path = tmp_path / "prior.safetensors"
    made(**wrong).write(path)
    with pytest.raises(UserError, match="is no lip prior"):
        LipPrior.read(path)


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\xff" * 64])
def test_another_file_is_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "prior.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is no lip prior"):
        LipPrior.read(path)


def test_each_prior_of_the_package_belongs_to_a_projection_of_the_package():
    priors = [LipPrior.read(path) for path in FOLDER.glob("*.safetensors")]
    projections = {checksum(path) for path in PROJECTIONS.glob("*.safetensors")}
    assert priors and {prior.projection for prior in priors} == projections
    assert find_prior("") is None and find_prior(priors[0].projection) is not None


def test_the_middle_of_a_long_window_is_heard():
    rows = np.random.default_rng(1).normal(size=(60, D)).astype(np.float32)
    windows = np.stack([rows[k - 8 : k + 9] for k in range(8, 52)])
    assert np.array_equal(central(windows), flat_windows(rows)[8:52])
    with pytest.raises(UserError, match="context_ms"):
        central(windows[:, :9])


def test_scores_of_speech_are_those_of_the_window_around_each_row():
    prior, rows = made(), np.random.default_rng(2).normal(size=(30, D)).astype(np.float32)
    expected = (rows[10 - HALF : 10 + HALF + 1] * prior.speech).sum() + 0.25
    assert np.isclose(prior.speech_scores(rows)[10], expected, atol=1e-4)
