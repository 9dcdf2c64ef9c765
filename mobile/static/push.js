// Lets this browser show notices, where it can and its owner wants it. Without it mail is the way.
const panel = document.querySelector("[data-push]");
const able = "PushManager" in window && "Notification" in window && navigator.serviceWorker;

async function post(subscription) {
  const answer = await fetch("/api/v1/me/push-subscriptions", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
    body: JSON.stringify(subscription),
  });
  if (!answer.ok) throw new Error(String(answer.status));
}

async function begin() {
  if ((await Notification.requestPermission()) !== "granted") return say("denied");
  const worker = await navigator.serviceWorker.ready;
  const subscription = await worker.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: panel.dataset.push,
  });
  await post(subscription.toJSON());
  location.assign("/settings/notices?done=1");
}

function say(what) {
  for (const part of panel.querySelectorAll("[data-say]")) part.hidden = part.dataset.say !== what;
}

if (panel && able && isSecureContext) {
  panel.hidden = false;
  panel.querySelector("button").addEventListener("click", () => begin().catch(() => say("failed")));
}
