"""How the golden bundle of format 1 was made, once, by narrows 0.1.0; kept to be read, not to be run again."""

from pathlib import Path

import numpy as np

from narrows import Autoencoder, Dense

here = Path(__file__).parent
rows = np.random.default_rng(1).normal(size=(120, 6)).astype(np.float32) * [1, 10, 0.1, 1, 1, 1] + [0, 100, 0, 0, 0, 0]
layers = Dense(8, 5, activation="tanh", dropout=0.1, batch_normalization=True, tied=True, l2=1e-4)
fitted = Autoencoder(3, layers=layers, code_l1=1e-3, epochs=30, random_state=0).fit(rows)
fitted.save(here / "v1.narrows")
np.savez(here / "v1.npz", rows=rows, codes=fitted.transform(rows), reconstruction=fitted.reconstruct(rows))
