// The board of the cell lab: W left of X, H above it, WH right of it, so that rows and columns meet. It marks who takes part in a cell.
import { algebra, el, number, range, set, shade } from "./kit.js"

const PALE = 0.3 // how much of its colour a cell keeps that takes no part
const TINY = 0.005 // below it, the cell says <0.01, and its title how little it is

export function board(data, { choose, peek, error, sums, turned }) {
  const [m, n, r] = [data.rows.length, data.columns.length, data.rank]
  const first = { W: 2, X: 3 + r, WH: 4 + r + n }, top = r + 3 // the first grid column of each, the first grid row of X
  const node = el("div", { class: "board", style: { "--m": m, "--n": n, "--r": r } })
  const cells = {}

  const put = (row, column, props, ...children) =>
    node.appendChild(el("div", { ...props, style: { "grid-row": row, "grid-column": column, ...props.style } }, ...children))
  const title = (letter, said) => [el("b", { text: letter }), ` ${said}`]
  const own = k => ({ color: `color-mix(in srgb, var(--c${k}) 70%, var(--st-text-color))` })

  function matrix(which, rows, columns, row, column, chosen) {
    const one = (i, j) => el(chosen ? "button" : "div", {
      class: "cell", tabindex: chosen ? -1 : null, style: { "grid-row": row + i, "grid-column": column + j },
      onclick: chosen && (() => choose(which, i, j)), onpointerenter: chosen && (() => peek(which, i, j)), onpointerleave: chosen && (() => peek()),
    })
    cells[which] = range(rows).map(i => range(columns).map(j => node.appendChild(one(i, j))))
  }

  put(1, `${first.X} / span ${n}`, { class: "title" }, ...title("H", `${data.words.component} × ${data.words.column}`))
  range(r).forEach(k => put(2 + k, `1 / span ${r + 1}`, { class: "label right component", style: own(k), text: `${data.words.component} ${k + 1}` }))
  put(top - 1, `1 / span ${r + 1}`, { class: "title right" }, ...title("W", `${data.words.row} × ${data.words.component}`))
  data.columns.forEach((text, j) => [first.X, first.WH].forEach(c => put(top - 1, c + j, { class: "label column", text, title: text })))
  data.rows.forEach((text, i) => put(top + i, 1, { class: "label right", text, title: text }))
  matrix("H", r, n, 2, first.X, true); matrix("W", m, r, top, first.W, true)
  matrix("X", m, n, top, first.X); matrix("WH", m, n, top, first.WH, true)
  put(top + m, `${first.X} / span ${n}`, { class: "under" }, ...title(algebra("X", turned), "the data"))
  put(top + m, `${first.WH} / span ${n}`, { class: "under" }, ...title("WH", "the model now"))
  node.append(
    set(error, { style: { "grid-row": `1 / span ${r + 1}`, "grid-column": `${first.WH} / -1` } }),
    set(sums, { style: { "grid-row": `${top - 1} / span ${m + 2}`, "grid-column": "-2 / -1" } }))

  /** Whether a cell takes part in what is looked at. */
  const part = (factor, [i, j]) => (factor === "WH" ? { W: a => a === i, H: (a, c) => c === j, X: (a, c) => a === i && c === j, WH: () => false }
    : factor === "H" ? { W: (a, c) => c === i, H: () => false, X: (a, c) => c === j, WH: (a, c) => c === j }
      : { W: () => false, H: a => a === j, X: a => a === i, WH: a => a === i })

  return {
    node,
    focus: role => set(node, { "data-focus": role }), // dims all but the part of the formula that is pointed at
    draw({ shown, factor, at, done, locks, colours, named }) {
      set(node, { "data-model": factor === "WH" })
      const takes = part(factor, at), tops = { ...data.tops, WH: data.tops.X }
      for (const [which, values] of Object.entries(shown)) values.forEach((row, a) => row.forEach((value, c) => {
        const mine = which === factor && a === at[0] && c === at[1], ours = which === "W" || which === "H"
        const locked = ours && locks && factor !== "WH" && value === 0, colour = shade(value, tops[which])
        set(cells[which][a][c], {
          text: which === "X" ? String(value) : number(value),
          class: ["cell", mine ? "mine" : takes[which](a, c) ? `of-${which}` : "aside", done(which, a, c) && "done", locked && "locked"].filter(Boolean).join(" "),
          style: { "--fill": colours.css[colour], "--pale": colours.css[Math.round(PALE * colour)], "--ink": colours.ink[colour] },
          title: value !== 0 && Math.abs(value) < TINY ? value.toPrecision(2) : null,
          "aria-label": which === "X" ? null : `${which}, ${named(which, a, c)}: ${number(value)}${locked ? ", locked at zero" : ""}`,
        })
      }))
    },
  }
}
