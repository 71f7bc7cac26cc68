"""Plans: plain lists of layers that JSON holds, that follow from one another, and that count their parameters."""

from __future__ import annotations

import json

import keras
import pytest
from pydantic import ValidationError

from narrows.networks import Dense, Plan
from narrows.networks.table import plan_table

CHOICES = {
    "plain": Dense(6, 4),
    "no hidden layers": Dense(),
    "all choices": Dense(
        6,
        4,
        activation="tanh",
        dropout=0.25,
        batch_normalization=True,
        l1=1e-3,
        l2=1e-4,
        kernel_initializer="orthogonal",
        bias_initializer="ones",
    ),
    "tied": Dense(6, 4, tied=True, mean_bias=False),
    "tied without hidden layers": Dense(tied=True),
}


def plan(layers: Dense = CHOICES["plain"], n_features: int = 8, n_components: int = 2, output_activation="sigmoid") -> Plan:
    return layers.plan(n_features, n_components, code_activation="linear", output_activation=output_activation)


@pytest.mark.parametrize("layers", CHOICES.values(), ids=CHOICES)
def test_json_holds_a_plan_whole(layers):
    before = plan(layers)

    after = Plan.model_validate(json.loads(before.model_dump_json()))

    assert after == before
    assert hash(after) == hash(before)


@pytest.mark.parametrize("layers", CHOICES.values(), ids=CHOICES)
def test_the_decoder_mirrors_the_encoder(layers):
    made = plan(layers)

    down = [(layer.inputs, layer.units) for layer in made.encoder if layer.kind == "dense"]
    up = [(layer.units, layer.inputs) for layer in made.decoder if layer.kind == "dense"]

    assert down == up[::-1]


def test_the_textbook_network_has_161_804_parameters():
    """784-100-20-100-784: the arithmetic that every table is judged by."""
    table = plan_table(plan(Dense(100), 784, 20))

    assert [(row.name, row.weights + row.biases) for row in table.layers] == [
        ("encoder_1", 78_500),
        ("code", 2_020),
        ("decoder_1", 2_100),
        ("output", 79_184),
    ]
    assert table.n_parameters == 161_804
    assert table.compression == pytest.approx(39.2)


def test_the_table_reads():
    text = str(plan_table(plan(Dense(100, batch_normalization=True, dropout=0.5, tied=True), 784, 20)))

    for landmark in (
        "encoder_1",
        "78,400",
        "gelu",
        "dropout 0.5",
        "batch normalization",
        "dense, tied",
        "sigmoid",
        "total",
        "784 → 20: 39.2 times",
    ):
        assert landmark in text


def test_the_table_is_plain_json():
    table = plan_table(plan()).to_dict()

    assert json.loads(json.dumps(table))["n_parameters"] == table["n_parameters"]


def test_tied_kernels_are_counted_once():
    free, tied = (plan_table(plan(Dense(6, 4, tied=tied))) for tied in (False, True))

    kernels = 8 * 6 + 6 * 4 + 4 * 2
    assert free.n_parameters - tied.n_parameters == kernels


def test_each_decoder_kernel_is_tied_to_its_twin():
    assert plan(Dense(6, 4, tied=True)).ties == {
        "decoder_1/kernel": "code/kernel",
        "decoder_2/kernel": "encoder_2/kernel",
        "output/kernel": "encoder_1/kernel",
    }


def broken(**changes):
    """Change one layer of a sound plan, as a damaged or forged file would."""
    described = json.loads(plan(Dense(6, 4, tied=True)).model_dump_json())
    side, number, change = changes["side"], changes["number"], changes["change"]
    described[side][number].update(change)
    return described


@pytest.mark.parametrize(
    ("side", "number", "change", "words"),
    [
        ("encoder", 1, {"inputs": 7}, "layer 'encoder_2' takes 7 values where 6 come in"),
        ("encoder", 2, {"units": 3}, "layer 'code' gives 3 values where 2 are needed"),
        ("decoder", 2, {"units": 9}, "layer 'output' gives 9 values where 8 are needed"),
        ("encoder", 1, {"name": "encoder_1"}, "layer names must differ"),
        ("decoder", 0, {"tied_to": "encoder_9"}, "'decoder_1' cannot be tied to 'encoder_9'"),
        ("decoder", 0, {"tied_to": "encoder_1"}, "'decoder_1' cannot be tied to 'encoder_1'"),
        ("encoder", 0, {"tied_to": "encoder_1"}, "'encoder_1' cannot be tied to 'encoder_1'"),
        ("encoder", 0, {"units": 0}, "greater than or equal to 1"),
        ("encoder", 0, {"units": 2**40}, "less than or equal to"),
        ("encoder", 0, {"l1": -1.0}, "greater than or equal to 0"),
        ("encoder", 0, {"kind": "lambda"}, "does not match any of the expected tags"),
        ("encoder", 0, {"code": "import os"}, "Extra inputs are not permitted"),
        ("encoder", 0, {"name": "../escape"}, "should match pattern"),
    ],
)
def test_a_plan_refuses_what_does_not_follow(side, number, change, words):
    described = broken(side=side, number=number, change=change)

    with pytest.raises(ValidationError, match=words):
        Plan.model_validate(described)


def test_a_function_of_the_users_is_not_written_down():
    with pytest.raises(ValueError, match="a function of your own, which a file cannot hold safely; use one of Keras's by name"):
        plan(Dense(6, activation=keras.ops.tanh)).model_dump_json()


def test_a_program_does_not_depend_on_first_weights_and_strengths():
    """Searches over initializers and penalty strengths share a program; switching a penalty on is another one."""
    weak, strong = plan(Dense(6, l2=1e-4, kernel_initializer="he_normal")), plan(Dense(6, l2=1e-2, kernel_initializer="zeros"))

    assert weak != strong
    assert weak.computation == strong.computation
    assert weak.computation != plan(Dense(6)).computation
