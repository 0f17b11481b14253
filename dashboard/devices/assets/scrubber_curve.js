// The error over the recorded iterations, with the floor under it; dragging goes to an iteration.
import { axes, label, number, pointer, set, svg } from "./kit.js"

const SIZE = [640, 118], BOX = [6, 12, 560, 94]
const TICKS = [0, 5, 10, 20, 30, 60, 100, 200, 300, 500, 1000, 2000]
const NARROW = 34 // between two tick labels

export function curve(go) {
  const node = svg("svg", { class: "chart curve", viewBox: `0 0 ${SIZE.join(" ")}`, role: "img", preserveAspectRatio: "xMinYMid meet" })
  let scale
  const drag = event => { if (event.buttons) go(scale.value(pointer(event, node, SIZE)[0])) }
  set(node, { onpointerdown: event => { node.setPointerCapture(event.pointerId); drag(event) }, onpointermove: drag })

  return {
    node,
    show({ errors, iterations, floor }, frame) {
      const last = iterations.length - 1, high = Math.max(...errors), low = Math.min(floor ?? errors[last], errors[last])
      scale = axes(BOX, [0, last], [low - 0.04 * (high - low), high])
      const { x, y, line } = scale, part = (from, to) => line(errors.slice(from, to + 1).map((e, i) => [from + i, e]))
      let free = -NARROW
      const ticks = TICKS.filter(t => iterations.includes(t)).map(t => {
        const at = x(iterations.indexOf(t))
        if (at - free < NARROW) return null
        free = at
        return label(at, SIZE[1] - 4, t, { "text-anchor": t ? "middle" : "start" })
      }).filter(Boolean)
      const near = x(frame) > BOX[2] - 60
      node.replaceChildren(
        ...(floor === null || floor === undefined ? [] : [svg("line", { class: "floor", x1: BOX[0], x2: BOX[2], y1: y(floor), y2: y(floor) }), label(BOX[2] + 6, y(floor) + 3, "SVD floor")]),
        svg("path", { class: "future", d: part(frame, last) }), svg("path", { class: "past", d: part(0, frame) }),
        svg("circle", { class: "at", cx: x(frame), cy: y(errors[frame]), r: 6 }),
        label(x(frame) + (near ? -10 : 10), y(errors[frame]) - 7, number(errors[frame], 3), { class: "value", "text-anchor": near ? "end" : "start" }),
        ...ticks, label(BOX[2] + 20, SIZE[1] - 4, "iteration"))
      set(node, { "aria-label": `Relative error ${number(errors[frame], 3)} at iteration ${iterations[frame]}` })
    },
  }
}
