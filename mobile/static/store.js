// The phone's own memory, for pages and for the worker: one small database.
// keys: this phone's signing keys, by local government. facts: the clock's error, who is signed in.
// queue: check-ins that have not reached the server yet.
const STORES = ["keys", "facts", "queue"];
let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open("furusato", 1);
    asked.onupgradeneeded = () => {
      for (const name of STORES) asked.result.createObjectStore(name);
    };
    asked.onsuccess = () => {
      // Somebody else wants to change or remove the database: stand aside, open again when asked.
      asked.result.onversionchange = asked.result.onclose = () => {
        asked.result.close();
        opened = undefined;
      };
      resolve(asked.result);
    };
    asked.onerror = () => {
      opened = undefined;
      reject(asked.error);
    };
  });
  return opened;
}

// Resolves when it is on disk, not before: what is said to be kept must be kept.
async function run(store, mode, work) {
  const db = await open();
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(store, mode, { durability: "strict" });
    const asked = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(asked.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error ?? asked.error);
  });
}

export const get = (store, key) => run(store, "readonly", (all) => all.get(key));
export const put = (store, key, value) => run(store, "readwrite", (all) => all.put(value, key));
export const remove = (store, key) => run(store, "readwrite", (all) => all.delete(key));
// Reads and writes in one transaction; nothing is written when `next` gives nothing.
export const replace = (store, key, next) =>
  run(store, "readwrite", (all) => {
    const asked = all.get(key);
    asked.onsuccess = () => {
      const value = next(asked.result);
      if (value) all.put(value, key);
    };
    return asked;
  });
export const clear = (store) => run(store, "readwrite", (all) => all.clear());
export const values = (store) => run(store, "readonly", (all) => all.getAll());
