"""How well codes fall into groups, and whether these groups are the classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from narrows.quality._checks import as_count, as_rows, sample
from narrows.quality.probes import as_labels


def silhouette(codes: ArrayLike, labels: ArrayLike, *, max_rows: int = 5000, random_state: int | None = 0) -> float:
    """Give the silhouette: how much nearer codes are to those of their own class than to those of the nearest other one.

    Parameters
    ----------
    codes : array-like of shape (n, c)
    labels : array-like of shape (n,)
        Classes: numbers or strings, two or more.
    max_rows : int, default=5000
        Measured on so many rows at most, drawn at random.
    random_state : int or None, default=0
        Of the draw.

    Returns
    -------
    float
        In [-1, 1]: 1 where classes are far apart, 0 where they run into one another, below for codes that lie among another class.

    Raises
    ------
    ValueError
        If there are fewer than two classes or as many as rows, labels are missing, or the two do not fit.

    References
    ----------
    P. J. Rousseeuw: Silhouettes: a graphical aid to the interpretation and validation of cluster analysis. Journal of Computational and
    Applied Mathematics 20 (1987), 53-65. https://doi.org/10.1016/0377-0427(87)90125-7

    Examples
    --------
    >>> from narrows.quality import silhouette
    >>> silhouette([[0.0], [0.1], [5.0], [5.1]], list("aabb")) > 0.9
    True
    """
    from sklearn.metrics import silhouette_score

    x = as_rows("codes", codes)
    y = as_labels("labels", labels, len(x))
    chosen = sample(len(x), as_count("max_rows", max_rows, 2**62, ""), random_state)
    if chosen is not None:
        x, y = x[chosen], y[chosen]
    n_classes = len(np.unique(y.astype(str)))
    if not 2 <= n_classes < len(x):
        raise ValueError(
            f"labels hold {n_classes} class{'es' * (n_classes != 1)} of {len(x)} rows; give two classes or more, and more rows"
        )
    return float(silhouette_score(x.astype(np.float64), y))


def cluster_agreement(codes: ArrayLike, labels: ArrayLike, *, random_state: int = 0) -> float:
    """Give the normalized mutual information of k-means clusters and classes: how far groups found without labels are the classes.

    Parameters
    ----------
    codes : array-like of shape (n, c)
    labels : array-like of shape (n,)
        Classes: numbers or strings.
    random_state : int, default=0
        Of where k-means starts.

    Returns
    -------
    float
        In [0, 1]: 1 where clusters are the classes, 0 where they tell nothing of them.

    Raises
    ------
    ValueError
        If labels are missing, or the two do not fit.

    Notes
    -----
    As many clusters as classes, the best of four starts (k-means++); the information is divided by the mean of both entropies.

    References
    ----------
    A. Strehl, J. Ghosh: Cluster ensembles: a knowledge reuse framework for combining multiple partitions. Journal of Machine Learning
    Research 3 (2002), 583-617. https://www.jmlr.org/papers/v3/strehl02a.html

    Examples
    --------
    >>> from narrows.quality import cluster_agreement
    >>> round(cluster_agreement([[0.0], [0.1], [5.0], [5.1]], list("aabb")), 6)
    1.0
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import normalized_mutual_info_score

    x = as_rows("codes", codes).astype(np.float64)
    y = as_labels("labels", labels, len(x))
    found = KMeans(len(np.unique(y.astype(str))), n_init=4, random_state=random_state).fit_predict(x)
    return float(normalized_mutual_info_score(y.astype(str), found))
