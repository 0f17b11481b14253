"""Back and Forward walk through what was seen: pages, runs of one's own data with blanks, the catalog's before it."""

from __future__ import annotations

ROWS = [f"r{i},{i},{9 - i},,{i % 4}\nq{i},{i * i % 5},,{7 - i},1\n" for i in range(1, 8)]
BLANKS = ("name,a,b,c,d\n" + "".join(ROWS)).encode()


def test_back_and_forward_walk_through_pages_and_runs_with_one_step_each(app):
    title = app.title()
    app.open("/").set_slider("Rank", 9)
    app.expect(title).to_contain_text("Nine topics in 200 films")
    app.go("Data").click_button("Bring your own")
    app.page.locator("input[type=file]").first.set_input_files({"name": "blanks.csv", "mimeType": "text/csv", "buffer": BLANKS})
    app.settled()
    app.page.get_by_role("button", name="Not measured").click()
    app.settled().click_button("Use this data").click_button("Fit")
    app.expect(app.sidebar()).to_contain_text("Last run")
    app.go("Overview")
    app.expect(title).to_contain_text("topics in 14 rows")
    own = title.inner_text()
    app.set_slider("Rank", 1)
    app.expect(title).to_contain_text("One topic in 14 rows")
    app.go("Items")
    app.expect(title).to_contain_text("14 rows")

    def step(forward, *said):
        (app.page.go_forward if forward else app.page.go_back)()
        app.settled()
        for place, text in said:
            app.expect(place).to_contain_text(text)
        app.expect(app.page.locator(".st-key-refusal, .st-key-missing, .st-key-news")).to_have_count(0)

    step(False, (title, "One topic in 14 rows"))
    step(False, (title, own))
    step(False, (title, "Data"), (app.sidebar(), "blanks.csv"))
    step(False, (title, "Data"), (app.sidebar(), "Films and their keywords"))
    step(False, (title, "Nine topics in 200 films"))
    step(False, (title, "Ten topics in 200 films"))
    step(True, (title, "Nine topics in 200 films"))
    step(True, (title, "Data"))
    step(True, (app.sidebar(), "blanks.csv"))
