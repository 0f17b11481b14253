// The sums behind one cell, term by term: what pulls it up and what pushes it down; or, for a cell of the model, what each topic gives.
import { el, number } from "./kit.js"

export function sums() {
  const node = el("div", { class: "sums" })
  const head = (...cells) => el("thead", {}, el("tr", {}, cells))
  const heading = (text, role) => el("th", { text, class: role, scope: "col" })
  const bar = (role, share) => el("span", { class: `bar ${role}`, style: { "--share": share } })
  const term = (role, text, share) => el("td", { class: role }, el("i", { text }), bar(role, share))
  const rounded = () => el("td", { class: "soft", text: "rounded", title: "Shown with two decimals; computed with all of them" })
  const row = (name, ...cells) => el("tr", {}, el("th", { scope: "row", text: name }), cells)

  return {
    node,
    update(terms, { factor, turned, pull, push }) {
      const top = Math.max(...terms.map(t => Math.max(t.by * t.x, t.by * t.y)), 1e-12), whole = pull + push || 1
      const rows = terms.map(({ name, by, x, y }) => row(name, el("td", { text: number(by) }),
        term("pull", `× ${x} = ${number(by * x)}`, (by * x) / top), term("push", `× ${number(y)} = ${number(by * y)}`, (by * y) / top)))
      node.style.setProperty("--terms", terms.length)
      node.replaceChildren(
        el("table", {}, head(el("td"), heading(factor === "H" ? "W" : "H"), heading(`× ${turned ? "V" : "X"}`, "pull"), heading("× WH", "push")), el("tbody", {}, rows),
          el("tfoot", {}, row("sum", rounded(), el("td", { class: "pull", text: `pull ${number(pull)}` }), el("td", { class: "push", text: `push ${number(push)}` })))),
        el("div", { class: "tug", role: "img", "aria-label": `pull ${number(pull)} against push ${number(push)}` },
          el("span", { class: "pull", style: { "flex-grow": pull / whole } }), el("span", { class: "push", style: { "flex-grow": push / whole } })))
    },
    mixture(terms, { value }) {
      const top = Math.max(...terms.map(t => t.w * t.h), 1e-12)
      const rows = terms.map(({ name, k, w, h }) => {
        const made = row(name, el("td", { text: number(w) }), term("own", `× ${number(h)} = ${number(w * h)}`, (w * h) / top))
        made.style.setProperty("--of", `var(--c${k})`)
        return made
      })
      node.style.setProperty("--terms", terms.length)
      node.replaceChildren(el("table", {}, head(el("td"), heading("W"), heading("× H")), el("tbody", {}, rows),
        el("tfoot", {}, row("sum", rounded(), el("td", { text: number(value) })))))
    },
  }
}
