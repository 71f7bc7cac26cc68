"""What can be said on the command line: each flag with its help, and what becomes of its text."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from narrows.cli import completion
from narrows.cli.screen import Screen


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


class Numbers(StrEnum):
    """What numbers are written as."""

    uint8 = "uint8"
    float32 = "float32"
    float64 = "float64"


class Part(StrEnum):
    """What of a network is exported."""

    autoencoder = "autoencoder"
    encoder = "encoder"
    decoder = "decoder"
    head = "head"


def _noted(name: str) -> Callable[[typer.Context, bool], bool]:
    def note(context: typer.Context, value: bool) -> bool:
        if value:
            setattr(context.ensure_object(Screen), name, True)
        return value

    return note


# Every command's

Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but warnings and errors.", callback=_noted("quiet"))]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more: times, and what the libraries log.", callback=_noted("verbose"))]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", callback=_noted("debug"))]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object; what is for people goes to standard error.", callback=_noted("json"))
]
Bundle = Annotated[Path, typer.Argument(metavar="BUNDLE", help="What 'narrows fit' wrote.", show_default=False)]
_DATA = typer.Argument(
    metavar="DATA",
    help="'digits', 'mnist' or 'fashion_mnist'; .npy, .npz, .csv, .parquet, .arrow, .feather, PNG, JPEG or IDX files, or patterns of "
    "them; a folder of PNG and JPEG images, whose subfolders are the labels; or '-', a CSV file on standard input.",
    show_default=False,
    autocompletion=completion.data,
)
Data = Annotated[list[str], _DATA]
DataOrNone = Annotated[list[str] | None, _DATA]
PredictedLabel = Annotated[
    str | None,
    typer.Option("--label", metavar="COL", help="The column, or the file, of labels to compare with; by default as when it was fitted."),
]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="What to write: a .npy, .csv or .parquet file.")]
TestRows = Annotated[bool, typer.Option("--test", help="Take the test rows that a named data set brings, instead of the others.")]

Blocks = Annotated[
    bool | None,
    typer.Option(
        "--blocks/--no-blocks",
        help="Read rows some at a time, or all at once; by default some at a time where they would take more than 1 GB.",
        show_default=False,
    ),
]
GoOn = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with a .npy or .csv file that an earlier run in blocks did not bring to its end; with --cluster, with a folder.",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Work on a Ray cluster: 'auto', HOST:PORT, ray://HOST:PORT, or local:N for N workers here. DATA are then .parquet or .npy "
        "files, or folders of them, and the output a folder, of one .parquet file for each. Needs narrows[ray].",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="With --cluster: processes, of one CPU each; by default as many as it has.", show_default=False),
]
Ids = Annotated[
    list[str] | None,
    typer.Option(
        "--id",
        metavar="COL",
        help="With --cluster: a column of numbers that is none of the row, where the bundle knows no names; to be repeated.",
    ),
]

# Those of fit

_ROWS, _CHOICES, _NETWORK, _LABELS, _TRAINING = "Rows in, bundle out", "Settings", "Network", "Labels", "Training"
_CLUSTER = "Many machines"

InBlocks = Annotated[
    bool | None,
    typer.Option(
        "--blocks/--no-blocks",
        help="Read rows some at a time, or all at once; by default some at a time where they would take more than 1 GB.",
        show_default=False,
        rich_help_panel=_ROWS,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on from the checkpoint beside the bundle, which the same run left when it was cut short; the weights come out the same.",
        rich_help_panel=_TRAINING,
    ),
]
CheckpointMinutes = Annotated[
    float,
    typer.Option(
        min=0, metavar="N", help="Leave a checkpoint every so many minutes, beside those at the ends of epochs.", rich_help_panel=_TRAINING
    ),
]
CheckpointFile = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        metavar="FILE",
        help="Where to leave the checkpoint, if not beside the bundle; on a cluster a place that all machines see, such as s3://bucket/run.",
        show_default=False,
        rich_help_panel=_TRAINING,
    ),
]
TrainingCluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Work on a Ray cluster: auto, HOST:PORT, ray://HOST:PORT, or local:N for N workers on this machine alone; or env, where SLURM "
        "or MPI has started this command several times.",
        show_default=False,
        rich_help_panel=_CLUSTER,
    ),
]
TrainingWorkers = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="How many workers of the cluster; by default one on each machine.",
        show_default=False,
        rich_help_panel=_CLUSTER,
    ),
]
Recipe = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Begin with the choices of one of 'narrows recipes'.",
        rich_help_panel=_CHOICES,
        autocompletion=completion.recipes,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Take settings from a TOML file, or those of a bundle to repeat its run.", rich_help_panel=_CHOICES),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any setting that such a file may hold: code_l1=1e-4, layers.tied=true; to be repeated.",
        rich_help_panel=_CHOICES,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=2**32 - 1,
        metavar="N",
        help="The same seed gives the same bits on one machine (0 by default).",
        rich_help_panel=_CHOICES,
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        metavar="COL",
        help="A column that is left out of the rows; codes are measured by it, and trained with it by --supervised. "
        "Or a file of labels: .npy, IDX, or CSV of one column.",
        rich_help_panel=_ROWS,
    ),
]
Validation = Annotated[
    str | None,
    typer.Option(
        metavar="DATA",
        help="Rows whose loss is measured after each epoch, to stop by; a share of the others by default.",
        rich_help_panel=_ROWS,
        autocompletion=completion.data,
    ),
]
Test = Annotated[
    str | None,
    typer.Option(
        metavar="DATA",
        help="Rows to measure on. By default a data set's own, or a tenth of the rows, the same tenth for any seed.",
        rich_help_panel=_ROWS,
        autocompletion=completion.data,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="DATA",
        help="Clean rows, one for each of the others: what these are to be rebuilt as.",
        rich_help_panel=_ROWS,
        autocompletion=completion.data,
    ),
]
ScaleRows = Annotated[
    Scale | None,
    typer.Option(
        "--scale",
        metavar="HOW",
        help="How rows are scaled, as part of the model: 'auto', 'minmax', 'standard' or 'none'.",
        rich_help_panel=_NETWORK,
    ),
]
Components = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help="Numbers in a code (2 by default); with --conv also 'none': the last feature map is the code.",
        rich_help_panel=_NETWORK,
    ),
]
Layers = Annotated[
    str | None,
    typer.Option(
        metavar="WIDTHS",
        help="Widths of the hidden layers from the rows to the code, such as 500,300,100; 'none' for no hidden layer.",
        rich_help_panel=_NETWORK,
    ),
]
Filters = Annotated[
    str | None,
    typer.Option(
        "--conv",
        metavar="FILTERS",
        help="For images, convolutional layers in place of those: filters of each, such as 32,16; each halves the image.",
        rich_help_panel=_NETWORK,
    ),
]
KernelSize = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Pixels on a side of their kernels (3 by default).", rich_help_panel=_NETWORK)
]
ImageShape = Annotated[
    str | None,
    typer.Option(
        metavar="HxWxC",
        help="Height, width and channels of the images, such as 28x28, where the data do not say it themselves.",
        rich_help_panel=_NETWORK,
    ),
]
Activation = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Activation of the hidden layers, by its Keras name.",
        rich_help_panel=_NETWORK,
        autocompletion=completion.activations,
    ),
]
CodeActivation = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Activation of the code.", rich_help_panel=_NETWORK, autocompletion=completion.activations),
]
Dropout = Annotated[
    float | None,
    typer.Option(min=0, max=1, metavar="SHARE", help="Share of each hidden layer's values dropped in training.", rich_help_panel=_NETWORK),
]
Noise = Annotated[
    str | None,
    typer.Option(
        metavar="NOISE",
        help="What rows suffer in training and are to be freed from: 0.4 or gaussian:0.4 (deviation, in scaled units), masking:0.3 or "
        "salt_and_pepper:0.1 (share of the numbers), or none.",
        rich_help_panel=_TRAINING,
        autocompletion=completion.noises,
    ),
]
Supervised = Annotated[
    bool,
    typer.Option(
        "--supervised",
        help="Train the code to tell the labels as well, by a head off the bottleneck: classes, or numbers where these have fractions.",
        rich_help_panel=_LABELS,
    ),
]
LabelWeight = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="WEIGHT", help="What labels count beside the reconstruction's 1 (0.1 by default).", rich_help_panel=_LABELS
    ),
]
HeadWidths = Annotated[
    str | None,
    typer.Option(
        "--head", metavar="WIDTHS", help="Widths of the head's hidden layers (64,128 by default), or 'none'.", rich_help_panel=_LABELS
    ),
]
HeadDropout = Annotated[
    float | None,
    typer.Option(min=0, max=1, metavar="SHARE", help="Share of their values dropped in training.", rich_help_panel=_LABELS),
]
ColumnKind = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        metavar="COL=KIND",
        help="Take a column of a table as 'numeric', 'binary', 'categorical' or 'date', or have it 'left_out'; to be repeated.",
        rich_help_panel=_ROWS,
    ),
]
Epochs = Annotated[str | None, typer.Option(metavar="N", help="Passes over the rows, or 'auto'.", rich_help_panel=_TRAINING)]
BatchSize = Annotated[int | None, typer.Option(min=1, metavar="N", help="Rows a step.", rich_help_panel=_TRAINING)]
Optimizer = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="By its Keras name.", rich_help_panel=_TRAINING, autocompletion=completion.optimizers),
]
LearningRate = Annotated[float | None, typer.Option(metavar="RATE", help="The peak of the schedule.", rich_help_panel=_TRAINING)]
Loss = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="'auto', 'mse', 'bce', or a Keras name.", rich_help_panel=_TRAINING, autocompletion=completion.losses
    ),
]
EarlyStopping = Annotated[
    bool | None,
    typer.Option("--early-stopping/--no-early-stopping", help="Stop by validation and keep the best epoch.", rich_help_panel=_TRAINING),
]
ValidationFraction = Annotated[
    float | None,
    typer.Option(min=0, max=1, metavar="SHARE", help="Share of the training rows held out for that.", rich_help_panel=_TRAINING),
]
Patience = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Epochs without a better validation loss to wait.", rich_help_panel=_TRAINING),
]
Precise = Annotated[
    Precision | None,
    typer.Option(
        "--precision",
        metavar="TYPE",
        help="Of matrix products in training: 'auto', 'float32' or 'bfloat16'.",
        rich_help_panel=_TRAINING,
    ),
]
Report = Annotated[
    bool,
    typer.Option("--report", help="Also write a page for a browser about the test rows, beside the bundle.", rich_help_panel=_ROWS),
]
OutputBundle = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="BUNDLE",
        help="What to write; NAME.narrows here, after the data, by default.",
        rich_help_panel=_ROWS,
    ),
]


def epochs(text: str | None) -> int | str | None:
    """Read ``--epochs``.

    Raises
    ------
    typer.BadParameter
        If it is neither a number nor "auto".
    """
    if text is None or text == "auto":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is neither a whole number of at least 1 nor 'auto'.", param_hint="'--epochs'")
    return int(text)


def column_kinds(texts: list[str] | None) -> dict[str, str]:
    """Read ``--kind``.

    Raises
    ------
    typer.BadParameter
        If one is no name and kind.
    """
    from narrows.data.column_kinds import KINDS

    found: dict[str, str] = {}
    for text in texts or ():
        name, sign, kind = (part.strip() for part in text.rpartition("="))
        if not (name and sign and kind in KINDS):
            raise typer.BadParameter(
                f"{text!r} is no column and its kind ({', '.join(KINDS)}): give both, as in zip=categorical.", param_hint="'--kind'"
            )
        found[name] = kind
    return found


def components(text: str | None) -> int | str | None:
    """Read ``--components``.

    Raises
    ------
    typer.BadParameter
        If it is neither a number nor "none".
    """
    if text is None or text == "none":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is neither a whole number of at least 1 nor 'none'.", param_hint="'--components'")
    return int(text)


def widths(text: str | None, flag: str = "--layers", example: str = "500,300,100") -> list[int] | None:
    """Read ``--layers`` or ``--head``.

    Raises
    ------
    typer.BadParameter
        If it is no list of widths.
    """
    if text is None:
        return None
    if text.strip().casefold() in ("", "none"):
        return []
    return _whole_numbers(text, f"'{flag}'", "widths", example)


def filters(text: str | None) -> list[int] | None:
    """Read ``--conv``.

    Raises
    ------
    typer.BadParameter
        If it is no list of filters.
    """
    return None if text is None else _whole_numbers(text, "'--conv'", "filters", "32,16")


def image_shape(text: str | None) -> list[int] | None:
    """Read ``--image-shape``.

    Raises
    ------
    typer.BadParameter
        If it is no shape of an image.
    """
    if text is None:
        return None
    sizes = text.casefold().replace("x", ",").split(",")
    if len(sizes) not in (2, 3) or not all(size.strip().isdecimal() and int(size) > 0 for size in sizes):
        raise typer.BadParameter(
            f"{text!r} is no shape of images: give height and width, and channels where there are several, as in 28x28 or 32x32x3.",
            param_hint="'--image-shape'",
        )
    return list(map(int, sizes))


def sizes(text: str | None) -> tuple[int, ...] | None:
    """Read ``--sizes``.

    Raises
    ------
    typer.BadParameter
        If it is no list of sizes.
    """
    return None if text is None else tuple(_whole_numbers(text, "'--sizes'", "sizes", "1,2,4,8"))


def names(text: str | None) -> list[str] | None:
    """Read a list of names, such as that of ``--methods``; nothing stands between two commas."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _whole_numbers(text: str, flag: str, what: str, example: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise typer.BadParameter(f"{text!r} is no list of {what}: give whole numbers with commas, as in {example}.", param_hint=flag)
    return list(map(int, parts))
