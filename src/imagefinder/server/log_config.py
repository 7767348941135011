"""Logging: plain text on a terminal, JSON lines elsewhere."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the current request."""

_LOGGERS = {"imagefinder": logging.INFO, "uvicorn": logging.INFO, "mcp": logging.ERROR}


class JsonFormatter(logging.Formatter):
    """One JSON object per line; ``extra={"fields": {…}}`` adds to it."""

    def format(self, record: logging.LogRecord) -> str:
        """On one line, whatever the message contains."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **_request_fields(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


class TextFormatter(logging.Formatter):
    """The message, with the traceback of an error below it."""

    def format(self, record: logging.LogRecord) -> str:
        """Without time and level, which a terminal does not need."""
        text = record.getMessage()
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def log_to(stream: TextIO) -> None:
    """Send what these loggers say to a stream, as JSON unless it is a terminal."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter() if stream.isatty() else JsonFormatter())
    for name, level in _LOGGERS.items():
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


def log_to_stderr() -> None:
    """Log to whatever ``sys.stderr`` is at the moment."""
    log_to(sys.stderr)


def _request_fields() -> dict[str, str]:
    id_ = request_id.get()
    return {"request_id": id_} if id_ else {}
