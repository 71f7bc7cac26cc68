"""Rows that break the rules of the others are rebuilt badly.

An autoencoder learns the digits that scikit-learn bundles, upright. Then test rows come with a copy of each that is turned
upside down. The script prints how well three methods tell the two apart (area under the ROC curve: 0.5 is guessing, 1 is
perfect): the error of the autoencoder, that of PCA with as many components, and an isolation forest. Many a 0, 1, 3 and 8
looks the same either way, so no method can reach 1.

Run it by ``python examples/03_odd_rows.py``; ``--quick`` shows within seconds that it works.
"""

from __future__ import annotations

import sys

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

import narrows
from narrows.quality import LinearCode

quick = "--quick" in sys.argv

digits = narrows.data.load("digits")
upright = digits.test.X
overturned = upright.reshape(-1, *digits.image_shape)[:, ::-1].reshape(upright.shape)
rows = np.concatenate([upright, overturned])
is_odd = np.repeat([False, True], len(upright))

print("how well upright and overturned digits are told apart")
print("components  autoencoder    PCA")
for n_components in (2,) if quick else (2, 8, 16):
    autoencoder = narrows.Autoencoder(n_components, epochs=2 if quick else "auto", random_state=0).fit(digits.X)
    linear = LinearCode.fit(digits.X, n_components)
    linear_error = np.square(linear.decode(linear.encode(rows)) - rows).mean(axis=1)
    ours, theirs = roc_auc_score(is_odd, -autoencoder.score_samples(rows)), roc_auc_score(is_odd, linear_error)
    print(f"{n_components:10}  {ours:11.3f}  {theirs:5.3f}")
forest = IsolationForest(random_state=0).fit(digits.X)
print(f"isolation forest: {roc_auc_score(is_odd, -forest.score_samples(rows)):.3f}")

# Which pixels are wrong? The error of each cell tells.
worst = int(autoencoder.score_samples(overturned).argmin())
errors = autoencoder.reconstruction_error(overturned[[worst]], per_feature=True).reshape(digits.image_shape)
print(f"the oddest is an overturned {digits.test.labels[worst]}; its rows of pixels, by error: {np.argsort(-errors.mean(axis=1)).tolist()}")
