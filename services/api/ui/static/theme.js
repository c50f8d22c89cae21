// The button that changes between light and dark; the server reads the cookie.
"use strict";

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  const isEncrypted = location.protocol === "https:" ? "; Secure" : "";
  document.cookie =
    `nightshift_theme=${root.dataset.theme}; Path=/admin/queues; ` +
    `Max-Age=31536000; SameSite=Lax${isEncrypted}`;
});
