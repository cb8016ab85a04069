"""What others reported is read from a CSV file, and what is none is refused in one line."""

import pytest

from alexnet_flowers.errors import DataError
from alexnet_flowers.events import reported


@pytest.mark.parametrize(
    "text, message",
    [
        ("step,value\n1,2\n", "the first line must be tag,step,value"),
        ("", "the first line must be tag,step,value"),
        ("tag,step,value\na,1,2\na,much,2\n", "line 3: must be a tag, a whole number and a num"),
        ("tag,step,value\na,1%s,2\n" % ("0" * 400), "line 2: must be a tag, a whole number"),
        ("tag,step,value\na,1\n", "line 2: must be a tag, a whole number and a number"),
        ("tag,step,value\na,1,2,5\n", "line 2: must be a tag, a whole number and a number"),
        ("tag,step,value\na,1,nan\n", "line 2: must be a tag, a whole number and a number"),
        ("tag,step,value\na,1,1\na,0,1\n", "line 3: steps count from 1, and accuracy and recall@2"),
        (
            "tag,step,value\neval/accuracy,9,86\n",
            "line 2: .* accuracy and recall@2 are from 0 to 1",
        ),
        ("tag,step,value\n", "has no line below its first"),
    ],
)
def test_what_is_no_report_is_an_error(tmp_path, text, message):
    path = tmp_path / "points.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        reported.read(str(path))


def test_a_report_from_a_spreadsheet(tmp_path):
    path = tmp_path / "points.csv"
    text = "tag,step,value\nperte à la fin,1,2\n"
    path.write_text(text, encoding="utf-8-sig")
    assert list(reported.read(str(path)).points) == ["perte à la fin"]
    path.write_text(text, encoding="cp1252")
    with pytest.raises(DataError, match="not a CSV file in UTF-8"):
        reported.read(str(path))


def test_a_file_without_an_end_is_refused():
    with pytest.raises(DataError, match="/dev/zero: is no table of reported numbers"):
        reported.read("/dev/zero")
