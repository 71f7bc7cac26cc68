"""scikit-learn's own contract: its whole suite of estimator checks."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from narrows import Autoencoder

REASON = (
    "minibatches are drawn from the rows that come, as in all of scikit-learn; tests/training/test_objective.py has the law in its place"
)
EXPECTED = dict.fromkeys(("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data"), REASON)


def expected(estimator: Autoencoder) -> dict[str, str]:
    return EXPECTED


@parametrize_with_checks([Autoencoder(1, layers=(3,), epochs=2, random_state=0)], expected_failed_checks=expected)
def test_estimator_check(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([Autoencoder()], expected_failed_checks=expected)
def test_defaults_pass_too(estimator, check):
    check(estimator)
