// What do all devices share? Elements, the theme's colours, numbers, the notation, packed arrays, controls, and the life of a device.
// A text that comes from data is set as text and never becomes markup: a test forbids every other way in this folder.

// -- elements --------------------------------------------------------------------------------------------------------------
/** el("button", {class: "press", text: "Play", onclick: f}, child, ...): an element, its properties and its children. */
export const el = (tag, props = {}, ...children) => fill(document.createElement(tag), props, children)
export const svg = (tag, props = {}, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children)

function fill(node, props, children) {
  set(node, props)
  node.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false && child !== ""))
  return node
}

/** Change an element only where it differs; handlers are assigned, so that a second call replaces the first. */
export function set(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (name === "text") { if (node.textContent !== String(value)) node.textContent = value }
    else if (name.startsWith("on")) node[name] = value
    else if (name === "style") for (const [key, wanted] of Object.entries(value)) node.style.setProperty(key, wanted)
    else if (value === false || value === null || value === undefined) node.removeAttribute(name)
    else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value === true ? "" : value)
  }
  return node
}

const SIGNS = { // drawn on 16 x 16, because fonts differ in the signs they have
  play: "M4 2.5v11l9-5.5z", pause: "M4 3h3v10H4zM9 3h3v10H9z", back: "M11 2.5v11L3.5 8z", next: "M5 2.5v11L12.500 8z",
  step: "M3.500 2.500v11L10 8zM11 3h2v10h-2z", start: "M3 3h2v10H3zM13 2.500v11L6 8z",
}
export const icon = name => svg("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: SIGNS[name] }))

export const range = count => Array.from({ length: count }, (_, i) => i)
export const clamp = (value, low, high) => Math.max(low, Math.min(high, value))

// -- colours -----------------------------------------------------------------------------------------------------------------
/** The theme's colours as Streamlit hands them to a component; read at each show, because the theme can be switched live. */
export function theme(root) {
  const style = getComputedStyle(root), value = name => style.getPropertyValue(`--st-${name}`).trim()
  const list = name => value(`chart-${name}-colors`).split(",").map(colour => colour.trim())
  const found = { text: value("text-color"), background: value("background-color"), primary: value("primary-color") }
  return { ...found, categorical: list("categorical"), sequential: list("sequential"), diverging: list("diverging") }
}

const channels = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16))
const linear = c => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)
const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
const EVEN = 0.179 // the luminance on which black and white have the same contrast

/** 256 colours along a list of #RRGGBB: css[i] for elements, ink[i] black or white to write on it, packed[i] for canvases. */
export function ramp(colours) {
  const stops = colours.map(channels), css = [], ink = [], packed = new Uint32Array(256)
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2)
    const [r, g, b] = stops[low].map((c, n) => Math.round(c + (stops[low + 1][n] - c) * (at - low)))
    css.push(`rgb(${r} ${g} ${b})`)
    ink.push(luminance([r, g, b]) > EVEN ? "#000" : "#fff")
    packed[i] = 0xff000000 | (b << 16) | (g << 8) | r
  }
  return { css, ink, packed }
}

/** The diverging colours with the page's own in the middle: nothing left over is nothing to see. */
export function signed(now) {
  const half = now.diverging.length / 2
  return ramp([...now.diverging.slice(0, half), now.background, ...now.diverging.slice(half)])
}

export const shade = (value, top) => clamp(Math.round((255 * value) / (top || 1)), 0, 255)

/** A canvas of width x height cells that is filled by paint((words, i) => ...): one 32-bit colour a cell. */
export function picture(width, height, label) {
  const node = el("canvas", { width, height, role: "img", "aria-label": label }), context = node.getContext("2d")
  const image = context.createImageData(width, height), words = new Uint32Array(image.data.buffer)
  return { node, words, done: () => context.putImageData(image, 0, 0) }
}

// -- numbers -----------------------------------------------------------------------------------------------------------------
/** A number for the screen. Near zero there are three: 0.00 exactly zero, <0.01 for what is not, and ≈ 0 for what only rounding left. */
export function number(value, digits = 2) {
  if (!Number.isFinite(value)) return "∞"
  if (value !== 0 && Math.abs(value) < 1e-9) return "≈ 0"
  if (value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits) return `${value < 0 ? ">−" : "<"}${(10 ** -digits).toFixed(digits)}`
  return (Math.abs(value) >= 1e5 ? value.toExponential(1).replace("+", "") : value.toFixed(digits)).replace(/^-/, "−")
}
export const percent = share => `${(100 * share).toFixed(0)} %`

// -- notation ----------------------------------------------------------------------------------------------------------------
/** X ≈ WH has items in rows; V ≈ WH has them in columns, and there W is our H turned, H our W turned. A product turns round:
 *  WᵀX becomes VHᵀ. C and S are symmetric and stay. */
const OTHER = { X: "V", W: "H", H: "W" }
export const algebra = (text, turned) => (turned ? text.replace(/(?:[XWH]ᵀ?)+/g, product =>
  product.match(/[XWH]ᵀ?/g).reverse().map(factor => OTHER[factor[0]] + factor.slice(1)).join("")) : text)
const SIDES = { row: "column", rows: "columns", column: "row", columns: "rows", left: "above", above: "left" }
const SAYS = { left: "to the left", above: "above" }

/** What stands between dollar signs in a lesson: a formula, or a word that turns along. */
export function symbol(text, turned) {
  const word = turned && text in SIDES ? SIDES[text] : text
  return word in SIDES ? el("span", { text: SAYS[word] ?? word }) : el("i", { class: "algebra", text: algebra(text, turned) })
}

/** (rows, columns) blocks of an array turned over, one after the other. */
export function transposed(array, rows, columns) {
  const out = new array.constructor(array.length), size = rows * columns
  for (let at = 0; at < array.length; at += size)
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[at + j * rows + i] = array[at + i * columns + j]
  return out
}
export const flipped = rows => rows[0].map((_, j) => rows.map(row => row[j]))

// -- packed arrays -------------------------------------------------------------------------------------------------------------
const KINDS = { u1: Uint8Array, u2: Uint16Array, i2: Int16Array, f4: Float32Array, f8: Float64Array }

/** What pack.py packs: the header's length, the header as JSON, the arrays that it names. */
export function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
  const part = ({ kind, shape, at, size }) => { // a copy, because views need an aligned beginning
    const block = bytes.slice(4 + length + at, 4 + length + at + size)
    return Object.assign(new KINDS[kind](block.buffer), { shape })
  }
  return { ...head, arrays: Object.fromEntries(Object.entries(head.arrays).map(([name, place]) => [name, part(place)])) }
}

// -- controls ------------------------------------------------------------------------------------------------------------------
export const press = (text, label, act, sign) =>
  el("button", { class: "press", "aria-label": label, title: label, onclick: act }, sign && icon(sign), text)

/** A few options of which one holds: { node, mark(key) }. Arrow keys move within it. */
export function choice(label, options, act) {
  const names = Object.keys(options)
  const pick = key => { act(key); buttons[names.indexOf(key)].focus() }
  const keys = (event, at) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    if (!by) return
    pick(names[(at + by + names.length) % names.length])
    event.preventDefault(); event.stopPropagation()
  }
  const buttons = names.map((key, at) => el("button", { text: options[key], role: "radio", onclick: () => act(key), onkeydown: e => keys(e, at) }))
  const node = el("div", { class: "choice", role: "radiogroup", "aria-label": label }, el("span", { text: label, "aria-hidden": "true" }), buttons)
  const mark = now => buttons.forEach((button, at) => set(button, { "aria-checked": String(names[at] === String(now)), tabindex: names[at] === String(now) ? 0 : -1 }))
  return { node, mark }
}

/** A slider with its value beside it: { node, show(value, said) }. */
export function slider(label, { min, max, step = 1 }, act) {
  const input = el("input", { type: "range", min, max, step, "aria-label": label, oninput: event => act(+event.target.value) })
  const output = el("output"), node = el("label", { class: "slider" }, el("span", { text: label }), input, output)
  return { node, input, show(value, said = String(value)) { input.value = value; output.textContent = said; set(input, { "aria-valuetext": said }) } }
}

export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches
const CALM = 2 // frames a second at most, where motion is unwelcome

/** Calls next() so many times a second, until it says false. */
export class Player {
  constructor(next, changed = () => {}) { Object.assign(this, { next, changed, timer: 0 }) }
  get playing() { return this.timer !== 0 }
  start(perSecond) {
    this.stop()
    this.timer = setInterval(() => { if (this.next() === false) this.stop() }, 1000 / (still() ? Math.min(perSecond, CALM) : perSecond))
    this.changed()
  }
  stop() { if (this.timer) { clearInterval(this.timer); this.timer = 0; this.changed() } }
}

/** A play button that knows its player. */
export function playButton(toggle) {
  const node = press("Play", "Play or pause (space)", toggle, "play")
  return { node, show: playing => node.replaceChildren(icon(playing ? "pause" : "play"), playing ? "Pause" : "Play") }
}

/** Arrow keys, Home, End and space on a device; what is typed into a slider or pressed on a button stays theirs. */
export function keyboard({ by, to, play }) {
  return event => {
    const typing = event.target.matches("input"), radio = event.target.matches("[role=radio]")
    const act = {
      ArrowRight: () => by(1), ArrowLeft: () => by(-1), Home: () => to(0), End: () => to(Infinity), " ": play,
    }[event.key]
    if (!act || typing || radio || (event.key === " " && event.target.matches("button"))) return
    act()
    event.preventDefault(); event.stopPropagation()
  }
}

// -- charts --------------------------------------------------------------------------------------------------------------------
/** Places on a chart: x(value), y(value) and line(points); box is [left, top, right, bottom] in the units of the viewBox. */
export function axes([left, top, right, bottom], [x0, x1], [y0, y1]) {
  const x = value => left + ((right - left) * (value - x0)) / (x1 - x0 || 1)
  const y = value => bottom - ((bottom - top) * (value - y0)) / (y1 - y0 || 1)
  const line = points => points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("")
  return { x, y, line, value: at => x0 + ((at - left) / (right - left)) * (x1 - x0), level: at => y0 + ((bottom - at) / (bottom - top)) * (y1 - y0) }
}
export const label = (x, y, text, props = {}) => svg("text", { x, y, ...props, text })

/** Where a pointer is, in the units of an svg's viewBox of that size. */
export function pointer(event, node, [width, height]) {
  const box = node.getBoundingClientRect(), scale = Math.min(box.width / width, box.height / height)
  return [(event.clientX - box.left - (box.width - width * scale) / 2) / scale, (event.clientY - box.top - (box.height - height * scale) / 2) / scale]
}

// -- the life of a device --------------------------------------------------------------------------------------------------------
const alive = new WeakMap() // by the element Streamlit gives: what was built there is changed, not built again
const places = new Map() // by data.id: where the person was; outlives reruns and page switches, because modules stay loaded
const COLOURS = 10

/** build(root, send) gives { show(data, place), place(), stop() }. Streamlit calls what this returns at each new data and theme. */
export function device(build) {
  return ({ parentElement, data, setStateValue }) => {
    let it = alive.get(parentElement)
    if (!it) {
      const root = el("div", { class: "device" })
      parentElement.append(root)
      it = { root, seen: null, told: null, send: setStateValue }
      it.made = build(root, (name, value) => it.send(name, value))
      alive.set(parentElement, it)
    }
    it.send = setStateValue
    const content = data instanceof Uint8Array ? unpack(data) : data
    const told = JSON.stringify(content.state ?? null) // what the page asks for; where that changes, it wins over the person's place
    const kept = it.seen === content.id ? it.made.place() : places.get(content.id)
    const fresh = told !== it.told && kept?.told !== told
    dress(it.root, content)
    it.made.show(content, fresh ? { ...content.state } : { ...(kept ?? content.state) })
    Object.assign(it, { seen: content.id, told })
    return () => { places.set(content.id, { ...it.made.place(), told }); it.made.stop() }
  }
}

/** Classes and colours of a device's root. */
export function dress(root, { present = false, veiled = false, only = "" } = {}) {
  const now = theme(root).categorical
  range(COLOURS).forEach(k => root.style.setProperty(`--c${k}`, now[k % now.length]))
  root.classList.toggle("present", Boolean(present))
  root.classList.toggle("veiled", Boolean(veiled))
  root.classList.toggle("only", only === "device")
}
