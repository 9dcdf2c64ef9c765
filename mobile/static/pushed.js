// Shows what the platform pushes: a sentence and a link, nothing of the person. Part of the worker.
addEventListener("push", (event) => {
  const told = event.data?.json() ?? {};
  const { title = "ふるさと住民登録", body, tag, url } = told;
  event.waitUntil(
    registration.showNotification(title, { body, tag, data: { url }, icon: "/static/icon-192.png" }),
  );
});

addEventListener("notificationclick", (event) => {
  event.notification.close();
  const page = new URL(event.notification.data?.url ?? "/", location.origin);
  if (page.origin === location.origin) event.waitUntil(show(page.href));
});

async function show(address) {
  const open = await clients.matchAll({ type: "window" });
  const here = open.find((client) => client.url === address);
  await (here ? here.focus() : clients.openWindow(address));
}
