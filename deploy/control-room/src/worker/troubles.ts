// What is wrong with a device now, by the newest word of it: its events, and its health, which has them all.
import { type Data, type Message } from "../centre/notices";
import { compare, type Order } from "../centre/order";

/** Events and health name the same thing in one way: `door`, `front covered`, `police stuck`. */
const MOST = 200;

export class Troubles {
  readonly #known = new Map<string, { order: Order; isActive: boolean }>();
  #health: Order | null = null;

  get active(): string[] {
    return [...this.#known].filter(([, { isActive }]) => isActive).map(([name]) => name).sort();
  }

  /** A restart of the agent ends all without a word. */
  clear(): void {
    this.#known.clear();
  }

  hear(message: Message, order: Order): void {
    const { data, type } = message.envelope;
    if (message.what === "health") this.#hearHealth(data, order);
    else if (type === "edge.event.tamper.v1" || type === "edge.event.power.v1") this.#note(`${data["input"]}`, data, order);
    else if (type === "edge.event.camera-tamper.v1") this.#note(`${data["camera"]} ${data["kind"]}`, data, order);
    else if (type === "edge.event.hardly-able-to-see.v1") this.#note(`${data["camera"]} ${data["reason"]}`, data, order);
    else if (type === "edge.event.input-fault.v1") this.#note(`${data["input"]} ${data["fault"]}`, data, order);
  }

  #note(name: string, data: Data, order: Order): void {
    const known = this.#known.get(name);
    if (known !== undefined && compare(order, known.order) <= 0) return;
    if (this.#health !== null && compare(order, this.#health) <= 0) return;
    if (known === undefined && this.#known.size >= MOST) return;
    this.#known.set(name, { order, isActive: data["active"] === true });
  }

  #hearHealth(data: Data, order: Order): void {
    if (this.#health !== null && compare(order, this.#health) <= 0) return;
    this.#health = order;
    for (const [name, known] of this.#known) if (compare(known.order, order) < 0) this.#known.delete(name);
    const active: string[] = [];
    for (const [name, input] of Object.entries(data["inputs"] as Record<string, { active?: unknown; faults?: string[] }>)) {
      if (input.active === true) active.push(name);
      active.push(...(input.faults ?? []).map((fault) => `${name} ${fault}`));
    }
    for (const [name, camera] of Object.entries(data["cameras"] as Record<string, { tampers?: { kind: string }[]; hardly_able_to_see?: { reason: string } }>)) {
      active.push(...(camera.tampers ?? []).map(({ kind }) => `${name} ${kind}`));
      if (camera.hardly_able_to_see !== undefined) active.push(`${name} ${camera.hardly_able_to_see.reason}`);
    }
    for (const name of active.slice(0, MOST)) {
      if (!this.#known.has(name)) this.#known.set(name, { order, isActive: true });
    }
  }
}
