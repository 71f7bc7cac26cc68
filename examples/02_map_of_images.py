"""Images become points on a map, and points become images.

The digits that scikit-learn bundles, 8 by 8 pixels, are encoded to two numbers. The script prints how good the map is, PCA's beside it,
and draws two pictures if matplotlib is installed: the codes of the test rows in the colors of their labels, which the network has
never seen, and what the decoder makes of a grid of places on the map.

Run it by ``python examples/02_map_of_images.py``; ``--quick`` shows within seconds that it works.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np

import narrows

quick = "--quick" in sys.argv

digits = narrows.data.load("digits")
test = digits.test
autoencoder = narrows.Autoencoder(n_components=2, epochs=2 if quick else "auto", random_state=0).fit(digits.X)
codes = autoencoder.transform(test.X)

quality = narrows.quality.measure(
    digits.X,
    test.X,
    train_codes=autoencoder.transform(digits.X),
    test_codes=codes,
    test_reconstruction=autoencoder.reconstruct(test.X),
    train_labels=digits.labels,
    test_labels=test.labels,
)
print(f"{'on ' + str(quality.n_test) + ' test rows':25}  autoencoder    PCA")
for row in quality.table():
    print(f"{row.figure:25}  {row.autoencoder:11.3f}  {row.pca:5.3f}  {row.better} is better")

# Places on the map: a grid over the middle nine tenths of the codes.
low, high = np.quantile(codes, [0.05, 0.95], axis=0)
x, y = (np.linspace(low[axis], high[axis], 12) for axis in (0, 1))
places = np.stack(np.meshgrid(x, y[::-1]), axis=-1).reshape(-1, 2)
images = autoencoder.inverse_transform(places).reshape(12, 12, *digits.image_shape)
print(f"decoded {len(places)} places on the map to images of {digits.image_shape[0]} x {digits.image_shape[1]}")

if find_spec("matplotlib"):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    points = left.scatter(*codes.T, c=test.labels, cmap="tab10", s=12)
    left.legend(*points.legend_elements(), title="digit")
    left.set_title("codes of test rows")
    right.imshow(images.transpose(0, 2, 1, 3).reshape(12 * 8, 12 * 8), cmap="gray_r")
    right.set_title("what the decoder makes of places between them")
    right.axis("off")
    figure.savefig("map_of_images.png", dpi=100)
    print("drew map_of_images.png")
