"""Sheet, figures and page: what is shown is what was measured, and no link is dead."""

import base64
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pandas as pd
import pytest

from tests.support.runs import REASON, table_of, write_run
from tests.support.subject import write_table
from unigs.evaluate.runs import Run, earlier_runs
from unigs.media.video import VideoWriter
from unigs.report import figures
from unigs.report.gallery import gallery
from unigs.report.gallery import table_of as page_table
from unigs.report.player import Method, Player, strip_values
from unigs.report.rows import read_frames
from unigs.report.sheet import choose, draw_test_sheet, error_image
from unigs.stage.errors import UserError
from unigs.stage.files import read_json, write_json


def test_sheet_takes_even_frames_and_the_worst_of_the_rest():
    scores = np.array([30.0, 10, 29, 28, 5, 27, 26, 25, 9, 1])
    even, worst = choose(scores, spaced=4, worst=2)
    assert even == [0, 3, 6, 9]  # 9 is the worst of all, but is shown already
    assert worst == [4, 8]


def test_sheet_of_a_very_short_test_part_shows_each_frame_once():
    assert choose(np.array([3.0, 2.0]), spaced=6, worst=3) == ([0, 1], [])


def test_error_is_magnified_and_symmetric():
    dark, light = np.full((2, 2, 3), 100, np.uint8), np.full((2, 2, 3), 110, np.uint8)
    assert (error_image(dark, light) == 30).all() and (error_image(light, dark) == 30).all()
    assert (error_image(dark, np.full_like(dark, 250)) == 255).all()


def test_sheet_pairs_each_render_with_the_frame_it_shows(tmp_path):
    levels = [20, 60, 100, 140, 180, 220]
    for name, rows, offset in (("clip.mkv", range(6), 0), ("test.mkv", range(3, 6), 10)):
        with VideoWriter(tmp_path / name, 64, 64, 25, "lossless") as writer:
            for k in rows:
                writer.write(np.full((64, 64, 3), levels[k] + offset, np.uint8))
    rows = pd.DataFrame({"frame": [3, 4, 5], "psnr_full": [28.0, 27.0, 29.0]})
    rows.to_csv(tmp_path / "frames.csv", index=False)
    draw_test_sheet(
        tmp_path / "clip.mkv", tmp_path / "test.mkv", tmp_path / "frames.csv", tmp_path / "s.png",
        spaced=2, worst=1,
    )  # fmt: skip
    sheet = cv2.imread(str(tmp_path / "s.png"))
    cells = [sheet[y * 66 + 50, x * 66 + 60, 0] for y in range(3) for x in range(3)]
    assert cells == [140, 150, 30, 220, 230, 30, 180, 190, 30]


def test_training_figure_strings_the_stages_together():
    static = pd.DataFrame(
        {"step": [0, 50, 100], "loss": [1.0, 0.5, 0.4], "psnr_train": [9, 12, 14]}
    )
    dynamic = pd.DataFrame({"step": [0, 60], "loss": [0.4, 0.2], "psnr_val": [None, 20.0]})
    figure = figures.training_figure(static, dynamic)
    loss, quality = figure.axes
    drawn = [line for line in loss.get_lines() if line.get_linestyle() != ":"]
    assert [list(line.get_xdata()) for line in drawn] == [[0, 50, 100], [100, 160]]
    held = [line for line in quality.get_lines() if "held-out" in str(line.get_label())]
    assert [list(line.get_xdata()) for line in held] == [[160]]
    assert loss.get_yscale() == "log"
    figures.plt.close(figure)


def test_region_figure_shows_each_methods_figure_and_no_bar_for_an_empty_one(tmp_path):
    content = read_json(write_run(tmp_path, "ann", "unigs", 24.0) / "metrics.json")
    figure = figures.region_figure(Run("ann", "unigs", content))
    heights = {bar.get_height() for bar in figure.axes[0].patches if np.isfinite(bar.get_height())}
    assert heights == {24.0, 22.0, 23.0, 15.0}
    figures.plt.close(figure)


def test_motion_figure_draws_truth_render_and_shuffled():
    names = ("opening_truth", "opening_portrait", "opening_shuffled", "eye_truth", "eye_portrait")
    table = pd.DataFrame(
        {"time": [0.0, 0.04, 0.08], **{n: [k, k + 1, None] for k, n in enumerate(names)}}
    )
    figure = figures.motion_figure(table)
    curves = [list(line.get_ydata()) for axes in figure.axes for line in axes.get_lines()]
    assert [curve for curve in curves if curve] == [[k, k + 1] for k in range(5)]
    figures.plt.close(figure)


def test_a_frame_without_error_leaves_the_players_data_readable():
    """Its PSNR is infinite, which a browser's JSON does not know."""
    table = pd.DataFrame(
        {"frame": [3, 4], "psnr_full": [np.inf, 30.12345], "psnr_hair": [np.inf, np.inf]}
    )
    player = Player(25.0, [3, 4], [Method("unigs", Path("v.mp4"), strip_values(table))])
    told = json.loads(json.dumps(player.data(), allow_nan=False))
    assert told["methods"][0]["values"] == {"psnr_full": [None, 30.12]}
    assert list(told["columns"]) == ["psnr_full"]


@pytest.mark.parametrize(
    "text, sentence",
    [
        (None, "frames.csv does not exist: run the stage that makes it first.$"),
        ("", "frames.csv cannot be read (.*): run evaluate anew.$"),
        ("psnr_full\n30\n", "frames.csv lacks the columns frame: run evaluate anew.$"),
        ("frame\n3\n", "frames.csv lacks the columns psnr_full: run evaluate anew.$"),
        ("frame,psnr_full\n", "frames.csv has no frames: run evaluate anew.$"),
        ("frame,psnr_full\n3,30\n,31\n", "frames.csv has a frame without a number: run evaluate"),
        ("frame,psnr_full\n3,30\n3.5,31\n", "frames.csv has a frame without a number: run"),
        ("frame,psnr_full\nx,30\n", "frames.csv has a frame without a number: run"),
        ("frame,psnr_full\ninf,30\n", "frames.csv has a frame without a number: run"),
    ],
)
def test_figures_per_frame_that_are_none_are_told(tmp_path, text, sentence):
    if text is not None:
        (tmp_path / "frames.csv").write_text(text)
    with pytest.raises(UserError, match=sentence):
        read_frames(tmp_path / "frames.csv", "psnr_full")


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.tags, self.anchors = [], [], set()
        self.text, self.titles = "", []

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.anchors |= {values["id"]} if "id" in values else set()
        self.found += [values[key] for key in ("href", "src") if key in values]
        # A figure that nobody measured has a reason of its own.
        self.titles += [t for t in [values.get("title")] if t not in (None, "not measured")]


@pytest.fixture
def site(tmp_path):
    root = tmp_path / "results of <today>"
    runs = [write_run(root, s, v, 24.0) for s in ("ann", "bob") for v in ("unigs", "plus")]
    for folder in runs:
        (folder / "video.mp4").write_bytes(b"x")
    extra = [root / "ann/plus/drive/a song & more.mp4", root / "bob/other/drive/b.mp4"]
    extra += [root / "ann/figures/sheet.png", root / "ann/plus/player.html"]
    for path in extra:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (root / "tables").mkdir()
    table_of(root / "tables", runs)
    gallery(
        tuple(run / "metrics.json" for run in runs),
        root / "index.html",
        drives=tuple(extra[:2]),
        preparation=(extra[2],),
        tables=(root / "tables/table.csv",),
    )
    parser = Links()
    text = (root / "index.html").read_text()
    parser.feed(text)
    return root, text, parser


def test_every_link_of_the_page_leads_somewhere_and_nowhere_else(site):
    root, _, page = site
    assert len(page.found) > 10
    for target in page.found:
        if target.startswith("#"):
            assert unquote(target[1:]) in page.anchors
        else:
            assert "://" not in target and not target.startswith("/")
            assert (root / unquote(target)).is_file(), target
    assert not {"script", "link", "iframe"} & set(page.tags)


def test_the_page_leads_to_the_player_of_each_run_that_has_one(site):
    _, _, page = site
    assert [t for t in page.found if t.endswith("player.html")] == ["ann/plus/player.html"]


def test_page_shows_all_videos_and_says_that_they_are_synthetic(site):
    _, text, page = site
    assert page.tags.count("video") == 6
    assert "synthetic" in text and "nothing of the left half is pasted" in text
    assert "a%20song%20%26%20more.mp4" in text


def test_page_names_stand_ins_and_reasons(site):
    _, text, _ = site
    assert "logmel" in text and "DeepSpeech" in text
    assert f"LPIPS is empty: {REASON}" in text


def test_page_shows_the_figures_of_the_run(site):
    _, text, _ = site
    assert "<b>24.00</b><span>PSNR, dB</span>" in text
    assert '<span class="up">+1.00 to static</span>' in text


def test_html_in_names_comes_out_escaped(tmp_path):
    """In text, attributes and links: subject, variant, sound, table, title, reason."""
    evil = "\"'><script>%s{{ 7 * 7 }}&amp;"
    run = write_run(tmp_path, evil % "subject", evil % "variant", 20.0)
    talk = run.parents[1] / "other" / "drive" / f"{evil % 'sound'}.mp4"
    own = run.parent / "drive" / f"{evil % 'own'}.mp4"
    plot = run.parent / "figures" / f"{evil % 'plot'}.svg"
    for path in (talk, own, plot):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    (tmp_path / "tables").mkdir()
    table_of(tmp_path / "tables", [run])
    (tmp_path / "tables/table.csv").rename(tmp_path / f"tables/{evil % 'table'}.csv")
    content = read_json(run / "metrics.json")
    content["device"] = content["landmark_backend"] = evil % "device"
    for row in content["metrics"]:
        if row["metric"] == "lmd_256":
            row["value"], row["reason"] = None, evil % "reason"
    write_json(run / "metrics.json", content)
    gallery(
        (run / "metrics.json",), tmp_path / "index.html", drives=(talk, own),
        tables=(tmp_path / f"tables/{evil % 'table'}.csv",), title=evil % "title",
    )  # fmt: skip
    page = Links()
    text = (tmp_path / "index.html").read_text()
    page.feed(text)
    assert "script" not in page.tags and "<script" not in text
    for name in ("subject", "variant", "sound", "table", "title", "device"):
        assert evil % name in page.text, name
    assert page.titles == [REASON, evil % "reason"] and f"empty: {evil % 'reason'}" in page.text
    for target in page.found:
        assert target.startswith("#") or (tmp_path / unquote(target)).is_file(), target


def test_subjects_of_a_table_keep_their_names_on_the_page(tmp_path):
    """What looks like a number or like nothing to a reader of CSV files is a name like others."""
    names = ("007", "null", "nan", "1e5")
    runs = [write_run(tmp_path, name, "unigs", 24.0) for name in names]
    (tmp_path / "tables").mkdir()
    paper = tmp_path / "paper.csv"
    paper.write_text("dataset,method,psnr\n012,1.50,25\n")
    table_of(tmp_path / "tables", runs, datasets=("1e5=012",), paper=paper)
    page = page_table(tmp_path / "tables/table.csv", tmp_path)
    shown = [row.words for row in page.rows if row.source == "here" and "mean" not in row.words[1]]
    assert shown == [("012" if name == "1e5" else "own", name, "unigs") for name in names]
    assert page.rows[0].words == ("012", "", "1.50 (paper)")


def test_page_refuses_files_that_it_cannot_link_to(tmp_path):
    run = write_run(tmp_path / "results", "ann", "unigs", 20.0)
    outside = tmp_path / "video.mp4"
    outside.write_bytes(b"x")
    metrics, page = (run / "metrics.json",), tmp_path / "results/index.html"
    with pytest.raises(UserError, match="not in a folder below"):
        gallery(metrics, page, drives=(outside,))
    with pytest.raises(UserError, match="does not exist"):
        gallery(metrics, page, drives=(run / "video.mp4",))
    stranger = Path(tmp_path / "results/eve/unigs/drive/video.mp4")
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"x")
    with pytest.raises(UserError, match="belongs to no run"):
        gallery(metrics, page, drives=(stranger,))
    assert not page.exists()


@pytest.mark.parametrize(
    "content, sentence",
    [
        (None, "tables/x.csv does not exist: run the stage that makes it first.$"),
        ("", "tables/x.csv cannot be read (.*): run collate anew.$"),
        ("a,b\n1,2\n", "tables/x.csv lacks the columns .*: run collate anew.$"),
    ],
)
def test_tables_that_are_none_are_told(tmp_path, content, sentence):
    run, table = write_run(tmp_path, "ann", "unigs", 20.0), tmp_path / "tables/x.csv"
    table.parent.mkdir()
    if content is not None:
        table.write_text(content)
    with pytest.raises(UserError, match=sentence):
        gallery((run / "metrics.json",), tmp_path / "index.html", tables=(table,))
    with pytest.raises(UserError, match=sentence.replace("collate", "collate_voices")):
        gallery((run / "metrics.json",), tmp_path / "index.html", voices=table)


def test_figures_without_what_the_page_shows_are_told(tmp_path):
    path = write_run(tmp_path, "ann", "unigs", 20.0) / "metrics.json"
    content = read_json(path)
    del content["test_frames"], content["size"]
    write_json(path, content)
    with pytest.raises(UserError, match="metrics.json lacks size, test_frames: run evaluate"):
        gallery((path,), tmp_path / "index.html")


def age(path: Path, seconds: float) -> None:
    os.utime(path, (path.stat().st_mtime - seconds,) * 2)


def test_what_was_made_before_stays_on_the_page(tmp_path):
    """Runs and talking videos that still hold, behind those of the present plan."""
    new, old = (write_run(tmp_path, name, "unigs", 24.0) for name in ("zoe", "ann"))
    stale, damaged = (write_run(tmp_path, name, "unigs", 24.0) for name in ("bob", "cem"))
    ancient, split = (write_run(tmp_path, name, "unigs", 24.0) for name in ("dan", "fay"))
    beside = [
        old / "video.mp4", old / "sheet.png", old.parent / "figures/curve.svg",
        tmp_path / "ann/figures/sheet.png", old.parent / "drive/words.mp4",
        new.parent / "drive/earlier.mp4", new.parent / "drive/stale.mp4",
        stale / "video.mp4", tmp_path / "bob/clip/video.mp4", tmp_path / "eve/x/drive/y.mp4",
        new.parent / "dynamic/portrait.safetensors", tmp_path / "fay/clip/frames.csv",
    ]  # fmt: skip
    for path in beside:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    for run in (stale, split):  # measured before the clip, and the choice of its test frames
        age(run / "metrics.json", 100)
    age(new.parent / "drive/stale.mp4", 100)
    age(new.parent / "dynamic/portrait.safetensors", 10)
    (damaged / "metrics.json").write_text("{")
    write_json(ancient / "metrics.json", {"metrics": []})
    earlier = tuple(folder / "metrics.json" for folder in (old, stale, damaged, ancient, split))
    drives = tuple(tmp_path.glob("*/*/drive/*.mp4"))
    page = tmp_path / "index.html"
    gallery((new / "metrics.json",), page, earlier=earlier, earlier_drives=drives)
    links = Links()
    links.feed(page.read_text())
    sections = [target for target in links.found if target.startswith("#s-")]
    assert sections == ["#s-zoe", "#s-ann"]
    files = {unquote(target) for target in links.found if not target.startswith("#")}
    shown = {str(path.relative_to(tmp_path)) for path in beside[:6]}
    assert files == shown
    assert links.text.count("from an earlier run") == 1


def test_an_earlier_run_holds_while_its_test_frames_do(tmp_path, caplog):
    """The table may be written anew, with the same frames held out; not with others."""
    run = write_run(tmp_path, "ann", "unigs", 24.0)
    (run / "frames.csv").write_text("frame,psnr_full\n20,30\n21,31\n")
    age(run / "metrics.json", 100)
    table = tmp_path / "ann/clip/frames.csv"
    for held_out, kept in (([20, 21], 1), ([19, 20, 21], 0), ([0, 1], 0)):
        write_table(table, 22, test=np.isin(np.arange(22), held_out))
        assert len(earlier_runs((run / "metrics.json",))) == kept
    assert caplog.text.count("is of other test frames than ann") == 2


def test_damaged_figures_per_frame_of_an_earlier_run_leave_it_out_of_the_player(tmp_path, caplog):
    runs = [write_run(tmp_path, "ann", name, 24.0) for name in ("plus", "unigs")]
    for run in runs:
        (run / "video.mp4").write_bytes(b"x")
        (run / "frames.csv").write_text("frame,psnr_full\n3,30\n4,31\n")
    (runs[1] / "frames.csv").write_text("frame,psnr_full\n3,30\n,")
    new, old = (run / "metrics.json" for run in runs)
    gallery((new,), tmp_path / "index.html", earlier=(old,))
    text = (tmp_path / "index.html").read_text()
    assert '"frames": [3, 4]' in text and text.count('"values"') == 1
    assert "from an earlier run" in text, "its figures stay"
    assert "unigs/test/frames.csv has a frame without a number" in caplog.text
    with pytest.raises(UserError, match="unigs/test/frames.csv has a frame without a number"):
        gallery((new, old), tmp_path / "index.html")


def test_a_video_shows_its_first_frame_before_it_is_played(tmp_path):
    run = write_run(tmp_path, "ann", "unigs", 24.0)
    talk = run.parent / "drive/words.mp4"
    talk.parent.mkdir()
    for path, level in ((run / "video.mp4", 200), (talk, 60)):
        with VideoWriter(path, 640, 320, 25) as writer:
            writer.write(np.full((320, 640, 3), (level, 20, 20), np.uint8))
            writer.write(np.zeros((320, 640, 3), np.uint8))
    gallery((run / "metrics.json",), tmp_path / "index.html", drives=(talk,))
    text = (tmp_path / "index.html").read_text()
    pictures = re.findall(r'<video [^>]*poster="data:image/jpeg;base64,([^"]+)"', text)
    for picture, level in zip(pictures, (200, 60), strict=True):
        content = np.frombuffer(base64.b64decode(picture), np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1]
        assert image.shape == (240, 480, 3) and len(content) < 20_000
        np.testing.assert_allclose(image.mean((0, 1)), (level, 20, 20), atol=6)


def test_a_video_that_cannot_be_decoded_has_no_picture_and_the_page_is_made(site):
    _, text, _ = site
    assert "<video" in text and "poster" not in text
