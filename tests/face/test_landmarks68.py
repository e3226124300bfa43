"""The 68-point network against its definition, channel by channel, and on a face."""

import numpy as np
import pytest
from safetensors.torch import save_file
from skimage import data

from tests.support.lip_models import landmarks68_state
from unigs.evaluate.faces import FaceReader
from unigs.face.detectors import open_detectors
from unigs.face.landmarks68 import (
    DOWN,
    MEAN_COLOR,
    SIDE,
    SIZE,
    find_points,
    load_landmarks68,
)
from unigs.face.mesh import IBUG68
from unigs.face.squares import cut_square, face_squares, from_square
from unigs.pretrained.auto import LANDMARKS68
from unigs.pretrained.catalogue import find_model
from unigs.stage.errors import UserError


def windows(x, stride):
    """[H/stride,W/stride,C,3,3] of [H,W,C] with TensorFlow's padding "same"."""
    pad = (0, 1) if stride == 2 else (1, 1)
    padded = np.pad(x, (pad, pad, (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))[::stride, ::stride]


def reference(state, image):
    """The network with channels last and plain sums, as face-api's sources describe it."""
    w = {k: v.numpy().astype(np.float64) for k, v in state.items()}

    def layer(x, name, stride):
        if f"{name}/filters" in w:
            kernel, bias = w[f"{name}/filters"], w[f"{name}/bias"]
            return np.einsum("hwcij,ijco->hwo", windows(x, stride), kernel) + bias
        kernel = w[f"{name}/depthwise_filter"][..., 0]
        x = np.einsum("hwcij,ijc->hwc", windows(x, stride), kernel)
        return x @ w[f"{name}/pointwise_filter"][0, 0] + w[f"{name}/bias"]

    x = (image - np.array(MEAN_COLOR)) / 255
    for block in range(4):
        one = np.maximum(layer(x, f"dense{block}/conv0", 2), 0)
        two = layer(one, f"dense{block}/conv1", 1)
        three = layer(np.maximum(one + two, 0), f"dense{block}/conv2", 1)
        four = layer(np.maximum(one + two + three, 0), f"dense{block}/conv3", 1)
        x = np.maximum(one + two + three + four, 0)
    return (x.mean((0, 1)) @ w["fc/weights"] + w["fc/bias"]).reshape(68, 2)


def test_the_network_is_its_definition(tmp_path):
    state = landmarks68_state()
    save_file(state, tmp_path / "w.safetensors")
    image = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    got = find_points(load_landmarks68(tmp_path / "w.safetensors"), image)
    for k in range(2):
        np.testing.assert_allclose(got[k], reference(state, image[k]), rtol=1e-3, atol=1e-3)


def test_a_file_of_another_network_is_refused(tmp_path):
    state = landmarks68_state()
    save_file({k: v for k, v in state.items() if k != "fc/bias"}, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"w\.safetensors does not hold FaceLandmark68Net"):
        load_landmarks68(tmp_path / "w.safetensors")


def test_the_published_weights_find_the_points_of_the_mesh():
    path = find_model(LANDMARKS68)
    if path is None:
        pytest.skip("face-landmarks-68.safetensors is not in resources/models or $UNIGS_MODELS")
    image = np.ascontiguousarray(data.astronaut()[:300, 80:380])
    with FaceReader(open_detectors()) as reader:
        reader.read(image)
    mesh = reader.points()
    squares = face_squares(mesh, SIDE, DOWN)
    cut = cut_square(image, squares[0], SIZE)
    points = from_square(find_points(load_landmarks68(path), cut[None]), squares)[0]
    apart = np.linalg.norm(points[17:] - mesh[0, list(IBUG68[17:]), :2], axis=1)
    assert apart.mean() < 0.04 * squares[0, 2]
