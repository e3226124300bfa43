"""Models, features and portraits that are damaged, do not fit, or mean harm."""

import json
from pathlib import Path

import numpy as np

from tests.support.faults import Case
from tests.support.good_files import (
    PICKLE,
    arrays,
    link,
    member,
    npy,
    part,
    patched,
    png,
    tensors,
    text,
)
from unigs.media.images import read_image, write_png

POSE = "unigs stage fit_pose --frame-table good/frames.csv --out out/pose.npz --landmarks"
EYES = "unigs stage measure_eyes --frame-table good/frames.csv --out out/eyes.csv --landmarks"
TABLE = "unigs stage fit_pose --landmarks good/landmarks.npz --out out/pose.npz --frame-table"
REGIONS = (
    "unigs stage segment_regions --video good/video.mp4 --landmarks good/landmarks.npz "
    "--frame-table good/frames.csv --out out/labels.mkv --background out/plate.png "
    "--hole out/hole.png"
)
TRAIN = (
    "unigs stage train_static --frame-table good/frames.csv --labels good/labels.mkv "
    "--landmarks good/landmarks.npz --out out/portrait.safetensors --poses out/pose.npz "
    "--curve out/curve.csv --record out/run.json --device cpu --iterations 1 "
    "--video good/video.mp4 --pose good/pose.npz --background good/background.png"
)
DRIVE = (
    "unigs stage drive --audio good/tone.wav --frame-table good/frames.csv --pose good/pose.npz "
    "--body good/motion.npz --eyes good/eyes.csv --speech good/features.npz --out out/talk.mp4 "
    "--portrait"
)
HEAR = (
    "unigs stage encode_speech --frame-table good/frames.csv --out out/features.npz "
    "--audio good/tone.wav"
)
CONVERT = "unigs models convert --landmarks good/frames.csv"
COMPARE = "unigs stage compare --out out/compared.json --metrics"
METRICS = "results/ann/unigs/test/metrics.json"
AGAIN = "delete it and run the command again: the workflow makes it anew"
GET = "get the file anew from where it is published"


def holed(values: np.ndarray) -> np.ndarray:
    """Values with a NaN among them."""
    values = np.array(values, float)
    values.flat[values.size // 2] = np.nan
    return values


def small_plate(folder: Path) -> None:
    """A background plate of half the size."""
    write_png(folder / "a.png", read_image(folder / "good/background.png")[::2, ::2])


FEATURES = [
    Case("no landmarks yet",
         f"{POSE} none.npz", "none.npz does not exist: run the stage", do=AGAIN),
    Case("a text as landmarks", f"{POSE} a.npz", "a.npz is damaged, or no .npz archive of plain",
         text("a.npz", "<html>"), do=AGAIN),
    Case("landmarks that are cut off", f"{POSE} a.npz", "a.npz is damaged, or no .npz archive",
         part("landmarks.npz", "a.npz", 0.5), do=AGAIN),
    Case("landmarks with flipped bytes", f"{POSE} a.npz", "a.npz is damaged, or no .npz archive",
         patched("landmarks.npz", "a.npz", 5000, bytes(range(64))), do=AGAIN),
    Case("landmarks without an array", f"{POSE} a.npz", "a.npz lacks points: it was written by",
         arrays("landmarks.npz", "a.npz", points=None), do=AGAIN),
    Case("landmarks without a face", f"{EYES} a.npz", "a.npz holds no face in any frame",
         arrays("landmarks.npz", "a.npz", found=np.zeros_like), do="look at the clip and its crop"),
    Case("poses of no face", f"{POSE} a.npz", "of only 0 training frames show a face",
         arrays("landmarks.npz", "a.npz", found=np.zeros_like), do="look at the clip and its crop"),
    Case("landmarks of another clip", f"{POSE} a.npz", r"a.npz has 100 rows but .* has 154 frames",
         arrays("landmarks.npz", "a.npz", points=lambda x: x[:100], found=lambda x: x[:100]),
         do="delete both, and run the command again"),
    Case("a frame table without columns", f"{TABLE} a.csv", "a.csv has no column",
         text("a.csv", "1,2\n3,4\n"), do=AGAIN),
    Case("a frame table whose times fall", f"{TABLE} a.csv", "times that do not rise",
         text("a.csv", "frame,time,keep,reason,split\n0,1,1,,train\n1,0.5,1,,train\n"), do=AGAIN),
    Case("a frame table that skips a frame", f"{TABLE} a.csv", "skips or repeats frame numbers",
         text("a.csv", "frame,time,keep,reason,split\n1,0,1,,train\n"), do=AGAIN),
    Case("a binary file as frame table", f"{TABLE} a.csv", "a.csv is not a table",
         text("a.csv", bytes(range(256)) * 9), do=AGAIN),
    Case("a cell of 200000 letters", f"{TABLE} a.csv", "a.csv is not a table",
         text("a.csv", "x" * 200_000), hostile=True),
    Case("poses with a NaN", f"{TRAIN} --pose a.npz", "a.npz: R is not finite in frame 77",
         arrays("pose.npz", "a.npz", R=holed), do=AGAIN),
    Case("a plate of another size", f"{TRAIN} --background a.png",
         "a.png is 32x32 but good/video.mp4 is 64x64", small_plate, do=AGAIN),
    Case("a picture that is cut off", f"{TRAIN} --background a.png", "a.png is missing or not an",
         part("background.png", "a.png", 0.2), do=AGAIN),
    Case("a color video as regions", f"{TRAIN} --labels good/video.mp4", "video.mp4",
         do="delete `regions/labels.mkv`, and run the command again"),
    Case("an import of no folder", "unigs import data", "data is no folder",
         do="give a folder of AD-NeRF's layout"),
    Case("OpenFace's table without action units",
         f"{EYES} good/landmarks.npz --backend openface --openface a.csv",
         "a.csv has no column AU01",
         text("a.csv", "frame,success\n1,1\n"), do="run FeatureExtraction with -aus"),
    Case("an array that claims 11 terabytes", f"{POSE} a.npz", "a.npz is damaged, or no .npz",
         member("landmarks.npz", "a.npz", "points", npy("(1000000000, 478, 3)")),
         hostile=True),
    Case("an array of negative length", f"{POSE} a.npz", "a.npz is damaged, or no .npz archive",
         member("landmarks.npz", "a.npz", "points", npy("(-5, 478, 3)")), hostile=True),
    Case("an archive that unpacks to 64 GB", f"{POSE} a.npz", "a.npz would unpack to 68.7 GB",
         member("landmarks.npz", "a.npz", "points", npy("(1, 478, 3)"), claimed=2**36),
         hostile=True),
    Case("a pickle as landmarks", f"{POSE} a.npz", "a.npz is damaged, or no .npz archive",
         text("a.npz", PICKLE), hostile=True),
    Case("a pickle inside of landmarks", f"{POSE} a.npz", "a.npz is damaged, or no .npz archive",
         member("landmarks.npz", "a.npz", "points", npy("(1,)").replace(b"<f8", b"|O ") + PICKLE),
         hostile=True),
    Case("a link in a ring as landmarks", f"{POSE} a.npz", "Too many levels of symbolic links",
         link("a.npz", "a.npz"), hostile=True),
    Case("a picture that claims 10 billion pixels", f"{TRAIN} --background a.png",
         "a.png is missing or not an image", text("a.png", png(100_000, 100_000)), hostile=True),
    Case("figures nested 100000 deep", f"{COMPARE} {METRICS}", "metrics.json is not valid JSON",
         text(METRICS, "[" * 100_000), hostile=True),
    Case("figures that are none", f"{COMPARE} {METRICS}", "metrics.json holds no figures",
         text(METRICS, '{"metrics": 5}'), do=AGAIN),
]  # fmt: skip
MODELS = [
    Case("a model that nobody knows", "unigs models fetch none", "there is no model none, only",
         do="`unigs models` lists the names"),
    Case("no such file of weights", "unigs models add lpips-alex none.pth",
         "none.pth does not exist: check the path", do="correct the path"),
    Case("a text as weights",
         "unigs models add lpips-alex a.pth", "a.pth cannot be read as weights",
         text("a.pth", "weights"), do=GET),
    Case("weights of another network", "unigs models add lpips-alex good/portrait.safetensors",
         "portrait.safetensors", do="look at the name behind `add`"),
    Case("no such speech network", f"{HEAR} --backend whisper --model none.pt",
         "back-end whisper needs a model, but model is none.pt", do="unigs models fetch "
         "whisper-tiny-en"),
    Case("no such face model", f"{POSE} good/landmarks.npz --backend pca --model none.npz",
         "there is no face model none.npz", do="correct `pose.model`"),
    Case("landmarks as a face model", f"{POSE} good/landmarks.npz --backend pca "
         "--model good/landmarks.npz", "landmarks.npz lacks mean", do="unigs models convert"),
    Case("a face model of an unknown kind", f"{CONVERT} a.xyz out.npz", "a.xyz ends in no kind of",
         text("a.xyz", "x"), do=GET),
    Case("weights with terms", "unigs models fetch syncnet-v2",
         "is for research, not for commerce: accept", do="read the terms, then add `--accept`"),
    Case("a name of weights that climbs", "unigs models add ../../pwned a.pth",
         r"there is no model \.\./\.\./pwned", text("a.pth", PICKLE), hostile=True),
    *(
        Case(f"a pickle as {kind}", command, "a[.][a-z0-9]+ (cannot be (read|loaded)|is no)",
             text(command.split("a.")[1].split()[0].join(["a.", ""]), PICKLE), hostile=True,
             detectors=command.startswith(REGIONS))
        for kind, command in {
            "weights": "unigs models add lpips-alex a.pth",
            "a DeepSpeech checkpoint": f"{HEAR} --backend deepspeech --model a.pth",
            "a frozen graph": f"{HEAR} --backend deepspeech --model a.pb",
            "FLAME": f"{CONVERT} a.pkl out.npz",
            "a Basel Face Model": f"{CONVERT} a.mat out.npz",
            "a Surrey Face Model": f"{CONVERT} a.bin out.npz",
            "a face parsing network": f"{REGIONS} --backend bisenet --model a.pth",
            "an ONNX network": f"{REGIONS} --backend onnx --model a.onnx",
            "a TFLite network": f"{REGIONS} --backend tflite --model a.tflite",
        }.items()
    ),
]  # fmt: skip
HEADER = {"__metadata__": {"unigs": json.dumps({"format": 1})}}
PORTRAITS = [
    Case("no such portrait",
         f"{DRIVE} none.safetensors", "does not exist: train the portrait first",
         do="make it first: `unigs portrait`"),
    Case("a portrait by a wrong name", "unigs drive nobody good/tone.wav",
         "there is no portrait results/nobody", do="look into `results/`"),
    Case("a text as portrait", f"{DRIVE} a.safetensors", "a.safetensors is no UniGS portrait",
         text("a.safetensors", "x"), do="copy it anew from where you have it"),
    Case("a portrait that is cut off",
         f"{DRIVE} a.safetensors", "a.safetensors is no UniGS portrait",
         part("portrait.safetensors", "a.safetensors", 0.7), do="copy it anew"),
    Case("a portrait with a flipped byte", f"{DRIVE} a.safetensors", "its checksum differs",
         patched("portrait.safetensors", "a.safetensors", -999, b"\x07"), do="copy it anew"),
    Case("a sound that is none, for a portrait to speak",
         f"{DRIVE} good/portrait.safetensors --audio a.wav", "a.wav has no audio that can be read",
         text("a.wav", "la"), do="export it anew"),
    Case("a sound that is not there, for a portrait to speak",
         f"{DRIVE} good/portrait.safetensors --audio none.wav", "none.wav does not exist",
         do="correct the path"),
    Case("a page of nobody", "unigs export html nobody", "there is no portrait results/nobody",
         do="look into `results/`"),
    Case("weights as portrait", f"{DRIVE} a.safetensors", "a.safetensors is no UniGS portrait",
         text("a.safetensors", tensors({})), do="name `dynamic/portrait.safetensors`"),
    Case("a portrait without tensors", f"{DRIVE} a.safetensors", "a.safetensors is damaged or no",
         text("a.safetensors", tensors(HEADER)), hostile=True),
    Case("a header that claims an exabyte", f"{DRIVE} a.safetensors", "is no UniGS portrait",
         text("a.safetensors", tensors(HEADER, 2**60)), hostile=True),
    Case("a tensor that claims 12 terabytes", f"{DRIVE} a.safetensors", "is no UniGS portrait",
         text("a.safetensors", tensors({**HEADER, "means": {
             "dtype": "F32", "shape": [10**12, 3], "data_offsets": [0, 12 * 10**12]}})),
         hostile=True),
    Case("a pickle as portrait", f"{DRIVE} a.safetensors", "a.safetensors is no UniGS portrait",
         text("a.safetensors", PICKLE), hostile=True),
    Case("a link to a file of the system as portrait", f"{DRIVE} a.safetensors",
         "a.safetensors is no UniGS portrait", link("a.safetensors", "/etc/passwd"), hostile=True),
    Case("a name of a portrait that climbs", "unigs drive ../../etc good/tone.wav",
         r"there is no portrait \.\./\.\./etc", hostile=True),
    Case("HTML as name of a portrait", "unigs export html '<script>alert(1)</script>'",
         r"there is no portrait .*<script>", hostile=True),
    Case("a certificate that is none",
         f"{DRIVE} good/portrait.safetensors --certificate a.pem --private-key a.pem",
         "a.pem", text("a.pem", "x"), do="give both as PEM files ([provenance.md](provenance.md))"),
]  # fmt: skip
CASES = {"Features between stages": FEATURES, "Models": MODELS, "Portraits": PORTRAITS}
