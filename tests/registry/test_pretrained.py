"""Rows of models: ours are whole, the user's are read from their library."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from imagefinder.encoders.onnx import Onnx
from imagefinder.errors import ModelError, PluginError
from imagefinder.images.decode import decode
from imagefinder.images.walk import find_images
from imagefinder.registry.factory import encoder_from, make_encoder, recipe_of
from imagefinder.registry.plugins import plugins
from imagefinder.registry.pretrained import models
from imagefinder.similarity import unit
from imagefinder.types import Resize

OURS = (
    "beit clip dinov2 dinov2_int8 dinov3 efficientnet efficientnet_lite0 efficientnet_lite1 "
    "efficientnet_lite2 inception_v3 mobileclip2 resnet18 resnet50 siglip tinyclip vgg16"
).split()


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMAGEFINDER_HOME", str(tmp_path))
    return tmp_path


def write(library: Path, rows: str) -> None:
    (library / "models.toml").write_text(rows)


def test_our_rows_say_all_that_people_want_to_know() -> None:
    assert list(models()) == OURS
    for model in models().values():
        assert model.about
        assert model.license
        assert model.bytes > 1e7
        for source in model.sources.values():
            assert re.fullmatch("[0-9a-f]{64}|", source.sha256)
            if source.package:
                assert re.fullmatch(r"[\d.]+", source.revision)
                assert source.sha256
                continue
            assert source.repository.count("/") == 1
            assert re.fullmatch("[0-9a-f]{40}|main", source.revision)
            assert re.fullmatch("[0-9a-f]{40}", source.revision) or source.sha256


def test_every_row_is_an_encoder_and_those_with_patches_are_extractors_too() -> None:
    assert set(OURS) < set(plugins("encoders"))
    patches = {name for name in plugins("extractors") if name.endswith("-patches")}
    assert patches == {"beit-patches", "dinov2-patches", "dinov2_int8-patches"}


def test_a_row_becomes_the_fit_that_it_describes() -> None:
    assert models()["inception_v3"].resize == Resize(299, 299, "crop", 0.875, "bicubic")
    assert models()["beit"].resize == Resize(224, 224)


OF_MOBILENET = 'output = "embedding"\nmean = 0.5\nstd = 0.5'
OF_IMAGENET = 'output = "embedding"'
OF_CAFFE = 'output = "fire9/concat_2"\nchannels = "BGR"\nscale = 1\nmean = [104, 117, 123]\nstd = 1'


@pytest.mark.parametrize(
    ("file", "dim", "settings"),
    [
        ("mobilenet_v2_qat", 1280, OF_MOBILENET),
        ("mobilenet_v2_ptq", 1280, OF_MOBILENET),
        ("mobilenetv2_backbone", 1280, OF_IMAGENET),
        ("squeezenet1.1", 512, OF_IMAGENET),
        ("squeezenet_fp16_batch1", 512, OF_CAFFE),
        ("squeezenet_fp16_batch1", 512, OF_CAFFE.replace("fire9/concat_2", "penultimate")),
    ],
)
def test_one_row_makes_a_graph_of_ones_own_an_encoder(
    file: str, dim: int, settings: str, assets: Path, library: Path
) -> None:
    path = assets / "models" / f"{file}.onnx"
    write(library, f'[mine]\nfile = "{path}"\ndim = {dim}\n{settings}')
    encoder = make_encoder("mine", {"precision": "f32"})
    files = list(find_images(assets / "data/clothing/test"))[::93]
    images = [decode(file, encoder.resize).pixels for file in files]
    rows = np.vstack(encoder.encode(images))
    assert rows.shape == (len(images), dim)
    options = dict(models()["mine"].settings)
    if options["output"] == "penultimate":  # the same maps, by what they are
        options["output"] = "fire9/concat_2"
    by_path = Onnx.from_argument(str(path), {**options, "precision": "f32"})
    assert_allclose(unit(rows), unit(np.vstack(by_path.encode(images))), atol=1e-5)
    assert encoder_from(recipe_of(encoder)) == encoder


def test_a_file_may_lie_beside_the_rows_and_change_for_new_catalogues_only(
    library: Path, tiny_model: Path
) -> None:
    write(library, '[mine]\nfile = "tiny.onnx"\ndim = 8\nsize = 32')
    (library / "tiny.onnx").write_bytes(tiny_model.read_bytes())
    before = make_encoder("mine")
    blank = np.zeros((32, 32, 3), np.uint8)
    (library / "tiny.onnx").write_bytes(tiny_model.read_bytes() + b"\x10\x08")
    with pytest.raises(ModelError, match="is not the model 'mine' of the recipe"):
        before.encode([blank])
    make_encoder("mine").encode([blank])


def test_a_users_row_goes_before_ours(library: Path) -> None:
    write(library, '[resnet18]\nfile = "own.onnx"\ndim = 3')
    assert models()["resnet18"].graph.file == str(library / "own.onnx")
    with pytest.raises(ModelError, match=r"own\.onnx cannot be read"):
        make_encoder("resnet18")


def test_an_encoder_of_the_package_needs_no_rows(library: Path) -> None:
    write(library, "= broken")
    assert recipe_of(make_encoder("compact")).encoder == "compact"


def test_an_encoder_without_words_says_which_have_them(library: Path, tiny_model: Path) -> None:
    write(library, f'[mine]\nfile = "{tiny_model}"\ndim = 8\nsize = 32')
    encoder: Any = make_encoder("mine")
    assert encoder.encode_text([]) == []
    with pytest.raises(
        PluginError,
        match="mine has no text encoder; these have: clip, mobileclip2, siglip, tinyclip",
    ):
        encoder.encode_text(["a dog"])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("[mine", "cannot be read"),
        ("mine = 3", "must be a table"),
        ("['My Own']\nfile = 'a'\ndim = 3", "is not a valid name"),
        ("[mine]\ndim = 3", "is missing file"),
        ("[mine]\nfile = 'a'", "is missing dim"),
        ("[mine]\nfile = 'a'\ndim = 'many'", "dim must be an integer, not 'many'"),
        ("[mine]\nfile = 'a'\ndim = 0", "dim and size must be positive"),
        ("[mine]\nfile = 'a'\ndim = 3\nsize = 'big'", "size must be one integer"),
        ("[mine]\nfile = 'a'\ndim = 3\nmeans = 3", "has no setting 'means'"),
        (
            "[mine]\nfile = 'a'\ndim = 3\nresize = 'fit'",
            "resize must be stretch or crop, not 'fit'",
        ),
        ("[mine]\nfile = 'a'\ndim = 3\nmeasure = 'near'", "unknown measure 'near'"),
        (
            "[mine]\nfile = 'a'\ndim = 3\narchitecture = 'vgg'",
            "unknown architecture 'vgg'; there are efficientnet_lite0, efficientnet_lite1",
        ),
        ("[mine]\nfile = '/a'\ndim = 3\npackage = 'p'", "must be a path within the package p"),
        ("[mine]\nfile = 'a/../../b'\ndim = 3\npackage = 'p'", "must be a path within the"),
        ("[mine]\nfile = 'a'\ndim = 3\npackage = '-r x'", "is not the name of a package"),
        (
            "[mine]\nfile = 'a'\ndim = 3\npackage = 'p'\nrepository = 'o/r'",
            "has a repository and a package",
        ),
        (
            "[mine]\nfile = 'a'\ndim = 3\nsize = [2, 3]\npatches = true",
            "patches need square images",
        ),
        ("[mine]\nfile = 'a'\ndim = 3\ntext = 3", "must be a table"),
        ("[mine]\nfile = 'a'\ndim = 3\n[mine.text]\nfile = 'b'", "is missing tokenizer, output"),
    ],
)
def test_a_row_that_makes_no_sense_is_named_with_its_file(
    row: str, reason: str, library: Path
) -> None:
    write(library, row)
    with pytest.raises(ModelError, match=re.escape(reason)) as raised:
        plugins("encoders")
    assert str(library / "models.toml") in str(raised.value)
    assert "\n" not in str(raised.value)
