// The scrubber: W, H, WH and what is left, at any recorded iteration; nmfcore computed them and sent one block. The one formula here
// is the picture's WH = W H of the stored factors, so that no iteration needs the server.
import { algebra, clamp, device, el, keyboard, number, picture, Player, playButton, ramp, range, set, signed, slider, theme, transposed } from "./kit.js"
import { curve } from "./scrubber_curve.js"

const PACE = 12 // frames a second
const FULL = 65535 // a stored factor is a whole number up to this, in units of its iteration's maximum

/** WH (m, n) at frame f from the stored whole numbers, in the units of X. */
export function product(arrays, f, out) {
  const [, m, r] = arrays.W.shape, n = arrays.H.shape[2], unit = (arrays.W_top[f] * arrays.H_top[f]) / FULL ** 2
  const W = arrays.W.subarray(f * m * r, (f + 1) * m * r), H = arrays.H.subarray(f * r * n, (f + 1) * r * n)
  out.fill(0)
  for (let i = 0; i < m; i++) for (let k = 0; k < r; k++) {
    const w = W[i * r + k] * unit
    if (w) for (let j = 0, o = i * n, h = k * n; j < n; j++) out[o + j] += w * H[h + j]
  }
  return out
}

/** The whole film in the other notation. */
export function turn(film) {
  const { X, W, H, W_top, H_top, tops } = film.arrays, [f, m, r] = W.shape, n = H.shape[2]
  const shaped = (array, ...shape) => Object.assign(array, { shape })
  const arrays = { X: shaped(transposed(X, m, n), n, m), W: shaped(transposed(H, r, n), f, n, r), H: shaped(transposed(W, m, r), f, r, m), W_top: H_top, H_top: W_top, tops }
  return { ...film, arrays, rows: film.columns, columns: film.rows, words: { ...film.words, row: film.words.column, column: film.words.row } }
}

export function build(root) {
  let data, turned, frame = 0, model, at = null, colours
  const view = {}
  const player = new Player(() => { if (frame >= last()) return false; go(frame + 1); return true }, () => view.play?.show(player.playing))
  const last = () => data.iterations.length - 1
  const go = to => { frame = clamp(Math.round(to), 0, last()); draw() }
  const held = to => { player.stop(); go(to) }
  const toggle = () => { if (player.playing) return player.stop(); if (frame >= last()) go(0); player.start(PACE) }
  const letter = name => data.letters?.[name] ?? algebra(name, turned)

  // -- built once ----------------------------------------------------------------------------------------------------------------
  function construct() {
    const [, m, r] = data.arrays.W.shape, n = data.arrays.H.shape[2]
    model = new Float32Array(m * n)
    const sizes = { W: [r, m], H: [n, r], WH: [n, m], X: [n, m], rest: [n, m] }
    view.pictures = Object.fromEntries(Object.entries(sizes).map(([name, [width, height]]) => [name, picture(width, height, said(name))]))
    view.cross = {}
    const framed = (name, column, row) => {
      const lines = view.cross[name] = [el("div", { class: "cross", hidden: true }), el("div", { class: "cross", hidden: true })]
      const box = el("div", { class: `frame ${name}`, style: { "grid-column": column, "grid-row": row } }, view.pictures[name].node, lines)
      if (sizes[name][0] === n && sizes[name][1] === m) set(box, { onpointermove: e => point(e, box), onpointerleave: () => { at = null; read() } })
      return box
    }
    const title = (text, also, column, row) => el("div", { class: "title", style: { "grid-column": column, "grid-row": row } }, el("b", { text }), ` ${also}`)
    const { component, column } = data.words
    view.curve = curve(held)
    const film = el("div", { class: "film", style: { "--n": n, "--m": m } },
      title(letter("H"), `${component} × ${column}`, 2, 1), framed("H", 2, 2), view.curve.node,
      title(letter("W"), "", 1, 3), title(letter("WH"), "the model", 2, 3), title(letter("X"), "the data", 3, 3), title(`${letter("X")} − ${letter("WH")}`, "what is left", 4, 3),
      framed("W", 1, 4), framed("WH", 2, 4), framed("X", 3, 4), framed("rest", 4, 4))
    view.lists = range(r).map(k => el("ol", { "aria-label": `${component} ${k + 1}` }, range(data.arrays.tops.shape[2]).map(() => el("li"))))
    view.reading = el("div", { class: "reading" })
    view.said = el("div", { class: "unseen", "aria-live": "polite" })
    view.play = playButton(toggle)
    view.slider = slider("Iteration", { min: 0, max: last() }, held)
    view.slider.input.onchange = () => say()
    root.replaceChildren(film, el("div", { class: "topics" }, view.lists), view.reading, el("div", { class: "controls scrub" }, view.play.node, view.slider.node), view.said)
    const keys = keyboard({ by: by => { held(frame + by); say() }, to: to => { held(Math.min(to, last())); say() }, play: toggle })
    set(root, { tabindex: 0, role: "group", "aria-label": "Scrubber. Left and right arrow go through the iterations, space plays.", onkeydown: keys })
    player.changed()
  }
  const said = name => ({ W: "One factor", H: "The other factor", WH: "The model at this iteration", X: "The data", rest: "The data minus the model" })[name]

  function point(event, box) {
    const [, m] = data.arrays.W.shape, n = data.arrays.H.shape[2], area = box.getBoundingClientRect()
    const cell = (share, size) => clamp(Math.floor(share * size), 0, size - 1)
    at = [cell((event.clientY - area.top) / area.height, m), cell((event.clientX - area.left) / area.width, n)]
    read()
  }

  // -- drawing ---------------------------------------------------------------------------------------------------------------------
  function draw() {
    const { arrays } = data, [, m, r] = arrays.W.shape, n = arrays.H.shape[2], f = frame
    product(arrays, f, model)
    const { WH, rest, X, W, H } = view.pictures, unit = 255 / data.top, { values, left, own } = colours
    for (let c = 0; c < m * n; c++) {
      const x = arrays.X[c], y = model[c] * unit, d = 127.5 + (x - y) / 2
      WH.words[c] = values.packed[y > 255 ? 255 : y | 0]
      X.words[c] = values.packed[x]
      rest.words[c] = left.packed[d < 0 ? 0 : d > 255 ? 255 : d | 0]
    }
    for (let i = 0; i < m; i++) for (let k = 0; k < r; k++) W.words[i * r + k] = own[k].packed[arrays.W[(f * m + i) * r + k] >> 8]
    for (let k = 0; k < r; k++) for (let j = 0; j < n; j++) H.words[k * n + j] = own[k].packed[arrays.H[(f * r + k) * n + j] >> 8]
    Object.values(view.pictures).forEach(p => p.done())
    lists()
    view.curve.show(data, frame)
    view.slider.show(frame, `${data.iterations[f]}`)
    read()
  }

  /** The top words now; those that are also in the list of the end are bold. */
  function lists() {
    const { tops } = data.arrays, [, r, count] = tops.shape, word = (f, k, p) => tops[(f * r + k) * count + p]
    view.final = 0
    range(r).forEach(k => {
      const end = new Set(range(count).map(p => word(last(), k, p)))
      set(view.lists[k], { style: { "--of": `var(--c${k % 10})` } })
      view.lists[k].childNodes.forEach((node, p) => {
        const there = end.has(word(frame, k, p))
        view.final += there
        set(node, { text: data.names[word(frame, k, p)], class: there ? "final" : "" })
      })
    })
  }

  function read() {
    const [, m, r] = data.arrays.W.shape, n = data.arrays.H.shape[2], bold = text => el("b", { text })
    for (const [name, [across, down]] of Object.entries(view.cross)) {
      set(across, { hidden: !at || name === "H" }); set(down, { hidden: !at || name === "W" })
      if (at) {
        set(across, { style: { left: 0, right: 0, height: "1px", top: `${((at[0] + 0.5) / m) * 100}%` } })
        set(down, { style: { top: 0, bottom: 0, width: "1px", left: `${((at[1] + 0.5) / n) * 100}%` } })
      }
    }
    if (at) {
      const [i, j] = at, x = (data.arrays.X[i * n + j] / 255) * data.top, y = model[i * n + j]
      view.reading.replaceChildren(bold(data.rows[i]), " × ", bold(data.columns[j]), `: ${letter("X")} ${number(x)}, ${letter("WH")} ${number(y)}, left ${number(x - y)}`)
    } else view.reading.replaceChildren("iteration ", bold(data.iterations[frame]), " · relative error ", bold(number(data.errors[frame], 4)), " · ",
      bold(`${view.final} of ${r * data.arrays.tops.shape[2]}`), ` top ${data.words.many} are those of the end`)
  }
  const say = () => { if (!data.veiled) view.said.textContent = view.reading.textContent }

  return {
    show(fresh, start) {
      const key = [fresh.id, Boolean(fresh.turned)].join(), first = view.key !== key
      if (first) { data = fresh.turned ? turn(fresh) : fresh; turned = Boolean(fresh.turned) }
      else data = { ...data, veiled: fresh.veiled }
      view.key = key
      const now = theme(root), own = range(data.arrays.W.shape[2]).map(k => ramp([now.background, now.categorical[k % now.categorical.length]]))
      colours = { values: ramp(now.sequential), left: signed(now), own }
      if (first) construct()
      const nearest = iteration => data.iterations.reduce((best, v, f) => (Math.abs(v - iteration) < Math.abs(data.iterations[best] - iteration) ? f : best), 0)
      go(start.iteration !== undefined ? nearest(start.iteration) : start.frame ?? (first ? 0 : frame))
      start.play ? player.start(PACE) : player.stop()
      view.said.textContent = ""
    },
    place: () => ({ frame }),
    stop: () => player.stop(),
  }
}

export default device(build)
