// The cone: every row of the data is a point in the room of all non-negative rows, every component a corner that a person drags. What
// lies inside the corners' hull can be mixed exactly; the rest is error. nmfcore found the runs and exact answers; nonneg.js follows drags.
import { choice, clamp, device, el, icon, label, number, Player, pointer, range, set, slider, svg } from "./kit.js"
import { fit, outline } from "./nonneg.js"

const SIZE = [460, 400], PAD = 32 // of the picture
const PACE = 12, NUDGE = 0.02 // frames a second; how far an arrow key moves a corner
const GAMMA = 1 / 2.2, GLOW = 96 // light to screen; side of the picture behind the points

const glows = new Map() // by room: made once, the same in every theme

export function build(root, send) {
  let data, scale, H, frame = null, exact = null, chosen = 0, dragged = null, made = null, missed = 0
  const view = {}
  const copy = rows => rows.map(row => [...row])
  const player = new Player(next, () => view.play?.replaceChildren(icon(player.playing ? "pause" : "play"), player.playing ? "Pause" : "Let NMF find them"))

  function next() {
    if (!data.run || frame >= data.run.H.length - 1) return false
    frame += 1
    H = copy(data.run.H[frame])
    draw()
    return true
  }

  // -- between rows and the picture: shares times `at` is a place, `lift` [x, y, 1] gives the shares back ------------------------------
  const toScreen = ([x, y]) => [PAD + x * scale, SIZE[1] - PAD - y * scale]
  function place(h) {
    const total = h.reduce((a, b) => a + b, 0) || 1
    return toScreen([0, 1].map(d => h.reduce((s, v, j) => s + (v / total) * data.at[j][d], 0)))
  }
  /** The shares at a place; outside the walls, those of the last place inside on the way from the middle. */
  function row(x, y) {
    const shares = (u, v) => data.lift.map(([a, b, c]) => a * u + b * v + c), [cx, cy] = data.centre
    const [dx, dy] = [(x - PAD) / scale - cx, (SIZE[1] - PAD - y) / scale - cy], inside = shares(cx, cy), there = shares(cx + dx, cy + dy)
    const t = Math.min(1, ...there.map((v, j) => (v < 0 ? inside[j] / (inside[j] - v) : 1)))
    return shares(cx + t * dx, cy + t * dy).map(v => Math.max(0, v))
  }
  const tint = h => data.tints[0].map((_, c) => h.reduce((s, v, j) => s + v * data.tints[j][c], 0))
  const bright = v => Math.round(255 * clamp(v, 0, 1) ** GAMMA)
  const css = rgb => `rgb(${rgb.map(bright).join(" ")})`
  const light = (h, top) => css(tint(h).map(v => v / top))
  const paint = h => light(h, Math.max(...tint(h), 1e-9))

  // -- built once ----------------------------------------------------------------------------------------------------------------
  function construct() {
    view.svg = svg("svg", { class: "room", viewBox: `0 0 ${SIZE.join(" ")}`, role: "group", "aria-label": data.alt })
    const walls = data.walls.map(toScreen), clip = `polygon(${data.walls.map(([x, y]) => `${x * 100}% ${(1 - y) * 100}%`).join()})`
    view.hull = svg("polygon", { class: "hull" })
    view.misses = data.X.map(() => svg("line", { class: "miss" }))
    view.points = data.X.map((x, i) => svg("circle", { class: "point", r: 6.5, fill: paint(x), onpointerenter: () => { chosen = i; draw() } }))
    view.corners = svg("g", {})
    view.svg.append(
      svg("image", { class: "glow", href: glow(), x: PAD, y: SIZE[1] - PAD - scale, width: scale, height: scale, style: { "clip-path": clip } }),
      svg("polygon", { class: "walls", points: walls.map(p => p.join()).join(" ") }),
      ...walls.map(([x, y], j) => label(x, y + (y < SIZE[1] / 2 ? -20 : 30), data.corners[j], { class: "corner", "text-anchor": "middle" })),
      view.hull, ...view.misses, ...view.points, view.corners)
    set(view.svg, { onpointermove: event => { if (event.buttons && dragged !== null) drag(event) }, onpointerup: () => { if (dragged !== null) { dragged = null; say() } } })
    view.error = el("div", { class: "big" })
    view.under = el("div", { class: "under-big" })
    view.shares = el("div", { class: "shares" })
    view.play = el("button", { class: "press", onclick: run })
    view.rank = choice(data.words.components, Object.fromEntries(range(data.starts.length).map(r => [r + 1, r + 1])), key => { rank(+key); say() })
    view.exact = slider("Other exact answers", { min: 0, max: (data.family?.H.length ?? 1) - 1 }, to => { player.stop(); show(to); draw(); say() })
    const patch = (_, i) => el("i", { onpointerenter: () => { chosen = i; draw() } })
    view.wanted = data.X.map(patch); view.made = data.X.map(patch)
    view.said = el("div", { class: "unseen", "aria-live": "polite" })
    const side = el("div", { class: "side" }, view.error, view.under, view.shares, el("div", { class: "controls left" }, view.rank.node, view.play, view.exact.node))
    root.replaceChildren(el("div", { class: "cone" }, view.svg, side),
      el("div", { class: "patches", "aria-hidden": "true", style: { "--count": data.X.length } }, el("span", { text: data.words.wanted }), view.wanted, el("span", { text: data.words.made }), view.made), view.said)
    player.changed()
  }

  function glow() { // what every place of the room stands for
    if (glows.has(data.alt)) return glows.get(data.alt)
    const canvas = el("canvas", { width: GLOW, height: GLOW }), context = canvas.getContext("2d"), image = context.createImageData(GLOW, GLOW)
    for (let y = 0; y < GLOW; y++) for (let x = 0; x < GLOW; x++) {
      const [u, v] = [(x + 0.5) / GLOW, 1 - (y + 0.5) / GLOW], full = tint(data.lift.map(([a, b, c]) => Math.max(0, a * u + b * v + c)))
      const top = Math.max(...full, 1e-9)
      image.data.set([...full.map(v => bright(v / top)), 255], 4 * (y * GLOW + x))
    }
    context.putImageData(image, 0, 0)
    glows.set(data.alt, canvas.toDataURL())
    return glows.get(data.alt)
  }

  // -- what a person does ----------------------------------------------------------------------------------------------------------
  function rank(r) { player.stop(); frame = exact = null; H = copy(data.starts[r - 1]); draw() }
  function show(to) { exact = to; frame = null; H = copy(data.family.H[to]) }
  function run() { // the server answers with nmfcore's iterates from these corners; a lesson may bring those from its start along
    if (player.playing) return player.stop()
    const start = data.run && JSON.stringify(H) === JSON.stringify(data.starts[H.length - 1]) && data.run.H[0].length === H.length
    if (start || data.offline) { if (data.run) { frame = 0; exact = null; H = copy(data.run.H[0]); player.start(PACE) } }
    else send("ask", { H, at: Date.now() })
  }
  const moved = () => { player.stop(); frame = exact = null; draw() }

  function keys(event, k) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
    if (!by) return
    const [x, y] = place(H[k])
    H[k] = row(x + by[0] * NUDGE * scale, y + by[1] * NUDGE * scale)
    moved(); say()
    event.preventDefault(); event.stopPropagation()
  }
  function drag(event, k = dragged) {
    if (event.type === "pointerdown") view.svg.setPointerCapture(event.pointerId)
    dragged = k
    H[k] = row(...pointer(event, view.svg, SIZE))
    moved()
  }

  // -- drawing ---------------------------------------------------------------------------------------------------------------------
  function draw() {
    const { W, error } = frame !== null ? { W: data.run.W[frame], error: data.run.errors[frame] } : fit(H, data.X)
    const mixed = W.map(w => data.X[0].map((_, j) => w.reduce((s, v, k) => s + v * H[k][j], 0)))
    const at = H.map(place), top = Math.max(...data.X.flatMap(tint)), sum = values => values.reduce((a, b) => a + b, 0)
    set(view.hull, { points: outline(at).map(p => p.join()).join(" ") })
    data.X.forEach((x, i) => {
      const [a, b] = [place(x), place(mixed[i])], off = Math.hypot(a[0] - b[0], a[1] - b[1]) > 1.5
      set(view.misses[i], { x1: a[0], y1: a[1], x2: b[0], y2: b[1], visibility: off ? null : "hidden" })
      set(view.points[i], { cx: a[0], cy: a[1], class: `point${i === chosen ? " chosen" : ""}` })
      set(view.wanted[i], { class: i === chosen ? "chosen" : "", style: { background: light(x, top) } })
      set(view.made[i], { class: `made${i === chosen ? " chosen" : ""}`, style: { background: light(mixed[i], top) } })
    })
    corners(at)
    view.error.replaceChildren(el("b", { text: number(error, 3) }), " relative error")
    view.under.textContent = said()
    if (view.shares.children.length !== H.length) view.shares.replaceChildren(...H.map((_, k) => el("div", { class: "share" },
      el("span", { class: "dot", text: k + 1 }), el("span", { class: "meter" }), el("span", { class: "amount" }))))
    H.forEach((h, k) => {
      const [dot, meter, amount] = view.shares.children[k].children
      set(dot, { style: { background: paint(h) } })
      set(meter, { style: { "--w": (W[chosen][k] * sum(h)) / sum(data.X[chosen]), "--of": paint(h) } })
      set(amount, { text: number(W[chosen][k]) })
    })
    view.rank.mark(H.length)
    set(view.exact.node, { hidden: H.length !== 3 || !data.family })
    set(view.play, { hidden: Boolean(data.offline && !(data.run && data.run.H[0].length === H.length)) })
    view.exact.show(exact ?? 0, exact === null ? "" : `${exact + 1} of ${data.family.H.length}`)
    made = error
    missed = view.misses.filter(line => !line.hasAttribute("visibility")).length
  }

  function corners(at) {
    const { component } = data.words
    if (view.corners.children.length !== H.length) view.corners.replaceChildren(...H.map((_, k) =>
      svg("g", { class: "lamp", tabindex: 0, role: "button", onpointerdown: e => drag(e, k), onkeydown: e => keys(e, k) },
        svg("circle", { r: 14 }), svg("text", { "text-anchor": "middle", text: k + 1 }))))
    at.forEach(([x, y], k) => {
      const [circle, text] = view.corners.children[k].children, shares = data.features.map((f, j) => `${f} ${number(H[k][j])}`).join(", ")
      set(view.corners.children[k], { "aria-label": `${component} ${k + 1}: ${shares}. Arrow keys move it.` })
      set(circle, { cx: x, cy: y, fill: paint(H[k]) }); set(text, { x, y: y + 5 })
    })
  }

  function said() {
    if (frame !== null) return `iteration ${data.run.iterations[frame]} of multiplicative updates, from where the ${data.words.components} stood`
    if (exact !== null) return `another exact answer: WH differs from the data by rounding only (${data.family.gap[exact]})`
    const floor = data.floors[H.length - 1]
    return floor === undefined ? "" : `the best ${H.length} could do if negative amounts were allowed (SVD): ${number(floor, 3)}`
  }
  const say = () => { if (!data.veiled) view.said.textContent = `${H.length} ${data.words.components}, relative error ${number(made, 3)}; ${missed} of ${data.X.length} points cannot be made exactly. ${view.under.textContent}` }

  return {
    show(fresh, start) {
      const first = data?.id !== fresh.id, news = fresh.run && fresh.run.at !== undefined && fresh.run.at !== data?.run?.at
      const room = data?.alt !== fresh.alt
      data = fresh
      scale = Math.min(SIZE[0] - 2 * PAD, (SIZE[1] - 2 * PAD) / Math.max(...data.walls.map(p => p[1])))
      if (room) { construct(); H = copy(data.starts[1]) }
      if (first && !news) { player.stop(); frame = exact = null }
      if (start.H) H = copy(start.H)
      else if (start.corners) H = copy(start.corners)
      else if (start.rank) H = copy(data.starts[start.rank - 1])
      if (start.exact !== undefined && start.exact !== null) show(start.exact)
      if (news) { frame = 0; exact = null; H = copy(data.run.H[0]); player.start(PACE) }
      else if (start.play && data.run) { frame = 0; exact = null; H = copy(data.run.H[0]); player.start(PACE) }
      draw()
      if (data.veiled) view.said.textContent = ""
    },
    place: () => ({ H: copy(H), exact }),
    stop: () => player.stop(),
  }
}

export default device(build)
