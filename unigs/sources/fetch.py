"""fetch_video: the video of a subject from an address, checked against a checksum."""

import hashlib
import logging
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlparse

from unigs.media.ffmpeg import ffmpeg_exe
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic
from unigs.stage.progress import progress

log = logging.getLogger("unigs")

FILE_SUFFIXES = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".ts"}
DOWNLOAD_CHUNK = 1 << 20
"""Bytes that are read at once."""


def fetch_video(url: str, out: Path, sha256: str = "") -> None:
    """Download a video.

    An address that ends like a video file is read as one; any other is a page of a video site
    and goes to yt-dlp.

    Args:
        url: http, https or file address.
        out: video to write.
        sha256: expected checksum in hex; empty: any file will do. The checksum is logged.

    Raises:
        UserError: the address cannot be fetched, or the checksum differs.
    """
    parts = urlparse(url)
    if parts.scheme not in ("http", "https", "file"):
        raise UserError(f'"{url}" is no http, https or file address: correct it in the sheet.')
    direct = Path(parts.path).suffix.lower() in FILE_SUFFIXES
    with atomic(out) as temporary:
        (_fetch_file if direct else _fetch_page)(url, temporary)
        found = checksum(temporary)
        if sha256 and found != sha256.strip().lower():
            raise UserError(
                f"{url} has sha256 {found}, but the sheet says {sha256}: the video has changed, "
                "or the download was cut short."
            )
    log.info("sha256 %s", found)


def checksum(path: Path) -> str:
    """The sha256 of a file in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch_file(url: str, out: Path) -> None:
    """Stream a file.

    Raises:
        UserError: the address cannot be reached, or the transfer ends early.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "unigs"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer, open(out, "wb") as file:
            size = int(answer.headers.get("Content-Length") or 0)
            blocks = iter(lambda: answer.read(DOWNLOAD_CHUNK), b"")
            for block in progress(
                blocks, total=-(-size // DOWNLOAD_CHUNK) or None, label="download"
            ):
                file.write(block)
            if size and file.tell() != size:
                raise UserError(f"{url} broke off after {file.tell()} of {size} bytes: try again.")
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise UserError(f"{url} cannot be fetched: {getattr(error, 'reason', error)}.") from None


def _fetch_page(url: str, out: Path) -> None:
    """Let yt-dlp fetch the best picture of at most 1080 lines with sound.

    Raises:
        UserError: yt-dlp is not installed, or fails.
    """
    if find_spec("yt_dlp") is None:
        raise UserError(
            f"{url} is a video page, which needs yt-dlp: pip install -c constraints.txt yt-dlp, "
            "or download it yourself and give its path in the column video."
        )
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        target = Path(folder) / "video.mp4"
        command = [sys.executable, "-m", "yt_dlp", "--no-playlist", "--no-progress"]
        command += ["--format", "bv*[height<=1080]+ba/b[height<=1080]/b"]
        command += ["--merge-output-format", "mp4", "--ffmpeg-location", ffmpeg_exe()]
        done = subprocess.run([*command, "--output", str(target), "--", url], check=False)
        if done.returncode or not target.exists():
            raise UserError(f"yt-dlp could not fetch {url}: its messages stand above.")
        shutil.move(target, out)


if __name__ == "__main__":
    cli.run(fetch_video)
