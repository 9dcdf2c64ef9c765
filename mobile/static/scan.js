// The camera in the page, and photos read without being sent. A poster's code opens its page; a
// venue's code is sent as the form sends a typed one, or kept through a sign-in (code.js).
import { openReader, readPhoto, shrunk, watch } from "./reader.js";

const panel = document.querySelector("[data-camera]");
const viewers = panel.querySelectorAll("[data-viewer]");
const video = panel.querySelector("video");
const asking = panel.querySelector("[data-ask]");
const start = asking.querySelector("button"), end = panel.querySelector("[data-viewer] button");
const photo = document.querySelector("[name=photo]");
const field = document.querySelector("[name=code]");
const { decoder, venue } = panel.dataset;
const POSTER = /^(?:https?:\/\/[^?#]*\/c\/)?([2-9A-HJKMNP-Z]{8})$/i;
const SMALLER = 0.85;

let reader;
let stop = () => {};
const open = () => (reader ??= openReader(decoder).catch(() => (reader = null)));

function say(what) {
  for (const part of panel.querySelectorAll("[data-say]")) part.hidden = part.dataset.say !== what;
}

// What a text is to us: a poster's characters, a venue's code, somebody's card, or foreign.
function sort(text) {
  const poster = POSTER.exec(text.trim())?.[1];
  if (poster) return { poster: poster.toUpperCase() };
  let code = text.trim();
  try {
    if (code.includes("#")) code = decodeURIComponent(code.slice(code.indexOf("#") + 1));
  } catch {
    return {};
  }
  code = code.toUpperCase();
  return code.startsWith(venue) ? { venue: code } : { card: code.startsWith("FJ1:") };
}

// Goes on with the one code of ours; otherwise says what is in the picture and looks on.
function take(texts) {
  const sorted = texts.map(sort);
  const ours = new Map(sorted.filter((one) => one.poster ?? one.venue).map((one) => [one.poster ?? one.venue, one]));
  if (ours.size > 1) return say("two");
  if (!ours.size) return say(sorted.some((one) => one.card) ? "card" : "foreign");
  const [one] = ours.values();
  say("");
  stop();
  navigator.vibrate?.(60);
  if (one.poster) location.assign(`/c/${one.poster}`);
  else if (field.form.method === "post") {
    field.value = one.venue;
    field.form.requestSubmit();
  } else {
    sessionStorage.setItem("code", one.venue);
    location.assign("/v");
  }
}

function show(on) {
  for (const part of viewers) part.hidden = !on;
  asking.hidden = on;
}

const WHY = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "missing", OverconstrainedError: "missing" };

async function begin() {
  say("waiting");
  start.disabled = true;
  try {
    const read = await open();
    if (!read) throw new Error("no reader");
    show(true);
    stop = await watch(video, read, take, () => show(false));
    say("");
    end.focus({ preventScroll: true });
    panel.scrollIntoView();
  } catch (error) {
    show(false);
    say(WHY[error.name] ?? "busy");
  } finally {
    start.disabled = false;
  }
}

// Read here, nothing is sent. What cannot be read here goes to the server, small enough for a thin
// line, as it would without scripts.
async function look(event) {
  const [file] = photo.files;
  // Without a button it was this script that sent the form.
  if (!file || !event.submitter) return;
  event.preventDefault();
  stop();
  say("looking");
  const read = await open();
  const texts = read ? await readPhoto(read, file).catch(() => []) : [];
  if (texts.length) return take(texts);
  if (!navigator.onLine) return say("blurry");
  await lighten(file).catch(() => {});
  photo.form.requestSubmit();
}

async function lighten(file) {
  const picture = await createImageBitmap(file);
  const small = await new Promise((done) => shrunk(picture).toBlob(done, "image/jpeg", SMALLER));
  if (!small || small.size >= file.size) return;
  const files = new DataTransfer();
  files.items.add(new File([small], "photo.jpg", { type: "image/jpeg" }));
  photo.files = files.files;
}

async function ready() {
  const able = decoder || (await window.BarcodeDetector?.getSupportedFormats?.())?.includes("qr_code");
  if (!able) return;
  photo.form.addEventListener("submit", look);
  if (!navigator.mediaDevices?.getUserMedia) return;
  panel.hidden = false;
  start.addEventListener("click", begin);
  end.addEventListener("click", () => {
    stop();
    start.focus();
  });
}

ready();
