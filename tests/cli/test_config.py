"""``narrows fit --config`` and ``--set``: a run from a file of settings, and from the bundle of another run."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

import narrows as package

QUICK = ["--layers", "4", "--epochs", "2", "--precision", "float32"]
WHOLE = """\
data = "rows.csv"
label = "kind"
test = "others.csv"
validation = "held.csv"
seed = 7
output = "made.narrows"
n_components = 1
code_l1 = 1e-4
code_activation = "tanh"
output_activation = "linear"
scale = "none"
schedule = "constant"
epochs = 2
early_stopping = true
precision = "float32"

[optimizer]
name = "sgd"
momentum = 0.9

[layers]
widths = [6, 4]
activation = "relu"
tied = true
batch_normalization = true
l2 = 1e-5
"""


@pytest.fixture
def tables(tmp_path, rng):
    """Write three tables of the same columns."""
    for name, n in {"rows": 40, "held": 12, "others": 10}.items():
        lines = [f"{a:.4f},{b:.4f},{c:.4f},{kind}" for (a, b, c), kind in zip(rng.normal(size=(n, 3)), "xy" * n, strict=False)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["a,b,c,kind", *lines]) + "\n")
    return tmp_path


def weights(path) -> dict[str, np.ndarray]:
    return package.load(path)._network.weights


def same_bits(first, second) -> bool:
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)


def test_a_file_is_a_whole_run(narrows, tables):
    (tables / "run.toml").write_text(WHOLE)

    done = narrows("fit", "--config", "run.toml")

    assert (done.code, done.err.count("warning: --validation")) == (0, 0)
    made = package.load(tables / "made.narrows")
    choices = package.Dense(6, 4, activation="relu", tied=True, batch_normalization=True, l2=1e-5)
    expected = {
        "layers": choices,
        "n_components": 1,
        "code_l1": 1e-4,
        "code_activation": "tanh",
        "output_activation": "linear",
        "scale": None,
        "schedule": "constant",
        "early_stopping": True,
        "random_state": 7,
    }
    assert {name: made.get_params()[name] for name in expected} == expected
    assert type(made.optimizer).__name__ == "SGD"
    assert made.optimizer.momentum == 0.9
    assert list(made.feature_names_in_) == ["a", "b", "c"]
    assert "training rows    40 rows" in done.out
    assert "validation rows  12, from held.csv" in done.out
    assert "test rows        10, from others.csv" in done.out


@pytest.mark.parametrize("from_toml", [False, True])
def test_a_run_is_repeated_from_its_bundle_to_the_bit(narrows, tables, from_toml):
    (tables / "run.toml").write_text(WHOLE)
    assert narrows("-q", "fit", "--config", "run.toml").code == 0
    said = narrows("info", "made.narrows", "--config")
    assert (said.code, said.err) == (0, "")
    (tables / "again.toml").write_text(said.out)

    done = narrows("-q", "fit", "--config", "again.toml" if from_toml else "made.narrows", "-o", "again.narrows")

    assert done.code == 0
    assert same_bits(tables / "made.narrows", tables / "again.narrows")
    assert narrows("info", "again.narrows", "--config").out.replace("again.", "made.") == said.out
    asked, kept = tomllib.loads(WHOLE), tomllib.loads(said.out)
    assert asked.pop("output") == "made.narrows"
    asked["optimizer"]["name"] = "SGD"
    for name, value in asked.items():
        assert kept[name] == (kept[name] | value if isinstance(value, dict) else value)


@pytest.mark.parametrize("flags", [QUICK, ["--recipe", "small", "--epochs", "1", "--layers", "5", "--seed", "2"]])
def test_a_run_from_flags_is_repeated_to_the_bit(narrows, tmp_path, flags):
    assert narrows("-q", "fit", "digits", *flags, "-o", "a.narrows").code == 0

    assert narrows("-q", "fit", "--config", "a.narrows", "-o", "b.narrows").code == 0

    assert same_bits(tmp_path / "a.narrows", tmp_path / "b.narrows")
    kept = [tomllib.loads(narrows("info", name, "--config").out) for name in ("a.narrows", "b.narrows")]
    assert kept[0] == kept[1]


def test_the_recipe_of_a_run_is_kept_with_what_its_optimizer_has(narrows):
    assert narrows("-q", "fit", "digits", "--recipe", "dense", "--epochs", "1", "--layers", "5").code == 0

    kept = tomllib.loads(narrows("info", "digits.narrows", "--config").out)

    assert kept["recipe"] == "dense"
    assert kept["optimizer"] == {"name": "RMSprop", "momentum": 0.01}
    assert kept["layers"]["kernel_initializer"] == "glorot_uniform"


def test_flags_and_assignments_go_over_the_file(narrows, tables):
    (tables / "run.toml").write_text(WHOLE)
    given = ["--set", "layers.tied=false", "--set", "code_l2 = 1e-3", "--set", "schedule=cosine", "--optimizer", "adam", "--seed", "1"]

    assert narrows("-q", "fit", "others.csv", "--config", "run.toml", *given, "-o", "mine.narrows").code == 0

    made = package.load(tables / "mine.narrows").get_params()
    assert (made["layers"].tied, made["layers"].activation) == (False, "relu")
    assert (made["code_l1"], made["code_l2"], made["schedule"], made["optimizer"]) == (1e-4, 1e-3, "cosine", "adam")
    assert made["random_state"] == 1
    assert tomllib.loads(narrows("info", "mine.narrows", "--config").out)["data"] == "others.csv"


def test_an_option_of_the_optimizer_can_be_set(narrows, tmp_path):
    assert narrows("-q", "fit", "digits", *QUICK, "--set", "optimizer.clipnorm=1.0").code == 0

    made = package.load(tmp_path / "digits.narrows").optimizer
    assert (type(made).__name__, made.clipnorm) == ("Adam", 1.0)


def test_a_bundle_from_python_has_settings_but_no_data(narrows, tmp_path, rng):
    rows = rng.random((40, 3))
    np.save(tmp_path / "rows.npy", rows)
    fitted = package.Autoencoder(1, layers=(4,), epochs=1, learning_rate=None, random_state=3).fit(rows)
    package.save(fitted, tmp_path / "own.narrows")

    kept = tomllib.loads(narrows("info", "own.narrows", "--config").out)
    assert (kept["seed"], kept["learning_rate"], kept["layers"]["widths"]) == (3, "none", [4])
    message = "'own.narrows' names no data: say 'narrows fit DATA --config own.narrows', or write data = \"rows.csv\" into it"
    assert narrows("fit", "--config", "own.narrows").only_line == f"narrows: {message}"
    assert narrows("-q", "fit", "rows.npy", "--config", "own.narrows", "-o", "b.narrows").code == 0
    assert package.load(tmp_path / "b.narrows").learning_rate is None


def test_what_no_file_of_settings_can_name_is_said(narrows, tmp_path, rng):
    import keras

    loss = package.Autoencoder(1, layers=(4,), epochs=1, loss=keras.losses.Huber()).fit(rng.random((40, 3)))
    package.save(loss, tmp_path / "loss.narrows")

    done = narrows("info", "loss.narrows", "--config")

    assert done.code == 2
    assert done.only_line == "narrows: 'loss.narrows': its loss is an object made in Python (Huber), which no file of settings can name"


def test_settings_of_a_bundle_need_no_network(python, digits):
    code = f"""
import sys
from narrows.cli import main
try:
    main(["info", {str(digits.path)!r}, "--config"])
except SystemExit as end:
    print("#", end.code, "keras" in sys.modules, "jax" in sys.modules)
"""

    assert python(code).splitlines()[-1] == "# 0 False False"


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        ('data = "digits"\nepocs = 3', [], "'run.toml': narrows fit has no setting 'epocs': did you mean 'epochs'?"),
        ('data = "digits"\nepochs = "many"', [], "'run.toml': epochs must be a whole number of at least 1 or 'auto', got 'many'"),
        ('data = "digits"\n[layers]\ntied = 1', [], "'run.toml': layers.tied must be true or false, got 1"),
        ("data = digits", [], "'run.toml' is not TOML: Invalid value (at line 1, column 8)"),
        (b"data = '\xff'", [], "'run.toml' is not TOML: byte 9 is not UTF-8 text"),
        ("epochs = 1", [], "'run.toml' names no data: say 'narrows fit DATA --config run.toml'"),
        ('data = ["a.csv", "b.csv"]', [], "there is no file 'a.csv'"),
        ('data = "digits"\nrecipe = "secret"', [], "unknown recipe 'secret'"),
        ('data = "digits"\n[optimizer]\nmoment = 1', [], "the optimizer Adam has no option 'moment'"),
        ('data = "digits"\n[optimizer]\nclipnorm = "much"', [], "the option 'clipnorm' of the optimizer Adam must be a number"),
        ("", ["digits", "--set", "layers.tide=true"], "--set: narrows fit has no setting 'layers.tide': did you mean 'layers.tied'"),
        ("", ["digits", "--set", "code_l1"], "--set code_l1 is no setting: give a name and a value, as in --set code_l1=1e-4"),
        ("", ["digits", "--set", "code_l1=big"], '--set: code_l1 must be a number, such as 0.0, got "big"'),
        ("", ["digits", "--epochs", "3", "--set", "epochs=4"], "--set epochs is given by another flag too: give it once"),
    ],
)
def test_bad_settings_are_one_line_and_2(narrows, tmp_path, content, more, message):
    (tmp_path / "run.toml").write_bytes(content if isinstance(content, bytes) else content.encode())

    done = narrows("-q", "fit", "--config", "run.toml", *more)

    assert done.code == 2
    assert message in done.only_line
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]


def test_a_file_that_is_not_there(narrows):
    assert narrows("fit", "--config", "none.toml").only_line == "narrows: 'none.toml': No such file or directory"
    assert narrows("fit", "--config", "none.narrows").only_line == "narrows: 'none.narrows': No such file or directory"


def test_a_recipe_over_settings_that_leave_nothing_open_is_refused(narrows, digits):
    done = narrows("fit", "--config", digits.path, "--recipe", "small", "-o", "x.narrows")

    assert done.code == 2
    assert f"'{digits.path}' says every choice itself, so that the recipe 'small' would change nothing" in done.only_line


def test_the_bundle_that_is_repeated_is_not_written_over(narrows, digits, monkeypatch):
    monkeypatch.chdir(digits.path.parent)

    assert narrows("fit", "--config", "digits.narrows").only_line == "narrows: the output 'digits.narrows' is what is read: write elsewhere"


def test_info_prints_one_of_the_two(narrows, digits):
    done = narrows("info", digits.path, "--config", "--json")

    assert done.code == 2
    assert "--config prints TOML and --json JSON: give one of the two" in done.only_line


def test_several_sources_are_kept_and_repeated(narrows, tmp_path, rng):
    for name in ("one", "two"):
        np.savetxt(tmp_path / f"{name}.csv", rng.normal(size=(20, 3)), delimiter=",", header="a,b,c", comments="")

    assert narrows("-q", "fit", "one.csv", "two.csv", "--epochs", "1", "-o", "first.narrows").code == 0
    assert narrows("-q", "fit", "--config", "first.narrows", "-o", "again.narrows").code == 0

    first, again = (package.load(tmp_path / f"{name}.narrows") for name in ("first", "again"))
    for one, other in zip(first.autoencoder_.get_weights(), again.autoencoder_.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
