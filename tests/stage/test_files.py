"""Small files: whole or not at all, never a pickle."""

import numpy as np
import pytest

from unigs.stage.errors import UserError
from unigs.stage.files import atomic, load_npz, save_npz


def test_atomic_leaves_no_half_written_file(tmp_path):
    path = tmp_path / "sub" / "table.csv"
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert list(path.parent.iterdir()) == []


def test_npz_round_trip_names_what_is_missing(tmp_path):
    save_npz(tmp_path / "a.npz", x=np.arange(3), backend="landmarks")
    assert load_npz(tmp_path / "a.npz", "x")["x"].tolist() == [0, 1, 2]
    with pytest.raises(UserError, match="lacks y"):
        load_npz(tmp_path / "a.npz", "y")
