"""A fitted model on disk: one safetensors file whose header holds the rest as JSON, and nothing that executes."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from narrows import _json
from narrows._files import opened, replacing
from narrows._text import sentence
from narrows.errors import BundleError
from narrows.estimators._state import Saveable, State, get_state, network_of, set_state
from narrows.networks.network import Network

FORMAT = 1
LARGEST_HEADER = 12 << 20
# What a header may hold, so that reading it takes no more memory than it is worth: objects and lists, and values in all.
MOST_OBJECTS, MOST_VALUES = 200_000, 1_000_000
MOST_ARRAYS = 20_000  # a plan of 2,000 layers has half as many
# What files that mean ill may raise, in places that trust what they are given.
UNFIT = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError, SafetensorError)
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
    manifest = Manifest(format=FORMAT, versions=versions(), state=state, metadata=metadata or {})
    try:
        text = _json.dumps(manifest.model_dump(mode="json"), separators=(",", ":"))
    except TypeError as error:
        raise ValueError(f"metadata must be plain JSON values: {error}") from None
    content = save_tensors({name: np.ascontiguousarray(value) for name, value in arrays.items()}, {"narrows": f"sha256:{_UNSIGNED} {text}"})
    if excess := _excess(content[8 : 8 + int.from_bytes(content[:8], "little")]):
        raise ValueError(f"a bundle's header cannot hold {excess}: leave metadata out, or train for fewer epochs")
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
    except UNFIT as error:
        raise _unusable(os.fspath(path), error) from None
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
        raise _unusable(os.fspath(path), error) from None


def _read(path: str | os.PathLike[str]) -> tuple[bytes, Manifest]:
    name = os.fspath(path)
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= size - 8:
            raise BundleError(f"{name} is not a bundle, or was cut off: it does not begin as one")
        start += file.read(min(length, LARGEST_HEADER + 1))
        header = _header(start[8:], name)
        if len(header) > MOST_ARRAYS:
            raise BundleError(f"{name} is not a bundle: its header has more than {MOST_ARRAYS:,} arrays")
        if _end_of_arrays(header) != size - len(start):
            raise BundleError(f"{name} is not a bundle, or was cut off: its arrays do not end where the file does")
        file.seek(0)
        content = file.read(size)
        if not content.startswith(start):
            raise BundleError(f"{name} was written to while it was read: load it again")
    said = header["__metadata__"].get("narrows") if isinstance(header.get("__metadata__"), dict) else None
    if not isinstance(said, str):
        raise BundleError(f"{name} is not a bundle: it is a safetensors file without narrows's part")
    found = _CHECKSUM.findall(content, 8, len(start))
    if len(found) != 1 or _digest(content) != found[0].decode():
        raise BundleError(f"{name} is damaged: its checksum does not match its content; copy or save it again")
    return content, _manifest(said, name)


def _manifest(said: str, name: str) -> Manifest:
    try:
        plain = json.loads(said[len(f"sha256:{_UNSIGNED} ") :], object_pairs_hook=_once)
        if plain.get("format") != FORMAT:
            came = sentence(repr(plain.get("format")))
            raise BundleError(f"{name} has the bundle format {came}, and this narrows reads format {FORMAT}: pip install -U narrows")
        return Manifest.model_validate(plain)
    except BundleError:
        raise
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise _unusable(name, f"{sentence('.'.join(map(str, first['loc'])), 80)}: {first['msg']}") from None
    except UNFIT as error:
        raise _unusable(name, error) from None


def _unusable(name: str, reason: object) -> BundleError:
    return BundleError(f"{name} is not a bundle that this version can use: {sentence(str(reason))}")


def _header(text: bytes, name: str) -> dict[str, Any]:
    if not text.startswith(b"{"):
        raise BundleError(f"{name} is not a bundle, or was cut off: it does not begin as one")
    if excess := _excess(text):
        raise BundleError(f"{name} is not a bundle: its header has {excess}")
    try:
        return cast(dict[str, Any], json.loads(text, object_pairs_hook=_once))
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{name} is not a bundle, or is damaged: its header cannot be read ({sentence(str(error))})") from None


def _excess(header: bytes) -> str:
    """Say what a header has more of than any model needs; nothing where that is not so."""
    if len(header) > LARGEST_HEADER:
        return f"more than {LARGEST_HEADER:,} bytes"
    if header.count(b"{") + header.count(b"[") > MOST_OBJECTS:
        return f"more than {MOST_OBJECTS:,} objects and lists"
    return f"more than {MOST_VALUES:,} values" if header.count(b",") > MOST_VALUES else ""


def _end_of_arrays(header: dict[str, Any]) -> int:
    """Give how many bytes of arrays a header declares, or -1 where that is no number."""
    try:
        return max((int(array["data_offsets"][1]) for name, array in header.items() if name != "__metadata__"), default=0)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError):
        return -1


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
