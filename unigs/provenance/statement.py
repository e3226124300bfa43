"""What a driven video states about itself, in its metadata and in its manifest."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import unigs
from unigs.provenance.clip import INTENDED_USE, UNTOLD, Provenance

TITLE = "Synthetic talking portrait (UniGS)"
SYNTHETIC = "Synthetic video: the person shown did not say this."
"""The sentence that must not be missing."""
TRAINED_ALGORITHMIC = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""What IPTC, and with it C2PA, calls media that a trained model made."""
ACTIONS = "c2pa.actions.v2"
"""Label of the manifest's assertion that says how the video came to be."""
PORTRAIT = "unigs.portrait"
"""Label of the manifest's assertion that says of which portrait and sound."""
MARKED, UNMARKED = "AI, upper right corner", "none (drive.mark was off)"
"""What is said of the visible mark."""


@dataclass(frozen=True)
class Statement:
    """What is said of one driven video."""

    sound: str
    """Name of the sound's file, without its folder."""
    sound_sha256: str
    """Checksum of the sound's file in hex."""
    portrait_sha256: str
    """Checksum of the portrait's file in hex."""
    marked: bool
    """Whether its frames bear the visible mark."""
    clip: Provenance = UNTOLD
    """Where the portrait's clip is from and by whose leave."""
    backends: dict[str, str] = field(default_factory=dict)
    """What prepared the portrait's clip, by part."""

    @property
    def visible_mark(self) -> str:
        """What is said of the visible mark."""
        return MARKED if self.marked else UNMARKED

    def comment(self) -> str:
        """The comment of the video's metadata."""
        told = [f"{name}: {text}" for name, text in self.clip.told().items()]
        parts = [
            f"{SYNTHETIC} Rendered by UniGS {unigs.__version__} from {self.sound}",
            f"digital source type: {TRAINED_ALGORITHMIC.rpartition('/')[2]}",
            f"portrait sha256: {self.portrait_sha256}",
            f"sound sha256: {self.sound_sha256}",
            f"visible mark: {self.visible_mark}",
            *told,
        ]
        return "; ".join(parts) + "."

    def definition(self, title: str) -> dict:
        """The manifest's definition for the C2PA library, as JSON values.

        Args:
            title: name of the video.
        """
        program = {"name": "UniGS", "version": unigs.__version__}
        created = {
            "action": "c2pa.created",
            "digitalSourceType": TRAINED_ALGORITHMIC,
            "softwareAgent": program,
            "description": "All pictures were rendered by a trained model of the person shown.",
        }
        about = {
            "statement": SYNTHETIC,
            "portrait": {"sha256": self.portrait_sha256, "backends": self.backends},
            "sound": {"name": self.sound, "sha256": self.sound_sha256},
            "clip": {name: text or "not told" for name, text in asdict(self.clip).items()},
            "visible_mark": self.visible_mark,
            "intended_use": INTENDED_USE,
        }
        return {
            "claim_generator_info": [program],
            # A file's name need not be text; C2PA would refuse it when all is rendered.
            "title": title.encode(errors="replace").decode(),
            "assertions": [
                {"label": ACTIONS, "data": {"actions": [created]}},
                {"label": PORTRAIT, "kind": "Json", "data": about},
            ],
        }
