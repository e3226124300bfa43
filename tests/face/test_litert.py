"""The parts of the way from a picture to a network and back, against other implementations."""

import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from flatbuffers import flexbuffers
from scipy.ndimage import map_coordinates

from unigs.face.litert import operators
from unigs.face.litert.boxes import Found, anchor_centers, merged, overlaps
from unigs.face.litert.hands import Hands
from unigs.face.litert.network import Network
from unigs.face.litert.windows import Window, direction, tensor
from unigs.stage.errors import UserError

RANDOM = np.random.default_rng(5)


def test_double_size_is_torchs_transposed_convolution():
    picture = RANDOM.normal(size=(1, 5, 7, 6)).astype(np.float32)
    kernel, bias = RANDOM.normal(size=(3, 2, 2, 6)).astype(np.float32), np.float32([1, 2, 3])
    found = operators.double_size(struct.pack("<3i", 1, 2, 2))(picture, kernel, bias)
    wanted = torch.nn.functional.conv_transpose2d(
        torch.from_numpy(picture).permute(0, 3, 1, 2),
        torch.from_numpy(kernel).permute(3, 0, 1, 2), torch.from_numpy(bias), stride=2,
    )  # fmt: skip
    np.testing.assert_allclose(found, wanted.permute(0, 2, 3, 1), atol=1e-5)
    with pytest.raises(ValueError, match="strides"):
        operators.double_size(struct.pack("<3i", 1, 1, 1))


def test_a_cut_out_of_features_is_scipys_interpolation():
    picture = RANDOM.normal(size=(1, 12, 9, 2)).astype(np.float32)
    matrix = np.eye(4)
    matrix[:2, :2], matrix[:2, 3] = [[0.8, -0.4], [0.5, 0.7]], [2.3, 0.4]
    options = bytes(flexbuffers.Dumps({"output_height": 6, "output_width": 8}))
    found = operators.cut_features(options)(picture, matrix[None].astype(np.float32))
    rows, columns = np.mgrid[:6, :8] + 0.5
    x = 0.8 * columns - 0.4 * rows + 2.3 - 0.5
    y = 0.5 * columns + 0.7 * rows + 0.4 - 0.5
    outside = (x < 0) | (x > 8) | (y < 0) | (y > 11)
    assert 0 < outside.sum() < outside.size
    for channel in range(2):
        wanted = map_coordinates(picture[0, :, :, channel], [y, x], order=1, mode="nearest")
        wanted[outside] = 0
        np.testing.assert_allclose(found[0, :, :, channel], wanted, atol=1e-5)


def test_the_square_around_points_holds_them_level_with_its_margin():
    """A turned, scaled and shifted box: its corners are where the scale puts them."""
    box = np.array([[-2, -1], [2, -1], [2, 1], [-2, 1], [-2, 0], [2, 0]], float)
    angle, scale, shift = 0.4, 3.0, [20, 30]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.column_stack([scale * box @ turn.T + shift, np.full(6, 7.0)])
    told = {
        "left_rotation_idx": 4, "right_rotation_idx": 5, "output_width": 16, "output_height": 16,
        "scale_x": 1.5, "scale_y": 1.5, "subset_idxs": [[0, 1], [2, 3]],
        "target_rotation_radians": 0.0,
    }  # fmt: skip
    matrix = operators.crop_matrix(bytes(flexbuffers.Dumps(told)))(points[None])[0]
    back = np.linalg.inv(matrix)
    places = points[:, :2] @ back[:2, :2].T + back[:2, 3]
    np.testing.assert_allclose(places, 8 + box * [8 / 1.5 / 2, 8 / 1.5], atol=1e-4)
    again = operators.move_points(b"")(places[None].astype(np.float32), matrix)
    np.testing.assert_allclose(again[0], points[:, :2], atol=1e-3)


def test_a_window_cuts_what_its_matrix_says_and_places_points_back():
    ramp = np.mgrid[:60, :80].astype(np.uint8)
    image = np.dstack([ramp[1], ramp[0], ramp[0]])  # red: column, green: row
    window = Window(40, 28, 30, 20, 0.3)
    cut = window.cut(image, 15, 10, border=cv2.BORDER_REPLICATE).astype(float)
    rows, columns = np.mgrid[:10, :15]
    places = window.place(np.stack([columns / 15, rows / 10], -1).reshape(-1, 2))
    np.testing.assert_allclose(cut[..., :2].reshape(-1, 2), places, atol=1.0)
    assert window.place(np.array([[0.5, 0.5]])) == pytest.approx(np.array([[40, 28]]))
    grown = window.grown(1.5, shift=-0.5)
    assert (grown.width, grown.height) == (45, 45)
    moved = [grown.x - window.x, grown.y - window.y]
    assert moved == pytest.approx([10 * np.sin(0.3), -10 * np.cos(0.3)])
    assert Window.whole(image).fitted(10, 10) == Window(40, 30, 80, 80)
    low, high = tensor(np.uint8([[[0, 255, 255]]]), -1, 1)[0, 0, 0, :2]
    assert (low, high) == (-1, 1)


def test_the_whole_picture_at_its_own_size_is_the_picture():
    image = np.random.default_rng(7).integers(0, 256, (20, 30, 3), np.uint8)
    whole = Window.whole(image)
    same = whole.cut(image, 30, 20, border=cv2.BORDER_CONSTANT)
    slow = cv2.warpPerspective(
        image, np.eye(3), (30, 20), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    assert np.array_equal(same, image) and np.array_equal(slow, image)
    assert not np.array_equal(whole.grown(1.0, 0.1).cut(image, 30, 20, border=0), image)


@pytest.mark.parametrize("angle", [-3.0, -0.5, 0.0, 2.0])
def test_directions_turn_a_line_to_its_target(angle):
    end = np.array([np.cos(angle), np.sin(angle)])
    assert direction(np.zeros(2), end, 0.0) == pytest.approx(angle)
    up = direction(np.zeros(2), np.array([0.0, -1.0]), np.pi / 2)
    assert up == pytest.approx(0)


def test_anchors_lie_in_the_middle_of_their_cells():
    centers = anchor_centers(32, (8, 16, 16), 2)
    assert len(centers) == 2 * 16 + 4 * 4
    np.testing.assert_allclose(centers[:2], [[0.125, 0.125]] * 2)
    np.testing.assert_allclose(centers[2], [0.375, 0.125])
    np.testing.assert_allclose(centers[-1], [0.75, 0.75])


def test_boxes_that_overlap_are_one_weighted_by_their_scores():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [50, 0, 60, 10], [0, 0, 2, 2]], float)
    marks = boxes[:, None, :2] + 1
    found = merged(boxes, marks, np.array([0.6, 0.9, 0.7, 0.55]))
    assert [score for *_, score in found] == [0.9, 0.7, 0.55]
    np.testing.assert_allclose(found[0][0], [0, 0, 10, (6 + 7.2) / 1.5])
    assert overlaps(boxes[0], boxes) == pytest.approx([1, 0.8, 0, 0.04])
    assert overlaps(np.zeros(4), np.zeros((1, 4))) == [0]
    assert merged(boxes[:0], marks[:0], np.zeros(0)) == []


def test_damaged_and_unknown_networks_are_sentences(real_model):
    with pytest.raises(UserError, match="the network faces cannot be read .*get its file anew"):
        Network(b"no network at all, but long enough to be looked into", "faces")
    from safetensors.numpy import load_file

    whole = load_file(real_model("mediapipe-detectors"))["selfie_segmentation"].tobytes()
    with pytest.raises(UserError, match="cannot be read"):
        Network(whole[: len(whole) // 2], "persons")
    other = whole.replace(b"Convolution2DTransposeBias", b"Convolution2DTransposeBlow")
    with pytest.raises(UserError, match="Convolution2DTransposeBlow, which is not known"):
        Network(other, "persons")


def test_a_hand_that_is_followed_is_not_found_a_second_time():
    """Palms and joints are stand-ins: one hand that keeps still, found again in every image."""
    shape = np.full((21, 2), [0.5, 0.55])
    # As a hand lies in the window that is made around it: half its height, below the middle.
    shape[0], shape[[5, 9, 13]], shape[1], shape[17] = (
        (0.5, 0.8),
        (0.5, 0.3),
        (0.25, 0.55),
        (0.75, 0.55),
    )
    palm = Found(np.array([40.0, 60, 70, 90]), np.array([[55.0, 90], [0, 0], [55, 60]]), 0.9)
    other = Found(palm.box + 150, palm.points + 150, 0.8)
    seen = [palm]

    class Joints:
        shape = (1, 224, 224, 3)
        sure = 1.0

        def __call__(self, _):
            flat = np.column_stack([224 * shape, np.zeros(21)]).ravel()[None]
            return [flat, np.array([[self.sure]])]

    joints, image = Joints(), np.zeros((300, 300, 3), np.uint8)
    palms = SimpleNamespace(find=lambda *_: seen)
    with Hands(palms, joints, static=False, confidence=0.5) as hands:
        first = hands.find(image)
        assert first.shape == (1, 21, 2) and len(hands.find(image)) == 1
        seen.append(other)
        assert len(hands.find(image)) == 2 and len(hands.find(image)) == 2
        joints.sure = 0.4
        assert hands.find(image).shape == (0, 21, 2)
    # The palm's window points up the hand: the wrist below, the middle finger above.
    assert first[0, 0, 1] > first[0, 9, 1] and abs(first[0, 0, 0] - 55) < 1
