import { DatabaseError } from "pg";
import { expect, test } from "vitest";

import { isPassing } from "./postgres-errors.ts";

function ofServer(code: string): DatabaseError {
  return Object.assign(new DatabaseError("refused", 7, "error"), { code });
}

function ofSystem(code: string): Error {
  return Object.assign(new Error("failed"), { code });
}

test.each([
  ["the server ends", ofServer("57P01")],
  ["the server begins", ofServer("57P03")],
  ["two transactions collided", ofServer("40P01")],
  ["nobody listens", ofSystem("ECONNREFUSED")],
  ["no address of several was reached", Object.assign(new AggregateError([]), { code: "ECONNREFUSED" })],
  ["a name server is away", ofSystem("EAI_AGAIN")],
  ["the connection broke off", new Error("Connection terminated unexpectedly")],
  ["no answer came", new Error("Query read timeout")],
  ["no connection came about", new Error("timeout expired")],
  ["no connection came free", new Error("timeout exceeded when trying to connect")],
])("passes: %s", (_what, error) => {
  expect(isPassing(error)).toBe(true);
});

test.each([
  ["no such database", ofServer("3D000")],
  ["a statement that is wrong", ofServer("42601")],
  ["an error of our own", new TypeError("x is not a function")],
  ["an argument of our own", ofSystem("ERR_INVALID_ARG_TYPE")],
  ["a certificate that is not trusted", ofSystem("DEPTH_ZERO_SELF_SIGNED_CERT")],
  ["a server without TLS", new Error("The server does not support SSL connections")],
  ["no error at all", "timeout expired"],
])("does not pass: %s", (_what, error) => {
  expect(isPassing(error)).toBe(false);
});
