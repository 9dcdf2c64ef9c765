// What is bundled of the decoder: only reading a picture of pixels, nothing of its camera or drawing.
export { default } from "qr/decode.js";
