"""Embeddings, in the form that the clients of OpenAI, Jina and infinity know."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
from fastapi import APIRouter, HTTPException
from fastapi.responses import JSONResponse

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.inference import embed, encode_text_one
from imagefinder.encoders.regions import whole_encoder
from imagefinder.encoders.truncation import truncated
from imagefinder.server.catalogues import ServedCatalogues
from imagefinder.server.dependencies import AllCatalogues, CurrentSettings
from imagefinder.server.embedding_input import EmbeddingInput, ImageUrl, Text, inputs_of
from imagefinder.server.embedding_schemas import (
    Embedding,
    EmbeddingsRequest,
    EmbeddingsResponse,
    Usage,
)
from imagefinder.server.forms import download
from imagefinder.server.openai_errors import OpenAiRoute
from imagefinder.server.problems import error_responses
from imagefinder.server.settings import Fetch
from imagefinder.similarity import dtype, normalized_for
from imagefinder.types import Encoder, Features, TextEncoder

_MAX_URLS = 16

router = APIRouter(route_class=OpenAiRoute, tags=["embeddings"])


@router.post(
    "/v1/embeddings",
    summary="Encode images and texts",
    response_model=EmbeddingsResponse,
    responses=error_responses(400, 403, 404),
)
def create_embeddings(
    catalogues: AllCatalogues, settings: CurrentSettings, request: EmbeddingsRequest
) -> JSONResponse:
    """The vectors of images and texts by the encoder of a catalogue, as a search compares them.

    Takes what the embeddings endpoints of OpenAI, Jina and infinity take, and answers as they do.
    An input that cannot be used is an error that says which one it is.
    """
    catalogue = _catalogue_of(catalogues, request.model)
    try:
        inputs = inputs_of(request.input, request.modality)
    except ValueError as error:
        raise HTTPException(422, f"input: {error}") from error
    encoder = whole_encoder(catalogue.encoder)
    vectors = _encoded(encoder, _downloaded(inputs, settings.fetch), catalogue)
    try:
        vectors = truncated(vectors, request.dimensions, encoder)
    except ValueError as error:
        raise HTTPException(422, f"dimensions: {error}") from error
    response = EmbeddingsResponse(
        data=_data(vectors, as_text=request.encoding_format == "base64"),
        model=request.model,
        usage=_usage(inputs),
    )
    return JSONResponse(response.model_dump())  # no need to validate a million numbers


def _catalogue_of(catalogues: ServedCatalogues, model: str) -> Catalogue:
    """With the encoder that it has now."""
    found = catalogues.find(model)
    if found is None:  # another program may have upgraded one to it
        catalogues.refresh()
        found = catalogues.find(model)
    if found is None:
        names = ", ".join(catalogues.names)
        raise HTTPException(404, f"model: there is no such model on this server, which has {names}")
    return found.pinned()


def _downloaded(inputs: Sequence[EmbeddingInput], fetch: Fetch | None) -> list[bytes | Text]:
    """With the files of images in place of their URLs."""
    urls = [one.url for one in inputs if isinstance(one, ImageUrl)]
    if urls and fetch is None:
        raise HTTPException(
            403, "this server does not download from URLs: send the image as a data URL"
        )
    if len(urls) > _MAX_URLS:
        raise HTTPException(422, f"input: at most {_MAX_URLS} URLs per request")
    files = iter(download(urls, fetch) if fetch and urls else ())
    return [next(files) if isinstance(one, ImageUrl) else one for one in inputs]


def _encoded(encoder: Encoder, inputs: Sequence[bytes | Text], catalogue: Catalogue) -> Features:
    """``(n, dim)``, as a store compares them."""
    texts = [one.text for one in inputs if isinstance(one, Text)]
    images = [one for one in inputs if not isinstance(one, Text)]
    vectors = np.empty((len(inputs), encoder.dim), dtype(encoder.measure))
    is_text = np.array([isinstance(one, Text) for one in inputs])
    if images:
        vectors[~is_text] = embed(images, encoder, limits=catalogue.limits)
    if texts:
        vectors[is_text] = _encoded_texts(encoder, texts, catalogue.recipe.encoder)
    return normalized_for(encoder.measure, vectors)


def _encoded_texts(encoder: Encoder, texts: Sequence[str], name: str) -> Features:
    if not isinstance(encoder, TextEncoder):
        raise HTTPException(
            422, f"input: the encoder {name} has no text encoder: send an image as a data URL"
        )
    return np.concatenate([encode_text_one(encoder, text) for text in texts])


def _data(vectors: Features, as_text: bool) -> list[Embedding]:
    rows = vectors.astype("<f4")
    return [
        Embedding(
            index=index,
            embedding=base64.b64encode(row.tobytes()).decode() if as_text else row.tolist(),
        )
        for index, row in enumerate(rows)
    ]


def _usage(inputs: Sequence[EmbeddingInput]) -> Usage:
    count = sum(len(one.text) if isinstance(one, Text) else 1 for one in inputs)
    return Usage(prompt_tokens=count, total_tokens=count)
