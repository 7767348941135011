"""The request and the response of ``POST /v1/embeddings``, as OpenAI's clients know them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainValidator

from imagefinder.server.embedding_input import MAX_INPUTS, MAX_TEXT, Modality, check_number


class ImageInput(BaseModel):
    """An image to encode."""

    image: str = Field(
        description="A data URL, base64, or a URL if this server downloads them.",
        examples=["https://images.example/chair.jpg"],
    )


class TextInput(BaseModel):
    """A text to encode."""

    text: str = Field(
        description="For encoders with a text encoder.",
        min_length=1,
        max_length=MAX_TEXT,
        examples=["a red chair"],
    )


_One = str | ImageInput | TextInput
_Several = Annotated[list[_One], Field(min_length=1, max_length=MAX_INPUTS)]


class EmbeddingsRequest(BaseModel):
    """What to encode, and by what. Fields that other services have besides are passed over."""

    model: str = Field(
        description="The encoder of one of the server's catalogues.", examples=["standard"]
    )
    # it may be millions of numbers, of which pydantic would tell one by one that they are no text
    input: Annotated[Any, PlainValidator(check_number, json_schema_input_type=_One | _Several)] = (
        Field(
            description="An image or a text, or several. A string is a text, unless it is a URL or "
            "the data URL of an image, or `modality` says otherwise.",
            examples=["https://images.example/chair.jpg"],
        )
    )
    modality: Modality | None = Field(None, description="What the strings of `input` are.")
    dimensions: int | None = Field(
        None,
        ge=1,
        description="Truncates the vectors, and normalizes them again: for encoders made by "
        "`imagefinder reduce`, whose first dimensions are the most important.",
        examples=[64],
    )
    encoding_format: Literal["float", "base64"] = Field(
        "float", description="Numbers, or the bytes of their float32, little-endian."
    )


class Embedding(BaseModel):
    """The vector of one input."""

    object: Literal["embedding"] = "embedding"
    index: int = Field(description="The place of its input, from 0 on.", examples=[0])
    embedding: list[float] | str = Field(
        description="Of length 1 where the encoder's measure is cosine. Hashes are given as the "
        "numbers of their bytes.",
        examples=[[0.12, -0.05, 0.33]],
    )


class Usage(BaseModel):
    """How much was encoded."""

    prompt_tokens: int = Field(
        description="The number of images, and of the characters of texts.", examples=[1]
    )
    total_tokens: int = Field(description="The same.", examples=[1])


class EmbeddingsResponse(BaseModel):
    """The vectors, in the order of the inputs."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str = Field(examples=["standard"])
    usage: Usage
