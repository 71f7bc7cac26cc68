"""An autoencoder in a pipeline, its settings found by a search.

Labels are few and rows without labels are many: of the 1438 training digits that scikit-learn bundles only 100 have a label
here. The network learns codes from all rows; a logistic regression reads the labels from the codes of the 100. A grid search
over the network's own settings goes by how well rows are rebuilt that it has not seen; it needs no label at all. At the end one
network learns from all rows and from the 100 labels at once.

Run it by ``python examples/04_pipeline_and_search.py``; ``--quick`` shows within seconds that it works.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

import narrows
from narrows.errors import NarrowsWarning

quick = "--quick" in sys.argv
warnings.simplefilter("ignore", NarrowsWarning)  # some of the settings that are tried are bad ones; the search sees it by their score

digits = narrows.data.load("digits")
rows, test = digits.X, digits.test

# `score` is the explained variance, so a search for the best reconstruction needs nothing else.
network = narrows.Autoencoder(n_components=16, layers=narrows.Dense(128), epochs=10 if quick else 60, random_state=0)
choices = {"layers__activation": ["gelu", "tanh"], "learning_rate": [0.001, 0.004]}
if not quick:
    choices["layers__widths"] = [(128,), (256, 64)]
search = GridSearchCV(network, choices, cv=2 if quick else 3).fit(rows)
print(f"searched {len(search.cv_results_['params'])} settings")
print(f"best: {search.best_params_}, explained variance of rows held out {search.best_score_:.3f}")

# The encoder is fitted and stays as it is; only the classifier learns from the labels.
places, _ = train_test_split(np.arange(len(rows)), train_size=100, stratify=digits.labels, random_state=0)
few, few_labels = rows[places], digits.labels[places]
classifier = LogisticRegression(max_iter=2000).fit(search.best_estimator_.transform(few), few_labels)
linear = narrows.quality.LinearCode.fit(rows, 16)
by_pca = LogisticRegression(max_iter=2000).fit(linear.encode(few), few_labels)
plain = LogisticRegression(max_iter=2000).fit(few, few_labels)
print(f"accuracy with 100 labels, from codes of 16 numbers: {classifier.score(search.transform(test.X), test.labels):.3f}")
print(f"accuracy with 100 labels, from PCA's 16 components:  {by_pca.score(linear.encode(test.X), test.labels):.3f}")
print(f"accuracy with 100 labels, from the 64 pixels:       {plain.score(test.X, test.labels):.3f}")

# A supervised autoencoder takes both kinds of rows: those whose label is None count for the reconstruction only.
partly = np.full(len(rows), None)
partly[places] = few_labels
head = narrows.Dense(64, dropout=0.5)
told = narrows.SupervisedAutoencoder(16, layers=(128,), head=head, epochs=10 if quick else 60, random_state=0).fit(rows, partly)
print(f"accuracy with 100 labels, learned with the codes:    {told.score(test.X, test.labels):.3f}")

# With all labels both steps are one estimator.
pipeline = make_pipeline(search.best_estimator_, LogisticRegression(max_iter=2000)).fit(rows, digits.labels)
print(f"accuracy with all labels, as a pipeline:            {pipeline.score(test.X, test.labels):.3f}")
