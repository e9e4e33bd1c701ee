// Keeps the key in this browser's IndexedDB, as a structured clone: no program can read the private half of it.
import { type Box, FailureError, type Kept } from "./keys";

const STORE = "keys";
const PLACE = "operator";

export class BrowserBox implements Box {
  readonly #name: string;

  constructor(name = "control-room") {
    this.#name = name;
  }

  async load(): Promise<Kept | null> {
    return (await this.#ask<Kept | undefined>("readonly", (store) => store.get(PLACE))) ?? null;
  }

  async save(kept: Kept | null, replaces: string | null): Promise<void> {
    let isAnother = false;
    try {
      // Read and written in one transaction, otherwise two tabs could each replace what the other has just saved.
      await this.#ask<Kept | undefined>("readwrite", (store) => {
        const read = store.get(PLACE) as IDBRequest<Kept | undefined>;
        read.addEventListener("success", () => {
          isAnother = read.result !== undefined && read.result.view.public.x !== replaces;
          if (isAnother) store.transaction.abort();
          else if (kept === null) store.delete(PLACE);
          else store.put(kept, PLACE);
        });
        return read;
      });
    } catch (error) {
      throw isAnother ? new FailureError("key-changed") : error;
    }
  }

  async #ask<T>(mode: IDBTransactionMode, what: (store: IDBObjectStore) => IDBRequest): Promise<T> {
    const database = await settled<IDBDatabase>(this.#open());
    try {
      const transaction = database.transaction(STORE, mode);
      const found = await settled<T>(what(transaction.objectStore(STORE)));
      if (mode === "readwrite") {
        await new Promise<void>((resolve, reject) => {
          transaction.oncomplete = () => resolve();
          transaction.onerror = transaction.onabort = () => reject(transaction.error);
        });
      }
      return found;
    } finally {
      database.close();
    }
  }

  #open(): IDBOpenDBRequest {
    const request = indexedDB.open(this.#name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    return request;
  }
}

function settled<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error);
  });
}
