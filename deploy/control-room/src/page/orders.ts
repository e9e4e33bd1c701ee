// What a person has asked of kiosks, and what the kiosks have said. Nothing is shown as done before the kiosk says so.
import { signal, type Signal } from "@preact/signals";
import type { AckAction, AckArgs, ClipArgs, ClipHoldArgs, RebirthArgs, ServicePageArgs } from "../contract";
import type { AlarmView, KeyView, Tell } from "../protocol";
import { ask, nextTicket } from "./ask";
import { now } from "./time";

export type Form = "dispatched" | "closed" | "take-over" | "settle";
/** The form that is open, and of which alarm; `clip` is the one that a clip is asked for with, and the clip that is held or released. */
export const form = signal<{ alarmId: string; form: Form } | { alarmId: string; form: "clip"; clip: string | null } | null>(null);

const OPERATORS: readonly string[] = ["operator", "supervisor", "admin"];

/** Whether kiosks take an operator's orders from this key: to record, to look, to say something again. */
export function mayAsk(key: KeyView | null): boolean {
  return key !== null && OPERATORS.includes(key.role);
}

export interface Order {
  ticket: number;
  /** What it is about: an alarm, or what else `command` was given. */
  alarmId: string;
  action: AckAction | "clip" | "clip-hold" | "rebirth" | "service-page";
  /** It says that the case goes on, and changes nothing else. */
  goesOn: boolean;
  askedMs: number;
  answer: Extract<Tell, { tell: "order" }> | null;
}

// The newest order about each alarm. A shift has few enough to keep.
const orders = new Map<string, Signal<Order | null>>();
const byTicket = new Map<number, Signal<Order | null>>();

export function orderOf(alarmId: string): Signal<Order | null> {
  let order = orders.get(alarmId);
  if (order === undefined) orders.set(alarmId, (order = signal<Order | null>(null)));
  return order;
}

export function isPending(order: Order | null): boolean {
  return order !== null && order.answer?.isFinal !== true;
}

/** Ask the alarm's kiosk. One order at a time about one alarm. */
export function acknowledge(alarm: AlarmView, action: AckAction, more: Partial<AckArgs> = {}, goesOn = false): void {
  give(alarm.alarmId, action, goesOn, alarm.source, "ack", { alarm_id: alarm.alarmId, action, ...more });
}

type Command = ["clip", ClipArgs] | ["clip-hold", ClipHoldArgs] | ["rebirth", RebirthArgs] | ["service-page", ServicePageArgs];

/** Have something recorded, held, said again, or opened. One order at a time about one thing. */
export function command(about: string, source: string, ...[name, args]: Command): void {
  give(about, name, false, source, name, { ...args });
}

function give(alarmId: string, action: Order["action"], goesOn: boolean, source: string, name: string, args: Record<string, unknown>): void {
  const order = orderOf(alarmId);
  if (isPending(order.peek())) return;
  const ticket = nextTicket();
  order.value = { ticket, alarmId, action, goesOn, askedMs: now(), answer: null };
  byTicket.set(ticket, order);
  ask({ ask: "order", ticket, source, name, args });
}

export function giveUp(order: Order): void {
  ask({ ask: "cancel", ticket: order.ticket });
  forget(order.alarmId);
}

export function forget(alarmId: string): void {
  const order = orderOf(alarmId);
  if (order.peek() !== null) byTicket.delete(order.peek()!.ticket);
  order.value = null;
}

/** Forget them all: whoever gave them has logged out. */
export function forgetOrders(): void {
  form.value = null;
  for (const alarmId of orders.keys()) forget(alarmId);
  orders.clear();
}

/** An alarm has changed: what was said of an order about it goes where it is true no more. */
export function unsay(before: AlarmView, after: AlarmView): void {
  const had = before.data.held_by;
  const has = after.data.held_by;
  const isOther = had !== undefined && (had.issuer !== has?.issuer || had.by !== has.by);
  const isReopened = !before.isOpen && after.isOpen;
  const order = orders.get(after.alarmId)?.peek();
  if (order !== undefined && !isPending(order) && (isOther || isReopened || after.data.reraised > before.data.reraised)) forget(after.alarmId);
}

export function hearOrder(tell: Extract<Tell, { tell: "order" }>): void {
  const order = byTicket.get(tell.ticket);
  const value = order?.peek();
  if (order === undefined || value === null || value === undefined || value.ticket !== tell.ticket) return;
  order.value = { ...value, answer: tell };
  if (tell.isFinal) byTicket.delete(tell.ticket);
}
