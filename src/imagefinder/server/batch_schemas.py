"""Lines of a batch, and the lines of its report."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from imagefinder.server.problems import Problem

_ID = "3e92d93bb8cd8fb0"


class NewImage(BaseModel):
    """An image to add: one line of a batch."""

    model_config = ConfigDict(extra="forbid", strict=True)

    data: str | None = Field(default=None, description="Its file, as base64 or a data URL.")
    url: str | None = Field(
        default=None,
        description="Where it is, if this server downloads from URLs.",
        examples=["https://images.example/chair.jpg"],
    )
    name: str = Field(default="", description="The name of its file.", examples=["chair.jpg"])
    metadata: dict[str, Any] | None = Field(
        default=None,
        description="As with `POST /v1/images`.",
        examples=[{"room": "kitchen"}],
    )
    item: str | None = Field(
        default=None,
        description="An id of your own, as with `POST /v1/images`.",
        examples=["SKU-17"],
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.data is None) == (self.url is None):
            raise ValueError("give one of data and url")
        return self


class DeletedImage(BaseModel):
    """An image to delete: one line of a batch."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str = Field(pattern="^[0-9a-f]{16}$", examples=[_ID])


class LineReport(BaseModel):
    """What became of one line."""

    line: int = Field(description="Its number, from 1 on.", examples=[1])
    status: int = Field(
        description="As a request of its own has it: 201 (added), 200 (it was in the catalogue "
        "already), 204 (deleted), or that of the problem.",
        examples=[201],
    )
    id: str | None = Field(default=None, description="Of the image.", examples=[_ID])
    problem: Problem | None = Field(default=None, description="Why nothing became of it.")


class BatchFinished(BaseModel):
    """What became of all lines."""

    lines: int = Field(description="How many were reported.", examples=[1000])
    failed: int = Field(description="How many of them have a problem.", examples=[0])


class ReportEnd(BaseModel):
    """The last line of a report, without which it was cut short."""

    finished: BatchFinished
