"""Where batches are sent: requests with a body of many lines, which are worked on as they come."""

from __future__ import annotations

from starlette._utils import get_route_path  # what the routes are matched with
from starlette.types import Scope

ADD = "/v1/images/batch"
DELETE = "/v1/images/batch/delete"


def is_batch(scope: Scope) -> bool:
    """Whether a request is a batch."""
    is_post = scope["type"] == "http" and scope["method"] == "POST"
    return is_post and get_route_path(scope) in (ADD, DELETE)
