"""Choices: small frozen objects for parameters that belong together, which a scikit-learn search can reach into."""

from __future__ import annotations

import inspect
from numbers import Integral, Real
from typing import Any, Self


class Choices:
    """Base of frozen parameter objects: `get_params`, equality, repr, and scikit-learn's nested parameters.

    A subclass checks its arguments in its constructor and hands them to `_choose`, once.
    """

    _values: dict[str, Any]

    def _choose(self, **values: Any) -> None:
        object.__setattr__(self, "_values", values)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: make another one instead of setting {name!r} to {value!r}")

    def __getattr__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self, "_values")[name]
        except (KeyError, AttributeError):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}") from None

    @classmethod
    def _from_choices(cls, choices: dict[str, Any]) -> Self:
        return cls(**choices)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the choices by name.

        Parameters
        ----------
        deep : bool, default=True
            For scikit-learn's sake; nothing lies deeper.

        Returns
        -------
        dict
        """
        del deep
        return dict(self._values)

    def replace(self, **changes: Any) -> Self:
        """Give an object of the same kind with some choices changed.

        Parameters
        ----------
        **changes : any
            New values by name.

        Returns
        -------
        object of the same class

        Raises
        ------
        ValueError
            If there is no choice of that name, or its value is out of range.
        """
        unknown = sorted(set(changes) - set(self._values))
        if unknown:
            raise ValueError(f"{type(self).__name__} has no parameter {unknown[0]!r}; it has {sorted(self._values)}")
        return self._from_choices({**self._values, **changes})

    def __sklearn_clone__(self) -> Self:
        return self

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        del memo
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._values)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values == other._values

    def __hash__(self) -> int:
        return hash((type(self), *self._values.values()))

    def __repr__(self) -> str:
        given: list[str] = []
        for name, parameter in inspect.signature(type(self)).parameters.items():
            value = self._values[name]
            if parameter.kind is parameter.VAR_POSITIONAL:
                given.extend(map(repr, value))
            elif value != parameter.default:
                given.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(given)})"


def _rebuild(cls: type[Choices], values: dict[str, Any]) -> Choices:
    return cls._from_choices(values)


def check_sizes(what: str, *sizes: Any) -> None:
    """Refuse what is no whole number of at least 1."""
    for size in sizes:
        if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
            among = f" in {sizes!r}" if len(sizes) > 1 else ""
            raise ValueError(f"{what} must be {'whole numbers' if among else 'a whole number'} of at least 1, got {size!r}{among}")


def check_flags(owner: str, **flags: Any) -> None:
    """Refuse what is neither True nor False."""
    for name, value in flags.items():
        if type(value).__name__ not in ("bool", "bool_"):  # NumPy's too: a search over an array gives these
            raise TypeError(f"{name} of {owner} must be True or False, got {value!r}")


def check_numbers(owner: str, **numbers: tuple[Any, float]) -> None:
    """Refuse a number that is not between 0 and its end, which does not belong to it."""
    for name, (value, end) in numbers.items():
        if not isinstance(value, Real) or not 0 <= float(value) < end:
            raise ValueError(f"{name} of {owner} must be a number in [0, {end}), got {value!r}")
