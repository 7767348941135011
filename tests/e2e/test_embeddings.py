"""The embeddings endpoint is used by the official client of OpenAI."""

import base64
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest

from imagefinder import embed
from imagefinder.similarity import unit


@pytest.fixture
def client(server: httpx.Client) -> openai.OpenAI:
    return openai.OpenAI(
        api_key="none", base_url=f"{str(server.base_url).rstrip('/')}/v1", max_retries=0
    )


def data_url(path: Path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"


def test_images_have_the_vectors_that_a_catalogue_has(
    client: openai.OpenAI, images: list[Path]
) -> None:
    some = images[:5]
    expected = unit(embed(some, "standard"))
    given = [data_url(image) for image in some]
    # by itself the client asks for base64
    for answer in (
        client.embeddings.create(model="standard", input=given),
        client.embeddings.create(model="standard", input=given, encoding_format="float"),
    ):
        vectors = np.array([one.embedding for one in answer.data], np.float32)
        assert np.abs((vectors * expected).sum(axis=1) - 1).max() < 1e-6
    assert (answer.usage.total_tokens, answer.model) == (5, "standard")


def test_errors_are_those_that_the_client_knows(client: openai.OpenAI, images: list[Path]) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.embeddings.create(model="text-embedding-3-small", input="a chair")
    assert unknown.value.code == "model_not_found"
    assert "which has standard" in str(unknown.value)
    with pytest.raises(openai.UnprocessableEntityError, match="has no text encoder"):
        client.embeddings.create(model="standard", input="a chair")
    with pytest.raises(openai.PermissionDeniedError, match="does not download"):
        client.embeddings.create(model="standard", input="https://images.example/chair.jpg")
    with pytest.raises(openai.UnprocessableEntityError, match="cannot be truncated"):
        client.embeddings.create(model="standard", input=data_url(images[0]), dimensions=5)
