// The story of an order with a client of hey-api: a function for each operation, and a typed stream. Run with the address.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { type Client, createClient, createConfig } from "./client/hey/client";
import {
  backOfficeShip,
  eventStream,
  login,
  orderCancel,
  orderCreate,
  orderGet,
  orderPay,
  register,
} from "./client/hey/sdk.gen";
import type { EventType, PublicEvent } from "./client/hey/types.gen";

const baseUrl = process.argv[2] ?? "";
const anonymous = createClient(createConfig({ baseUrl }));

async function logIn(username: string, password: string): Promise<Client> {
  const { data } = await login({ client: anonymous, body: { username, password }, throwOnError: true });
  return createClient(createConfig({ baseUrl, auth: data.token }));
}

function command(seen: string | null) {
  return { "Idempotency-Key": randomUUID(), "If-Match": seen ?? "*" };
}

async function place(client: Client): Promise<string> {
  const { data } = await orderCreate({
    client,
    headers: { "Idempotency-Key": randomUUID() },
    body: {
      currency: "GBP",
      lines: [{ sku: "MUG-201", name: "Stoneware mug", quantity: 2, unit_price: "9.95" }],
    },
    throwOnError: true,
  });
  return data.order_id;
}

async function main(): Promise<void> {
  const username = `bea-${randomUUID()}`;
  await register({
    client: anonymous,
    body: { username, name: "Bea Okafor", email: `${username}@example.com`, password: "seven-brass-lanterns" },
    throwOnError: true,
  });
  const bea = await logIn(username, "seven-brass-lanterns");
  const anna = await logIn("anna", "secret-1");

  const order_id = await place(bea);
  const path = { order_id };
  const wrong = await orderPay({
    client: bea,
    path,
    headers: command('"1"'),
    body: { amount: "1.00", payment_method: "card" },
  });
  assert.equal(wrong.error?.code, "amount_differs");
  assert.equal(wrong.error.allowed_requests?.[0]?.href, `/api/v1/orders/${order_id}/payments`);

  const paid = await orderPay({
    client: bea,
    path,
    headers: command('"1"'),
    body: { amount: "19.90", payment_method: "card" },
  });
  const shipped = await backOfficeShip({
    client: anna,
    path,
    headers: command(paid.response?.headers.get("ETag") ?? null),
    body: { carrier: "DHL" },
    throwOnError: true,
  });
  const { data: order } = await orderGet({
    client: bea,
    path,
    query: { min_version: shipped.data.version, expand: ["payments", "shipments"] },
    throwOnError: true,
  });
  assert.equal(order.fulfilment, "fulfilled");
  assert.deepEqual([order.payments?.length, order.shipments?.[0]?.carrier, order.refunds], [1, "DHL", undefined]);

  const cancelled = await place(bea);
  await orderCancel({
    client: bea,
    path: { order_id: cancelled },
    headers: command('"1"'),
    body: { reason: "Ordered twice" },
    throwOnError: true,
  });

  const types: EventType[] = [];
  const { stream } = await eventStream({ client: bea, query: { after: "start" }, sseMaxRetryAttempts: 1 });
  for await (const received of stream) {
    const event: PublicEvent = received;
    types.push(event.type);
    if (event.type === "order.cancelled") break;
  }
  assert.deepEqual(types, ["order.created", "order.paid", "order.shipped", "order.created", "order.cancelled"]);
  console.log("the story is told");
}

void main();
