"""A batch: a request with many lines, which are worked on some at a time, and reported one by one.

The lines of a group are worked on while the next are received, in bounded memory. The report begins
when all have been received, since proxies drop what follows of a body once the response begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from imagefinder.server.batch_lines import Line, LineSplitter
from imagefinder.server.batch_schemas import BatchFinished, LineReport, ReportEnd
from imagefinder.server.gate import Gate
from imagefinder.server.middleware.rate_limit import too_many
from imagefinder.server.problems import Problem, log, problem_of, problem_response

MEDIA_TYPE = "application/x-ndjson"
MAX_LINES = 10_000
_GROUP = 32


@dataclass(frozen=True)
class Done:
    """What became of a line: the status that a request of its own would have, and the image."""

    status: int
    id: str


Work: TypeAlias = Callable[[Sequence[bytes]], Sequence[Done | Exception]]
"""Does what some lines say, in a thread. What it raises is the problem of each of them."""
_Waiting: TypeAlias = list[tuple[int, bytes | HTTPException]]
"""Numbers of lines, and the lines, or why they are refused."""


class Batch:
    """The lines of one request. ``receive`` them, and then send the ``response``."""

    def __init__(self, request: Request, work: Work, max_line: int) -> None:
        """``max_line`` bytes of a line, and of all lines that wait."""
        self._request = request
        self._work = work
        self._max_line = max_line
        self._room = Gate(max_line, 1)
        self._group: _Waiting = []
        self._held = 0
        self._groups: asyncio.Queue[tuple[_Waiting, int] | None] = asyncio.Queue()
        self._reports: asyncio.Queue[LineReport | None] = asyncio.Queue()
        self._is_stopped = False
        self._worker = asyncio.create_task(self._work_on_groups())

    async def receive(self) -> None:
        """Read all lines. Raises ClientDisconnect, and does no more then."""
        lines = LineSplitter(self._max_line, MAX_LINES)
        try:
            async for piece in self._request.stream():
                for line in lines.feed(piece):
                    await self._take(line)
            for line in lines.finish():
                await self._take(line)
        except HTTPException as error:  # of the body: nothing more can be read
            self._group.append((min(lines.number, MAX_LINES + 1), error))
        except BaseException:
            await self.stop()
            raise
        self._put_group()
        self._groups.put_nowait(None)

    @property
    def response(self) -> StreamingResponse:
        """The report; what is still to do is left undone once nobody receives it."""
        return _BatchResponse(self._texts(), self.stop)

    async def stop(self) -> None:
        """Do no more; what a thread is doing is waited for, since that cannot be stopped."""
        self._is_stopped = True
        self._groups.put_nowait(None)
        await asyncio.wait([self._worker])

    async def _take(self, line: Line) -> None:
        if line.number > MAX_LINES:
            raise HTTPException(413, f"at most {MAX_LINES:,} lines a request: send the rest later")
        refusal = self._refusal(line)
        data = b"" if refusal else line.data or b""
        if self._held + len(data) > self._max_line:
            self._put_group()
        self._held += await self._room.enter(len(data))
        self._group.append((line.number, refusal or data))
        if len(self._group) == _GROUP:
            self._put_group()
            await asyncio.sleep(0)  # other requests go on, however short the lines are

    def _refusal(self, line: Line) -> HTTPException | None:
        """A line counts as a request, the first as the one that it is in."""
        if line.data is None:
            return HTTPException(413, f"the line is longer than {self._max_line:,} bytes")
        acquire = self._request.scope.get("state", {}).get("acquire")
        wait = acquire() if acquire and line.number > 1 else 0.0
        return HTTPException(429, too_many(wait)) if wait else None

    def _put_group(self) -> None:
        if self._group:
            self._groups.put_nowait((self._group, self._held))
        self._group, self._held = [], 0

    async def _work_on_groups(self) -> None:
        while (next_group := await self._groups.get()) is not None and not self._is_stopped:
            group, held = next_group
            for report in await self._reports_of(group):
                self._reports.put_nowait(report)
            self._room.leave(held)
        self._reports.put_nowait(None)
        self._leave()

    def _leave(self) -> None:
        """Let another batch in, however slowly the client reads the report."""
        leave = self._request.scope.get("state", {}).get("leave")
        if leave:
            leave()

    async def _reports_of(self, group: _Waiting) -> list[LineReport]:
        lines = [line for _, line in group if isinstance(line, bytes)]
        try:
            done = iter(await run_in_threadpool(self._work, lines) if lines else ())
        except Exception as error:
            done = iter([error] * len(lines))
        return [
            self._report(number, next(done) if isinstance(line, bytes) else line)
            for number, line in group
        ]

    def _report(self, number: int, outcome: Done | Exception) -> LineReport:
        if isinstance(outcome, Done):
            return LineReport(line=number, status=outcome.status, id=outcome.id)
        problem = _problem_of(self._request, outcome)
        return LineReport(line=number, status=problem.status, problem=problem)

    async def _texts(self) -> AsyncIterator[str]:
        lines = failed = 0
        while (report := await self._reports.get()) is not None:
            lines += 1
            failed += report.problem is not None
            yield report.model_dump_json(exclude_unset=True) + "\n"
        finished = BatchFinished(lines=lines, failed=failed)
        yield ReportEnd(finished=finished).model_dump_json() + "\n"


class _BatchResponse(StreamingResponse):
    def __init__(self, texts: AsyncIterator[str], stop: Callable[[], Awaitable[None]]) -> None:
        super().__init__(texts, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._stop()


def _problem_of(request: Request, error: Exception) -> Problem:
    try:
        response = problem_of(request, error)
    except Exception:
        log.error("a line of a batch has failed", exc_info=error)
        response = problem_response(500, "internal server error: see the server's log")
    return Problem.model_validate_json(bytes(response.body))
