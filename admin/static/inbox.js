// 今日's list by keyboard: J and K move, A approves, R says why not, X chooses, U takes back.
// Without scripts the same buttons are pressed; nothing here decides anything by itself.
const list = document.querySelector("[data-inbox]");
const rows = [...(list?.querySelectorAll("[data-row]") ?? [])];
const PLACE = "inbox-place";

function here() {
  return rows.indexOf(document.activeElement?.closest("[data-row]"));
}

function go(to) {
  const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
  row?.focus();
  row?.scrollIntoView({ block: "nearest" });
}

// One press where one press is enough; what needs an answer is opened and waits for it.
function press(row, act) {
  const part = row?.querySelector(`[data-act="${act}"]`);
  if (!part) return;
  sessionStorage.setItem(PLACE, String(rows.indexOf(row)));
  if (part.tagName === "DETAILS") {
    for (let fold = part; fold; fold = fold.parentElement.closest("details")) fold.open = true;
    part.querySelector("textarea, input:not([type=hidden])")?.focus();
  } else {
    part.click();
  }
}

const keys = {
  j: () => go(here() + 1),
  k: () => go(here() - 1),
  a: () => press(rows[here()], "approve"),
  r: () => press(rows[here()], "refuse"),
  x: () => press(rows[here()], "choose"),
  u: () => document.querySelector("[data-undo] button")?.click(),
};

document.addEventListener("keydown", (event) => {
  // A Japanese keyboard in the middle of a word belongs to the word.
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("textarea, select, input:not([type=checkbox])");
  if (typing) {
    if (event.key === "Escape") typing.closest("[data-row]")?.focus();
    return;
  }
  const act = keys[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  // A key that is held down moves, and decides nothing twice.
  if (!event.repeat || "jk".includes(event.key.toLowerCase())) act();
});

// A chosen sentence stands in the reason at once, where it is seen and changed before it is sent.
for (const box of document.querySelectorAll("[data-fill]")) {
  const reason = box.form.elements.namedItem("reason");
  box.addEventListener("change", () => {
    const lines = reason.value.split("\n").filter((line) => line && line !== box.dataset.fill);
    reason.value = (box.checked ? [...lines, box.dataset.fill] : lines).join("\n");
  });
}

for (const hint of document.querySelectorAll("[data-keys]")) hint.hidden = false;
// After a decision the next row is under the fingers already.
if (list?.dataset.inbox === "next") go(Number(sessionStorage.getItem(PLACE) ?? 0));
