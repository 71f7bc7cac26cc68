"""A table of 30 measurements becomes a few numbers a row, beside PCA.

The rows are 569 samples of breast tissue, which scikit-learn bundles. For codes of 1 to 8 numbers the script prints which
share of the variance of rows that were held out each method explains: PCA, the default network, and one that is made for few
rows, with one narrow layer and a penalty on its weights. With so few rows PCA is hard to beat.

Run it by ``python examples/01_table_to_codes.py``; ``--quick`` shows within seconds that it works.
"""

from __future__ import annotations

import sys
import warnings

from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import narrows
from narrows.errors import NarrowsWarning

quick = "--quick" in sys.argv
warnings.simplefilter("ignore", NarrowsWarning)  # the figures below say it

# Scaled first, so that all three explain the same variance.
train, test = train_test_split(load_breast_cancer().data, random_state=0)
scaler = StandardScaler().fit(train)
train, test = scaler.transform(train), scaler.transform(test)

print(f"{len(train)} training rows, {len(test)} test rows of {train.shape[1]} numbers: explained variance of the test rows")
print("components    PCA  default  one layer")
for n_components in (2,) if quick else (1, 2, 4, 8):
    settings = {"n_components": n_components, "epochs": 2 if quick else "auto", "random_state": 0}
    linear = PCA(n_components).fit(train)
    default = narrows.Autoencoder(**settings).fit(train)
    one_layer = narrows.Autoencoder(layers=narrows.Dense(64, l2=1e-3), **settings).fit(train)
    explained = narrows.quality.explained_variance(test, linear.inverse_transform(linear.transform(test)))
    print(f"{n_components:10}  {explained:5.3f}  {default.score(test):7.3f}  {one_layer.score(test):9.3f}")

# The encoder scales rows itself, so this is for the sake of one object that takes the table as it is.
whole = make_pipeline(scaler, one_layer)
codes = whole.transform(load_breast_cancer().data)
print(f"codes of the whole table: {codes.shape[0]} x {codes.shape[1]}")
