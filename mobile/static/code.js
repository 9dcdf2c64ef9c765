// A code stands behind the # of an address, so that no server ever logs it. This moves it into
// the form, and keeps it through a sign-in. Without this script the code is typed.
const KEY = "code";
const field = document.querySelector("[name=code]");
const scan = document.querySelector("[name=scan_id]");
const read = plain(location.hash.slice(1));

function plain(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

if (read.toUpperCase().startsWith("FJ1:")) {
  sessionStorage.setItem(KEY, read);
  history.replaceState(null, "", location.pathname);
}
// This page may be one that was kept, opened for a poster without network: the poster's code then
// stands in the address, and the scan id on the page has been used before.
const poster = /^\/c\/(\w+)$/i.exec(location.pathname)?.[1];
if (scan && crypto.randomUUID) scan.value = crypto.randomUUID();
const kept = poster ?? sessionStorage.getItem(KEY);
if (kept) {
  for (const part of document.querySelectorAll("[data-typed]")) part.hidden = true;
  for (const part of document.querySelectorAll("[data-read]")) part.hidden = false;
  if (field) {
    field.value = kept;
    field.form?.addEventListener("submit", () => sessionStorage.removeItem(KEY));
  }
}
