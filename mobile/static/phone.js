// Every page: has the worker look after what waits to be sent, and says what waits and why.
// Without it, pages and forms work as they are, with network.
const worker = navigator.serviceWorker;

async function ask(what) {
  const { active } = await worker.ready;
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = (event) => resolve(event.data);
    active.postMessage(what, [port2]);
  });
}

// --- what waits ----------------------------------------------------------------------------------

const moment = (at) =>
  new Date(at).toLocaleString(document.documentElement.lang, { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" });

function show({ items, others }) {
  const waiting = items.filter((item) => item.state !== "answered").length;
  for (const strip of document.querySelectorAll("[data-unsent]")) {
    const words = strip.querySelector("[data-words]");
    strip.hidden = !waiting && !others;
    words.textContent = (waiting ? words.dataset.own : words.dataset.others).replace("{count}", waiting || others);
  }
  for (const place of document.querySelectorAll("[data-unsent-list]")) {
    const row = place.querySelector("template");
    place.hidden = !items.length;
    place.querySelector("[data-rows]").replaceChildren(...items.map((item) => line(row, item)));
  }
  for (const empty of document.querySelectorAll("[data-unsent-none]")) empty.hidden = items.length > 0;
}

function line(row, item) {
  const made = row.content.cloneNode(true), at = (name) => made.querySelector(`[data-${name}]`);
  at("label").textContent = item.label || row.dataset.code;
  at("when").textContent = moment(item.at);
  const why = item.why === "parked" && item.detail ? item.detail : row.dataset[item.why] ?? row.dataset.network;
  at("why").textContent = why;
  const drop = () => ask({ do: "drop", id: item.id });
  at("done").addEventListener("click", drop);
  at("drop").addEventListener("click", async () => show(await drop()));
  if (item.done) at("done").href = item.done;
  else at("done").remove();
  if (item.state !== "parked") at("drop").remove();
  return made;
}

async function send() {
  for (const button of document.querySelectorAll("[data-send]")) button.disabled = true;
  show(await ask({ do: "flush" }));
  for (const button of document.querySelectorAll("[data-send]")) button.disabled = false;
}

// --- signing out while something waits -----------------------------------------------------------

// Nothing is lost by it, and nobody else can read it; but it is only sent when its owner is back.
async function leaving(event) {
  const form = event.target;
  if (form.getAttribute("action") !== "/signout" || form.dataset.sure) return;
  event.preventDefault();
  await send();
  const { items } = await ask({ do: "list" });
  const warning = document.querySelector("[data-signout-warning]");
  form.dataset.sure = "yes";
  if (!warning || !items.some((item) => item.state !== "answered")) return form.requestSubmit();
  warning.hidden = false;
  warning.focus();
}

// --- start ---------------------------------------------------------------------------------------

async function hello() {
  if (document.visibilityState !== "visible") return;
  const told = await ask({ do: "hello" });
  show(told);
  // An installed app is somebody's own phone: its card is made ready before it is needed.
  if (matchMedia("(display-mode: standalone)").matches && told.cards.length) {
    const { prepare } = await import("./keys.js");
    for (const town of told.cards) await prepare(town).catch(() => {});
  }
}

async function start() {
  await worker.register("/sw.js", { type: "module", updateViaCache: "none" });
  worker.addEventListener("message", async () => show(await ask({ do: "list" })));
  addEventListener("online", send);
  document.addEventListener("visibilitychange", hello);
  document.addEventListener("submit", leaving);
  for (const button of document.querySelectorAll("[data-send]")) button.addEventListener("click", send);
  show(await ask({ do: "list" }));
  await hello();
}

// An old browser, or a window that keeps nothing: everything but the waiting works.
if (worker && isSecureContext) start().catch(() => {});
