"""The catalogue of figures: one entry says where a figure comes from and where it is shown.

Tables, tiles of the page and the log's headline are derived from the entries. A new figure takes
two edits: the function that measures it writes a record, and an entry below shows it.
"""

from dataclasses import dataclass

from unigs.evaluate.records import FULL, MEAN, NEAREST, STATIC, TRUTH

PAPER_SIZE = 480
"""Pixels of the paper's frames: landmark distances are scaled to it."""

REGION_ORDER = (FULL, "person", "head", "face", "hair", "torso", "band", "mouth", "eyes")
"""Order of tiles and headline: the whole, then its parts, those judged by landmarks last."""
BASELINES = {
    TRUTH: "true frames",
    STATIC: "static model",
    NEAREST: "nearest training frame by pose",
    MEAN: "mean training frame",
}
"""What is judged beside a portrait, in words: pictures of the clip, and the portrait's own static
model, which stands in tables with the name of its variant."""


@dataclass(frozen=True)
class Figure:
    """A figure that is shown: a record's metric and region, and how people read it."""

    key: str
    """Column of the tables' CSV files, and of the paper's."""
    metric: str
    """Metric of the record."""
    title: str
    """Heading in tables, without arrow."""
    region: str = FULL
    """Region of the record."""
    digits: int = 2
    """Decimals that people are shown."""
    factor: float = 1.0
    """What the record's value is multiplied by."""
    higher_is_better: bool | None = True
    """Direction; None where neither more nor less is better."""
    of_paper: bool = False
    """Whether the paper has the figure, too; the others are listed in a table of their own."""
    is_cost: bool = False
    """Whether the figure is about time, not quality: shown behind all figures of quality."""
    tile: str = ""
    """Words under the figure's tile on the page; empty: no tile."""
    in_headline: bool = False
    """Whether the log of the evaluation shows the figure."""
    second_of: str = ""
    """Key of the figure that a second judge repeats here: the two stand side by side."""
    paper_tool: str = ""
    """What measured the figure in the paper, where that may be missing here; else empty."""

    @property
    def heading(self) -> str:
        """Title, with an arrow for the better direction where the paper prints one."""
        if not self.of_paper or self.higher_is_better is None:
            return self.title
        return f"{self.title} {'↑' if self.higher_is_better else '↓'}"

    @property
    def name(self) -> str:
        """The title without its unit, for sentences."""
        return self.title.split(",")[0]

    def is_better(self, change: float) -> bool:
        """Whether a change of the figure is one for the better."""
        if self.higher_is_better is None:
            return False
        return change > 0 if self.higher_is_better else change < 0

    def text(self, value: float) -> str:
        """A value (already multiplied by the factor) as people are shown it."""
        return f"{value:.{self.digits}f}"


FIGURES = (
    Figure("psnr", "psnr", "PSNR", of_paper=True, tile="PSNR, dB", in_headline=True),
    Figure(
        "lpips",
        "lpips",
        "LPIPS",
        digits=4,
        higher_is_better=False,
        of_paper=True,
        paper_tool="LPIPS",
        tile="LPIPS",
        in_headline=True,
    ),
    Figure("ssim", "ssim", "SSIM", digits=3, of_paper=True, tile="SSIM", in_headline=True),
    Figure(
        "lmd",
        "lmd_256",
        "LMD",
        "mouth",
        digits=3,
        factor=PAPER_SIZE / 256,
        higher_is_better=False,
        of_paper=True,
        tile=f"LMD, px at {PAPER_SIZE}",
        in_headline=True,
    ),
    Figure(
        "lmd_68",
        "lmd_256_68",
        "LMD-68",
        "mouth",
        digits=3,
        factor=PAPER_SIZE / 256,
        higher_is_better=False,
        second_of="lmd",
        tile=f"LMD by 68 points, px at {PAPER_SIZE}",
    ),
    Figure("sync_c", "sync_c", "Sync-C", "mouth", digits=3, of_paper=True, paper_tool="SyncNet"),
    Figure("fps", "fps", "FPS", digits=1, of_paper=True, is_cost=True, tile="frames per second"),
    Figure("vmaf", "vmaf", "VMAF", digits=1, tile="VMAF"),
    Figure("memory", "memory_mb", "memory, MB", digits=0, higher_is_better=False, is_cost=True),
    Figure("psnr_person", "psnr", "person", "person"),
    Figure("psnr_head", "psnr", "head", "head"),
    Figure("psnr_face", "psnr", "face", "face"),
    Figure("psnr_hair", "psnr", "hair", "hair", tile="hair, dB", in_headline=True),
    Figure("psnr_torso", "psnr", "torso", "torso", tile="torso, dB", in_headline=True),
    Figure("psnr_band", "psnr", "band", "band", tile="hair/torso band, dB", in_headline=True),
    Figure("psnr_mouth", "psnr", "mouth", "mouth"),
    Figure("lpips_mouth", "lpips", "LPIPS mouth", "mouth", digits=4, higher_is_better=False),
    Figure("ssim_hair", "ssim", "SSIM hair", "hair", digits=3),
    Figure("ssim_torso", "ssim", "SSIM torso", "torso", digits=3),
    Figure("ssim_band", "ssim", "SSIM band", "band", digits=3),
    Figure("flicker_hair", "flicker", "flicker hair", "hair", higher_is_better=None),
    Figure("flicker_band", "flicker", "flicker band", "band", higher_is_better=None),
    Figure("sharp", "sharpness", "sharpness", higher_is_better=None),
    Figure("sharp_face", "sharpness", "sharp face", "face", higher_is_better=None),
    Figure(
        "sharp_hair",
        "sharpness",
        "sharp hair",
        "hair",
        higher_is_better=None,
        tile="sharpness of hair, of the truth's",
        in_headline=True,
    ),
    Figure("sharp_torso", "sharpness", "sharp torso", "torso", higher_is_better=None),
    Figure("sharp_mouth", "sharpness", "sharp mouth", "mouth", higher_is_better=None),
    Figure(
        "opening",
        "opening_correlation",
        "opening r",
        "mouth",
        tile="mouth opening, r",
        in_headline=True,
    ),
    Figure(
        "opening_68",
        "opening_correlation_68",
        "opening-68 r",
        "mouth",
        second_of="opening",
        tile="mouth opening by 68 points, r",
    ),
    Figure(
        "deaf", "opening_correlation_shuffled", "r, shuffled voice", "mouth", higher_is_better=None
    ),
    Figure("spread", "opening_spread", "opening spread", "mouth", higher_is_better=None),
    Figure(
        "spread_68",
        "opening_spread_68",
        "opening-68 spread",
        "mouth",
        higher_is_better=None,
        second_of="spread",
    ),
    Figure(
        "gain",
        "lmd_256_gain",
        "voice gain",
        "mouth",
        tile="gain of the right voice, px",
        in_headline=True,
    ),
    Figure("gain_68", "lmd_256_gain_68", "voice-68 gain", "mouth", second_of="gain"),
    Figure("agreement_68", "opening_agreement_68", "agreement r", "mouth", higher_is_better=None),
    Figure("sync_asd", "sync_asd", "Sync-ASD", "mouth", tile="sync by Light-ASD (coarse)"),
    Figure(
        "sync_asd_wrong",
        "sync_asd_wrong",
        "Sync-ASD wrong",
        "mouth",
        higher_is_better=None,
    ),
    Figure(
        "sync_asd_offset",
        "sync_asd_offset",
        "Sync-ASD offset",
        "mouth",
        digits=0,
        higher_is_better=None,
    ),
    Figure("blink", "eye_correlation", "blink r", "eyes", tile="eye opening, r"),
)
"""All figures that are shown, in the order of the tables' columns."""


def by_key() -> dict[str, Figure]:
    """All figures by their keys, in the order of the tables' columns."""
    return {figure.key: figure for figure in FIGURES}


def over_the_picture() -> list[Figure]:
    """All figures in the order of `REGION_ORDER`, those of cost last."""

    def place(figure: Figure) -> tuple[bool, int]:
        known = figure.region in REGION_ORDER
        return figure.is_cost, REGION_ORDER.index(figure.region) if known else len(REGION_ORDER)

    return sorted(FIGURES, key=place)
