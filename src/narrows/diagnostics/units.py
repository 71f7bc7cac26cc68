"""Units that tell rows apart no longer, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from narrows.diagnostics.verdict import Level, Verdict, percent
from narrows.networks.activity import LayerActivity

NOTED = 0.1  # share of a layer's units: below, it is the ordinary wastage
MANY = 0.5  # above, the layer is not the one that was asked for


def dead_units(layers: Sequence[LayerActivity]) -> Verdict | None:
    """Tell of hidden units whose output is the same for every row; those of the bottleneck are the code's affair."""
    hidden = [layer for layer in up_to_the_first_that_is_mute(layers) if not layer.is_code]
    said = "give the same output for every row"
    remedy = "Use activation='gelu', a smaller learning_rate, or narrower layers."
    return _verdict("dead_units", said, remedy, hidden, lambda layer: layer.dead)


def saturated_units(layers: Sequence[LayerActivity]) -> Verdict | None:
    """Tell of bounded units that are at their bounds for nearly every row."""
    said = "are at their bounds for nearly every row and learn no more"
    remedy = "Use scale='standard' or 'minmax', a smaller learning_rate, or activation='gelu' with a linear code."
    return _verdict("saturated_units", said, remedy, up_to_the_first_that_is_mute(layers), lambda layer: layer.saturated)


def up_to_the_first_that_is_mute(layers: Sequence[LayerActivity]) -> list[LayerActivity]:
    """Leave out the layers behind one that says nothing: that they say nothing either is not their fault."""
    mute = [place for place, layer in enumerate(layers) if layer.dead + layer.saturated == layer.units]
    return list(layers[: mute[0] + 1] if mute else layers)


def _verdict(name: str, said: str, remedy: str, layers: Sequence[LayerActivity], count: Callable[[LayerActivity], int]) -> Verdict | None:
    shares = {layer.name: count(layer) / layer.units for layer in layers}
    concerned = [layer for layer in layers if shares[layer.name] > NOTED]
    if not concerned:
        return None
    level: Level = "warning" if max(shares.values()) > MANY else "note"
    parts = [f"{count(layer):,} of {layer.units:,} units of {layer.name} ({percent(shares[layer.name])})" for layer in concerned]
    sentence = f"{'; '.join(parts)} {said}."
    return Verdict(name, level, sentence, remedy if level == "warning" else "", shares)
