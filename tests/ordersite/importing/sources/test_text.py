"""Rows of text: a stray quotation mark swallows none of the rows after it, and every table comes back as it was."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.text import LONGEST_LINE, QUOTES, records_of
from tests.support.importing import HEAD
from tests.support.importing_files import invoice, write_text
from tests.support.surveys import lines_of, survey, table_of

ROW = "1,AA,Mug,1,2010-12-01,2.50,17850,UK\n"


@pytest.mark.parametrize(
    "broken",
    [
        '2,AA,"Mug,1,2010-12-01,2.50,17850,UK\n',
        '2,AA,"Mug" large,1,2010-12-01,2.50,17850,UK\n',
        '2,AA,"Mug,1,2010-12-01,2.50,17850,UK\n3,AA,"Mug"\n',
        '2,AA,"' + "x" * 140_000 + '",1,2010-12-01,2.50,17850,UK\n',
    ],
)
def test_a_stray_quotation_mark_spoils_its_own_line_only(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "some.csv"
    path.write_text(f"{HEAD}\n{ROW}{broken}{ROW * 200}")
    lines = lines_of(table_of(path))
    assert sum(not line.problem for line in lines) == 201
    spoiled = next(line for line in lines if line.problem)
    assert (spoiled.number, list(spoiled.values[:2]), spoiled.values[-1]) == (3, ["2", "AA"], QUOTES)
    assert spoiled.values[2] == broken.split("\n", maxsplit=1)[0].removeprefix("2,AA,"), "the original text is kept"
    assert "a quotation mark" in spoiled.problem


def test_rows_with_too_few_and_too_many_values_are_told_apart_from_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text(f"{HEAD}\n1,AA,Mug\n1,AA,Mug, large,1,2010-12-01,2.50,17850,UK\n{ROW}")
    assert [line.problem for line in lines_of(table_of(path))] == ["wrong number of columns"] * 2 + [""]


def test_a_line_without_an_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text(f"{HEAD}\n{'x' * LONGEST_LINE}")
    with pytest.raises(UnreadableFile, match="a line of more than"):
        survey(path)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(
    st.lists(st.lists(texts, min_size=2, max_size=2), max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_every_table_comes_back_from_every_dialect(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]], delimiter: str, encoding: str
) -> None:
    rows = [invoice(n, "2010-12-01", sku=f"S{sku}", name=name) for n, (sku, name) in enumerate(cells)]
    path = write_text(tmp_path_factory.mktemp("tables") / "some.csv", rows, delimiter=delimiter, encoding=encoding)
    assert [list(line.values) for line in lines_of(table_of(path))] == rows


@given(st.lists(st.text('a",\n', max_size=12), max_size=6))
def test_no_text_is_lost_however_its_quotation_marks_stand(lines: list[str]) -> None:
    text = [f"{line}\n" for part in lines for line in part.split("\n")]
    records = list(records_of(iter(text), ",", width=3))
    ends = [record.line for record in records[1:]] + [len(text) + 1] * bool(records)
    for record, end in zip(records, ends, strict=True):
        source = "".join(text[record.line - 1 : end - 1])
        assert record.values.count(QUOTES) or sum(map(len, record.values)) <= len(source)
        kept = "".join(value for value in record.values if value != QUOTES)
        assert kept.count("a") == source.count("a")
