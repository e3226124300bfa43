"""What is wrong with a trained portrait, by its figures on the test frames, and what to do.

Each limit stands with its reason in docs/doctor.md.
"""

from collections.abc import Iterator

from unigs.doctor.figures import FitFigures
from unigs.doctor.finding import LOOK, Finding
from unigs.evaluate.records import MEAN, NEAREST, STATIC, find

FIRST_LOOK = 1600
"""Steps of the dynamic stage under which a portrait is a first look."""
NOISE = 0.2
"""Decibels between two trainings that are noise."""
BLURRED = 22.0
"""PSNR in dB under which a portrait looks blurred."""
TRAIN_GAP = 6.0
"""Decibels between training and test frames over which the test shows what training did not."""
TORSO_GAP, HAIR_GAP = 6.0, 5.0
"""Decibels by which torso and hair may fall behind the face."""
LEAST_VOICE_GAIN = 0.1
"""Pixels at 256 that the right voice must gain over shuffled speech."""
LOOSE_LIPS = 0.6
"""Least correlation of the mouth's opening with the truth."""
NARROW_LIPS, WIDE_LIPS = 0.5, 1.7
"""Spread of the opening, as a multiple of the truth's, that is asked for."""
LOOSE_EYES = 0.6
"""Least correlation of the lids with the truth."""
SHARPER = "train longer (--preset laptop, or more iterations of static and dynamic)"


def judge_fit(fit: FitFigures) -> Iterator[Finding]:
    """Judge what is known of a variant's portrait.

    Args:
        fit: its figures.
    """
    if fit.steps is None:
        yield Finding("Training", "it is not finished: run the same command again")
        return
    if fit.steps < FIRST_LOOK:
        yield Finding(
            "Training",
            f"{fit.steps} steps",
            "a first look: lids move too little yet",
            SHARPER,
            LOOK,
        )
    else:
        yield Finding("Training", f"{fit.steps} steps")
    if not fit.records:
        yield Finding("Test", "it is not judged yet: run the same command again")
        return
    yield from _picture(fit)
    yield from _parts(fit)
    yield from _lips(fit)
    yield from _eyes(fit)
    yield from _empty(fit)


def _picture(fit: FitFigures) -> Iterator[Finding]:
    """The whole frame beside what a portrait has to beat, and beside the training frames."""
    psnr = fit.value("psnr")
    rivals = {"the nearest training frame": NEAREST, "the mean frame": MEAN}
    beaten = {words: fit.value("psnr", method=rival) for words, rival in rivals.items()}
    better = [words for words, value in beaten.items() if value is not None and value >= psnr]
    static = fit.value("psnr", method=STATIC)
    if better:
        yield Finding(
            "Picture",
            f"{psnr:.1f} dB, no better than {' and '.join(better)}",
            "something in the preparation is wrong, not the training",
            "look at figures/sheet.png: are landmarks on the face, do the axes follow it, are the "
            "regions in their places",
            LOOK,
        )
    elif psnr < BLURRED:
        yield Finding(
            "Picture",
            f"{psnr:.1f} dB",
            "it is blurred",
            f"look for motion that repeats nowhere, and for what is said of the clip; {SHARPER}",
            LOOK,
        )
    else:
        yield Finding("Picture", f"{psnr:.1f} dB on {fit.test_frames} test frames")
    if static is not None and psnr < static + NOISE:
        yield Finding(
            "Motion",
            f"{psnr - static:+.1f} dB over the static portrait",
            "what moves with speech, eyes and pose was not learned",
            SHARPER,
            LOOK,
        )
    if fit.psnr_train is not None and fit.psnr_train - psnr > TRAIN_GAP:
        yield Finding(
            "Test part",
            f"{fit.psnr_train - psnr:.1f} dB worse than the training frames",
            "its poses, light or posture do not occur in the rest of the clip",
            "use a longer clip, cut off where the person settles or leaves (start, stop), or set "
            "screen.held_out_blocks higher, which tests in several places (screen.test_block "
            "unseen asks for just such poses, in one)",
            LOOK,
        )


def _parts(fit: FitFigures) -> Iterator[Finding]:
    """Torso and hair beside the face."""
    face, torso, hair = (fit.value("psnr", region) for region in ("face", "torso", "hair"))
    if face is not None and torso is not None and face - torso > TORSO_GAP:
        yield Finding(
            "Torso",
            f"{torso:.1f} dB, the face {face:.1f}",
            "it moves in another way than it is followed: arms, leaning, cloth",
            "use the variant unigs_plus, which follows the torso; use a clip with calmer "
            "shoulders, or a narrower crop",
            LOOK,
        )
    if face is not None and hair is not None and face - hair > HAIR_GAP:
        yield Finding(
            "Hair",
            f"{hair:.1f} dB, the face {face:.1f}",
            "it swings, or its region leaks into wall or clothes",
            "look at the regions in figures/sheet.png; hair unlike wall and clothes in color is "
            "found best; use a longer clip",
            LOOK,
        )


def _lips(fit: FitFigures) -> Iterator[Finding]:
    """Whether the mouth follows the voice, and opens as far as it should."""
    gain, r = fit.value("lmd_256_gain", "mouth"), fit.value("opening_correlation", "mouth")
    spread = fit.value("opening_spread", "mouth")
    if gain is not None and gain < LEAST_VOICE_GAIN:
        yield Finding(
            "Lips",
            f"the right voice is worth {gain:.2f} px",
            "the mouth moves the same whatever is said",
            "use the variant unigs_plus, whose lips are read from speech; see what is said of the "
            "clip's sound and length",
            LOOK,
        )
    elif r is not None and r < LOOSE_LIPS:
        yield Finding(
            "Lips",
            f"their opening follows the truth with r = {r:.2f}",
            "words are hard to read from them",
            "use a longer clip, speech by whisper, and see what is said of sync and face size",
            LOOK,
        )
    elif r is not None:
        yield Finding("Lips", f"their opening follows the truth with r = {r:.2f}")
    if spread is not None and not NARROW_LIPS <= spread <= WIDE_LIPS:
        wide = spread > WIDE_LIPS
        yield Finding(
            "Opening",
            f"{spread:.2f} of the true range",
            "the mouth opens too far" if wide else "the person mumbles",
            "use a longer clip: test and training part differ" if wide else SHARPER,
            LOOK,
        )


def _eyes(fit: FitFigures) -> Iterator[Finding]:
    r = fit.value("eye_correlation", "eyes")
    if r is None:
        return
    words = f"lids follow the truth with r = {r:.2f}"
    if r >= LOOSE_EYES:
        yield Finding("Eyes", words)
        return
    yield Finding(
        "Eyes",
        words,
        "blinks come late, half, or not at all",
        "use the variant unigs_plus, which learns rare blinks; glasses that mirror and small eyes "
        "hide them; a test part without a blink has nothing to follow",
        LOOK,
    )


def _empty(fit: FitFigures) -> Iterator[Finding]:
    """Figures that setup could have made possible."""
    row = find(fit.records, "lpips")
    if row is not None and row["value"] is None:
        yield Finding(
            "LPIPS",
            f"empty ({row['reason']})",
            "the paper's third figure is missing, and the loss of eq. 11 goes without it",
            "unigs models fetch lpips-alex",
            LOOK,
        )
