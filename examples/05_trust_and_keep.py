"""A model that failed is told apart from one that works, and the one that works is kept.

Two networks learn the digits that scikit-learn bundles. The first has settings under which the code collapses: every row gets
about the same code. Its verdict says so, with a remedy. The second is saved as one file, told of by the command line, and
loaded again, to the bit.

Run it by ``python examples/05_trust_and_keep.py``; ``--quick`` shows within seconds that it works.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import narrows

quick = "--quick" in sys.argv
digits = narrows.data.load("digits")

# A code between 0 and 1, squeezed by saturating layers, at a learning rate far too high.
layers = narrows.Dense(100, 100, 100, activation="sigmoid", kernel_initializer="glorot_uniform")
bad = narrows.Autoencoder(2, layers=layers, code_activation="sigmoid", learning_rate=0.5, schedule="constant", epochs=2, random_state=0)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    bad.fit(digits.X)
print(f"the first network raised {len(caught)} warning(s)")
for verdict in bad.diagnostics_:
    print(f"  {verdict.level}: {verdict.sentence}\n  remedy: {verdict.remedy or 'none needed'}")

good = narrows.Autoencoder(2, epochs=5 if quick else "auto", random_state=0).fit(digits.X)
print("the second network")
for verdict in good.diagnostics_:
    print(f"  {verdict.level}: {verdict.sentence}")
print(f"  kept epoch {good.best_epoch_} of {good.n_epochs_}; explained variance of test rows {good.score(digits.test.X):.3f}")

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.narrows"
    narrows.save(good, path, metadata={"note": "trained by an example"})
    print(f"saved {path.stat().st_size / 1e6:.1f} MB")
    told = subprocess.run([sys.executable, "-m", "narrows", "info", str(path)], capture_output=True, text=True, check=True)
    print(*[f"  {line}" for line in told.stdout.splitlines() if line][:9], sep="\n")
    loaded = narrows.load(path)
same = bool((loaded.transform(digits.test.X) == good.transform(digits.test.X)).all())
print(f"loaded: codes are {'the same to the bit' if same else 'different'}")
