"""Names stay names, whatever program opens the file."""

import pytest

from alexnet_flowers import spreadsheet


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\r=", "\n="])
def test_no_cell_is_a_formula(begin):
    name = begin + 'HYPERLINK("http://example.com";"rose")'
    assert spreadsheet.cell(name) == "'" + name


@pytest.mark.parametrize("name", ["rose.jpg", "roses/a=b.jpg", "'quoted", "", "花"])
def test_other_names_stay_as_they_are(name):
    assert spreadsheet.cell(name) == name
