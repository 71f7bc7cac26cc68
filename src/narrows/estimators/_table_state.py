"""What a bundle says of a table's columns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from narrows.data.column_kinds import Column
from narrows.data.tables import Columns
from narrows.estimators._table_fitting import groups
from narrows.networks.plan import Plan

MOST_COLUMNS = 100_000


class TableState(BaseModel):
    """The columns of a table, in its order, and the library that they came in."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=MOST_COLUMNS)]
    library: Annotated[str, Field(pattern=r"^[a-z]{1,20}$")] | Literal["numpy"]

    def made(self, plan: Plan | None) -> Columns:
        """Give what an estimator knows of its columns.

        Raises
        ------
        ValueError
            If they are not those of its plan.
        """
        columns = Columns(self.columns)
        if len(columns.named()) != len(self.columns):
            raise ValueError("its table has two columns of one name")
        if plan is None or not columns.used or plan.n_features != columns.layout.width or plan.output_groups != groups(columns.layout):
            raise ValueError("its plan is not for the columns of its table")
        return columns
