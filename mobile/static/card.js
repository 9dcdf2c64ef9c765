// The card's page: a code that turns every half minute, made by this phone, with or without network.
// Without this script the page shows a code the server made.
import { measure, trueNow } from "./clock.js";
import { code, prepare, usable } from "./keys.js";
import { drawn } from "./qr.js";

const place = document.querySelector("[data-phone-code]");
const town = place.dataset.phoneCode;
const [picture, bar, left] = ["picture", "bar", "left"].map((name) => place.querySelector(`[data-${name}]`));
let shown;

function say(name) {
  for (const line of document.querySelectorAll("[data-say]")) line.hidden = line.dataset.say !== name;
}

async function turn() {
  const now = await trueNow();
  const key = now && (await usable(town, now));
  place.hidden = !key;
  for (const other of document.querySelectorAll("[data-server-code]")) {
    // A page that was kept shows no picture that has ended.
    other.hidden = Boolean(key) || (now ?? Date.now()) > other.dataset.until;
  }
  if (!key) {
    shown = undefined;
    return false;
  }
  const life = key.rotate * 1000, step = Math.floor(now / life), remains = life - (now % life);
  const wanted = `${step} ${key.certificate}`;
  if (wanted !== shown) {
    picture.replaceChildren(drawn(await code(key, step), picture.dataset.title));
    place.dataset.step = step;
    shown = wanted;
  }
  bar.max = key.rotate;
  bar.value = remains / 1000;
  left.textContent = left.dataset.left.replace("{count}", Math.ceil(remains / 1000));
  return true;
}

// One turn at a time: signing takes a moment, and two at once would draw in the wrong order.
let turning = Promise.resolve();
const tick = () => (turning = turning.then(turn, turn));

async function start() {
  if (!window.isSecureContext || !crypto.subtle) return;
  let ready = await tick();
  try {
    await measure();
    await prepare(town);
    ready = await tick();
    say("");
  } catch (error) {
    // Without network the key that is here goes on; a stopped one is silent from here on.
    ready = await tick();
    say(ready ? "" : error.status ? "stopped" : "offline");
  }
  setInterval(tick, 1000);
}

// The screen stays lit while the card is shown; where that cannot be, nothing is lost.
async function stayLit() {
  if (document.visibilityState !== "visible") return;
  tick();
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // The battery is low, or the phone does not want to.
  }
}
document.addEventListener("visibilitychange", stayLit);
stayLit();
start();
