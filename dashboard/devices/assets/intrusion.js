// Word intrusion (Chang et al. 2009): five top words of a topic and one that belongs to another. Who finds the intruder has seen that
// the topic hangs together. The score stands beside NPMI, which asks the documents instead of a person.
import { device, el, keyboard, number, press, range, set } from "./kit.js"

export function build(root) {
  let data, at = 0, answers = {}
  const view = {}
  const go = to => { at = Math.max(0, Math.min(data.rounds.length - 1, to)); draw() }

  function construct() {
    view.head = el("div", { class: "title" })
    view.words = el("div", { class: "suspects", role: "group" })
    view.verdict = el("p", { class: "verdict told", role: "status" })
    view.score = el("div", { class: "facts" })
    view.table = el("table", { class: "rounds" })
    view.download = el("a", { class: "press", text: "Answers as CSV", download: "word-intrusion.csv" })
    root.replaceChildren(view.head, view.words, view.verdict, view.score, view.table,
      el("div", { class: "controls" }, press("", "Previous round (left arrow)", () => go(at - 1), "back"), press("Next round", "Next round (right arrow)", () => go(at + 1)),
        press("Start again", "Forget all answers", () => { answers = {}; go(0) }), view.download))
    set(root, { tabindex: 0, role: "group", "aria-label": "Word intrusion. Left and right arrow change the round.", onkeydown: keyboard({ by: by => go(at + by), to: to => go(to), play: () => {} }) })
  }

  function answer(i) {
    if (answers[at] !== undefined) return
    answers[at] = i
    draw()
    view.words.children[i].focus()
  }

  function draw() {
    const round = data.rounds[at], chosen = answers[at], done = chosen !== undefined, all = Object.keys(answers).length, right = Object.entries(answers).filter(([i, a]) => data.rounds[i].intruder === a).length
    view.head.replaceChildren(el("b", { text: `Round ${at + 1}` }), ` of ${data.rounds.length}: which word does not belong?`)
    if (view.words.children.length !== round.words.length || view.shown !== at) {
      view.words.replaceChildren(...round.words.map((text, i) => el("button", { class: "suspect", text, onclick: () => answer(i) })))
      view.shown = at
    }
    round.words.forEach((_, i) => set(view.words.children[i], {
      class: `suspect${done ? (i === round.intruder ? " right" : i === chosen ? " wrong" : " out") : ""}`, "aria-pressed": done ? String(i === chosen) : null,
    }))
    set(view.words, { "aria-label": "Six words" })
    view.verdict.textContent = done ? `${chosen === round.intruder ? "Found" : "Not that one"}: ${round.words[round.intruder]} is a top word of ${data.words.component} ${round.from}. `
      + `The others are ${data.words.component} ${round.topic}, NPMI ${number(round.npmi)}${round.steady === undefined ? "" : `, there in ${number(100 * round.steady, 0)} % of other starts`}.` : ""
    view.score.replaceChildren(el("div", { class: "big" }, el("b", { text: `${right} of ${all}` }), " found"),
      el("div", { class: "soft" }, all ? `NPMI: ${data.words.components} ${number(Math.min(...data.rounds.map(r => r.npmi)))} to ${number(Math.max(...data.rounds.map(r => r.npmi)))}, `
        + `random sets of five words ${number(data.random[0])} to ${number(data.random[1])}.` : "Chance alone finds one in six."))
    table()
  }

  function table() {
    const rows = data.rounds.map((round, i) => [round, answers[i], i]).filter(([, chosen]) => chosen !== undefined)
    const columns = [data.words.component, "found", "NPMI", ...(data.rounds[0].steady === undefined ? [] : ["stability"])]
    set(view.table, { hidden: rows.length === 0 })
    view.table.replaceChildren(el("thead", {}, el("tr", {}, columns.map(text => el("th", { scope: "col", text })))),
      el("tbody", {}, rows.map(([round, chosen]) => el("tr", {}, el("th", { scope: "row", text: round.topic }), el("td", { text: chosen === round.intruder ? "yes" : "no" }), el("td", { text: number(round.npmi) }),
        round.steady !== undefined && el("td", { text: `${number(100 * round.steady, 0)} %` })))))
    set(view.download, { hidden: rows.length === 0, href: rows.length ? `data:text/csv;charset=utf-8,${encodeURIComponent(csv(rows))}` : null })
  }

  /** The answers as a table that is safe to open in a spreadsheet: a text that begins like a formula gets an apostrophe. */
  function csv(rows) {
    const cell = text => `"${/^[=+\-@\t\r]/.test(text) ? "'" : ""}${text.replaceAll('"', '""')}"`
    const line = ([round, chosen, i]) => [i + 1, round.topic, ...round.words.map(cell), cell(round.words[round.intruder]), cell(round.words[chosen]), Number(chosen === round.intruder), round.npmi, round.steady ?? ""].join(",")
    const head = ["round", data.words.component, ...range(6).map(i => `word ${i + 1}`), "intruder", "answer", "found", "NPMI", "stability"].map(cell).join(",")
    return [head, ...rows.map(line)].join("\r\n")
  }

  return {
    show(fresh, start) {
      const first = data?.id !== fresh.id
      data = fresh
      if (first) { answers = {}; construct() }
      if (start.answers) answers = { ...start.answers }
      go(start.round !== undefined ? start.round - 1 : at)
    },
    place: () => ({ round: at + 1, answers: { ...answers } }),
    stop() {},
  }
}

export default device(build)
