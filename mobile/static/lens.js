// The camera of the reception: what it reads goes into the field, and the form is sent.
import { openReader, watch } from "./reader.js";

const place = document.querySelector("[data-counter]");
const video = place.querySelector("video"), button = place.querySelector("[data-camera]");
const field = place.querySelector("[name=code]");

async function look() {
  place.querySelector("[data-why]").hidden = true;
  try {
    const read = await openReader(place.dataset.decoder);
    if (!read) throw new Error("no reader");
    video.hidden = false;
    const stop = await watch(video, read, ([text]) => {
      stop();
      navigator.vibrate?.(60);
      field.value = text;
      field.form.requestSubmit();
    }, () => (video.hidden = true));
  } catch {
    video.hidden = true;
    place.querySelector("[data-why]").hidden = false;
  }
}

async function able() {
  const own = await window.BarcodeDetector?.getSupportedFormats?.().catch(() => []);
  return navigator.mediaDevices?.getUserMedia && (place.dataset.decoder || own?.includes("qr_code"));
}

if (await able()) {
  button.hidden = false;
  button.addEventListener("click", look);
}
