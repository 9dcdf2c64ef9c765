// Draws a phone's or a venue's code as a QR code, without network. A phone's code always has 286
// characters of the alphanumeric set and a venue's address fewer, so one size is enough: version 10
// (57 modules), level M (ISO/IEC 18004). What is not of that set in front of an address goes as bytes.
const SIZE = 57, LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const BLOCKS = [43, 43, 43, 43, 44], CHECKS = 26, DATA = 216;

const EXP = [], LOG = [];
for (let i = 0, x = 1; i < 255; i++) {
  EXP[i] = x;
  LOG[x] = i;
  x = x & 128 ? (x << 1) ^ 0x11d : x << 1;
}
const times = (a, b) => (a && b ? EXP[(LOG[a] + LOG[b]) % 255] : 0);

function codewords(whole) {
  const split = [...whole].findLastIndex((letter) => !LETTERS.includes(letter)) + 1;
  const head = new TextEncoder().encode(whole.slice(0, split)), text = whole.slice(split);
  let bits = head.length ? "0100" + head.length.toString(2).padStart(16, "0") : "";
  for (const byte of head) bits += byte.toString(2).padStart(8, "0");
  bits += "0010" + text.length.toString(2).padStart(11, "0");
  for (let i = 0; i < text.length; i += 2) {
    const [a, b] = [LETTERS.indexOf(text[i]), LETTERS.indexOf(text[i + 1])];
    bits += i + 1 < text.length ? (a * 45 + b).toString(2).padStart(11, "0") : a.toString(2).padStart(6, "0");
  }
  bits += "0".repeat(Math.min(4, DATA * 8 - bits.length));
  bits += "0".repeat(-bits.length & 7);
  const bytes = bits.match(/.{8}/g).map((byte) => parseInt(byte, 2));
  for (let pad = 236; bytes.length < DATA; pad ^= 236 ^ 17) bytes.push(pad);
  return bytes;
}

function generator() {
  let poly = [1];
  for (let i = 0; i < CHECKS; i++) {
    const next = [...poly, 0];
    poly.forEach((value, at) => (next[at + 1] ^= times(value, EXP[i])));
    poly = next;
  }
  return poly.slice(1);
}

function checks(block, poly) {
  const rest = new Array(CHECKS).fill(0);
  for (const byte of block) {
    const first = byte ^ rest.shift();
    rest.push(0);
    poly.forEach((value, at) => (rest[at] ^= times(value, first)));
  }
  return rest;
}

function interleaved(text) {
  const bytes = codewords(text), poly = generator();
  let at = 0;
  const blocks = BLOCKS.map((length) => bytes.slice(at, (at += length)));
  const ends = blocks.map((block) => checks(block, poly)), all = [];
  for (let i = 0; i < 44; i++) for (const block of blocks) if (i < block.length) all.push(block[i]);
  for (let i = 0; i < CHECKS; i++) for (const end of ends) all.push(end[i]);
  return all;
}

// Everything that is not data: undefined where data goes.
function frame() {
  const grid = Array.from({ length: SIZE }, () => new Array(SIZE));
  const square = (cx, cy, radius, dark) => {
    for (let y = -radius; y <= radius; y++)
      for (let x = -radius; x <= radius; x++)
        if (grid[cy + y] && cx + x >= 0 && cx + x < SIZE)
          grid[cy + y][cx + x] = dark(Math.max(Math.abs(x), Math.abs(y)));
  };
  for (let i = 0; i < SIZE; i++) grid[6][i] = grid[i][6] = i % 2 === 0;
  for (const [x, y] of [[3, 3], [SIZE - 4, 3], [3, SIZE - 4]]) square(x, y, 4, (ring) => ring !== 2 && ring !== 4);
  for (const x of [6, 28, 50])
    for (const y of [6, 28, 50])
      if ((x === 6) + (y === 6) + (x === 50) + (y === 50) < 2 || (x === 50 && y === 50))
        square(x, y, 2, (ring) => ring !== 1);
  for (let i = 0; i < 18; i++) {
    const bit = (0x0a4d3 >> i) & 1, [far, near] = [SIZE - 11 + (i % 3), Math.floor(i / 3)];
    grid[near][far] = grid[far][near] = bit === 1;
  }
  return grid;
}

const MASKS = [
  (x, y) => (x + y) % 2, (x, y) => y % 2, (x) => x % 3, (x, y) => (x + y) % 3,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2, (x, y) => ((x * y) % 2) + ((x * y) % 3),
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2, (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2,
];

function format(grid, mask) {
  let rest = mask << 10;
  for (let i = 14; i >= 10; i--) if ((rest >> i) & 1) rest ^= 0x537 << (i - 10);
  const bits = ((mask << 10) | rest) ^ 0x5412, dark = (i) => ((bits >> i) & 1) === 1;
  for (let i = 0; i < 15; i++) {
    const near = i < 6 ? i : i < 8 ? i + 1 : i === 8 ? 7 : 14 - i;
    if (i < 8) grid[near][8] = grid[8][SIZE - 1 - i] = dark(i);
    else (grid[8][near] = dark(i)), (grid[SIZE - 15 + i][8] = dark(i));
  }
  grid[SIZE - 8][8] = true;
}

function filled(bytes, mask) {
  const grid = frame();
  format(grid, mask);
  let bit = 0;
  for (let right = SIZE - 1, up = true; right > 0; right -= right === 8 ? 3 : 2, up = !up)
    for (let i = 0; i < SIZE; i++) {
      const y = up ? SIZE - 1 - i : i;
      for (const x of [right, right - 1]) {
        if (grid[y][x] !== undefined) continue;
        const value = (bytes[bit >> 3] >> (7 - (bit & 7))) & 1;
        bit++;
        grid[y][x] = (value === 1) !== (MASKS[mask](x, y) === 0);
      }
    }
  return grid;
}

// Long runs of one colour are what readers stumble over; the mask with the fewest is taken.
function runs(grid) {
  let sum = 0;
  for (const turned of [false, true])
    for (let a = 0; a < SIZE; a++)
      for (let b = 1, run = 1; b < SIZE; b++) {
        const [now, before] = turned ? [grid[b][a], grid[b - 1][a]] : [grid[a][b], grid[a][b - 1]];
        run = now === before ? run + 1 : 1;
        if (run >= 5) sum += run === 5 ? 3 : 1;
      }
  return sum;
}

// The code as an SVG element with its quiet zone; `title` is what a screen reader says.
export function drawn(text, title) {
  const bytes = interleaved(text);
  const best = MASKS.map((_, mask) => filled(bytes, mask)).sort((a, b) => runs(a) - runs(b))[0];
  let path = "";
  best.forEach((row, y) => row.forEach((dark, x) => dark && (path += `M${x + 4} ${y + 4}h1v1h-1z`)));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const side = SIZE + 8;
  const attributes = { viewBox: `0 0 ${side} ${side}`, role: "img", "aria-label": title, "shape-rendering": "crispEdges" };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  for (const [fill, d] of [["#fff", `M0 0h${side}v${side}H0z`], ["#000", path]]) {
    const part = document.createElementNS(svg.namespaceURI, "path");
    part.setAttribute("fill", fill);
    part.setAttribute("d", d);
    svg.append(part);
  }
  return svg;
}
