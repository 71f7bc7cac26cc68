"""``narrows fit --validation``: rows whose loss is measured after each epoch."""

from __future__ import annotations

import json

import numpy as np
import pytest

import narrows as package

QUICK = ["--layers", "4", "--epochs", "2", "--precision", "float32", "--components", "1"]
FITS = "a,b,kind\n" + "1,2,x\n2,1,y\n3,5,x\n" * 10


def test_the_loss_on_validation_rows_is_the_one_that_python_measures(narrows, tmp_path, rng):
    rows, held, test = rng.random((40, 5)), rng.random((20, 5)), rng.random((10, 5))
    for name, values in {"rows": rows, "held": held, "test": test}.items():
        np.save(tmp_path / f"{name}.npy", values)

    done = narrows("fit", "rows.npy", "--validation", "held.npy", "--test", "test.npy", *QUICK)

    assert (done.code, "warning" in done.err.replace("warning: The code has collapsed", "")) == (0, False)
    fitted = package.Autoencoder(1, layers=(4,), epochs=2, precision="float32", random_state=0).fit(rows, validation_data=held)
    assert package.load(tmp_path / "rows.narrows").history_["val_loss"] == fitted.history_["val_loss"]


def test_it_is_said_and_kept_what_validates(narrows, flowers, tmp_path):
    table = flowers.path.with_suffix(".csv")
    (tmp_path / "others.csv").write_text("".join(table.read_text().splitlines(keepends=True)[:13]))

    done = narrows("fit", table, "--label", "species", "--validation", "others.csv", "--early-stopping", *QUICK, "-o", "some.narrows")

    assert done.code == 0
    assert "validation rows  12, from others.csv\n" in done.out
    said = "epochs     2; stops by validation on 12 rows of others.csv\n"
    assert said in done.out
    assert said in narrows("info", "some.narrows").out
    about = json.loads(narrows("info", "some.narrows", "--json").out)
    assert (about["data"]["validation"], about["data"]["validation_rows"]) == ("others.csv", 12)
    assert len(about["history"]["val_loss"]) == 2


def test_of_a_named_set_the_test_rows_validate_and_it_is_said_that_they_also_measure(narrows):
    done = narrows("fit", "digits", "--validation", "digits", *QUICK)

    assert done.code == 0
    assert "validation rows  359, from digits\n" in done.out
    assert "warning: --validation digits: its rows are trained or measured on too, so that figures flatter: give others\n" in done.err


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ("a,kind\n1,x\n", "held.csv has 1 column and table.csv 2 ('b' is missing): give validation rows of the same kind"),
        ("a,b,c,kind\n1,2,3,x\n", "held.csv has 3 columns and table.csv 2 ('c' is one too many): give validation rows of the same kind"),
        ("a,c,kind\n1,2,x\n", "held.csv has no column 'b', which table.csv has; it has 'c': give validation rows of the same kind"),
        (
            "b,a,kind\n1,2,x\n",
            "column 1 is 'b' in held.csv and 'a' in table.csv: give validation rows with the same columns in the same order",
        ),
        ("a,b,kind\n1,,x\n", "column 'b', row 1"),
    ],
)
def test_columns_that_differ_are_one_line_and_2(narrows, tmp_path, held, message):
    (tmp_path / "table.csv").write_text(FITS)
    (tmp_path / "held.csv").write_text(held)

    done = narrows("-q", "fit", "table.csv", "--label", "kind", "--validation", "held.csv", *QUICK)

    assert done.code == 2
    assert message in done.only_line.replace("'held.csv'", "held.csv")
    assert not list(tmp_path.glob("*.narrows"))


def test_the_label_may_be_missing_from_validation_rows(narrows, tmp_path):
    (tmp_path / "table.csv").write_text(FITS)
    (tmp_path / "held.csv").write_text("a,b\n1,2\n2,1\n")

    assert narrows("-q", "fit", "table.csv", "--label", "kind", "--validation", "held.csv", *QUICK).code == 0
