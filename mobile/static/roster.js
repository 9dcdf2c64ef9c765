// The names of one session on an armed phone (C21): sealed under a key that no script can read out,
// and gone when the phone is no longer ready, was stopped, changes hands or has sent its work.
// Both lie among the keys, which the worker empties when somebody else is signed in (sw.js).
import { met } from "./keys.js";
import { get, put, remove, replace, values } from "./store.js";

const AES = "AES-GCM", MARK = 32, SAME_TIME = 600_000;
const at = (session) => `roster ${session}`;
const bytes = (text) => new TextEncoder().encode(text);
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

async function sealed(kept, people) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const data = await crypto.subtle.encrypt({ name: AES, iv }, kept.key, bytes(JSON.stringify(people)));
  return { ...kept, iv, data };
}

// What a card's id or a number is called on this phone, as the server says it (activities/roster.py).
export const marked = async (session, text) =>
  hex(await crypto.subtle.digest("SHA-256", bytes(`roster|${session}|${text}`))).slice(0, MARK);

export async function carry(session, people, until, now) {
  await met();
  const key = await crypto.subtle.generateKey({ name: AES, length: 256 }, false, ["encrypt", "decrypt"]);
  const kept = { roster: session, made: crypto.randomUUID(), key, from: now - SAME_TIME, until };
  await put("keys", at(session), await sealed(kept, people));
}

export async function carried(session, now) {
  await expire(now);
  const kept = await get("keys", at(session));
  if (!kept) return undefined;
  return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt({ name: AES, iv: kept.iv }, kept.key, kept.data)));
}

export async function change(session, people) {
  const kept = await get("keys", at(session));
  if (!kept) return;
  const changed = await sealed(kept, people);
  // Forgotten while they were sealed, they stay forgotten.
  await replace("keys", at(session), (found) => (found?.made && found.made === kept.made ? changed : undefined));
}

// A clock set back does not keep them: what was taken along later than now goes as well.
export const expire = (now) => forget((one) => now < one.from || now >= one.until);

export async function forget(which = () => true) {
  for (const one of await values("keys")) if (one.roster && which(one)) await remove("keys", at(one.roster));
}
