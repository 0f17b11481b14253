// Runs before Streamlit's own script, on every page that is opened.
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
  const push = history.pushState.bind(history);
  let acted = false; // since the latest entry
  let unfilled = false; // the latest entry is a page that was just opened, and its address is not complete yet
  let place = null;
  let pressed = -REST;
  const act = (event) => {
    const key = event.type === "keydown";
    if (!(key && event.target === place && event.timeStamp - pressed < REST)) acted = true;
    if (key) pressed = event.timeStamp;
    place = key ? event.target : null;
    if (document.querySelector('[data-test-script-state="notRunning"]')) unfilled = false;
  };
  for (const type of ["pointerdown", "keydown", "drop"]) addEventListener(type, act, { capture: true, passive: true });
  addEventListener("popstate", () => (acted = unfilled = false), true);
  history.pushState = (state, unused, url) => {
    const moves = url != null && new URL(url, location.href).pathname !== location.pathname;
    if (acted && (moves || !unfilled)) {
      acted = false;
      unfilled = moves;
      push(state, unused, url);
    } else {
      history.replaceState(state, unused, url);
    }
  };
})();
