"""What the server says: lines for people at a terminal, JSON lines for programs."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that is being answered."""

_LOGGERS = ("imagefinder", "uvicorn")


class JsonLines(logging.Formatter):
    """One JSON object for each record; ``extra={"about": {…}}`` adds to it."""

    def format(self, record: logging.LogRecord) -> str:
        """On one line, whatever the message holds."""
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **_request(),
            **getattr(record, "about", {}),
        }
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said)


class Lines(logging.Formatter):
    """The same for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, with an error's trace below it."""
        said = record.getMessage()
        return f"{said}\n{self.formatException(record.exc_info)}" if record.exc_info else said


def log_to(stream: TextIO) -> None:
    """Let our messages and uvicorn's go there, as JSON unless it is a terminal."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines() if stream.isatty() else JsonLines())
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False


def log_to_stderr() -> None:
    """Where the command line has put it."""
    log_to(sys.stderr)


def _request() -> dict[str, str]:
    id_ = request_id.get()
    return {"request_id": id_} if id_ else {}
