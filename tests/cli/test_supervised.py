"""``narrows fit --supervised`` and ``narrows predict``: labels that are learned, and what is predicted."""

from __future__ import annotations

import json
import re
import tomllib

import numpy as np
import pandas as pd
import pytest
from tests.cli.conftest import Fitted, call

import narrows as package
from narrows.data import Rows, load

QUICK = ["--layers", "8", "--head", "4", "--epochs", "2", "--precision", "float32"]


@pytest.fixture(scope="session")
def supervised(tmp_path_factory):
    """Fit the digits with their labels, once for all tests."""
    path = tmp_path_factory.mktemp("supervised") / "digits.narrows"
    said = call("fit", "digits", "--supervised", *QUICK, "--label-weight", "0.5", "--head-dropout", "0.1", "-o", path)
    assert said.code == 0, said.err
    return Fitted(path, said)


@pytest.fixture(scope="session")
def numbers(tmp_path_factory):
    """Fit a table whose label has fractions."""
    folder = tmp_path_factory.mktemp("numbers")
    rows = np.random.default_rng(0).random((40, 4))
    pd.DataFrame(rows, columns=[*"abc", "price"]).to_csv(folder / "houses.csv", index=False)
    path = folder / "houses.narrows"
    said = call("fit", folder / "houses.csv", "--label", "price", "--supervised", *QUICK, "-o", path)
    assert said.code == 0, said.err
    return Fitted(path, said)


@pytest.fixture
def tables(tmp_path, rng):
    """Write small arrays, and labels of all kinds for them."""
    rows = rng.random((40, 4)).astype(np.float32)
    for name, values in {
        "rows": rows,
        "held": rows[:10],
        "kinds": np.array(["iris", "rose"] * 20),
        "ones": np.ones(40, int),
        "short": np.arange(39) % 2,
        "some": np.where(np.arange(40) < 30, np.arange(40) % 2, -1),
        "counts": np.arange(40) % 3,
        "prices": rows[:, 0] + 0.5,
    }.items():
        np.save(tmp_path / f"{name}.npy", values)
    return tmp_path


def weights(path) -> dict[str, np.ndarray]:
    return package.load(path)._network.weights


def same_bits(first, second) -> bool:
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)


def test_the_head_stands_in_the_table_and_its_accuracy_beside_that_of_codes(supervised):
    out = supervised.said.out

    assert re.search(r"\nhead_1 +dense +4 +gelu .*\nhead_1_dropout +dropout 0.1 .*\nhead_output +dense +10 +softmax", out)
    assert "labels     10 classes, which count 0.5 beside the reconstruction's 1\n" in out
    assert re.search(r"logistic accuracy +0\.\d{4} +0\.\d{4} +higher\naccuracy of the head +0\.\d{4} +higher\n", out)
    assert "narrows predict" in out.partition("next:")[2]


def test_flags_reach_the_estimator(supervised):
    made = package.load(supervised.path)

    assert isinstance(made, package.SupervisedAutoencoder)
    assert (made.label_weight, made.head.widths, made.head.dropout) == (0.5, (4,), 0.1)
    assert made.classes_.tolist() == list(range(10))


def test_info_tells_of_the_labels(narrows, supervised):
    shown, values = narrows("info", supervised.path).out, json.loads(narrows("info", supervised.path, "--json").out)

    assert "classes    0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n" in shown
    assert "labels     10 classes, which count 0.5 beside the reconstruction's 1\n" in shown
    assert re.search(r"epoch +loss +label loss +accuracy\n", shown)
    assert "accuracy of the head" in shown
    assert (values["estimator"], values["task"], values["classes"]) == ("SupervisedAutoencoder", "classes", list(range(10)))
    test = load("digits").test
    truth = (package.load(supervised.path).predict(_frame(test)) == test.labels).mean()
    assert values["head"] == {"accuracy": pytest.approx(truth), "labels": 359}


def _frame(rows: Rows) -> pd.DataFrame:
    return pd.DataFrame(rows.X, columns=rows.feature_names)


def test_a_run_with_labels_is_repeated_from_its_bundle_and_from_its_settings(narrows, supervised, tmp_path):
    assert narrows("-q", "fit", "--config", supervised.path, "-o", "again.narrows").code == 0
    (tmp_path / "run.toml").write_text(narrows("info", supervised.path, "--config").out)
    assert narrows("-q", "fit", "--config", "run.toml", "-o", "third.narrows").code == 0

    assert same_bits(supervised.path, tmp_path / "again.narrows")
    assert same_bits(supervised.path, tmp_path / "third.narrows")
    kept = tomllib.loads((tmp_path / "run.toml").read_text())
    assert (kept["supervised"], kept["label_weight"], kept["head"]["widths"], kept["head"]["dropout"]) == ("classes", 0.5, [4], 0.1)
    assert not {"tied", "code_gain", "mean_bias"} & kept["head"].keys()


def test_predictions_stand_in_a_table_with_a_probability_for_each_class(narrows, supervised, tmp_path):
    done = narrows("predict", supervised.path, "digits", "--test", "-o", "predicted.csv")

    assert (done.code, done.err) == (0, "")
    assert re.match(
        r"accuracy  0\.\d{4} on 359 rows with labels\nwrote 'predicted\.csv' \(\d+ kB\): what is predicted for digits, ", done.out
    )
    table, made, test = pd.read_csv(tmp_path / "predicted.csv"), package.load(supervised.path), load("digits").test
    assert list(table) == ["predicted", *(f"p_{digit}" for digit in range(10))]
    np.testing.assert_array_equal(table["predicted"], made.predict(_frame(test)))
    np.testing.assert_allclose(table.iloc[:, 1:], made.predict_proba(_frame(test)), rtol=1e-6)


def test_predicted_numbers_are_labels_that_narrows_reads(narrows, supervised, tmp_path):
    assert narrows("-q", "predict", supervised.path, "digits", "-o", "predicted.npy").code == 0

    predicted = np.load(tmp_path / "predicted.npy")
    assert (predicted.shape, predicted.dtype.kind) == ((1438,), "i")
    done = narrows("predict", supervised.path, "digits", "-o", "again.parquet", "--json")
    assert json.loads(done.out) == {
        "rows": 1438,
        "output": "again.parquet",
        "accuracy": pytest.approx((predicted == load("digits").labels).mean()),
        "labels": 1438,
    }


def test_a_bundle_with_a_head_encodes_decodes_reconstructs_and_scores(narrows, supervised, tmp_path):
    assert narrows("-q", "encode", supervised.path, "digits", "-o", "codes.npy").code == 0
    assert narrows("-q", "decode", supervised.path, "codes.npy", "-o", "rows.npy").code == 0
    assert narrows("-q", "reconstruct", supervised.path, "digits", "-o", "reconstructed.npy").code == 0
    assert "error" in narrows("score", supervised.path, "digits", "--top", "1").out

    np.testing.assert_allclose(np.load(tmp_path / "rows.npy"), np.load(tmp_path / "reconstructed.npy"), rtol=1e-5, atol=1e-6)


def test_classes_that_are_text_come_from_a_file_and_are_written_as_text(narrows, tables):
    assert narrows("-q", "fit", "rows.npy", "--label", "kinds.npy", "--supervised", *QUICK).code == 0

    done = narrows("predict", "rows.narrows", "rows.npy", "--label", "kinds.npy", "-o", "kinds.csv")
    assert (done.code, "accuracy  " in done.out) == (0, True)
    table = pd.read_csv(tables / "kinds.csv")
    assert list(table) == ["predicted", "p_iris", "p_rose"]
    assert set(table["predicted"]) <= {"iris", "rose"}
    refused = narrows("predict", "rows.narrows", "rows.npy", "-o", "predicted.npy")
    assert refused.code == 2
    assert "'rows.narrows' predicts text, such as 'iris', and .npy holds numbers only: write .csv or .parquet" in refused.only_line
    unknown = narrows("predict", "rows.narrows", "rows.npy", "-o", "predicted.csv")
    assert (unknown.code, "accuracy" in unknown.out) == (0, False)


def test_images_of_a_folder_are_predicted_by_their_files(narrows, tmp_path, rng):
    from PIL import Image

    for place in range(12):
        folder = tmp_path / "photos" / ("cat", "dog")[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (4, 4), dtype=np.uint8)).save(folder / f"{place}.png")

    assert narrows("-q", "fit", "photos", "--supervised", *QUICK).code == 0
    assert narrows("-q", "predict", "photos.narrows", "photos", "-o", "guess.csv").code == 0

    assert package.load(tmp_path / "photos.narrows").image_shape_ == (4, 4, 1)
    table = pd.read_csv(tmp_path / "guess.csv")
    assert list(table) == ["file", "predicted", "p_cat", "p_dog"]
    assert table["file"][0] == "cat/0.png"


def test_labels_with_fractions_are_numbers_to_predict(narrows, numbers, tmp_path):
    assert "labels     numbers to predict, which count 0.1 beside the reconstruction's 1\n" in numbers.said.out
    assert re.search(r"R² of the head +-?\d+\.\d{4} +higher\n", numbers.said.out)

    table = numbers.path.with_suffix(".csv")
    done = narrows("predict", numbers.path, table, "-o", "prices.csv")
    assert re.match(r"R²  -?\d+\.\d{4} on 40 rows with labels\n", done.out)
    frame, made = pd.read_csv(table), package.load(numbers.path)
    assert isinstance(made, package.SupervisedAutoencoderRegressor)
    predicted = pd.read_csv(tmp_path / "prices.csv")
    assert list(predicted) == ["predicted"]
    np.testing.assert_allclose(predicted["predicted"], made.predict(frame[["a", "b", "c"]]), rtol=1e-6)
    assert f"{made.score(frame[['a', 'b', 'c']], frame['price']):.4f}" in done.out
    assert narrows("-q", "predict", numbers.path, table, "-o", "prices.npy").code == 0
    assert np.load(tmp_path / "prices.npy").shape == (40,)


def test_a_run_that_predicts_numbers_is_repeated_from_its_bundle(narrows, numbers, tmp_path):
    assert narrows("-q", "fit", "--config", numbers.path, "-o", "again.narrows").code == 0

    assert same_bits(numbers.path, tmp_path / "again.narrows")
    kept = tomllib.loads(narrows("info", numbers.path, "--config").out)
    assert kept["supervised"] == "numbers"
    assert not {"class_weight", "unlabeled"} & kept.keys()
    assert json.loads(narrows("info", numbers.path, "--json").out)["task"] == "numbers"


def test_whole_numbers_are_classes_unless_it_is_said(narrows, tables):
    given = ["fit", "rows.npy", "--label", "counts.npy", "--supervised", *QUICK]

    assert narrows("-q", *given, "-o", "classes.narrows").code == 0
    assert narrows("-q", *given, "--set", "supervised=numbers", "-o", "numbers.narrows").code == 0

    assert package.load(tables / "classes.narrows").classes_.tolist() == [0, 1, 2]
    assert isinstance(package.load(tables / "numbers.narrows"), package.SupervisedAutoencoderRegressor)


def test_a_label_may_stand_for_none(narrows, tables):
    done = narrows("fit", "rows.npy", "--label", "some.npy", "--supervised", "--set", "unlabeled=-1", *QUICK)

    assert done.code == 0
    assert package.load(tables / "rows.narrows").classes_.tolist() == [0, 1]
    head = json.loads(narrows("info", "rows.narrows", "--json").out)["head"]
    held = load(tables / "rows.npy", label=str(tables / "some.npy"))
    assert head["labels"] == int((package.data.hold_out(held)[1].labels >= 0).sum())


def test_a_recipe_may_need_labels_and_may_be_followed_without(narrows, tables):
    given = ["fit", "rows.npy", "--label", "counts.npy", "--recipe", "supervised_dropout", "--layers", "4", "--head", "4", "--epochs", "1"]

    assert narrows("-q", *given, "-o", "with.narrows").code == 0
    assert narrows("-q", *given[:-4], "--epochs", "1", "--set", "supervised=false", "-o", "without.narrows").code == 0

    made, plain = package.load(tables / "with.narrows"), package.load(tables / "without.narrows")
    assert made.head == package.recipe("supervised_dropout").head.replace(widths=(4,))
    assert (type(plain), plain.code_activation) == (package.Autoencoder, "tanh")


def test_validation_rows_bring_their_labels(narrows, flowers, tmp_path):
    table = flowers.path.with_suffix(".csv")
    lines = table.read_text().splitlines(keepends=True)
    (tmp_path / "held.csv").write_text("".join([lines[0], *lines[1:7], *lines[-6:]]))
    (tmp_path / "bare.csv").write_text("".join(",".join(line.split(",")[:3]) + "\n" for line in lines[:9]))
    (tmp_path / "other.csv").write_text("".join([lines[0], lines[1].replace("iris", "tulip")]))
    given = ["fit", table, "--label", "species", "--supervised", *QUICK, "-o", "some.narrows", "--validation"]

    assert narrows("-q", *given, "held.csv").code == 0
    made = package.load(tmp_path / "some.narrows")
    assert len(made.history_["val_accuracy"]) == 2
    bare, other = narrows("-q", *given, "bare.csv"), narrows("-q", *given, "other.csv")
    assert (bare.code, other.code) == (2, 2)
    assert "validation rows need labels as the others do, and bare.csv came without: give rows with a column of them" in bare.only_line
    assert "y holds the label 'tulip', which is none of the classes" in other.only_line


def test_labels_of_text_beside_labels_of_numbers_are_refused_before_training(narrows, flowers, tmp_path):
    table = flowers.path.with_suffix(".csv")
    (tmp_path / "test.csv").write_text(table.read_text().replace("iris", "0").replace("rose", "1"))

    done = narrows("fit", table, "--label", "species", "--test", "test.csv", "-o", "some.narrows")

    assert done.code == 2
    message = "one of flowers.csv and test.csv has labels of text and one of numbers: give test rows with labels of the same kind"
    assert message in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--supervised"], "--supervised needs labels, and rows.npy came without: name their column or their file, as in --label species"),
        (["--recipe", "supervised"], "the recipe 'supervised' needs labels, and rows.npy came without: name their column or their file"),
        (["--label", "short.npy", "--supervised"], "'short.npy' has 39 labels and rows.npy 40 rows: give one label for each row"),
        (["--label", "ones.npy", "--supervised"], "the labels of rows.npy are all 1: give rows of two classes at least, or leave out"),
        (["--label", "ones.npy", "--supervised", "--set", "unlabeled=1"], "the labels of rows.npy are none: give rows of two classes"),
        (["--label-weight", "1"], "label_weight needs labels: add --supervised, or leave it out"),
        (["--head", "4"], "head.widths needs labels: add --supervised, or leave it out"),
        (["--set", "class_weight=balanced"], "class_weight needs labels: add --supervised, or leave it out"),
        (
            ["--label", "kinds.npy", "--set", "supervised=numbers"],
            "the labels of rows.npy are text, such as 'iris', and not numbers to predict",
        ),
        (
            ["--label", "prices.npy", "--set", "supervised=classes"],
            "the labels of rows.npy have fractions, and are no classes: say supervised",
        ),
        (
            ["--label", "prices.npy", "--supervised", "--set", "class_weight=balanced"],
            "class_weight is about classes, and these labels are numbers to predict: leave it out",
        ),
        (["--label", "counts.npy", "--supervised", "--head-dropout", "1"], "dropout of Dense must be a number in [0, 1.0), got 1.0"),
        (
            ["--label", "counts.npy", "--supervised", "--label-weight", "0", "--set", "reconstruction_weight=0"],
            "reconstruction_weight and label_weight are both 0, which leaves nothing to learn: set one of them above 0",
        ),
        (["--label", "none.npy", "--supervised"], "there is no file of labels 'none.npy': check the path"),
    ],
)
def test_labels_that_cannot_be_learned_are_one_line_and_2(narrows, tables, arguments, message):
    done = narrows("-q", "fit", "rows.npy", *arguments)

    assert done.code == 2
    assert message in done.only_line
    assert not list(tables.glob("*.narrows"))


def test_without_a_head_nothing_is_predicted(narrows, digits):
    done = narrows("predict", digits.path, "digits", "-o", "predicted.csv")

    assert done.code == 2
    assert done.only_line == (
        f"narrows: '{digits.path}' holds an Autoencoder, which has no head to predict with: fit with labels, as in "
        "'narrows fit DATA --label COL --supervised', or 'narrows encode' rows and give the codes to a classifier"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.npy", "-o", "p.csv"], "there is no file 'nowhere.npy'"),
        (["rows.npy", "-o", "p.csv"], "rows.npy has 4 columns, but"),
        (["digits", "-o", "p.txt"], "'p.txt' has the extension '.txt'; narrows writes .npy, .csv, .parquet: rename the output"),
        (["digits", "--label", "short.npy", "-o", "p.csv"], "brings its own labels"),
    ],
)
def test_what_cannot_be_predicted_is_one_line_and_2(narrows, supervised, tables, arguments, message):
    done = narrows("predict", supervised.path, *arguments)

    assert done.code == 2
    assert message in done.only_line
    assert not [path for path in tables.iterdir() if path.suffix in (".csv", ".txt")]


def test_text_is_no_number_to_compare_with(narrows, numbers, tmp_path):
    (tmp_path / "more.csv").write_text("a,b,c,kind\n" + "0.1,0.2,0.3,x\n" * 3)

    done = narrows("predict", numbers.path, "more.csv", "--label", "kind", "-o", "p.csv")

    assert done.code == 2
    assert "numbers are predicted, and the labels are text, such as 'x': name another column by --label" in done.only_line
