"""``narrows fit``: what is said, what is written, what is refused."""

from __future__ import annotations

import json
import re
import shlex

import numpy as np
import pandas as pd
import pytest

import narrows as package
from narrows.data import Rows

QUICK = ["--layers", "16", "--epochs", "2", "--precision", "float32"]

BEFORE = """\
read           digits
training rows  1,438 rows of 64 numbers (float32), images of 8x8, labels of 10
               kinds
test rows      359, the data set's own

layer      kind   units  activation  weights  biases  parameters
---------  -----  -----  ----------  -------  ------  ----------
encoder_1  dense     16  gelu          1,024      16       1,040
code       dense      2  linear           32       2          34
decoder_1  dense     16  gelu             32      16          48
output     dense     64  sigmoid       1,024      64       1,088
---------  -----  -----  ----------  -------  ------  ----------
total                                  2,112      98       2,210
64 → 2: 32.0 times fewer numbers

loss       bce, binary cross-entropy
scale      none
precision  float32
optimizer  adam, learning rate 0.002, schedule cosine, batches of 128
epochs     2
seed       0

"""

QUALITY = """\
quality on 359 test rows  autoencoder  PCA, 2  better
------------------------  -----------  ------  ------
mean squared error             0.0000  0.0000   lower
binary cross-entropy           0.0000  0.0000   lower
explained variance             0.0000  0.0000  higher
trustworthiness, k = 15        0.0000  0.0000  higher
continuity, k = 15             0.0000  0.0000  higher
k-NN recall, k = 15            0.0000  0.0000  higher
k-NN accuracy, k = 1           0.0000  0.0000  higher
k-NN accuracy, k = 5           0.0000  0.0000  higher
k-NN accuracy, k = 15          0.0000  0.0000  higher
logistic accuracy              0.0000  0.0000  higher
"""


def figures_hidden(text: str) -> str:
    """Replace the figures that another processor may round otherwise."""
    return re.sub(r" -?\d\.\d{4}\b", lambda found: " 0.0000".rjust(len(found[0])), text)


def no_file(folder) -> bool:
    return not list(folder.iterdir())


def test_what_is_said_before_training(digits):
    assert digits.said.out.startswith(BEFORE)


def test_progress_goes_to_standard_error(digits):
    assert "training done in" in digits.said.err
    assert "loss" in digits.said.err
    assert "training done" not in digits.said.out


def test_quality_is_shown_beside_pca(digits):
    assert QUALITY in figures_hidden(digits.said.out)


def test_all_lines_fit_into_80_columns(digits):
    assert all(len(line) <= 80 for line in digits.said.out.splitlines() if not line.startswith(("wrote", "  narrows")))


def test_no_colors_where_there_is_no_terminal(digits):
    assert "\x1b" not in digits.said.out + digits.said.err


def test_it_ends_with_the_bundle_and_commands_that_work(digits, narrows, tmp_path):
    *_, wrote, following, first, second, third, fourth = digits.said.out.splitlines()

    assert re.fullmatch(rf"wrote '{re.escape(str(digits.path))}' \(\d+ kB\)", wrote)
    assert following == "next:"
    for command in (first, second, third, fourth):
        program, *arguments = shlex.split(command)
        assert program == "narrows"
        assert narrows(*arguments).code == 0, command
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits-codes.csv", "digits-reconstructed.npy", "digits.html"]


def test_verdicts_that_warn_are_said_in_silence_too(narrows):
    """A constant learning rate of almost nothing: the network stays at the mean row."""
    done = narrows("-q", "fit", "digits", *QUICK, "--learning-rate", "1e-9")

    assert done.code == 0
    assert done.only_line.startswith("warning: ")
    assert "Warning" not in done.err


def test_the_bundle_is_called_after_the_data(narrows, tmp_path, rng):
    np.save(tmp_path / "my.rows.npy", rng.random((40, 5)))

    assert narrows("fit", "my.rows.npy", *QUICK).code == 0
    assert (tmp_path / "my.rows.narrows").exists()


def test_the_label_is_left_out_and_measured_by(flowers):
    fitted = package.load(flowers.path)

    assert list(fitted.feature_names_in_) == ["width", "length", "height"]
    assert "flowers.csv, the column 'species' left out" in " ".join(flowers.said.out.split())
    assert "logistic accuracy" in flowers.said.out


def test_what_was_held_out_is_said_and_does_not_depend_on_the_seed(narrows, flowers):
    table = flowers.path.with_suffix(".csv")

    done = [narrows("fit", table, "--label", "species", *QUICK, "--seed", seed) for seed in ("1", "2")]

    for end in done:
        assert "training rows  72 rows of 3 numbers" in end.out
        assert "test rows      8, held out, 10 % drawn at random" in end.out
    pca = [[line.split()[-2] for line in end.out.splitlines() if line.startswith("mean squared error")] for end in done]
    assert pca[0] == pca[1]


def test_test_rows_can_be_given(narrows, tmp_path, rng):
    np.save(tmp_path / "rows.npy", rng.random((40, 5)))
    np.save(tmp_path / "others.npy", rng.random((30, 5)))

    done = narrows("fit", "rows.npy", "--test", "others.npy", *QUICK)

    assert done.code == 0
    assert "training rows  40 rows" in done.out
    assert "test rows      30, from others.npy" in done.out


def test_figures_are_about_scaled_test_rows(narrows, tmp_path, rng):
    """Also where the training rows have names, and the test rows have none."""
    rows, others = (rng.normal([50, 0, 1e4], [10, 0.1, 3e3], (n, 3)) for n in (40, 30))
    np.savetxt(tmp_path / "rows.csv", rows, delimiter=",", header="a,b,c", comments="")
    np.save(tmp_path / "others.npy", others)

    done = narrows("fit", "rows.csv", "--test", "others.npy", *QUICK, "--json")

    errors = package.load("rows.narrows").reconstruction_error(pd.DataFrame(others, columns=list("abc")))
    assert done.code == 0
    assert json.loads(done.out)["quality"]["autoencoder"]["mean_squared_error"] == pytest.approx(errors.mean(), rel=1e-6)


def test_flags_reach_the_estimator(narrows, tmp_path):
    flags = {
        "--components": "3",
        "--layers": "20,10",
        "--activation": "tanh",
        "--code-activation": "tanh",
        "--dropout": "0.1",
        "--epochs": "3",
        "--batch-size": "64",
        "--optimizer": "sgd",
        "--learning-rate": "0.01",
        "--loss": "mse",
        "--scale": "minmax",
        "--precision": "float32",
        "--validation-fraction": "0.2",
        "--patience": "7",
        "--seed": "5",
    }

    assert narrows("-q", "fit", "digits", "--early-stopping", *(word for pair in flags.items() for word in pair)).code == 0

    made = package.load(tmp_path / "digits.narrows").get_params()
    assert made["layers"] == package.Dense(20, 10, activation="tanh", dropout=0.1)
    expected = {
        "n_components": 3,
        "code_activation": "tanh",
        "epochs": 3,
        "batch_size": 64,
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "loss": "mse",
        "scale": "minmax",
        "precision": "float32",
        "early_stopping": True,
        "validation_fraction": 0.2,
        "patience": 7,
        "random_state": 5,
    }
    assert {name: made[name] for name in expected} == expected


def test_a_recipe_is_where_the_choices_begin(narrows, tmp_path):
    done = narrows("fit", "digits", "--recipe", "small", "--epochs", "1", "--layers", "none", "--seed", "3")

    assert done.code == 0
    assert "recipe     small\n" in done.out
    made = package.load(tmp_path / "digits.narrows").get_params()
    recipe = package.recipe("small")
    assert made["layers"] == recipe.layers.replace(widths=())
    assert (made["n_components"], made["epochs"]) == (recipe.n_components, 1)
    assert made["optimizer"].momentum == recipe.optimizer.momentum


def test_the_same_seed_gives_the_same_bundle(narrows, tmp_path):
    for name in ("a", "b"):
        assert narrows("-q", "fit", "digits", *QUICK, "-o", f"{name}.narrows").code == 0

    weights = [package.load(tmp_path / f"{name}.narrows").encoder_.get_weights() for name in ("a", "b")]
    assert all((a == b).all() for a, b in zip(*weights, strict=True))


def test_json_is_one_object_and_people_read_the_rest(narrows):
    done = narrows("fit", "digits", *QUICK, "--json")

    values = json.loads(done.out)
    assert values["bundle"] == "digits.narrows"
    assert values["network"]["n_parameters"] == 2210
    assert values["data"]["test_rows"] == 359
    assert 0 < values["quality"]["autoencoder"]["mean_squared_error"] < 1
    assert values["end"] == "done"
    assert len(values["history"]["loss"]) == values["epochs"] == 2
    assert done.err.startswith(BEFORE)
    assert "next:" in done.err
    assert json.loads(narrows("info", "digits.narrows", "--json").out) == values


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.csv"], "there is no file 'nothing.csv'"),
        (["digit"], "did you mean 'digits'?"),
        (["digits", "--recipe", "secret"], "unknown recipe 'secret'"),
        (["digits", "-o", "no/folder/x.narrows"], "there is no folder 'no/folder'"),
        (["digits", "-o", "digits.csv"], "'digits.csv' has the extension '.csv'; narrows writes .narrows"),
        (["digits", "--label", "kind"], "brings its own labels"),
        (["table.csv", "--label", "kin"], "has no column 'kin': did you mean 'kind'?"),
        (["table.csv", "--label", "kind", "--test", "digits"], "digits, test rows has 64 columns and table.csv 2"),
        (
            ["table.csv", "--label", "kind", "--test", "turned.csv"],
            "column 1 is 'b' in turned.csv and 'a' in table.csv: give test rows with the same columns in the same order",
        ),
        (["holes.csv"], "column 'a', row 2"),
        (["one.csv"], "has 1 row"),
        (["digits", "--activation", "magic"], "magic"),
        (["digits", "--loss", "magic"], "magic"),
        (["digits", "--optimizer", "magic"], "magic"),
        (["digits", "--learning-rate", "-1"], "learning_rate"),
    ],
)
def test_bad_input_is_one_line_and_2_and_leaves_nothing(narrows, tmp_path_factory, monkeypatch, arguments, message):
    folder = tmp_path_factory.mktemp("inputs")
    monkeypatch.chdir(folder)
    (folder / "table.csv").write_text("a,b,kind\n" + "1,2,x\n2,1,y\n3,5,x\n" * 10)
    (folder / "turned.csv").write_text("kind,b,a\n" + "x,2,1\ny,1,2\n" * 10)
    (folder / "holes.csv").write_text("a,b\n1,2\nnan,3\n4,5\n")
    (folder / "one.csv").write_text("a,b\n1,2\n")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    done = narrows("-q", "fit", *arguments)

    assert done.code == 2
    assert message in done.only_line
    assert done.err.startswith("narrows: ")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_divergence_is_1_and_an_earlier_bundle_stays(narrows, tmp_path):
    arguments = ["-q", "fit", "digits", *QUICK, "--scale", "standard", "--loss", "mse", "--learning-rate", "1e30", "--optimizer", "sgd"]

    first = narrows(*arguments)
    assert first.code == 1
    assert first.only_line.startswith("narrows: training diverged: the loss was no longer finite in epoch 1, step ")
    assert first.err.endswith("no epoch had ended and nothing was saved\n")
    assert no_file(tmp_path)

    (tmp_path / "digits.narrows").write_bytes(b"earlier")
    second = narrows(*arguments)
    assert second.code == 1
    assert second.err.endswith("'digits.narrows' is as it was\n")
    assert (tmp_path / "digits.narrows").read_bytes() == b"earlier"


def test_the_last_good_epoch_of_a_run_that_diverged_is_saved_and_named(narrows, tmp_path, monkeypatch):
    """The estimator's own way to diverge later is tested with it; here it trains well, and says that it did not."""
    from narrows.errors import TrainingDiverged
    from narrows.estimators import Autoencoder

    fit = Autoencoder.fit

    def diverge(self, X, y=None, **more):
        fit(self, X, y, **more)
        raise TrainingDiverged(3, 7, "Rest.")

    monkeypatch.setattr(Autoencoder, "fit", diverge)

    done = narrows("-q", "fit", "digits", *QUICK)

    assert done.code == 1
    assert re.search(r"epoch 3, step 7; .* Rest; 'digits.narrows' \(\d+ kB\) holds the weights of epoch 2$", done.only_line)
    assert json.loads(narrows("info", "digits.narrows", "--json").out)["end"] == "diverged"


def test_a_full_disk_leaves_what_was_there(narrows, mount):
    small = mount("size=16k")
    (small / "full.narrows").write_bytes(b"earlier")

    done = narrows("-q", "fit", "digits", *QUICK, "-o", small / "full.narrows")

    assert done.code == 2
    assert "No space left on device" in done.err.splitlines()[-1]
    assert [path.name for path in small.iterdir()] == ["full.narrows"]
    assert (small / "full.narrows").read_bytes() == b"earlier"


def test_a_folder_that_cannot_be_written_is_refused_before_training(narrows, monkeypatch):
    def read(*_: object, **__: object) -> Rows:
        raise AssertionError("the data were read")

    monkeypatch.setattr("narrows.data.load", read)

    assert narrows("fit", "digits", "-o", "/proc/digits.narrows").code == 2
