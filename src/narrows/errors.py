"""What can go wrong in a way that a caller would treat apart; everything else is a ValueError or a TypeError."""

from __future__ import annotations


class BackendError(ImportError):
    """Keras cannot be used as narrows needs it (another backend is already loaded, or the process was forked)."""


class MissingExtra(ImportError):
    """An optional package is needed and not installed; the message names the command that installs it.

    Parameters
    ----------
    what : str
        What needs it.
    package, extra : str
        The package, and the extra of narrows that brings it.
    """

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs {package}, which is not installed: pip install 'narrows[{extra}]'")


class BundleError(ValueError):
    """A file is not a bundle that this version can trust: damaged, of another format, or naming what is not allowed."""


class CheckpointError(ValueError):
    """A checkpoint is damaged, or of a run with other rows or settings."""


class PeerError(RuntimeError):
    """Another process of a run that several share has failed, or cannot be reached."""


class ExportError(RuntimeError):
    """An exported file would not compute what the model does, or does not run; nothing was written."""


class TrainingDiverged(RuntimeError):
    """Training met a value that is not finite; the estimator holds the weights of the last good epoch.

    Parameters
    ----------
    epoch, step : int
        Where the first such value appeared, both counted from 1.
    remedy : str
        What to try next.

    Attributes
    ----------
    epoch, step : int
        As given.
    """

    def __init__(self, epoch: int, step: int, remedy: str) -> None:
        self.epoch, self.step, self.remedy = epoch, step, remedy
        super().__init__(
            f"the loss was no longer finite in epoch {epoch}, step {step}; "
            f"the weights are back at {f'epoch {epoch - 1}' if epoch > 1 else 'their start'}. {remedy}"
        )

    def __reduce__(self) -> tuple[type[TrainingDiverged], tuple[int, int, str]]:
        return type(self), (self.epoch, self.step, self.remedy)


class NarrowsWarning(UserWarning):
    """The root of all warnings of narrows."""


class VerdictWarning(NarrowsWarning):
    """A verdict on a fit that a careful user would act upon: the root of the classes below, one for each kind.

    The message has the figures and the remedy. ``warnings.simplefilter("ignore", narrows.errors.DeadUnits)`` silences one kind (pytest
    takes ``ignore::narrows.errors.DeadUnits``; ``python -W`` knows no classes but Python's own), ``VerdictWarning`` all of them; in
    `diagnostics_` they stand in any case.
    """


class CollapsedCode(VerdictWarning):
    """The network does no better than the mean row."""


class WorseThanPCA(CollapsedCode):
    """The network does no better than PCA with as many components."""


class Overfitting(VerdictWarning):
    """Rows that were not trained on fared better in an earlier epoch than in the one that was kept."""


class OverfittedHead(VerdictWarning):
    """The head predicts its training rows far better than others."""


class TornMap(VerdictWarning):
    """Codes that were to be a map of the rows keep fewer neighborhoods than PCA does."""


class StillLearning(VerdictWarning):
    """The run ended while the loss was falling fast."""


class DeadUnits(VerdictWarning):
    """Most units of a hidden layer give the same output for every row."""


class SaturatedUnits(VerdictWarning):
    """Most units of a layer are at the bounds of their activation for nearly every row."""


class DeficientCode(VerdictWarning):
    """Some numbers of a code carry nothing that the others do not."""


class RowsOutOfRange(VerdictWarning):
    """The scaled rows hold values that the output layer cannot give."""


class ConstantFeatures(VerdictWarning):
    """Most features are the same in every row."""


class DuplicateFeatures(VerdictWarning):
    """Many features repeat others."""


class BackendWarning(NarrowsWarning):
    """The environment asks Keras for another backend; narrows uses JAX."""
