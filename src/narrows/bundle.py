"""A fitted model on disk: one safetensors file whose header holds the rest as JSON, and nothing that executes."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from narrows import _json
from narrows._files import replacing
from narrows.errors import BundleError
from narrows.estimators._state import Saveable, State, get_state, network_of, set_state
from narrows.networks.network import Network

FORMAT = 1
LARGEST_HEADER = 64 << 20
_UNSIGNED = "0" * 64  # stands where the checksum will be, while it is computed
# The manifest stands behind the checksum in one string. Quotes within it are escaped: this matches nothing but the checksum itself.
_CHECKSUM = re.compile(rb'"narrows":"sha256:([0-9a-f]{64}) ')


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
    manifest = Manifest(format=FORMAT, versions=_versions(), state=state, metadata=metadata or {})
    try:
        text = _json.dumps(manifest.model_dump(mode="json"), separators=(",", ":"))
    except TypeError as error:
        raise ValueError(f"metadata must be plain JSON values: {error}") from None
    content = save_tensors({name: np.ascontiguousarray(value) for name, value in arrays.items()}, {"narrows": f"sha256:{_UNSIGNED} {text}"})
    with replacing(path) as file:
        file.write(_signed(content))


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
    except (ValueError, TypeError, KeyError) as error:
        raise BundleError(f"{os.fspath(path)} is not a bundle that this version can use: {error}") from None
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
    except (ValueError, TypeError, KeyError) as error:
        raise BundleError(f"{os.fspath(path)} is not a bundle that this version can use: {error}") from None


def _read(path: str | os.PathLike[str]) -> tuple[bytes, Manifest]:
    name = os.fspath(path)
    content = Path(path).read_bytes()
    header = _header(content, name)
    said = header.get("__metadata__")
    if not isinstance(said, dict) or not isinstance(said.get("narrows"), str):
        raise BundleError(f"{name} is not a bundle: it is a safetensors file without narrows's part")
    found = _CHECKSUM.findall(content[8 : 8 + int.from_bytes(content[:8], "little")])
    if len(found) != 1 or _digest(content) != found[0].decode():
        raise BundleError(f"{name} is damaged: its checksum does not match its content; copy or save it again")
    try:
        plain = json.loads(said["narrows"].partition(" ")[2], object_pairs_hook=_once)
        if plain.get("format") != FORMAT:
            raise BundleError(
                f"{name} has the bundle format {plain.get('format')!r}, and this narrows reads format {FORMAT}: pip install -U narrows"
            )
        return content, Manifest.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BundleError(f"{name} is not a bundle that this version can use: {where}: {first['msg']}") from None
    except (ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{name} is not a bundle that this version can use: {error}") from None


def _header(content: bytes, name: str) -> dict[str, Any]:
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > min(LARGEST_HEADER, len(content) - 8) or content[8:9] != b"{":
        raise BundleError(f"{name} is not a bundle, or was cut off: it does not begin as one")
    try:
        return cast(dict[str, Any], json.loads(content[8 : 8 + size], object_pairs_hook=_once))
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{name} is not a bundle, or is damaged: its header cannot be read ({error})") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def _digest(content: bytes) -> str:
    """SHA-256 of the file with zeros in the place of the checksum."""
    end = 8 + int.from_bytes(content[:8], "little")
    match = _CHECKSUM.search(content, 8, end)
    assert match is not None
    digest = hashlib.sha256(memoryview(content)[: match.start(1)])
    digest.update(_UNSIGNED.encode())
    digest.update(memoryview(content)[match.end(1) :])
    return digest.hexdigest()


def _signed(content: bytes) -> bytes:
    return content.replace(f'"narrows":"sha256:{_UNSIGNED} '.encode(), f'"narrows":"sha256:{_digest(content)} '.encode(), 1)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("narrows", "keras", "jax", "numpy", "scikit-learn"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            from narrows import __version__

            found[name] = __version__ if name == "narrows" else "unknown"
    return found
