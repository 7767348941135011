"""Request timeout: 408 or 503."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagefinder.server.batch_paths import is_batch
from imagefinder.server.problems import problem_response


class TimeoutMiddleware:
    """Answers 408 if the request has not arrived in time, 503 if the response has not begun.

    A batch may take longer: its body comes as its lines are worked on.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        """``seconds`` from the request's header on."""
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http" or is_batch(scope):
            await self.app(scope, receive, send)
            return
        receiving = False
        expired = False

        async def tracked_receive() -> Message:
            nonlocal receiving
            receiving = True
            message = await receive()
            receiving = False
            return message

        async def send_in_time(message: Message) -> None:
            if not expired:
                limit.reschedule(None)
                await send(message)

        # a running thread cannot be stopped: its task is abandoned, and its result ignored
        task = asyncio.ensure_future(self.app(scope, tracked_receive, send_in_time))
        try:
            async with asyncio.timeout(self.seconds) as limit:
                await asyncio.shield(task)
        except TimeoutError:
            if not limit.expired():
                raise
            expired = True
            await self._refusal(receiving)(scope, receive, send)
        finally:
            task.cancel()
            task.add_done_callback(_retrieve_exception)

    def _refusal(self, receiving: bool) -> ASGIApp:
        status, subject = (408, "request") if receiving else (503, "response")
        detail = f"the {subject} took longer than {self.seconds:g} seconds"
        return problem_response(status, detail, {"Connection": "close"})


def _retrieve_exception(task: asyncio.Task[None]) -> None:
    """Keep asyncio from logging the exception of an abandoned task."""
    if not task.cancelled():
        task.exception()
