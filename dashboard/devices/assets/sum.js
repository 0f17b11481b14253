// Sum of parts: the first p parts added up, NMF beside the SVD of the same data. NMF's parts only ever add; the SVD's take away as well.
// nmfcore found both; the sums of stored parts are formed here, like every WH of a picture.
import { algebra, choice, clamp, device, el, keyboard, number, percent, picture, Player, playButton, ramp, range, set, signed, slider, theme } from "./kit.js"

const PACE = 1.5 // parts a second
const GAIN = 1.6 // sums of a few parts are far below the largest cell of the data; what is above full strength stays there
const MODELS = ["nmf", "svd"]

/** How much of a part is in the picture. */
const amount = value => (Math.abs(value) < 0.05 ? "≈ 0" : `${value < 0 ? "−" : "+"}${number(Math.abs(value), 1)}`)

export function build(root) {
  let data, turned, parts = 1, item = 0, colours
  const view = {}
  const player = new Player(() => { if (parts >= data.rank) return false; go({ parts: parts + 1 }); return true }, () => view.play?.show(player.playing))
  const toggle = () => { if (player.playing) return player.stop(); if (parts >= data.rank) go({ parts: 0 }); player.start(PACE) }
  const held = to => { player.stop(); go({ parts: to }) }

  function go(change) {
    parts = clamp(change.parts ?? parts, 0, data.rank)
    item = clamp(change.item ?? item, 0, (data.items?.length ?? 1) - 1)
    draw()
  }

  /** The sum of the first p parts (m, n): of all items, or of the one shown. */
  function added(model, p, out) {
    const A = data.arrays[`${model}_W`], B = data.arrays[`${model}_H`], [m, r] = A.shape, n = B.shape[1]
    out.fill(0)
    for (let i = 0; i < m; i++) for (let k = 0; k < p; k++) {
      const a = A[i * r + k]
      if (a !== 0) for (let j = 0; j < n; j++) out[i * n + j] += a * B[k * n + j]
    }
    return out
  }

  // -- built once ----------------------------------------------------------------------------------------------------------------
  function construct() {
    const titles = { nmf: "NMF: parts are added", svd: "SVD: parts add and take away" }
    const images = Boolean(data.items)
    view.side = {}
    const made = name => {
      const it = view.side[name] = { big: el("div", { class: "big" }), under: el("div", { class: "soft verdict" }) }
      return it
    }
    const frame = (p, kind) => el("div", { class: `frame ${kind}` }, p.node)
    const [m, n] = data.arrays.X.shape
    const across = turned && !images ? [m, n] : [n, m]
    const size = images ? data.image : across
    view.X = picture(...size, "The data")
    const column = name => {
      const it = made(name)
      it.sum = picture(...size, `${name === "nmf" ? "NMF" : "SVD"}: the sum so far`)
      it.part = images ? null : picture(...size, "the part that was added last")
      it.parts = images ? range(data.rank).map(k => picture(...size, `${name === "nmf" ? "NMF" : "SVD"}, part ${k + 1}`)) : []
      const wall = images && el("div", { class: "wall" }, it.parts.map((p, k) => el("figure", {}, frame(p, "square"), el("figcaption", { text: k + 1 }))))
      it.captions = wall ? [...wall.querySelectorAll("figcaption")] : []
      const sum = el("figure", { class: "whole" }, frame(it.sum, images ? "square" : "matrix"), el("figcaption", { text: "sum so far" }))
      const now = it.part && el("figure", { class: "whole small" }, frame(it.part, "matrix"), it.last = el("figcaption", { class: "cut" }))
      return el("section", { class: "addends", "aria-label": titles[name] }, el("h2", { text: titles[name] }), wall || el("div", { class: "pair" }, sum, now), wall && sum, it.big, it.under)
    }
    view.play = playButton(toggle)
    view.slider = slider("parts", { min: 0, max: data.rank }, held)
    view.item = images && choice("picture", Object.fromEntries(data.items.map((text, i) => [i, text])), i => go({ item: +i }))
    view.said = el("div", { class: "unseen", "aria-live": "polite" })
    root.replaceChildren(
      el("div", { class: `sumup ${images ? "images" : "tables"}`, style: { "--n": across[0], "--m": across[1] } }, column("nmf"),
        el("figure", { class: "whole goal" }, frame(view.X, images ? "square" : "matrix"), el("figcaption", {}, el("b", { text: algebra("X", turned) }), " the data")), column("svd")),
      el("div", { class: "controls" }, view.play.node, view.slider.node, view.item?.node), view.said)
    set(root, { tabindex: 0, role: "group", "aria-label": "Sum of parts. Left and right arrow add and remove a part, space plays.",
      onkeydown: keyboard({ by: by => held(parts + by), to: at => held(Math.min(at, data.rank)), play: toggle }) })
    player.changed()
  }

  // -- drawing ---------------------------------------------------------------------------------------------------------------------
  function paint(p, values, top, from = 0) {
    const [width, height] = [p.node.width, p.node.height], flip = turned && !data.items, [, n] = data.arrays.X.shape
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      const v = values[from + (flip ? x * n + y : y * width + x)]
      p.words[y * width + x] = colours.packed[clamp(Math.round(127.5 + (127.5 * GAIN * v) / top), 0, 255)]
    }
    p.done()
  }

  function draw() {
    const { X } = data.arrays, [m, n] = X.shape, images = Boolean(data.items), from = images ? item * n : 0
    const shown = new Float32Array(X.length)
    for (let c = 0; c < X.length; c++) shown[c] = (X[c] / 255) * data.top
    paint(view.X, shown, data.top, from)
    const out = new Float32Array(m * n)
    for (const name of MODELS) {
      const it = view.side[name], A = data.arrays[`${name}_W`], B = data.arrays[`${name}_H`], r = data.rank
      paint(it.sum, added(name, parts, out), data.top, from)
      if (images) range(r).forEach(k => {
        const own = B.subarray(k * n, (k + 1) * n), top = Math.max(...own.map(Math.abs))
        paint(it.parts[k], own, top || 1)
        set(it.parts[k].node.parentElement.parentElement, { class: k < parts ? "in" : "out" })
        set(it.captions[k], { text: k < parts ? amount(A[item * r + k] * top / data.top) : "·" })
      })
      else {
        out.fill(0)
        if (parts) for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) out[i * n + j] = A[i * r + parts - 1] * B[(parts - 1) * n + j]
        paint(it.part, out, data.top)
        set(it.last, { text: parts ? `+ part ${parts}: ${data.names[name][parts - 1]}` : "nothing yet", title: parts ? data.names[name][parts - 1] : "" })
      }
      const below = data.below[name][parts]
      it.big.replaceChildren(el("b", { text: number(data.errors[name][parts], 3) }), images ? " relative error, all digits together" : " relative error")
      it.under.textContent = name === "nmf" ? "nothing below zero, ever" : `below zero: ${percent(below)} of the data's sum`
    }
    view.slider.show(parts, `${parts} of ${data.rank}`)
    view.item?.mark?.(item)
    view.said.textContent = data.veiled ? "" : `${parts} ${parts === 1 ? "part" : "parts"}. NMF: relative error ${number(data.errors.nmf[parts], 3)}, nothing below zero. SVD: ${number(data.errors.svd[parts], 3)}, `
      + `${percent(data.below.svd[parts])} of the data's sum below zero.`
  }

  return {
    show(fresh, start) {
      const first = data?.id !== fresh.id || turned !== Boolean(fresh.turned)
      data = fresh; turned = Boolean(fresh.turned)
      colours = signed(theme(root))
      if (first) { item = 0; construct() }
      go({ ...(start.parts !== undefined ? { parts: start.parts } : {}), ...(start.item !== undefined ? { item: start.item - 1 } : {}) })
      start.play ? player.start(PACE) : player.stop()
    },
    place: () => ({ parts, item: item + 1 }),
    stop: () => player.stop(),
  }
}

export default device(build)
