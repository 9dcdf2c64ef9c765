// Reads and checks cards' and phones' codes without network, as qr/codes.py does on the server.
const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const LENGTH = { C: 87, D: 188 }, CERTIFICATE = 120, SIGNATURE = 64, CARD_HEAD = 23;
const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

function bytesOf(text) {
  const found = [];
  for (let i = 0; i < text.length; i += 3) {
    const part = [...text.slice(i, i + 3)].map((letter) => LETTERS.indexOf(letter));
    if (part.length === 1 || part.includes(-1)) return undefined;
    const value = part.reduce((sum, digit, at) => sum + digit * 45 ** at, 0);
    if (value > (part.length === 3 ? 65535 : 255)) return undefined;
    found.push(...(part.length === 3 ? [value >> 8, value & 255] : [value]));
  }
  return Uint8Array.from(found);
}

const number = (bytes) => bytes.reduce((sum, byte) => sum * 256 + byte, 0);
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function power(base, exponent) {
  let result = 1n;
  for (let b = base % P, e = exponent; e; e >>= 1n, b = (b * b) % P) if (e & 1n) result = (result * b) % P;
  return result;
}

// A phone's key is written as a compressed point; browsers take whole ones only.
function wholePoint(point) {
  const x = BigInt("0x" + hex(point.slice(1)));
  let y = power(x ** 3n - 3n * x + B + 3n * P, (P + 1n) / 4n);
  if ((y & 1n) !== BigInt(point[0] & 1)) y = P - y;
  const bytes = (value) => value.toString(16).padStart(64, "0").match(/../g).map((pair) => parseInt(pair, 16));
  return Uint8Array.from([4, ...bytes(x), ...bytes(y)]);
}

const verifies = async (format, data, raw, length) =>
  crypto.subtle.verify(
    ECDSA,
    await crypto.subtle.importKey(format, data, ECDSA, false, ["verify"]),
    raw.slice(length - SIGNATURE, length),
    raw.slice(0, length - SIGNATURE),
  );

// {kind} of a good code, or {problem}: the first in the order of the server's verification.
export async function check(text, pack, now, slack) {
  let code = text.trim();
  try {
    if (code.includes("#")) code = decodeURIComponent(code.slice(code.indexOf("#") + 1));
  } catch {
    return { problem: "malformed" };
  }
  code = code.toUpperCase();
  const raw = code.startsWith("FJ1:") ? bytesOf(code.slice(4)) : undefined;
  const kind = raw && raw[0] === 1 ? String.fromCharCode(raw[1]) : "";
  if (kind === "V") return { problem: "venue" };
  if (!raw || raw.length !== LENGTH[kind]) return { problem: "malformed" };
  const key = pack.keys.find((one) => one.kid === hex(raw.slice(2, 6)));
  if (String(number(raw.slice(6, 9))).padStart(6, "0") !== pack.lg_code) return { problem: "foreign" };
  if (!key) return { problem: "unknown" };
  try {
    const issued = kind === "D" ? CERTIFICATE : raw.length;
    if (!(await verifies("jwk", key.jwk, raw, issued))) return { problem: "forged" };
    if (kind === "D" && !(await verifies("raw", wholePoint(raw.slice(CARD_HEAD, CARD_HEAD + 33)), raw, raw.length)))
      return { problem: "forged" };
  } catch {
    return { problem: "forged" };
  }
  if (now / 1000 >= number(raw.slice(19, 23))) return { problem: "expired" };
  if (kind === "D") {
    const age = now / 1000 - number(raw.slice(CERTIFICATE, CERTIFICATE + 4)) * pack.rotate_s;
    const most = pack.rotate_s + slack / 1000;
    if (age < -most || age >= pack.rotate_s + most) return { problem: "old" };
  }
  return { kind, code, id: hex(raw.slice(9, 19)) };
}
