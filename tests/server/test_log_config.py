"""Log formats: text on a terminal, JSON lines elsewhere."""

import io
import json
import logging

import pytest

from imagefinder.server.log_config import JsonFormatter, TextFormatter, log_to, request_id


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("imagefinder.server", logging.INFO, "", 0, message, (), None)
    made.__dict__.update(extra)
    return made


def test_a_line_is_one_json_object() -> None:
    token = request_id.set("r-1")
    try:
        line = JsonFormatter().format(record('a "b"\nc', fields={"status": 200}))
    finally:
        request_id.reset(token)
    assert "\n" not in line
    said = json.loads(line)
    assert said["message"] == 'a "b"\nc'
    assert (said["level"], said["request_id"], said["status"]) == ("info", "r-1", 200)
    assert said["time"].endswith("+00:00")


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_an_error_has_its_trace(formatter: logging.Formatter) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("one of its own")
    logger.addHandler(handler)
    try:
        raise ValueError("it broke")
    except ValueError:
        logger.exception("a request failed")
    assert "a request failed" in stream.getvalue()
    assert "ValueError: it broke" in stream.getvalue()


def test_what_the_sdk_of_assistants_says_is_in_the_same_log() -> None:
    stream = io.StringIO()
    loggers = [logging.getLogger(name) for name in ("imagefinder", "uvicorn", "mcp")]
    before = [(one.handlers, one.level, one.propagate) for one in loggers]
    try:
        log_to(stream)
        logging.getLogger("mcp.server").info("a request")
        logging.getLogger("mcp.server").error("it broke")
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
    assert json.loads(stream.getvalue())["message"] == "it broke"
