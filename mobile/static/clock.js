// No phone's clock is trusted: its error is measured whenever the server answers, and kept.
import { get, put } from "./store.js";

// {offset: the phone's clock minus true time, uncertainty: half a round trip} in milliseconds.
export async function measure(fetched = fetch("/phone", { cache: "no-store" })) {
  const began = Date.now(), ticks = performance.now();
  const answer = await fetched;
  const trip = performance.now() - ticks;
  if (!answer.ok) throw new Error(`clock: ${answer.status}`);
  const state = await answer.json();
  const clock = { offset: Math.round(began + trip / 2 - state.now), uncertainty: Math.ceil(trip / 2) };
  await put("facts", "clock", clock);
  return { clock, state };
}

export async function trueNow() {
  const clock = await get("facts", "clock");
  return clock && Date.now() - clock.offset;
}
