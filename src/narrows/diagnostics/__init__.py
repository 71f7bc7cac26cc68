"""Verdicts: from measurements of a fit to sentences with their figures and remedies."""

from __future__ import annotations

from dataclasses import dataclass

from narrows import errors as warnings_
from narrows.diagnostics import codes, comparison, course, dimensions, features, maps, units
from narrows.diagnostics import head as heads
from narrows.diagnostics.codes import Code
from narrows.diagnostics.comparison import Errors
from narrows.diagnostics.course import Course
from narrows.diagnostics.dimensions import Dimensions
from narrows.diagnostics.features import Features
from narrows.diagnostics.head import Head
from narrows.diagnostics.maps import Map
from narrows.diagnostics.verdict import Level, Verdict
from narrows.networks.activity import LayerActivity

__all__ = ["WARNINGS", "Code", "Course", "Dimensions", "Errors", "Features", "Head", "Level", "Map", "Measurements", "Verdict", "diagnose"]

# What a verdict of level "warning" is issued as. Divergence is not here: it is an exception.
WARNINGS: dict[str, type[warnings_.VerdictWarning]] = {
    "collapse": warnings_.CollapsedCode,
    "pca": warnings_.WorseThanPCA,
    "overfitting": warnings_.Overfitting,
    "head": warnings_.OverfittedHead,
    "map": warnings_.TornMap,
    "still_learning": warnings_.StillLearning,
    "dead_units": warnings_.DeadUnits,
    "saturated_units": warnings_.SaturatedUnits,
    "deficient_code": warnings_.DeficientCode,
    "out_of_range": warnings_.RowsOutOfRange,
    "constant_features": warnings_.ConstantFeatures,
    "duplicate_features": warnings_.DuplicateFeatures,
}


@dataclass(frozen=True)
class Measurements:
    """All that was measured of a fit; what is None (or empty) was not.

    Attributes
    ----------
    errors : Errors or None
    course : Course or None
    layers : tuple of LayerActivity
    code : Code or None
    features : Features or None
    dimensions : Dimensions or None
    head : Head or None
    map : Map or None
    """

    errors: Errors | None = None
    course: Course | None = None
    layers: tuple[LayerActivity, ...] = ()
    code: Code | None = None
    features: Features | None = None
    dimensions: Dimensions | None = None
    head: Head | None = None
    map: Map | None = None


def diagnose(found: Measurements) -> list[Verdict]:
    """Judge a fit by what was measured of it.

    Parameters
    ----------
    found : Measurements

    Returns
    -------
    list of Verdict
        One for each question that has an answer; healthy units, codes and features go without a word.
    """
    verdicts: list[Verdict | None] = []
    if found.course is not None:
        verdicts.append(course.divergence(found.course))
    if found.errors is not None:
        verdicts += [comparison.collapse(found.errors), comparison.pca(found.errors)]
        if found.errors.mean_error <= 0:
            return [verdict for verdict in verdicts if verdict is not None]
    if found.course is not None and found.course.diverged is None:
        verdicts.append(course.overfitting(found.course, found.errors))
        if found.errors is None or not found.errors.exact:  # then there is nothing left to learn
            verdicts.append(course.still_learning(found.course))
    if found.head is not None:
        verdicts.append(heads.overfitted_head(found.head))
    if found.map is not None and not comparison.has_collapsed(found.errors):
        verdicts.append(maps.torn_map(found.map))
    verdicts += [units.dead_units(found.layers), units.saturated_units(found.layers)]
    if found.code is not None and not comparison.has_collapsed(found.errors):  # of a collapsed code this is no news
        verdicts.append(codes.deficient_code(found.code))
    if found.features is not None:
        judges = (features.out_of_range, features.constant_features, features.duplicate_features)
        verdicts += [judge(found.features) for judge in judges]
    if found.dimensions is not None:
        verdicts.append(dimensions.dimensions(found.dimensions))
    return [verdict for verdict in verdicts if verdict is not None]
