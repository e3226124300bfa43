"""Columns of the sheet of subjects (config/subjects.tsv); no section of the configuration."""

from dataclasses import dataclass, field

NAME = r"^[a-z0-9][a-z0-9_]*$"
"""Pattern of the names that become folders or files of results."""
BESIDE_SUBJECTS = ("tables", "figures")
"""Folders of results that no subject may be named after."""
BESIDE_VARIANTS = ("source", "clip", "speech", "face", "regions", "body", "figures")
"""Folders that a subject has beside those of its variants: no variant may be named after them."""
SOURCES = ("video", "url", "imported")
"""Columns of which each row fills in at least one."""
PROVENANCE = ("source", "license", "consent")
"""Columns that training passes on to its record."""

_SECONDS = r"\d+(\.\d+)?"
_RANGES = rf"^{_SECONDS}-{_SECONDS}(,{_SECONDS}-{_SECONDS})*$"


@dataclass(frozen=True)
class Subject:
    """One row of the sheet of subjects; an empty cell is None.

    The metadata of a field are keywords of JSON Schema for a cell that is filled in.
    """

    subject: str = field(metadata={"pattern": NAME, "not": {"enum": list(BESIDE_SUBJECTS)}})
    """Name of the subject's folder in `results/`: small letters, digits, `_`."""
    dataset: str = field(metadata={"pattern": NAME})
    """Data set that tables choose subjects by: `longhair`, `shorthair` or any other word."""
    video: str | None = None
    """Path of the video from the working directory, or `synthetic` for the made-up
    speaker, `synthetic:2` for the one of seed 2."""
    url: str | None = field(default=None, metadata={"pattern": r"^(https?|file)://"})
    """Address to download the video from if the column `video` is empty: a video file, or a page
    that yt-dlp knows."""
    imported: str | None = None
    """Folder that `unigs import` wrote: frames, split and poses of another system's data set, which
    take the place of those that the preparation would find in a video."""
    sha256: str | None = field(default=None, metadata={"pattern": r"^[0-9a-fA-F]{64}$"})
    """SHA-256 checksum of the download; a changed or cut-off download stops the run. Of a video
    page it is that of the file as yt-dlp joined it (docs/collecting_clips.md: when it changes)."""
    section: str | None = field(default=None, metadata={"pattern": rf"^{_SECONDS}-{_SECONDS}$"})
    """Seconds of a video page's video that are downloaded, `61-185`; `start`, `stop` and `remove`
    count from the first of them. Nothing is encoded anew. Empty: all of it."""
    format: str | None = field(default=None, metadata={"pattern": r"^[^\s'\"-][^\s'\"]*$"})
    """Formats of a video page to choose from, in yt-dlp's words: `bv*[height<=720]+ba`. Empty: the
    best of at most 1080 lines."""
    crop: str | None = field(default=None, metadata={"pattern": r"^\d+:\d+:\d+:\d+$"})
    """Area of the source, `width:height:x:y` in pixels as in ffmpeg; a square area is taken as it
    is, in another the window is looked for."""
    start: str | None = field(default=None, metadata={"pattern": rf"^{_SECONDS}$"})
    """First second of the source that belongs to the clip."""
    stop: str | None = field(default=None, metadata={"pattern": rf"^{_SECONDS}$"})
    """Last second of the source that belongs to the clip."""
    remove: str | None = field(default=None, metadata={"pattern": _RANGES})
    """Ranges to leave out of training and test, in seconds of the clip: `3.2-5,40-41.5`."""
    test: str | None = field(default=None, metadata={"pattern": _RANGES})
    """Ranges that are held out for the test, in seconds of the clip: `48.6-53.4`. Empty: the
    settings of `screen` choose, as it is the custom the clip's last eleventh."""
    source: str | None = None
    """Where the video is from: an address, a title, who filmed it. Stands in
    `run.json`, the portrait's file, its model card and its talking videos; a change trains nothing
    anew."""
    license: str | None = None
    """License or terms under which the video may be used: `CC BY 4.0`, `own recording`.
    Stands where `source` does; a change trains nothing anew."""
    consent: str | None = None
    """How the person agreed to a portrait that speaks: `myself`, `signed form 12`. Stands
    where `source` does; a change trains nothing anew."""
    openface: str | None = None
    """Table (.csv) that OpenFace or pyfaceau wrote for `results/{subject}/clip/video.mp4`, for the
    setting `eyes: {backend: openface}`; without it a FeatureExtraction on PATH writes one."""
