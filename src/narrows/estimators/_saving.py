"""What all estimators are: kept by bundles, in methods short for the functions of `narrows.bundle`; most are transformers of rows."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin


class Saved:
    """What can be a bundle. Not public."""

    def save(self: Any, path: Any) -> None:
        """Save the fitted model as a bundle; see `narrows.save`.

        Parameters
        ----------
        path : path-like
            Where to; written whole or not at all.

        Raises
        ------
        NotFittedError, ValueError, OSError
            If not fitted, if the model holds a function of the user's, or if the file cannot be written.
        """
        from narrows import bundle

        bundle.save(self, path)

    @classmethod
    def load(cls, path: Any, *, custom_objects: dict[str, Any] | None = None) -> Self:
        """Load a bundle of this class; see `narrows.load`.

        Parameters
        ----------
        path : path-like
            A bundle.
        custom_objects : dict of str to class, default=None
            The user's own Keras classes that the bundle may name.

        Returns
        -------
        estimator
            Fitted.

        Raises
        ------
        BundleError
            If the file is damaged, or holds another class of estimator.
        """
        from narrows import bundle

        made: Self = bundle.load(path, custom_objects=custom_objects, expected=cls)
        return made


class SavedTransformer(Saved, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A transformer that can be a bundle. Not public."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
