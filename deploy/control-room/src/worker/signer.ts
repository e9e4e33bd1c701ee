// Signs acks and commands with the operator's key.
import type { Order } from "../centre/orders";
import type { TrueTime } from "./clock";
import { sha256 } from "../octets";
import type { Keys } from "./keys";

/** For how long a token may be executed. */
export const LIFE_S = 120;

export class Signer {
  readonly #keys: Keys;
  readonly #time: TrueTime;
  #lastCtr = 0;

  constructor(keys: Keys, time: TrueTime) {
    this.#keys = keys;
    this.#time = time;
  }

  /** The token for this try of an order, with the nonce that it has to echo; null without a key. */
  async sign(order: Order): Promise<string | null> {
    const { source, name, args } = order.wanted;
    const trueMs = this.#time.trueMs;
    const iat = Math.floor(trueMs / 1000);
    // A number that this key has not used yet, also if another page signs with it in the same millisecond.
    this.#lastCtr = Math.max(this.#lastCtr + 1, Math.floor(trueMs) * 1000 + Math.floor(Math.random() * 1000));
    const claims = {
      cmd_id: order.cmdId,
      name,
      args,
      aud: source,
      iss: this.#keys.view?.issuer,
      iat,
      exp: iat + LIFE_S,
      ctr: this.#lastCtr,
      ...(order.nonce === null ? {} : { boot_nonce: order.nonce }),
    };
    try {
      const token = await this.#keys.sign(claims);
      order.sent(await sha256(token));
      return token;
    } catch {
      return null;
    }
  }
}
