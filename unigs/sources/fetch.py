"""fetch_video: the video of a subject from an address, checked before it gets its name."""

import logging
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from unigs.media.ffmpeg import ffmpeg_exe, is_cut_off
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
BEST = "bv*[height<=1080]+ba/b[height<=1080]/b"
"""What is taken of a video page: the best picture of at most 1080 lines, with the best sound."""
ANOTHER_FILE = (
    "or its site, yt-dlp or ffmpeg now write the same pictures into another file: look at it, then "
    "correct the sheet."
)
"""What else another checksum may mean for a page."""
QUIET_PAGES = (
    *("--ignore-config", "--no-playlist", "--playlist-items", "1", "--no-progress"),
    *("--match-filters", "!is_live", "--merge-output-format", "mp4"),
    # Without names of versions in it, a joined or cut file has one checksum for longer.
    *("--postprocessor-args", "Merger+ffmpeg_o:-fflags +bitexact"),
    *("--downloader-args", "ffmpeg_o:-fflags +bitexact"),
)
"""Options of yt-dlp: one video, none that is still going on, whatever people configured for other
purposes."""


def fetch_video(
    url: str, out: Path, sha256: str = "", section: str = "", format: str = BEST
) -> None:
    """Download a video.

    An address that ends like a video file is read as one; any other is a page of a video site
    and goes to yt-dlp. Nothing is kept that is not a video.

    Args:
        url: http, https or file address.
        out: video to write.
        sha256: expected checksum in hex; empty: any video will do. The checksum is logged.
        section: first and last second of a page's video, `61-185`, cut where frames lie, without
            encoding anything anew; empty: all of it.
        format: formats of a page's video to choose from, in yt-dlp's words.

    Raises:
        UserError: the address cannot be fetched, is no whole video, the checksum differs, or a part
            is asked of what is no page.
    """
    parts = split_address(url)
    page = parts.scheme != "file" and Path(parts.path).suffix.lower() not in FILE_SUFFIXES
    if not page and (section or format != BEST):
        raise UserError(
            f"{url} is a video file, of which section and format choose nothing: leave them empty, "
            "and give start and stop."
        )
    with atomic(out) as temporary:
        kind = ""
        if parts.scheme == "file":
            copy_local(url, temporary)
        elif page:
            _fetch_page(url, temporary, section, format)
        else:
            kind = download(url, temporary)
        found = checksum(temporary)
        if sha256 and found != sha256.strip().lower():
            raise UserError(
                f"{url} has sha256 {found}, but the sheet says {sha256}: the video has changed, "
                f"{ANOTHER_FILE if page else 'or the download was cut short.'}"
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
    if is_cut_off(complaints):
        raise UserError(f"{url} ends before the video does: the file is damaged, or was cut short.")


def _fetch_page(url: str, out: Path, section: str, format: str) -> None:
    """Let yt-dlp fetch a video, or a part of it.

    Args:
        url: page of a video site.
        out: video to write.
        section: first and last second; empty: all.
        format: what to choose from, in yt-dlp's words.

    Raises:
        UserError: yt-dlp is not installed, or fails.
    """
    if find_spec("yt_dlp") is None:
        raise UserError(
            f'{url} is a video page, which needs yt-dlp: pip install -U "yt-dlp[default]", or '
            "download it yourself and give its path in the column video."
        )
    with scratch_folder(out.parent) as folder:
        target = folder / "video.mp4"
        command = [sys.executable, "-m", "yt_dlp", *QUIET_PAGES, f"--format={format}"]
        command += [f"--ffmpeg-location={ffmpeg_exe()}", f"--output={target}"]
        # Not cut at exact frames, which would encode them anew: the file says where it begins.
        command += [f"--download-sections=*{section}"] if section else []
        done = subprocess.run([*command, "--", url], check=False)
        if done.returncode or not target.exists():
            raise UserError(
                f"yt-dlp could not fetch {url}: its messages stand above. Sites change often: a "
                'newer one may know how (pip install -U "yt-dlp[default]").'
            )
        shutil.move(target, out)


if __name__ == "__main__":
    cli.run(fetch_video)
