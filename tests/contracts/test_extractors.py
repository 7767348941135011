"""Every extractor keeps the contract."""

import pytest

from imagefinder.errors import MissingExtra, ModelError
from imagefinder.registry.factory import make_extractor
from imagefinder.registry.plugins import plugins
from imagefinder.testing.contracts import check_extractor


@pytest.mark.parametrize("name", plugins("extractors"))
def test_every_extractor_of_ours_keeps_the_contract(name: str) -> None:
    try:
        extractor = make_extractor(name)
    except (MissingExtra, ModelError) as error:
        pytest.skip(str(error))
    check_extractor(extractor)
