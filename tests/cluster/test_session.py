from __future__ import annotations

import pytest
from tests.postgres_server import free_port

from imagefinder.cluster.session import ray_session
from imagefinder.errors import ClusterError


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_where_nothing_listens_is_told_at_once(scheme: str) -> None:
    pytest.importorskip("ray")
    address = f"{scheme}127.0.0.1:{free_port()}"
    with (
        pytest.raises(ClusterError, match=f"no Ray cluster answers at {address}: Connection"),
        ray_session(address),
    ):
        pass
