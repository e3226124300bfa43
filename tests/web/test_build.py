"""The built player that the package ships is what its sources give."""

import shutil
import subprocess
from pathlib import Path

import pytest

from unigs.web.page import PLAYER

WEB = Path(__file__).parents[2] / "web"


@pytest.mark.skipif(
    not (shutil.which("node") and (WEB / "node_modules").is_dir()),
    reason="there is no node, or npm ci was not run in the folder web",
)
def test_the_committed_player_equals_a_fresh_build(tmp_path):
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=WEB, check=True)
    for name in ("player.js", "page.html"):
        assert (tmp_path / name).read_bytes() == (PLAYER / name).read_bytes(), name


def test_the_script_ends_no_element_of_the_page():
    assert "</script" not in (PLAYER / "player.js").read_text().lower()
