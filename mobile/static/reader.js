// Reads QR codes in what a camera or a photo shows: by the browser's own means where it has them,
// else by the decoder that came with the package. For every page that scans.

// Longer sides are made smaller first: a code fills a good part of the picture, and phones are slow.
const VIDEO = 800, PHOTO = 1600;
// Between two looks at the camera's picture, so that the phone stays cool and its buttons quick.
const PAUSE = 120;

// A function from a video, a picture or a canvas to the texts in it; null when nothing here can read.
// The bundled decoder's address is asked for only when the browser has no reader of its own.
export async function openReader(address) {
  const own = await native();
  if (!own) return bundled(address);
  let read = own;
  return async (source, effort) => {
    try {
      return await read(source, effort);
    } catch {
      // Some browsers name a reader that then has no service behind it.
      read = (await bundled(address)) ?? (async () => []);
      return read(source, effort);
    }
  };
}

async function native() {
  const Detector = window.BarcodeDetector;
  const formats = (await Detector?.getSupportedFormats?.().catch(() => [])) ?? [];
  if (!formats.includes("qr_code")) return null;
  const detector = new Detector({ formats: ["qr_code"] });
  return async (source) => (await detector.detect(source)).map((code) => code.rawValue);
}

async function bundled(address) {
  if (!address) return null;
  const { default: decode } = await import(address);
  const canvas = document.createElement("canvas");
  return async (source, options) => {
    const drawn = shrunk(source, options ? PHOTO : VIDEO, canvas);
    const pixels = drawn.getContext("2d").getImageData(0, 0, drawn.width, drawn.height);
    try {
      return [decode(pixels, options)];
    } catch {
      return [];
    }
  };
}

// A picture on a canvas, its longer side at most `most`.
export function shrunk(source, most = PHOTO, canvas = document.createElement("canvas")) {
  const width = source.videoWidth ?? source.width, height = source.videoHeight ?? source.height;
  const scale = Math.min(1, most / Math.max(width, height));
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext("2d", { willReadFrequently: true }).drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

// The codes in a photo; more patient than with a camera, which shows the next picture at once.
export async function readPhoto(read, file) {
  const picture = await createImageBitmap(file);
  return read(picture, { effort: 4, timeLimit: 800 });
}

// Opens the camera at the back, shows it, and hands over what is read until `stop` is called or the
// page is left. `found` gets the texts of one picture, `stopped` is told when the camera is off.
export async function watch(video, read, found, stopped) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: false,
    video: { facingMode: { ideal: "environment" }, width: { ideal: 1280 } },
  });
  let on = true;
  const stop = () => {
    if (!on) return;
    on = false;
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
    document.removeEventListener("visibilitychange", stop);
    removeEventListener("pagehide", stop);
    stopped();
  };
  document.addEventListener("visibilitychange", stop);
  addEventListener("pagehide", stop);
  for (const track of stream.getTracks()) track.addEventListener("ended", stop);
  video.srcObject = stream;
  await video.play().catch(() => {});
  const look = async () => {
    if (!on) return;
    const texts = video.videoWidth ? await read(video).catch(() => []) : [];
    if (on && texts.length) found(texts);
    if (on) setTimeout(look, PAUSE);
  };
  look();
  return stop;
}
