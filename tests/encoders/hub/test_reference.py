"""Pulled by the program and run by name, models give what their reference gives.

The weights are seeded ones, in the layout of the published graphs; the reference is transformers.
"""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from numpy.typing import NDArray

from imagefinder.images.decode import decode
from imagefinder.images.walk import find_images
from imagefinder.registry.factory import make_encoder, make_extractor
from imagefinder.registry.pretrained import models
from imagefinder.similarity import unit
from imagefinder.testing.contracts import check_encoder, check_extractor
from imagefinder.types import Features, Resize

from ...e2e.program import Run
from . import graphs
from .stand_in import Hub

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
SIDE = graphs.SIDE
BICUBIC, BILINEAR = PIL.Image.Resampling.BICUBIC, PIL.Image.Resampling.BILINEAR

Prepare = Callable[[PIL.Image.Image], PIL.Image.Image]


@pytest.fixture(scope="module")
def photographs(assets: Path) -> list[Path]:
    return list(find_images(assets / "data/clothing/test"))[::47]


@pytest.fixture
def squares(photographs: list[Path], tmp_path: Path) -> list[Path]:
    """Their middles. The reference crops at whole pixels, up to half of one beside the middle,
    which networks with random weights make more of than trained ones.
    """
    for path in photographs:
        with PIL.Image.open(path) as image:
            image.crop((0, 66, 400, 466)).save(tmp_path / f"{path.stem}.png")
    return sorted(tmp_path.glob("*.png"))


def cropped(image: PIL.Image.Image, short: int = 256) -> PIL.Image.Image:
    """The short side to 256, then the middle 224 × 224, as ResNet's processor does it."""
    scale = short / min(image.size)
    width, height = (int(side * scale) for side in image.size)
    left, top = (width - 224) // 2, (height - 224) // 2
    large = image.resize((width, height), BICUBIC)
    return large.crop((left, top, left + 224, top + 224))


def stretched(image: PIL.Image.Image) -> PIL.Image.Image:
    """To 224 × 224 whatever its proportions, as BEiT's processor does it."""
    return image.resize((224, 224), BILINEAR)


def fed(paths: list[Path], prepare: Prepare, mean: Any, std: Any) -> torch.Tensor:
    """Photographs as the reference's processors feed them."""
    ready = [prepare(PIL.Image.open(path).convert("RGB")) for path in paths]
    pixels = np.stack([np.asarray(one, np.float32) / 255 for one in ready])
    return torch.from_numpy(((pixels - mean) / std).transpose(0, 3, 1, 2)).float()


def embedded(name: str, paths: list[Path]) -> NDArray[np.float32]:
    encoder = make_encoder(name, {"precision": "f32"})
    return np.vstack(encoder.encode([decode(path, encoder.resize).pixels for path in paths]))


def cosines(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    return np.asarray((unit(one) * unit(other)).sum(axis=1))


def check_alike(ours: NDArray[Any], theirs: NDArray[Any]) -> None:
    """Alike, and also in what tells images apart (seeded networks give much in common)."""
    assert ours.shape == theirs.shape
    assert cosines(ours, theirs).min() >= 0.999
    apart = cosines(ours - ours.mean(axis=0), theirs - theirs.mean(axis=0))
    assert np.median(apart) >= 0.99


def put(served: Hub, name: str, graph: bytes) -> None:
    source = models()[name].graph
    served.files[source.repository, source.file] = graph


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_resnet_gives_the_pooled_vector_of_the_reference(
    name: str, run: Run, served: Hub, photographs: list[Path]
) -> None:
    model = getattr(graphs, name)()
    put(served, name, graphs.exported_for_images(model, "logits"))
    assert run("models", "pull", name).returncode == 0
    with torch.no_grad():
        pooled = model.resnet(fed(photographs, cropped, *IMAGENET)).pooler_output
    check_alike(embedded(name, photographs), pooled.flatten(1).numpy())


def test_beit_gives_the_mean_of_the_patches_of_the_reference(
    run: Run, served: Hub, photographs: list[Path]
) -> None:
    model = graphs.beit()
    put(served, "beit", graphs.exported_for_images(model, "logits"))
    assert run("models", "pull", "beit").returncode == 0
    # both see our pixels: a JPEG that is shrunk while it is decoded differs a little from one that
    # is resized at full size, and layers with random weights amplify that
    decoded = [decode(path, Resize(SIDE, SIDE)).pixels for path in photographs]
    resized = [np.asarray(stretched(PIL.Image.open(path).convert("RGB"))) for path in photographs]
    assert np.abs(np.subtract(decoded, resized, dtype=np.float32)).mean() < 2
    mean, std = HALVES
    pixels = ((np.stack(decoded) / 255 - mean) / std).transpose(0, 3, 1, 2)
    with torch.no_grad():
        seen = model.beit(torch.from_numpy(pixels).float())
    check_alike(embedded("beit", photographs), seen.pooler_output.numpy())

    extractor = make_extractor("beit-patches", {"precision": "f32"})
    found = extractor.extract([decode(path, extractor.resize).pixels for path in photographs])
    for one, tokens in zip(found, seen.last_hidden_state[:, 1:].numpy(), strict=True):
        assert one.points.shape == (14 * 14, 2)
        assert cosines(one.descriptors, tokens).min() >= 0.999


ROWS = """
[small-dino]
repository = "we/dino"
file = "onnx/model.onnx"
dim = 384
output = "last_hidden_state"
pool = "first"
resize = "crop"
keep = 0.875
filter = "bicubic"
patches = true

[small-clip]
repository = "we/clip"
file = "vision.onnx"
dim = 512
output = "image_embeds"
resize = "crop"
filter = "bicubic"
mean = [0.48145466, 0.4578275, 0.40821073]
std = [0.26862954, 0.26130258, 0.27577711]

[small-clip.text]
file = "text.onnx"
tokenizer = "tokenizer.json"
output = "text_embeds"
context = 77
pad = "<|endoftext|>"
"""


def test_dinov2_gives_the_class_token_and_patches_without_it(
    run: Run, served: Hub, library: Path, squares: list[Path]
) -> None:
    (library / "models.toml").write_text(ROWS)
    model = graphs.dinov2()
    graph = graphs.exported_for_images(model, "last_hidden_state")
    served.files["we/dino", "onnx/model.onnx"] = graph
    assert run("models", "pull", "small-dino").returncode == 0
    with torch.no_grad():
        seen = model(fed(squares, cropped, *IMAGENET)).last_hidden_state
    check_alike(embedded("small-dino", squares), seen[:, 0].numpy())
    extractor = make_extractor("small-dino-patches")
    check_extractor(extractor)
    check_encoder(make_encoder("small-dino"))
    (found,) = extractor.extract([decode(squares[0], extractor.resize).pixels])
    assert found.descriptors.shape == (16 * 16, 384)


def tokenizer(path: Path) -> tuple[int, int]:
    """A small tokenizer in the form of CLIP's; gives how many words it has, and the last one."""
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import WordLevel

    words = "a an photo of dog cat red shoe on the grass beside unknown".split()
    known = {word: number for number, word in enumerate([*words, "<|startoftext|>"])}
    end = known.setdefault("<|endoftext|>", len(known))
    made = Tokenizer(WordLevel(known, unk_token="unknown"))  # noqa: S106  a token, no secret
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("<|startoftext|>", end - 1), ("<|endoftext|>", end)]
    made.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>", special_tokens=ends
    )
    made.save(str(path))
    return len(known), end


def as_reference(texts: list[str], file: Path, end: int) -> dict[str, torch.Tensor]:
    """Tokens filled up to 77 with the end token, longer texts cut before their end."""
    from tokenizers import Tokenizer

    ids = [Tokenizer.from_file(str(file)).encode(text).ids for text in texts]
    ids = [one if len(one) <= 77 else [*one[:76], end] for one in ids]
    filled = [one + [end] * (77 - len(one)) for one in ids]
    mask = [[1] * len(one) + [0] * (77 - len(one)) for one in ids]
    return {"input_ids": torch.tensor(filled), "attention_mask": torch.tensor(mask)}


TEXTS = ["a photo of a dog", "Red shoe on the grass", "", "cat " * 100, "a zebra"]


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_clip_gives_images_and_texts_as_the_reference_does(
    runtime: str, run: Run, served: Hub, library: Path, tmp_path: Path, squares: list[Path]
) -> None:
    (library / "models.toml").write_text(ROWS)
    count, end = tokenizer(tmp_path / "tokenizer.json")
    vision, text = graphs.clip_vision(), graphs.clip_text(count, end)
    wanted = as_reference(TEXTS, tmp_path / "tokenizer.json", end)
    served.files["we/clip", "tokenizer.json"] = (tmp_path / "tokenizer.json").read_bytes()
    served.files["we/clip", "vision.onnx"] = graphs.exported_for_images(vision, "image_embeds")
    served.files["we/clip", "text.onnx"] = graphs.exported(text, wanted, "text_embeds")
    assert run("models", "pull", "small-clip").returncode == 0

    encoder: Any = make_encoder("small-clip", {"precision": "f32", "runtime": runtime})
    rows: list[Features] = encoder.encode_text(TEXTS)
    with torch.no_grad():
        check_alike(np.vstack(rows), text(**wanted).text_embeds.numpy())
        pixels = fed(squares, partial(cropped, short=224), *CLIP)
        seen = vision(pixel_values=pixels).image_embeds.numpy()
    check_alike(embedded("small-clip", squares), seen)
    shutil.rmtree(tmp_path / "cache")  # what is loaded needs its files no more
    assert encoder.encode_text(TEXTS[:1])[0] == pytest.approx(rows[0])
