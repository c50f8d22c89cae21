// The description needs a token like every other call; it stays in this tab only.
"use strict";

const form = document.getElementById("token-form");
const field = document.getElementById("token");
const said = document.getElementById("said");

async function open(token) {
  const headers = { Authorization: `Bearer ${token}` };
  const answer = await fetch("api/v1/openapi.json", { headers });
  if (!answer.ok) {
    said.textContent = (await answer.json()).detail;
    return;
  }
  said.textContent = "";
  sessionStorage.setItem("nightshift-token", token);
  const ui = SwaggerUIBundle({
    spec: await answer.json(),
    domNode: document.getElementById("api"),
    deepLinking: true,
    validatorUrl: null,
    requestInterceptor(request) {
      request.headers.Authorization ??= `Bearer ${token}`;
      return request;
    },
    onComplete: () => ui.preauthorizeApiKey("token", token),
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  open(field.value.trim());
});

const kept = sessionStorage.getItem("nightshift-token");
if (kept) open(kept);
