// This phone's keys, one for each local government: two of them cannot tell that it is one phone.
// The private half is made here, cannot be read out by any script, and signs without network.
import { measure, trueNow } from "./clock.js";
import { get, put, remove } from "./store.js";

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const HALF_A_LIFE = 15 * 86_400_000;
const text = new TextEncoder();

const to64 = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const from64 = (data) => Uint8Array.from(atob(data.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const joined = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));
const signed = async (pair, message) => new Uint8Array(await crypto.subtle.sign(ECDSA, pair.privateKey, message));

function phoneName() {
  const agent = navigator.userAgent;
  return /iPhone|iPad|Android|Windows|Macintosh|Linux/.exec(agent)?.[0] ?? navigator.platform ?? "";
}

async function asked(path, options) {
  const answer = await fetch(path, { cache: "no-store", ...options });
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.code), { code: body.code, status: answer.status });
  return body;
}

// On a first visit the worker throws out whatever lay here before it knew who is signed in: a key
// made earlier than that would go with it. So it is noted here, unless the worker was first (sw.js).
export async function met() {
  if (await get("facts", "who")) return;
  const { who, lang } = (await measure()).state;
  await navigator.locks.request("who", async () => (await get("facts", "who")) ?? put("facts", "who", { who, lang }));
}

// A stopped key stays stopped for ever: a phone that does not find its own makes another.
async function made(town, phones) {
  const kept = await get("keys", town);
  if (kept && (!kept.certificate || phones.some((one) => one.public_key === to64(kept.point)))) return kept;
  await met();
  const pair = await crypto.subtle.generateKey(ECDSA, false, ["sign"]);
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const key = { pair, point: joined([2 + (raw[64] & 1)], raw.slice(1, 33)) };
  await put("keys", town, key);
  return key;
}

// Needs network: has this phone certified for a town's card, unless it is for a while to come.
export async function prepare(town) {
  const path = `/api/v1/me/registrations/${town}/card/phones`;
  const { items: phones, challenge } = await asked(path);
  const key = await made(town, phones);
  const now = (await trueNow()) ?? Date.now();
  if (key.certificate && key.expires - now > HALF_A_LIFE) return key;
  const proof = await signed(key.pair, joined(text.encode(`FJ1 phone key\n${challenge}\n`), key.point));
  const sent = { public_key: to64(key.point), challenge, proof: to64(proof), name: phoneName() };
  try {
    const done = await asked(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
      body: JSON.stringify(sent),
    });
    const whole = { ...key, certificate: from64(done.certificate), expires: Date.parse(done.expires_at), rotate: done.rotate_s };
    await put("keys", town, whole);
    return whole;
  } catch (error) {
    if (error.code === "phone_key_revoked") await remove("keys", town);
    throw error;
  }
}

// The key as it is here, with or without network; nothing when it cannot sign a code that counts.
export async function usable(town, now) {
  const key = await get("keys", town);
  return key?.certificate && key.expires > now ? key : undefined;
}

// The code for one step of time (qr/codes.py, kind D).
export async function code(key, step) {
  const head = joined(key.certificate, [step >>> 24, step >>> 16, step >>> 8, step].map((part) => part & 255));
  const bytes = joined(head, await signed(key.pair, head));
  let base45 = "";
  for (let i = 0; i < bytes.length; i += 2) {
    const pair = bytes[i] * 256 + bytes[i + 1];
    base45 += LETTERS[pair % 45] + LETTERS[Math.floor(pair / 45) % 45] + LETTERS[Math.floor(pair / 2025)];
  }
  return `FJ1:${base45}`;
}
