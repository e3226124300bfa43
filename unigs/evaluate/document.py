"""What `metrics.json` says: the records, and all that a reader needs to trust them."""

from unigs.evaluate import catalogue
from unigs.evaluate.foreign import Foreign
from unigs.evaluate.judge import Truth
from unigs.evaluate.records import PORTRAIT, Record, find, to_json
from unigs.evaluate.split import Split

PROTOCOL = "lossless render against the decoded clip, 8 bit; test frames' own pose, eyes and speech"
"""What is compared with what."""


PASTED = "pasted"
"""What `evaluate.torso` says where the torso is that of the true test frame."""
PASTED_PROTOCOL = f"{PROTOCOL}; PASTED: behind the rendered head lies the true test frame's torso"
"""What is compared with what where the torso is not rendered."""
FOREIGN_PROTOCOL = (
    "another system's video, brought to the clip's frames and pixels as found from the pictures, "
    "against the decoded clip, 8 bit"
)
"""What is compared with what where another system rendered."""


def document(
    records: list[Record],
    split: Split,
    truth: Truth,
    trained: list[dict],
    device: str,
    size: int,
    torso: str = "rendered",
    foreign: Foreign | None = None,
) -> dict:
    """The content of metrics.json.

    Args:
        records: all figures.
        split: the clip's test and training frames.
        truth: what is known of the true frames.
        trained: run.json of the stages that trained the portrait, the last one last.
        device: the device that measured.
        size: width of the frames, px.
        torso: what `evaluate.torso` says.
        foreign: what is known of another system's render; None: the render is ours.
    """
    rows = to_json(records)
    pasted = torso == PASTED if foreign is None else foreign.pasted
    protocol = PASTED_PROTOCOL if pasted else PROTOCOL
    backends = trained[-1].get("backends", {}) if trained else {}
    return {
        "test_frames": len(split.test),
        "first_test_frame": int(split.test[0]),
        "last_test_frame": int(split.test[-1]),
        "training_frames": len(split.train),
        "size": size,
        "fps": round(split.table.fps, 6),
        "device": device,
        "truth_pasted": pasted,
        "protocol": protocol if foreign is None else FOREIGN_PROTOCOL,
        **({} if foreign is None else {"placement": foreign.content}),
        "landmark_backend": truth.backend,
        "backends": {k: str(v) for k, v in backends.items()},
        "training": training(trained),
        "summary": summary(rows),
        "metrics": rows,
    }


def training(trained: list[dict]) -> dict:
    """Seconds over all stages, and the device that trained."""
    if not trained:
        return {"seconds": None, "device": "unknown", "stages": []}
    seconds = [run.get("summary", {}).get("seconds") for run in trained]
    named = trained[-1].get("device", {})
    return {
        "seconds": None if None in seconds else round(sum(seconds), 1),
        "device": named.get("name", "unknown"),
        "stages": [run.get("stage", "unknown") for run in trained],
    }


def summary(rows: list[dict]) -> dict[str, float | None]:
    """The portrait's own figures by short names (psnr, psnr_hair, lmd_256, ...)."""
    own = [row for row in rows if row["method"] == PORTRAIT]
    # Of a metric of the mouth or the eyes alone the region goes without saying.
    several = {row["metric"] for row in own if row["region"] not in ("mouth", "eyes")}
    found = {}
    for row in own:
        short = row["region"] == "full" or row["metric"] not in several
        found[row["metric"] if short else f"{row['metric']}_{row['region']}"] = row["value"]
    return found


def headline(rows: list[dict]) -> str:
    """One line for the log: the figures of the catalogue that are marked for it."""
    parts = []
    for figure in catalogue.over_the_picture():
        if not figure.in_headline:
            continue
        row = find(rows, figure.metric, figure.region)
        value = "-" if row is None or row["value"] is None else f"{row['value']:.4g}"
        parts.append(f"{figure.metric} {figure.region} {value}")
    return ", ".join(parts)
