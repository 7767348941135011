"""Contract suites: one for each role, for our plug-ins and for yours.

    def test_my_encoder_keeps_the_contract():
        check_encoder(MyEncoder())

Each raises AssertionError saying what was expected.
"""

from imagefinder.testing.contracts.copyable import check_copyable
from imagefinder.testing.contracts.encoders import check_encoder, check_extractor
from imagefinder.testing.contracts.index import check_index
from imagefinder.testing.contracts.samples import random_entries
from imagefinder.testing.contracts.store import check_store
from imagefinder.testing.contracts.upgradable import check_upgradable

__all__ = [
    "check_copyable",
    "check_encoder",
    "check_extractor",
    "check_index",
    "check_store",
    "check_upgradable",
    "random_entries",
]
