"""A page shows names as they are, and no element or direction of theirs."""

from alexnet_flowers.pictures import html_page


def test_what_turns_the_writing_direction_is_shown_escaped():
    name = "rose\u202egpj<b>"
    section = html_page.Section(
        name, name, [html_page.table([name], [[name]]), html_page.code(name + "\n" + name)]
    )
    page = html_page.page(name, name, [section])
    assert "\u202e" not in page and "<b>" not in page
    shown = "rose\\u202egpj&lt;b&gt;"
    assert "<td>%s</td>" % shown in page and "<pre>%s\n%s</pre>" % (shown, shown) in page
