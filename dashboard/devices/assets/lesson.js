// A lesson: text, a question to answer before the answer is shown, and a device that each step puts into a state. All of it came in
// one bundle, so a step asks nothing of the server; it is only told where we are, for the address.
import { build as cone } from "./cone.js"
import { device, dress, el, icon, press, range, set, symbol, unpack } from "./kit.js"
import { build as intrusion } from "./intrusion.js"
import { build as lab } from "./lab.js"
import { build as loss } from "./loss.js"
import { build as rank } from "./rank.js"
import { build as scale } from "./scale.js"
import { build as scrubber } from "./scrubber.js"
import { build as seeds } from "./seeds.js"
import { build as sum } from "./sum.js"
import { build as two } from "./two.js"

const DEVICES = { lab, scrubber, cone, scale, sum, rank, seeds, two, loss, intrusion }
const NOTATIONS = [["X ≈ WH", "Items are rows, as everywhere in this dashboard"], ["V ≈ WH", "Items are columns, as on many slides"]]

const [SMALLEST, LARGEST, NARROW, MARGIN, FITTING] = [0.6, 1.7, 780, 20, 3] // zoom of a presented device, px it needs across, px under it, rounds until it fits

let notation = null // the reader's choice holds for all lessons, as long as the page is open

export function build(root, send) {
  let data, at = 0, turned = false, guess = {}, open = {} // by step: the option chosen, and whether the answer is shown
  const view = {}, built = {}, scenes = new Map()

  // -- moving through the steps ------------------------------------------------------------------------------------------------
  const step = () => data.steps[at]
  const closed = () => Boolean(step().ask && !open[at] && data.only !== "device") // a device alone has no question to answer

  /** Forward opens the answer of an open question first: whoever presents needs one key only. */
  function turn(by) {
    if (by > 0 && closed()) return reveal()
    const to = Math.max(0, Math.min(data.steps.length - 1, at + by))
    if (to !== at) visit(to)
    else if (by > 0 && data.next && !data.offline) send("ask", { go: data.next.key, lesson: data.id, step: at + 1 })
  }
  function visit(to) { at = to; words(); scene(); tell() }
  function reveal() { open[at] = true; words(); scene(true); tell() }
  const tell = () => send("at", { lesson: data.id, step: at + 1, notation: turned ? "V" : "X" })

  function write(isTurned) {
    turned = notation = isTurned
    words(); restate(); tell()
  }

  function keys(event) {
    const [target] = event.composedPath(), inside = event.composedPath().includes(view.stage)
    const typing = target?.matches?.("input:not([type=range]), textarea, select, [contenteditable]")
    const by = { PageDown: 1, PageUp: -1, ...(inside || target?.matches?.("[role=radio], input") ? {} : { ArrowRight: 1, ArrowLeft: -1 }) }[event.key]
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !(by || event.key === "f")) return
    by ? turn(by) : full()
    event.preventDefault(); event.stopPropagation()
  }
  const full = () => { if (root.getRootNode().fullscreenElement) document.exitFullscreen(); else root.requestFullscreen?.() }

  // -- the frame ---------------------------------------------------------------------------------------------------------------
  function construct() {
    view.title = el("h1", { class: "lesson-title" })
    view.dots = el("div", { class: "dots" })
    view.text = el("div", { class: "told" })
    view.ask = el("div", { class: "ask" })
    view.stage = el("div", { class: "stage" })
    view.stage.addEventListener("keydown", event => { // while a question is open, no key moves the device past it
      if (closed() && !event.target.closest?.(".keeps") && !["PageDown", "PageUp", "Tab", "f"].includes(event.key)) event.stopPropagation()
    }, true)
    view.full = el("button", { class: "press quiet", text: "Present", title: "Full screen and large type; Page Up and Page Down turn (F)", onclick: full })
    view.notation = NOTATIONS.map(([text, title], i) => el("button", { text, title, role: "radio", onclick: () => write(i === 1) }))
    const choose = el("div", { class: "choice small", role: "radiogroup", "aria-label": "Notation" }, view.notation)
    view.back = press("", "Previous step (Page Up)", () => turn(-1), "back")
    view.next = el("button", { class: "press go", "aria-label": "Next (Page Down)", title: "Next (Page Down)", onclick: () => turn(1) }, "Next", icon("next"))
    view.hint = el("span", { class: "soft", text: "or Page Down" })
    const turns = el("div", { class: "keys turns" }, choose, view.full, view.back, view.dots, view.next, view.hint)
    view.head = el("div", { class: "lesson-head" }, view.title, turns)
    view.words = el("div", { class: "lesson-words" }, view.text, view.ask)
    root.replaceChildren(view.head, view.words, view.stage)
    document.addEventListener("keydown", keys) // a clicker sends Page Up and Page Down wherever the focus is
    document.addEventListener("fullscreenchange", redress)
    addEventListener("resize", refit)
    addEventListener("beforeprint", handOut)
    addEventListener("afterprint", collect)
  }

  const presenting = () => Boolean(data.present || root.getRootNode().fullscreenElement)
  function redress() {
    root.classList.add("lesson")
    dress(root, { present: presenting(), only: data.only })
    Object.values(built).forEach(it => it.box.classList.toggle("present", presenting()))
    refit()
  }

  // -- words -------------------------------------------------------------------------------------------------------------------
  function words() {
    const { title, text, ask, link } = step(), last = at === data.steps.length - 1
    view.title.replaceChildren(el("small", { text: data.title }), title)
    view.dots.replaceChildren(...data.steps.map((s, i) => el("button", {
      class: `dot-step${i === at ? " now" : ""}`, "aria-label": `Step ${i + 1}: ${s.title}`, "aria-current": i === at ? "step" : null, title: s.title, onclick: () => visit(i),
    })))
    view.notation.forEach((button, i) => set(button, { "aria-checked": String(turned === (i === 1)) }))
    set(view.back, { disabled: at === 0 })
    const ending = last && !closed(), onward = ending ? data.next && !data.offline : true
    const label = ending && onward ? `${data.next.key ? "Next lesson: " : ""}${data.next.title} (Page Down)` : "Next (Page Down)"
    set(view.next, { disabled: !onward, "aria-label": label, title: label })
    view.next.firstChild.textContent = !ending || !onward ? "Next" : data.next.key ? "Next lesson" : data.next.title
    set(view.hint, { hidden: at > 0 })
    view.text.replaceChildren(...paragraphs(text, turned))
    if (link && !data.offline) view.text.append(el("p", {}, el("a", { href: link.href, target: "_blank", rel: "noopener", text: `${link.label} ↗` })))
    view.ask.replaceChildren(...(ask ? question(ask, at) : []))
    if (last && data.aha) view.ask.append(aha(!closed()))
  }

  const aha = shown => el("div", { class: "aha", "aria-hidden": shown ? null : "true" }, el("b", { text: "What to take away" }), paragraphs(data.aha, turned),
    data.sources.length > 0 && el("p", { class: "sources", text: data.sources.join(" · ") }))

  function question(ask, i) {
    const mark = o => (!open[i] ? "" : o + 1 === ask.answer ? " right" : o === guess[i] ? " wrong" : "")
    const pick = o => { if (!open[i]) { guess[i] = o; words(); view.ask.querySelectorAll("[role=radio]")[o].focus() } }
    const keys = (event, o) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key], count = ask.options.length
      if (by) { pick((o + by + count) % count); event.preventDefault(); event.stopPropagation() }
    }
    const options = ask.options && el("div", { class: "options", role: "radiogroup", "aria-label": ask.question }, ask.options.map((text, o) => el("button", {
      class: `option${mark(o)}`, role: "radio", "aria-checked": String(guess[i] === o), tabindex: (guess[i] ?? 0) === o ? 0 : -1, onclick: () => pick(o), onkeydown: e => keys(e, o),
    }, phrase(text, turned))))
    const shown = ask.draw ? "Show the real curve" : "Show the answer"
    return [
      el("p", { class: "question" }, phrase(ask.question, turned)), ...(options ? [options] : []),
      el("div", { class: "answer" }, // the answer has its room from the beginning, so that nothing jumps when it comes
        el("div", { class: "reveal", role: "status", "aria-hidden": open[i] ? null : "true" }, paragraphs(ask.reveal, turned)),
        !open[i] && el("button", { class: "press", text: shown, onclick: reveal })),
    ]
  }

  // -- the device --------------------------------------------------------------------------------------------------------------
  /** The data of a step, unpacked once; what would give the answer away stays hidden, and unsaid, until it is shown. */
  function content(i) {
    const { scene } = data.steps[i], asked = data.asked?.step === i + 1 ? data.asked.scene : null
    if (!scenes.has(scene)) {
      const plain = data.scenes[scene], block = data.arrays?.[plain.block]
      scenes.set(scene, block ? { ...unpack(block), id: scene } : plain)
    }
    return { ...(asked ?? scenes.get(scene)), offline: data.offline, turned, veiled: i === at ? closed() : Boolean(data.steps[i].ask) }
  }
  const wanted = i => ({ ...data.steps[i].state, ...(open[i] ? data.steps[i].ask?.then : {}) })

  function scene(revealed = false) {
    const { device: name, ask } = step()
    if (!built[name]) {
      const box = el("div", { class: "device inner" })
      built[name] = { box, ...DEVICES[name](box, (said, value) => send(said, { ...value, lesson: data.id, step: at + 1 })) }
    }
    Object.values(built).forEach(other => { if (other !== built[name]) other.stop() })
    if (view.stage.firstChild !== built[name].box) view.stage.replaceChildren(built[name].box)
    fillStage({ ...wanted(at), play: Boolean(revealed && ask?.play) })
  }
  function fillStage(state) {
    const it = built[step().device], given = content(at)
    it.box.classList.toggle("present", presenting())
    it.box.classList.toggle("veiled", given.veiled)
    it.box.classList.toggle("drawing", Boolean(given.veiled && step().ask.draw))
    it.show(given, state)
    fit(it.box)
  }

  /** Presenting, the device takes the room that the words leave: it grows on a large screen and shrinks on a small one. */
  function fit(box) {
    box.style.zoom = ""
    if (!presenting()) return
    for (let turn = 0, zoom = 1; turn < FITTING; turn++) { // a device that is zoomed has another width to be laid out in
      const room = innerHeight - view.stage.getBoundingClientRect().top - MARGIN, tall = box.getBoundingClientRect().height
      zoom = Math.min(LARGEST, view.stage.clientWidth / NARROW, Math.max(SMALLEST, (zoom * room) / tall))
      box.style.zoom = zoom.toFixed(3)
    }
  }
  const refit = () => { if (data && built[step().device]) fit(built[step().device].box) }
  const restate = () => fillStage(built[step().device].place())

  // -- on paper ----------------------------------------------------------------------------------------------------------------
  /** All steps under each other, each with its picture, the answers at the end. */
  function handOut() {
    collect()
    const page = el("div", { class: "handout", style: data.paper ?? {} }, el("h1", { text: data.title })) // in light colours, whatever the screen has
    const answers = el("ol", {}), pictures = []
    root.append(page)
    dress(page)
    const drawn = (i, veiled, state) => {
      const box = el("div", { class: `device inner${veiled ? " veiled" : ""}` })
      return [box, () => DEVICES[data.steps[i].device](box, () => {}).show({ ...content(i), veiled }, { ...data.steps[i].state, ...state })] // once it is on the page
    }
    range(data.steps.length).forEach(i => {
      const { title, text, ask } = data.steps[i], [box, show] = drawn(i, Boolean(ask))
      page.append(el("section", {}, el("h2", { text: title }), paragraphs(text, turned),
        ask && el("p", { class: "question" }, phrase(ask.question, turned)), ask?.options && el("ul", {}, ask.options.map(o => el("li", {}, phrase(o, turned)))), box))
      show()
      if (ask) answers.append(el("li", {}, ask.options && el("b", {}, phrase(ask.options[ask.answer - 1], turned)), paragraphs(ask.reveal, turned)))
      if (ask && Object.keys(ask.then).length) { // where the picture changes with the answer, it stands beside it
        const [after, showAfter] = drawn(i, false, ask.then)
        answers.lastChild.append(after)
        pictures.push(showAfter)
      }
    })
    page.append(el("section", {}, answers.childNodes.length > 0 && el("h2", { text: "Answers" }), answers, aha(true)))
    pictures.forEach(show => show())
  }
  const collect = () => root.querySelector(".handout")?.remove()

  return {
    show(fresh, start) {
      const first = data?.id !== fresh.id, news = fresh.asked?.at !== data?.asked?.at
      data = fresh
      if (first) {
        construct()
        scenes.clear()
        at = Math.max(0, Math.min(data.steps.length - 1, start.at ?? (data.open ?? 1) - 1))
        guess = start.guess ?? {}; open = start.open ?? {}
        turned = notation ?? data.notation === "V"
      }
      redress(); words()
      if (first) { scene(); if (start.inner) fillStage(start.inner) }
      else fillStage({ ...built[step().device].place(), ...(news ? { asked: true } : {}) })
    },
    place: () => ({ at, guess, open, inner: built[step().device]?.place() }),
    stop() {
      Object.values(built).forEach(it => it.stop())
      document.removeEventListener("keydown", keys); document.removeEventListener("fullscreenchange", redress)
      removeEventListener("resize", refit); removeEventListener("beforeprint", handOut); removeEventListener("afterprint", collect)
    },
  }
}

const MARKS = { "**": "b", "*": "i", "`": "code" }

/** A text's nodes: **bold**, *italic*, `code` and $symbols$; a lesson's text is data and never becomes markup. */
export function phrase(text, turned) {
  return text.split(/(\*\*[^*]+\*\*|\*[^*]+\*|`[^`]+`|\$[^$]+\$)/).filter(Boolean).map(piece => {
    if (piece.length > 2 && piece.startsWith("$") && piece.endsWith("$")) return symbol(piece.slice(1, -1), turned)
    const mark = Object.keys(MARKS).find(m => piece.length > 2 * m.length && piece.startsWith(m) && piece.endsWith(m))
    return mark ? el(MARKS[mark], {}, phrase(piece.slice(mark.length, -mark.length), turned)) : document.createTextNode(piece)
  })
}
export const paragraphs = (text, turned) => text.trim().split(/\n\s*\n/).map(part => el("p", {}, phrase(part, turned)))

export default device(build)
