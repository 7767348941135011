"""Downloads that go wrong: each is one line that says what to do, and none spoils the library."""

import json
import resource
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import PIL.Image
import pytest
from onnx import TensorProto, helper, numpy_helper

from imagefinder.encoders.hub import download
from imagefinder.encoders.model_store import find_model, locate
from imagefinder.errors import ImageFinderError, MissingExtra, ModelError
from imagefinder.registry.factory import make_encoder, recipe_of
from imagefinder.registry.pretrained import ModelFile

from ...conftest import drawn
from ...e2e.program import Run, refusal
from .stand_in import Hub

REPOSITORY, FILE = "we/small", "onnx/model.onnx"
ROW = f'[small]\nrepository = "{REPOSITORY}"\nfile = "{FILE}"\ndim = 64\nsize = 32\n'


def graph(seed: int, dim: int = 64, ballast: int = 0) -> bytes:
    """A convolution and the mean of its channels: half a megabyte or so, and ballast."""
    rng = np.random.default_rng(seed)
    weights = {
        "kernels": rng.normal(size=(512, 3, 9, 9)).astype(np.float32),
        "mix": rng.normal(size=(512, dim)).astype(np.float32),
        "ballast": np.zeros(ballast, np.uint8),
    }
    nodes = [
        helper.make_node("Conv", ["pixels", "kernels"], ["edges"], strides=[8, 8]),
        helper.make_node("GlobalAveragePool", ["edges"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "mix"], ["embedding"]),
    ]
    made = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", dim])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    content: bytes = helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString()
    onnx.checker.check_model(content)
    return content


@pytest.fixture(autouse=True)
def small(library: Path, served: Hub) -> None:
    """A row of the user's, and its file on the hub."""
    (library / "models.toml").write_text(ROW)
    served.files[REPOSITORY, FILE] = graph(1)


def pulled(run: Run) -> Path:
    assert run("models", "pull", "small").returncode == 0
    return locate(find_model("small")).path


def encode_one() -> None:
    make_encoder("small").encode([np.zeros((32, 32, 3), np.uint8)])


def test_what_is_here_is_not_asked_for_again(run: Run, served: Hub) -> None:
    path = pulled(run)
    assert path.read_bytes() == graph(1)
    served.asked.clear()
    assert run("models", "pull", "small").stdout == b"small is installed\n"
    assert served.asked == []


def test_a_download_that_is_cut_off_goes_on_from_there(run: Run, served: Hub) -> None:
    served.files[REPOSITORY, FILE] = large = graph(1, ballast=14_000_000)
    served.cuts = [11_000_000]
    assert pulled(run).read_bytes() == large
    written = 10 * 2**20  # it is written in parts of this size
    assert served.ranges() == [None, f"bytes={written}-"]


def test_a_connection_that_breaks_for_good_is_said_and_pulled_later(
    run: Run, served: Hub, library: Path
) -> None:
    served.cuts = [1000] * 6
    said = refusal(run("models", "pull", "small"))
    assert said.endswith(f"(received 1000 bytes, expected {len(graph(1))}): try again")
    assert not (library / "pins").exists()
    assert pulled(run).read_bytes() == graph(1)


def test_offline_what_was_pulled_works_and_the_rest_is_said(run: Run, served: Hub) -> None:
    offline = {"HF_HUB_OFFLINE": "1"}
    said = refusal(run("models", "pull", "small", env=offline))
    assert "HF_HUB_OFFLINE is set" in said
    pulled(run)
    served.asked.clear()
    assert run("models", "pull", "small", env=offline).returncode == 0
    encode_one()
    assert served.asked == []


def test_a_cache_from_elsewhere_is_taken_offline(run: Run, library: Path) -> None:
    pulled(run)
    shutil.rmtree(library / "pins")
    assert run("models", "pull", "small", env={"HF_HUB_OFFLINE": "1"}).returncode == 0
    encode_one()


def test_without_the_file_the_command_that_gets_it_is_named(run: Run) -> None:
    with pytest.raises(ModelError, match="`imagefinder models pull small` downloads it"):
        make_encoder("small")
    said = refusal(run("add", ".", "--encoder", "small"))
    assert "`imagefinder models add small FILE` adds a file that you have" in said


def test_a_file_that_changed_is_refused_everywhere_until_it_is_pulled_anew(run: Run) -> None:
    path = pulled(run)
    encoder = make_encoder("small")
    path.write_bytes(graph(2))
    for attempt in (lambda: locate(find_model("small")), encode_one):
        with pytest.raises(ModelError, match=r"has changed since.*`imagefinder models pull small`"):
            attempt()
    with pytest.raises(ModelError, match="has changed since"):
        encoder.encode([np.zeros((32, 32, 3), np.uint8)])
    verified = run("models", "verify")
    assert verified.returncode == 1
    assert b"has changed since" in verified.stdout
    assert pulled(run).read_bytes() == graph(1)
    assert b"small graph: ok\n" in run("models", "verify").stdout


def test_a_hub_that_serves_another_file_at_the_same_revision_is_refused(
    run: Run, served: Hub, tmp_path: Path
) -> None:
    pulled(run)
    shutil.rmtree(tmp_path / "cache")
    served.files[REPOSITORY, FILE] = graph(2)
    said = refusal(run("models", "pull", "small"))
    assert "is rejected: its SHA-256 is" in said
    assert "small.json to accept it" in said
    with pytest.raises(ModelError, match="has changed since"):
        locate(find_model("small"))


def test_a_row_that_knows_its_content_takes_no_other(run: Run, served: Hub, library: Path) -> None:
    (library / "models.toml").write_text(f'{ROW}sha256 = "{"0" * 64}"\n')
    assert "is rejected: its SHA-256" in refusal(run("models", "pull", "small"))
    assert not (library / "pins").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not a graph", "not a readable ONNX graph"),
        (graph(1)[:200_000], "not a readable ONNX graph"),
        (graph(1, dim=32), "gives 32 dimensions, not 64 as in the row of small"),
    ],
)
def test_a_file_that_is_not_what_its_row_says_is_refused_and_not_pinned(
    content: bytes, reason: str, run: Run, served: Hub, library: Path, tmp_path: Path
) -> None:
    served.files[REPOSITORY, FILE] = content
    assert reason in refusal(run("models", "pull", "small"))
    (tmp_path / "small.onnx").write_bytes(content)
    assert reason in refusal(run("models", "add", "small", "small.onnx"))
    assert not (library / "pins").exists()
    assert not list((library / "models").rglob("*.onnx"))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, "RepoNotFound"), "the repository does not exist or is private"),
        ((401, ""), "the repository does not exist or is private"),
        ((403, "GatedRepo"), "its owner requires consent"),
        ((404, "RevisionNotFound"), "the repository has no such revision"),
        ((404, "EntryNotFound"), "the repository has no such file"),
    ],
)
def test_what_the_hub_refuses_is_said_in_one_line(
    answer: tuple[int, str], reason: str, run: Run, served: Hub
) -> None:
    served.refused[REPOSITORY] = answer
    said = refusal(run("models", "pull", "small"))
    assert f"{REPOSITORY}@main:{FILE} cannot be downloaded: {reason}" in said


def test_without_a_network_the_remedy_is_said(run: Run) -> None:
    said = refusal(run("models", "pull", "small", env={"HF_ENDPOINT": "http://127.0.0.1:9"}))
    assert "http://127.0.0.1:9 cannot be reached: check the network or HF_ENDPOINT" in said


def _no_room() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_disk_that_is_full_is_said_and_the_next_pull_goes_on(run: Run) -> None:
    said = refusal(run("models", "pull", "small", before=_no_room))
    assert "the disk is full: free some space in" in said
    assert pulled(run).read_bytes() == graph(1)


def test_a_disk_that_is_full_leaves_nothing_of_a_file_added_by_hand(
    run: Run, library: Path, tmp_path: Path
) -> None:
    (tmp_path / "small.onnx").write_bytes(graph(1))
    said = refusal(run("models", "add", "small", "small.onnx", before=_no_room))
    assert "cannot be written (File too large)" in said
    assert not [path for path in (library / "models").rglob("*") if path.is_file()]


def test_a_file_brought_by_hand_serves_where_there_is_no_network(
    run: Run, served: Hub, tmp_path: Path
) -> None:
    (tmp_path / "brought").write_bytes(graph(1))
    assert run("models", "add", "small", "brought").returncode == 0
    (tmp_path / "brought").unlink()
    encode_one()
    assert served.asked == []
    assert "is rejected" in refusal(run("models", "add", "small", _written(tmp_path, graph(2))))
    assert "there is no model 'tiny'" in refusal(run("models", "add", "tiny", "other"))
    assert "small has no text" in refusal(run("models", "add", "small", "other", "--part", "text"))
    assert "none is not a file" in refusal(run("models", "add", "small", "none"))


def _written(folder: Path, content: bytes) -> str:
    (folder / "other").write_bytes(content)
    return "other"


def test_a_catalogue_is_listed_without_the_model_and_searched_only_with_the_same(
    run: Run, served: Hub, library: Path, tmp_path: Path
) -> None:
    PIL.Image.fromarray(drawn(0)).save(tmp_path / "dot.png")
    pulled(run)
    assert run("add", "dot.png", "--encoder", "small").returncode == 0
    assert run("search", "dot.png").returncode == 0
    shutil.rmtree(tmp_path / "cache")
    about = json.loads(run("info", "--json").stdout)
    assert (about["encoder"], about["dim"]) == ("small", 64)
    assert "models pull small" in refusal(run("search", "dot.png"))
    shutil.rmtree(library / "pins")
    served.files[REPOSITORY, FILE] = graph(2)
    assert run("models", "pull", "small").returncode == 0
    assert "is not the model 'small' of the recipe" in refusal(run("search", "dot.png"))
    assert run("remove", "dot.png").returncode == 0


def test_a_row_that_feeds_otherwise_does_not_serve_a_catalogue_made_before(
    run: Run, library: Path
) -> None:
    pulled(run)
    before = make_encoder("small")
    (library / "models.toml").write_text(f"{ROW}mean = 0.5\n")
    assert recipe_of(before) != recipe_of(make_encoder("small"))
    with pytest.raises(ModelError, match="settings of"):
        make_encoder("small", {"settings": getattr(before, "settings", ""), "sha256": ""}).encode(
            [np.zeros((32, 32, 3), np.uint8)]
        )


def test_pins_that_are_damaged_are_named(run: Run, library: Path) -> None:
    pulled(run)
    (library / "pins/small.json").write_text("[1]")
    with pytest.raises(ModelError, match=r"small\.json is damaged: delete it"):
        make_encoder("small")


def test_without_the_extra_only_downloads_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"pip install 'imagefinder\[hub\]'"):
        download(ModelFile("model.onnx", "we/small"))
    with pytest.raises(ImageFinderError, match="models pull small"):
        make_encoder("small")
