// Several seeds in step: the same data and rank from random starts, on one clock, their topics matched to the first run's at the end.
// The errors hardly differ; whether a topic is there in every run is another question.
import { axes, clamp, device, el, keyboard, number, Player, playButton, range, set, slider, svg } from "./kit.js"

const PACE = 6 // frames a second
const SIZE = [120, 40], BOX = [2, 4, 118, 36]
const ALIKE = 0.8 // cosine from which two topics count as the same

export function build(root) {
  let data, frame = 0, topic = 0, pair = [0, 1]
  const view = {}
  const player = new Player(() => { if (frame >= last()) return false; go({ frame: frame + 1 }); return true }, () => view.play?.show(player.playing))
  const last = () => data.iterations.length - 1
  const toggle = () => { if (player.playing) return player.stop(); if (frame >= last()) go({ frame: 0 }); player.start(PACE) }
  const held = change => { player.stop(); go(change) }
  function go(change) {
    frame = clamp(change.frame ?? frame, 0, last())
    topic = clamp(change.topic ?? topic, 0, data.rank - 1)
    pair = change.pair ?? pair
    draw()
  }
  const word = (seed, k, p) => {
    const [, frames, r, count] = data.arrays.tops.shape
    return data.names[data.arrays.tops[((seed * frames + frame) * r + k) * count + p]]
  }
  const alike = (seed, k) => { const [, frames, r] = data.arrays.cosines.shape; return data.arrays.cosines[(seed * frames + frame) * r + k] / data.full }
  const named = s => data.runs[s]
  const error = (seed, f) => data.arrays.errors[seed * data.iterations.length + f]

  function construct() {
    const seeds = data.arrays.errors.shape[0]
    view.curves = range(seeds).map(() => svg("svg", { class: "chart tiny", viewBox: `0 0 ${SIZE.join(" ")}`, "aria-hidden": "true" }))
    view.errors = range(seeds).map(() => el("span", { class: "amount" }))
    const head = el("tr", {}, el("th", { text: data.words.component, scope: "col" }), range(seeds).map(s => el("th", { scope: "col" }, el("button", { class: "press quiet", text: named(s), title: "Put this run into the pair below", onclick: () => held({ pair: [0, s || 1] }) }), view.curves[s], view.errors[s])))
    view.cells = range(data.rank).map(() => range(seeds).map(() => el("td", {})))
    const rows = range(data.rank).map(k => el("tr", {}, el("th", { scope: "row" }, el("button", { class: "press quiet number", text: k + 1, "aria-label": `Follow ${data.words.component} ${k + 1}`, onclick: () => held({ topic: k }) })), view.cells[k]))
    view.rows = rows
    view.pair = el("div", { class: "twins" })
    view.play = playButton(toggle)
    view.slider = slider("Iteration", { min: 0, max: last() }, to => held({ frame: to }))
    view.said = el("div", { class: "unseen", "aria-live": "polite" })
    root.replaceChildren(el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "All runs" }, el("table", { class: "seeds", style: { "--seeds": seeds } }, el("thead", {}, head), el("tbody", {}, rows))),
      view.pair, el("div", { class: "controls" }, view.play.node, view.slider.node), view.said)
    set(root, { tabindex: 0, role: "group", "aria-label": "Several seeds. Left and right arrow go through the iterations, space plays.",
      onkeydown: keyboard({ by: by => held({ frame: frame + by }), to: to => held({ frame: Math.min(to, last()) }), play: toggle }) })
    player.changed()
  }

  function draw() {
    const [seeds] = data.arrays.errors.shape, all = [...data.arrays.errors], high = Math.max(...all), low = Math.min(...all)
    const { x, y, line } = axes(BOX, [0, last()], [low, high])
    range(seeds).forEach(s => {
      const points = range(last() + 1).map(f => [f, error(s, f)])
      view.curves[s].replaceChildren(svg("path", { class: "future", d: line(points) }), svg("circle", { class: "at", cx: x(frame), cy: y(error(s, frame)), r: 3.5 }))
      set(view.errors[s], { text: number(error(s, frame), 4) })
    })
    range(data.rank).forEach(k => {
      set(view.rows[k], { class: k === topic ? "followed" : "" })
      range(seeds).forEach(s => {
        const c = alike(s, k), text = `${word(s, k, 0)}, ${word(s, k, 1)}`
        set(view.cells[k][s], { class: c < ALIKE ? "other" : "same", style: { "--of": `var(--c${k % 10})`, "--like": clamp(c, 0, 1) }, title: `${text}; cosine with the first run: ${number(c)}` })
        set(view.cells[k][s], { text })
      })
    })
    twins()
    view.slider.show(frame, `${data.iterations[frame]}`)
  }

  function twins() {
    const [a, b] = pair, [, , , count] = data.arrays.tops.shape
    const list = s => el("p", {}, el("b", { text: `${named(s)}: ` }), range(count).map(p => word(s, topic, p)).join(", "))
    const at = data.arrays.partners, [, frames] = at.shape, cosine = at[((a * data.arrays.errors.shape[0] + b) * frames + frame) * data.rank + topic] / data.full
    const steady = range(data.rank).filter(k => range(data.arrays.errors.shape[0]).every(s => alike(s, k) >= ALIKE)).length
    const gap = Math.abs(error(a, frame) - error(b, frame))
    view.pair.replaceChildren(
      el("div", {}, el("b", { class: "of", style: { "--of": `var(--c${topic % 10})` }, text: topic + 1 }), el("div", {}, list(a), list(b))),
      el("p", { class: "verdict" }, "cosine between these two: ", el("b", { text: number(cosine) }), " · errors differ by ", el("b", { text: number(gap, 4) }), " · in all runs: ",
        el("b", { text: `${steady} of ${data.rank}` }), ` ${data.words.components}`))
    if (data.veiled) view.said.textContent = ""
    else if (!player.playing) view.said.textContent = view.pair.textContent
  }

  return {
    show(fresh, start) {
      const first = data?.id !== fresh.id
      data = fresh
      if (first) { frame = last(); construct() }
      const nearest = to => data.iterations.reduce((best, v, f) => (Math.abs(v - to) < Math.abs(data.iterations[best] - to) ? f : best), 0)
      go({ ...(start.frame !== undefined ? { frame: start.frame } : start.iteration !== undefined ? { frame: nearest(start.iteration) } : {}),
        ...(start.topic !== undefined ? { topic: start.topic - 1 } : {}), ...(start.pair ? { pair: start.pair.map(v => v - 1) } : {}) })
      if (start.play) { if (frame >= last()) go({ frame: 0 }); player.start(PACE) } else player.stop()
    },
    place: () => ({ frame, topic: topic + 1, pair: pair.map(v => v + 1) }),
    stop: () => player.stop(),
  }
}

export default device(build)
