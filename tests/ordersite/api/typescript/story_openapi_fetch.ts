// The story of an order with a client of openapi-typescript and openapi-fetch. Run with the site's address.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./client/schema";

type Order = components["schemas"]["Order"];
type Problem = components["schemas"]["Problem"];

const site = process.argv[2] ?? "";
const anonymous = createClient<paths>({ baseUrl: site });

async function logIn(username: string, password: string): Promise<Client<paths>> {
  const { data, error } = await anonymous.POST("/api/v1/auth/login", { body: { username, password } });
  assert.ok(data, error?.detail);
  return createClient<paths>({ baseUrl: site, headers: { Authorization: `Bearer ${data.token}` } });
}

function command(seen: string | null) {
  return { "Idempotency-Key": randomUUID(), "If-Match": seen ?? "*" };
}

async function place(customer: Client<paths>): Promise<string> {
  const { data, response } = await customer.POST("/api/v1/orders", {
    params: { header: { "Idempotency-Key": randomUUID() } },
    body: {
      currency: "GBP",
      lines: [{ sku: "MUG-201", name: "Stoneware mug", quantity: 2, unit_price: "9.95" }],
    },
  });
  assert.ok(data && "version" in data);
  assert.equal(response.headers.get("Location"), `/api/v1/orders/${data.order_id}`);
  return data.order_id;
}

async function read(customer: Client<paths>, order_id: string, min_version: number): Promise<Order> {
  const { data } = await customer.GET("/api/v1/orders/{order_id}", {
    params: { path: { order_id }, query: { min_version, expand: ["payments", "shipments"] } },
  });
  assert.ok(data);
  return data;
}

async function main(): Promise<void> {
  const username = `ada-${randomUUID()}`;
  const registered = await anonymous.POST("/api/v1/auth/register", {
    body: { username, name: "Ada Whitfield", email: `${username}@example.com`, password: "seven-brass-lanterns" },
  });
  assert.equal(registered.response.status, 201);
  const ada = await logIn(username, "seven-brass-lanterns");
  const anna = await logIn("anna", "secret-1");

  const order_id = await place(ada);
  const path = { order_id };
  const early = await anna.POST("/api/v1/back-office/orders/{order_id}/ship", {
    params: { path, header: command('"1"') },
    body: {},
  });
  const refused: Problem | undefined = early.error;
  assert.equal(refused?.code, "not_paid");
  assert.ok(refused.allowed_requests?.some((each) => each.action === "pay" && each.method === "POST"));

  const paid = await ada.POST("/api/v1/orders/{order_id}/payments", {
    params: { path, header: command('"1"') },
    body: { amount: "19.90", payment_method: "card", payment_reference: "pay_3141" },
  });
  assert.equal(paid.response.status, 200);
  const shipped = await anna.POST("/api/v1/back-office/orders/{order_id}/ship", {
    params: { path, header: command(paid.response.headers.get("ETag")) },
    body: { carrier: "DHL", tracking_code: "JD01" },
  });
  assert.equal(shipped.data?.version, 3);
  const order = await read(ada, order_id, 3);
  const status: components["schemas"]["FulfilmentStatus"] = order.fulfilment;
  assert.equal(status, "fulfilled");
  assert.equal(order.shipments?.[0]?.tracking_code, "JD01");

  const cancelled = await place(ada);
  const cancel = await ada.POST("/api/v1/orders/{order_id}/cancel", {
    params: { path: { order_id: cancelled }, header: command('"1"') },
    body: { reason: "Ordered twice" },
  });
  assert.equal(cancel.response.status, 200);

  const types: components["schemas"]["EventType"][] = [];
  let after: string | undefined;
  for (let more = true; more; ) {
    const { data } = await ada.GET("/api/v1/events", { params: { query: { limit: 2, ...(after ? { after } : {}) } } });
    assert.ok(data);
    types.push(...data.results.map((event) => event.type));
    after = data.results.at(-1)?.id;
    more = data.has_more;
  }
  assert.deepEqual(types, [
    "order.created",
    "order.paid",
    "order.shipped",
    "order.created",
    "order.cancelled",
  ] satisfies typeof types);
  console.log("the story is told");
}

void main();
