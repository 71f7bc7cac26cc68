"""The linear path of a plan: how it starts, so that the whole network begins as a given linear code."""

from __future__ import annotations

import numpy as np

from narrows.networks.computation import Weights
from narrows.networks.outputs import before
from narrows.networks.plan import AffinePath, ConvLayer, Plan


def first_weights(plan: Plan, mean: np.ndarray, components: np.ndarray) -> Weights:
    """Give the weights with which a network that has a linear path starts as a linear code.

    Before an output activation that bends, the reconstruction starts as the linear code's to first order about the mean.

    Parameters
    ----------
    plan : Plan
        With a linear path; the layers before it end in kernels of zeros.
    mean : ndarray of shape (n_features,)
        The scaled row whose code is 0.
    components : ndarray of shape (n_components, n_features)
        Orthonormal directions in scaled units.

    Returns
    -------
    dict of str to ndarray
        Of the path on both sides and of the biases beside it.
    """
    bias, slope = before(plan, mean)
    output_bias = {"output/bias": bias.astype(np.float32)}
    if isinstance(plan.decoder[-1], AffinePath):
        output_bias = {"output_path/bias": bias.astype(np.float32), "output/bias": np.zeros(_channels(plan), np.float32)}
    return {
        "code_path/kernel": components.T.astype(np.float32),
        "code/bias": (-components @ mean).astype(np.float32),
        "output_path/kernel": (components / slope).astype(np.float32),
        **output_bias,
    }


def _channels(plan: Plan) -> int:
    return next(layer.units for layer in plan.decoder if isinstance(layer, ConvLayer) and layer.name == "output")
