"""Bundles of somebody who means ill: nothing in them runs, and each is refused at once, in one sentence, without taking the memory."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows import _bundle_file

HERE = Path(__file__).parent
GOLDEN = (HERE / "golden" / "v1.narrows").read_bytes()
MOST_MEMORY = 200e6  # bytes, beyond what the process held before
MOST_SECONDS = 20  # a guard against hanging on a busy machine; the figures that are printed are far smaller
ALL, LOAD = {"load", "read_manifest", "read_network"}, {"load"}
WEIGHTS = ALL - {"read_manifest"}  # which reads what a bundle says, and not its numbers


class Executed:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def taken_apart():
    """Header, manifest and numbers of a sound bundle."""
    size = int.from_bytes(GOLDEN[:8], "little")
    header = json.loads(GOLDEN[8 : 8 + size])
    return header, json.loads(header.pop("__metadata__")["narrows"].partition(" ")[2]), GOLDEN[8 + size :]


def put_together(header, manifest, numbers) -> bytes:
    """A bundle with the right checksum; header and manifest may be text, so that they can be no JSON."""
    said = manifest if isinstance(manifest, str) else json.dumps(manifest)
    arrays = header if isinstance(header, str) else json.dumps(header, separators=(",", ":"))[1:-1]
    text = f'{{"__metadata__":{{"narrows":{json.dumps(f"sha256:{_bundle_file.UNSIGNED} {said}")}}}{"," * bool(arrays)}{arrays}}}'.encode()
    text += b" " * (-len(text) % 8)
    return _bundle_file.signed(len(text).to_bytes(8, "little") + text + numbers)


def changed(change) -> bytes:
    header, manifest, numbers = taken_apart()
    change(manifest)
    return put_together(header, manifest, numbers)


def with_arrays(change) -> bytes:
    header, manifest, numbers = taken_apart()
    came = change(header, numbers)
    return put_together(header, manifest, numbers if came is None else came)


def said(old: str, new: str) -> bytes:
    header, manifest, numbers = taken_apart()
    text = json.dumps(manifest)
    assert old in text
    return put_together(header, text.replace(old, new, 1), numbers)


def declared(**array) -> bytes:
    return with_arrays(lambda header, numbers: header["weights/code/kernel"].update(array))


def with_array(name, array):
    """Another array behind those that are there."""

    def change(header, numbers):
        end = len(numbers)
        kinds = {"f4": "F32", "f8": "F64", "f2": "F16", "i8": "I64"}
        kind = kinds[array.dtype.str[1:]]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        return numbers + array.tobytes()

    return change


def own_models(change=None, custom=None) -> bytes:
    """A bundle of Keras models of one's own, whose encoder's configuration is changed."""
    import keras

    encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, name="a")])
    decoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(6, name="b")])
    header, manifest, _ = taken_apart()
    configs = {name: keras.saving.serialize_keras_object(model) for name, model in (("encoder", encoder), ("decoder", decoder))}
    if change is not None:
        change(configs["encoder"]["config"]["layers"])
    manifest["state"].update(plan=None, keras=configs)
    manifest["state"]["params"]["layers"] = None
    header = {name: value for name, value in header.items() if name.startswith("scale/")}
    numbers = np.ones(18).tobytes()
    from narrows.networks import computation

    for name, value in computation.with_head(encoder, decoder, None).weights().items():
        numbers = with_array(f"weights/{name}", np.asarray(value, np.float32))(header, numbers)
    return put_together({**header, **_scale()}, manifest, numbers)


def _scale():
    return {
        f"scale/{name}": {"dtype": "F64", "shape": [6], "data_offsets": [48 * at, 48 * at + 48]}
        for at, name in enumerate(("factor", "mean", "shift"))
    }


def layer(kind="Dense", module="keras.layers", registered=None, **config):
    """Put another layer into the encoder."""
    return lambda layers: layers.append({"class_name": kind, "module": module, "config": config, "registered_name": registered})


def around_it(part, arrays=None, **changes) -> bytes:
    """A map or a detector around the autoencoder."""
    from narrows.estimators import _state

    made = narrows.LatentMap() if part == "map" else narrows.AutoencoderOutlierDetector()
    params = {name: _state._encode(name, value) for name, value in made.get_params(deep=False).items() if name != "autoencoder"}
    more = {"kl_divergence": 0.1} if part == "map" else {"offset": -1.0, "n_held_out": 5}
    header, manifest, numbers = taken_apart()
    manifest["state"][part] = {"params": params, "given": False, "fit_seconds": 1.0, **more, **changes}
    for name, array in (arrays or {}).items():
        numbers = with_array(f"{part}/{name}", array)(header, numbers)
    return put_together(header, manifest, numbers)


def a_map(**arrays) -> bytes:
    usual = {"codes": np.zeros((20, 3), np.float32), "embedding": np.zeros((20, 2), np.float32)}
    return around_it("map", {name: value for name, value in {**usual, **arrays}.items() if value is not None})


def a_detector(**arrays) -> bytes:
    usual = {"misfit": np.ones(6), "center": np.ones(6), "reach": np.ones(6), "code": np.ones(3), "precision": np.eye(3)}
    return around_it("outliers", {name: value for name, value in {**usual, **arrays}.items() if value is not None})


def supervised(classes) -> bytes:
    """Many classes, one of which is as long as a book: NumPy would give each as much room."""
    header, manifest, numbers = taken_apart()
    n = len(classes)
    manifest["state"]["estimator"] = "SupervisedAutoencoder"
    manifest["state"]["params"] = {"n_components": 3}
    manifest["state"]["learned"]["labels"] = {"kind": "str", "classes": classes}
    layers = [{"kind": "dense", "name": "classes", "inputs": 3, "units": n}]
    manifest["state"]["plan"]["head"] = {"n_components": 3, "n_outputs": n, "layers": layers, "activation": "softmax"}
    for name, array in (("kernel", np.zeros((3, n), np.float32)), ("bias", np.zeros(n, np.float32))):
        numbers = with_array(f"weights/classes/{name}", array)(header, numbers)
    return put_together(header, manifest, numbers)


def array_of(text) -> dict:
    return {"keras": {"class_name": "__numpy__", "config": {"value": ["a"] * 1000, "dtype": text}}}


def zipped(**members) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def npz_of_objects(folder) -> bytes:
    file = io.BytesIO()
    np.savez(file, X=np.array([Executed(folder / "executed")], object))
    return file.getvalue()


def many_layers(n: int) -> bytes:
    header, manifest, numbers = taken_apart()
    layers = ",".join(f'{{"kind":"activation","name":"a{at}","units":3,"activation":"relu"}}' for at in range(n))
    text = json.dumps(manifest).replace('"encoder": [', f'"encoder": [{layers},', 1)
    return put_together(header, text, numbers)


def zeros(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def parameter(**values):
    return lambda manifest: manifest["state"]["params"].update(values)


def learned(**values):
    return lambda manifest: manifest["state"]["learned"].update(values)


def plan(at, **values):
    return lambda manifest: manifest["state"]["plan"]["encoder"][at].update(values)


def keras_object(name, module, registered=None):
    return {"keras": {"class_name": name, "module": module, "config": {}, "registered_name": registered}}


NAN, CODES = np.full((20, 2), np.nan, np.float32), np.zeros((19, 3), np.float32)
MILLION = ",".join('""' for _ in range(990_000))

# What it is, what makes it (bytes, or a path that it made itself), who must refuse it, and a part of the sentence.
CASES = {
    "a pickle": (lambda path: pickle.dumps(Executed(path.parent / "executed")), ALL, "does not begin as one"),
    "a gzip bomb": (lambda path: gzip.compress(bytes(50_000_000)), ALL, "does not begin as one"),
    "a zip bomb": (lambda path: zipped(bomb=bytes(50_000_000)), ALL, "does not begin as one"),
    "a zip that leads outside": (lambda path: zipped(**{"../../escaped": b"x"}), ALL, "does not begin as one"),
    "an npz of objects": (lambda path: npz_of_objects(path.parent), ALL, "does not begin as one"),
    "an empty file": (lambda path: b"", ALL, "does not begin as one"),
    "a device behind a symbolic link": (zeros, ALL, "a pipe or a device"),
    "a pipe that nobody writes to": (pipe, ALL, "a pipe or a device"),
    "a folder": (folder, ALL, "Is a directory"),
    "a header longer than the file": (lambda path: (2**63).to_bytes(8, "little") + b"{}" + bytes(99), ALL, "does not begin as one"),
    "a header of 60 MB": (lambda path: (60_000_000).to_bytes(8, "little") + b"{" + b" " * 60_000_000, ALL, "more than 12,582,912 bytes"),
    "a million layers": (lambda path: many_layers(1_000_000), ALL, "more than 12,582,912 bytes"),
    "140,000 layers": (lambda path: many_layers(140_000), ALL, "at most 1000 items"),
    "a million arrays": (
        lambda path: put_together(",".join(f'"a{at}":{{"shape":[0]}}' for at in range(1_000_000)), *taken_apart()[1:]),
        ALL,
        "more than",
    ),
    "250,000 objects": (
        lambda path: said('"metadata": {}', f'"metadata": {{"a": [{"{}," * 250_000}0]}}'),
        ALL,
        "more than 200,000 objects",
    ),
    "199,000 objects": (
        lambda path: changed(lambda manifest: manifest["metadata"].update(a=[{f"k{at}": 0.5} for at in range(199_000)])),
        set(),
        "",
    ),
    "60,000 arrays": (
        lambda path: with_arrays(
            lambda header, _: header.update({f"a{at}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for at in range(60_000)})
        ),
        ALL,
        "more than 20,000 arrays",
    ),
    "a million values": (lambda path: said('"metadata": {}', f'"metadata": {{"a": [{MILLION}]}}'), set(), ""),
    "two million values": (lambda path: said('"metadata": {}', f'"metadata": {{"a": [{"0," * 1_100_000}0]}}'), ALL, "1,000,000 values"),
    "metadata of wide letters": (lambda path: said('"metadata": {}', '"metadata": {"a": "\U0001f600' + "a" * 12_000_000 + '"}'), set(), ""),
    "a history of 490,000 epochs": (lambda path: changed(learned(history={"loss": [0.1] * 490_000})), set(), ""),
    "a history that is none": (lambda path: changed(learned(history={"loss": [[]]})), ALL, "history.loss.0"),
    "90,000 keys that nobody knows": (
        lambda path: changed(lambda manifest: manifest.update({f"k{at}": 0 for at in range(90_000)})),
        ALL,
        "not permitted",
    ),
    "a key of a million letters, colored": (
        lambda path: changed(lambda manifest: manifest.update({"\x1b]31m\n" * 10**5: 0})),
        ALL,
        "not permitted",
    ),
    "a deep header": (lambda path: with_arrays(lambda header, _: None).replace(b'"F32"', b"[" * 9, 1), ALL, ""),
    "deep lists": (lambda path: said('"metadata": {}', f'"metadata": {{"a": {"[" * 50_000}{"]" * 50_000}}}'), ALL, ""),
    "lists as deep as JSON may": (lambda path: said('"optimizer": "adam"', f'"optimizer": {"[" * 900}{"]" * 900}'), LOAD, ""),
    "a key twice in the manifest": (lambda path: said('"format": 1', '"format": 1, "format": 1'), ALL, "a key stands twice"),
    "a key twice in the header": (lambda path: put_together('"a":{},"a":{}', *taken_apart()[1:]), ALL, "a key stands twice"),
    "a format of any length": (lambda path: changed(lambda manifest: manifest.update(format="\x1b]2J" * 10**5)), ALL, "bundle format"),
    "a number of many digits": (lambda path: said('"format": 1', f'"format": {"9" * 10_000}'), ALL, "digits"),
    "2**40 values": (lambda path: declared(shape=[2**20, 2**20]), WEIGHTS, "not a bundle that this version can use"),
    "a shape that overflows": (lambda path: declared(shape=[2**63, 2**63]), WEIGHTS, "not a bundle that this version can use"),
    "no values, in 2**62 columns": (lambda path: declared(shape=[0, 2**62], data_offsets=[156, 156]), WEIGHTS, ""),
    "a negative shape": (lambda path: declared(shape=[-5, -3]), WEIGHTS, "not a bundle that this version can use"),
    "a shape of fractions": (lambda path: declared(shape=[2.5, 6]), WEIGHTS, "not a bundle that this version can use"),
    "offsets that overlap": (lambda path: declared(data_offsets=[0, 60]), WEIGHTS, "not a bundle that this version can use"),
    "offsets beyond the file": (lambda path: declared(data_offsets=[2**40, 2**40 + 60]), ALL, "do not end where the file does"),
    "offsets before the file": (lambda path: declared(data_offsets=[-60, 0]), WEIGHTS, "not a bundle that this version can use"),
    "offsets that are none": (lambda path: declared(data_offsets="ab"), ALL, "do not end where the file does"),
    "an unknown type": (lambda path: declared(dtype="PICKLE"), WEIGHTS, "not a bundle that this version can use"),
    "arrays of another type": (lambda path: declared(dtype="I32"), set(), ""),
    "weights of float64": (lambda path: declared(dtype="F64", shape=[1, 7]), WEIGHTS, ""),
    "a weight that leads outside": (
        lambda path: with_arrays(with_array("weights/../../escaped", np.zeros(3, np.float32))),
        WEIGHTS,
        "escaped",
    ),
    "a weight of an absolute path": (
        lambda path: with_arrays(with_array("/tmp/escaped", np.zeros(3, np.float32))),
        WEIGHTS,
        "no part of the model uses",
    ),
    "a weight with a NUL": (lambda path: with_arrays(with_array("weights/a\0b", np.zeros(3, np.float32))), WEIGHTS, ""),
    "a layer that leads outside": (lambda path: changed(plan(0, name="../x")), ALL, "pattern"),
    "weights that are NaN": (
        lambda path: with_arrays(lambda header, numbers: numbers[:144] + b"\xff" * 12 + numbers[156:]),
        WEIGHTS,
        "not finite",
    ),
    "infinite weights": (
        lambda path: with_arrays(lambda header, numbers: numbers[:144] + np.full(3, np.inf, np.float32).tobytes() + numbers[156:]),
        WEIGHTS,
        "not finite",
    ),
    "a scale of NaN": (lambda path: with_arrays(lambda header, numbers: b"\xff" * 48 + numbers[48:]), WEIGHTS, "no sound"),
    "a layer of 2**31 - 1 units": (lambda path: changed(plan(4, units=2**31 - 1)), ALL, "takes 5 values"),
    "a plan of 2**31 - 1 units": (
        lambda path: said(
            '"units": 8}, {"kind": "batch_normalization", "name": "encoder_1',
            '"units": 2147483647}, {"kind": "batch_normalization", "name": "encoder_1',
        ),
        ALL,
        "",
    ),
    "an activation by its path": (lambda path: changed(plan(2, activation="os.system")), ALL, "pattern"),
    "an initializer by its path": (lambda path: changed(plan(0, kernel_initializer="builtins.eval")), ALL, "pattern"),
    "an activation on two lines": (lambda path: changed(plan(2, activation="a\n\x1b[31mb")), ALL, "pattern"),
    "os.system as the loss": (lambda path: changed(learned(loss=keras_object("system", "os"))), LOAD, "names the class os.system"),
    "a model as the optimizer": (
        lambda path: changed(parameter(optimizer=keras_object("Sequential", "keras"))),
        LOAD,
        "names the class keras.Sequential",
    ),
    "text of any width": (lambda path: changed(parameter(optimizer=array_of("<U1000000"))), LOAD, "__numpy__"),
    "a Lambda layer": (lambda path: own_models(layer("Lambda", function="gASV")), LOAD, "names the class keras.layers.Lambda"),
    "a Lambda layer by its module": (
        lambda path: own_models(layer("Lambda", "keras.src.layers.core.lambda_layer")),
        LOAD,
        "names the class keras.src.layers.core.lambda_layer.Lambda",
    ),
    "a Lambda layer by its registered name": (
        lambda path: own_models(layer("Dense", registered="Lambda", units=3)),
        LOAD,
        "names the class",
    ),
    "an unknown layer": (lambda path: own_models(layer("Evil", "keras.layers")), LOAD, "cannot be made"),
    "os.system as a layer": (lambda path: own_models(layer("system", "os", command="true")), LOAD, "names the class os.system"),
    "a module behind what is plain": (lambda path: own_models(layer("range", "antigravity")), LOAD, "names the class antigravity.range"),
    "a function as a layer": (lambda path: own_models(layer("function", "keras.models")), LOAD, "names the class keras.models.function"),
    "a class that only the process knows": (
        lambda path: own_models(layer("Half", "tests", registered="tests>Half")),
        LOAD,
        "names tests>Half, which is registered",
    ),
    "a class that only the process knows, as Keras's": (
        lambda path: own_models(layer("Dense", registered="tests>Half")),
        LOAD,
        "names tests>Half, which is registered",
    ),
    "a class that only the process knows, as one that was named": (
        lambda path: own_models(layer("Named", "tests", registered="tests>Half")),
        LOAD,
        "names tests>Half, which is registered",
    ),
    "a class that only the process knows, as an initializer": (
        lambda path: own_models(layer("Dense", units=3, kernel_initializer="tests>Half")),
        LOAD,
        "names tests>Half, which is registered",
    ),
    "a class that was named, of another module": (lambda path: own_models(layer("Named", "subprocess", registered="x")), set(), ""),
    "a layer that reads a file": (
        lambda path: own_models(layer("StringLookup", vocabulary="/etc/passwd")),
        LOAD,
        "names the class keras.layers.StringLookup",
    ),
    "a Keras layer of 2**31 - 1 units": (lambda path: own_models(layer("Dense", units=2**31 - 1, name="large")), LOAD, ""),
    "a Keras layer of 2**31 - 1 units among others": (
        lambda path: own_models(lambda layers: (layer(units=2**31 - 1, name="large")(layers), layer(units=3, name="small")(layers))),
        LOAD,
        "its layers need weights of other shapes than it holds",
    ),
    "Keras layers in one another": (lambda path: own_models(lambda layers: layers.append(nested(200))), LOAD, ""),
    "a map without codes": (lambda path: a_map(codes=None), LOAD, "no sound 'codes'"),
    "a map of other codes": (lambda path: a_map(codes=CODES), LOAD, "do not belong together"),
    "a map of places that are NaN": (lambda path: a_map(embedding=NAN), LOAD, "no sound 'embedding'"),
    "a map of three dimensions": (lambda path: a_map(embedding=np.zeros((20, 3), np.float32)), LOAD, "no sound 'embedding'"),
    "a map with more": (lambda path: a_map(more=np.zeros(3, np.float32)), LOAD, "do not belong together"),
    "a detector with a hole": (lambda path: a_detector(center=None), LOAD, "no sound 'center'"),
    "a detector that is NaN": (lambda path: a_detector(reach=np.full(6, np.nan)), LOAD, "no sound 'reach'"),
    "a detector of another size": (lambda path: a_detector(misfit=np.ones(7)), LOAD, "no sound 'misfit'"),
    "a class as long as a book": (lambda path: supervised([*map(str, range(1000, 1999)), "x" * 2_000_000]), LOAD, "far too long"),
}


def nested(depth):
    made = {"class_name": "Dense", "module": "keras.layers", "config": {"units": 3}, "registered_name": None}
    for _ in range(depth):
        made = {"class_name": "TimeDistributed", "module": "keras.layers", "config": {"layer": made}, "registered_name": None}
    return made


@pytest.fixture(scope="module")
def folder_of_cases(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def outcomes(folder_of_cases):
    """What came of reading every case, all in one process of their own."""
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("memory is measured by Linux's /proc, which this system has not")
    paths = {"sound": str(HERE / "golden" / "v1.narrows")}
    sound = {"own": own_models(), "map": a_map(), "detector": a_detector(), "classes": supervised(["a", "b"])}
    made = {name: case[0] for name, case in CASES.items()} | {name: lambda path, it=it: it for name, it in sound.items()}
    for at, (name, make) in enumerate(made.items()):
        path = folder_of_cases / f"{at}.narrows"
        content = make(path)
        if isinstance(content, bytes):
            path.write_bytes(content)
        paths[name] = str(path)
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    command = [sys.executable, str(HERE / "reading_hostile_files.py")]
    run = subprocess.run(command, input=json.dumps(paths), capture_output=True, text=True, timeout=300, env=environment, check=False)
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0, (found[-1:], run.stderr[-2000:])
    longest, largest = (max(found, key=lambda one: one[what]) for what in ("seconds", "memory"))
    print(f"longest: {longest['seconds']:.2f} s, {longest['case']} by {longest['reader']}")
    print(f"largest: {largest['memory'] / 1e6:.0f} MB, {largest['case']} by {largest['reader']}")
    return {(one["case"], one["reader"]): one for one in found}


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_file_is_refused_in_one_sentence(case, outcomes, folder_of_cases):
    _, refusing, words = CASES[case]

    for reader in sorted(ALL):
        found = outcomes[case, reader]
        print(reader, found)
        refused = found["found"] in ("BundleError", "OSError", "IsADirectoryError")
        assert refused or (reader not in refusing and not found["message"])
        assert not refused or words in found["message"]
        assert found["message"].isprintable()
        assert len(found["message"]) < 700
        assert found["memory"] < MOST_MEMORY
        assert found["seconds"] < MOST_SECONDS
    assert not [path for path in (folder_of_cases / "executed", Path("/tmp/escaped")) if path.exists()]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("own", "Autoencoder"), ("map", "LatentMap"), ("detector", "AutoencoderOutlierDetector"), ("classes", "SupervisedAutoencoder")],
)
def test_what_the_hostile_ones_are_made_of_is_sound(name, kind, outcomes):
    assert outcomes[name, "load"]["found"] == kind, outcomes[name, "load"]


def test_a_file_that_grows_while_it_is_read_is_read_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "growing.narrows"
    path.write_bytes(GOLDEN)
    real = _bundle_file.opened

    def growing(name):
        file = real(name)
        seek = file.seek

        class Growing:
            """Somebody writes to the file once its header has been read."""

            def __enter__(self):
                return self

            def __exit__(self, *problem):
                file.close()

            def seek(self, place):
                with path.open("ab") as more:
                    more.write(bytes(10**6))
                return seek(place)

            fileno, read = file.fileno, file.read

        return Growing()

    monkeypatch.setattr(_bundle_file, "opened", growing)

    assert narrows.load(path).n_components == 3
    with pytest.raises(narrows.errors.BundleError, match="do not end where the file does"):
        narrows.load(path)


def test_what_could_not_be_read_again_is_not_written(tmp_path):
    """The limits of a header hold for those that are written, too."""
    fitted = narrows.load(HERE / "golden" / "v1.narrows")

    with pytest.raises(ValueError, match="cannot hold more than 1,000,000 values: leave metadata out, or train for fewer epochs"):
        narrows.save(fitted, tmp_path / "large.narrows", metadata={"a": [0] * 1_100_000})
    assert not list(tmp_path.iterdir())


def test_ones_own_functional_models_come_back(tmp_path):
    """What is allowed of Keras has the classes that Keras itself writes for these."""
    import keras

    class Own:
        def build(self, n_features, n_components):
            rows, codes = keras.Input((n_features,)), keras.Input((n_components,))
            hidden = keras.layers.Concatenate()([keras.layers.Dense(3)(rows), keras.layers.Dense(2, activation="relu")(rows)])
            return keras.Model(rows, keras.layers.Dense(n_components)(hidden)), keras.Model(codes, keras.layers.Dense(n_features)(codes))

    rows = np.random.default_rng(0).random((40, 6))
    fitted = narrows.Autoencoder(2, layers=Own(), epochs=1, random_state=0).fit(rows)
    fitted.save(tmp_path / "own.narrows")

    np.testing.assert_array_equal(narrows.load(tmp_path / "own.narrows").transform(rows), fitted.transform(rows))


def command(capfd, *arguments):
    """Give exit code, output and complaint of a command."""
    from narrows.cli import main

    with pytest.raises(SystemExit) as ended:
        main(list(map(str, arguments)))
    out, err = capfd.readouterr()
    return ended.value.code, out, err


COLORED = "\x1b]0;title\x07\x1b[31m\x9b2J\u202ered\nnarrows: all well"


@pytest.mark.parametrize("flag", [None, "--json", "--config"])
def test_a_terminal_does_not_obey_what_a_bundle_says(tmp_path, capfd, flag):
    """Names, classes, notes and versions are the writer's own words."""

    def color(manifest):
        manifest["metadata"] = {"data": {"source": COLORED, "rows": 7, "label": COLORED}, "recipe": COLORED, "settings": {"data": COLORED}}
        manifest["versions"][COLORED] = COLORED
        manifest["state"]["learned"].update(feature_names=[COLORED] * 6, loss_name=COLORED, output_activation=COLORED)
        manifest["state"]["learned"]["diagnostics"][0].update(sentence=COLORED, remedy=COLORED)

    path = tmp_path / f"a{COLORED.replace('/', '')}.narrows"
    path.write_bytes(changed(color))

    code, out, err = command(capfd, "info", path, *([flag] if flag else []))
    assert code == 0, err
    assert not set("\x1b\x07\x9b\u202e") & set(out + err)
    assert "narrows: all well" not in (out + err).splitlines()
    if flag == "--json":
        assert json.loads(out)["versions"][COLORED] == COLORED
    if flag == "--config":
        import tomllib

        assert tomllib.loads(out)["data"] == COLORED


def test_an_error_of_the_command_line_is_one_plain_line(tmp_path, capfd):
    path = tmp_path / f"a{COLORED}.narrows"
    path.write_bytes(b"")

    code, out, err = command(capfd, "info", path)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.strip().isprintable()


def test_a_bundle_does_not_say_where_to_write(tmp_path, capfd):
    """A run is repeated with the choices of a bundle, and its data; what it is to write is said by who repeats it."""
    path, victim = tmp_path / "a.narrows", tmp_path / "victim"
    victim.write_text("mine")
    path.write_bytes(changed(lambda manifest: manifest.update(metadata={"settings": {"data": "rows.csv", "output": str(victim)}})))

    code, out, _ = command(capfd, "info", path, "--config")
    assert code == 0
    assert 'data = "rows.csv"' in out
    assert "output" not in [line.partition(" =")[0] for line in out.splitlines()]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x80\x04K\x01.", "is not TOML: byte 1 is not UTF-8 text"),
        (b"a = " + b"[" * 50_000, "nests lists or tables deeper"),
        (b"a = " + b"9" * 10_000, "is not TOML"),
        (b"a = 1\n" * 300_000, "longer than 1,048,576 bytes"),
        (b"layers = '__import__(\"os\").system(\"true\")'\ndata='digits'", "layers"),
        (b"callbacks = 'os.system'\ndata='digits'", "callbacks"),
        (b"activation = 'os.system'\ndata='digits'", "activation"),
        (b"optimizer = 'os.system'\ndata='digits'", "optimizer"),
        (b"\x00", "is not TOML"),
    ],
)
def test_hostile_settings_are_refused_in_one_line(tmp_path, capfd, content, words):
    path = tmp_path / "hostile.toml"
    path.write_bytes(content)

    code, _, err = command(capfd, "fit", "--config", path, "-o", tmp_path / "made.narrows")
    assert code == 2, err
    assert words in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "made.narrows").exists()


@pytest.mark.parametrize("name", ["rows.toml", "rows.csv", "rows.npy", "rows.npz", "rows.parquet", "rows.png"])
def test_pipes_and_devices_are_not_waited_for(tmp_path, capfd, name):
    for kind, make in {"pipe": pipe, "device": zeros}.items():
        path = tmp_path / kind / name
        path.parent.mkdir()
        make(path)
        arguments = ["--config", path] if name.endswith("toml") else [path]

        code, _, err = command(capfd, "fit", *arguments, "-o", tmp_path / "made.narrows")
        assert code == 2
        assert "a pipe or a device" in err


def npy(header: str, content: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("objects.npy", lambda path: pickled_npy(path)),
        ("huge.npy", lambda path: npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 1048576)}\n", bytes(64))),
        ("negative.npy", lambda path: npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-4, -4)}\n", bytes(64))),
        ("code.npy", lambda path: npy("__import__('os').system('touch executed')\n")),
        ("deep.npy", lambda path: npy("(" * 9_000 + ")" * 9_000)),
        ("objects.npz", lambda path: npz_of_objects(path.parent)),
        (
            "outside.npz",
            lambda path: zipped(**{"../../escaped.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}\n", bytes(15))}),
        ),
        ("declared.npz", lambda path: zipped(**{"X.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 9999)}\n")})),
        ("rows.csv", lambda path: pickle.dumps(Executed(path.parent / "executed"))),
        ("rows.parquet", lambda path: b"PAR1" + b"\xff" * 64 + (2**31 - 1).to_bytes(4, "little") + b"PAR1"),
        ("rows.arrow", lambda path: b"ARROW1\0\0" + b"\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(64)),
        ("wide.csv", lambda path: b"1," * 10 + b"x" * 2_000_000),
    ],
)
def test_hostile_rows_are_refused_and_nothing_is_unpickled(tmp_path, name, make):
    path = tmp_path / name
    path.write_bytes(make(path))

    with pytest.raises((ValueError, OSError)) as caught:
        narrows.data.load(path)
    assert len(str(caught.value)) < 1000
    assert not (tmp_path / "executed").exists()
    assert not Path("executed").exists()


def pickled_npy(path: Path) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([[Executed(path.parent / "executed")]], object), allow_pickle=True)
    return file.getvalue()
