"""Tags come back as they were written."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tests.support.certificates import write_video
from unigs.media.tags import parse_tags, read_tags
from unigs.stage.errors import UserError


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    "comment", ["a = b; # c", "back\\slash, ü and 中", "two\nlines", "[STREAM]", "x" * 3000]
)
def test_any_text_survives(tmp_path, suffix, comment):
    video = write_video(tmp_path / f"a{suffix}", 2, title="; t=1", comment=comment)
    tags = read_tags(video)
    assert tags["title"] == "; t=1" and tags["comment"] == comment


@given(st.dictionaries(st.text("abc", min_size=1), st.text("a=;#\\\n[] ü")))
def test_the_text_form_of_ffmpeg_is_read(tags):
    """Written by its description: = ; # \\ and line breaks have a backslash before them."""

    def escaped(text):
        return "".join(f"\\{c}" if c in "=;#\\\n" else c for c in text)

    lines = [f"{escaped(name)}={escaped(text)}\n" for name, text in tags.items()]
    text = ";FFMETADATA1\n" + "".join(lines) + "[CHAPTER]\ntitle=no tag of the file\n"
    assert parse_tags(text) == tags


def test_what_is_no_media_file_has_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"none\.mp4 does not exist"):
        read_tags(tmp_path / "none.mp4")
    (tmp_path / "a.mp4").write_text("no")
    with pytest.raises(UserError, match=r"a\.mp4 is no media file that ffmpeg can read"):
        read_tags(tmp_path / "a.mp4")
