"""The commands of the library, as people and programs see them."""

from pathlib import Path

import pytest

from ...e2e.program import Run, answer, misuse, refusal


def test_models_are_listed_with_what_people_ask_of_them(run: Run) -> None:
    listed = answer(run("models", "--json"))["models"]
    by_name = {one["name"]: one for one in listed}
    assert by_name["clip"] == {
        "name": "clip",
        "about": "CLIP ViT-B/32, trained on images and captions; also encodes text",
        "dim": 512,
        "bytes": 608_000_000,
        "license": "MIT",
        "terms": "",
        "text": True,
        "patches": False,
        "present": False,
        "install": "imagefinder models pull clip",
        "source": "Qdrant/clip-ViT-B-32-vision@e0c24ed0fa57fa3e4f97f30de74c51d944036ace:model.onnx",
    }
    shown = run("models").stdout.decode()
    assert all(name in shown for name in by_name)


def test_a_file_of_ones_own_is_listed_as_here_and_is_not_added(
    run: Run, library: Path, tiny_model: Path
) -> None:
    row = f'[tiny]\nfile = "{tiny_model}"\ndim = 8\nsize = 32\n'
    (library / "models.toml").write_text(row)
    listed = answer(run("models", "--json"))["models"]
    hub = [one for one in listed if not one["install"].startswith("pip ")]
    assert [one["name"] for one in hub if one["present"]] == ["tiny"]
    assert run("models", "pull", "tiny").returncode == 0
    assert b"tiny graph: ok\n" in run("models", "verify").stdout
    assert "uses a file on this disk" in refusal(run("models", "add", "tiny", tiny_model))


@pytest.mark.parametrize("words", [["models", "list"], ["models", "pull"], ["models", "add", "x"]])
def test_wrong_use_is_said_as_everywhere(words: list[str], run: Run) -> None:
    misuse(run(*words))


def test_rows_that_are_broken_are_said_in_one_line(run: Run, library: Path) -> None:
    (library / "models.toml").write_text("[mine]\ndim = 3\n")
    for words in (["models"], ["encoders"], ["models", "pull", "resnet18"]):
        assert "models.toml: [mine] is missing file" in refusal(run(*words))


def test_an_unknown_model_is_answered_with_those_there_are(run: Run) -> None:
    said = refusal(run("models", "pull", "resnet19"))
    assert "there is no model 'resnet19'; there are beit, clip, dinov2" in said
