"""Which commands there are, what their flags mean, and which exit code each end has."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast

import typer

from narrows.cli import completion, flags, toml_files
from narrows.cli.flags import Bundle, Data, Debug, Json, Output, Quiet, TestRows, Verbose
from narrows.cli.panels import Panelled
from narrows.cli.screen import Screen, one_line
from narrows.errors import PeerError

Job = Callable[[], int]  # what a command will do, once all flags are read; gives the exit code

FAILED, REFUSED, INTERRUPTED = 1, 2, 130
_BATCHES, _LIMITS = "Small requests together", "Limits"  # panels of serve
# Click's exceptions, wherever this version of typer keeps them
_Usage, _UsageError = (cast(type[Exception], parent) for parent in typer.BadParameter.__mro__[1:3])

app = typer.Typer(
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its help has no room for text at 80 columns
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def _version(value: bool) -> None:
    if value:
        from narrows import __version__

        typer.echo(f"narrows {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def narrows(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Autoencoders that people can trust and use: rows in, a few numbers out, and back."""
    del version, quiet, verbose, debug
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(REFUSED)


@app.command(cls=Panelled)
def fit(
    context: typer.Context,
    source: flags.DataOrNone = None,
    label: flags.Label = None,
    validation: flags.Validation = None,
    test: flags.Test = None,
    target: flags.Target = None,
    kind: flags.ColumnKind = None,
    output: flags.OutputBundle = None,
    report: flags.Report = False,
    recipe: flags.Recipe = None,
    config: flags.Config = None,
    setting: flags.Set = None,
    seed: flags.Seed = None,
    components: flags.Components = None,
    layers: flags.Layers = None,
    conv: flags.Filters = None,
    kernel_size: flags.KernelSize = None,
    image_shape: flags.ImageShape = None,
    activation: flags.Activation = None,
    code_activation: flags.CodeActivation = None,
    dropout: flags.Dropout = None,
    scale: flags.ScaleRows = None,
    supervised: flags.Supervised = False,
    label_weight: flags.LabelWeight = None,
    head: flags.HeadWidths = None,
    head_dropout: flags.HeadDropout = None,
    noise: flags.Noise = None,
    epochs: flags.Epochs = None,
    batch_size: flags.BatchSize = None,
    optimizer: flags.Optimizer = None,
    learning_rate: flags.LearningRate = None,
    loss: flags.Loss = None,
    early_stopping: flags.EarlyStopping = None,
    validation_fraction: flags.ValidationFraction = None,
    patience: flags.Patience = None,
    precision: flags.Precise = None,
    blocks: flags.InBlocks = None,
    resume: flags.Resume = False,
    checkpoint_minutes: flags.CheckpointMinutes = 5,
    checkpoint: flags.CheckpointFile = None,
    cluster: flags.TrainingCluster = None,
    workers: flags.TrainingWorkers = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Train on rows, judge on others, and write a bundle.

    A table with text, truth values, dates or holes is taken as it is, each column by its kind.
    """
    del json, quiet, verbose, debug
    if not source and config is None:
        raise _Usage("Missing argument 'DATA': say which rows, or --config FILE", context)
    if layers is not None and conv is not None:
        raise _Usage("--layers makes layers dense and --conv convolutional: give one of the two", context)
    given: dict[str, Any] = {
        "data": source or None,
        "label": label,
        "validation": validation,
        "test": test,
        "target": target,
        "recipe": recipe,
        "supervised": supervised or None,
        "seed": seed,
        "output": output and str(output),
        "n_components": flags.components(components),
        "layers.widths": flags.widths(layers),
        "layers.filters": flags.filters(conv),
        "layers.kernel_size": kernel_size,
        "layers.image_shape": flags.image_shape(image_shape),
        "layers.activation": activation,
        "layers.dropout": dropout,
        "code_activation": code_activation,
        "scale": scale and str(scale),
        "label_weight": label_weight,
        "head.widths": flags.widths(head, "--head", "64,128"),
        "head.dropout": head_dropout,
        "noise": noise and toml_files.value(noise),
        "epochs": flags.epochs(epochs),
        "batch_size": batch_size,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "loss": loss,
        "early_stopping": early_stopping,
        "validation_fraction": validation_fraction,
        "patience": patience,
        "precision": precision and str(precision),
    }
    given |= {f"kinds.{name}": value for name, value in flags.column_kinds(kind).items()}
    given = {name: value for name, value in given.items() if value is not None}

    def job() -> int:
        from narrows.cli import asking, clustering, fitting

        machines = clustering.machines(cluster, workers)
        how = fitting.Run(report, blocks, resume, checkpoint_minutes, machines, checkpoint)
        return fitting.fit(context.obj, asking.asked(given, setting or [], config), how)

    return job


@app.command()
def convert(
    context: typer.Context,
    source: Data,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="What to write: a .npy file.")],
    label: Annotated[
        str | None, typer.Option(metavar="COL", help="A column that is left out of the rows, and written beside them.")
    ] = None,
    dtype: Annotated[
        flags.Numbers | None,
        typer.Option(
            help="Of the numbers; by default the smallest that holds whatever may come exactly: float64 for CSV.", show_default=False
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Turn rows into a .npy file, to be read some at a time.

    That is the fastest way to read them. Memory does not grow with the rows. What is read at once, such as a named data set or .npz, may be
    given as well.
    """
    del json, quiet, verbose, debug

    def job() -> int:
        from narrows.cli import converting

        return converting.convert(context.obj, _one_or_all(source), output, label=label, dtype=dtype and dtype.value)

    return job


@app.command()
def encode(
    context: typer.Context,
    bundle: Bundle,
    source: Data,
    output: Output,
    test: TestRows = False,
    blocks: flags.Blocks = None,
    resume: flags.GoOn = False,
    cluster: flags.Cluster = None,
    workers: flags.Workers = None,
    ids: flags.Ids = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Write the codes of rows, in columns z0, z1 and so on."""
    del quiet, verbose, debug
    on_cluster = _OnCluster.of(context, cluster, workers, ids, test, blocks)

    def job() -> int:
        if on_cluster:
            return on_cluster.run(context, "encode", bundle, source, output, resume)
        from narrows.cli import coding

        return coding.encode(context.obj, bundle, _one_or_all(source), output, test=test, in_blocks=blocks, resume=resume)

    return job


@app.command()
def decode(
    context: typer.Context,
    bundle: Bundle,
    source: Annotated[str, typer.Argument(metavar="CODES", help="A .npy, .csv or .parquet file of codes.", show_default=False)],
    output: Output,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Write the rows that codes stand for, in their own units."""
    del quiet, verbose, debug

    def job() -> int:
        from narrows.cli import coding

        return coding.decode(context.obj, bundle, source, output)

    return job


@app.command()
def predict(
    context: typer.Context,
    bundle: Bundle,
    source: Data,
    output: Output,
    label: flags.PredictedLabel = None,
    test: TestRows = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Write what the head of a supervised bundle predicts for rows.

    A table has the label, as 'predicted', and the probability of each class; .npy has the labels alone, where these are numbers.
    Where the rows have labels, it is shown how often the head is right.
    """
    del json, quiet, verbose, debug

    def job() -> int:
        from narrows.cli import predicting

        return predicting.predict(context.obj, bundle, _one_or_all(source), output, label=label, test=test)

    return job


@app.command()
def reconstruct(
    context: typer.Context,
    bundle: Bundle,
    source: Data,
    output: Output,
    test: TestRows = False,
    blocks: flags.Blocks = None,
    resume: flags.GoOn = False,
    cluster: flags.Cluster = None,
    workers: flags.Workers = None,
    ids: flags.Ids = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Write what the network makes of rows, in their own units."""
    del quiet, verbose, debug
    on_cluster = _OnCluster.of(context, cluster, workers, ids, test, blocks)

    def job() -> int:
        if on_cluster:
            return on_cluster.run(context, "reconstruct", bundle, source, output, resume)
        from narrows.cli import coding

        return coding.reconstruct(context.obj, bundle, _one_or_all(source), output, test=test, in_blocks=blocks, resume=resume)

    return job


@app.command()
def impute(
    context: typer.Context,
    bundle: Bundle,
    source: Data,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="What to write: a .csv or .parquet file.")],
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Fill the holes of a table.

    With what the network of a bundle that was fitted to a table makes of the rest of each row; all else stays as it is.
    """
    del quiet, verbose, debug

    def job() -> int:
        from narrows.cli import tabling

        return tabling.impute(context.obj, bundle, _one_or_all(source), output)

    return job


@app.command()
def score(
    context: typer.Context,
    bundle: Bundle,
    source: Data,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Also write all rows, worst first: a .csv or .parquet file of row and error."),
    ] = None,
    top: Annotated[int | None, typer.Option(min=0, metavar="N", help="Rows to show.", show_default="10")] = None,
    why: Annotated[
        bool, typer.Option("--why", help="Also name the columns that carry each row's error, with value and reconstruction.")
    ] = False,
    test: TestRows = False,
    blocks: flags.Blocks = None,
    resume: flags.GoOn = False,
    cluster: flags.Cluster = None,
    workers: flags.Workers = None,
    ids: flags.Ids = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Show which rows are rebuilt worst.

    The error is a row's mean squared error in scaled units; rows are counted from 1, images called by their files. That of a
    detector of outliers is in units of an ordinary row's; it also says which rows are outliers. On a cluster the errors are written, in
    the order of the rows, and none is shown.
    """
    del json, quiet, verbose, debug
    on_cluster = _OnCluster.of(context, cluster, workers, ids, test, blocks)
    if on_cluster and output is None:
        raise _Usage("--cluster needs -o, a folder for the errors", context)
    for flag, given in (("--why", why), ("--top", top is not None)):
        if on_cluster and given:
            raise _Usage(f"{flag} does not go with --cluster, which shows no rows: leave it out", context)

    def job() -> int:
        if on_cluster and output is not None:
            return on_cluster.run(context, "score", bundle, source, output, resume)
        from narrows.cli import scoring

        options: dict[str, Any] = {"test": test, "why": why, "in_blocks": blocks, "resume": resume}
        return scoring.score(context.obj, bundle, _one_or_all(source), output, top=10 if top is None else top, **options)

    return job


@app.command()
def report(
    context: typer.Context,
    bundle: Bundle,
    source: Data,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="What to write: an .html file.")],
    label: Annotated[
        str | None,
        typer.Option(metavar="COL", help="The column, or the file, of labels: they color the points, and a head is measured by them."),
    ] = None,
    most: Annotated[
        int | None,
        typer.Option("--rows", min=1, metavar="N", help="Points on the page, drawn at random if there are more rows (10,000 by default)."),
    ] = None,
    test: TestRows = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Write one page for a browser: verdicts, figures, a map.

    It needs no network. Its decoder runs in the page: drag the ring over the map to see what lives there.
    """
    del json, quiet, verbose, debug

    def job() -> int:
        from narrows.cli import reporting

        return reporting.report(context.obj, bundle, _one_or_all(source), output, label=label, test=test, most=most)

    return job


@app.command()
def export(
    context: typer.Context,
    bundle: Bundle,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="What to write: an .onnx or a .keras file.")],
    part: Annotated[
        flags.Part, typer.Option(help="What of the network; 'head' is the way from rows to predictions.")
    ] = flags.Part.autoencoder,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Write the network for other programs: ONNX, or Keras's own.

    An .onnx file takes rows in their own units, any number at a time, and needs neither Python nor narrows. It is run beside the model
    before it is kept. Needs narrows[onnx].
    """
    del json, quiet, verbose, debug

    def job() -> int:
        from narrows.cli import exporting

        return exporting.export(context.obj, bundle, output, part=part.value)

    return job


@app.command(cls=Panelled)
def serve(
    context: typer.Context,
    bundles: Annotated[list[str], typer.Argument(metavar="BUNDLE", help="What 'narrows fit' wrote, or NAME=BUNDLE.", show_default=False)],
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen; only this machine can reach the default.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0 takes a free one.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, max=256, metavar="N", help="Processes.")] = 1,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Bearer tokens, one a line: who sends none of them is not let in."),
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Let other machines in without a token.")] = False,
    window: Annotated[
        float, typer.Option(min=0, max=1000, metavar="MS", help="How long a small request waits for others.", rich_help_panel=_BATCHES)
    ] = 0.0,
    batch_rows: Annotated[int, typer.Option(min=1, metavar="N", help="Rows computed at one time.", rich_help_panel=_BATCHES)] = 256,
    queue_rows: Annotated[int, typer.Option(min=1, metavar="N", help="Rows that may wait.", rich_help_panel=_BATCHES)] = 16_384,
    max_body: Annotated[float, typer.Option(min=0.001, metavar="MB", help="Of a request.", rich_help_panel=_LIMITS)] = 16.0,
    max_rows: Annotated[int, typer.Option(min=1, metavar="N", help="Of a request.", rich_help_panel=_LIMITS)] = 65_536,
    connections: Annotated[int, typer.Option(min=1, metavar="N", help="Open at one time, a process.", rich_help_panel=_LIMITS)] = 512,
    receive_seconds: Annotated[
        float, typer.Option(min=0.1, metavar="S", help="In which a request has to arrive.", rich_help_panel=_LIMITS)
    ] = 20.0,
    request_seconds: Annotated[float, typer.Option(min=0.1, metavar="S", help="In which it is answered.", rich_help_panel=_LIMITS)] = 30.0,
    log_requests: Annotated[bool, typer.Option("--log-requests/--no-log-requests", help="Note each request on standard error.")] = True,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Answer rows over HTTP with codes, rows and predictions.

    For people as a page, for programs as JSON, CSV, .npy, Arrow and the Open Inference Protocol. SIGHUP, or a bundle that changes, loads
    it again; SIGTERM ends it when all is answered. Needs narrows[serve].
    """
    del json, quiet, verbose, debug
    said = {
        "host": host,
        "port": port,
        "workers": workers,
        "insecure": insecure,
        "window_seconds": window / 1000,
        "batch_rows": batch_rows,
        "log_requests": log_requests,
    }
    limits = {
        "body": int(max_body * 2**20),
        "rows": max_rows,
        "connections": connections,
        "receive_seconds": receive_seconds,
        "request_seconds": request_seconds,
        "queue_rows": queue_rows,
    }

    def job() -> int:
        from narrows.cli import serving

        return serving.serve(context.obj, bundles, token_file, said, limits)

    return job


@app.command()
def dimensions(
    context: typer.Context,
    source: Data,
    sizes: Annotated[
        str | None, typer.Option(metavar="SIZES", help="Code sizes to try, such as 1,2,4,8; by default doubled up to 64.")
    ] = None,
    label: Annotated[str | None, typer.Option(metavar="COL", help="A column that is left out of the rows.")] = None,
    epochs: Annotated[str, typer.Option(metavar="N", help="Passes over the rows for each size, or 'auto'.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="Of the rows held out and of every fit.")] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Also write a .csv or .parquet table, or a .png or .svg picture.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Show the error over the size of the code, beside PCA's.

    A network is fitted for each size; errors are those of rows held out.
    """
    del json, quiet, verbose, debug
    tried, passes = flags.sizes(sizes), flags.epochs(epochs)

    def job() -> int:
        from narrows.cli import sizing

        return sizing.dimensions(context.obj, sizing.Asked(_one_or_all(source), label, tried, passes or "auto", seed, output))

    return job


@app.command("map")
def draw_map(
    context: typer.Context,
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="[BUNDLE] DATA",
            help="Rows as 'fit' takes them; after a bundle (.narrows), they are placed on its map.",
            show_default=False,
            autocompletion=completion.data,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help="What to write: an .html page, a .png or .svg picture, a .csv, .parquet or .npy table."
        ),
    ],
    two_step: Annotated[bool, typer.Option("--two-step", help="An autoencoder to 20 numbers, then t-SNE, instead of one network.")] = False,
    components: Annotated[int | None, typer.Option(min=1, metavar="N", help="Numbers between the two steps (20 by default).")] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COL", help="The column, or the file, of labels: left out of the rows, they color the points.")
    ] = None,
    epochs: Annotated[str | None, typer.Option(metavar="N", help="Passes over the rows, or 'auto'.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="The same seed gives the same map on one machine.")] = 0,
    keep: Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Also keep the map as a bundle, for new rows.")] = None,
    test: TestRows = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Draw rows as points in the plane, like beside like.

    By default one network makes it, which also places new rows and decodes.
    """
    del json, quiet, verbose, debug
    passes = flags.epochs(epochs)
    bundle = Path(source[0]) if source[0].endswith(".narrows") else None
    rows = source if bundle is None else source[1:]
    if not rows:
        raise typer.BadParameter(f"rows are missing after the bundle '{bundle}'", param_hint="'DATA'")

    def job() -> int:
        from narrows.cli import mapping

        asked = mapping.Asked(_one_or_all(rows), bundle, label, two_step, components, passes, seed, test, output, keep)
        return mapping.draw_map(context.obj, asked)

    return job


@app.command()
def info(
    context: typer.Context,
    bundle: Bundle,
    config: Annotated[bool, typer.Option("--config", help="Print the settings of its run as TOML, for 'narrows fit --config'.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Show layers, settings, history, quality and verdicts."""
    del quiet, verbose, debug
    if config and json:
        raise _Usage("--config prints TOML and --json JSON: give one of the two", context)

    def job() -> int:
        from narrows.cli import telling

        return telling.config(bundle) if config else telling.info(context.obj, bundle)

    return job


@app.command()
def recipes(
    context: typer.Context,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """List the named, ready sets of choices for 'fit --recipe'."""
    del json, quiet, verbose, debug

    def job() -> int:
        from narrows.cli import telling

        return telling.recipes(context.obj)

    return job


@app.command()
def study(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Which; without it, all are listed.", show_default=False, autocompletion=completion.studies),
    ] = None,
    source: Annotated[
        str, typer.Option("--data", metavar="DATA", help="Rows with labels, as 'fit' takes them.", autocompletion=completion.data)
    ] = "mnist",
    label: Annotated[str | None, typer.Option(metavar="COL", help="The column, or the file, of the labels.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="A folder for what is found; study-NAME by default.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, metavar="N", help="Fits of each setting (3 by default).")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few rows and epochs: shows that it works.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Put a claim of the textbook to the test, over several seeds.

    Writes a table, a picture and a verdict. Each fit is kept as it ends: a study that was stopped goes on where it was.
    """
    del json, quiet, verbose, debug

    def job() -> int:
        from narrows.cli import studying

        if name is None:
            return studying.listing(context.obj)
        return studying.study(context.obj, studying.Asked(name, source, label, seeds, quick, output))

    return job


@app.command()
def compare(
    context: typer.Context,
    source: Data,
    label: Annotated[
        str | None,
        typer.Option(metavar="COL", help="The column, or the file, of labels: left out of the rows, they measure and color maps."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="A folder for what is found; comparison-NAME by default.")
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help=f"Which maps, with commas: {', '.join(completion.MAPS)}. All by default."),
    ] = None,
    time_limit: Annotated[float, typer.Option(metavar="SECONDS", help="What each map may take; longer ones are given up.")] = 600,
    test: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE|DATA",
            help="What is measured on: a share of the rows, such as 0.2, or other rows. By default a data set's own, or a fifth.",
        ),
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, metavar="N", help="The most rows to make maps of, drawn at random.")] = None,
    epochs: Annotated[str, typer.Option(metavar="N", help="Passes over the rows of each network, or 'auto'.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="Of every map.")] = 0,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Make maps in several ways, and show which is best at what.

    Seconds, memory, neighborhoods, labels told by neighbors and the way back, of PCA, autoencoders, t-SNE and UMAP (if umap-learn is
    installed), measured on rows held out: a table, and a picture of all maps. Each map is kept as it ends: a comparison that was stopped
    goes on where it was.
    """
    del json, quiet, verbose, debug
    passes, chosen = flags.epochs(epochs), flags.names(methods)

    def job() -> int:
        from narrows.cli import comparing

        asked = comparing.Asked(_one_or_all(source), label, output, chosen, time_limit, test, rows, passes or "auto", seed)
        return comparing.compare(context.obj, asked)

    return job


@dataclass(frozen=True)
class _OnCluster:
    """What flags say about a cluster, if it is asked for."""

    address: str
    workers: int | None
    ids: list[str]

    @classmethod
    def of(
        cls, context: typer.Context, address: str | None, workers: int | None, ids: list[str] | None, test: bool, blocks: bool | None
    ) -> _OnCluster | None:
        if address is None:
            other = "--workers" if workers is not None else "--id" if ids else None
            if other is not None:
                raise _Usage(f"{other} goes with --cluster: say which, or leave it out", context)
            return None
        other = "--test" if test else "--blocks" if blocks is not None else None
        if other is not None:
            raise _Usage(f"{other} does not go with --cluster, where files are always read some rows at a time: leave it out", context)
        return cls(address, workers, ids or [])

    def run(self, context: typer.Context, what: Any, bundle: Path, source: list[str], output: Path, resume: bool) -> int:
        from narrows.cli import bulk

        return bulk.run(context.obj, what, bundle, source, output, address=self.address, workers=self.workers, ids=self.ids, resume=resume)


def _one_or_all(source: list[str]) -> str | list[str]:
    return source[0] if len(source) == 1 else source


def run(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit; see `narrows.cli.main`."""
    os.environ["KERAS_BACKEND"] = "jax"
    for stream in (sys.stdout, sys.stderr):
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")  # an arrow must not break a terminal without it
    screen = Screen()
    code = _flushed(_code(arguments, screen))
    if code == INTERRUPTED:
        os._exit(code)  # a compiler may still run in a thread, which Python would wait for
    sys.exit(code)


def _code(arguments: list[str] | None, screen: Screen) -> int:
    try:
        job: Any = typer.main.get_command(app).main(args=arguments, prog_name="narrows", standalone_mode=False, obj=screen)
        if not callable(job):  # --help and the like
            return int(job or 0)
        with screen.only_own_messages():
            return int(job())
    except (KeyboardInterrupt, typer.Abort):
        screen.error("interrupted; nothing was written")
        return INTERRUPTED
    except _UsageError as problem:
        screen.error(*_usage(problem))
        return REFUSED
    except BrokenPipeError:
        return FAILED  # who read the output has seen enough
    except (ValueError, TypeError, OSError, ImportError) as problem:
        _trace(screen)
        screen.error(one_line(problem))
        return REFUSED
    except PeerError as problem:
        _trace(screen)
        screen.error(one_line(problem))
        return FAILED
    except Exception as problem:
        _trace(screen)
        hint = "" if screen.debug else " (--debug shows where)"
        screen.error(f"failed with {type(problem).__name__}: {one_line(problem)}{hint}")
        return FAILED


def _usage(problem: Any) -> tuple[str, str]:
    command = problem.ctx.command_path if getattr(problem, "ctx", None) is not None else "narrows"
    return f"{problem.format_message().rstrip('.')} (see {command} --help)", command


def _trace(screen: Screen) -> None:
    if screen.debug:
        traceback.print_exc()


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at its end
        return FAILED
    return code
