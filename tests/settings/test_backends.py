"""Every back-end that a setting can name is there, and no other."""

import typing

import pytest

from unigs.prepare.face import eyes
from unigs.prepare.pose import fit
from unigs.prepare.regions import segment
from unigs.settings.eyes import EyeSettings
from unigs.settings.pose import PoseSettings
from unigs.settings.regions import RegionSettings
from unigs.settings.speech import SpeechSettings
from unigs.speech import backends


@pytest.mark.parametrize(
    "settings, module",
    [
        (EyeSettings, eyes),
        (PoseSettings, fit),
        (RegionSettings, segment),
        (SpeechSettings, backends),
    ],
)
def test_a_setting_names_the_entries_of_its_registry(settings, module):
    names = typing.get_args(typing.get_type_hints(settings)["backend"])
    assert set(names) - {"auto"} == set(module.BACKENDS)
