"""Phone times: flite's ends become starts and ends, the speaker's file is read."""

import numpy as np
import pytest

from unigs.speech.phones import Phone, merged_pauses, read_flite, read_speaker
from unigs.stage.errors import UserError


def test_flites_ends_and_its_new_clocks():
    got = read_flite("pau:0.2 m:0.3 ay:0.45 pau:0.6 \npau:0.1 b:0.25\n")
    expected = [
        ("pau", 0, 0.2), ("m", 0.2, 0.3), ("ay", 0.3, 0.45), ("pau", 0.45, 0.6),
        ("pau", 0.6, 0.7), ("b", 0.7, 0.85),
    ]  # fmt: skip
    assert [p.symbol for p in got] == [row[0] for row in expected]
    np.testing.assert_allclose([p[1:] for p in got], [row[1:] for row in expected])
    assert merged_pauses(got)[0] == Phone("pau", 0, 0.2) and len(merged_pauses(got)) == 2
    assert merged_pauses(got)[1][1:] == pytest.approx((0.45, 0.7))
    with pytest.raises(UserError, match="flite -psdur"):
        read_flite("no phones here")


def test_phones_of_the_speaker(tmp_path):
    np.savez(tmp_path / "truth.npz", phones=np.array(["_", "m"]), phone_starts=[0.0, 0.3, 0.4])
    assert read_speaker(tmp_path / "truth.npz") == [Phone("_", 0, 0.3), Phone("m", 0.3, 0.4)]


def test_a_file_that_holds_no_phones_of_the_speaker_is_told(tmp_path):
    path = tmp_path / "truth.npz"
    with pytest.raises(UserError, match="truth.npz does not exist"):
        read_speaker(path)
    np.savez(path, x=np.zeros(1))
    with pytest.raises(UserError, match="truth.npz lacks phones, phone_starts"):
        read_speaker(path)
    np.savez(path, phones=np.array(["_", "m"]), phone_starts=[0.0, 0.3])
    with pytest.raises(UserError, match="truth.npz has other numbers of phones than of times"):
        read_speaker(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match="truth.npz is damaged"):
        read_speaker(path)
