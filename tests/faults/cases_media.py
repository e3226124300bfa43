"""Videos, sounds and downloads that are none, or that mean harm."""

import os
import struct

from tests.support.faults import Case
from tests.support.good_files import PICKLE, link, part, patched, png, text

CROP = "unigs stage crop_clip --out out/video.mp4 --info out/crop.json --video"
HEAR = (
    "unigs stage encode_speech --frame-table good/frames.csv --out out/features.npz "
    "--backend logmel --audio"
)
FETCH = "unigs stage fetch_video --out resources/downloads/ann.mp4 --url"
EVERY_NAME = "$(touch pwned);`touch pwned`|<script>alert(1)</script>&{x}.mp4"
HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile '{}'\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT6S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
    "<Period>"
    '<AdaptationSet contentType="video"><Representation id="1" bandwidth="1" codecs="avc1">'
    "<BaseURL>good/video.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>"
)
ANOTHER = "give another file, or correct the path"


def pipe(name: str):
    """A named pipe, which nobody writes to."""
    return lambda folder: os.mkfifo(folder / name)


def both(*makers):
    """Several files."""
    return lambda folder: [make(folder) for make in makers]


VIDEO = [
    Case("no such video",
         f"{CROP} none.mp4", "none.mp4 does not exist: check the path", do=ANOTHER),
    Case("a folder as video",
         f"{CROP} good", "good is a folder, or no regular file: check", do=ANOTHER),
    Case("an empty video", f"{CROP} a.mp4", "a.mp4 holds no video that ffmpeg can read",
         text("a.mp4", ""), do="copy or download it anew"),
    Case("a text with the name of a video", f"{CROP} a.mp4", "a.mp4 holds no video",
         text("a.mp4", "no video"), do="copy or download it anew; a page may have been saved"),
    Case("a sound with the name of a video", f"{CROP} a.mp4", "a.mp4 holds no video",
         part("tone.wav", "a.mp4", 1.0), do="give a file with a picture"),
    Case("a video that is cut off", f"{CROP} a.mp4", r"cut off: its header promises 6\.2 s",
         part("video.mp4", "a.mp4", 0.6), do="copy or download it anew, or take what is there"),
    Case("a video with a hole", f"{CROP} a.mp4", r"a.mp4 is damaged from second [0-9.]+ on",
         patched("video.mp4", "a.mp4", 200_000, bytes(90_000)), do="copy or download it anew"),
    Case("a video of one picture", f"{CROP} a.mp4", "a.mp4 is a play list, a picture or",
         text("a.mp4", png(64, 64)), do="a portrait learns from a face that moves: use a video"),
    Case("a start behind the end", f"{CROP} good/video.mp4 --start 99",
         "video.mp4 has no frames between start and stop: correct",
         do="look at the column `start`"),
    Case("a stop before the start", f"{CROP} good/video.mp4 --start 5 --stop 2",
         "start 5 and stop 2 name no part of", do="look at `start` and `stop`"),
    Case("NaN as a second", f"{CROP} good/video.mp4 --start nan", "start is nan, but must be a",
         do="write seconds as a number"),
    Case("a crop outside the picture", f"{CROP} good/video.mp4 --crop 64:64:1:0",
         r"crop '64:64:1:0' does not fit .*64x64", do="look at the column `crop`"),
    Case("a crop that is none", f"{CROP} good/video.mp4 --crop '0:0;touch pwned'",
         "is not of the form w:h:x:y", hostile=True),
    Case("a clip that is too short", f"{CROP} good/video.mp4 --stop 2",
         "lasts 2.00 s .*: training alone needs 4.0 s", do="use a longer clip"),
    Case("a named pipe as video",
         f"{CROP} a.mp4", "a.mp4 is a folder, or no regular", pipe("a.mp4"),
         hostile=True),
    Case("a link in a ring as video", f"{CROP} a.mp4", "a.mp4 does not exist",
         link("a.mp4", "a.mp4"), hostile=True),
    Case("an endless device as video", f"{CROP} a.mp4", "a.mp4 is a folder, or no regular",
         link("a.mp4", "/dev/zero"), hostile=True),
    Case("commands and HTML as name of a video", f"{CROP} '{EVERY_NAME.replace('/', ':')}'",
         r"\$\(touch pwned\);.* holds no video", text(EVERY_NAME.replace("/", ":"), PICKLE),
         hostile=True),
    Case("a play list (HLS) that leads to a file",
         f"{CROP} a.m3u8", "a.m3u8 is a play list, a picture or",
         text("a.m3u8", HLS.format("good/video.mp4")), hostile=True),
    Case("a play list (concat) that leads to a file", f"{CROP} a.mp4",
         "a.mp4 is a play list, a picture or", text("a.mp4", CONCAT.format("good/video.mp4")),
         hostile=True),
    Case("a play list (DASH) that leads to a file",
         f"{CROP} a.mp4", "a.mp4 is a play list, a picture or",
         text("a.mp4", DASH), hostile=True),
    Case("a play list as a candidate clip",
         "unigs check-clip a.mp4", "a.mp4 is a play list, a picture or",
         text("a.mp4", CONCAT.format("good/video.mp4")), hostile=True),
    Case("a result that links to a file of the user", f"{CROP} a.mp4", "a.mp4 holds no video",
         both(text("a.mp4", "x"), text("mine", "mine"), link("out/video.mp4", "../mine")),
         hostile=True),
    Case("a text that shall be verified", "unigs verify a.mp4", "a.mp4 is no media file",
         text("a.mp4", "no video"), do="give the video itself"),
    Case("a clip without sound", "unigs stage extract_audio --video good/video.mp4 --out out/a.wav",
         "video.mp4 has no audio track", do="record it anew with sound"),
    Case("a video without a face", f"{CROP} good/video.mp4",
         "video.mp4 shows no face in any of the frames looked at", detectors=True,
         do="`unigs check-clip` says what a clip needs"),
]  # fmt: skip
SOUND = [
    Case("no such sound", f"{HEAR} none.wav", "none.wav does not exist: check the path",
         do=ANOTHER),
    Case("an empty sound", f"{HEAR} a.wav", "a.wav has no audio that can be read",
         text("a.wav", ""), do="export it anew"),
    Case("a text as sound", f"{HEAR} a.wav", "a.wav has no audio that can be read",
         text("a.wav", "la la"), do="export it anew"),
    Case("a silent video as sound", f"{HEAR} good/video.mp4", "video.mp4 has no sound",
         do="give a file with sound"),
    Case("sound of another length", f"{HEAR} a.wav", "a.wav lasts .*frames.csv has 154",
         part("tone.wav", "a.wav", 0.3), do="make both anew: snakemake -R extract_audio"),
    Case("a WAV of sample rate 0", f"{HEAR} a.wav", "a.wav has no audio that can be read",
         patched("tone.wav", "a.wav", 24, bytes(4)), hostile=True),
    Case("a WAV of 65535 channels", f"{HEAR} a.wav", "a.wav has no audio that can be read",
         patched("tone.wav", "a.wav", 22, b"\xff\xff"), hostile=True),
    Case("a WAV that claims 4 GB and holds nothing", f"{HEAR} a.wav",
         "a.wav (has no|lasts )",
         both(patched("tone.wav", "b.wav", 40, struct.pack("<I", 2**32 - 16)),
              lambda folder: (folder / "a.wav").write_bytes((folder / "b.wav").read_bytes()[:44])),
         hostile=True),
    Case("a play list as sound", f"{HEAR} a.wav", "a.wav is a play list or",
         text("a.wav", CONCAT.format("good/tone.wav")), hostile=True),
    Case("a play list of addresses as sound", f"{HEAR} a.m3u8", "a.m3u8 is a play list or",
         text("a.m3u8", HLS.format("http://127.0.0.1:1/a.ts")), hostile=True),
    Case("a result whose place is a folder", f"{HEAR} good/tone.wav --out good",
         "good is a folder, and a file is to be", do="name a file"),
]  # fmt: skip
DOWNLOADS = [
    Case("an address of another kind", f"{FETCH} gopher://x/a.mp4", "is no http, https or file",
         do="write the address with http:// or https://"),
    Case("a page in the place of a video", f"{FETCH} {{site}}/a.mp4",
         r"a\.mp4 is no video that ffmpeg can read \(the server calls it text/html\)",
         site={"/a.mp4": (200, {"Content_Type": "text/html"}, b"<html><script>")},
         do="open the address in a browser, and take that of the file itself"),
    Case("an address that is gone", f"{FETCH} {{site}}/b.mp4", "cannot be fetched: 404",
         site={"/a.mp4": (200, {}, b"")},
         do="look for the video at its source"),
    Case("another checksum", f"{FETCH} {{site}}/a.mp4 --sha256 {'0' * 64}",
         "has sha256 [0-9a-f]{64}, but the sheet says 0000",
         site={"/a.mp4": (200, {}, b"other")}, do="look at the file, then correct `sha256`"),
    Case("a redirect to a file of this machine", f"{FETCH} {{site}}/a.mp4", "cannot be fetched: ",
         site={"/a.mp4": (302, {"Location": "file:///etc/passwd"}, b"")}, hostile=True),
    Case("a play list behind an address", f"{FETCH} {{site}}/a.mp4", "is no video that ffmpeg",
         site={"/a.mp4": (200, {}, HLS.format("file:///etc/passwd").encode())}, hostile=True),
    Case("a file address of a device", f"{FETCH} file:///dev/zero", "there is no file /dev/zero",
         hostile=True),
    Case("a file address of another machine", f"{FETCH} file://host/a.mp4", "names another machine",
         hostile=True),
]  # fmt: skip
CASES = {"Video": VIDEO, "Sound": SOUND, "Downloads": DOWNLOADS}
