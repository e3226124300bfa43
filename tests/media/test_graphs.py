"""Commands of ffmpeg: compiled from graphs, complete, and in one room alone."""

import ast
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.support.certificates import write_video
from unigs.media import graphs
from unigs.media.ffmpeg import ffmpeg_exe, file_address
from unigs.media.tags import read_tags
from unigs.media.video import VideoWriter, packets, read_video
from unigs.workflow.fingerprint import PACKAGE


def options(command, name):
    """Values of an option in a command line."""
    return [value for key, value in zip(command, command[1:], strict=False) if key == name]


def test_a_command_asks_nothing_and_runs_the_programs_own_ffmpeg():
    command = graphs.command_of(graphs.samples(Path("a.wav"), 16000, 60))
    assert command[0] == ffmpeg_exe()
    assert "-nostdin" in command and options(command, "-v") == ["error"] and "-y" not in command
    written = graphs.command_of(graphs.whole_sound(Path("a.wav"), Path("b.wav")), overwrite=True)
    assert written[-1] == "-y"
    assert options(written, "-i") == [file_address(Path("a.wav"))]
    assert file_address(Path("b.wav")) in written


def test_filters_stand_in_the_order_in_which_they_act():
    """Time, which drops frames; then the crop, whose pixels are the source's; then the size."""
    graph = graphs.frames(Path("a.mp4"), fps=25, crop=(1, 2, 30, 40), size=(16, 16), start=0.5)
    command = graphs.command_of(graph)
    (filters,) = options(command, "-filter_complex")
    names = [part.split("]")[1].split("=")[0] for part in filters.split(";")]
    assert names == ["fps", "crop", "scale"] and "crop=30:40:1:2:exact=1" in filters
    assert options(command, "-ss") == ["0.5"] and not options(command, "-to")
    assert command.index("-ss") < command.index("-i"), "sought in the file, not decoded"


def test_without_filters_no_graph_of_filters_is_asked_for():
    command = graphs.command_of(graphs.frames(Path("a.mp4")))
    assert "-filter_complex" not in command
    assert options(command, "-map") == ["0:v:0"]
    assert options(command, "-fps_mode") == ["passthrough"]


def test_pixels_are_those_of_the_same_filters_as_people_type_them(tmp_path):
    """Independent of ffmpeg-python: the options -vf and -ss by hand."""
    video = write_video(tmp_path / "a.mp4", 30, quality="preview")
    size = (32, 24)
    got = list(read_video(video, fps=12.5, crop=(7, 3, 40, 30), size=size, start=0.2, stop=0.9))
    filters = "fps=12.5:start_time=0:round=near,crop=40:30:7:3:exact=1,"
    filters += "scale=32:24:flags=area+accurate_rnd+full_chroma_int"
    words = [
        ffmpeg_exe(),
        "-v",
        "error",
        "-ss",
        "0.2",
        "-to",
        "0.9",
        "-i",
        str(video),
        "-vf",
        filters,
    ]
    words += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(words, capture_output=True, check=True).stdout
    wanted = np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3)
    assert len(wanted) >= 8 and np.array_equal(got, wanted)


@pytest.mark.parametrize("quality", graphs.ENCODERS)
def test_every_quality_is_written_with_its_encoder(tmp_path, quality):
    command = graphs.command_of(graphs.encoded(tmp_path / "a.mp4", 64, 64, 25, quality))
    encoder = graphs.ENCODERS[quality]["c:v"]
    assert options(command, "-c:v") == [encoder]
    crf = {"high": ["10"], "preview": ["18"], "intermediate": ["9"], "lossless": []}
    assert options(command, "-crf") == crf[quality]
    # Lossy colors are of one matrix, and the file says of which.
    matrix = [] if quality == "lossless" else ["bt709"]
    assert options(command, "-colorspace") == matrix
    assert ("out_color_matrix=bt709" in " ".join(command)) == bool(matrix)


@pytest.mark.parametrize("name", ["10:30.mp4", "-dash.mp4", "a;b=c [d], 'e'.mp4", "ü %d.mp4"])
def test_names_are_names(tmp_path, name):
    write_video(tmp_path / name, 5, title=name, comment=f"of {name}")
    assert len(list(read_video(tmp_path / name, size=(16, 16)))) == 5
    tags = read_tags(tmp_path / name)
    assert (tags["title"], tags["comment"]) == (name, f"of {name}")


def test_packets_are_counted_without_decoding(tmp_path):
    video = write_video(tmp_path / "a.mp4", 9)
    assert packets(video) == (9, "", False)
    assert packets(video, "mov,matroska")[0] == 9
    count, complaints, failed = packets(video, "matroska")
    assert count == 0 and failed and complaints


def test_a_writer_takes_a_rate_that_is_no_whole_number(tmp_path):
    with VideoWriter(tmp_path / "a.mkv", 16, 16, 30000 / 1001, "lossless") as writer:
        for k in range(30):
            writer.write(np.full((16, 16, 3), 8 * k, np.uint8))
    frames = list(read_video(tmp_path / "a.mkv"))
    assert [int(frame[0, 0, 0]) for frame in frames] == [8 * k for k in range(30)]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_the_same_frames_make_the_same_file(tmp_path, name):
    """Results of a repeated run are compared by content, by Snakemake, too."""
    made = []
    for _ in range(2):
        with VideoWriter(tmp_path / name, 16, 16, 25, "lossless" if "mkv" in name else "high") as w:
            for value in range(9):
                w.write(np.full((16, 16, 3), 8 * value, np.uint8))
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]


def test_no_other_room_writes_arguments_of_ffmpeg():
    """Options without which no command reads or writes anything."""
    words = {"-i", "-map", "-vf", "-af", "-filter_complex", "-c:v", "-c:a", "-nostdin"}
    found = []
    for path in PACKAGE.rglob("*.py"):
        texts = {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        if texts & words:
            found.append(path.relative_to(PACKAGE).as_posix())
    assert found == ["media/graphs.py"]
