from pathlib import Path

import pytest

from imagefinder.registry import make_index, plugins
from imagefinder.testing import check_index
from imagefinder.types import Measure


@pytest.mark.parametrize("measure", ["cosine", "l2", "dot", "hamming"])
@pytest.mark.parametrize("name", plugins("indexes"))
def test_every_index_keeps_the_contract(name: str, measure: Measure, tmp_path: Path) -> None:
    check_index(lambda dim, measure: make_index(name, dim, measure), measure, tmp_path)
