"""How rows come in and go out: named data sets, files, folders, frames, rows held out, tables written."""

from narrows.data.frames import as_frame, as_matrix
from narrows.data.rows import Rows
from narrows.data.sources import load
from narrows.data.splits import hold_out
from narrows.data.writing import FORMATS, check_writable, write

__all__ = ["FORMATS", "Rows", "as_frame", "as_matrix", "check_writable", "hold_out", "load", "write"]
