// Runs before Streamlit's own script, on every page that is opened.
// Which page this is, and which one was before it in this tab: names drawn at random, known to this tab and the server alone, which hears
// them with each connection. By them a page that is loaded anew goes on with what the tab held (session/reloading.py).
// Where the server is: where this page's files come from. Streamlit would ask below the page's own address first, in vain.
// The browser's history: one entry for each act of the person. What the server writes into the address by itself, the name of the
// run on a page just opened or the result of a fit, belongs to the entry that is there; else Back would lead to half an address.
(() => {
  "use strict";
  const REST = 3000; // milliseconds: a key pressed again in the same place sooner than that goes on with the same change
  const files = document.querySelector('script[type="module"][src]');
  if (files && !window.__streamlit) {
    window.__streamlit = { BACKEND_BASE_URL: new URL("../../", files.src).href };
  }
  const HELD = '[data-testid="stSidebar"]'; // there is something to lose: not so on the screen that asks who somebody is
  const remember = (name, text) => {
    try {
      if (text) sessionStorage.setItem(name, text);
      return sessionStorage.getItem(name) || "";
    } catch {
      return ""; // a browser that keeps nothing
    }
  };
  const before = remember("nmf-page");
  const name = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  let used = before !== "" && remember("nmf-page", name) !== "";
  const said = `nmf-page.${name}${before ? `.${before}` : ""}`;
  window.WebSocket = class extends WebSocket {
    constructor(url, spoken) {
      super(url, Array.isArray(spoken) && spoken[0] === "streamlit" ? [...spoken, said] : spoken);
    }
  };
  const push = history.pushState.bind(history);
  const replace = history.replaceState.bind(history);
  let acted = false; // since the latest entry
  let unfilled = false; // the latest entry is a page that was just opened, and its address is not complete yet
  let place = null;
  let pressed = -REST;
  const act = (event) => {
    const key = event.type === "keydown";
    if (!(key && event.target === place && event.timeStamp - pressed < REST)) acted = true;
    if (key) pressed = event.timeStamp;
    place = key ? event.target : null;
    if (!used && document.querySelector(HELD)) used = remember("nmf-page", name) !== "";
    if (document.querySelector('[data-test-script-state="notRunning"]')) unfilled = false;
  };
  for (const type of ["pointerdown", "keydown", "drop"]) addEventListener(type, act, { capture: true, passive: true });
  addEventListener("popstate", () => (acted = unfilled = false), true);
  const write = (state, unused, url) => {
    const to = url == null ? location : new URL(url, location.href);
    const moves = to.pathname !== location.pathname;
    if (acted && (moves || (!unfilled && to.search !== location.search))) {
      acted = false;
      unfilled = moves;
      push(state, unused, url);
    } else {
      replace(state, unused, url);
    }
  };
  history.pushState = write; // the server's, and links between pages
  history.replaceState = write; // a control's that stands in the address: Back would skip what it showed
})();
