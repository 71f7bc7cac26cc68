"""How rows come in and go out: named data sets, files, folders, frames, rows held out, tables written."""

from narrows.data.block_rows import Blocks
from narrows.data.converting import blocks, convert
from narrows.data.frames import as_frame, as_matrix
from narrows.data.rows import Rows
from narrows.data.sources import load
from narrows.data.splits import hold_out
from narrows.data.writing import FORMATS, check_writable, write

__all__ = ["FORMATS", "Blocks", "Rows", "as_frame", "as_matrix", "blocks", "check_writable", "convert", "hold_out", "load", "write"]
