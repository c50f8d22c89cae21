// Small things that every page can do: copy, ask, dismiss, keys, local time.
"use strict";

(() => {
  const toast = document.getElementById("toast");
  let toastTimer = 0;
  let afterG = 0;

  function say(text) {
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => (toast.hidden = true), 2500);
  }

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source ? source.textContent : button.dataset.text);
    say("Copied");
  }

  // A question before a post that can't be taken back.
  function ask(form, submitter) {
    const dialog = document.createElement("dialog");
    dialog.className = "dialog";
    const text = document.createElement("p");
    text.textContent = form.dataset.ask;
    const row = document.createElement("div");
    row.className = "dialog-buttons";
    const no = document.createElement("button");
    no.className = "button";
    no.textContent = "Keep as it is";
    const yes = document.createElement("button");
    yes.className = "button button-danger";
    yes.textContent = (submitter?.textContent ?? "Do it").trim();
    row.append(no, yes);
    dialog.append(text, row);
    document.body.append(dialog);
    no.addEventListener("click", () => dialog.close());
    yes.addEventListener("click", () => {
      form.dataset.asked = "yes";
      dialog.close();
      form.requestSubmit(submitter ?? undefined);
    });
    dialog.addEventListener("close", () => dialog.remove());
    dialog.showModal();
    no.focus();
  }

  function localTimes(root) {
    for (const time of root.querySelectorAll("time[data-time]")) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.valueOf())) time.title = at.toLocaleString(undefined, {
        dateStyle: "medium", timeStyle: "long",
      });
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.ask || form.dataset.asked) return;
    event.preventDefault();
    ask(form, event.submitter);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy || button.dataset.text) copy(button);
    if ("dismiss" in button.dataset) button.parentElement.remove();
    if ("closes" in button.dataset) button.closest("dialog").close();
    if (button.dataset.opens) document.getElementById(button.dataset.opens)?.showModal();
  });

  function rows() {
    return [...document.querySelectorAll("tr[data-row]")];
  }

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.classList.contains("is-current"));
    const next = all[Math.max(0, Math.min(all.length - 1, at + step))];
    for (const row of all) row.classList.toggle("is-current", row === next);
    next.querySelector("a")?.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  const KEYS = {
    "/": () => document.querySelector("[data-search]")?.focus(),
    j: () => move(1),
    k: () => move(-1),
    x: () => document.querySelector("tr.is-current input[type=checkbox]")?.click(),
    l: () => window.nightshift.toggleLive(),
    "?": () => document.getElementById("shortcuts").showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input:not([type=checkbox]), textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "o" && Date.now() - afterG < 1000) {
      location.href = document.querySelector(".brand").href;
      return;
    }
    if (event.key === "g") afterG = Date.now();
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("htmx:after:swap", () => localTimes(document));
  localTimes(document);
  window.nightshift.say = say;
})();
