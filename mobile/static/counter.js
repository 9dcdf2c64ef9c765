// The reception without network, on an enrolled phone: armed beforehand, codes checked here, scans
// kept here and sent when there is a line. Nothing is called sent that the server has not answered.
import { measure, trueNow } from "./clock.js";
import { check } from "./fj.js";
import { carried, carry, change, forget, marked } from "./roster.js";
import { get, put, remove, values } from "./store.js";

const place = document.querySelector("[data-offline-counter]");
const { offlineCounter: session, decoder } = place.dataset;
const at = (name) => place.querySelector(`[data-${name}]`);
const field = place.querySelector("[name=code]"), named = place.querySelector("[name=name_confirmed]");
const PACK = `pack ${session}`, GROUP = 50, RETRY = 20_000, NUMBER = /^[2-9A-HJKMNP-Z]{12}$/;
const ROOM = 5e6;
let pack, shown, flushing, last, busy, arming, people, came;

const time = (when) =>
  new Date(when).toLocaleString(document.documentElement.lang, { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" });
const now = async () => (await trueNow()) ?? Date.now();
const mine = async () => (await values("facts")).filter((one) => one?.scan);

const bytes = (text) => new TextEncoder().encode(text);
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function say(kind, name, person) {
  at("undo").hidden = !["kept", "walkin"].includes(name);
  sayName(person);
  for (const one of place.querySelectorAll("[data-answer]")) one.hidden = one.dataset.answer !== kind;
  for (const line of place.querySelectorAll("[data-why]")) line.hidden = line.dataset.why !== name;
}

function sayName(person) {
  for (const one of place.querySelectorAll("[data-name]")) {
    one.hidden = !person;
    one.textContent = person ? one.dataset.sentence.replace("{name}", person.name) : "";
  }
}

// --- arming --------------------------------------------------------------------------------------

async function room() {
  const { quota, usage } = (await navigator.storage?.estimate?.()) ?? {};
  return quota === undefined || quota - usage > ROOM;
}

// Pressed twice, the last press is what holds.
const arm = () => (arming = Promise.resolve(arming).then(armed));

async function armed() {
  try {
    await measure();
    const names = place.querySelector("[name=names]").checked;
    const answer = await fetch(`/api/v1/device/sessions/${session}/arming?names=${names}`, { method: "POST", cache: "no-store" });
    const body = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(body.code), { code: body.code });
    const { people: list, ...rest } = body;
    await put("facts", PACK, rest);
    await take(list);
    await navigator.storage?.persist?.();
    say("", "");
  } catch (error) {
    say("bad", error.code ? "refused" : "network");
  }
  await ready();
}

// C18: until when which promise holds, and what is still missing for it.
async function ready() {
  pack = await get("facts", PACK);
  people = await carried(session, await now());
  drawPeople();
  const clock = await get("facts", "clock"), waiting = (await mine()).filter((one) => !one.outcome).length;
  const found = {
    codes: Boolean(pack) && Date.parse(pack.ready_until) > (await now()),
    keys: Boolean(pack?.keys.length),
    clock: Boolean(clock),
    room: await room(),
    unsent: !pack || waiting < pack.most_unsent,
  };
  for (const [name, good] of Object.entries(found)) at(`check-${name}`).dataset.good = good;
  const whole = Object.values(found).every(Boolean);
  at("ready").hidden = !whole;
  at("unready").hidden = whole;
  if (whole) at("until").textContent = at("until").dataset.sentence.replace("{time}", time(pack.ready_until));
  at("work").hidden = !whole;
  return whole;
}

// --- who is here, who is missing (C21, C35) --------------------------------------------------------

// Who came while nothing could be sent is known here only.
async function take(list) {
  if (!list) return forget((one) => one.roster === session);
  const before = (await unsent()).length ? ((await carried(session, await now())) ?? []) : [];
  const known = new Set(before.filter((one) => one.here).flatMap((one) => one.marks));
  for (const one of list) one.here ||= one.marks.some((mark) => known.has(mark));
  return carry(session, list, Date.parse((await get("facts", PACK)).ready_until), await now());
}

function drawPeople() {
  at("people").hidden = !people;
  if (!people) sayName();
  const here = people?.filter((one) => one.here) ?? [], away = people?.filter((one) => !one.here) ?? [];
  const said = at("counts").dataset.sentence.replace("{here}", here.length).replace("{away}", away.length);
  at("counts").textContent = people ? said : "";
  for (const [list, some] of [["here", here], ["away", away]])
    at(list).replaceChildren(...some.map(({ name }) => Object.assign(document.createElement("li"), { textContent: name })));
}

const known = async (text) => {
  const mark = people && (await marked(session, text));
  return people?.find((one) => one.marks.includes(mark));
};

async function arrived(person, here) {
  if (!person) return;
  person.here = here;
  await change(session, people);
  drawPeople();
}

async function gone(which) {
  await forget(which);
  people = undefined;
  drawPeople();
}

// A phone that was stopped forgets the names at its next contact; so does one whose work is done.
async function contact() {
  if (!people) return;
  if ((await now()) > Date.parse(pack.ends_at) && !(await unsent()).length) return gone((one) => one.roster === session);
  const answer = await fetch("/api/v1/device", { cache: "no-store" });
  if ([401, 403].includes(answer.status)) await gone();
}

// --- the venue's code ----------------------------------------------------------------------------

async function turn() {
  const life = pack ? pack.rotate_s * 1000 : 0, true_ = await now();
  const step = pack ? Math.floor(true_ / life) : 0, code = pack?.codes[step - pack.first_step];
  at("venue").hidden = !code;
  if (people && true_ >= Date.parse(pack.ready_until)) await ready();
  if (!code || code === shown) return;
  // Kept on the phone with the page; only a venue that shows its code needs the drawing.
  const { drawn } = await import("./qr.js");
  at("picture").replaceChildren(drawn(code, at("picture").dataset.title));
  at("picture").dataset.step = step;
  shown = code;
}

// --- scans ---------------------------------------------------------------------------------------

// One after the other: every line of the log holds the mark of the one before (C19).
const scan = (text) => (busy = Promise.resolve(busy).then(() => one(text)));

async function one(text) {
  if (!(await ready())) return say("bad", "unready");
  const clock = await get("facts", "clock"), plain = text.replace(/[\s-]/g, "").toUpperCase();
  const read = NUMBER.test(plain) ? { kind: "number", code: plain, id: plain } : await check(text, pack, await now(), clock.uncertainty);
  const person = read.problem ? undefined : await known(read.id), before = person?.here;
  if (!read.problem && read.kind !== "D" && !named.checked) return say("ask", "name", person);
  if (read.problem === "venue" || read.problem === "malformed") return say("bad", read.problem);
  const sequence = ((await get("facts", "made")) ?? 0) + 1;
  const made = {
    scan_id: crypto.randomUUID(), session_id: session, code: read.code ?? text.trim(), scanned_at: new Date().toISOString(),
    offset_ms: clock.offset, uncertainty_ms: Math.min(clock.uncertainty, 600_000), offline: true, sequence,
    name_confirmed: named.checked, walk_in_confirmed: true,
  };
  const said = [(await get("facts", "mark")) ?? "", sequence, made.scan_id, made.scanned_at, made.code];
  made.mark = hex(await crypto.subtle.digest("SHA-256", bytes(said.join("|"))));
  try {
    await put("facts", "made", sequence);
    await put("facts", "mark", made.mark);
    await put("facts", `scan ${made.scan_id}`, { scan: made, problem: read.problem });
  } catch {
    return say("bad", "full");
  }
  last = { scan: made, problem: read.problem };
  came = before ? undefined : person;
  field.value = "";
  named.checked = false;
  await arrived(person, true);
  if (before) say("info", "already", person);
  else say(read.problem ? "bad" : "good", read.problem ?? (people && !person ? "walkin" : "kept"), person);
  await count();
  return flush();
}

// C7: taken back without network. What was sent already is sent once more, and says so.
async function undo() {
  if (Date.now() - Date.parse(last.scan.scanned_at) > pack.undo_s * 1000) return say("bad", "late");
  last.scan.undone_at = new Date().toISOString();
  await put("facts", `scan ${last.scan.scan_id}`, last);
  await arrived(came, false);
  say("good", "undone");
  await count();
  return flush();
}

// C25: for a village without signal for days. What waits stays here too; twice is as good as once.
async function save() {
  const scans = await unsent();
  const body = JSON.stringify({ scans, made: await get("facts", "made") });
  const key = await crypto.subtle.importKey("raw", bytes(pack.file_key), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const seal = hex(await crypto.subtle.sign("HMAC", key, bytes(body)));
  const file = new Blob([JSON.stringify({ device: pack.device_id, body, seal })], { type: "application/json" });
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: `uketsuke-${session}.json` });
  link.click();
}

async function count() {
  const all = await mine(), waiting = all.filter((one) => !one.outcome), looked = all.filter((one) => one.outcome);
  at("file").hidden = !waiting.length || !pack;
  at("waiting").textContent = at("waiting").dataset.sentence.replace("{count}", waiting.length);
  at("review").hidden = !looked.length;
  at("rows").replaceChildren(...looked.map((one) => {
    const line = at("row").content.cloneNode(true);
    line.querySelector("[data-when]").textContent = time(one.scan.scanned_at);
    line.querySelector("[data-said]").textContent = one.outcome;
    return line;
  }));
}

async function send(scans) {
  const answer = await fetch("/api/v1/device/check-ins/batch", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ scans, made: await get("facts", "made") }),
    signal: AbortSignal.timeout?.(15_000),
  });
  if (answer.status === 422) {
    if (scans.length > 1) {
      for (const one of scans) await send([one]);
    } else await put("facts", `scan ${scans[0].scan_id}`, { scan: scans[0], outcome: at("rows").dataset.parked });
    return;
  }
  if (!answer.ok) throw new Error(String(answer.status));
  // C24: only what is named in the answer leaves; what needs a person's look stays to be seen.
  for (const one of (await answer.json()).answers) {
    const key = `scan ${one.scan_id}`, kept = await get("facts", key);
    const sent = scans.find((scan) => scan.scan_id === one.scan_id);
    if (kept?.scan.undone_at !== sent?.undone_at) continue;
    if (["accepted", "already"].includes(one.outcome)) await remove("facts", key);
    else if (kept) await put("facts", key, { ...kept, outcome: at("rows").dataset.look });
  }
}

const unsent = async () => (await mine()).filter((one) => !one.outcome).map((one) => one.scan).sort((a, b) => a.sequence - b.sequence);

async function sendAll() {
  const waiting = await unsent();
  for (let i = 0; i < waiting.length; i += GROUP) await send(waiting.slice(i, i + GROUP));
  await count();
  await contact();
}

function flush() {
  flushing ??= sendAll().catch(() => {}).finally(() => (flushing = undefined));
  return flushing;
}

// --- the page ------------------------------------------------------------------------------------

async function camera() {
  const { openReader, watch } = await import("./reader.js");
  const video = place.querySelector("video"), read = await openReader(decoder).catch(() => null);
  if (!read || !navigator.mediaDevices?.getUserMedia) return say("bad", "camera");
  try {
    video.hidden = false;
    const stop = await watch(video, read, ([text]) => {
      stop();
      video.hidden = true;
      navigator.vibrate?.(60);
      field.value = text;
      scan(text);
    }, () => (video.hidden = true));
  } catch {
    video.hidden = true;
    say("bad", "camera");
  }
  return undefined;
}

place.hidden = false;
at("arm").addEventListener("click", arm);
at("undo").addEventListener("click", undo);
at("file").addEventListener("click", save);
at("forget").addEventListener("click", () => gone((one) => one.roster === session));
at("camera").addEventListener("click", camera);
at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (field.value.trim()) scan(field.value);
});
addEventListener("online", flush);
document.addEventListener("visibilitychange", flush);
setInterval(flush, RETRY);
setInterval(turn, 1000);
await ready();
await count();
await turn();
await flush();
