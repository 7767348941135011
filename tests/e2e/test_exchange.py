"""Vectors out and in, from the shell."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imagefinder import Finder, embed
from imagefinder.types import Record

from .program import Run, answer, misuse, refusal


def _imported(record: Record) -> Record:
    return replace(record, files=tuple(replace(one, origin="imported") for one in record.files))


def test_the_vector_of_an_image_is_one_line(run: Run, folder: Path) -> None:
    said = run("embed", "folder/a.jpg")
    assert (said.returncode, said.stderr, said.stdout.count(b"\n")) == (0, b"", 1)
    vector = np.array(said.stdout.split(), np.float32)
    assert (vector == embed(folder / "a.jpg")[0]).all()
    by_stdin = run("embed", "-", stdin=(folder / "a.jpg").read_bytes())
    assert by_stdin.stdout == said.stdout


def test_a_vector_as_json_says_who_made_it(run: Run, folder: Path) -> None:
    said = answer(run("embed", "folder/a.jpg", "--encoder", "phash", "--json"))
    assert said == {"encoder": "phash", "dim": 8, "vector": said["vector"]}
    assert said["vector"] == embed(folder / "a.jpg", "phash")[0].tolist()


def test_a_vector_is_normalized_and_saved(run: Run, tmp_path: Path, folder: Path) -> None:
    words = ("embed", "folder/a.jpg", "--encoder", "classic", "--normalize", "--out", "a.npy")
    assert run(*words).stdout == b"1248 dimensions saved in a.npy\n"
    saved = np.load(tmp_path / "a.npy", allow_pickle=False)
    assert (saved == embed(folder / "a.jpg", "classic", normalize=True)).all()
    assert np.linalg.norm(saved) == pytest.approx(1)
    assert "--force" in refusal(run(*words))
    assert len(answer(run(*words, "--force", "--json"))["vector"]) == 1248


def test_embed_used_wrongly_costs_nothing(run: Run, folder: Path) -> None:
    before = (folder / "a.jpg").read_bytes()
    assert "end with .npy" in misuse(run("embed", "folder/b.jpg", "--out", "folder/a.jpg"))
    assert (folder / "a.jpg").read_bytes() == before
    misuse(run("embed", "folder/a.jpg", "--encoder", "phash", "--normalize"))
    assert "no such file" in refusal(run("embed", "missing.jpg"))
    assert "'magic'" in refusal(run("embed", "folder/a.jpg", "--encoder", "magic"))
    refusal(run("embed", "folder/a.jpg", "--out", "no/where.npy"))


@pytest.mark.parametrize("name", ["vectors.npy", "vectors.parquet", "vectors"])
def test_a_catalogue_goes_out_and_comes_back_as_another(
    run: Run, tmp_path: Path, stocked: Path, name: str
) -> None:
    said = answer(run("export", name, "--json"))
    assert said == {"images": 144, "path": str(tmp_path / name)}
    assert "already exist" in refusal(run("export", name))
    assert run("export", name, "--force").stdout == f"144 images exported to {name}\n".encode()
    assert answer(run("import", name, "--db", "new.db", "--json"))["added"] == 144
    assert answer(run("import", name, "--db", "new.db", "--json"))["unchanged"] == 144
    with Finder.open(stocked) as ours, Finder.open(tmp_path / "new.db") as theirs:
        assert theirs.recipe == ours.recipe
        pairs = zip(ours.store.iter_records(), theirs.store.iter_records(), strict=True)
        assert all(_imported(a) == b and (v == w).all() for (a, v), (b, w) in pairs)


def test_an_exported_recipe_makes_the_catalogue(run: Run, folder: Path, tmp_path: Path) -> None:
    run("add", "folder", "--encoder", "dhash")
    run("export", "hashes.npy")
    assert answer(run("import", "hashes.npy", "--db", "new.db", "--json"))["added"] == 3
    assert answer(run("info", "--db", "new.db", "--json"))["encoder"] == "dhash"
    words = ("import", "hashes.npy", "--db", "other.db", "--encoder", "phash")
    said = refusal(run(*words))
    assert "phash" in said
    assert "dhash" in said
    assert not (tmp_path / "other.db").exists()


def test_vectors_from_elsewhere_need_the_users_word(run: Run, folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", embed([folder / "a.jpg", folder / "a.jpg"]))
    (tmp_path / "mine.csv").write_text("path\nfolder/a.jpg\nfolder/missing.jpg\n")
    assert "--encoder" in misuse(run("import", "mine.npy")).replace("\n", " ")
    assert "but the vectors of classic" in refusal(
        run("import", "mine.npy", "--encoder", "classic")
    )
    assert not (tmp_path / "imagefinder.db").exists()
    report = answer(run("import", "mine.npy", "--encoder", "standard", "--json"))
    assert report["added"] == 1
    assert [failure["path"] for failure in report["failed"]] == [str(folder / "missing.jpg")]
    found = answer(run("search", "folder/a.jpg", "--json"))
    assert found["hits"][0]["path"] == str(folder / "a.jpg")


def test_faults_are_said_in_one_line_and_cost_nothing(
    run: Run, tmp_path: Path, stocked: Path
) -> None:
    before = stocked.read_bytes()
    assert "does not exist" in refusal(run("import", "nothing.npy"))
    run("export", "v.npy")
    shutil.copy(tmp_path / "v.npy", tmp_path / "whole")
    (tmp_path / "v.npy").write_bytes((tmp_path / "whole").read_bytes()[:-1])
    assert "v.npy" in refusal(run("import", "v.npy"))
    assert "v.npy" in refusal(run("import", "v.npy", "--db", "new.db"))
    assert not (tmp_path / "new.db").exists()
    recipe = json.loads((tmp_path / "v.json").read_text())
    (tmp_path / "v.json").write_text(json.dumps({**recipe, "encoder": ["standard"]}))
    assert "recipe" in refusal(run("import", "v.npy", "--db", "new.db"))
    assert "other files" in refusal(run("export", ".", "--force"))
    assert "does not exist" in refusal(run("export", "no/where.npy"))
    assert "imagefinder add" in refusal(run("export", "w.npy", "--db", "missing.db"))
    assert stocked.read_bytes() == before
