"""A fitted model on disk: one safetensors file whose header holds the rest as JSON, and nothing that executes."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from narrows import _json
from narrows._bundle_file import FORMAT, UNFIT, UNSIGNED, excess_of, read, signed, unusable
from narrows._files import replacing
from narrows._text import sentence
from narrows.errors import BundleError
from narrows.estimators._state import Saveable, State, get_state, network_of, set_state
from narrows.networks.network import Network


class Manifest(BaseModel):
    """All that a bundle says in words and numbers.

    Attributes
    ----------
    format : int
        Of the bundle.
    versions : dict of str to str
        Of the libraries that wrote it.
    state : State
        The fitted estimator without its arrays.
    metadata : dict
        What the writer wished to add: figures, where the rows came from. Plain JSON values.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: int
    versions: dict[str, str]
    state: State
    metadata: dict[str, Any]


def save(estimator: Saveable, path: str | os.PathLike[str], *, metadata: dict[str, Any] | None = None) -> None:
    """Save a fitted model.

    Parameters
    ----------
    estimator : Autoencoder, another of this library, LatentMap or AutoencoderOutlierDetector
        Fitted.
    path : path-like
        Where to, by custom ``NAME.narrows``. Written whole or not at all.
    metadata : dict, default=None
        Plain JSON values to keep with it.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    ValueError
        If the model holds a function of the user's, or `metadata` is not JSON.
    OSError
        If the file cannot be written; what stood at `path` is untouched.

    Notes
    -----
    Callbacks, verbosity and the state of a random generator are not part of a model; they come back as the defaults.

    Examples
    --------
    >>> import narrows, numpy as np, tempfile, os
    >>> rows = np.random.default_rng(0).random((64, 8))
    >>> fitted = narrows.Autoencoder(layers=(8,), epochs=1, random_state=0).fit(rows)
    >>> path = os.path.join(tempfile.mkdtemp(), "small.narrows")
    >>> narrows.save(fitted, path)
    >>> bool((narrows.load(path).transform(rows) == fitted.transform(rows)).all())
    True
    """
    state, arrays = get_state(estimator)
    manifest = Manifest(format=FORMAT, versions=versions(), state=state, metadata=metadata or {})
    try:
        text = _json.dumps(manifest.model_dump(mode="json"), separators=(",", ":"))
    except TypeError as error:
        raise ValueError(f"metadata must be plain JSON values: {error}") from None
    content = save_tensors({name: np.ascontiguousarray(value) for name, value in arrays.items()}, {"narrows": f"sha256:{UNSIGNED} {text}"})
    if excess := excess_of(content[8 : 8 + int.from_bytes(content[:8], "little")]):
        raise ValueError(f"a bundle's header cannot hold {excess}: leave metadata out, or train for fewer epochs")
    with replacing(path) as file:
        file.write(signed(content))


def load(path: str | os.PathLike[str], *, custom_objects: dict[str, Any] | None = None, expected: type | None = None) -> Any:
    """Load a fitted model. Nothing in the file is executed.

    Parameters
    ----------
    path : path-like
        A bundle.
    custom_objects : dict of str to class, default=None
        The user's own Keras classes that the bundle may name.
    expected : type, default=None
        The class of estimator that it must hold; any if None.

    Returns
    -------
    Autoencoder, another of this library, LatentMap or AutoencoderOutlierDetector
        Fitted; its results are bit-identical to the saved one's on the same machine.

    Raises
    ------
    BundleError
        If the file is damaged, of a newer format, or names what is not allowed.
    OSError
        If it cannot be read.
    """
    content, manifest = _read(path)
    try:
        arrays = load_tensors(content)
        estimator = set_state(manifest.state, arrays, custom_objects)
    except UNFIT as error:
        raise unusable(os.fspath(path), error) from None
    if expected is not None and not isinstance(estimator, expected):
        raise BundleError(f"{os.fspath(path)} holds a {type(estimator).__name__}, not a {expected.__name__}: use narrows.load")
    return estimator


def read_manifest(path: str | os.PathLike[str]) -> Manifest:
    """Read what a bundle says, without building its network.

    Parameters
    ----------
    path : path-like
        A bundle.

    Returns
    -------
    Manifest

    Raises
    ------
    BundleError, OSError
        As `load` does.
    """
    return _read(path)[1]


def read_network(path: str | os.PathLike[str]) -> tuple[Manifest, Network | None]:
    """Read the network of a bundle without the estimator around it, which may hold Keras objects: this needs neither Keras nor JAX.

    Parameters
    ----------
    path : path-like
        A bundle.

    Returns
    -------
    manifest : Manifest
    network : Network or None
        Of a map, its autoencoder's; None where it is Keras models of the user's own.

    Raises
    ------
    BundleError, OSError
        As `load` does.
    """
    content, manifest = _read(path)
    if manifest.state.plan is None:
        return manifest, None
    try:
        arrays = {name: value for name, value in load_tensors(content).items() if not name.startswith(("map/", "outliers/"))}
        return manifest, network_of(manifest.state, arrays)
    except UNFIT as error:
        raise unusable(os.fspath(path), error) from None


def _read(path: str | os.PathLike[str]) -> tuple[bytes, Manifest]:
    content, said = read(path)
    name = os.fspath(path)
    try:
        return content, Manifest.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise unusable(name, f"{sentence('.'.join(map(str, first['loc'])), 80)}: {first['msg']}") from None
    except UNFIT as error:
        raise unusable(name, error) from None


def versions() -> dict[str, str]:
    """Give the versions of what makes a model, by name.

    Returns
    -------
    dict of str to str
    """
    found = {"python": platform.python_version()}
    for name in ("narrows", "keras", "jax", "numpy", "scikit-learn"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            from narrows import __version__

            found[name] = __version__ if name == "narrows" else "unknown"
    return found
