// The worker between the pages and the network: the card, the next activities and the check-in work
// without network for three days; a check-in that cannot be sent is kept, and sent when it can be.
// The server puts VERSION, ASSETS and DECODER in front (mobile/pages/offline.py).
import "./static/pushed.js";
import { measure, trueNow } from "./static/clock.js";
import { expire, forget } from "./static/roster.js";
import { clear, get, put, remove, values } from "./static/store.js";

const PAGES = `pages-${VERSION}`, FILES = `files-${VERSION}`;
const SHELLS = ["/offline", "/queued", "/not-kept", "/scan"];
const ALLOWED = /^\/($|card$|card\/\d{6}$|help$|offline$|queued$|not-kept$|scan$|c\/\w+$|counter\/sessions\/[\w-]+\/offline$)/i;
const CHECK_IN = /^\/(c\/\w+|v|scan|checkin)$/i;
const ELSEWHERE = /^\/(staff|operator|api)(\/|$)/;
const PATIENCE = 4000, KEPT_FOR = 72 * 3600_000, REFRESH = 60_000, MOST = 50;
const SAME_CLOCK = 5000, LONGEST = 1e9, LEAST_SURE = 600_000;

// --- life ----------------------------------------------------------------------------------------

addEventListener("install", (event) => {
  skipWaiting();
  // A browser with a reader of its own never asks for ours.
  const decoder = "BarcodeDetector" in self ? [] : DECODER;
  event.waitUntil(caches.open(FILES).then((cache) => cache.addAll([...ASSETS, ...decoder])));
});

addEventListener("activate", (event) => event.waitUntil(takeOver()));

async function takeOver() {
  for (const name of await caches.keys()) if (![PAGES, FILES].includes(name)) await caches.delete(name);
  await clients.claim();
  await refresh(true).catch(() => {});
}

// Who is signed in, the true time, and the pages this person may need without network.
async function refresh(forced) {
  const last = (await get("facts", "refreshed")) ?? 0;
  if (!forced && Math.abs(Date.now() - last) < REFRESH) return undefined;
  const { clock, state } = await measure(within(10_000, fetch, "/phone", { cache: "no-store" }));
  await meet(state.who, state.lang);
  await put("facts", "seal", state.seal && (await sealing(state.seal)));
  await put("facts", "own", state.pages);
  await put("facts", "refreshed", Date.now());
  await expire((await trueNow()) ?? Date.now());
  await Promise.all([...SHELLS, ...state.pages].map((path) => freshen(path).catch(() => {})));
  return { clock, state };
}

const sealing = (text) =>
  crypto.subtle.importKey("raw", Uint8Array.from(text.match(/../g), (byte) => parseInt(byte, 16)), "AES-GCM", false, ["encrypt", "decrypt"]);

async function freshen(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (answer.ok && !answer.redirected) await keep(path, answer);
}

// Somebody else is signed in, or nobody: nothing of the one before is left to see. The queue stays:
// it is sealed under a key that only its owner gets back, by signing in.
const meet = (who, lang) => navigator.locks.request("who", () => met(who, lang));

async function met(who, lang) {
  const known = await get("facts", "who");
  if (known?.who === who && known?.lang === lang) return;
  await caches.delete(PAGES);
  if (known?.who !== who) {
    await sealAll();
    await clear("keys");
    for (const fact of ["seal", "own", "refreshed"]) await remove("facts", fact);
  }
  await put("facts", "who", { who, lang });
}

// --- pages ---------------------------------------------------------------------------------------

addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url);
  if (url.origin !== location.origin || ELSEWHERE.test(url.pathname)) return;
  if (request.method === "GET" && url.pathname.startsWith("/static/")) event.respondWith(file(request));
  else if (request.mode !== "navigate") return;
  else if (request.method === "GET") event.respondWith(page(request, url.pathname));
  else if (CHECK_IN.test(url.pathname)) event.respondWith(checkIn(event, url.pathname));
  else if (url.pathname === "/signout") event.respondWith(signOut(request));
  else if (url.pathname === "/counter/leave") event.respondWith(handBack(request));
});

async function file(request) {
  return (await (await caches.open(FILES)).match(request, { ignoreSearch: true })) ?? fetch(request);
}

// The whole answer in time, or an error: a line that stalls in the middle of a page is no line.
async function within(ms, ask, ...given) {
  const stop = new AbortController(), timer = setTimeout(() => stop.abort(), ms);
  try {
    const [what, options] = given;
    const answer = await ask(what, { ...options, signal: stop.signal });
    // Files take the time they take; only pages and answers to the worker are waited for whole.
    if (!/html|json/.test(answer.headers.get("Content-Type") ?? "")) return answer;
    const body = await answer.blob();
    return new Response(body.size ? body : null, answer);
  } finally {
    clearTimeout(timer);
  }
}

async function page(request, path) {
  if (SHELLS.includes(path) && path !== "/scan") {
    // What is shown because the network is away must not wait for it.
    const kept = await old(path);
    if (kept) return kept;
  }
  const kept = (await old(path)) ?? (CHECK_IN.test(path) ? await old("/scan") : undefined);
  try {
    const answer = await within(kept ? PATIENCE : 30_000, fetch, request);
    const said = answer.headers.get("X-Who");
    if (said) await meet(...said.split(" "));
    // A phone that was stopped keeps no names past its next contact (C21).
    if (path.startsWith("/counter") && [401, 403].includes(answer.status)) await forget();
    if (answer.status === 200 && said && (await mayKeep(path))) await keep(path, answer.clone()).catch(() => {});
    return answer;
  } catch {
    return kept ?? (await old("/offline")) ?? Response.error();
  }
}

const mayKeep = async (path) => ALLOWED.test(path) || ((await get("facts", "own")) ?? []).includes(path);

async function keep(path, answer) {
  const headers = new Headers(answer.headers);
  headers.set("X-Kept-At", Date.now());
  await (await caches.open(PAGES)).put(path, new Response(await answer.blob(), { headers }));
}

async function old(path) {
  const kept = await (await caches.open(PAGES)).match(path);
  return kept && Math.abs(Date.now() - kept.headers.get("X-Kept-At")) < KEPT_FOR ? kept : undefined;
}

async function signOut(request) {
  try {
    const answer = await within(15_000, fetch, request);
    await meet("-", undefined);
    return answer;
  } catch {
    return (await old("/offline")) ?? Response.error();
  }
}

async function handBack(request) {
  const answer = await fetch(request);
  if (answer.ok) await forget();
  return answer;
}

// --- check-ins -----------------------------------------------------------------------------------

async function checkIn(event, path) {
  const { request } = event, copy = request.clone(), at = Date.now();
  let answer;
  try {
    answer = await within(PATIENCE, fetch, request);
    if (answer.status < 500) return answer;
  } catch {
    // No answer. Whether the server acted is not known; the scan id makes a repeat harmless.
  }
  const fields = Object.fromEntries(await copy.formData()), sorry = await old("/not-kept");
  try {
    await hold(path, fields, at);
  } catch {
    return answer ?? sorry ?? Response.error();
  }
  await registration.sync?.register("check-ins").catch(() => {});
  tell();
  return Response.redirect("/queued", 303);
}

async function hold(path, fields, at) {
  const all = await values("queue");
  if (!fields.scan_id || all.length >= MOST) throw new Error("full");
  const before = all.find((one) => one.id === fields.scan_id);
  if (before && before.state !== "parked") return;
  const secret = { path, fields, at, label: fields._label ?? "", clock: await get("facts", "clock") };
  const item = { id: fields.scan_id, who: fields._who ?? "-", order: at, state: "waiting", why: "network" };
  await put("queue", item.id, await sealed({ ...item, secret })).catch(async () => {
    // No room: what can be fetched again gives way to what cannot.
    await caches.delete(PAGES);
    await put("queue", item.id, await sealed({ ...item, secret }));
  });
}

async function sealed(item) {
  const key = await get("facts", "seal"), known = await get("facts", "who");
  if (!item.secret || !key || known?.who !== item.who) return item;
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, new TextEncoder().encode(JSON.stringify(item.secret)));
  return { ...item, secret: undefined, box: { iv, data } };
}

async function opened(item) {
  if (item.secret) return item.secret;
  const key = await get("facts", "seal");
  const text = await crypto.subtle.decrypt({ name: "AES-GCM", iv: item.box.iv }, key, item.box.data);
  return JSON.parse(new TextDecoder().decode(text));
}

async function sealAll() {
  for (const item of await values("queue")) if (item.secret) await put("queue", item.id, await sealed(item));
}

// One at a time in the whole browser, whoever asks: two would send everything twice.
const flush = () => navigator.locks.request("flush", { ifAvailable: true }, (lock) => lock && sendAll());

async function sendAll() {
  const waiting = (await values("queue")).filter((item) => item.state === "waiting");
  if (!waiting.length) return;
  const { clock, state } = await refresh(true);
  await sealAll();
  for (const item of waiting.sort((a, b) => a.order - b.order)) {
    if (item.who !== state.who) continue;
    await put("queue", item.id, { ...item, ...(await send(await opened(item), clock)) });
  }
  tell();
}

// What became of it. 5xx and no answer: again later; what the server understood and will not take
// is set aside and shown, so that it never holds back the rest.
async function send({ path, fields, at, clock }, now) {
  const when = clockFor(clock, now);
  const body = new URLSearchParams({
    ...fields,
    offline: "yes",
    scanned_at: new Date(at).toISOString(),
    offset_ms: Math.max(-LONGEST, Math.min(LONGEST, when.offset)),
    uncertainty_ms: Math.min(LEAST_SURE, when.uncertainty),
  });
  const answer = await within(15_000, fetch, path, { method: "POST", body, headers: { Accept: "application/json" } });
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return { state: "answered", why: said.outcome, done: said.done };
  if (answer.status === 401 || said.code === "profile_needed") return { why: "signin" };
  if (answer.status >= 500 || answer.status === 429 || said.code === "busy") throw new Error("later");
  return { state: "parked", why: "parked", detail: said.detail };
}

// Two measurements that differ: the clock was set in between, and how sure we are shrinks by that.
function clockFor(then, now) {
  const apart = then ? Math.abs(then.offset - now.offset) : 0;
  return then && apart <= SAME_CLOCK ? then : { offset: now.offset, uncertainty: now.uncertainty + apart };
}

addEventListener("sync", (event) => {
  if (event.tag === "check-ins") event.waitUntil(flush());
});

// --- what pages ask ------------------------------------------------------------------------------

async function list() {
  const known = await get("facts", "who"), items = [];
  let others = 0;
  for (const item of (await values("queue")).sort((a, b) => a.order - b.order)) {
    if (item.who !== known?.who) {
      others += item.state === "waiting";
      continue;
    }
    const { label, at } = await opened(item).catch(() => ({ at: item.order }));
    items.push({ id: item.id, state: item.state, why: item.why, detail: item.detail, done: item.done, label, at });
  }
  return { items, others };
}

async function tell() {
  for (const client of await clients.matchAll()) client.postMessage("changed");
}

const DOES = {
  hello: async () => {
    const found = await refresh(false).catch(() => {});
    await flush().catch(() => {});
    return { ...(await list()), cards: found?.state.cards ?? [] };
  },
  list,
  flush: async () => {
    await flush().catch(() => {});
    return list();
  },
  drop: async ({ id }) => {
    await remove("queue", id);
    return list();
  },
};

addEventListener("message", (event) => {
  event.waitUntil(DOES[event.data.do](event.data).then((told) => event.ports[0].postMessage(told)));
});
