"""A request that takes too long is answered all the same."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagefinder.server.problems import problem


class Deadline:
    """Middleware: 408 if the request has not arrived by then, 503 if the answer has not begun."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        """From the head of the request on."""
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        reading = False
        over = False

        async def received() -> Message:
            nonlocal reading
            reading = True
            message = await receive()
            reading = False
            return message

        async def answered(message: Message) -> None:
            if not over:
                limit.reschedule(None)
                await send(message)

        # a thread at work cannot be stopped: its task is left behind, and nobody hears it
        task = asyncio.ensure_future(self.app(scope, received, answered))
        try:
            async with asyncio.timeout(self.seconds) as limit:
                await asyncio.shield(task)
        except TimeoutError:
            if not limit.expired():
                raise
            over = True
            status = 408 if reading else 503
            what = "the request takes" if reading else "the answer takes"
            detail = f"{what} longer than {self.seconds:g} seconds"
            await problem(status, detail, {"Connection": "close"})(scope, receive, send)
        finally:
            task.cancel()
            task.add_done_callback(_heard)


def _heard(task: asyncio.Task[None]) -> None:
    """Nobody waits for it any more: its error is no news."""
    if not task.cancelled():
        task.exception()
