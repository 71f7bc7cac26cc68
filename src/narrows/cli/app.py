"""Which commands there are, what their flags mean, and which exit code each end has."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast

import typer

from narrows.cli.screen import Screen, one_line

Job = Callable[[], int]  # what a command will do, once all flags are read; gives the exit code

FAILED, REFUSED, INTERRUPTED = 1, 2, 130
_UsageError = cast(type[Exception], typer.BadParameter.__mro__[2])  # ClickException, wherever this version of typer keeps it

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its help has no room for text at 80 columns
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


class Scale(StrEnum):
    """How rows are scaled."""

    auto = "auto"
    minmax = "minmax"
    standard = "standard"
    none = "none"


class Precision(StrEnum):
    """What matrices are multiplied in during training."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


def _flag(name: str) -> Callable[[typer.Context, bool], bool]:
    def note(context: typer.Context, value: bool) -> bool:
        if value:
            setattr(context.ensure_object(Screen), name, True)
        return value

    return note


Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but warnings and errors.", callback=_flag("quiet"))]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more: times, and what the libraries log.", callback=_flag("verbose"))]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", callback=_flag("debug"))]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object; what is for people goes to standard error.", callback=_flag("json"))
]
Bundle = Annotated[Path, typer.Argument(metavar="BUNDLE", help="What 'narrows fit' wrote.", show_default=False)]
Data = Annotated[
    str, typer.Argument(metavar="DATA", help="'digits', 'mnist', or a .npy, .npz, .csv, .parquet or IDX file.", show_default=False)
]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="What to write: a .npy, .csv or .parquet file.")]
TestRows = Annotated[bool, typer.Option("--test", help="Take the test rows that a named data set brings, instead of the others.")]


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


@app.command()
def fit(
    context: typer.Context,
    source: Data,
    recipe: Annotated[str | None, typer.Option(metavar="NAME", help="Begin with the choices of one of 'narrows recipes'.")] = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="COL", help="A column that is left out of the rows; codes are measured by it, nothing is trained with it."),
    ] = None,
    components: Annotated[int | None, typer.Option(min=1, metavar="N", help="Numbers in a code (2 by default).")] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHS", help="Widths of the hidden layers from the rows to the code, such as 500,300,100; 'none' for no hidden layer."
        ),
    ] = None,
    activation: Annotated[str | None, typer.Option(metavar="NAME", help="Activation of the hidden layers, by its Keras name.")] = None,
    code_activation: Annotated[str | None, typer.Option(metavar="NAME", help="Activation of the code.")] = None,
    dropout: Annotated[
        float | None, typer.Option(min=0, max=1, metavar="SHARE", help="Share of each hidden layer's values dropped in training.")
    ] = None,
    epochs: Annotated[str | None, typer.Option(metavar="N", help="Passes over the rows, or 'auto'.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, metavar="N", help="Rows a step.")] = None,
    optimizer: Annotated[str | None, typer.Option(metavar="NAME", help="By its Keras name.")] = None,
    learning_rate: Annotated[float | None, typer.Option(metavar="RATE", help="The peak of the schedule.")] = None,
    loss: Annotated[str | None, typer.Option(metavar="NAME", help="'auto', 'mse', 'bce', or a Keras name.")] = None,
    scale: Annotated[Scale | None, typer.Option(help="How rows are scaled; part of the model.")] = None,
    precision: Annotated[Precision | None, typer.Option(help="Of matrix products in training.")] = None,
    early_stopping: Annotated[
        bool | None, typer.Option("--early-stopping/--no-early-stopping", help="Stop by validation and keep the best epoch.")
    ] = None,
    validation_fraction: Annotated[
        float | None, typer.Option(min=0, max=1, metavar="SHARE", help="Share of the training rows held out for that.")
    ] = None,
    patience: Annotated[int | None, typer.Option(min=1, metavar="N", help="Epochs without a better validation loss to wait.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="The same seed gives the same bits on one machine.")] = 0,
    test: Annotated[
        str | None,
        typer.Option(
            metavar="DATA", help="Rows to measure on. By default a data set's own, or a tenth of the rows, the same tenth for any seed."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="BUNDLE", help="What to write; NAME.narrows here, after the data, by default.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Train on rows, judge on others, and write a bundle."""
    del json, quiet, verbose, debug
    given: dict[str, Any] = {
        "n_components": components,
        "code_activation": code_activation,
        "epochs": None if epochs is None else _epochs(epochs),
        "batch_size": batch_size,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "loss": loss,
        "precision": precision and str(precision),
        "early_stopping": early_stopping,
        "validation_fraction": validation_fraction,
        "patience": patience,
        "random_state": seed,
    }
    parameters = {name: value for name, value in given.items() if value is not None}
    if scale is not None:
        parameters["scale"] = None if scale is Scale.none else str(scale)
    inside = {"widths": None if layers is None else _widths(layers), "activation": activation, "dropout": dropout}

    def job() -> int:
        from narrows.cli import fitting

        asked = fitting.Asked(
            source, label, test, recipe, output, parameters, {name: value for name, value in inside.items() if value is not None}
        )
        return fitting.fit(context.obj, asked)

    return job


@app.command()
def encode(
    context: typer.Context,
    bundle: Bundle,
    source: Data,
    output: Output,
    test: TestRows = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Write the codes of rows, in columns z0, z1 and so on."""
    del quiet, verbose, debug

    def job() -> int:
        from narrows.cli import coding

        return coding.encode(context.obj, bundle, source, output, test=test)

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
def reconstruct(
    context: typer.Context,
    bundle: Bundle,
    source: Data,
    output: Output,
    test: TestRows = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Write what the network makes of rows, in their own units."""
    del quiet, verbose, debug

    def job() -> int:
        from narrows.cli import coding

        return coding.reconstruct(context.obj, bundle, source, output, test=test)

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
    top: Annotated[int, typer.Option(min=0, metavar="N", help="Rows to show.")] = 10,
    test: TestRows = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Show which rows are rebuilt worst.

    The error is a row's mean squared error in scaled units; rows are counted from 1.
    """
    del json, quiet, verbose, debug

    def job() -> int:
        from narrows.cli import scoring

        return scoring.score(context.obj, bundle, source, output, top=top, test=test)

    return job


@app.command()
def info(
    context: typer.Context,
    bundle: Bundle,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> Job:
    """Show layers, settings, history, quality and verdicts."""
    del json, quiet, verbose, debug

    def job() -> int:
        from narrows.cli import telling

        return telling.info(context.obj, bundle)

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


def _epochs(text: str) -> int | str:
    if text == "auto":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is neither a whole number of at least 1 nor 'auto'.", param_hint="'--epochs'")
    return int(text)


def _widths(text: str) -> tuple[int, ...]:
    if text.strip().casefold() in ("", "none"):
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise typer.BadParameter(
            f"{text!r} is no list of widths: give whole numbers with commas, as in 500,300,100.", param_hint="'--layers'"
        )
    return tuple(map(int, parts))


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
