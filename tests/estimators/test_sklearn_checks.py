"""scikit-learn's own contract: its whole suite of estimator checks."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from narrows import Autoencoder

REASON = (
    "minibatches are drawn from the rows that come, as in all of scikit-learn; tests/training/test_objective.py has the law in its place"
)
EXPECTED = dict.fromkeys(("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data"), REASON)


@parametrize_with_checks(
    [Autoencoder(1, layers=(3,), epochs=2, random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_estimator_check(estimator, check):
    check(estimator)


@pytest.mark.slow
def test_defaults_pass_too():
    check_estimator(Autoencoder(), expected_failed_checks=EXPECTED)
