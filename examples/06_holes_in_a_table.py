"""A table with numbers, categories and holes is fitted as it is, and its holes are filled.

The wines that scikit-learn bundles have 13 measured numbers; here six of them come in words, as people write them down, with the
cultivar beside them, and a fifth of all cells is missing. The script prints what was found in each column, how well the missing
cells are told, beside the mean and the most frequent word, and which wine is the oddest, and why.

Run it by ``python examples/06_holes_in_a_table.py``; ``--quick`` shows within seconds that it works.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from sklearn.datasets import load_wine

import narrows

quick = "--quick" in sys.argv

wine = load_wine(as_frame=True)
whole = wine.data.iloc[:, :7].assign(cultivar=np.array(["first", "second", "third"], object)[wine.target])
for name in wine.data.columns[7:]:
    whole[name] = pd.qcut(wine.data[name], 4, labels=["low", "lower", "higher", "high"]).astype(object)
missing = np.random.default_rng(0).random(whole.shape) < 0.2
table = whole.mask(missing)

fitted = narrows.TableAutoencoder(epochs=5 if quick else "auto", random_state=0).fit(table)
for column in fitted.columns_:
    print(f"{column.name:30} {column.kind:12} {100 * column.holes:4.1f} % missing")

filled = fitted.impute(table)
numbers = whole.select_dtypes("number").columns
places = [list(whole).index(name) for name in numbers]
off = ((filled[numbers] - whole[numbers]) / whole[numbers].std()).to_numpy()[missing[:, places]]
mean = ((table[numbers].mean() - whole[numbers]) / whole[numbers].std()).to_numpy()[missing[:, places]]
print(f"numbers: off by {np.sqrt(np.square(off).mean()):.2f} deviations, by the mean {np.sqrt(np.square(mean).mean()):.2f}")
words = [name for name in whole if name not in set(numbers)]
told = np.concatenate([(filled[name] == whole[name])[missing[:, list(whole).index(name)]] for name in words])
mode = np.concatenate([(whole[name] == table[name].mode()[0])[missing[:, list(whole).index(name)]] for name in words])
print(f"words: {100 * told.mean():.0f} % told right, by the most frequent {100 * mode.mean():.0f} %")

settings = narrows.TableAutoencoder(epochs=fitted.epochs)
detector = narrows.AutoencoderOutlierDetector(settings, random_state=0).fit(whole)
oddest = int(detector.score_samples(whole).argmin())
print(f"the oddest wine is {oddest}: " + "; ".join(map(str, detector.explain(whole.iloc[[oddest]])[0])))
