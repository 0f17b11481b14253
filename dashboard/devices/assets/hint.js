// One quiet line that can be closed for good: the browser remembers it, nobody else.
import { device, el, set } from "./kit.js"

const SHUT = "closed"

/** The browser's memory; where it is forbidden, the line comes back with the next page. */
function memory(id) {
  try { return { get: () => localStorage.getItem(`nmf-${id}`), put: value => localStorage.setItem(`nmf-${id}`, value) } } catch { return { get: () => null, put: () => {} } }
}

export function build(root, send) {
  return {
    show(data) {
      const kept = memory(data.id)
      const close = () => { kept.put(SHUT); set(root, { hidden: true }) }
      set(root, { hidden: kept.get() === SHUT })
      root.replaceChildren(el("p", { class: "hint-line" }, `${data.text} `, el("button", { class: "link", text: data.link, onclick: () => send("ask", { at: Date.now() }) }), " ",
        el("button", { class: "link soft", text: data.close, onclick: close })))
    },
    place: () => ({}),
    stop() {},
  }
}

export default device(build)
