"""Does a file of one's own come in through a real browser, refused and repaired where it must be, without losing anything?"""

from __future__ import annotations

import re

FILMS = (
    b"film;genre;shark;sea;snow;crime\n"
    b"Jaws;horror;2,5;1,0;0;0\n"
    b"Fargo;crime;0;0;2,0;3,5\n"
    b"Heat;crime;0;0;0,5;3,0\n"
    b"Alien;horror;1,5;0;0;0,5\n"
    b"Up;family;0;0,5;0,5;0\n"
)
USE = "Use this data"


def bring(app, name: str, content: bytes):
    app.open("/data").click_button("Bring your own")
    app.page.locator("input[type=file]").first.set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )
    return app.settled()


def test_a_file_is_looked_at_changed_and_used_while_the_old_result_stays(app):
    bring(app, "films.csv", FILMS)
    main = app.page.get_by_test_id("stMain")
    app.expect(main).to_contain_text("a matrix of 5 rows × 4 columns")
    app.expect(main).to_contain_text("semicolon")
    app.expand("Read it differently")
    app.choose_select("Header", "none, the first row is data")
    app.expect(app.page.get_by_role("button", name="Recognise everything again")).to_be_visible()
    app.click_button("Recognise everything again")
    app.expect(main).to_contain_text("the first row holds the names")
    app.choose("The items are", "the columns")
    app.expect(main).to_contain_text("One item: shark")
    app.choose("The items are", "the rows")
    app.expect(app.sidebar()).to_contain_text("Films and their keywords")
    app.click_button(USE)
    app.expect(app.sidebar()).to_contain_text("Press Fit for films.csv")
    app.go("Overview")
    app.expect(app.title()).to_contain_text("Ten topics")
    app.click_button("Fit")
    app.expect(app.title()).to_contain_text("Two topics in 5 rows")
    app.go("Data")
    app.expect(main).to_contain_text("films.csv · in use")


def test_a_refusal_names_the_line_and_its_button_repairs_it(app):
    lines = FILMS.splitlines()
    lines[2] = b"Fargo;crime;0;0"
    bring(app, "ragged.csv", b"\n".join(lines))
    main = app.page.get_by_test_id("stMain")
    app.expect(main).to_contain_text("The file cannot be read as it is.")
    app.expect(main).to_contain_text("line 3")
    app.expect(app.page.get_by_role("button", name=USE)).to_be_disabled()
    app.click_button("Leave these rows out")
    app.expect(main).to_contain_text("a matrix of 4 rows × 4 columns")
    app.expect(app.page.get_by_role("button", name=USE)).to_be_enabled()
    app.click_button("Discard")
    app.expect(app.page.get_by_role("button", name=USE)).to_have_count(0)
    app.expect(app.sidebar()).to_contain_text("Films and their keywords")


def test_the_file_stays_while_another_page_is_looked_at(app):
    bring(app, "missing.csv", FILMS.replace(b"3,5", b""))
    main = app.page.get_by_test_id("stMain")
    app.expect(main).to_contain_text("1 cell of 20 is missing")
    app.go("Topics").go("Data")
    app.expect(main).to_contain_text("1 cell of 20 is missing")
    app.click_button("They mean zero")
    app.expect(app.page.get_by_role("button", name=USE)).to_be_enabled()


def test_a_packed_table_is_read_beside_the_page(app):
    import gzip

    rows = b"".join(b"r%d,%d,%d\n" % (i, i % 7, i % 5 + 1) for i in range(3000))
    bring(app, "table.csv.gz", gzip.compress(b"name,a,b\n" + rows))
    app.expect(app.page.get_by_test_id("stMain")).to_contain_text(re.compile("a matrix of 3,000 rows × 2 columns"))


def test_labels_that_are_markup_stay_text_and_call_nobody(app):
    nasty = "![x](http://evil.example/a.png)"
    content = f'name,{nasty},<b onmouseover="x">bold</b>\n{nasty},1,2\n:smile: $x$,3,4\n[l](http://e.example),5,6\n'
    bring(app, "labels.csv", content.encode())
    app.expect(app.page.get_by_test_id("stMain")).to_contain_text("a matrix of 3 rows × 2 columns")
    app.click_button(USE)
    app.click_button("Fit")
    app.expect(app.sidebar()).not_to_contain_text("Press Fit")
    app.go("Topics").go("Matrices").go("Overview")
    assert app.page.get_by_test_id("stMain").locator("img[src^='http://evil'], a[href^='http://e']").count() == 0


def test_what_a_file_leaves_open_is_asked_with_both_readings(app):
    text = b"Police arrest man, 34\nRiver floods town, hundreds flee\nBank raises rates, markets fall\nBoat sinks, crew is safe\n"
    bring(app, "headlines.txt", text)
    main = app.page.get_by_test_id("stMain")
    app.expect(main).to_contain_text("Are these texts, or rows of a table?")
    app.expect(main).to_contain_text("4 documents")
    app.click_button("It is a table")
    app.expect(main).to_contain_text("No column holds numbers")
    app.click_button("Each line is a text")
    app.expect(app.page.get_by_role("button", name=USE)).to_be_enabled()


def test_files_dropped_together_are_one_thing(app):
    app.open("/data").click_button("Bring your own")
    names = {"counts.csv": b"id,a,b\nu,1,2\nv,3,4\nw,5,7\n", "labels.csv": b"id,kind\nu,x\nv,y\nw,x\n"}
    app.page.locator("input[type=file]").first.set_input_files(
        [{"name": name, "mimeType": "text/csv", "buffer": content} for name, content in names.items()]
    )
    app.settled()
    main = app.page.get_by_test_id("stMain")
    app.expect(main).to_contain_text("a matrix of 3 rows × 2 columns")
    app.expect(main).to_contain_text("Facts: kind")
    app.click_button(USE)
    app.expect(main).to_contain_text("Facts about the rows")
