// Passkeys by the browser's own means: a face, a finger or the device's PIN. Where the browser
// cannot, or runs no scripts, nothing of it is shown and a mailed code is the way.
const Key = window.PublicKeyCredential;
const able = Boolean(Key?.parseCreationOptionsFromJSON && Key.parseRequestOptionsFromJSON);
// A challenge lives five minutes; the browser's list of keys may stay open for longer.
const RENEW = 240_000;
// A browser answers one request at a time.
let open = null;

const acts = {
  async add(panel) {
    const asked = await post("passkeys/challenges");
    const made = await navigator.credentials.create({
      publicKey: Key.parseCreationOptionsFromJSON(asked.options),
    });
    await post("passkeys", { binding: asked.binding, credential: made.toJSON() });
    if (panel.dataset.next) location.assign(panel.dataset.next);
    else say(panel, "done");
  },
  async "sign-in"(panel, mediation) {
    await prove(panel, "passkey-sign-ins", { kind: panel.dataset.kind }, mediation);
  },
  async confirm(panel) {
    await prove(panel, "passkey-confirmations");
  },
};

async function prove(panel, door, about, mediation) {
  open?.abort();
  const mine = new AbortController();
  open = mine;
  const asked = await post(`${door}/challenges`, about);
  const found = await navigator.credentials.get({
    publicKey: Key.parseRequestOptionsFromJSON(asked.options),
    mediation,
    signal: mine.signal,
  });
  const answer = { binding: asked.binding, credential: found.toJSON(), transport: "cookie" };
  await post(door, answer);
  // A form that waited for this proof is sent with what was typed; else on to the page.
  const { form, next } = panel.dataset;
  if (form) document.getElementById(form).requestSubmit();
  else location.assign(next);
}

async function post(door, body) {
  const answer = await fetch(`/api/v1/${door}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.code);
  return told;
}

function say(panel, what) {
  for (const part of panel.querySelectorAll("[data-say]")) part.hidden = part.dataset.say !== what;
  if (what === "done") for (const part of panel.querySelectorAll("[data-ask]")) part.hidden = true;
}

function failed(panel, error) {
  if (error.name === "AbortError") return;
  const { again } = panel.dataset;
  if (again && error.message === "fresh_sign_in_needed") {
    location.assign(again);
    return;
  }
  say(panel, error.name === "InvalidStateError" ? "known" : "failed");
}

// The keys appear among what the browser fills into the field of the address.
async function autofill(panel) {
  const again = setTimeout(() => autofill(panel), RENEW);
  try {
    await acts["sign-in"](panel, "conditional");
  } catch (error) {
    failed(panel, error);
    clearTimeout(again);
  }
}

async function begin(panel) {
  const { passkey, when } = panel.dataset;
  if (when === "device" && !(await Key.isUserVerifyingPlatformAuthenticatorAvailable())) return;
  panel.hidden = false;
  panel.querySelector("[data-ask] button").addEventListener("click", () => {
    say(panel, "");
    acts[passkey](panel).catch((error) => failed(panel, error));
  });
  if (passkey === "sign-in" && (await Key.isConditionalMediationAvailable?.())) autofill(panel);
}

if (able) for (const panel of document.querySelectorAll("[data-passkey]")) begin(panel);
