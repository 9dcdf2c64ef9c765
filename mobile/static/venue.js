// The venue's code takes its successor's place without the page moving. Without this script the
// page loads itself anew; without network it says so instead of showing a dead code.
const SOON = 300, AGAIN = 3000;

async function turn() {
  const place = document.querySelector("[data-venue-code]");
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-venue-code]");
    place.replaceWith(document.adoptNode(next));
    setTimeout(turn, Number(next.dataset.left) * 1000 + SOON);
  } catch {
    place.querySelector("[data-code]").hidden = true;
    place.querySelector("[data-away]").hidden = false;
    setTimeout(turn, AGAIN);
  }
}

setTimeout(turn, Number(document.querySelector("[data-venue-code]").dataset.left) * 1000 + SOON);
