// The error of all three rules from one start, the one on screen in front; a click goes to that iteration.
import { axes, clamp, label, number, pointer, set, svg } from "./kit.js"

const SIZE = [420, 120], BOX = [8, 14, 346, 100]
const HIGHEST = 1.2 // relative error; a run that explodes leaves the picture

export function errorLine(go) {
  const node = svg("svg", { class: "chart loss", viewBox: `0 0 ${SIZE.join(" ")}`, role: "img", preserveAspectRatio: "xMaxYMid meet" })
  return {
    node,
    show(data, place) {
      const all = Object.entries(data.traces).map(([key, t]) => [key, t.errors.map(e => (Number.isFinite(e) ? e : 9))])
      const mine = all.find(([key]) => key === place.rule)[1], last = mine.length - 1, now = Math.floor(place.h / 2)
      const top = Math.min(Math.max(...all.flatMap(([, e]) => e)), HIGHEST), low = 0.9 * data.floor
      const { x, y, line, value } = axes(BOX, [0, last], [low, top])
      const high = e => y(clamp(e, low, top)), path = (errors, kind) => svg("path", { class: kind, d: line(errors.map((e, i) => [i, clamp(e, low, top)])) })
      const late = now > last - 3 // the number stands beside its dot, inside the picture
      const anchor = now < 2 ? "start" : now > last - 3 ? "end" : "middle"
      node.replaceChildren(
        label(x(last), 12, "relative error (grey: the other rules)", { "text-anchor": "end" }),
        svg("line", { class: "floor", x1: x(0), x2: x(last), y1: y(data.floor), y2: y(data.floor) }), label(x(last) + 6, y(data.floor) + 14, "SVD floor"),
        ...all.filter(([key]) => key !== place.rule).map(([, errors]) => path(errors, "other")), path(mine, "mine"),
        svg("line", { class: "at", x1: x(now), x2: x(now), y1: BOX[1], y2: BOX[3] }), svg("circle", { class: "at", cx: x(now), cy: high(mine[now]), r: 4.5 }),
        label(x(now) + (late ? -9 : 9), high(mine[now]) + (late ? -9 : -5), number(mine[now], 3), { class: "value", "text-anchor": late ? "end" : "start" }),
        label(x(now), 115, `iteration ${now + 1}${place.model ? "" : data.traces[place.rule].halves[place.h].factor === "W" ? ", W" : ", H"}`, { "text-anchor": anchor }))
      set(node, {
        "aria-label": `Relative error ${number(mine[now], 3)} before iteration ${now + 1}; SVD floor ${number(data.floor, 3)}`,
        onclick: event => go(clamp(Math.round(value(pointer(event, node, SIZE)[0])), 0, last - 1)),
      })
    },
  }
}
