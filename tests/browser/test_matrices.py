"""Does a link open the Matrices page as it was, and does a box over the picture bring up its real cells?"""

import re


def test_a_link_keeps_the_order_and_a_box_shows_the_cells_it_holds(app):
    app.open("/matrices?data=digits&rank=5&matrix=All+three&order=By+label")
    main = app.page.get_by_test_id("stMain")
    app.expect(main).to_contain_text("Digits by label, then by largest part")
    app.expect(main).to_contain_text("Real cells of X, WH and the residual: digits 1 to 20 of 1,797")
    plot = app.page.locator(".js-plotly-plot .nsewdrag").first
    area = plot.bounding_box()
    app.page.mouse.move(area["x"] + 0.5 * area["width"], area["y"] + 0.5 * area["height"])
    app.page.mouse.down()
    app.page.mouse.move(area["x"] + 0.8 * area["width"], area["y"] + 0.6 * area["height"], steps=6)
    app.page.mouse.up()
    app.expect(main).to_contain_text(re.compile(r"digits (8|9)\d\d to (8|9)\d\d of 1,797 × pixels (3|4)\d to \d\d of 64"))
