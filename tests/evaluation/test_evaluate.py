"""From a catalogue and what belongs together to figures."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from imagefinder import Finder
from imagefinder.errors import EvaluationError, PluginError
from imagefinder.evaluation import Evaluation, evaluate
from imagefinder.evaluation.embedding_metrics import leave_one_out

from .conftest import Catalogue, Grey, paint

TWO_CLASSES = {
    "bright/1.png": (200,),
    "bright/2.png": (210,),
    "bright/3.png": (90,),
    "dark/1.png": (10,),
    "dark/2.png": (20,),
}
# in order of their nearness, b(right) and d(ark):
#   bright/1: b b d d   bright/2: b b d d   bright/3: d d b b   dark/1: d b b b   dark/2: d b b b


def means(found: Evaluation, *names: str) -> list[float]:
    return [found.metrics[name].mean for name in names]


def csv(folder: Path, text: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text(text)
    return path


def test_figures_are_what_one_works_out_by_hand(catalogue: Catalogue) -> None:
    found = evaluate(catalogue(TWO_CLASSES), ks=(1, 2))
    late = (1 / 3 + 2 / 4) / 2
    assert means(found, "mAP") == pytest.approx([(4 + late) / 5])
    assert means(found, "MRR") == pytest.approx([(4 + 1 / 3) / 5])
    assert means(found, "N-S") == pytest.approx([(3 + 3 + 2 + 2 + 2) / 5])
    assert means(found, "R-precision", "precision@1") == pytest.approx([4 / 5, 4 / 5])
    assert means(found, "precision@2", "recall@2") == pytest.approx([3 / 5, 4 / 5])
    assert [(one.name, one.images, one.queries) for one in found.classes] == [
        ("bright", 3, 3),
        ("dark", 2, 2),
    ]
    assert found.classes[0].metrics["mAP"] == pytest.approx((2 + late) / 3)
    assert [(one.query, one.hit, one.count) for one in found.confusions] == [
        ("bright", "bright", 2),
        ("dark", "dark", 2),
        ("bright", "dark", 1),
    ]
    assert found.curve.chance == pytest.approx((3 * 2 / 4 + 2 * 1 / 4) / 5)
    assert (found.scores.relevant.sum(), found.scores.other.sum()) == (8, 12)


def test_the_worst_query_shows_what_it_found(catalogue: Catalogue) -> None:
    found = evaluate(catalogue(TWO_CLASSES))
    worst = found.worst[0]
    assert worst.query.path
    assert worst.query.path.endswith("bright/3.png")
    assert [(hit.classes, hit.is_relevant) for hit in worst.hits] == [
        (("dark",), False),
        (("dark",), False),
        (("bright",), True),
        (("bright",), True),
    ]
    assert found.best[0].average_precision == 1


def test_intervals_enclose_their_means_and_come_again_with_the_seed(catalogue: Catalogue) -> None:
    finder = catalogue(TWO_CLASSES)
    found, again = evaluate(finder, seed=3), evaluate(finder, seed=3)
    assert found.metrics == again.metrics
    for figure in found.metrics.values():
        assert figure.low <= figure.mean <= figure.high


def test_the_mean_average_precision_is_that_of_the_vectors(catalogue: Catalogue) -> None:
    rng = np.random.default_rng(0)
    images = {
        f"{kind}/{number}.png": (*rng.integers(0, 255, 3).tolist(), kind * 50)
        for kind in range(4)
        for number in range(5)
    }
    finder = catalogue(images, "classic")
    rows, classes = [], []
    for record, features in finder.store.iter_records():
        rows.append(features[0])
        classes.append(Path(str(record.path)).parent.name)
    whole = leave_one_out(np.stack(rows), classes)
    found = evaluate(finder)
    assert means(found, "mAP", "precision@1") == pytest.approx(list(whole), abs=1e-6)


def test_a_folder_further_up_may_name_the_class(catalogue: Catalogue) -> None:
    finder = catalogue(
        {"fruit/pear/1.png": (10,), "fruit/lime/1.png": (12,), "milk/oat/1.png": (200,)}
    )
    with pytest.raises(EvaluationError, match="no query has another relevant image"):
        evaluate(finder)
    found = evaluate(finder, level=2)
    assert [one.name for one in found.classes] == ["fruit"]
    assert (found.setup.queries, found.setup.without_relevant) == (2, 1)


def test_an_image_in_two_folders_is_in_two_classes(catalogue: Catalogue, tmp_path: Path) -> None:
    finder = catalogue(TWO_CLASSES)
    (tmp_path / "stored" / "dim").mkdir()
    for name in ("bright/3.png", "dark/2.png"):
        copy = tmp_path / "stored" / "dim" / name.replace("/", "-")
        shutil.copy(tmp_path / "stored" / name, copy)
    finder.add(tmp_path / "stored" / "dim")
    found = evaluate(finder)
    assert [(one.name, one.queries) for one in found.classes] == [
        ("bright", 3),
        ("dark", 2),
        ("dim", 2),
    ]
    # bright/3 now finds dark/2 first, and rightly
    assert means(found, "precision@1") == [1]


def test_a_sample_is_of_the_size_and_seed_that_are_told(catalogue: Catalogue) -> None:
    finder = catalogue(TWO_CLASSES)
    one, same, other = (evaluate(finder, sample=3, seed=seed).queries for seed in (1, 1, 2))
    assert len(set(one)) == 3
    assert one == same
    assert one != other
    assert evaluate(finder, sample=100).setup.queries == 5


def test_what_lies_deeper_counts_as_not_found(catalogue: Catalogue) -> None:
    found = evaluate(catalogue(TWO_CLASSES), ks=(1, 2), depth=2)
    assert found.setup.truncated
    assert means(found, "mAP", "recall@2") == pytest.approx([4 / 5, 4 / 5])
    assert "rankings end at rank 2" in str(found)


def test_images_of_a_folder_ask_by_its_subfolders(catalogue: Catalogue, tmp_path: Path) -> None:
    finder = catalogue(TWO_CLASSES)
    paint(tmp_path / "asked" / "bright" / "1.png", 95)
    shutil.copy(tmp_path / "stored" / "dark" / "1.png", paint(tmp_path / "asked/dark/1.png", 0))
    paint(tmp_path / "asked" / "unheard of" / "1.png", 1)
    paint(tmp_path / "asked" / "in no class.png", 1)
    (tmp_path / "asked" / "dark" / "bad.png").write_bytes(b"no image")
    found = evaluate(finder, queries=tmp_path / "asked", ks=(1,))
    # the first finds b d d b b, and the second, which is stored itself, d b b b
    assert means(found, "precision@1") == [1]
    assert means(found, "mAP") == pytest.approx([((1 + 2 / 4 + 3 / 5) / 3 + 1) / 2])
    assert means(found, "N-S") == [2]
    assert (found.setup.queries, found.setup.without_relevant) == (2, 1)
    assert [Path(one.path).name for one in found.failed] == ["bad.png"]


def test_pairs_are_paths_from_the_tables_folder_or_ids(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    finder = catalogue(TWO_CLASSES)
    paint(tmp_path / "query.png", 15)
    (dark,) = finder.search(tmp_path / "stored/dark/1.png", k=1)
    (bright,) = finder.search(tmp_path / "stored/bright/1.png", k=1)
    pairs = csv(
        tmp_path,
        "relevant,query,remark\n"
        f"{dark.id},query.png,first or second\n"
        "stored/dark/2.png,query.png,\n"
        f"stored/dark/2.png,{bright.id},fourth\n"
        f"stored/dark/2.png,{bright.id},told twice\n",
    )
    found = evaluate(finder, pairs=pairs, ks=(1,))
    assert found.queries == (str(tmp_path / "query.png"), bright.id)
    assert found.values["mAP"].tolist() == pytest.approx([1, 1 / 3])
    assert found.values["recall@1"].tolist() == pytest.approx([1 / 2, 0])
    assert not found.classes
    assert not found.confusions


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "pairs.csv: the first line must be: query,relevant"),
        ("", "pairs.csv: the first line must be: query,relevant"),
        ("query,relevant\nstored/dark/1.png,\n", "line 2: needs both a query and a relevant"),
        ("query,relevant\nstored/dark/1.png\n", "line 2: needs both a query and a relevant"),
        ("query,relevant\nnowhere.png,stored/dark/1.png\n", "line 2: nowhere.png: no such file"),
        ("query,relevant\nstored/dark/1.png,new.png\n", "new.png is not in the catalogue: add"),
        ("query,relevant\n0000000000000007,new.png\n", "line 2: there is no image '0000000"),
        (
            "query,relevant\nstored/dark/1.png,stored/dark/1.png\n",
            "no query has another relevant image",
        ),
        ("query,relevant\n", "no query has another relevant image"),
        ('query,relevant\n"a,b\n', "pairs.csv is not a CSV file in UTF-8"),
        ("query,relevant\n\udce9,b\n", "pairs.csv is not a CSV file in UTF-8"),
    ],
)
def test_bad_pairs_are_named_with_their_line(
    text: str, said: str, catalogue: Catalogue, tmp_path: Path
) -> None:
    finder = catalogue(TWO_CLASSES)
    paint(tmp_path / "new.png", 77)
    pairs = tmp_path / "pairs.csv"
    pairs.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(EvaluationError, match=said):
        evaluate(finder, pairs=pairs)


def test_there_must_be_something_to_measure(catalogue: Catalogue, tmp_path: Path) -> None:
    with (
        Finder.create(tmp_path / "empty.db", Grey()) as empty,
        pytest.raises(EvaluationError, match="the catalogue has no images"),
    ):
        evaluate(empty)
    finder = catalogue({"one/1.png": (1,), "one/2.png": (2,)})
    with pytest.raises(EvaluationError, match="all images lie in the one folder 'one'"):
        evaluate(finder)
    with pytest.raises(EvaluationError, match="no stored image has a folder 50 levels up"):
        evaluate(finder, level=50)
    with pytest.raises(EvaluationError, match="there is no folder"):
        evaluate(finder, queries=tmp_path / "nowhere")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(EvaluationError, match="has no images in subfolders"):
        evaluate(finder, queries=tmp_path / "nothing")
    bad = tmp_path / "asked" / "one" / "bad.png"
    bad.parent.mkdir(parents=True)
    bad.write_bytes(b"no image")
    with pytest.raises(EvaluationError, match=r"no query can be used: .*bad.png: not an image"):
        evaluate(finder, queries=tmp_path / "asked")


def test_what_makes_no_sense_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    finder = catalogue(TWO_CLASSES)
    for wrong in ({"ks": ()}, {"ks": (0,)}, {"sample": 0}, {"level": 0}, {"depth": 5, "ks": (9,)}):
        with pytest.raises(ValueError, match=r"must be at least"):
            evaluate(finder, **wrong)
    with pytest.raises(ValueError, match="'cosin' is not a measure"):
        evaluate(finder, measures=["cosin"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="either a folder of queries or pairs"):
        evaluate(finder, queries=tmp_path, pairs=tmp_path)
    with pytest.raises(PluginError, match="without local features"):
        evaluate(finder, rerank="mutual")


def test_images_without_a_file_are_asked_nothing(catalogue: Catalogue) -> None:
    finder = catalogue(TWO_CLASSES)
    finder.add(np.full((8, 8, 3), 205, np.uint8))
    found = evaluate(finder, ks=(1,))
    assert (found.setup.queries, found.setup.without_relevant) == (5, 1)
    # the two bright ones find it first, and it belongs to nothing
    assert {(one.query, one.hit): one.count for one in found.confusions} == {
        ("bright", None): 2,
        ("bright", "dark"): 1,
        ("dark", "dark"): 2,
    }


def test_a_second_look_goes_no_deeper_than_asked(tmp_path: Path) -> None:
    from imagefinder.testing.gallery import draw_scene, view_of

    with Finder.create(tmp_path / "local.db", local="sift") as finder:
        for scene in ("harbour", "mosaic", "chessboard"):
            (tmp_path / scene).mkdir()
            for view in ("size", "light"):
                view_of(draw_scene(scene), view, 1).save(tmp_path / scene / f"{view}.jpg")
            finder.add(tmp_path / scene)
        found = evaluate(finder, rerank="geometric", ks=(1, 2))
    assert (found.setup.depth, found.setup.truncated) == (2, True)
    assert means(found, "precision@1", "mAP", "N-S") == [1, 1, 2]
    assert "re-ranked by geometric" in str(found)


def test_an_approximate_index_is_asked_for_no_more_than_search_asks(
    catalogue: Catalogue,
) -> None:
    finder = catalogue({f"{n % 2}/{n}.png": (n, 255 - n) for n in range(120)}, "classic")
    exact, asked = evaluate(finder), []
    finder.use_index("hnsw")
    search = finder.store.search

    def told(query, k, *more):  # type: ignore[no-untyped-def]
        asked.append(k)
        return search(query, k, *more)

    finder.store.search = told  # type: ignore[method-assign]
    found = evaluate(finder)
    finder.search(found.queries[0], k=3)
    assert set(asked) == {100}
    assert (exact.setup.truncated, found.setup.truncated) == (False, True)
    assert "by classic, index hnsw" in str(found)


def test_progress_wraps_the_questions(catalogue: Catalogue) -> None:
    seen = []

    def progress(questions):  # type: ignore[no-untyped-def]
        seen.append(len(questions))
        return questions

    evaluate(catalogue(TWO_CLASSES), progress=progress)
    assert seen == [5]


def test_a_report_reads_well_and_goes_into_json(catalogue: Catalogue) -> None:
    found = evaluate(catalogue(TWO_CLASSES), ks=(1,))
    assert repr(found) == str(found)
    assert "5 queries among 5 images by" in str(found)
    assert "mAP           0.883 (" in str(found)
    assert "<th style='text-align:left'>mAP</th><td>0.883</td>" in found._repr_html_()
    told = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert told["metrics"]["mAP"]["mean"] == pytest.approx(0.88333, abs=1e-5)
    assert told["confusions"][0] == {"query": "bright", "hit": "bright", "count": 2}
