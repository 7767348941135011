"""An image is the same however the camera was held."""

from pathlib import Path

import PIL.Image
import pytest

from .program import Run, Word, answer

Encoder = list[Word]

# each image has its orientation's number drawn in its middle, which learned encoders see: the
# threshold only tells them from images left lying on their side (0.69 to 0.83 by compact, at most
# 0.63 by mobilenet_v2_qat)
OURS = {"classic": 0.98, "compact": 0.95}
MODELS: dict[str, tuple[float, Encoder]] = {
    "mobilenet_v2_qat": (0.85, ["-o", "mean=0.5", "-o", "std=0.5", "-o", "output=embedding"]),
    "squeezenet1.1": (0.98, ["-o", "output=embedding"]),
}
KINDS = ["Landscape", "Portrait"]
UNDONE_BY = {
    1: None,
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_90,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_270,
}
"""What lays an upright image as each orientation says it lies."""


def words_for(assets: Path, model: str) -> Encoder:
    return ["--encoder", f"onnx:{assets / 'models' / model}.onnx", *MODELS[model][1]]


def scores_of_kind(run: Run, image: Path, kind: str) -> dict[str, float]:
    """How alike each file whose name begins with the kind is to an image."""
    found = answer(run("search", image, "-k", 18, "--json"))
    scores = {Path(hit["path"]).name: hit["score"] for hit in found["hits"]}
    return {name: score for name, score in scores.items() if name.startswith(kind)}


def check_real_images(run: Run, assets: Path, encoder: Encoder, threshold: float) -> None:
    folder = assets / "data" / "exif"
    assert answer(run("add", folder, *encoder, "--json"))["added"] == 18
    for kind in KINDS:
        scores = scores_of_kind(run, folder / f"{kind}_1.jpg", kind)
        assert len(scores) == 9
        assert {name: score for name, score in scores.items() if score < threshold} == {}


def lay(image: Path, folder: Path) -> None:
    """The same pixels in all orientations, without loss."""
    folder.mkdir()
    with PIL.Image.open(image) as upright:
        small = upright.resize((upright.width // 3, upright.height // 3))
    for orientation, turn in UNDONE_BY.items():
        exif = PIL.Image.Exif()
        exif[0x0112] = orientation
        lying = small if turn is None else small.transpose(turn)
        lying.save(folder / f"{image.stem}-{orientation}.png", exif=exif)


@pytest.mark.parametrize("encoder", OURS)
def test_real_images_are_alike_in_all_orientations(run: Run, assets: Path, encoder: str) -> None:
    check_real_images(run, assets, ["--encoder", encoder], OURS[encoder])


@pytest.mark.parametrize("model", MODELS)
def test_real_images_are_alike_in_all_orientations_to_a_model(
    run: Run, assets: Path, model: str
) -> None:
    check_real_images(run, assets, words_for(assets, model), MODELS[model][0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", [None, "mobilenet_v2_qat"])
def test_turning_without_loss_changes_nothing(
    run: Run, assets: Path, tmp_path: Path, model: str | None, kind: str
) -> None:
    lay(assets / "data" / "exif" / f"{kind}_1.jpg", tmp_path / "lying")
    encoder = words_for(assets, model) if model else []
    assert answer(run("add", "lying", *encoder, "--json"))["added"] == 8
    scores = scores_of_kind(run, tmp_path / "lying" / f"{kind}_1-1.png", kind)
    assert len(scores) == 8
    assert min(scores.values()) > 0.999
