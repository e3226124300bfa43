"""segment_regions on drawn people whose regions are known."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from skimage import data

from tests.support.network_files import onnx_file
from tests.support.subject import write_table
from tests.support.synthetic_face import face_vertices, landmarks
from unigs.face import mesh
from unigs.face.detectors import open_detectors
from unigs.face.face_frame import FaceFrame, fill_ring
from unigs.geometry.rigid import Camera, Poses, project, rotation
from unigs.media.images import read_image
from unigs.media.video import VideoWriter
from unigs.prepare.regions import segment as regions
from unigs.prepare.regions.color_models import BINS, ColorModel, color_bins, mixed, without
from unigs.prepare.regions.label_cleaning import clean, fill_unassigned, solid_person
from unigs.prepare.regions.plate import Background, Plate
from unigs.prepare.regions.segment import Labeler, bridge_landmarks, segment_regions
from unigs.pretrained.weights import weights_name
from unigs.settings.regions import RegionSettings
from unigs.stage.errors import UserError
from unigs.subject.features import Landmarks
from unigs.subject.labels import BACKGROUND, FACE, HAIR, MOUTH, TORSO, labels_backend, read_labels

SIZE, FRAMES = 192, 10
LONG = {"hair": (70, 45, 30), "cloth": (190, 40, 50)}
BACKLIT = {"hair": (70, 45, 30), "cloth": (40, 38, 44)}
BRIGHT = np.array([220, 190, 140])
"""Color of the ends of hair that light falls through from behind."""
SHORT = {"hair": (30, 28, 30), "cloth": (34, 32, 36)}


# --- a drawn person ------------------------------------------------------------------------------


class Drawing:
    """Frames, labels and landmarks of a drawn person who moves the head."""

    def __init__(
        self, long: bool, colours: dict, frames: int = FRAMES, *, lit: bool = False
    ) -> None:
        self.rng = np.random.default_rng(0)
        time = np.arange(frames)
        turn = np.stack([0 * time, 0.12 * np.sin(time), 0.08 * np.sin(0.7 * time)], -1)
        shift = [0.012 * np.sin(0.9 * time), 0.006 * np.cos(time) - 0.03, 0 * time + 0.95]
        poses, camera = Poses(rotation(turn), np.stack(shift, -1)), Camera(2.0 * SIZE, SIZE / 2)
        vertices = face_vertices()
        pixels = project(vertices, poses, camera)
        depth = (vertices @ np.swapaxes(poses.R, 1, 2))[..., 2] * camera.focal / 0.95
        self.points = landmarks(pixels, depth).astype(np.float32)
        self.long, self.colors, self.lit = long, colours, lit
        rows, columns = np.mgrid[:SIZE, :SIZE]
        self.wall = np.dstack([90 + columns / 4, 120 + rows / 5, 160 - columns / 5])
        drawn = [self.draw(p) for p in self.points]
        self.images, self.labels = map(list, zip(*drawn, strict=True))

    def draw(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        chin, top = points[mesh.CHIN, :2], points[mesh.FOREHEAD, :2]
        middle, tall = (chin + top) / 2, np.linalg.norm(chin - top)
        labels = np.full((SIZE, SIZE), BACKGROUND, np.uint8)
        image = self.wall.copy()
        self.ellipse(image, labels, (SIZE / 2, SIZE * 1.12), (0.44, 0.46), "cloth", TORSO)
        neck = (middle[0], middle[1] + 0.62 * tall)
        self.ellipse(image, labels, neck, (0.24 * tall / SIZE, 0.4 * tall / SIZE), "skin", TORSO)
        cap = (middle[0], middle[1] - 0.16 * tall)
        self.ellipse(image, labels, cap, (0.55 * tall / SIZE, 0.58 * tall / SIZE), "hair", HAIR)
        if self.long:
            for side in (-1, 1):
                fall = (middle[0] + side * 0.5 * tall, middle[1] + 0.4 * tall)
                size = (0.17 * tall / SIZE, 0.72 * tall / SIZE)
                self.ellipse(image, labels, fall, size, "hair", HAIR)
        if self.lit:
            down = np.arange(SIZE)[:, None, None] - (middle[1] + 0.3 * tall)
            light = np.clip(down / (0.25 * tall), 0, 1) * (labels == HAIR)[..., None]
            image += light * (BRIGHT - image)
        for ring, color, label in (
            (mesh.FACE_OVAL, (215, 165, 140), FACE),
            (mesh.LIPS_OUTER, (170, 60, 70), MOUTH),
        ):
            inside = fill_ring(points, ring, labels.shape)
            image[inside], labels[inside] = color, label
        for ring in (mesh.LEFT_EYE, mesh.RIGHT_EYE):
            image[fill_ring(points, ring, labels.shape)] = 40
        image = cv2.GaussianBlur(image, (0, 0), 0.6) + self.rng.normal(0, 5, image.shape)
        return np.clip(image, 0, 255).astype(np.uint8), labels

    def ellipse(self, image, labels, center, axes, color: str, label: int) -> None:
        mask = np.zeros(labels.shape, np.uint8)
        center, axes = np.rint(center).astype(int), np.rint(np.array(axes) * SIZE).astype(int)
        cv2.ellipse(mask, tuple(map(int, center)), tuple(map(int, axes)), 0, 0, 360, 1, -1)
        shade = (0.85 + 0.3 * np.arange(SIZE)[None, :, None] / SIZE) * np.ones((SIZE, 1, 1))
        value = {"skin": (205, 150, 125)}.get(color) or self.colors[color]
        image[mask > 0] = (shade * value)[mask > 0]
        labels[mask > 0] = label

    def coarse_masks(self) -> list[np.ndarray]:
        """Person probabilities as soft and as coarse as a network's."""
        masks = [cv2.resize((m > 0).astype(np.float32), (48, 48)) for m in self.labels]
        return [cv2.GaussianBlur(cv2.resize(m, (SIZE, SIZE)), (0, 0), 3) for m in masks]


def fake_person_masks(monkeypatch, drawing: Drawing) -> None:
    class Masks:
        known = {
            image.tobytes(): mask
            for image, mask in zip(drawing.images, drawing.coarse_masks(), strict=True)
        }

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def find(self, image):
            return self.known[image.tobytes()]

    carrier = SimpleNamespace(person=Masks)
    monkeypatch.setattr(regions, "open_detectors", lambda *_: carrier)
    monkeypatch.setattr(regions, "read_video", lambda _: iter(drawing.images))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


@pytest.fixture(params=["long", "short"])
def labeled(request, monkeypatch):
    """(drawing, labels that were found, labeler) for long hair and for a dark suit."""
    long = request.param == "long"
    drawing = Drawing(long, LONG if long else SHORT)
    fake_person_masks(monkeypatch, drawing)
    yes, no = np.ones(FRAMES, bool), np.zeros(FRAMES, bool)
    settings = RegionSettings(model_frames=6, plate_frames=6)
    labeler = Labeler(drawing.points, yes, no, SIZE, SIZE, settings)
    labeler.learn(None, yes)
    return drawing, np.array(list(labeler.label(drawing.images))), labeler


def test_regions_of_a_drawn_person(labeled):
    drawing, found, labeler = labeled
    truth = np.array(drawing.labels)
    assert found.shape == truth.shape and found.dtype == np.uint8
    assert iou(found > 0, truth > 0) > 0.95
    for label, least in ((FACE, 0.85), (MOUTH, 0.7), (HAIR, 0.85), (TORSO, 0.9)):
        assert iou(found == label, truth == label) > least, label
    seen = ~labeler.hole
    wrong = np.abs(labeler.plate.astype(float) - drawing.wall)[seen]
    assert seen.mean() > 0.1 and np.median(wrong) < 3


def test_ends_of_hair_that_are_lit_from_behind(monkeypatch):
    """They are hair though nothing above them has their color, and the dark jacket is none."""
    drawing = Drawing(True, BACKLIT, lit=True)
    fake_person_masks(monkeypatch, drawing)
    yes, no = np.ones(FRAMES, bool), np.zeros(FRAMES, bool)
    settings = RegionSettings(model_frames=6, plate_frames=6)
    labeler = Labeler(drawing.points, yes, no, SIZE, SIZE, settings)
    labeler.learn(None, yes)
    found, truth = np.array(list(labeler.label(drawing.images))), np.array(drawing.labels)
    assert iou(found == HAIR, truth == HAIR) > 0.9  # learned from colors and places alone: .69
    assert iou(found == TORSO, truth == TORSO) > 0.9
    ends = (truth == HAIR) & (np.array(drawing.images).mean(-1) > 150)
    assert ends.mean() > 0.01 and (found[ends] == HAIR).mean() > 0.9


def test_head_has_no_hole(labeled):
    _, found, _ = labeled
    for image in found:
        head = np.isin(image, (FACE, MOUTH, HAIR)).astype(np.uint8)
        outline, _ = cv2.findContours(head, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        full = cv2.fillPoly(np.zeros_like(head), outline, 1)
        # What is enclosed by the head is head: at most the neck between two falls of hair is not.
        enclosed = (full > 0) & (head == 0)
        assert not (enclosed & (image == BACKGROUND)).any()
        rows = np.flatnonzero((image == FACE).any(1))
        assert not enclosed[: rows.max() - 5].any()


# --- the stage on files --------------------------------------------------------------------------


def write_clip(folder, drawing: Drawing, rows: int, found: np.ndarray) -> dict:
    with VideoWriter(folder / "video.mp4", SIZE, SIZE, 25) as writer:
        for image in drawing.images:
            writer.write(image)
    points = drawing.points.copy()
    points[~found] = np.nan
    Landmarks(points, found, SIZE, "test").write(folder / "landmarks.npz")
    write_table(folder / "frames.csv", rows)
    names = {"video": "video.mp4", "landmarks": "landmarks.npz", "frame_table": "frames.csv"}
    names |= {"out": "out/labels.mkv", "background": "out/background.png", "hole": "out/hole.png"}
    return {key: folder / name for key, name in names.items()}


def test_the_stage_on_files(tmp_path):
    """With MediaPipe's own masks: every frame gets labels, also one whose face was lost."""
    drawing, found = Drawing(True, LONG, frames=6), np.ones(6, bool)
    found[3] = False
    files = write_clip(tmp_path, drawing, 6, found)
    segment_regions(**files, settings=RegionSettings(model_frames=4, plate_frames=4))
    labels = list(read_labels(files["out"]))
    assert len(labels) == 6 and labels[0].shape == (SIZE, SIZE)
    assert set(np.unique(labels)) <= {0, 1, 2, 3, 4}
    face = [iou(a == FACE, b == FACE) for a, b in zip(labels, drawing.labels, strict=True)]
    assert min(face) > 0.7
    plate, hole = read_image(files["background"]), read_image(files["hole"])
    assert plate.shape == (SIZE, SIZE, 3) and set(np.unique(hole)) <= {0, 255}


def test_a_wall_that_only_test_frames_show_is_not_in_the_plate(tmp_path, monkeypatch):
    """A sleeve lies before it in all training frames, and is gone in half of the clip."""
    drawing, place = Drawing(True, LONG, frames=12), np.s_[20:60, 10:50]
    test = np.arange(12) >= 6
    for image, labels, shown in zip(drawing.images, drawing.labels, test, strict=True):
        image[place] = (20, 250, 20) if shown else LONG["cloth"]
        labels[place] = BACKGROUND if shown else TORSO
    files = write_clip(tmp_path, drawing, 12, np.ones(12, bool))
    write_table(files["frame_table"], 12, test=test)
    fake_person_masks(monkeypatch, drawing)
    segment_regions(**files, settings=RegionSettings(model_frames=6, plate_frames=12))
    middle = np.s_[30:50, 20:40]
    assert read_image(files["hole"])[middle].all()
    plate = read_image(files["background"])[middle].astype(int)
    assert (plate[..., 1] - plate[..., 0]).max() < 100


@pytest.mark.parametrize("backend", ["colours", "onnx"])
def test_the_label_video_names_the_back_end(tmp_path, backend):
    drawing, found = Drawing(True, LONG, frames=3), np.ones(3, bool)
    files, network = write_clip(tmp_path, drawing, 3, found), None
    if backend == "onnx":
        pytest.importorskip("onnxruntime", reason="onnxruntime runs .onnx files")
        network = str(tmp_path / "net.onnx")
        (tmp_path / "net.onnx").write_bytes(onnx_file(np.eye(3), np.zeros(3)))
    settings = RegionSettings(backend=backend, model=network, model_frames=2, plate_frames=2)
    segment_regions(**files, settings=settings)
    expected = f"onnx ({weights_name(network)})" if network else "colours"
    assert labels_backend(files["out"]) == expected
    assert len(list(read_labels(files["out"]))) == 3


def test_wrong_inputs_are_named(tmp_path):
    drawing, found = Drawing(True, LONG, frames=3), np.ones(3, bool)
    files = write_clip(tmp_path, drawing, 2, found)
    settings = RegionSettings(model_frames=2, plate_frames=2)
    with pytest.raises(UserError, match="3 rows but .*frames.csv has 2 frames"):
        segment_regions(**files, settings=settings)
    files = write_clip(tmp_path, drawing, 3, np.zeros(3, bool))
    with pytest.raises(UserError, match="no face at all"):
        segment_regions(**files, settings=settings)
    points = drawing.points[[0, 1, 2, 2]]
    Landmarks(points, np.ones(4, bool), SIZE, "test").write(files["landmarks"])
    write_table(files["frame_table"], 4)
    with pytest.raises(UserError, match="has 3 frames but .* has 4"):
        segment_regions(**files, settings=settings)
    assert not files["out"].exists()
    with pytest.raises(UserError, match="needs a network"):
        regions.make_surfaces(None, RegionSettings(backend="onnx"))


def test_person_mask_of_a_photograph():
    image = cv2.resize(data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA)
    with open_detectors().person() as masks:
        person = masks.find(image)
    assert person.shape == (256, 256) and 0 <= person.min() and person.max() <= 1
    assert person[55:75, 100:125].min() > 0.9  # the face
    assert person[:60, :40].max() < 0.1  # the wall at the left


# --- parts ---------------------------------------------------------------------------------------


def test_colour_density_sums_to_one_and_knows_its_samples():
    image = np.full((20, 20, 3), (200, 60, 60), np.uint8)
    model = ColorModel()
    assert model.density() == pytest.approx(np.full(BINS**3, 1 / BINS**3))
    model.add(color_bins(image), np.ones((20, 20)))
    density = model.density()
    assert density.sum() == pytest.approx(1)
    assert density.argmax() == color_bins(image)[10, 10]
    assert density.min() > 0


def test_a_known_ingredient_is_taken_out_of_a_mixture():
    part, rest = np.array([0.7, 0.3, 0, 0, 0]), np.array([0, 0, 0.2, 0.5, 0.3])
    got, share = without(0.6 * part + 0.4 * rest, part)
    assert share == pytest.approx(0.6)
    np.testing.assert_allclose(got, rest, atol=1e-9)
    np.testing.assert_allclose(without(part, part)[0], 0.2)  # nothing is left: even


def test_two_places_share_their_colors():
    masses = np.zeros((2, BINS**3))
    masses[0, 8524], masses[1, 16912] = 100, 1
    apart, alike = mixed(masses, 0.05), mixed(masses, 1)
    np.testing.assert_allclose(apart.sum(1), 1)
    assert apart[0].argmax() == 8524 and apart[0, 8524] > 1000 * apart[0, 16912]
    # The place with one sample of its own believes the hundred of the other more, at 1 / 20 each.
    assert apart[1, 8524] == pytest.approx(5 * apart[1, 16912], rel=0.01)
    np.testing.assert_array_equal(alike[0], alike[1])
    model = ColorModel()
    model.add(np.array([8524, 16912]), np.array([100.0, 1.0]))
    np.testing.assert_allclose(alike[0], model.density())


def test_plate_is_the_median_of_what_is_free():
    rng = np.random.default_rng(0)
    wall = rng.integers(60, 200, (40, 60, 3)).astype(np.uint8)
    plate = Plate(margin=2)
    for k in range(20):
        frame, person = wall.copy(), np.zeros((40, 60))
        person[:, 20 + k // 4 : 40] = 1  # the columns from 25 on are never free
        frame[person > 0] = 255
        if k == 3:
            frame[:, :10] = 0  # one bad frame
        plate.add(frame, person)
    got, hole, noise = plate.solve()
    np.testing.assert_array_equal(got[:, :17], wall[:, :17])
    assert hole[:, 24:40].all() and not hole[:, :17].any() and not hole[:, 45:].any()
    assert noise[:, :17].max() == 0


def test_plate_evidence_corrects_an_unsure_mask():
    plate = np.full((30, 30, 3), (60, 120, 60), np.uint8)
    image = plate.copy()
    image[:, 15:] = (200, 60, 60)
    hole = np.zeros((30, 30), bool)
    hole[:8] = True
    background = Background(plate, hole, np.zeros((30, 30), np.float32))
    p = background.sharpen(image, np.full((30, 30), 0.5))
    assert p[20, 5] < 0.2 and p[20, 25] > 0.8
    assert p[2, 5] == pytest.approx(0.5, abs=0.01)  # nothing is known there
    sure = background.sharpen(image, np.full((30, 30), 0.99))
    assert sure[20, 5] > 0.5  # what the mask is sure of stays


def test_face_frame_ignores_place_size_and_roll():
    drawing = Drawing(True, LONG, frames=5)
    frame = FaceFrame(drawing.points[:, :468])
    points = drawing.points[0]
    turn = 1.7 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    moved = points.copy()
    moved[:, :2] = points[:, :2] @ turn.T + [30, -12]
    for p in (points, moved):
        matrix = frame.to_map(p)
        on_map = p[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        if p is points:
            first = on_map
    np.testing.assert_allclose(on_map, first, atol=1e-2)


def layout() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of a head on a torso, scores that agree with them, meters below the origin."""
    labels = np.zeros((100, 100), np.uint8)
    labels[60:, 10:90] = TORSO
    labels[10:50, 30:70] = HAIR
    labels[20:60, 40:60] = FACE
    scores = np.stack([labels == k for k in (FACE, HAIR, TORSO)], -1) * 0.8 + 0.1
    height = np.broadcast_to((np.arange(100)[:, None] - 40) / 200, (100, 100))
    return labels, scores.astype(np.float32), height


def test_cleaning_keeps_what_is_right():
    labels, scores, height = layout()
    labels[40:80, 30:36] = HAIR  # a strand over the shoulder
    labels[84:95, 30:36] = HAIR  # its end, cut off by a highlight
    np.testing.assert_array_equal(clean(labels, scores, height, 10)[:84], labels[:84])


def test_cleaning_gives_stray_parts_away():
    labels, scores, height = layout()
    labels[80:95, 60:80] = HAIR  # a dark pocket of the jacket
    labels[22:30, 62:68] = TORSO  # cloth in the hair
    labels[30:32, 33:35] = FACE  # a speck
    got = clean(labels, scores, height, 10)
    assert (got[80:95, 60:80] == TORSO).all()
    assert (got[22:30, 62:68] == HAIR).all()
    assert (got[30:32, 33:35] == HAIR).all()
    assert (got == BACKGROUND).sum() == (labels == BACKGROUND).sum()


def test_person_mask_loses_specks_and_holes_only():
    person = np.zeros((60, 60), bool)
    person[20:60, 10:50] = True
    person[30:32, 20:22] = False  # a hole
    person[40:55, 30:40] = False  # the gap between arm and body
    person[2:4, 2:4] = True  # a speck
    got = solid_person(person, 10)
    assert got[31, 21] and not got[45, 35] and not got[3, 3]
    scores = np.zeros((60, 60, 3))
    scores[..., 1] = 1
    labels = fill_unassigned(np.zeros((60, 60), np.uint8), got, scores)
    assert ((labels == HAIR) == got).all() and ((labels == BACKGROUND) == ~got).all()


def test_lost_landmarks_are_interpolated():
    points = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((5, 478, 3), np.float32)
    found = np.array([False, True, False, True, False])
    broken = np.where(found[:, None, None], points, np.nan)
    np.testing.assert_allclose(bridge_landmarks(broken, found, "x")[:, 0, 0], [1, 1, 2, 3, 3])
