// Keeps the living part of a page as it is: the server sends it again whenever it has changed.
"use strict";
(() => {
  const part = document.querySelector("[data-live]");
  const pulse = document.getElementById("pulse");
  if (!part || !pulse || !window.EventSource) return;
  const says = pulse.querySelector(".says");
  const pause = document.getElementById("pause");
  let paused = false;
  let waiting = null;
  // Before the next try, and at most.
  const FIRST_MS = 1000;
  const LAST_MS = 30000;
  let pauseMs = FIRST_MS;

  const show = (state) => {
    pulse.hidden = false;
    pulse.dataset.state = state;
    says.textContent = state;
  };

  // Whoever has selected words or opened something does not want it to vanish.
  const isHeld = () => {
    const selection = document.getSelection();
    return selection && !selection.isCollapsed && part.contains(selection.anchorNode);
  };

  const put = (html) => {
    const open = new Set([...part.querySelectorAll("details[open]")].map((one) => one.dataset.key));
    const scrolled = [...part.querySelectorAll(".wide")].map((one) => one.scrollLeft);
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const made = document.createElement("template");
    made.innerHTML = html;
    for (const one of made.content.querySelectorAll("details")) one.open = open.has(one.dataset.key);
    part.replaceChildren(made.content);
    part.querySelectorAll(".wide").forEach((one, index) => { one.scrollLeft = scrolled[index] ?? 0; });
    if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };

  const settle = () => {
    if (waiting !== null && !paused && !isHeld()) {
      put(waiting);
      waiting = null;
    }
  };

  const connect = () => {
    const source = new EventSource(part.dataset.live);
    source.onopen = () => {
      pauseMs = FIRST_MS;
      show(paused ? "paused" : "live");
    };
    source.onmessage = (event) => {
      waiting = event.data;
      settle();
    };
    source.onerror = () => {
      show("away");
      // Where nothing came back the browser tries again by itself; a refusal it takes for the last word.
      if (source.readyState === EventSource.CLOSED) refused();
    };
  };

  // A session that is over has another page; a server that is busy, or away for a moment, has not.
  const refused = async () => {
    const asked = { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(10000) };
    const answer = await fetch(part.dataset.live, asked).catch(() => null);
    if (answer && answer.status === 401) {
      show("ended");
      location.reload();
      return;
    }
    setTimeout(connect, pauseMs * (0.5 + Math.random() / 2));
    pauseMs = Math.min(2 * pauseMs, LAST_MS);
  };

  connect();
  document.addEventListener("selectionchange", settle);
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    show(paused ? "paused" : "live");
    settle();
  });
})();
