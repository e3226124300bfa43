"""fetch_video: the video of a subject from an address, checked before it gets its name."""

import logging
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from unigs.media.ffmpeg import ffmpeg_exe
from unigs.media.video import packets
from unigs.stage import cli
from unigs.stage.checksum import checksum
from unigs.stage.download import copy_local, download, split_address
from unigs.stage.errors import UserError
from unigs.stage.files import atomic
from unigs.stage.leftovers import scratch_folder

log = logging.getLogger("unigs")

FILE_SUFFIXES = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".ts"}
CONTAINERS = "mov,matroska,avi,mpegts,mpeg"
"""Formats, as ffmpeg calls them, that a download may have: files that hold their own frames. Play
lists, which name other files, are none of them."""
CUT_OFF = ("partial file", "ended prematurely")
"""What ffmpeg says of a file that ends before its index does."""


def fetch_video(url: str, out: Path, sha256: str = "") -> None:
    """Download a video.

    An address that ends like a video file is read as one; any other is a page of a video site
    and goes to yt-dlp. Nothing is kept that is not a video.

    Args:
        url: http, https or file address.
        out: video to write.
        sha256: expected checksum in hex; empty: any video will do. The checksum is logged.

    Raises:
        UserError: the address cannot be fetched, is no whole video, or the checksum differs.
    """
    parts = split_address(url)
    with atomic(out) as temporary:
        kind = ""
        if parts.scheme == "file":
            copy_local(url, temporary)
        elif Path(parts.path).suffix.lower() in FILE_SUFFIXES:
            kind = download(url, temporary)
        else:
            _fetch_page(url, temporary)
        found = checksum(temporary)
        if sha256 and found != sha256.strip().lower():
            raise UserError(
                f"{url} has sha256 {found}, but the sheet says {sha256}: the video has changed, "
                "or the download was cut short."
            )
        check_video(temporary, url, kind)
    log.info("sha256 %s", found)


def check_video(path: Path, url: str, kind: str = "") -> None:
    """Stop if a download is no video, or the beginning of one.

    ffmpeg goes through all packets without decoding them. AVI and MPEG streams do not tell how long
    they should be.

    Args:
        path: the download.
        url: where it came from, for messages.
        kind: what the server calls it.

    Raises:
        UserError: no video that ffmpeg can read, or not the whole of one.
    """
    if not path.stat().st_size:
        raise UserError(f"{url} is empty: check the address.")
    count, complaints, failed = packets(path, CONTAINERS)
    if failed or not count:
        called = f" (the server calls it {kind})" if kind else ""
        raise UserError(
            f"{url} is no video that ffmpeg can read{called}: give the address of the file itself, "
            "not of a page about it."
        )
    if any(words in complaints for words in CUT_OFF):
        raise UserError(f"{url} ends before the video does: the file is damaged, or was cut short.")


def _fetch_page(url: str, out: Path) -> None:
    """Let yt-dlp fetch the best picture of at most 1080 lines with sound.

    Args:
        url: page of a video site.
        out: video to write.

    Raises:
        UserError: yt-dlp is not installed, or fails.
    """
    if find_spec("yt_dlp") is None:
        raise UserError(
            f"{url} is a video page, which needs yt-dlp: pip install -c constraints.txt yt-dlp, "
            "or download it yourself and give its path in the column video."
        )
    with scratch_folder(out.parent) as folder:
        target = folder / "video.mp4"
        command = [sys.executable, "-m", "yt_dlp", "--no-playlist", "--no-progress"]
        command += ["--format", "bv*[height<=1080]+ba/b[height<=1080]/b"]
        command += ["--merge-output-format", "mp4", "--ffmpeg-location", ffmpeg_exe()]
        done = subprocess.run([*command, "--output", str(target), "--", url], check=False)
        if done.returncode or not target.exists():
            raise UserError(f"yt-dlp could not fetch {url}: its messages stand above.")
        shutil.move(target, out)


if __name__ == "__main__":
    cli.run(fetch_video)
