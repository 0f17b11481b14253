// Which loss: the same table fitted twice, its cells coloured by their share of what is minimised. One unusual cell, or cells that are
// empty, show what a loss listens to. All fits are nmfcore's.
import { algebra, choice, device, el, flipped, keyboard, number, percent, ramp, range, set, shade, slider, theme } from "./kit.js"

export function build(root) {
  let data, turned, place = { fit: null, outlier: null }, colours
  const view = {}
  const names = () => Object.keys(data.fits)
  const found = () => { const fits = data.fits[place.fit]; return data.outliers ? fits[data.outliers.indexOf(place.outlier)] : fits[0] }
  function go(change) { place = { ...place, ...change }; draw() }

  function construct() {
    const across = turned ? data.rows : data.columns, down = turned ? data.columns : data.rows
    const table = (letter, said) => {
      const cells = down.map(() => across.map(() => el("td", {})))
      const node = el("div", {}, el("div", { class: "title" }, el("b", { text: letter }), ` ${said}`), el("table", { class: "cells" },
        el("thead", {}, el("tr", {}, el("td"), across.map(text => el("th", { scope: "col", text, title: text })))),
        el("tbody", {}, down.map((text, i) => el("tr", {}, el("th", { scope: "row", text, title: text }), cells[i])))))
      return { cells, node }
    }
    view.X = table(algebra("X", turned), "the data, coloured by each cell's share of the loss")
    view.WH = table("WH", "the model")
    view.key = el("div", { class: "facts" })
    view.fit = choice(data.words.fit, data.titles, fit => go({ fit }))
    view.outlier = data.outliers && slider("the marked cell", { min: 0, max: data.outliers.length - 1 }, i => go({ outlier: data.outliers[i] }))
    view.said = el("div", { class: "unseen", "aria-live": "polite" })
    root.replaceChildren(el("div", { class: "lossup" }, view.X.node, view.WH.node), view.key, el("div", { class: "controls" }, view.fit.node, view.outlier?.node), view.said)
    const by = step => {
      const at = data.outliers ? data.outliers.indexOf(place.outlier) : names().indexOf(place.fit), all = data.outliers ?? names()
      const to = all[Math.max(0, Math.min(all.length - 1, at + step))]
      go(data.outliers ? { outlier: to } : { fit: to })
    }
    set(root, { tabindex: 0, role: "group", "aria-label": `Which loss. Left and right arrow change ${data.outliers ? "the unusual cell" : "what an empty cell means"}.`, onkeydown: keyboard({ by, to: () => {}, play: () => {} }) })
  }

  function draw() {
    const now = found(), flip = M => (turned ? flipped(M) : M), X = flip(now.X), WH = flip(now.WH), shares = flip(now.shares), [a, b] = data.at ?? [-1, -1], at = turned ? [b, a] : [a, b]
    const top = Math.max(...shares.flat(), 1e-12), high = Math.max(...WH.flat(), ...X.flat().map(v => v ?? 0))
    X.forEach((row, i) => row.forEach((value, j) => {
      const special = i === at[0] && j === at[1], loud = data.veiled ? 0 : shade(shares[i][j], top), strong = shade(WH[i][j], high)
      set(view.X.cells[i][j], { text: value === null ? "·" : value, class: `${special ? "mine" : ""}${value === null ? " empty" : ""}`, title: `${percent(shares[i][j])} of the loss`,
        style: { background: colours.loud.css[loud], color: colours.loud.ink[loud] } })
      set(view.WH.cells[i][j], { text: data.veiled ? "" : number(WH[i][j], 1), class: `${special ? "mine" : ""}${value === null ? " empty" : ""}`,
        style: { background: colours.values.css[data.veiled ? 0 : strong], color: colours.values.ink[data.veiled ? 0 : strong] } })
    }))
    const facts = data.veiled ? [] : data.outliers
      ? [[number(now.model, 1), "the model there"], [percent(now.share), "of the loss is in that one cell"], [percent(now.moved), "of the topic has moved to other words"]]
      : [[number(now.model, 1), `the model's answer for ${data.asked}`], [number(now.error, 3), "relative error over the given ratings"], [`${data.empty}`, "cells are empty"]]
    view.key.replaceChildren(...facts.map(([value, said]) => el("div", { class: "big" }, el("b", { text: value }), ` ${said}`)))
    view.fit.mark(place.fit)
    view.outlier?.show(data.outliers.indexOf(place.outlier), `${place.outlier}`)
    view.said.textContent = data.veiled ? "" : `${data.titles[place.fit]}${data.outliers ? `, the marked cell ${place.outlier}` : ""}: ${facts.map(f => f.join(" ")).join("; ")}.`
  }

  return {
    show(fresh, start) {
      const first = data?.id !== fresh.id || turned !== Boolean(fresh.turned)
      if (data?.id !== fresh.id) place = { fit: Object.keys(fresh.fits)[0], outlier: fresh.outliers?.at(-1) ?? null }
      data = fresh; turned = Boolean(fresh.turned)
      const now = theme(root)
      colours = { values: ramp(now.sequential), loud: ramp([now.background, now.categorical[1]]) }
      if (first) construct()
      go({ ...(start.fit ? { fit: start.fit } : {}), ...(start.outlier ? { outlier: start.outlier } : {}) })
    },
    place: () => ({ ...place }),
    stop() {},
  }
}

export default device(build)
