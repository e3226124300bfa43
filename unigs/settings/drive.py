"""Settings of drive: a portrait speaks a recording."""

from dataclasses import dataclass
from typing import Annotated, Literal

from unigs.stage.bounds import Bounds, NotNegative


@dataclass(frozen=True)
class DriveSettings:
    """How a foreign recording moves the portrait."""

    turn_seconds: NotNegative = 0.8
    """Seconds in which the replayed motion slows down and turns back at either end of the replayed
    piece of the clip."""
    pause_db: Annotated[float, Bounds(above=0, maximum=200)] = 35.0
    """Decibels below the loudness of the speech under which sound belongs to a pause."""
    pause_seconds: NotNegative = 0.2
    """Shortest pause in seconds that closes the mouth."""
    quality: Literal["high", "preview"] = "preview"
    """Quality of the written video: high (x264 at crf 10) or preview (x264 at crf 18)."""
    mark: bool = True
    """Show a small mark, the letters AI, in the upper right corner of every frame. Off: metadata
    and manifest say that it was off."""
    certificate: str = ""
    """File of the certificate that the video is signed with (.pem): the signer's own first, then
    those that vouch for it. Empty: a key that is made at first use, for this user alone, in
    `~/.local/share/unigs/signing` (`XDG_DATA_HOME` names another folder)."""
    private_key: str = ""
    """File of the private key of `drive.certificate` (.pem, without a password)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device that renders. auto: CUDA where torch finds it, else the CPU."""
