"""CSV and Parquet: the same table gives the same rows, and what is wrong is named by column and row."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from narrows.data import load


@pytest.fixture
def csv(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def parquet_file(tmp_path):
    def write(**columns):
        path = tmp_path / "table.parquet"
        parquet.write_table(pa.table(columns), path)
        return path

    return write


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\n3,4\n", "a;b\n1;2\n3;4", "a\tb\r\n1\t2\r\n3\t4\r\n", '\ufeff"a","b"\n1,2\n3,4\n', "\n\na , b\n\n1, 2\n\n3, 4\n"],
    ids=["comma", "semicolon", "tab", "mark", "blanks"],
)
def test_a_header_gives_the_names(csv, text):
    """Commas, semicolons and tabs, line ends of any kind, a byte-order mark and blank lines make no difference."""
    rows = load(csv(text))

    assert rows.feature_names == ["a", "b"]
    assert rows.X.tolist() == [[1, 2], [3, 4]]


def test_a_first_line_of_numbers_is_a_row(csv):
    """Without a header there are no names."""
    rows = load(csv("1,2.5\n-3e2,.5\n"))

    assert rows.feature_names is None
    assert rows.X.tolist() == [[1, 2.5], [-300, 0.5]]


@pytest.mark.parametrize("header", ["kind,0,1", "a,1,2"])
def test_one_word_makes_a_first_line_a_header(csv, header):
    """Columns may be named by numbers as long as one is not."""
    assert load(csv(f"{header}\n7,8,9\n")).feature_names == header.split(",")


@pytest.mark.parametrize(
    ("cell", "dtype"), [("255", np.float32), ("0.5", np.float32), (str(2**24 + 1), np.float64), ("0.1", np.float64), ("1e300", np.float64)]
)
def test_csv_numbers_are_float32_where_that_is_exact(csv, cell, dtype):
    """Nothing is rounded on its way in, and small whole numbers take half the memory."""
    X = load(csv(f"a,b\n1,2\n{cell},3\n")).X

    assert X.dtype == dtype
    assert X[1, 0] == float(cell)


@pytest.mark.parametrize(("cell", "row"), [("maybe", 2), ("0.5", 1)])
def test_what_is_no_truth_is_named(csv, cell, row):
    """Not the first cell of the column, which is in order."""
    with pytest.raises(
        ValueError, match=rf"holds '{cell if row == 2 else 'true'}' in column 'b', row {row}, where a number is needed: mend it"
    ):
        load(csv(f"a,b\n1,true\n2,{cell}\n3,false\n"))


@pytest.mark.parametrize("cell", ["3,14", "1.234,5", "-1,234"])
def test_commas_in_numbers_are_named(csv, cell):
    with pytest.raises(ValueError, match=rf"holds '{cell}' in column 'b', row 2, .*: write numbers with a decimal point and without marks"):
        load(csv(f"a;b\n1;2\n2;{cell}\n"))


def test_true_and_false_are_numbers(csv, parquet_file):
    """A column of truth values is one of 1 and 0, in both formats."""
    assert load(csv("a,b\n1,true\n2,false\n")).X.tolist() == [[1, 1], [2, 0]]
    assert load(parquet_file(a=[1, 2], b=[True, False])).X.tolist() == [[1, 1], [2, 0]]


@pytest.mark.parametrize(
    ("cells", "labels"), [("x,y", ["x", "y"]), ("3,1", [3, 1]), ("0.5,1", [0.5, 1.0]), ("007,x", ["007", "x"]), ("NA,x", ["NA", "x"])]
)
def test_a_label_column_is_taken_out_of_the_rows(csv, cells, labels):
    """Numbers stay numbers and text stays text."""
    first, second = cells.split(",")

    rows = load(csv(f"a,kind,b\n1,{first},2\n3,{second},4\n"), label="kind")

    assert rows.labels.tolist() == labels
    assert rows.feature_names == ["a", "b"]
    assert rows.X.tolist() == [[1, 2], [3, 4]]


def test_columns_without_a_header_are_called_by_number(csv):
    """The label of a file without a header is named by its place, from 1."""
    rows = load(csv("5,0,1\n6,2,3\n"), label="1")

    assert rows.labels.tolist() == [5, 6]
    assert rows.X.tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"table.csv' is empty; a table has a row of numbers or more"),
        ("\n \n", r"table.csv' is empty"),
        ("a,b\n", r"has 0 rows and 2 columns"),
        ("a,b\n1,2\n3\n5,6\n", r"has 1 cells in row 2 where the header has 2: give every row 2"),
        ("1,2\n3,4\n5,6,7\n", r"has 3 cells in row 3 where the first row has 2"),
        ("a,b\n1,2\n\n3,x\n", r"holds 'x' in column 'b', row 2, where a number is needed: mend it, leave the column out"),
        ("a,b\n1,2\n3,?\n", r"holds '\?' in column 'b', row 2"),
        ("a,b\n1,1.5\n3,\n4,1_000\n", r"holds '1_000' in column 'b', row 3"),
        ("a,day\n1,2020-01-01\n", r"holds '2020-01-01' in column 'day', row 1"),
        ("a,city\n1,Rome\n", r"or name it as the label \(label='city' in Python, --label city on the command line\)"),
        ("5.1,setosa\n4.9,setosa\n", r"table.csv' \(whose first line, with 5.1 in it, was read as the header\) holds 'setosa' in column"),
        (f"a,b\n1,{'x' * 99}\n", rf"holds '{'x' * 40}\.\.\.' in column 'b', row 1"),
        ("a,b\n1,2\n3,\nNaN,4\n", r"holds nan in column 'b', row 2, the first of 2 cells without a finite number"),
        ("a,b\n1,2\n3,inf\n", r"holds inf in column 'b', row 2, the only cell without a finite number"),
        ("a,b\n1,\n3,\n", r"holds nan in column 'b', row 1, the first of 2 cells"),
        ("a,a\n1,2\n", r"has more than one column of the same name \('a'\): rename all but one"),
        (",a,b\n0,1,2\n", r"has no name for column 1; every column needs one: give it a name, or leave it out if it only counts the rows"),
        (b"\x89PNG\r\n\x1a\n\0\0", r"is not text in UTF-8 \(.*\): save the file as UTF-8"),
        (b"\0\0\0\1,2\n", r"is no text: give a file of another format its usual extension"),
        ("a,b\n1,Röm\n".encode("latin-1"), r"(holds bytes in column 'b' that are not UTF-8|is not text in UTF-8)"),
    ],
)
def test_bad_csv_is_refused_in_one_sentence(csv, text, words):
    """The sentence names the column and the row as a person counts them: the header is not a row."""
    with pytest.raises(ValueError, match=words) as caught:
        load(csv(text))
    assert "\n" not in str(caught.value)


def test_text_far_down_a_large_file_is_found(csv):
    """Rows are counted through all blocks that the parser works on."""
    lines = ["a,b", *(f"{number},0.5" for number in range(200_000))]
    lines[150_000] = "7,oops"

    with pytest.raises(ValueError, match=r"holds 'oops' in column 'b', row 150000,"):
        load(csv("\n".join(lines)))


@pytest.mark.parametrize("header", [True, False])
def test_rows_longer_than_a_megabyte_are_rows(csv, header):
    """The parser works on blocks, and a row must fit into one."""
    names = [f"gene_{number}" for number in range(30_000)]
    row = ",".join([f"0.25{'0' * 36}"] * len(names))

    rows = load(csv("\n".join([",".join(names)] * header + [row, row])))

    assert rows.X.shape == (2, 30_000)
    assert (rows.X == 0.25).all()
    assert rows.feature_names == (names if header else None)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("speces", r"has no column 'speces': did you mean 'species'\? it has 'a', 'species', 'b'"),
        ("Species", r"did you mean 'species'\?"),
        ("weight", r"has no column 'weight': it has 'a', 'species', 'b'"),
    ],
)
def test_a_label_that_is_not_there_is_told_the_nearest(csv, parquet_file, label, words):
    """Both formats say which columns there are."""
    for path in (csv("a,species,b\n1,x,2\n"), parquet_file(a=[1], species=["x"], b=[2])):
        with pytest.raises(ValueError, match=words):
            load(path, label=label)


def test_many_columns_are_not_all_listed(csv):
    """A sentence stays a sentence."""
    with pytest.raises(ValueError, match=r"it has 'c0', .* 'c9' and 990 more$"):
        load(csv(",".join(f"c{number}" for number in range(1000)) + "\n"), label="something else")


def test_labels_must_be_complete(csv, parquet_file):
    """A row without a label is found in both formats."""
    for path in (csv("a,kind\n1,x\n2,\n"), parquet_file(a=[1, 2], kind=["x", None]), parquet_file(a=[1, 2], kind=[1.5, np.nan])):
        with pytest.raises(ValueError, match=r"has no label in column 'kind', row 2, the first of 1: fill them in"):
            load(path, label="kind")


def test_a_table_of_labels_only_has_no_rows(csv):
    """At least one column of numbers is needed beside the label."""
    with pytest.raises(ValueError, match=r"has no column beside the label 'kind'; rows need one column of numbers or more"):
        load(csv("kind\nx\n"), label="kind")


@pytest.mark.parametrize(
    ("types", "becomes"),
    [
        (("uint8", "uint8"), np.uint8),
        (("uint8", "int16"), np.float32),
        (("float32", "float32"), np.float32),
        (("float16", "int8"), np.float32),
        (("float64", "uint8"), np.float64),
        (("int64", "int32"), np.float32),
    ],
)
def test_parquet_types_are_kept_or_held_exactly(parquet_file, types, becomes):
    """float64 stays, as the file says so; whole numbers become float32 where that is exact."""
    first, second = (pa.array(np.array([1, 2, 3]).astype(name)) for name in types)

    rows = load(parquet_file(a=first, b=second))

    assert rows.X.dtype == becomes
    assert rows.X.tolist() == [[1, 1], [2, 2], [3, 3]]
    assert rows.feature_names == ["a", "b"]


def test_large_whole_numbers_and_decimals_become_float64(parquet_file):
    """What float32 cannot hold is not squeezed into it."""
    assert load(parquet_file(a=[2**24 + 1])).X[0, 0] == 2**24 + 1
    assert load(parquet_file(a=[Decimal("0.10")])).X[0, 0] == 0.1


def test_blocks_of_a_long_table_come_in_order(parquet_file):
    """A table is turned block by block."""
    numbers = np.arange(10_000)

    X = load(parquet_file(a=numbers, b=-numbers)).X

    np.testing.assert_array_equal(X, np.column_stack([numbers, -numbers]))


@pytest.mark.parametrize("kind", [pa.array(["x", "y"]), pa.array(["x", "y"]).dictionary_encode()], ids=["text", "categories"])
def test_parquet_labels_may_be_text_or_categories(parquet_file, kind):
    """Categories are text that is stored once."""
    rows = load(parquet_file(a=[1.0, 2.0], kind=kind), label="kind")

    assert rows.labels.tolist() == ["x", "y"]
    assert rows.X.tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("columns", "label", "words"),
    [
        ({"a": [1, 2], "city": ["Rome", "Oslo"]}, None, r"holds 'Rome' in column 'city', row 1, where a number is needed"),
        ({"a": [1, 2], "city": pa.array(["5", "Oslo"]).dictionary_encode()}, None, r"holds 'Oslo' in column 'city', row 2"),
        ({"a": [[1, 2]]}, None, r"holds '\[1, 2\]' in column 'a', row 1"),
        ({"a": [1.0, None]}, None, r"holds nan in column 'a', row 2, the only cell"),
        ({"a": pa.array([1, None], pa.uint8())}, None, r"holds nan in column 'a', row 2, the only cell"),
        ({"a": pa.array([True, None])}, None, r"holds nan in column 'a', row 2"),
        ({"a": [1], "b": [[1, 2]]}, "b", r"holds list<.*> in the label column 'b', which is neither numbers nor text"),
        ({"a": pa.array([], pa.float32())}, None, r"has 0 rows and 1 columns"),
        ({"a": pa.array([], pa.string())}, None, r"column 'a'|0 rows"),
    ],
)
def test_bad_parquet_columns_are_named(parquet_file, columns, label, words):
    """The same sentences as for CSV."""
    with pytest.raises(ValueError, match=words) as caught:
        load(parquet_file(**columns), label=label)
    assert "\n" not in str(caught.value)


def test_a_parquet_file_cut_anywhere_is_refused(parquet_file, tmp_path):
    """No length that is too short gives rows, and each gives one sentence."""
    content, path = parquet_file(a=np.arange(100.0)).read_bytes(), tmp_path / "cut.parquet"

    for length in range(0, len(content), max(1, len(content) // 20)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"cut.parquet' is (empty|cut short, damaged or no Parquet file)") as caught:
            load(path)
        assert "\n" not in str(caught.value)


def test_damage_to_the_parquet_footer_is_a_sentence(parquet_file):
    """A file that only begins and ends as Parquet does is refused, not crashed on."""
    path = parquet_file(a=np.arange(100.0))
    content = bytearray(path.read_bytes())
    content[-40:-12] = b"\xff" * 28
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"cut short, damaged or no Parquet file"):
        load(path)
