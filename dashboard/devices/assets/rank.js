// Error over rank: the reader draws the curve that he or she expects, then the real ones appear. The training error never turns; the
// held-out one does, at the rank the data were made with.
import { axes, clamp, device, el, label, number, pointer, press, range, set, svg } from "./kit.js"

const SIZE = [760, 330], BOX = [60, 18, 590, 282]
const CURVES = { train: ["training error", "var(--c0)"], floor: ["SVD floor", "var(--st-text-color)"], held: ["held-out error", "var(--c1)"] }
const NUDGE = 0.05 // relative error a key moves a drawn point
const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1]
const APART = 17 // between two labels

export function build(root) {
  let data, place = { drawn: [], curves: Object.keys(CURVES), ask: "train" }, chosen = 0, scale
  const view = {}

  function construct() {
    view.svg = svg("svg", { class: "chart ranks keeps", viewBox: `0 0 ${SIZE.join(" ")}` })
    view.fields = data.ranks.map((r, i) => el("input", {
      type: "number", min: 0, max: 1.2, step: NUDGE, "aria-label": `Your error at rank ${r}`, oninput: event => put(i, event.target.value === "" ? null : +event.target.value),
    }))
    view.clear = press("Draw anew", "Take your curve away", () => { place.drawn = []; draw() })
    view.toggles = Object.entries(CURVES).map(([key, [text]]) => [key, el("button", { class: "press toggle", text, onclick: () => toggle(key) })])
    view.hint = el("div", { class: "soft hint" })
    view.said = el("div", { class: "unseen", "aria-live": "polite" })
    view.own = el("fieldset", { class: "fields keeps" }, el("legend", { text: "Your curve, number by number" }), data.ranks.map((r, i) => el("label", {}, el("span", { text: `rank ${r}` }), view.fields[i])), view.clear)
    root.replaceChildren(el("div", { class: "rankup" }, view.svg, el("div", {}, view.hint, view.own, el("div", { class: "controls left curves" }, view.toggles.map(t => t[1])))), view.said)
    const at = event => {
      const [x, y] = pointer(event, view.svg, SIZE)
      put(clamp(Math.round(scale.value(x)) - data.ranks[0], 0, data.ranks.length - 1), clamp(scale.level(y), 0, 1))
    }
    set(view.svg, {
      tabindex: 0, role: "group", onkeydown: keys,
      onpointerdown: event => { if (data.drawing) { view.svg.setPointerCapture(event.pointerId); at(event) } },
      onpointermove: event => { if (data.drawing && event.buttons) at(event) },
    })
  }

  function put(i, value) {
    place.drawn[i] = value === null || !Number.isFinite(value) ? undefined : clamp(value, 0, 1.2)
    draw()
  }
  function toggle(key) {
    place.curves = place.curves.includes(key) ? place.curves.filter(k => k !== key) : [...place.curves, key]
    draw()
  }
  function keys(event) {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key], to = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (!data.drawing || !(by || to)) return
    if (to) chosen = clamp(chosen + to, 0, data.ranks.length - 1)
    else put(chosen, (place.drawn[chosen] ?? place.drawn[chosen - 1] ?? 0.6) + by * NUDGE)
    draw()
    view.said.textContent = `Rank ${data.ranks[chosen]}: ${place.drawn[chosen] === undefined ? "nothing drawn" : number(place.drawn[chosen])}`
    event.preventDefault(); event.stopPropagation()
  }

  function draw() {
    const shown = data.veiled ? [] : place.curves, first = data.ranks[0], last = data.ranks.at(-1)
    scale = axes(BOX, [first, last], [0, 1])
    const { x, y, line } = scale, inside = v => clamp(v, 0, 1)
    const grid = TICKS.flatMap(t => [svg("line", { class: "grid", x1: BOX[0], x2: BOX[2], y1: y(t), y2: y(t) }), label(BOX[0] - 8, y(t) + 5, t.toFixed(1), { "text-anchor": "end" })])
    const ranks = data.ranks.map(r => label(x(r), BOX[3] + 22, r, { "text-anchor": "middle" }))
    const mine = data.ranks.map((r, i) => [r, place.drawn[i]]).filter(([, v]) => v !== undefined)
    const nodes = [...grid, ...ranks, label((BOX[0] + BOX[2]) / 2, SIZE[1] - 6, "rank", { "text-anchor": "middle" }), label(BOX[0] - 8, 12, "relative error", { "text-anchor": "start", class: "axis" })]
    const names = []
    if (mine.length) {
      nodes.push(svg("path", { class: "yours", d: line(mine) }), ...mine.map(([r, v]) => svg("circle", { class: "yours", cx: x(r), cy: y(v), r: 5 })))
      names.push(["yours", mine.at(-1)[1], "var(--st-text-color)"])
    }
    if (data.drawing) nodes.push(svg("line", { class: "chosen", x1: x(data.ranks[chosen]), x2: x(data.ranks[chosen]), y1: BOX[1], y2: BOX[3] }))
    for (const key of shown) {
      const [text, colour] = CURVES[key], points = data.ranks.map((r, i) => [r, data[key][i]]).filter(([, v]) => v !== null), far = points.filter(([, v]) => v > 1)
      nodes.push(svg("path", { class: `real ${key}`, style: { stroke: colour }, d: line(points.map(([r, v]) => [r, inside(v)])) }),
        ...points.map(([r, v]) => svg("circle", { cx: x(r), cy: y(inside(v)), r: 4, style: { fill: colour } })))
      far.forEach(([r, v]) => nodes.push(label(x(r) - 8, y(1) + 14, `${number(v)} ↑`, { "text-anchor": "end", class: "value" })))
      if (key === "held") nodes.push(svg("line", { class: "turn", x1: x(data.turn), x2: x(data.turn), y1: y(data.held[data.turn - first]) - 12, y2: BOX[1] }), label(x(data.turn) + 6, BOX[1] + 12, `lowest at rank ${data.turn}`, { class: "value" }))
      names.push([text, inside(points.at(-1)[1]), colour])
    }
    names.sort((a, b) => b[1] - a[1]).reduce((free, [text, v, colour]) => {
      const at = Math.max(free, y(v) + 5)
      nodes.push(label(BOX[2] + 12, at, text, { class: "name", style: { fill: `color-mix(in srgb, ${colour} 66%, var(--st-text-color))` } }))
      return at + APART
    }, 0)
    view.svg.replaceChildren(...nodes)
    view.fields.forEach((field, i) => { const text = place.drawn[i] === undefined ? "" : place.drawn[i].toFixed(2); if (+field.value !== +text || text === "") field.value = text })
    set(view.own, { hidden: !data.drawing })
    view.toggles.forEach(([key, button]) => set(button, { "aria-pressed": String(place.curves.includes(key)) }))
    view.hint.textContent = data.drawing ? `Draw the ${CURVES[place.ask][0]} you expect: press and drag across the chart, or use the arrow keys on it, or type.` : verdict(shown)
    set(view.svg, { "aria-label": data.drawing ? "An empty chart of error over rank, to draw on. Left and right choose a rank, up and down move your point." : caption(shown) })
    view.said.textContent = data.veiled || data.drawing ? view.said.textContent : `${caption(shown)}. ${verdict(shown)}`
  }
  /** What there is to see, in a sentence for each curve. */
  const verdict = shown => [shown.includes("train") && "The training error only ever falls: each further part can fit a little more of the noise.",
    shown.includes("held") && `The error on entries the fit has not seen is lowest at rank ${data.turn}.`,
    shown.length === Object.keys(CURVES).length && `The data were made from ${data.planted} parts.`,
    shown.length === 0 && !data.veiled && "Choose a curve."].filter(Boolean).join(" ")
  const caption = shown => shown.map(key => `${CURVES[key][0]}: ${data.ranks.map((r, i) => (data[key][i] === null ? "" : `rank ${r} ${number(data[key][i])}`)).filter(Boolean).join(", ")}`).join(". ")

  return {
    show(fresh, start) {
      const first = data?.id !== fresh.id, { drawn, curves, ask } = start
      data = { ...fresh, drawing: root.classList.contains("drawing") }
      if (first) construct()
      if (ask && ask !== place.ask && !drawn) place.drawn = [] // another question: an empty chart
      place = { ...place, ...(drawn ? { drawn: [...drawn] } : {}), ...(curves ? { curves: [...curves] } : {}), ...(ask ? { ask } : {}) }
      if (data.veiled) view.said.textContent = ""
      draw()
    },
    place: () => ({ ...place, drawn: [...place.drawn], told: undefined }),
    stop() {},
  }
}

export default device(build)
