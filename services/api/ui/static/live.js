// Brings the live part of a page up to date: while someone looks, one request at a time.
"use strict";

(() => {
  const STEP_MS = 500;
  const SLOWEST = 8;
  let isOn = localStorage.getItem("nightshift-live") !== "off";
  let isUnderWay = false;
  let failures = 0;
  let last = Date.now();

  function show() {
    for (const button of document.querySelectorAll("[data-live-toggle]")) {
      button.setAttribute("aria-pressed", String(isOn));
      button.querySelector("span").textContent = isOn ? "Live" : "Paused";
    }
  }

  // Whoever selects rows, types or reads an open menu must not lose the ground.
  function isBusy() {
    const part = document.getElementById("live");
    return (
      !part ||
      part.querySelector("[data-hold]:checked, dialog[open], details.menu[open]") ||
      (document.activeElement?.matches("input:not([type=checkbox]), textarea, select") &&
        part.contains(document.activeElement)) ||
      !document.getSelection()?.isCollapsed
    );
  }

  function tick() {
    const part = document.getElementById("live");
    const pace = Number(part?.dataset.live) * Math.min(2 ** failures, SLOWEST);
    if (!isOn || !pace || isUnderWay || document.hidden || isBusy()) return;
    if (Date.now() - last < pace) return;
    isUnderWay = true;
    htmx.trigger(part, "live");
  }

  function finish() {
    isUnderWay = false;
    last = Date.now();
  }

  document.addEventListener("htmx:after:request", (event) => {
    const status = event.detail?.ctx?.response?.status ?? 0;
    failures = status >= 200 && status < 400 ? 0 : failures + 1;
    finish();
  });
  document.addEventListener("htmx:error", () => {
    failures += 1;
    finish();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-live-toggle]")) return;
    window.nightshift.toggleLive();
  });
  window.nightshift = {
    toggleLive() {
      isOn = !isOn;
      localStorage.setItem("nightshift-live", isOn ? "on" : "off");
      show();
    },
  };
  show();
  setInterval(tick, STEP_MS);
})();
