"""Keras callbacks at the ends of epochs: they see an ordinary model, and what they change is taken over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from narrows._backend import keras
from narrows.training.trainer import Epoch

_IN_BATCHES = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")


class KerasCallbacks:
    """A listener that plays Keras's part for its callbacks.

    Parameters
    ----------
    callbacks : sequence of keras.callbacks.Callback
    model : keras.Model
        The model they see; its weights are set before each call.
    assign, changed : callable
        To set the model's weights, and to ask which of them a callback has set.
    epochs : int
    learning_rate : float
        Of the first step.

    Attributes
    ----------
    first_share : float
        What the callbacks made of that learning rate before the first epoch, as a factor.

    Raises
    ------
    TypeError, ValueError
        If one is not a Keras callback, or wants to be called within epochs.
    """

    def __init__(
        self,
        callbacks: Sequence[Any],
        model: Any,
        assign: Callable[[dict[str, Any]], None],
        changed: Callable[[], dict[str, Any]],
        epochs: int,
        learning_rate: float,
    ) -> None:
        check_callbacks(callbacks)
        self._callbacks, self._model, self._assign, self._changed = list(callbacks), model, assign, changed
        model.optimizer = SimpleNamespace(learning_rate=learning_rate)
        model.stop_training = False
        self._epochs = epochs
        for callback in self._callbacks:
            callback.set_model(model)
            callback.set_params({"epochs": epochs, "verbose": 0, "steps": None})
        self._each("on_train_begin")
        self._each("on_epoch_begin", 0)
        self.first_share = float(model.optimizer.learning_rate) / learning_rate

    def _each(self, hook: str, *arguments: Any) -> None:
        for callback in self._callbacks:
            getattr(callback, hook)(*arguments)

    def __call__(self, epoch: Epoch) -> None:
        """Hand an epoch to the callbacks, and take over weights, learning rate and the wish to stop."""
        self._assign(epoch.weights)
        optimizer = self._model.optimizer
        optimizer.learning_rate = epoch.learning_rate
        self._each("on_epoch_end", epoch.number, dict(epoch.logs))
        epoch.stop = epoch.stop or bool(self._model.stop_training)
        if not epoch.stop and epoch.number + 1 < self._epochs:
            self._each("on_epoch_begin", epoch.number + 1)
        # Read once both hooks have spoken: some callbacks set the next epoch's rate at its beginning.
        epoch.weights.update(self._changed())
        if float(optimizer.learning_rate) != epoch.learning_rate:
            epoch.learning_rate = float(optimizer.learning_rate)

    def end(self) -> dict[str, Any]:
        """Tell the callbacks that training ends; give the weights that they set last (`EarlyStopping` restores its best so)."""
        self._each("on_train_end")
        changed = self._changed()
        del self._model.optimizer
        return changed


def check_callbacks(callbacks: Sequence[Any]) -> None:
    """Refuse what cannot be called between epochs; see `KerasCallbacks`."""
    if not callbacks:  # known without Keras
        return
    module = keras().callbacks
    for callback in callbacks:
        if not isinstance(callback, module.Callback):
            raise TypeError(f"callbacks must be Keras callbacks, got {callback!r}")
        by_epoch = isinstance(callback, module.ModelCheckpoint) and callback.save_freq == "epoch"
        hooks = [name for name in _IN_BATCHES if not getattr(getattr(callback, name), "_is_default", False)]
        if hooks and not by_epoch:
            raise ValueError(
                f"{type(callback).__name__} has {hooks[0]}, and narrows calls callbacks at the ends of epochs only, "
                f"because whole epochs run compiled: use its on_epoch_end"
            )
