// The formula behind the marked cell, with its numbers under the symbols; pointing at a symbol shows on the board where it comes from.
import { algebra, el, number } from "./kit.js"

const EVEN = 5e-4 // what a factor that is shown as 1.000 may be off by

export function formula(focus) {
  const node = el("div", { class: "formula" })
  const op = text => el("span", { class: "op", text })
  const strong = (value, title) => el("span", { class: "strong", text: value, title })
  const show = (parts, role, said) =>
    node.replaceChildren(el("div", { class: "line" }, parts), el("div", { class: `verdict ${role}`, text: said }))

  function symbol(letters, index, role, value) {
    const point = { onpointerenter: () => focus(role), onpointerleave: () => focus(null), onfocus: () => focus(role), onblur: () => focus(null) }
    return el("span", { class: `symbol ${role}`, tabindex: 0, role: "group", "aria-label": `${letters}, ${index}: ${value}`, ...point },
      el("span", { class: "letters" }, letters, el("sub", { text: index })), el("span", { class: "value", text: value }))
  }

  return {
    node,
    /** One entry's update: multiply by pull / push, or add a step times pull − push. */
    update({ factor, turned, rule, old, fresh, pull, push, rate, index }) {
      const [asks, has] = factor === "H" ? ["(WᵀX)", "(WᵀWH)"] : ["(XHᵀ)", "(WHHᵀ)"], data = algebra("X", turned)
      const pulls = symbol(asks.replace("X", data), index, "pull", number(pull)), pushes = symbol(has, index, "push", number(push))
      const before = () => symbol(factor, index, "old", number(old, 3)), after = symbol(factor, index, "new", number(fresh, 3))
      const parts = rule === "mu"
        ? [after, op("←"), before(), op("×"), el("span", { class: "fraction" }, pulls, pushes), op("="), before(), op("×"), strong(number(push ? pull / push : 0, 3), "pull / push")]
        : [after, op("← max(0,"), before(), op("+"), strong(number(rate, 3), rule === "gd" ? "the step size" : "one over this topic's curvature"), op("× ("), pulls, op("−"), pushes, op("))")]
      const even = Math.abs(fresh - old) < EVEN * Math.max(old, EVEN)
      show(parts, even ? "" : fresh > old ? "pull" : "push", verdict(rule, old, fresh, rate * (pull - push)))
    },
    /** One cell of the model: a sum over the topics. */
    mixture({ terms, value, data, index, letter }) {
      const parts = terms.flatMap(({ k, w, h }) => [k ? op("+") : "", el("span", { class: "product", style: { "--of": `var(--c${k})` }, text: `${number(w)} × ${number(h)}` })])
      const off = data - value
      const said = Math.abs(off) < 0.005 ? "as in the data" : `${letter} has ${data}: ${number(Math.abs(off))} too ${off > 0 ? "little" : "much"}`
      show([symbol("(WH)", index, "new", number(value, 2)), op("="), ...parts, op("="), strong(number(value), "the model's value")], off > 0 ? "pull" : "push", said)
    },
  }
}

/** What becomes of a cell, in words. */
export function verdict(rule, old, fresh, move) {
  if (rule === "mu" && old === 0) return "0 × anything = 0: locked"
  if (rule !== "mu" && old + move < 0) return `would be ${number(old + move)}: cut to 0`
  if (rule !== "mu" && old === 0 && fresh > 0) return "pull wins: it leaves zero"
  if (Math.abs(fresh - old) < EVEN * Math.max(old, EVEN)) return "both pull alike: it stays"
  return fresh > old ? "pull wins: it grows" : fresh < old ? "push wins: it shrinks" : "it stays"
}
