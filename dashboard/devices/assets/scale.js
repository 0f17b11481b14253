// Scale: one topic's column of W times s, its row of H divided by s. The model stays to the last digit, and the films' largest topic
// does not: which topic is a film's depends on a choice nobody sees. The conventions at the end are nmfcore's.
import { algebra, choice, device, el, keyboard, number, picture, ramp, range, set, shade, slider, theme } from "./kit.js"

const SHOWN = 24 // films named as moved, at most
const STEP = 0.1

export function build(root) {
  let data, turned, place = { component: 0, factor: 1 }, colours
  const view = {}
  const { max } = Math

  /** The largest topic of every film when topic k counts s times as much. */
  function largest(k, s) {
    const { W } = data.arrays, [m, r] = W.shape
    return range(m).map(i => {
      let best = 0
      for (let c = 1; c < r; c++) if (W[i * r + c] * (c === k ? s : 1) > W[i * r + best] * (best === k ? s : 1)) best = c
      return best
    })
  }

  const go = change => { place = { ...place, ...change }; place.factor = Math.min(5, max(1, Math.round(place.factor / STEP) * STEP)); draw() }

  function construct() {
    const [m, r] = data.arrays.W.shape, n = data.arrays.H.shape[1]
    view.W = picture(turned ? m : r, turned ? r : m, `${data.words.row} by ${data.words.component}`)
    view.H = picture(turned ? r : n, turned ? n : r, `${data.words.component} by ${data.words.column}`)
    const title = (letter, said) => el("div", { class: "title" }, el("b", { text: letter }), ` ${said}`)
    const { row, column, component } = data.words, sides = (a, b) => (turned ? `${b} × ${a}` : `${a} × ${b}`)
    view.titles = [title(algebra("W", turned), sides(row, component)), title(algebra("H", turned), sides(component, column))]
    view.same = el("div", { class: "big" }); view.moved = el("div", { class: "big" })
    view.names = el("ul", { class: "moves" })
    view.convention = el("p", { class: "soft" })
    view.component = choice(data.words.component, Object.fromEntries(range(r).map(k => [k, k + 1])), k => go({ component: +k }))
    view.slider = slider("times", { min: 1, max: 5, step: STEP }, factor => { go({ factor }) })
    view.said = el("div", { class: "unseen", "aria-live": "polite" })
    view.words = el("ol", { class: "few" })
    root.replaceChildren(
      el("div", { class: "balance" },
        el("div", { class: "sideways" }, view.titles[0], el("div", { class: `frame ${turned ? "low" : "tall"}` }, view.W.node), view.titles[1],
          el("div", { class: `frame ${turned ? "tall" : "low"}` }, view.H.node), el("div", { class: "soft", text: "this topic's first words" }), view.words),
        el("div", {}, view.changed = el("div", {}, view.same, el("div", { class: "soft verdict", text: `${algebra("WH", turned)} before and after: the model is the same` }), view.moved,
          el("div", { class: "soft verdict", text: `${data.words.rows} change their largest ${data.words.component}` }), view.names), view.convention)),
      el("div", { class: "controls" }, view.component.node, view.slider.node), view.said)
    const keys = keyboard({ by: by => go({ factor: place.factor + by * 5 * STEP }), to: at => go({ factor: at ? 5 : 1 }), play: () => {} })
    set(root, { tabindex: 0, role: "group", "aria-label": "Scale. Left and right arrow change the factor.", onkeydown: keys })
  }

  function draw() {
    const { W, H } = data.arrays, [m, r] = W.shape, n = H.shape[1], { component: k, factor: s } = place
    const cell = (words, value, top, row, column, rows, columns, transposed) => { words[transposed ? column * rows + row : row * columns + column] = colours.packed[shade(value, top)] }
    for (let i = 0; i < m; i++) for (let c = 0; c < r; c++) cell(view.W.words, W[i * r + c] * (c === k ? s : 1), data.tops.W, i, c, m, r, turned)
    for (let c = 0; c < r; c++) for (let j = 0; j < n; j++) cell(view.H.words, H[c * n + j] / (c === k ? s : 1), data.tops.H, c, j, r, n, turned)
    view.W.done(); view.H.done()
    const before = largest(k, 1), after = largest(k, s), moved = range(m).filter(i => before[i] !== after[i])
    const change = data.change[k][Math.round((s - 1) / STEP)]
    view.same.replaceChildren(el("b", { text: number(change) }), " largest difference")
    view.moved.replaceChildren(el("b", { class: "count", text: data.veiled ? "?" : moved.length }), ` of ${m}`)
    const jump = i => el("li", {}, el("span", { class: "of", style: { "--of": `var(--c${before[i] % 10})` }, text: before[i] + 1 }), "→",
      el("span", { class: "of", style: { "--of": `var(--c${after[i] % 10})` }, text: after[i] + 1 }), ` ${data.rows[i]}`)
    view.names.replaceChildren(...(data.veiled ? [] : moved.slice(0, SHOWN).map(jump)), moved.length > SHOWN && !data.veiled ? el("li", { text: `and ${moved.length - SHOWN} more` }) : "")
    view.words.replaceChildren(...data.tops_of[k].map(text => el("li", { text })))
    set(view.changed, { hidden: s === 1 })
    view.convention.textContent = data.veiled || s !== 1 ? "" : `Nothing is scaled here, but a scale has to be agreed on. Between ${data.conventions.join(" and ")}, ${data.settled} of ${m} ${data.words.rows} change their largest ${data.words.component}.`
    view.component.mark(k)
    view.slider.show(s, `${number(s, 1)} ×`)
    view.said.textContent = data.veiled ? "" : `${data.words.component} ${k + 1} times ${number(s, 1)}: the model is the same, ${moved.length} of ${m} ${data.words.rows} change their largest ${data.words.component}.`
  }

  return {
    show(fresh, start) {
      const first = data?.id !== fresh.id || turned !== Boolean(fresh.turned)
      data = fresh; turned = Boolean(fresh.turned)
      colours = ramp(theme(root).sequential)
      if (first) construct()
      go({ ...(start.component !== undefined ? { component: start.placed ? start.component : start.component - 1 } : {}), ...(start.factor !== undefined ? { factor: start.factor } : {}) })
      if (start.play) sweep()
      else stop()
    },
    place: () => ({ ...place, placed: true }),
    stop,
  }

  function sweep() { // from 1 to where the slider stands, so that the films are seen to jump
    const end = place.factor > 1 ? place.factor : 5
    stop()
    go({ factor: 1 })
    view.timer = setInterval(() => { if (place.factor >= end - STEP / 2) stop(); else go({ factor: place.factor + STEP }) }, 120)
  }
  function stop() { clearInterval(view.timer) }
}

export default device(build)
