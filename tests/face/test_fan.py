"""face-alignment's network written anew, against the package; its points as a mesh."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.support import astronaut
from unigs.face import fan
from unigs.face.angles import head_angles
from unigs.face.detectors import open_detectors
from unigs.face.lift68 import lift, turn_of
from unigs.face.mesh import IBUG68
from unigs.face.points68 import load_points68
from unigs.pretrained.auto import DETECTORS
from unigs.settings.demo import DemoSettings
from unigs.sources.synthetic.speaker import Clip
from unigs.stage.errors import UserError

WIDTHS = (8, 16, 16, 32)


def small(hourglasses: int = 2, seed: int = 0) -> fan.FAN:
    """A narrow network with weights that move its heat maps."""
    torch.manual_seed(seed)
    network = fan.FAN(WIDTHS, hourglasses, 68)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif value.dtype == torch.float32:
            value.add_(0.1 * torch.randn_like(value))
    return network


@pytest.fixture
def weights(tmp_path):
    """A file of torch.save as face-alignment publishes it."""
    path = tmp_path / "small.pth.tar"
    torch.save(small().state_dict(), path)
    return path


def test_the_network_is_the_packages_to_the_bit():
    """At its own widths, with one hourglass and with two; heat maps of random weights."""
    models = pytest.importorskip("face_alignment.models", reason="face-alignment is not installed")
    for count in (1, 2):
        torch.manual_seed(count)
        theirs = models.FAN(count).eval()
        ours = fan.FAN((64, 128, 128, 256), count, 68)
        ours.load_state_dict(theirs.state_dict())
        images = torch.rand(1, 3, fan.SIZE, fan.SIZE)
        with torch.no_grad():
            wanted = theirs(images)[-1]
            assert torch.equal(ours(images), wanted)
        assert wanted.shape == (1, 68, fan.MAP, fan.MAP)


def test_points_are_the_packages(monkeypatch, tmp_path):
    """The whole way from a box to points, which the package cuts to whole pixels."""
    api = pytest.importorskip("face_alignment", reason="face-alignment is not installed")
    utils = pytest.importorskip("face_alignment.utils")
    torch.manual_seed(3)
    network = fan.FAN((64, 128, 128, 256), 1, 68)
    image, box = astronaut.portrait(), np.array([60.0, 70, 130, 140])
    monkeypatch.setattr(api.FaceAlignment, "_load_native", lambda *_: network)
    theirs = api.FaceAlignment(
        api.LandmarksType.TWO_D, device="cpu", face_detector="folder", compile=False
    )
    corners = [*box[:2], *(box[:2] + box[2:])]
    (wanted,) = theirs.get_landmarks_from_image(image, detected_faces=[corners])
    square = fan.box_square(box)
    # The package's own cut: of untrained weights a maximum may be anywhere.
    center, scale = square[:2].copy(), square[2] / 200
    cut = utils.crop(image, center, scale)
    found = square[:2] + (network.find(cut[None])[0] - 0.5) * square[2]
    assert np.abs(found - wanted).max() < 1.01


def test_peaks_lean_towards_the_higher_neighbor_and_sit_in_the_middle_of_pixels():
    maps = np.zeros((1, 3, 8, 8), np.float32)
    maps[0, 0, 3, 5], maps[0, 0, 3, 6], maps[0, 0, 2, 5] = 1, 0.5, 0.2
    maps[0, 1, 0, 7] = 1  # in a corner, where there is no neighbor
    maps[0, 2, 4, 4] = 1
    wanted = [[5.5 + 0.25, 3.5 - 0.25], [7.5, 0.5], [4.5, 4.5]]
    np.testing.assert_allclose(fan.peaks(maps)[0], wanted)


def test_a_mirrored_face_has_mirrored_points():
    """Of the average over both, whatever the weights: left and right change places."""
    network, image = small(), astronaut.portrait()
    cuts = np.stack([image, image[:, ::-1]])
    one, two = network.find(cuts)
    mirrored = two[list(fan.MIRRORED)] * [-1, 1] + [1, 0]
    # A quarter pixel leans the other way only where neighbors are equal.
    np.testing.assert_allclose(one, mirrored, atol=1e-5)
    assert sorted(fan.MIRRORED) == list(range(68))
    points = np.array(fan.MIRRORED)
    np.testing.assert_array_equal(points[points], np.arange(68))


@pytest.mark.parametrize("suffix", ["pth.tar", "safetensors"])
def test_widths_and_hourglasses_are_read_off_the_file(tmp_path, suffix):
    network, path = small(3), tmp_path / f"w.{suffix}"
    state = {k: v for k, v in network.state_dict().items() if "batches_tracked" not in k}
    if suffix == "safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, path)
    found = load_points68(path)
    assert isinstance(found, fan.FAN) and found.hourglasses == 3
    assert "face-alignment" in found.backend
    image = astronaut.portrait()[None]
    np.testing.assert_array_equal(found.find(image), network.find(image))


def test_other_files_are_refused(tmp_path, weights):
    state = small().state_dict()
    for name in ("l0.weight", "m1.b2_plus_1.conv1.weight", "conv4.conv1.weight"):
        torch.save({k: v for k, v in state.items() if k != name}, tmp_path / "less.pth")
        with pytest.raises(UserError, match=r"less\.pth does not hold FAN"):
            fan.load_fan(tmp_path / "less.pth")
    torch.save(fan.FAN(WIDTHS, 1, 5).state_dict(), tmp_path / "five.pth")
    with pytest.raises(UserError, match="does not hold FAN"):
        fan.load_fan(tmp_path / "five.pth")
    named = tmp_path / "2DFAN4-11f355bf06.pth.tar"
    named.write_bytes(weights.read_bytes())
    with pytest.raises(UserError, match="its sha256 does not begin with the 11f355bf06 of"):
        fan.load_fan(named)

    class Trap:
        def __reduce__(self):
            return exec, ("raise SystemExit('code of the file was run')",)

    torch.save({"l0.weight": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(UserError):
        load_points68(tmp_path / "trap.pth")


# --- 68 points as a mesh --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def faces():
    """Landmarks [T,478,3] of the synthetic speaker, another one than the mean face is of."""
    settings = DemoSettings(seconds=6.0, size=256, background="plain", strands=100, seed=9)
    with open_detectors().mesh(static=False, confidence=0.5) as mesh:
        frames = [np.ascontiguousarray(frame) for frame, *_ in Clip(settings).frames()]
        return np.stack([mesh.find(frame) for frame in frames[::3]])


def test_68_points_carry_the_mesh(faces):
    """The mesh's own 68 points: what is made of them is the mesh, and turns with the head."""
    made = np.stack([lift(face[list(IBUG68), :2]) for face in faces])
    np.testing.assert_allclose(made[:, list(IBUG68), :2], faces[:, list(IBUG68), :2], atol=1e-2)
    apart = np.linalg.norm((made - faces)[..., :2], axis=-1)
    assert np.median(apart) < 1 and np.percentile(apart, 95) < 4
    ours, theirs = head_angles(made), head_angles(faces)
    for yaw_or_roll in (0, 2):
        assert np.corrcoef(ours[:, yaw_or_roll], theirs[:, yaw_or_roll])[0, 1] > 0.95
    off = ours - theirs
    assert np.abs(off - np.median(off, axis=0)).mean() < 2  # degrees
    photograph = astronaut.landmarks()
    apart = np.linalg.norm((lift(photograph[list(IBUG68), :2]) - photograph)[:, :2], axis=1)
    assert np.median(apart) < 2


def test_a_shape_that_is_turned_and_seen_from_afar_is_found_again():
    rng = np.random.default_rng(2)
    shape = rng.normal(size=(31, 3))
    angle = 0.4
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    turned, shift = turn_of(shape, 30 * (shape @ turn.T)[:, :2] + [100, 80])
    np.testing.assert_allclose(turned, 30 * turn, atol=1e-6)
    np.testing.assert_allclose(shift, [100, 80], atol=1e-6)


class Oracle:
    """Stands in for the network: it knows the 68 points of the one face."""

    def __init__(self, points):
        self.points, self.squares = points, []

    def find(self, cuts):
        square = self.squares[-1]
        return ((self.points - square[:2]) / square[2] + 0.5)[None].astype(np.float32)


def test_the_carrier_follows_a_face_by_its_68_points(real_model, monkeypatch, weights):
    """What the network is shown is cut around the face; what it says comes back as landmarks."""
    from unigs.face import fan_carrier

    monkeypatch.setenv("UNIGS_MODELS", str(real_model(DETECTORS).parent))
    carrier = open_detectors("fan", str(weights))
    face = astronaut.landmarks()
    oracle = carrier.network = Oracle(face[list(IBUG68), :2])

    def cut(image, square, size):
        oracle.squares.append(square)
        return np.zeros((size, size, 3), np.uint8)

    monkeypatch.setattr(fan_carrier, "cut_square", cut)
    with carrier.mesh(static=False, confidence=0.5) as mesh:
        found = mesh.find(astronaut.portrait())
        np.testing.assert_allclose(found[list(IBUG68), :2], oracle.points, atol=0.01)
        assert found.shape == (478, 3) and len(oracle.squares) == 2
        mesh.find(astronaut.portrait())
        assert len(oracle.squares) == 3  # followed: one look
        assert mesh.find(np.zeros((256, 256, 3), np.uint8)) is None
        mesh.find(astronaut.portrait())
        assert len(oracle.squares) == 5
    x, y, side = oracle.squares[-1]
    assert np.abs(face[:, :2] - [x, y]).max() < side / 2  # all of the face is shown
    assert "FAN" in carrier.name and carrier.person().find(astronaut.portrait()).max() > 0.9


def test_the_carrier_without_weights_is_a_sentence(real_model, monkeypatch, tmp_path):
    monkeypatch.setenv("UNIGS_MODELS", str(real_model(DETECTORS).parent))
    with pytest.raises(UserError, match="name the path of 2DFAN4-11f355bf06.pth.tar as detectors"):
        open_detectors("fan")
    with pytest.raises(UserError, match="does not exist"):
        open_detectors("fan", str(tmp_path / "none.pth"))
