"""The viewer without a browser: reloading, playing, choosing."""

import shutil
import socket
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
import torch

from tests.support.view import REMOVED, TESTED, make_speaker
from unigs.model.storage import load_portrait, save_portrait
from unigs.stage.own_page import why_foreign
from unigs.view import viewer as module
from unigs.view.access import Address
from unigs.view.clip import PARTS, read_clip
from unigs.view.coloring import COLORINGS, REGION
from unigs.view.field import part_of
from unigs.view.files import files_of, named_files
from unigs.view.scene import CENTIMETERS, SHAPES, looking, placed
from unigs.view.viewer import Viewer

viser = pytest.importorskip("viser", reason="viser is not installed: the extra view")


@pytest.fixture(scope="module")
def speaker(tmp_path_factory):
    return make_speaker(tmp_path_factory.mktemp("view"))


@pytest.fixture
def copy(speaker, tmp_path):
    return shutil.copytree(speaker.folder, tmp_path / "results/zoe")


@pytest.fixture
def viewer(copy):
    clip = read_clip(files_of(copy / "unigs_plus", "unigs_plus"))
    made = Viewer(clip, "zoe", "cpu", Address(port=0))
    yield made
    made.server.stop()


def at_once(viewer):
    """Let the viewer look at the file as if time had passed."""
    viewer.looked = -np.inf
    viewer._look_at_the_file()


def test_a_portrait_that_is_written_anew_is_shown(viewer, copy):
    path = copy / "unigs_plus/dynamic/portrait.safetensors"
    before = viewer.moment.render
    viewer.panel.held["lips", "opening"] = 1.0
    at_once(viewer)
    viewer.draw()
    held = viewer.moment.render
    made = load_portrait(path)
    with torch.no_grad():
        made.gaussians.colors.neg_()
    save_portrait(made, path)
    at_once(viewer)
    viewer.draw()
    assert np.abs(viewer.moment.render.astype(int) - held).mean() > 1
    assert viewer.panel.held == {("lips", "opening"): 1.0}, "what is held stays"
    assert not np.array_equal(before, held)


def test_a_portrait_with_more_gaussians_takes_its_place(viewer, copy):
    path = copy / "unigs_plus/dynamic/portrait.safetensors"
    made = load_portrait(path)
    made.gaussians = made.gaussians.part(torch.arange(len(made.gaussians)) < 50)
    save_portrait(made, path)
    for shape in SHAPES:
        viewer.panel.shape.value = shape
        viewer.draw()
    at_once(viewer)
    viewer.draw()
    assert len(viewer.field.regions) == len(viewer.moment.shown.centers) == 50


def test_a_broken_file_leaves_the_old_portrait_and_says_so(viewer, copy):
    path = copy / "unigs_plus/dynamic/portrait.safetensors"
    good, field = path.read_bytes(), viewer.field
    path.write_bytes(good[: len(good) // 2])
    at_once(viewer)
    assert viewer.field is field and "is no UniGS portrait" in viewer.panel.about.content
    path.unlink()
    at_once(viewer)
    assert viewer.field is field and "there is no portrait" in viewer.panel.about.content
    path.write_bytes(good)
    at_once(viewer)
    assert viewer.field is not field and "Not loaded" not in viewer.panel.about.content


def test_nobody_looks_at_the_file_if_that_is_switched_off(viewer, copy):
    path, field = copy / "unigs_plus/dynamic/portrait.safetensors", viewer.field
    viewer.panel.watch.value = False
    save_portrait(load_portrait(path), path)
    at_once(viewer)
    assert viewer.field is field
    viewer.panel.reload = True
    at_once(viewer)
    assert viewer.field is not field


def test_the_clip_plays_at_its_own_rate_and_leaves_late_frames_out(viewer, monkeypatch):
    """25 frames a second from the frame that was shown, around the end of the part."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    panel, last = viewer.panel, len(viewer.frames["test"])
    panel.index.value, panel.play.value = 2, True
    assert not viewer._advance(), "it begins with the frame that is there"
    for seconds, index in ((0.041, 3), (0.05, 3), (0.2, 7), (0.321, 0), (0.361, 1)):
        now[0] = 100.0 + seconds
        viewer._advance()
        assert panel.index.value == index % last, seconds
    panel.play.value = False
    now[0] += 1
    assert not viewer._advance() and viewer.started is None


def test_parts_are_scrubbed_by_their_own_frames(viewer):
    panel = viewer.panel
    viewer.draw()
    assert panel.chosen == "test" and viewer.frame == TESTED
    panel.part.value = PARTS["train"]
    panel.index.value = REMOVED
    viewer.draw()
    assert viewer.frame == REMOVED + 1, "a removed frame is none to train on"
    panel.part.value = PARTS["all"]
    panel.index.value = REMOVED
    viewer.draw()
    assert viewer.frame == REMOVED and "removed (hands)" in panel.status.content


def test_sliders_follow_the_frame_unless_they_are_held(viewer):
    panel, key, other = viewer.panel, ("head", "turn"), ("eyes", "AU45")
    control = next(c for c in viewer.field.controls if c.key == key)
    panel.held[other] = 0.25
    panel.sliders[other].value = 0.25
    seen = []
    for index in (0, 5):
        panel.index.value = index
        viewer.draw()
        assert panel.sliders[key].value == viewer.field.value(control, viewer.frame)
        assert panel.sliders[other].value == 0.25
        seen.append(panel.sliders[key].value)
    assert seen[0] != seen[1] and set(panel.held) == {other}
    assert "changed by hand" in panel.status.content


def test_every_shape_and_color_is_drawn(viewer):
    for shape in SHAPES:
        for coloring in COLORINGS:
            viewer.panel.shape.value, viewer.panel.coloring.value = shape, coloring
            viewer.draw()
        assert (viewer.scene.node is None) == (shape == "nothing")


def test_faint_gaussians_can_be_hidden(viewer):
    viewer.panel.shape.value = "points"
    opacities = viewer.moment.shown.opacities
    middle = float(np.median(opacities))
    viewer.panel.least.value = middle
    viewer.draw()
    assert len(viewer.scene.node.points) == (opacities >= middle).sum() < len(opacities)
    whole = part_of(viewer.moment.shown, opacities >= 0)
    assert whole is viewer.moment.shown


def test_without_regions_they_are_not_offered(copy):
    found = files_of(copy / "unigs_plus", "unigs_plus")
    given = {name: getattr(found, name) for name in vars(found) if name != "portraits"}
    files = named_files({**given, "portrait": found.portrait, "labels": None}, None)
    made = Viewer(read_clip(files), "zoe", "cpu", Address(port=0))
    try:
        assert REGION not in made.panel.coloring.options
    finally:
        made.server.stop()


def test_pages_of_strangers_are_turned_away(viewer):
    """viser itself asks nobody where he comes from."""
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    own, port = viewer.url.removeprefix("http://"), viewer.server.get_port()

    def come(origin, host):
        ask = {"origin": origin, "subprotocols": [f"viser-v{viser.__version__}"]}
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            connect(f"ws://{host}", sock=plain, compression=None, **ask) as tab,
        ):
            return tab.recv(5)

    for host in (own, f"localhost:{port}"):
        for origin in (f"http://{host}", None):
            assert come(origin, host)
    for origin, host in (
        ("http://evil.com", own),
        (f"http://evil.com:{port}", own),
        (f"http://localhost:{port + 1}", f"localhost:{port}"),
        ("null", own),
        (f"http://evil.com:{port}", f"evil.com:{port}"),
    ):
        with pytest.raises(InvalidStatus) as stop:
            come(origin, host)
        assert stop.value.response.status_code == 403, (origin, host)
    with pytest.raises(HTTPError) as stop:
        urlopen(Request(viewer.url, headers={"Host": f"evil.com:{port}"}))
    assert stop.value.code == 403 and b"open it as http://127.0.0.1." in stop.value.read()
    assert urlopen(viewer.url).status == 200


def test_on_all_addresses_a_page_is_its_own_under_any_name():
    assert why_foreign("0.0.0.0", "lab.example:8080", "http://lab.example:8080") is None
    assert "another server" in why_foreign("0.0.0.0", "lab.example:8080", "http://evil.com")
    assert "another server" in why_foreign("::1", "[::1]:8080", "http://[")
    assert why_foreign("::1", "[::1]:8080", "http://[::1]:8080") is None


def test_it_stops_when_asked(viewer):
    import threading

    thread = threading.Thread(target=viewer.run)
    thread.start()
    time.sleep(0.1)
    viewer.stop()
    thread.join(20)
    assert not thread.is_alive()


def test_the_camera_stands_where_the_pose_says(viewer):
    """x_cam = R x + t: the camera's center is where x_cam is 0, its axis where x_cam is (0,0,z)."""
    moment = viewer.moment
    position, wxyz = placed(moment.R, moment.t)
    np.testing.assert_allclose(moment.R @ position / CENTIMETERS + moment.t, 0, atol=1e-6)
    center, target, up = looking(moment.R, moment.t)
    axis = moment.R @ target / CENTIMETERS + moment.t
    np.testing.assert_allclose(axis, [0, 0, moment.t[2]], atol=1e-6)
    np.testing.assert_allclose(moment.R @ up, [0, -1, 0], atol=1e-6)
    np.testing.assert_allclose(center, position)
    assert abs(np.linalg.norm(wxyz) - 1) < 1e-9
