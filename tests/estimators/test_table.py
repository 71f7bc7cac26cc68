"""Tables as people have them, through the estimator: in and back, filled, measured, kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import narrows
from narrows import Autoencoder, AutoencoderOutlierDetector, Conv, Gaussian, Masking, TableAutoencoder
from narrows.errors import BundleError

QUICK = {"layers": (16,), "epochs": 3, "random_state": 0}


def table_of(n: int = 200, seed: int = 0, holes: float = 0.1) -> pd.DataFrame:
    """Nine columns of every kind, which one hidden number and one hidden kind make; of the first six some cells are missing."""
    rng = np.random.default_rng(seed)
    kind, size = rng.integers(0, 3, n), rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "price": 100 + 40 * kind + 10 * size + rng.normal(size=n),
            "weight": (5 + kind + size).astype(np.float32),
            "rooms": np.rint(5 + 2 * kind + size).clip(1, 12),
            "color": np.array(["red", "green", "blue"], object)[kind],
            "shape": pd.Categorical(np.array(["round", "square"])[(kind > 0).astype(int)], ["square", "round", "oval"]),
            "built": [datetime(2000, 1, 1) + timedelta(days=int(400 * k + 30 * s)) for k, s in zip(kind, size, strict=True)],
            "sold": kind == 2,
            "name": [f"house {number}" for number in range(n)],
            "country": "here",
        }
    )
    for column in ("price", "weight", "rooms", "color", "shape", "built"):
        frame.loc[rng.random(n) < holes, column] = None
    return frame


def rows_with_holes() -> np.ndarray:
    rows = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    rows[::7, 1] = np.nan
    return rows


@pytest.fixture(scope="module")
def houses() -> pd.DataFrame:
    return table_of()


@pytest.fixture(scope="module")
def fitted(houses) -> TableAutoencoder:
    return TableAutoencoder(3, **{**QUICK, "epochs": 60}).fit(houses)


def test_kinds_are_found_and_shown(fitted):
    assert fitted.kinds_ == {
        "price": "numeric",
        "weight": "numeric",
        "rooms": "numeric",
        "color": "categorical",
        "shape": "categorical",
        "built": "date",
        "sold": "binary",
        "name": "left_out",
        "country": "left_out",
    }
    assert [column.why for column in fitted.columns_[-2:]] == ["each row has its own", "always the same"]
    assert fitted.columns_[3].categories == ("blue", "green", "red")
    assert 0.05 < fitted.columns_[0].holes < 0.15
    assert fitted.n_features_in_ == 9


def test_codes_are_numbers_for_each_row_by_itself(fitted, houses):
    codes = fitted.transform(houses)

    assert codes.shape == (200, 3)
    assert codes.dtype == np.float32
    np.testing.assert_allclose(fitted.transform(houses[50:60]), codes[50:60], atol=1e-5)
    assert list(clone(fitted).set_output(transform="pandas").fit(houses).transform(houses).columns) == [
        f"tableautoencoder{i}" for i in range(3)
    ]


def test_reconstructions_are_tables_like_the_rows(fitted, houses):
    made = fitted.reconstruct(houses)

    assert (made.dtypes == houses.dtypes).all()
    assert list(made.columns) == list(houses.columns)
    assert made["name"].equals(houses["name"])
    assert not made[["price", "weight", "rooms", "color", "shape", "built"]].isna().any().any()
    assert set(made["color"]) <= {"red", "green", "blue"}
    assert list(made["shape"].cat.categories) == ["square", "round", "oval"]
    assert (made["rooms"] == made["rooms"].round()).all()


def test_it_learns_what_columns_have_to_do_with_each_other(fitted):
    new = table_of(400, seed=1)
    made = fitted.reconstruct(new)
    known = new["color"].notna()

    assert fitted.score(new) > 0.6
    assert (made["color"] == new["color"])[known].mean() > 0.85
    assert (made["sold"] == new["sold"]).mean() > 0.9
    assert (made["price"] - new["price"]).abs().mean() < 0.6 * new["price"].std()


def test_holes_alone_are_filled(fitted, houses):
    filled = fitted.impute(houses)
    known = houses.notna()

    assert not filled.isna().any().any()
    assert (filled.dtypes == houses.dtypes).all()
    for name in houses:
        assert filled[name][known[name]].equals(houses[name][known[name]])


def test_holes_are_filled_better_than_by_constants(fitted):
    whole = table_of(400, seed=2, holes=0.0)
    punched = whole.copy()
    rng = np.random.default_rng(3)
    where = {name: rng.random(400) < 0.2 for name in ("price", "color", "built")}
    for name, holes in where.items():
        punched.loc[holes, name] = None
    filled = fitted.impute(punched)

    price = where["price"]
    assert (filled["price"] - whole["price"])[price].pow(2).mean() < 0.5 * whole["price"].var()
    assert (filled["color"] == whole["color"])[where["color"]].mean() > 0.7
    built = where["built"]
    assert (filled["built"] - whole["built"])[built].abs().mean() < 0.6 * (whole["built"] - whole["built"].mean()).abs().mean()


def test_constants_are_filled_and_names_are_not(houses):
    punched = houses.copy()
    punched.loc[[3, 5], ["country", "name"]] = None
    filled = TableAutoencoder(3, **QUICK).fit(punched).impute(punched)

    assert (filled["country"] == "here").all()
    assert list(filled.index[filled["name"].isna()]) == [3, 5]


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_other_libraries_get_their_own_frames(fitted, houses, library):
    arrow = pa.Table.from_pandas(houses, preserve_index=False)
    frame = pl.from_arrow(arrow) if library == "polars" else arrow
    made, filled = fitted.reconstruct(frame), fitted.impute(frame)

    assert type(made) is type(filled) is type(frame)
    assert made.schema == frame.schema
    np.testing.assert_array_equal(fitted.transform(frame), fitted.transform(houses))
    same = filled.to_pandas() if library == "pyarrow" else filled.to_arrow().to_pandas()
    pd.testing.assert_frame_equal(same.astype(houses.dtypes), fitted.impute(houses), check_exact=False)


def test_codes_become_tables_again(fitted, houses):
    back = fitted.inverse_transform(fitted.transform(houses))
    made = fitted.reconstruct(houses)

    assert list(back.columns) == list(houses.columns)
    for name in ("price", "color", "sold"):
        assert (back[name] == made[name]).all()
    assert (back["country"] == "here").all()
    assert back["name"].isna().all()


def test_arrays_come_back_as_arrays():
    rows = rows_with_holes()
    made = TableAutoencoder(3, **QUICK).fit(rows)

    assert made.reconstruct(rows).dtype == np.float32
    assert not np.isnan(made.impute(rows)).any()
    assert made.inverse_transform(made.transform(rows)).shape == (60, 4)
    mixed = np.array([[1.0, "a"], [2.0, "b"], [3.0, "a"], [4.5, None]] * 10, object)
    assert TableAutoencoder(1, **QUICK).fit(mixed).impute(mixed)[3, 1] in ("a", "b")


def test_errors_of_cells_are_in_the_columns_units(fitted, houses):
    errors, made = fitted.reconstruction_error(houses, per_feature=True), fitted.reconstruct(houses)
    place = {name: list(houses.columns).index(name) for name in houses}

    np.testing.assert_allclose(errors[:, place["price"]], (made["price"] - houses["price"]).abs(), rtol=1e-3, atol=1e-3)
    days = (made["built"] - houses["built"]).abs().dt.total_seconds()
    np.testing.assert_allclose(errors[:, place["built"]], days, rtol=1e-3, atol=43_300)  # of days, to which dates are rounded, a half
    wrong = (made["sold"] != houses["sold"]).to_numpy()
    np.testing.assert_array_equal(errors[:, place["sold"]] > 0.5, wrong)
    np.testing.assert_array_equal(np.isnan(errors[:, :6]), houses.iloc[:, :6].isna())
    assert np.isnan(errors[:, 7:]).all()


def test_rows_errors_are_means_over_what_is_known(fitted, houses):
    errors = fitted.reconstruction_error(houses)
    assert errors.shape == (200,)
    np.testing.assert_array_equal(fitted.score_samples(houses), -errors)

    bare = houses[:2].copy()
    bare.loc[0, ["price", "weight", "rooms", "color", "shape", "built"]] = None
    bare["sold"] = bare["sold"].astype(object)
    bare.loc[0, "sold"] = None
    assert np.isnan(fitted.reconstruction_error(bare)[0])
    assert fitted.score_samples(bare)[0] == 0


def test_no_column_drowns_the_others(houses):
    """A column in other units, or of many categories, counts as any other: scores hardly move."""
    larger = houses.assign(price=houses["price"] * 1e6)

    ours, theirs = (TableAutoencoder(3, **QUICK).fit(frame).score(frame) for frame in (houses, larger))

    assert ours == pytest.approx(theirs, abs=1e-3)


def test_the_same_seed_gives_the_same_bits_whatever_the_order_of_columns(houses):
    turned = houses[list(houses.columns[::-1])]
    first, second, third = (TableAutoencoder(3, **QUICK).fit(frame) for frame in (houses, houses, turned))

    np.testing.assert_array_equal(first.transform(houses), second.transform(houses))
    np.testing.assert_array_equal(first.transform(houses), third.transform(turned))
    assert first.history_ == third.history_


def test_numbers_alone_are_learned_as_by_the_autoencoder(houses):
    """A table of nothing but whole numbers without holes: the loss is the squared error of standardized rows."""
    rows = np.random.default_rng(4).normal(size=(300, 6)) @ np.random.default_rng(5).normal(size=(6, 6))
    plain = Autoencoder(3, **{**QUICK, "epochs": 40}).fit(rows)
    table = TableAutoencoder(3, noise=None, **{**QUICK, "epochs": 40}).fit(rows)
    scaled = rows / rows.std(0)

    assert table.score(rows) == pytest.approx(1 - np.square(plain.reconstruct(rows) / rows.std(0) - scaled).mean(), abs=0.03)


@pytest.mark.parametrize("name", ["pandas", "polars", "pyarrow", "numpy"])
def test_a_bundle_keeps_all(tmp_path, houses, name):
    frame: Any = houses
    if name == "polars":
        frame = pl.from_arrow(pa.Table.from_pandas(houses, preserve_index=False))
    elif name == "pyarrow":
        frame = pa.Table.from_pandas(houses, preserve_index=False)
    elif name == "numpy":
        frame = rows_with_holes()
    kinds = None if name == "numpy" else {"name": "left_out", "price": "numeric"}
    made = TableAutoencoder(3, kinds=kinds, **QUICK).fit(frame)
    narrows.save(made, tmp_path / "a.narrows")
    back = narrows.load(tmp_path / "a.narrows")

    assert back.get_params() == made.get_params()
    assert back.columns_ == made.columns_
    np.testing.assert_array_equal(back.transform(frame), made.transform(frame))
    np.testing.assert_array_equal(back.score_samples(frame), made.score_samples(frame))
    assert type(back.inverse_transform(np.zeros((2, 3)))) is type(frame)
    assert type(back.impute(frame)) is type(frame)


def test_a_bundle_whose_columns_are_not_its_plans_is_refused(tmp_path, fitted):
    from narrows.estimators._state import get_state, set_state

    state, arrays = get_state(fitted)
    table = state.learned.table
    assert table is not None

    def changed(**changes: Any) -> Any:
        return state.model_copy(update={"learned": state.learned.model_copy(update=changes)})

    for other in (
        None,
        table.model_copy(update={"columns": table.columns[1:]}),
        table.model_copy(update={"columns": (*table.columns[:-1], table.columns[0])}),
    ):
        with pytest.raises((ValueError, BundleError), match=r"do not belong together|columns|scaling"):
            set_state(changed(table=other), arrays)


def test_partial_fit_and_warm_start_go_on(houses):
    made = TableAutoencoder(3, **QUICK).partial_fit(houses).partial_fit(houses)
    again = TableAutoencoder(3, warm_start=True, **QUICK).fit(houses)
    before = again.columns_
    again.fit(houses[:150])

    assert made.n_epochs_ == 2
    assert again.columns_ == before


def test_validation_rows_may_be_given(houses):
    made = TableAutoencoder(3, **QUICK).fit(houses[:150], validation_data=houses[150:])

    assert len(made.history_["val_loss"]) == 3


def test_rows_of_no_weight_are_no_rows(houses):
    weight = np.r_[np.ones(150), np.zeros(50)]
    made = TableAutoencoder(3, **QUICK).fit(houses, sample_weight=weight)
    kept = TableAutoencoder(3, **QUICK).fit(houses[:150])

    assert made.columns_ == kept.columns_


def test_it_goes_into_a_pipeline(houses):
    codes = make_pipeline(TableAutoencoder(3, **QUICK), StandardScaler()).fit_transform(houses)

    assert codes.shape == (200, 3)


@pytest.mark.parametrize(
    ("params", "kind", "message"),
    [
        ({"noise": Gaussian(0.1)}, TypeError, "noise of a table must be 'auto', None or Masking"),
        ({"noise": 0.2}, TypeError, "noise of a table must be 'auto', None or Masking"),
        ({"layers": Conv(8)}, TypeError, "layers of a table must be 'auto', a tuple of widths or a Dense"),
        ({"max_categories": 1}, ValueError, "max_categories must be a whole number of at least 2"),
        ({"max_categories": 10**6}, ValueError, "max_categories must be at most 10,000"),
        ({"kinds": ["price"]}, TypeError, "kinds must be a dict from names of columns to kinds"),
        ({"kinds": {"prize": "numeric"}}, ValueError, "kinds: X has no column 'prize': did you mean 'price'"),
        ({"n_components": "many"}, ValueError, "n_components must be a whole number of at least 1 or 'auto'"),
    ],
)
def test_parameters_out_of_range_are_refused(houses, params, kind, message):
    with pytest.raises(kind, match=message):
        TableAutoencoder(**{**QUICK, **params}).fit(houses)


def test_targets_are_refused(houses):
    rows = houses[["price", "weight", "rooms"]].to_numpy()
    with pytest.raises(ValueError, match="target"):
        TableAutoencoder(2, **QUICK).fit(rows, target=np.zeros_like(rows))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="price"), "feature names"),
        (lambda frame: frame.assign(price="cheap"), "holds (large_)?string in column 'price', which held double"),
        (lambda frame: frame.assign(price=np.inf), "holds infinity in column 'price', row 1"),
        (lambda frame: frame[:0], r"Found array with 0 sample\(s\)"),
    ],
)
def test_rows_that_do_not_fit_are_refused(fitted, houses, change, message):
    with pytest.raises(ValueError, match=message):
        fitted.transform(change(houses))


def test_a_category_seen_only_later_is_odd_and_rebuilt_as_one_that_is_known(fitted, houses):
    later = houses[:20].assign(color="violet")

    assert set(fitted.reconstruct(later)["color"]) <= {"red", "green", "blue"}
    assert (fitted.score_samples(later) < fitted.score_samples(houses[:20])).all()
    assert (fitted.reconstruction_error(later, per_feature=True)[:, 3] > 0.9).all()
    assert (fitted.impute(later)["color"] == "violet").all()


def test_a_column_of_nothing_but_holes_is_filled_when_it_was_known_before(fitted, houses):
    empty = houses.assign(price=np.nan, color=None)
    filled = fitted.impute(empty)

    assert not filled[["price", "color"]].isna().any().any()


def test_not_fitted_is_said():
    for method in ("transform", "reconstruct", "impute", "score_samples"):
        with pytest.raises(NotFittedError):
            getattr(TableAutoencoder(), method)(table_of(5))


def test_keras_models_take_and_give_spread_rows(fitted, houses):
    spread = fitted.scale_rows(houses)
    made = np.asarray(fitted.autoencoder_(spread))

    np.testing.assert_allclose(made, fitted.reconstruct(houses, scaled=True), atol=1e-5)
    np.testing.assert_allclose(np.asarray(fitted.encoder_(spread)), fitted.transform(houses), atol=1e-5)
    layout = fitted._columns.layout
    for part in layout.parts:
        if part.loss == "categorical":
            np.testing.assert_allclose(made[:, part.outputs].reshape(200, -1, part.units).sum(2), 1, atol=1e-5)


def test_verdicts_are_about_columns_by_name(houses):
    doubled = houses.assign(price2=houses["price"], color2=houses["color"], sold2=houses["sold"])
    made = TableAutoencoder(2, **QUICK).fit(doubled)
    said = " ".join(map(str, made.diagnostics_))

    assert "price2 = price" in said or "price = price2" in said
    assert "missing" not in said


def test_what_is_hidden_in_training_makes_better_fillings():
    """The point of hiding cells: without, a network learns to copy, and has nothing to say of what it does not see."""
    whole = table_of(250, seed=6, holes=0.0)
    punched = whole.copy()
    holes = np.random.default_rng(7).random(250) < 0.3
    punched.loc[holes, "price"] = None

    def missed(noise: Any) -> float:
        made = TableAutoencoder(3, noise=noise, **{**QUICK, "epochs": 60}).fit(whole)
        return float((made.impute(punched)["price"] - whole["price"])[holes].pow(2).mean())

    assert missed(Masking(0.2)) < missed(None)


@pytest.fixture(scope="module")
def detector(houses) -> AutoencoderOutlierDetector:
    return AutoencoderOutlierDetector(TableAutoencoder(3, **{**QUICK, "epochs": 40}), contamination=0.05, random_state=0).fit(houses)


@pytest.fixture(scope="module")
def broken() -> pd.DataFrame:
    """Rows of which each breaks a rule: a red house of the wrong price, a green one that says it is a blue one's shape."""
    rows = table_of(40, seed=8, holes=0.0)
    rows.loc[0, "price"] = 900.0
    rows.loc[1, "color"] = "violet"
    rows["sold"] = rows["sold"].astype(bool)
    return rows


def test_decisions_have_their_usual_form(detector, houses):
    assert set(detector.predict(houses)) <= {-1, 1}
    np.testing.assert_array_equal(detector.decision_function(houses), detector.score_samples(houses) - detector.offset_)


def test_the_column_to_blame_is_named(detector, broken):
    found = detector.explain(broken[:2], top=1)

    assert [reasons[0].name for reasons in found] == ["price", "color"]
    assert str(found[0][0]).startswith("price 900, not ")
    assert str(found[1][0]).startswith("color another, not ")
    assert detector.score_samples(broken)[:2].max() < np.median(detector.score_samples(broken))


def test_missing_cells_carry_nothing(detector, houses):
    rows = houses[houses["price"].isna()]
    for reasons in detector.explain(rows, top=9):
        assert next(reason for reason in reasons if reason.name == "price").share == 0


def test_a_bundle_keeps_it(detector, houses, tmp_path):
    narrows.save(detector, tmp_path / "d.narrows")
    back = narrows.load(tmp_path / "d.narrows")

    np.testing.assert_array_equal(back.score_samples(houses), detector.score_samples(houses))
    assert back.explain(houses[:5]) == detector.explain(houses[:5])


def test_the_other_measure_is_the_error_of_the_autoencoder(houses):
    made = AutoencoderOutlierDetector(TableAutoencoder(3, **QUICK), measure="error", random_state=0).fit(houses)

    np.testing.assert_allclose(made.score_samples(houses), made.autoencoder_.score_samples(houses), rtol=1e-5)
