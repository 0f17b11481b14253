// The cell lab: one iteration, one cell after the other. Every number was computed by nmfcore (learn/trace.py); here it is chosen.
// A cell of W or H is about its update; a cell of WH is about how the model makes it: no rule, just a sum over the topics.
import { algebra, choice, device, el, flipped, keyboard, number, Player, playButton, press, ramp, range, set, slider, theme } from "./kit.js"
import { board } from "./lab_board.js"
import { formula, verdict } from "./lab_formula.js"
import { errorLine } from "./lab_error.js"
import { sums } from "./lab_sums.js"

const RULES = { mu: "Multiply", gd: "Gradient step", hals: "HALS" }
const GRAINS = { cell: "cell", half: "factor", iteration: "iteration" }
const PACE = { cell: 2, half: 1.25, iteration: 4 } // steps a second

/** The whole scene in the other notation: X turned over, W and H changing places. */
export function turn(scene) {
  const other = { W: "H", H: "W", WH: "WH" }
  const group = g => ({ ...g, pull: flipped(g.pull), push: flipped(g.push), model: flipped(g.model) })
  const half = h => ({ ...h, factor: other[h.factor], before: flipped(h.before), after: flipped(h.after), groups: h.groups.map(group) })
  const trace = t => ({ ...t, start: { W: flipped(t.start.H), H: flipped(t.start.W) }, halves: t.halves.map(half) })
  const traces = Object.fromEntries(Object.entries(scene.traces).map(([key, t]) => [key, trace(t)]))
  const words = { ...scene.words, row: scene.words.column, column: scene.words.row }
  const tops = { ...scene.tops, W: scene.tops.H, H: scene.tops.W }
  return { ...scene, words, rows: scene.columns, columns: scene.rows, X: flipped(scene.X), tops, traces }
}

export function build(root, send) {
  let data, turned, place = {}, peeked = null, colours
  const view = {}
  const player = new Player(() => step(1), () => view.play?.show(player.playing))

  // -- where we are: half h of the trace, of which the first b cells are new already; or a cell of the model ------------------------
  const trace = () => data.traces[place.rule]
  const half = () => trace().halves[place.h]
  const order = factor => { // the cells of a factor, component by component, in the order in which they are looked at
    const [m, n, r] = [data.rows.length, data.columns.length, data.rank]
    if (factor === "WH") return range(m).flatMap(i => range(n).map(j => [i, j]))
    return factor === "H" ? range(r).flatMap(k => range(n).map(j => [k, j])) : range(r).flatMap(k => range(m).map(i => [i, k]))
  }
  const indexOf = (factor, i, j) => order(factor).findIndex(([a, b]) => a === i && b === j)
  const looked = () => (place.model ? "WH" : half().factor)
  const cell = () => peeked ?? place.model ?? order(half().factor)[place.b]

  function step(by) {
    if (place.model) {
      const all = order("WH"), to = indexOf("WH", ...place.model) + by
      if (!all[to]) return false
      go({ model: all[to] })
      return true
    }
    const last = trace().halves.length, size = h => order(trace().halves[h].factor).length
    let { h, b } = place
    if (place.grain === "cell") b += by
    else if (place.grain === "half") { h += by; b = 0 }
    else h += 2 * by // the same cell, one iteration on
    if (h >= 0 && h < last && b >= size(h)) { h += 1; b = 0 }
    if (b < 0) { h -= 1; b = h >= 0 ? size(h) - 1 : 0 }
    if (h < 0 || h >= last) return false
    go({ h, b })
    return true
  }

  const go = change => { Object.assign(place, change); peeked = null; draw() }
  const held = act => (...given) => { player.stop(); act(...given) }
  const home = held(() => go(place.model ? { model: [0, 0] } : { h: 0, b: 0 }))

  /** A factor as it stands now: of the one that moves, the cells before b are new. */
  function standing(factor) {
    const now = half()
    if (now.factor !== factor) {
      const earlier = trace().halves[place.h - 1]
      return earlier?.factor === factor ? earlier.after : trace().start[factor]
    }
    if (place.model) return now.before
    const mixed = now.before.map(row => [...row])
    order(factor).slice(0, place.b).forEach(([i, j]) => { mixed[i][j] = now.after[i][j] })
    return mixed
  }

  const choose = held((factor, i, j) => {
    if (factor === "WH") return go({ model: [i, j] })
    const h = half().factor === factor ? place.h : place.h + (place.h + 1 < trace().halves.length ? 1 : -1)
    go({ model: null, h, b: indexOf(factor, i, j) })
  })
  const peek = (factor, i, j) => { if (!player.playing) { peeked = factor === looked() ? [i, j] : null; draw() } }
  const other = { W: "H", H: "W" }
  const ours = ([factor, i, j]) => (turned ? [other[factor], j, i] : [factor, i, j]) // what the server knows
  const ask = held(change => send("ask", { step_size: data.step_size, zeros: data.zeros, ...change }))

  // -- controls ---------------------------------------------------------------------------------------------------------------
  const toggle = () => (player.playing ? player.stop() : player.start(PACE[place.grain]))
  function controls() {
    view.play = playButton(toggle)
    view.grain = choice("Step by", GRAINS, held(grain => go({ grain })))
    view.rule = choice("Rule", RULES, held(rule => go({ rule, h: 0, b: 0 })))
    view.size = slider("step, in units of 1/L", { min: 0.25, max: 4, step: 0.25 }, value => { view.size.show(value) })
    view.size.input.onchange = event => ask({ step_size: +event.target.value })
    view.zero = press("Set this cell to 0", "Start again with this cell at zero", () => ask({ zeros: [...data.zeros, ours([half().factor, ...order(half().factor)[place.b]])] }))
    view.restore = press("Undo zeros", "Start again without zeros", () => ask({ zeros: [] }))
    return el("div", { class: "controls" },
      el("div", { class: "keys" }, press("", "To the start", home, "start"), press("", "Back (left arrow)", held(() => step(-1)), "back"),
        view.play.node, press("", "Step (right arrow)", held(() => step(1)), "step")),
      view.dots = el("span", { class: "soft", text: "● new already" }), view.grain.node, view.rule.node, view.size.node, el("div", { class: "keys" }, view.zero, view.restore))
  }

  // -- drawing ----------------------------------------------------------------------------------------------------------------
  const named = (factor, i, j) => (factor === "WH" ? `${data.rows[i]}, ${data.columns[j]}`
    : factor === "H" ? `${data.words.component} ${i + 1}, ${data.columns[j]}` : `${data.rows[i]}, ${data.words.component} ${j + 1}`)
  const indexed = (factor, i, j) => (factor === "WH" ? `${data.rows[i]}, ${data.columns[j]}` : factor === "H" ? `${i + 1},${data.columns[j]}` : `${data.rows[i]},${j + 1}`)

  function update(factor, [i, j]) {
    const now = half(), inH = factor === "H", group = now.groups.find(g => g.components.includes(inH ? i : j))
    const shown = { W: standing("W"), H: standing("H"), X: data.X, WH: group.model }
    const terms = inH ? data.rows.map((name, a) => ({ name, by: shown.W[a][i], x: data.X[a][j], y: group.model[a][j] }))
      : data.columns.map((name, c) => ({ name, by: shown.H[j][c], x: data.X[i][c], y: group.model[i][c] }))
    const found = { factor, turned, rule: place.rule, old: now.before[i][j], fresh: now.after[i][j], pull: group.pull[i][j], push: group.push[i][j],
      rate: now.rate?.[inH ? i : j], index: indexed(factor, i, j) }
    view.sums.update(terms, found)
    view.formula.update(found)
    return [shown, `Iteration ${1 + Math.floor(place.h / 2)}, ${factor}, ${named(factor, i, j)}: ${number(found.old)} becomes ${number(found.fresh)}; `
      + `pull ${number(found.pull)}, push ${number(found.push)}: ${verdict(found.rule, found.old, found.fresh, found.rate * (found.pull - found.push))}.`]
  }

  function mixture([i, j]) {
    const shown = { W: standing("W"), H: standing("H"), X: data.X }
    shown.WH = shown.W.map(w => data.columns.map((_, c) => w.reduce((sum, v, k) => sum + v * shown.H[k][c], 0)))
    const terms = range(data.rank).map(k => ({ name: `${data.words.component} ${k + 1}`, k, w: shown.W[i][k], h: shown.H[k][j] }))
    const found = { terms, value: shown.WH[i][j], data: data.X[i][j], index: indexed("WH", i, j), letter: data.letter }
    view.sums.mixture(terms, found)
    view.formula.mixture(found)
    return [shown, `The model of ${named("WH", i, j)} is ${number(found.value)}: ${terms.map(t => `${t.name} ${number(t.w)} times ${number(t.h)}`).join(" plus ")}. The data say ${found.data}.`]
  }

  function draw() {
    const factor = looked(), at = cell()
    const [shown, said] = place.model ? mixture(at) : update(factor, at)
    const done = (name, a, c) => !place.model && name === factor && indexOf(name, a, c) < place.b
    view.board.draw({ shown, factor, at, done, locks: place.rule === "mu" && !data.veiled, colours, named })
    view.error.show(data, place)
    view.grain.mark(place.grain); view.rule.mark(place.rule)
    set(view.dots, { hidden: Boolean(place.model) || place.b === 0 }); set(view.rule.node, { hidden: Boolean(place.model) }); set(view.grain.node, { hidden: Boolean(place.model) })
    set(view.size.node, { hidden: place.rule !== "gd" || data.offline || place.model })
    set(view.zero, { hidden: Boolean(data.offline || place.model) }); set(view.restore, { hidden: Boolean(data.offline || !data.zeros.length) })
    view.size.show(data.step_size)
    if (data.veiled) view.said.textContent = ""
    else if (!player.playing && !peeked) view.said.textContent = said
  }

  function construct() {
    view.error = errorLine(held(i => go({ model: null, h: Math.min(2 * i + (place.h % 2), trace().halves.length - 1) })))
    view.sums = sums()
    view.board = board(data, { choose, peek, error: view.error.node, sums: view.sums.node, turned })
    view.formula = formula(role => view.board.focus(role))
    view.said = el("div", { class: "unseen", "aria-live": "polite" })
    root.replaceChildren(view.board.node, view.formula.node, controls(), view.said)
    const to = at => (at === 0 ? home() : undefined)
    set(root, { tabindex: 0, role: "group", "aria-label": "Cell lab. Left and right arrow step, space plays.", onkeydown: keyboard({ by: by => held(step)(by), to, play: toggle }) })
    player.changed()
  }

  return {
    show(fresh, start) {
      const before = data && [data.title, turned].join()
      turned = Boolean(fresh.turned)
      data = turned ? turn(fresh) : fresh
      data.letter = algebra("X", turned)
      if (before !== [data.title, turned].join()) construct()
      place = { rule: "mu", grain: "cell", h: 0, b: 0, model: null, ...place, ...lessonPlace(start) }
      place.h = Math.min(Math.max(place.h, 0), trace().halves.length - 1)
      place.b = Math.min(Math.max(place.b, 0), order(half().factor).length - 1)
      colours = ramp(theme(root).sequential)
      peeked = null
      draw()
      start.play ? player.start(PACE[place.grain]) : player.stop()
    },
    place: () => ({ rule: place.rule, grain: place.grain, h: place.h, b: place.b, model: place.model, turned }),
    stop: () => player.stop(),
  }

  /** What a lesson says (rule, iteration, factor, cell in our notation) as a place on this board; a kept place turns along. */
  function lessonPlace(start) {
    const { rule, grain, h, b, model } = start, kept = Object.fromEntries(Object.entries({ rule, grain, h, b, model }).filter(([, v]) => v !== undefined))
    if (start.turned !== undefined && start.turned !== turned) { // the notation was switched: the same cell, wherever it is now
      if (kept.model) kept.model = [kept.model[1], kept.model[0]]
      else kept.b = 0
    }
    if (!start.cell) return kept
    const [i, j] = start.cell.map(v => v - 1), [factor, a, c] = turned ? [other[start.factor] ?? "WH", j, i] : [start.factor, i, j]
    const found = { model: factor === "WH" ? [a, c] : null, h: 2 * ((start.iteration ?? 1) - 1), b: 0 }
    if (factor !== "WH") {
      const rule = kept.rule ?? place.rule ?? "mu"
      if (data.traces[rule].halves[found.h].factor !== factor) found.h += 1
      found.b = indexOf(factor, a, c)
    }
    return { ...kept, ...found }
  }
}

export default device(build)
