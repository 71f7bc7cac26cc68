"""scikit-learn's own callbacks, where the installed version has them: each epoch is a subtask of the fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from narrows.networks.network import Network

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Leave the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "begin", "listener", "with_callbacks"]


def begin(estimator: Any) -> Any:
    """Start the callbacks that are set on an estimator; give their context, or None."""
    if not getattr(estimator, "_skl_callbacks", None):
        return None
    context = estimator._init_callback_context(max_subtasks=None)
    context.call_on_fit_task_begin(estimator=estimator)
    return context


def listener(estimator: Any, context: Any, network: Network, given: Any) -> Callable[[Any], None]:
    """Give what tells the callbacks of each epoch on what is given to learn from, with an estimator that could stop there."""
    rows, y = given.rows, given.labels
    metadata = None if given.weight is None else {"sample_weight": given.weight}  # what scikit-learn hands on to scorers

    def listen(epoch: Any) -> None:
        task = context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(estimator=estimator, X=rows, metadata={"epoch": epoch.number})

        def fitted() -> dict[str, Any]:
            weights = {name: np.array(value) for name, value in epoch.weights.items()}
            classes = {"classes_": given.outputs} if estimator._labels == "classes" else {}
            return {"n_features_in_": rows.shape[1], "_network": network.with_weights(weights), **classes}

        stop = task.call_on_fit_task_end(estimator=estimator, X=rows, y=y, metadata=metadata, reconstruction_attributes=fitted)
        epoch.stop = epoch.stop or bool(stop)

    return listen
