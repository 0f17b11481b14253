// Two unknowns: the loss over both of them as contours, and the ways that three rules take. The paths are nmfcore's own iterates.
import { axes, clamp, device, el, keyboard, label, number, Player, playButton, set, slider, svg } from "./kit.js"

const SIZE = [520, 400], BOX = [44, 14, 506, 364]
const NAMES = { gd: "Gradient", mu: "Multiply", hals: "HALS" }
const COLOUR = { gd: "var(--c1)", mu: "var(--c0)", hals: "var(--c2)" }
const PACE = 2 // steps a second
const LINE = 17 // between two names
const NEAR = 1e-4 // distance at which a rule has arrived

export function build(root) {
  let data, place = { methods: Object.keys(NAMES), steps: 0, step_size: 1 }, letters
  const view = {}
  const player = new Player(() => { if (place.steps >= last()) return false; go({ steps: place.steps + 1 }); return true }, () => view.play?.show(player.playing))
  const last = () => data.paths.mu.length - 1
  const toggle = () => { if (player.playing) return player.stop(); if (place.steps >= last()) go({ steps: 0 }); player.start(PACE) }
  const held = change => { player.stop(); go(change) }
  const path = method => (method === "gd" ? data.paths.gd[String(place.step_size)] : data.paths[method])
  function go(change) { place = { ...place, ...change }; place.steps = clamp(place.steps, 0, last()); draw() }

  function construct() {
    const [x0, x1, y0, y1] = data.box, { x, y, line } = axes(BOX, [x0, x1], [y0, y1])
    view.svg = svg("svg", { class: "chart plane", viewBox: `0 0 ${SIZE.join(" ")}`, role: "img" })
    const ticks = to => Array.from({ length: Math.floor(to * 2) + 1 }, (_, i) => i / 2)
    view.moving = svg("g", {})
    view.svg.append(
      svg("rect", { class: "allowed", x: x(0), y: BOX[1], width: BOX[2] - x(0), height: y(0) - BOX[1] }),
      ...data.contours.map(points => svg("path", { class: "contour", d: line(points) })),
      svg("line", { class: "wall", x1: x(0), x2: x(0), y1: BOX[1], y2: BOX[3] }), svg("line", { class: "wall", x1: BOX[0], x2: BOX[2], y1: y(0), y2: y(0) }),
      ...ticks(x1).map(t => label(x(t), y(0) + 16, t, { "text-anchor": "middle" })), ...ticks(y1).filter(Boolean).map(t => label(x(0) - 6, y(t) + 4, t, { "text-anchor": "end" })),
      label(BOX[2], y(0) - 6, letters[0], { "text-anchor": "end", class: "axis" }), label(x(0) + 6, BOX[1] + 12, letters[1], { class: "axis" }), view.moving)
    if (data.free) view.svg.append(svg("circle", { class: "free", cx: x(data.free[0]), cy: y(data.free[1]), r: 5 }), label(x(data.free[0]) + 9, y(data.free[1]) + 5, "best, if negative were allowed"))
    view.best = data.best ? svg("path", { class: "best", d: star(x(data.best[0]), y(data.best[1])) }) : svg("path", { class: "valley", d: line(data.valley) })
    view.svg.append(view.best)
    view.rows = Object.keys(NAMES).map(method => [method, el("tr", { style: { "--of": COLOUR[method] } }, el("th", { scope: "row" }, el("button", { class: "press toggle", text: NAMES[method], onclick: () => flip(method) })), el("td"), el("td"), el("td"))])
    const head = ["rule", letters[0], letters[1], "loss"].map(text => el("th", { scope: "col", text }))
    view.play = playButton(toggle)
    view.steps = slider("steps", { min: 0, max: last() }, steps => held({ steps }))
    view.size = slider("gradient's step × L", { min: 0.25, max: 3, step: 0.25 }, step_size => held({ step_size }))
    view.note = el("p", { class: "soft verdict" })
    view.said = el("div", { class: "unseen", "aria-live": "polite" })
    root.replaceChildren(el("div", { class: "twoup" }, view.svg, el("div", {}, el("p", { class: "soft", text: data.about }),
      el("table", { class: "now" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, view.rows.map(r => r[1]))), view.note,
      el("div", { class: "controls left" }, view.play.node, view.steps.node, view.size.node))), view.said)
    set(root, { tabindex: 0, role: "group", "aria-label": "Two unknowns. Left and right arrow step, space plays.",
      onkeydown: keyboard({ by: by => held({ steps: place.steps + by }), to: to => held({ steps: Math.min(to, last()) }), play: toggle }) })
    view.scale = { x, y, line }
    player.changed()
  }
  const star = (x, y) => Array.from({ length: 10 }, (_, i) => {
    const size = i % 2 ? 4 : 9, turn = (Math.PI * i) / 5 - Math.PI / 2
    return `${i ? "L" : "M"}${(x + size * Math.cos(turn)).toFixed(1)} ${(y + size * Math.sin(turn)).toFixed(1)}`
  }).join("") + "Z"
  /** HALS goes one unknown at a time, and in the valley so does everybody: the way has a corner between two pairs. */
  const corners = (method, points) => (method !== "hals" && data.best ? points : points.flatMap((p, i) => (i ? [[p[0], points[i - 1][1]], p] : [p])))
  const flip = method => go({ methods: place.methods.includes(method) ? place.methods.filter(m => m !== method) : [...place.methods, method] })

  function draw() {
    const { x, y, line } = view.scale, shown = data.veiled ? 0 : place.steps
    const nodes = place.methods.flatMap(method => {
      const points = path(method).slice(0, shown + 1), [a, b] = points.at(-1), on = ([u, v]) => [clamp(u, ...data.box.slice(0, 2)), clamp(v, ...data.box.slice(2))]
      return [svg("path", { class: "way", style: { stroke: COLOUR[method] }, d: line(corners(method, points).map(on)) }),
        ...points.map(p => svg("circle", { cx: x(on(p)[0]), cy: y(on(p)[1]), r: 2.6, style: { fill: COLOUR[method] } })),
        svg("circle", { class: "here", cx: x(on([a, b])[0]), cy: y(on([a, b])[1]), r: 7, style: { fill: COLOUR[method] } })]
    })
    if (shown) nodes.push(...names(place.methods.map(method => [method, path(method)[shown]])))
    const [u, v] = data.start
    view.moving.replaceChildren(svg("circle", { class: "start", cx: x(u), cy: y(v), r: 9 }), label(x(u), y(v) - 14, "start", { "text-anchor": "middle" }), ...nodes)
    view.rows.forEach(([method, row]) => {
      const on = place.methods.includes(method), [a, b] = path(method)[shown], [, one, two, loss] = row.children
      set(row.querySelector("button"), { "aria-pressed": String(on) })
      set(one, { text: on ? number(a, 3) : "" }); set(two, { text: on ? number(b, 3) : "" }); set(loss, { text: on ? number(data.loss(a, b), 4) : "" })
    })
    view.note.textContent = data.veiled ? "" : arrived()
    view.steps.show(place.steps)
    view.size.show(place.step_size)
    set(view.size.node, { hidden: !place.methods.includes("gd") })
    const said = `After ${shown} steps: ${place.methods.map(m => `${NAMES[m]} at ${path(m)[shown].map(w => number(w, 2)).join(", ")}`).join("; ")}.`
    set(view.svg, { "aria-label": data.veiled ? "Contours of the loss over two unknowns" : `${data.about} ${said}` })
    view.said.textContent = data.veiled || player.playing ? "" : `${said} ${arrived()}`
  }

  /** The rules' names beside their ends, apart where these are not; the highest first. */
  function names(ends) {
    const { x, y } = view.scale, [x0, x1, y0, y1] = data.box
    let free = -Infinity
    return ends.map(([method, [a, b]]) => [method, x(clamp(a, x0, x1)), y(clamp(b, y0, y1))]).sort((one, other) => one[2] - other[2]).map(([method, u, v]) => {
      free = Math.max(v - 8, free + LINE)
      return label(u + 12, free, NAMES[method], { class: "name", style: { "--of": COLOUR[method] } })
    })
  }

  /** Which rule has arrived after how many steps. */
  function arrived() {
    const off = ([a, b]) => (data.best ? Math.hypot(a - data.best[0], b - data.best[1]) : Math.abs(a * b - 1))
    return place.methods.map(method => {
      const at = path(method).findIndex(p => off(p) <= NEAR)
      return at >= 0 && at <= place.steps ? `${NAMES[method]} arrived after ${at} step${at === 1 ? "" : "s"}` : ""
    }).filter(Boolean).join(" · ") || (place.steps ? "none has arrived yet" : "")
  }

  return {
    show(fresh, start) {
      const first = data?.id !== fresh.id || data.turned !== fresh.turned, [p, q, s] = fresh.form
      data = { ...fresh, loss: fresh.best ? (a, b) => 0.5 * (p[0] * a * a + 2 * p[1] * a * b + p[2] * b * b) - q[0] * a - q[1] * b + s : (a, b) => 0.5 * (1 - a * b) ** 2 }
      letters = fresh.best ? (fresh.turned ? ["h₁", "h₂"] : ["w₁", "w₂"]) : fresh.turned ? ["h", "w"] : ["w", "h"]
      if (first) construct()
      const { methods, steps, step_size } = start
      go({ ...(methods ? { methods: [...methods] } : {}), ...(steps !== undefined ? { steps } : {}), ...(step_size !== undefined ? { step_size } : {}) })
      if (start.play) { if (place.steps >= last()) go({ steps: 0 }); player.start(PACE) } else player.stop()
    },
    place: () => ({ ...place }),
    stop: () => player.stop(),
  }
}

export default device(build)
