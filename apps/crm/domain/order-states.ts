import { EFFECTS, type Effect, type EffectName, type Order } from "./orders.ts";

/*
 * The only ways an order moves: placed → processing → processed. Each is a pure function of the order as
 * it is, refuses what does not fit, and becomes one conditional write.
 */

/** Processing begins, or begins again where an earlier attempt broke off. */
export function begun(order: Order): Order {
  if (order.status === "processed") throw new Error(`order ${order.id} is processed already`);
  return { ...order, status: "processing", attempts: order.attempts + 1 };
}

export const missingEffects = (order: Order): readonly EffectName[] =>
  EFFECTS.filter((name) => !order.effects.some((row) => row.effect === name));

export function withEffect(order: Order, row: Omit<Effect, "key">): Order {
  if (order.status !== "processing")
    throw new Error(`order ${order.id} is ${order.status}, not processing`);
  const key = effectKey(order.id, row.effect);
  if (order.effects.some((each) => each.key === key)) throw new Error(`${key} took place before`);
  return { ...order, effects: [...order.effects, { key, ...row }] };
}

export function processed(order: Order): Order {
  const missing = missingEffects(order);
  if (order.status !== "processing" || missing.length > 0) {
    throw new Error(`order ${order.id} is ${order.status} and lacks ${missing.join(", ") || "nothing"}`);
  }
  return { ...order, status: "processed" };
}

export const effectKey = (orderId: string, effect: EffectName): string => `${orderId}/${effect}`;
