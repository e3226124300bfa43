"""Sync-C, the confidence of SyncNet: the slot for it.

SyncNet judges lip and voice by a network trained on broadcast television; there is no closed form,
and its weights (`syncnet_v2.model`, non-commercial) cannot be shipped. Until they can be fetched
with the user's consent the column stays empty. The mouth's own figures (`lmd_256_gain`,
`opening_correlation`) answer the same question without them.
"""

from unigs.evaluate.records import Record

REASON = (
    "SyncNet v2 and its weights (syncnet_v2.model) are not part of this installation; "
    "see lmd_256_gain and opening_correlation for whether the mouth follows the voice"
)


def sync_record(method: str = "portrait") -> Record:
    """The empty Sync-C record with its reason."""
    return Record(
        "sync_c", None, region="mouth", method=method, backend="SyncNet v2", reason=REASON
    )
